# Events of a module: a function that sends each
# SPDX-License-Identifier: GPL-2.0-or-later
from .commands import includes, parameters
from .schema import c_name
from .types import NOTE, needs_has


def prototype(call):
    return f'void qapi_event_send_{c_name(call.name.lower())}({", ".join(parameters(call)) or "void"})'


def generate_header(module, schema, folder):
    guard = f'QAPI_EVENTS_{module.upper().replace("-", "_")}_H'
    calls = [c for c in schema.events if c.module == module]
    out = [NOTE.format(module=module) + f'#ifndef {guard}\n#define {guard}\n']
    out += includes(module, calls, folder) + ['']
    for call in calls:
        out.append(prototype(call) + ';')
    out.append('\n#endif\n')
    return '\n'.join(out)


def body(call):
    if not call.arg:
        return f'    qapi_event_emit("{call.name}", NULL);'
    if call.boxed:
        return (f'    qapi_event_emit("{call.name}", '
                f'qapi_object_to_json(&{call.arg.table()}, arg));')
    out = [f'    struct {call.arg.name} arg = {{']
    for m in call.members():
        name = c_name(m.name)
        if needs_has(m):
            out.append(f'        .has_{name} = has_{name},')
        cast = '(char *)' if m.type.name == 'str' else ''
        out.append(f'        .{name} = {cast}{name},')
    out.append('    };\n')
    out.append(f'    qapi_event_emit("{call.name}", '
               f'qapi_object_to_json(&{call.arg.table()}, &arg));')
    return '\n'.join(out)


def generate_source(module, schema, folder):
    calls = [c for c in schema.events if c.module == module]
    ident = module.replace('-', '_')
    out = [NOTE.format(module=module) + '#include "util/osdep.h"',
           f'#include "{folder}/events-{module}.h"\n', '#include "qapi/dispatch.h"\n']
    for call in calls:
        out.append(f'{prototype(call)}\n{{\n{body(call)}\n}}\n')
    out.append(f'static const char *const names_{ident}[] = {{')
    out += [f'    "{call.name}",' for call in calls] + ['    NULL,\n};']
    out.append(f'static const QapiEventTable table_{ident} = {{ names_{ident} }};')
    out.append(f'REGISTER_QAPI_EVENTS(table_{ident})\n')
    return '\n'.join(out)

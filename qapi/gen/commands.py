# Commands of a module: what their handlers look like, and the table that dispatch reads
# SPDX-License-Identifier: GPL-2.0-or-later
from .schema import c_name
from .types import NOTE, declared, needs_has

MORE = {'str': 'const char *', 'any': 'Json *'}


def c_command(call):
    return 'qmp_' + call.name.replace('-', '_').replace('.', '_')


def parameters(call):
    """The C declarations of a call's arguments."""
    if not call.arg:
        return []
    if call.boxed:
        return [f'{call.arg.name} *arg']
    out = []
    for m in call.members():
        if needs_has(m):
            out.append(f'bool has_{c_name(m.name)}')
        c_type = MORE.get(m.type.name, m.type.c_type())
        out.append(f'{declared(c_type)}{c_name(m.name)}')
    return out


def prototype(call):
    if not call.gen:
        return f'Json *{c_command(call)}(Json *args, Error **errp)'
    ret = declared(call.ret.c_type()) if call.ret else 'void '
    return f'{ret}{c_command(call)}({", ".join(parameters(call) + ["Error **errp"])})'


def generate_header(module, schema, folder):
    guard = f'QAPI_COMMANDS_{module.upper().replace("-", "_")}_H'
    calls = [c for c in schema.commands if c.module == module]
    out = [NOTE.format(module=module) + f'#ifndef {guard}\n#define {guard}\n']
    out += includes(module, calls, folder) + ['']
    for call in calls:
        out.append(prototype(call) + ';')
    out.append('\n#endif\n')
    return '\n'.join(out)


def includes(module, calls, folder):
    """The headers that declare the types which calls speak of."""
    types = [t for c in calls for t in (c.ret, c.arg, *(m.type for m in c.members())) if t]
    modules = {(t.element if t.kind == 'list' else t).module for t in types} | {module}
    return [f'#include "{folder}/types-{m}.h"' for m in sorted(modules - {None})]


def marshal(call, out):
    name = c_command(call)
    args = []
    out.append(f'static void run_{name}(void *args, void *ret, Error **errp)\n{{')
    if call.boxed:
        args = ['args']
    elif call.arg and call.gen:
        out.append(f'    struct {call.arg.name} *a = args;\n')
        for m in call.members():
            if needs_has(m):
                args.append(f'a->has_{c_name(m.name)}')
            args.append(f'a->{c_name(m.name)}')
    elif not call.gen:
        args = ['args']
    line = f'{name}({", ".join(args + ["errp"])});'
    if not call.gen:
        line = '*(Json **)ret = ' + line
    elif call.ret:
        line = f'*({call.ret.c_type().strip()}*)ret = ' + line
    out.append(f'    {line}\n}}')


def row(call):
    out = [f'.name = "{call.name}"', f'.run = run_{c_command(call)}']
    if not call.gen:
        out.append('.raw = true')
    elif call.arg:
        out.append(f'.arg = &{call.arg.table()}')
    if call.ret and call.gen:
        out.append(f'.ret = &{call.ret.table()}')
    for flag, name in ((call.oob, 'allow_oob'), (call.preconfig, 'allow_preconfig'),
                       (not call.replies, 'no_reply')):
        if flag:
            out.append(f'.{name} = true')
    return f'    {{ {", ".join(out)} }},'


def generate_source(module, schema, folder):
    calls = [c for c in schema.commands if c.module == module]
    ident = module.replace('-', '_')
    out = [NOTE.format(module=module) + '#include "util/osdep.h"',
           f'#include "{folder}/commands-{module}.h"\n', '#include "qapi/dispatch.h"\n']
    for call in calls:
        marshal(call, out)
    out.append(f'static const QapiCommand rows_{ident}[] = {{')
    out += [row(call) for call in calls] + ['    { .name = NULL },\n};']
    out.append(f'static const QapiCommandTable table_{ident} = {{ rows_{ident} }};')
    out.append(f'REGISTER_QAPI_COMMANDS(table_{ident})\n')
    return '\n'.join(out)

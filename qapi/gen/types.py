# C structs of a module, and the tables that the visitors walk
# SPDX-License-Identifier: GPL-2.0-or-later
from .schema import c_name

NOTE = '/* Generated from qapi/schema/{module}.json; do not edit */\n'


def needs_has(member):
    """Pointers say by NULL that they are absent; an empty list is NULL too."""
    return member.optional and not (member.type.by_pointer() or member.type.name in ('str', 'any'))


def lists_of(module_types, schema):
    """List types whose element is defined in this module."""
    names = {t.name for t in module_types}
    return [t for t in schema.types.values() if t.kind == 'list' and t.element.name in names]


def declared(c_type):
    """A C type ready for a name behind it."""
    return c_type if c_type.endswith(('*', ' ')) else c_type + ' '


def declare_members(members, out):
    for m in members:
        if needs_has(m):
            out.append(f'    bool has_{c_name(m.name)};')
        out.append(f'    {declared(m.type.c_type())}{c_name(m.name)};')


def declare_enum(t, out):
    out.append(f'typedef enum {t.name} {{')
    for value in t.values:
        out.append(f'    {t.prefix}_{value.upper().replace("-", "_").replace(".", "_")},')
    out.append(f'    {t.prefix}__MAX,')
    out.append(f'}} {t.name};')
    out.append(f'extern const QapiType {t.table()};')
    out.append(f'const char *{t.name}_name({t.name} value);\n')


def declare_struct(t, out):
    out.append(f'struct {t.name} {{')
    if t.kind == 'alternate':
        out.append('    int type;      /* which of u: ' + c_name(t.name).upper() + '_... */')
        out.append('    union {')
        for m in t.members:
            c_type = f'struct {m.type.name}' if m.type.by_pointer() else m.type.c_type()
            out.append(f'        {declared(c_type)}{c_name(m.name)};')
        out.append('    } u;')
    else:
        declare_members(t.all_members(), out)
        if t.kind == 'union':
            out.append('    union {')
            for value, branch in t.branches.items():
                out.append(f'        struct {branch.name} {c_name(value)};')
            out.append('    } u;')
        elif not t.all_members():
            out.append('    char nothing;')
    out.append('};')
    if t.kind == 'alternate':
        out.append('enum {')
        for m in t.members:
            out.append(f'    {t.prefix}_{c_name(m.name).upper()},')
        out.append('};')
    n = t.name
    if t.implicit:
        out.append(f'extern const QapiType {t.table()};\n')
        return
    out += [f'extern const QapiType {t.table()};',
            f'{n} *qapi_parse_{n}(const Json *json, QapiMode mode, Error **errp);',
            f'Json *qapi_to_json_{n}(const {n} *obj);',
            f'{n} *qapi_copy_{n}(const {n} *obj);',
            f'void qapi_free_{n}({n} *obj);',
            f'G_DEFINE_AUTOPTR_CLEANUP_FUNC({n}, qapi_free_{n})\n']


def by_value(t):
    """Structs whose full definition must come before t's."""
    if t.kind == 'union':
        return list(t.branches.values())
    if t.kind == 'alternate':
        return [m.type for m in t.members if m.type.by_pointer()]
    return []


def ordered(types):
    """Definitions before those that hold them by value."""
    out, busy = [], set()

    def visit(t):
        if t in out or t in busy or t not in types:
            return
        busy.add(t)
        for dep in by_value(t):
            visit(dep)
        out.append(t)
    for t in types:
        visit(t)
    return out


def generate_header(module, schema, folder):
    types = [t for t in schema.order if t.module == module]
    guard = f'QAPI_TYPES_{module.upper().replace("-", "_")}_H'
    used = sorted({t2.module for t in types for t2 in referenced(t)} - {module, None})
    out = [NOTE.format(module=module) + f'#ifndef {guard}\n#define {guard}\n',
           '#include "qapi/visitor.h"']
    out += [f'#include "{folder}/types-{m}.h"' for m in used] + ['']
    for t in types:
        if t.kind == 'enum':
            declare_enum(t, out)
    for t in types:
        if t.kind != 'enum':
            out.append(f'typedef struct {t.name} {t.name};')
    out.append('')
    for t in ordered(types):
        if t.kind != 'enum':
            declare_struct(t, out)
    for t in types:
        if t.kind == 'struct' and t.base:
            # The base's members come first, in its own order.
            out.append(f'static inline const {t.base.name} *qapi_{t.name}_base(const {t.name} *obj)'
                       f'\n{{\n    return (const {t.base.name} *)obj;\n}}\n')
    for t in lists_of(types, schema):
        declare_list(t, out)
    out.append('#endif\n')
    return '\n'.join(out)


def declare_list(t, out):
    s = t.c_struct()
    out.append(f'typedef struct {s} {{\n    struct {s} *next;\n'
               f'    {declared(t.element.c_type())}value;\n}} {s};')
    out.append(f'extern const QapiType {t.table()};\n')


def referenced(t):
    out = [t.base] if t.base else []
    out += [m.type.element if m.type.kind == 'list' else m.type for m in t.all_members()]
    return out + list(t.branches.values())


def table_members(t, out):
    out.append(f'static const QapiMember members_{t.name}[] = {{')
    for m in t.all_members():
        row = f'.name = "{m.name}", .type = &{m.type.table()}, '
        if t.kind == 'alternate':
            row += f'.offset = offsetof({t.name}, u.{c_name(m.name)})'
        else:
            row += f'.offset = offsetof({t.name}, {c_name(m.name)})'
        if m.optional:
            row += ', .optional = true'
        if needs_has(m):
            row += f', .has = true, .has_offset = offsetof({t.name}, has_{c_name(m.name)})'
        out.append('    { ' + row + ' },')
    out.append('    { .name = NULL },\n};')


def define_enum(t, out):
    out.append(f'static const char *const names_{t.name}[] = {{')
    out += [f'    "{v}",' for v in t.values] + ['    NULL,', '};']
    out.append(f'const QapiType {t.table()} = {{\n    .name = "{t.name}", .kind = QAPI_ENUM, '
               f'.size = sizeof({t.name}), .names = names_{t.name},\n}};')
    out.append(f'const char *{t.name}_name({t.name} value)\n{{\n    return names_{t.name}[value];\n}}\n')


def define_struct(t, out):
    n = t.name
    table_members(t, out)
    extra = ''
    if t.kind == 'union':
        members = t.all_members()
        tag = next(m for m in members if m.name == t.discriminator)
        out.append(f'static const QapiType *const branches_{n}[] = {{')
        for value in tag.type.values:
            branch = t.branches.get(value)
            out.append('    ' + (f'&{branch.table()},' if branch else 'NULL,'))
        out.append('};')
        extra = (f'\n    .discriminator = {members.index(tag)}, .branches = branches_{n}, '
                 f'.u_offset = offsetof({n}, u),')
    out.append(f'const QapiType {t.table()} = {{\n    .name = "{n}", .kind = QAPI_{t.kind.upper()}, '
               f'.size = sizeof({n}),\n    .members = members_{n}, '
               f'.nr_members = {len(t.all_members())},{extra}\n}};')
    if t.implicit:
        return
    out.append(f'''{n} *qapi_parse_{n}(const Json *json, QapiMode mode, Error **errp)
{{
    return qapi_parse_object(&{t.table()}, json, mode, errp);
}}
Json *qapi_to_json_{n}(const {n} *obj)
{{
    return qapi_object_to_json(&{t.table()}, obj);
}}
{n} *qapi_copy_{n}(const {n} *obj)
{{
    return qapi_copy_object(&{t.table()}, obj);
}}
void qapi_free_{n}({n} *obj)
{{
    qapi_free_object(&{t.table()}, obj);
}}
''')


def generate_source(module, schema, folder):
    types = [t for t in schema.order if t.module == module]
    out = [NOTE.format(module=module) + '#include "util/osdep.h"',
           f'#include "{folder}/types-{module}.h"\n']
    for t in types:
        (define_enum if t.kind == 'enum' else define_struct)(t, out)
    for t in lists_of(types, schema):
        out.append(f'const QapiType {t.table()} = {{ .name = "{t.name}", .kind = QAPI_LIST, '
                   f'.size = sizeof(void *), .element = &{t.element.table()} }};')
    return '\n'.join(out) + '\n'


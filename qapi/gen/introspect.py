# The reply to query-qmp-schema: all commands and events, and the types that they reach
# SPDX-License-Identifier: GPL-2.0-or-later
import json

JSON_TYPES = {
    'str': 'string', 'int': 'int', 'number': 'number', 'bool': 'boolean', 'null': 'null',
    'any': 'value',
}


class Graph:
    """Types get numbers for names in the order in which they are met, as their own may change."""

    def __init__(self, schema):
        self.schema = schema
        self.names, self.todo, self.rows, self.builtins = {}, [], [], set()
        for call in schema.commands:
            self.command(call)
        for call in schema.events:
            self.add(call.name, 'event', {'arg-type': self.name(call.arg)}, call.features)
        while self.todo:
            self.type(self.todo.pop(0))

    def add(self, name, meta, row, features=()):
        row = {'name': name, 'meta-type': meta, **row}
        if features:
            row['features'] = list(features)
        self.rows.append(row)

    def name(self, typ):
        """The name that stands for a type; None is the object without members."""
        if typ is not None and typ.kind == 'builtin':
            name = typ.name if typ.name in JSON_TYPES else 'int'
            if name not in self.builtins:
                self.builtins.add(name)
                self.todo.append(typ)
            return name
        if typ is not None and typ.kind == 'list':
            name = f'[{self.name(typ.element)}]'
            if name not in self.builtins:
                self.builtins.add(name)
                self.todo.append(typ)
            return name
        key = typ.name if typ is not None else None
        if key not in self.names:
            self.names[key] = str(len(self.names))
            self.todo.append(typ)
        return self.names[key]

    def command(self, call):
        row = {'arg-type': self.name(call.arg), 'ret-type': self.name(call.ret)}
        if call.oob:
            row['allow-oob'] = True
        self.add(call.name, 'command', row, call.features)

    def member(self, member):
        row = {'name': member.name, 'type': self.name(member.type)}
        if member.optional:
            row['default'] = None
        if member.features:
            row['features'] = member.features
        return row

    def enum_value(self, typ, value):
        row = {'name': value}
        if typ.value_features.get(value):
            row['features'] = typ.value_features[value]
        return row

    def type(self, typ):
        name = self.name(typ)
        if typ is None:
            self.add(name, 'object', {'members': []})
        elif typ.kind == 'builtin':
            self.add(name, 'builtin', {'json-type': JSON_TYPES[name]})
        elif typ.kind == 'list':
            self.add(name, 'array', {'element-type': self.name(typ.element)})
        elif typ.kind == 'enum':
            self.add(name, 'enum', {'members': [self.enum_value(typ, v) for v in typ.values],
                                    'values': typ.values}, typ.features)
        elif typ.kind == 'alternate':
            self.add(name, 'alternate',
                     {'members': [{'type': self.name(m.type)} for m in typ.members]},
                     typ.features)
        else:
            self.object(name, typ)

    def object(self, name, typ):
        row = {'members': [self.member(m) for m in typ.all_members()]}
        if typ.kind == 'union':
            tag = next(m for m in typ.all_members() if m.name == typ.discriminator)
            row['tag'] = typ.discriminator
            row['variants'] = [{'case': v, 'type': self.name(typ.branches.get(v))}
                               for v in tag.type.values]
        self.add(name, 'object', row, typ.features)


def generate_source(schema):
    out = ['/* Generated from qapi/schema; do not edit */', '#include "util/osdep.h"',
           '#include "qapi/dispatch.h"\n', 'static const char schema_text[] = "["']
    rows = [json.dumps(row, separators=(',', ':')) for row in Graph(schema).rows]
    for i, row in enumerate(rows):
        text = row.replace('\\', '\\\\').replace('"', '\\"')
        out.append(f'    "{text}{"," if i + 1 < len(rows) else ""}"')
    out.append('    "]";\n\nstatic const QapiSchemaText text = { schema_text };\n'
               'REGISTER_QAPI_SCHEMA(text)\n')
    return '\n'.join(out)

# Checked definitions: types, commands and events with their members resolved
# SPDX-License-Identifier: GPL-2.0-or-later
from .parser import SchemaError

BUILTINS = {
    'str': 'char *', 'int': 'int64_t', 'int8': 'int8_t', 'int16': 'int16_t', 'int32': 'int32_t',
    'int64': 'int64_t', 'uint8': 'uint8_t', 'uint16': 'uint16_t', 'uint32': 'uint32_t',
    'uint64': 'uint64_t', 'size': 'uint64_t', 'bool': 'bool', 'number': 'double', 'null': 'bool',
    'any': 'struct json_object *',
}
C_KEYWORDS = {
    'auto', 'break', 'case', 'char', 'const', 'continue', 'default', 'do', 'double', 'else', 'enum',
    'extern', 'float', 'for', 'goto', 'if', 'inline', 'int', 'long', 'register', 'restrict',
    'return', 'short', 'signed', 'sizeof', 'static', 'struct', 'switch', 'typedef', 'union',
    'unsigned', 'void', 'volatile', 'while', 'unix', 'linux', 'errno',
}
KINDS = {
    # kind: keys that must be there, keys that may
    'enum': ({'data'}, {'prefix', 'features'}),
    'struct': ({'data'}, {'base', 'features'}),
    'union': ({'data', 'base', 'discriminator'}, {'features'}),
    'alternate': ({'data'}, {'features'}),
    'command': (set(), {'data', 'returns', 'features', 'boxed', 'success-response', 'allow-oob',
                        'allow-preconfig', 'coroutine', 'gen'}),
    'event': (set(), {'data', 'features', 'boxed'}),
}


def c_name(name):
    name = name.replace('-', '_').replace('.', '_')
    return 'q_' + name if name in C_KEYWORDS or name[0].isdigit() else name


def c_enum_prefix(name):
    """BlockdevOnError to BLOCKDEV_ON_ERROR, QCryptoTLS to Q_CRYPTO_TLS"""
    out = ''
    for i, c in enumerate(name):
        after = name[i + 1] if i + 1 < len(name) else ''
        if c.isupper() and i and (not name[i - 1].isupper() or after.islower()):
            out += '_'
        out += c.upper()
    return out.replace('-', '_')


def feature_names(features):
    return [f['name'] if isinstance(f, dict) else f for f in features]


class Member:
    def __init__(self, name, type_name, optional, features=()):
        self.name, self.type_name, self.optional = name, type_name, optional
        self.features = feature_names(features)
        self.type = None


class Type:
    """kind is 'builtin', 'list', 'enum', 'struct', 'union' or 'alternate'."""

    def __init__(self, kind, name, where, module, doc=''):
        self.kind, self.name, self.where, self.module, self.doc = kind, name, where, module, doc
        self.members = []           # own ones; struct, union (its base), alternate
        self.base_name = self.base = None
        self.values = []            # enum
        self.prefix = c_enum_prefix(name)
        self.discriminator = None   # union
        self.branches = {}          # union: value of the enum to Type
        self.branch_names = {}
        self.element = None         # list
        self.features = []
        self.value_features = {}    # enum: by value
        self.implicit = False       # the arguments of a command or event, written in place

    def all_members(self):
        return (self.base.all_members() if self.base else []) + self.members

    def by_pointer(self):
        return self.kind in ('struct', 'union', 'alternate')

    def c_type(self):
        """As a member or an element is declared."""
        if self.kind == 'builtin':
            return BUILTINS[self.name]
        if self.kind == 'enum':
            return self.name + ' '
        return f'struct {self.c_struct()} *'

    def c_struct(self):
        return self.element.name + 'List' if self.kind == 'list' else self.name

    def table(self):
        name = self.element.name + '_list' if self.kind == 'list' else self.name
        return 'qapi_type_' + name.replace('-', '_')


class Call:
    """A command or an event; arg is a struct or union, None where there are no arguments."""

    def __init__(self, kind, name, expr):
        self.kind, self.name, self.where = kind, name, expr.where
        self.module, self.doc = expr.module, expr.doc
        self.data, self.returns = expr.data.get('data'), expr.data.get('returns')
        self.boxed = expr.data.get('boxed', False)
        self.oob = expr.data.get('allow-oob', False)
        self.preconfig = expr.data.get('allow-preconfig', False)
        self.replies = expr.data.get('success-response', True)
        self.gen = expr.data.get('gen', True)
        self.features = feature_names(expr.data.get('features', []))
        self.arg = self.ret = None

    def members(self):
        return self.arg.all_members() if self.arg else []


class Schema:
    def __init__(self, exprs):
        self.types, self.order, self.commands, self.events = {}, [], [], []
        for name in BUILTINS:
            self.types[name] = Type('builtin', name, ('built-in', 0), None)
        for expr in exprs:
            self.define(expr)
        for call in self.commands + self.events:
            self.resolve_call(call)
        for typ in list(self.order):
            self.resolve(typ)
        for typ in self.order:
            self.check(typ, [])
        for call in self.commands + self.events:
            self.check_call(call)

    def define(self, expr):
        kinds = [k for k in KINDS if k in expr.data]
        if len(kinds) != 1:
            raise SchemaError(expr.where, 'a definition is one of ' + ', '.join(KINDS))
        kind, name = kinds[0], expr.data[kinds[0]]
        must, may = KINDS[kind]
        keys = set(expr.data) - {kind}
        if must - keys or keys - must - may:
            raise SchemaError(expr.where, f"{kind} '{name}' has wrong or missing keys: "
                              + ', '.join(sorted((must - keys) | (keys - must - may))))
        if kind in ('command', 'event'):
            calls = self.commands if kind == 'command' else self.events
            if any(c.name == name for c in calls):
                raise SchemaError(expr.where, f"{kind} '{name}' is defined twice")
            calls.append(Call(kind, name, expr))
            return
        if name in self.types:
            raise SchemaError(expr.where, f"'{name}' is defined twice")
        typ = Type(kind, name, expr.where, expr.module, expr.doc)
        typ.features = feature_names(expr.data.get('features', []))
        getattr(self, 'define_' + kind)(typ, expr.data)
        self.types[name] = typ
        self.order.append(typ)

    def members(self, data, where):
        out = []
        for name, typ in data.items():
            optional, features = name.startswith('*'), []
            if isinstance(typ, dict):
                typ, features = typ['type'], typ.get('features', [])
            out.append(Member(name.lstrip('*'), typ, optional, features))
        if len({m.name for m in out}) != len(out):
            raise SchemaError(where, 'a member is there twice')
        return out

    def define_enum(self, typ, data):
        typ.values = [v['name'] if isinstance(v, dict) else v for v in data['data']]
        typ.prefix = data.get('prefix', typ.prefix)
        typ.value_features = {v['name']: feature_names(v.get('features', []))
                              for v in data['data'] if isinstance(v, dict)}

    def define_struct(self, typ, data):
        typ.members = self.members(data['data'], typ.where)
        typ.base_name = data.get('base')

    def define_union(self, typ, data):
        if isinstance(data['base'], dict):
            typ.members = self.members(data['base'], typ.where)
        else:
            typ.base_name = data['base']
        typ.discriminator = data['discriminator']
        typ.branch_names = {k: v['type'] if isinstance(v, dict) else v
                            for k, v in data['data'].items()}

    def define_alternate(self, typ, data):
        typ.members = self.members(data['data'], typ.where)

    def resolve_call(self, call):
        if isinstance(call.data, dict):
            if call.data:
                name = f'q_obj_{c_name(call.name)}_arg'
                call.arg = Type('struct', name, call.where, call.module)
                call.arg.implicit = True
                call.arg.members = self.members(call.data, call.where)
                self.types[name] = call.arg
                self.order.append(call.arg)
        elif call.data is not None:
            call.arg = self.lookup(call.data, call.where)
            if call.arg.kind not in ('struct', 'union'):
                raise SchemaError(call.where, f"arguments '{call.arg.name}' are no struct")
        if call.returns is not None:
            call.ret = self.lookup(call.returns, call.where)

    def check_call(self, call):
        if call.arg and call.arg.kind == 'union' and not call.boxed:
            raise SchemaError(call.where, f"'{call.name}' takes a union and must be boxed")
        if call.boxed and (not call.arg or call.arg.implicit):
            raise SchemaError(call.where, f"'{call.name}' is boxed and must name a type")

    def lookup(self, name, where):
        if isinstance(name, list):
            element = self.lookup(name[0], where)
            key = '[' + element.name + ']'
            if key not in self.types:
                typ = Type('list', key, where, element.module)
                typ.element = element
                self.types[key] = typ
            return self.types[key]
        if name not in self.types:
            raise SchemaError(where, f"no type '{name}'")
        return self.types[name]

    def resolve(self, typ):
        if typ.base_name:
            typ.base = self.lookup(typ.base_name, typ.where)
        for member in typ.members:
            member.type = self.lookup(member.type_name, typ.where)
        for value, name in typ.branch_names.items():
            typ.branches[value] = self.lookup(name, typ.where)

    def check(self, typ, chain):
        if typ in chain:
            raise SchemaError(typ.where, f"'{typ.name}' is its own base")
        if typ.base:
            if typ.base.kind != 'struct':
                raise SchemaError(typ.where, f"base '{typ.base.name}' is no struct")
            self.check(typ.base, chain + [typ])
        names = [m.name for m in typ.all_members()]
        if len(set(names)) != len(names):
            raise SchemaError(typ.where, f"'{typ.name}' has a member that its base has too")
        if typ.kind == 'union':
            self.check_union(typ, names)

    def check_union(self, typ, names):
        tag = next((m for m in typ.all_members() if m.name == typ.discriminator), None)
        if not tag or tag.type.kind != 'enum' or tag.optional:
            raise SchemaError(typ.where, f"discriminator '{typ.discriminator}' must be a "
                              'mandatory enum of the base')
        for value, branch in typ.branches.items():
            if value not in tag.type.values:
                raise SchemaError(typ.where, f"'{value}' is no value of '{tag.type.name}'")
            if branch.kind != 'struct':
                raise SchemaError(typ.where, f"branch '{value}' must be a struct")
            clash = set(names) & {m.name for m in branch.all_members()}
            if clash:
                raise SchemaError(typ.where, f"branch '{value}' repeats '{clash.pop()}'")

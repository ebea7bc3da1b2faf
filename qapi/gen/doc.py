# The reference page: commands, events and types with the comments that stand above them
# SPDX-License-Identifier: GPL-2.0-or-later
import re

HEAD = '''# QMP reference

Made from the comments in `qapi/schema/`. Commands and events are JSON objects, one after another,
on a monitor socket (`-qmp unix:PATH,server=on`); see `docs/qmp.md`.
'''
MEMBER = re.compile(r'@([\w.-]+):\s*')


def split_doc(doc):
    """The text, and what it says of members (@name: ...)."""
    text, members, current = [], {}, None
    for line in (doc or '').split('\n'):
        parts = MEMBER.split(line) if line.lstrip().startswith('@') else [line]
        if len(parts) > 1:
            for name, said in zip(parts[1::2], parts[2::2]):
                members[name] = said.rstrip(' ,;')
                current = name
        elif current and line.strip():
            members[current] += ' ' + line.strip()
        else:
            text.append(line)
    return '\n'.join(text).strip(), members


def type_text(typ):
    if typ.kind == 'list':
        return f'list of {type_text(typ.element)}'
    if typ.kind == 'builtin':
        return f'`{typ.name}`'
    return f'[`{typ.name}`](#{typ.name.lower()})'


def row(member, said):
    notes = [said] if said else []
    if member.optional:
        notes.insert(0, '(optional)')
    if member.features:
        notes.append('*' + ', '.join(member.features) + '*')
    return f'- `{member.name}`: {type_text(member.type)}{" " if notes else ""}{" ".join(notes)}'


def title(name, doc, features, out):
    text, said = split_doc(doc)
    out.append(f'### {name}\n')
    if text:
        out.append(text + '\n')
    if features:
        out.append('Features: ' + ', '.join(f'`{f}`' for f in features) + '\n')
    return said


def call(c, out):
    said = title(c.name, c.doc, c.features, out)
    if c.arg and c.boxed:
        out.append(f'Data: {type_text(c.arg)}\n')
    elif c.arg:
        out += [row(m, said.get(m.name)) for m in c.members()] + ['']
    if c.ret:
        out.append(f'Returns: {type_text(c.ret)}\n')
    if c.oob:
        out.append('May be executed out of band (`exec-oob`).\n')


def typ(t, out):
    said = title(t.name, t.doc, t.features, out)
    if t.kind == 'enum':
        out += [f'- `{v}`{": " + said[v] if v in said else ""}' for v in t.values] + ['']
        return
    if t.kind == 'alternate':
        out += [f'- {type_text(m.type)}' for m in t.members] + ['']
        return
    members = t.all_members()
    if members:
        out += [row(m, said.get(m.name)) for m in members] + ['']
    for value, branch in t.branches.items():
        out.append(f'- with `{t.discriminator}` = `{value}` also the members of '
                   f'{type_text(branch)}')
    if t.branches:
        out.append('')


def generate(schema):
    out = [HEAD, '## Commands\n']
    for c in sorted(schema.commands, key=lambda c: c.name):
        call(c, out)
    out.append('## Events\n')
    for c in sorted(schema.events, key=lambda c: c.name):
        call(c, out)
    out.append('## Types\n')
    for t in sorted((t for t in schema.order if not t.implicit), key=lambda t: t.name):
        typ(t, out)
    return '\n'.join(out).rstrip() + '\n'

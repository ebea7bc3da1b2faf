# python3 -m gen SCHEMA.json OUTDIR FOLDER: writes what a schema becomes, per module and for all
# SPDX-License-Identifier: GPL-2.0-or-later
# FOLDER is how include lines name OUTDIR. Each module: types-, commands- and events-MODULE.c and
# .h; for all: introspect-SCHEMA.c and SCHEMA-qmp-reference.md.
import os
import sys

from . import commands, doc, events, introspect, types
from .parser import Parser, SchemaError
from .schema import Schema


def write(path, text):
    """Leave a file alone that would not change, so that nothing is rebuilt for it."""
    if os.path.exists(path):
        with open(path, encoding='utf-8') as f:
            if f.read() == text:
                return
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


def main():
    schema_path, outdir, folder = sys.argv[1:4]
    try:
        parser = Parser(schema_path)
        schema = Schema(parser.exprs)
    except SchemaError as e:
        sys.exit(str(e))
    for module in sorted({e.module for e in parser.exprs}):
        for kind, part in (('types', types), ('commands', commands), ('events', events)):
            base = os.path.join(outdir, f'{kind}-{module}')
            write(base + '.h', part.generate_header(module, schema, folder))
            write(base + '.c', part.generate_source(module, schema, folder))
    write(os.path.join(outdir, f'introspect-{parser.module}.c'),
          introspect.generate_source(schema))
    write(os.path.join(outdir, f'{parser.module}-qmp-reference.md'), doc.generate(schema))


main()

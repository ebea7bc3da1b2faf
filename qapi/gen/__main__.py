# python3 -m gen SCHEMA.json OUTDIR FOLDER: writes types-MODULE.h and .c for each module; FOLDER
# is how include lines name OUTDIR
# SPDX-License-Identifier: GPL-2.0-or-later
import os
import sys

from . import types
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
        exprs = Parser(schema_path).exprs
        schema = Schema(exprs)
    except SchemaError as e:
        sys.exit(str(e))
    for module in sorted({t.module for t in schema.order}):
        base = os.path.join(outdir, 'types-' + module)
        write(base + '.h', types.generate_header(module, schema, folder))
        write(base + '.c', types.generate_source(module, schema, folder))


main()

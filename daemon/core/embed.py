#!/usr/bin/env python3
"""embed.py NAME IN OUT: a C file that holds the bytes of IN as a NUL-terminated array NAME."""
import sys

name, source, target = sys.argv[1:]
data = open(source, "rb").read() + b"\0"
with open(target, "w") as out:
    out.write('#include "daemon/core/ledger/schema.h"\n\nconst char %s[] = {\n' % name)
    for i in range(0, len(data), 16):
        out.write("        " + " ".join("%d," % b for b in data[i:i + 16]) + "\n")
    out.write("};\n")

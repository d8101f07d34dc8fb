"""Plants each kind of violation in a small tree and sees tests/layers name it; a clean tree passes."""
import os
import re
import subprocess
import sys
import tempfile

LAYERS = sys.argv[1]
CLEAN = {
    'proto/base/base.h': '#pragma once\nint base(void);\n',
    'proto/codec.h': '#pragma once\n#include "proto/base/base.h"\n',
    'drivers/one/one.h': '#pragma once\n#include "proto/codec.h"\n',
    'drivers/two/two.h': '#pragma once\n#include "proto/codec.h"\n',
    'daemon/core/core.c': '#include "proto/codec.h"\n',
    'daemon/work/one/main.c': '#include "drivers/one/one.h"\n',
    'tests/sim/card/card.h': '#pragma once\n',
    'tests/sim/card/card.c': '#include "card.h"\n',
    'tests/unit/test-one.c': '#include "drivers/one/one.h"\n#include "daemon/core/core.c"\n',
}
# file, its text, what must be said of it
PLANTED = [
    ('proto/up.c', '#include "drivers/one/one.h"\n', 'proto/up.c:1: proto includes drivers'),
    ('proto/high.c', '#include "daemon/core/core.c"\n', 'proto/high.c:1: proto includes daemon'),
    ('proto/base/out.c', '\n#include "proto/codec.h"\n', 'proto/base/out.c:2: base includes'),
    ('drivers/one/side.c', '#include "drivers/two/two.h"\n', 'drivers/one/side.c:1: a driver family'),
    ('drivers/one/up.c', '#include "daemon/core/core.c"\n', 'drivers/one/up.c:1: drivers includes daemon'),
    ('daemon/core/device.c', '#include "drivers/one/one.h"\n', 'daemon/core/device.c:1: only daemon/work'),
    ('daemon/ctl/device.c', '  #  include "drivers/one/one.h"\n', 'daemon/ctl/device.c:1: only daemon/work'),
    ('daemon/core/test.c', '#include "tests/sim/card/card.h"\n', 'daemon/core/test.c:1: includes from outside'),
    ('daemon/core/near.c', '#include "core.c"\n', 'daemon/core/near.c:1: no file core.c from the root'),
    ('tests/sim/card/cheat.c', '#include "proto/codec.h"\n', 'tests/sim/card/cheat.c:1: a simulator'),
    ('tests/sim/card/lean.c', '#include "../../../proto/codec.h"\n', 'tests/sim/card/lean.c:1: a simulator'),
    ('tests/sim/card/meson.build', "executable('card', dependencies: [proto_dep])\n",
     'tests/sim/card/meson.build:1: a simulator links'),
    ('drivers/one/lame.h', '#pragma once\nsize_t lame(void);\n', 'drivers/one/lame.h:1: does not compile alone'),
    ('proto/thread.c', 'int x;\n#include <pthread.h>\n', 'proto/thread.c:2: a thread interface'),
    ('daemon/core/thread.c', 'void f(void) { pthread_create(0, 0, 0, 0); }\n', 'daemon/core/thread.c:1: a thread'),
    ('docs/later.md', 'TO' 'DO: write this\n', 'docs/later.md:1: the word'),
    ('proto/later.c', '/* FIX' 'ME */\n', 'proto/later.c:1: the word'),
]


def write(root, path, text):
    os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
    with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
        file.write(text)


def judge(root):
    done = subprocess.run([LAYERS, root], capture_output=True, text=True)
    return done.returncode, done.stdout


def main():
    bad = 0
    with tempfile.TemporaryDirectory() as root:
        for path, text in CLEAN.items():
            write(root, path, text)
        clean = judge(root)
        if clean[0] != 0:
            print(f'the clean tree is refused: {clean[1]}')
            bad += 1
        for path, text, _ in PLANTED:
            write(root, path, text)
        status, said = judge(root)
        for path, _, complaint in PLANTED:
            if complaint not in said:
                print(f'not said: {complaint}')
                bad += 1
        first = [line for line in said.splitlines() if re.match(r'[^:\s]+:\d+: \D', line)]
        if status != 1 or len(first) != len(PLANTED):
            print(f'status {status}, {len(first)} complaints of {len(PLANTED)} planted:\n{said}')
            bad += 1
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

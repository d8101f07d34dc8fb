"""The crash points of proto/base/fault.h: at least 90, each name once and well formed, in a build that has them; neither
symbol nor name in one that has not. points-test.py BUILD SOURCE with|without"""
import os
import re
import subprocess
import sys

BUILD, SOURCE, WITH = sys.argv[1], sys.argv[2], sys.argv[3] == 'with'
PROGRAMS = ('daemon/core/mohrd', 'daemon/ctl/mohr', 'daemon/work/print/mohr-print', 'daemon/work/chip/mohr-chip',
            'daemon/work/net/mohr-net', 'daemon/work/key/mohr-key', 'daemon/work/render/mohr-render', 'drivers/once/mohr-once')
USE = re.compile(r'\bFAULT_(POINT|ERRNO|ERROR|COMMIT|CASE)\(\s*([^;{]*?)"([a-z]+\.[a-z_]+(?:\.\w+)?)"', re.S)
NAME = re.compile(r'[a-z]+\.[a-z_]+\.(before|after)')
bad = []


def check(good, what):
    if not good:
        bad.append(what)
        print(f'not so: {what}')


def in_source():
    """Every name, as the sources have it."""
    names = []
    for layer in ('proto', 'drivers', 'daemon'):
        for folder, _, files in os.walk(os.path.join(SOURCE, layer)):
            for file in files:
                if file.endswith('.c'):
                    with open(os.path.join(folder, file), encoding='utf-8') as f:
                        for kind, _, name in USE.findall(f.read()):
                            names += [name + '.before', name + '.after'] if kind == 'COMMIT' else [name]
    return names


def listed(program):
    done = subprocess.run([os.path.join(BUILD, program), '--fault-points'], capture_output=True, text=True)
    return done.stdout.split() if done.returncode == 0 else []


def check_with(names):
    found = [name for program in PROGRAMS for name in listed(program)]
    check(len(found) >= 90, f'{len(found)} points are at least 90')
    check(sorted(found) == sorted(names), f'the programs list what the sources have: {set(found) ^ set(names)}')
    for name in sorted(set(found)):
        check(found.count(name) == 1, f'{name} is one point')
        check(NAME.fullmatch(name), f'{name} is unit.step.before or .after')


def check_without(names):
    for program in PROGRAMS:
        path = os.path.join(BUILD, program)
        with open(path, 'rb') as f:
            data = f.read()
        for name in names:
            check(name.encode() not in data, f'{program} does not hold {name}')
        check(b'MOHR_FAULT' not in data, f'{program} knows no variable of the points')
        symbols = subprocess.run(['nm', '--no-sort', path], capture_output=True, text=True, check=True).stdout
        check(not re.search(r'\bfault_(pass|errno|error|name_commit|commit|env|begin|points)', symbols),
              f'{program} has no symbol of the points')
        check(len(symbols.split('\n')) > 50, f'{program} has its symbols: nm would show them')


def main():
    names = in_source()
    check(len(names) >= 90, f'{len(names)} points in the sources are at least 90')
    check_with(names) if WITH else check_without(names)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

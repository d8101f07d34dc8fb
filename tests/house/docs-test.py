"""The pages keep up with the program: every reason word and spoil cause stands in the operator's guide, every command of
`mohr` that the pages name exists, every file that a page links to or names exists, HACKING.md stays under 100 lines."""
import os
import re
import subprocess
import sys

MOHR, ROOT = sys.argv[1], sys.argv[2]
GUIDE = 'docs/operator-guide-fa.md'
PAGES = ['README.md', 'HACKING.md', 'docs/architecture.md', 'docs/administrator.md', GUIDE]
PATH = re.compile(r'`((?:proto|drivers|daemon|config|tests|docs)/[\w./-]+)`|\]\(([\w./-]+)\)')
bad = []


def check(good, what):
    if not good:
        bad.append(what)
        print(f'not so: {what}')


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def check_words():
    header, guide = read('proto/base/reason.h'), read(GUIDE)
    words = set(re.findall(r'X\(\w+, "(\w+)", \d', header)) - {'none'}
    check(len(words) > 50, f'{len(words)} reason words are found in the header')
    for word in sorted(words):
        check(f'`{word}`' in guide, f'{GUIDE} explains {word}')
    causes = re.search(r'Causes: ([\w\s]+?) \(with', subprocess.run([MOHR, 'spoil', '--help'], capture_output=True,
                                                                    text=True, check=True).stdout).group(1).split()
    check(len(causes) == 16, f'{len(causes)} causes are found in the help')
    for cause in causes:
        check(f'`{cause}`' in guide, f'{GUIDE} explains {cause}')
    known = words | set(causes)
    for word in re.findall(r'^\| ((?:`\w+`،? ?)+) \|', guide, re.M):
        for name in re.findall(r'`(\w+)`', word):
            check(name in known, f'{GUIDE}: {name} is a word of the station')


def check_commands(page):
    known = set(re.findall(r'^  (\w+) ', subprocess.run([MOHR, '--help'], capture_output=True, text=True).stdout, re.M))
    for command in re.findall(r'`mohr ([a-z]+)', read(page)):
        check(command in known, f'{page}: mohr {command} exists')


def check_paths(page):
    for named, linked in PATH.findall(read(page)):
        path = named or os.path.join(os.path.dirname(page), linked)
        if 'FAMILY' not in path and '/X.' not in path and '-X.' not in path:
            check(os.path.exists(os.path.join(ROOT, path)), f'{page}: {path} exists')


def main():
    check_words()
    for page in PAGES:
        check_commands(page)
        check_paths(page)
    check(read('HACKING.md').count('\n') < 100, 'HACKING.md is under 100 lines')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

#!/usr/bin/python3
"""What documents `mohr` agrees with it: the man page and the completion know every command and option of --help, the
reasons page is what the header says, man pages format without complaint. Usage: ctl-docs-test.py ROOT MOHR CONF-MAN"""
import re
import shutil
import subprocess
import sys

ROOT, MOHR, CONF_MAN = sys.argv[1:]


def text(name):
    with open(f'{ROOT}/{name}', encoding='utf-8') as file:
        return file.read()


def output(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def main():
    page = text('docs/man/mohr.1').replace('\\-', '-')
    completion = text('config/completions/mohr.bash')
    commands = re.findall(r'^  (\w+) ', output(MOHR, '--help'), re.M)
    assert len(commands) == 28, commands
    for command in commands:
        usage = output(MOHR, command, '--help')
        assert re.search(rf'^\.BR? "?{command}\b', page, re.M), f'mohr.1 misses {command}'
        assert re.search(rf'\b{command}\b', completion), f'the completion misses {command}'
        for option in re.findall(r'--[a-z-]+', usage.splitlines()[0]):
            assert option in page, f'mohr.1 misses {option} of {command}'
            assert option in completion, f'the completion misses {option} of {command}'
    subprocess.run([f'{ROOT}/docs/make-reasons', f'{ROOT}/proto/base/reason.h', '--check', f'{ROOT}/docs/reasons.md'],
                   check=True)
    output('bash', '-n', f'{ROOT}/config/completions/mohr.bash')
    with open(CONF_MAN, encoding='utf-8') as file:
        conf = file.read()
    assert '.SS [person NAME]' in conf and '.B reissue_authorisation' in conf
    if shutil.which('groff'):
        for name in (f'{ROOT}/docs/man/mohr.1', f'{ROOT}/docs/man/mohrd.8', CONF_MAN):
            done = subprocess.run(['groff', '-man', '-Tutf8', '-ww', '-z', name], capture_output=True, text=True)
            assert done.returncode == 0 and not done.stderr, f'{name}: {done.stderr}'


main()

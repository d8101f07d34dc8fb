#!/usr/bin/python3
"""The demo with cards and printers that are not ours: lawful oddities are issued, the unlawful is refused with its reason.

What must come out is said by the demo's contract: the last line of JSON, the exit status, the reason word, the blank's
state; the chip's own log tells how often it was tried.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get('MOHR_BUILD', os.path.join(ROOT, 'build'))
CARD_SIM = os.path.join(BUILD, 'tests/sim/card/card-sim')
sys.path.insert(0, os.path.join(ROOT, 'tests/sim/printer'))
from cardsim_ctl import Printer  # noqa: E402


def check(what, holds):
    if not holds:
        sys.exit(f'demo-card: {what}')


def demo(folder, *options):
    """(exit status, JSON, standard error)"""
    done = subprocess.run(['/usr/bin/python3', os.path.join(ROOT, 'tests/rig/demo.py'), '--keep', folder, *options],
                          capture_output=True, text=True, timeout=240)
    last = done.stdout.strip().split('\n')[-1]
    check(f'no result: {done.stderr}', last.startswith('{'))
    return done.returncode, json.loads(last), done.stderr


def case_lawful(folder):
    """Another ATR, commands of 128 bytes at most, answers of 100 at most, and slow."""
    odd = 'env MOHR_SIM_ATR=3B80018081 MOHR_SIM_MAXLEN=128 MOHR_SIM_MAXREAD=100 MOHR_SIM_DELAY_MS=5 ' + CARD_SIM
    status, result, text = demo(folder, '--batch', '2', '--card-command', odd)
    check(f'{status} {result} {text}', status == 0 and result['issued'] == result['verified'] == 2)


def case_wrong_keys(folder):
    """Refused; no chip is tried twice, and after two the line stops."""
    status, result, text = demo(folder, '--batch', '3', '--card-command', 'env MOHR_SIM_WRONG_KEYS=1 ' + CARD_SIM)
    check(f'{status} {result} {text}', status == 5 and result['issued'] == 0 and result['spoiled'] == 2)
    check(text, result['unknown'] == 0 and result['fsck'] == 'ok')
    check(text, text.count('blank spoiled') == 2 and 'chip_key_refused' in text and 'line_stopped' in text)
    logs = glob.glob(folder + '/cards/*/log')
    check(f'{logs}', len(logs) == 2)
    for log in logs:
        with open(log) as f:
            what = [json.loads(line)['what'] for line in f]
        check(f'{log}: {what}', what.count('initialize_update') == 1 and what.count('external_authenticate') <= 1)


def case_foreign(folder):
    """A chip without our application."""
    status, result, text = demo(folder, '--batch', '2', '--card-command', 'env MOHR_SIM_FOREIGN=1 ' + CARD_SIM)
    check(f'{status} {result} {text}', status == 5 and result['issued'] == 0 and result['fsck'] == 'ok')
    check(text, 'chip_foreign' in text and text.count('blank spoiled') == result['spoiled'] > 0)


def case_printer(folder):
    """A printer whose tray the expert cannot look into."""
    printer = Printer(folder + '-printer').init()
    printer.load('SC-1405-000101', 'SC-1405-000110')
    printer.write(200, 'device_ms')
    status, result, text = demo(folder, '--batch', '2', '--spoil', '1', '--printer-uri', 'cardsim:' + printer.dir)
    check(f'{status} {result} {text}', status == 0 and result['spoiled'] == 1)
    check('cards printed', len(printer.cards('tray')) == 3)


def main():
    if os.geteuid() != 0:
        print('demo-card: skipped, needs root')
        sys.exit(77)
    above = tempfile.mkdtemp(prefix='mohr-card-')
    os.chmod(above, 0o755)
    try:
        for case in (case_lawful, case_wrong_keys, case_foreign, case_printer):
            case(os.path.join(above, case.__name__))
            print(f'{case.__name__}: ok', flush=True)
    finally:
        shutil.rmtree(above, ignore_errors=True)


if __name__ == '__main__':
    main()

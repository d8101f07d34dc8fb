#!/usr/bin/python3
"""Prints how long a page takes from being handed over to the start of the printer: mohr-print with its gate against plain
`lp`, on two queues of one cupsd with the same PPD and the same simulated printer. Numbers are printed, not asserted."""
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from rig.cupsd import PrivateCupsd  # noqa: E402
from rig.worker import Worker  # noqa: E402

RUNS = 12


def page():
    """One empty page of card size, 86 x 54 mm, twice."""
    objects = [b'<</Type/Catalog/Pages 2 0 R>>', b'<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>']
    objects += [b'<</Type/Page/Parent 2 0 R/MediaBox[0 0 243 153]/Resources<<>>/Contents 5 0 R>>'] * 2
    objects += [b'<</Length 18>>stream\n20 20 100 50 re f\n\nendstream']
    out, at = b'%PDF-1.4\n', []
    for n, body in enumerate(objects, 1):
        at.append(len(out))
        out += b'%d 0 obj' % n + body + b'endobj\n'
    start = len(out)
    out += b'xref\n0 %d\n0000000000 65535 f \n' % (len(at) + 1) + b''.join(b'%010d 00000 n \n' % a for a in at)
    return out + b'trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n' % (len(at) + 1, start)


def starts(printer):
    return int(printer.read('starts') or 0)


def until_start(printer, before, start):
    while starts(printer) == before:
        time.sleep(0.001)
    ms = (time.monotonic() - start) * 1000
    while printer.busy():
        time.sleep(0.02)
    return ms


def by_lp(cups, printer, path):
    before, start = starts(printer), time.monotonic()
    subprocess.run(['lp', '-d', 'plain', path], env=cups.env(), check=True, stdout=subprocess.DEVNULL)
    ms = until_start(printer, before, start)
    time.sleep(0.3)
    return ms


def by_mohr(worker, printer, data):
    before, start = starts(printer), time.monotonic()
    task = worker.do('print', {'intent': str(uuid.uuid4()), 'copies': 1}, data)
    while True:
        message, _ = worker.receive()
        if message['say'] == 'checkpoint':
            worker.go(task)
            break
    ms = until_start(printer, before, start)
    worker.finish(task)
    return ms


def tell(name, ms):
    print('%-12s median %6.1f ms, least %6.1f, most %6.1f' % (name, statistics.median(ms), min(ms), max(ms)))


def main():
    build = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, 'build'))
    with tempfile.TemporaryDirectory(prefix='mohr-bench-', dir='/tmp') as folder:
        os.chmod(folder, 0o755)
        backends = [f'{build}/drivers/once/mohr-once', f'{build}/tests/sim/printer/cardsim']
        with PrivateCupsd(f'{folder}/cups', backends, station_uid=os.getuid()) as cups:
            gated = cups.add_printer('gated')
            plain = cups.add_printer('plain', gated=False)
            for printer in (gated, plain):
                printer.write(20, 'device_ms')
                printer.load('SC-1405-000101', 'SC-1405-000199')
            with open(f'{folder}/page.pdf', 'wb') as f:
                f.write(page())
            os.chmod(f'{folder}/page.pdf', 0o644)
            worker = Worker.child([f'{build}/daemon/work/print/mohr-print', '--queue', 'gated', '--gate', cups.gate],
                                  env=cups.env())
            lp, ours = [], []
            for _ in range(RUNS):  # in turns: whatever else the machine does meets both
                lp.append(by_lp(cups, plain, f'{folder}/page.pdf'))
                ours.append(by_mohr(worker, gated, page()))
            worker.close()
            tell('lp', lp)
            tell('mohr-print', ours)


if __name__ == '__main__':
    main()

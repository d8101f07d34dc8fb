"""What the sweeps share: options, runs, violations, bundles, and the row they end with.

    with Sweep('portal', __doc__) as sweep:            # --quick (default), --long, --seed N, --only NAME, --keep DIR
        with sweep.run('issuance drop_after', folder=lambda: station.dir) as run:
            run.check(station.judge())                 # complaints; an exception counts as one too
    # prints {"sweep":"portal","runs":N,"violations":0,"seconds":S} and exits 0 or 1

A violated run leaves its folder (ledger, logs, portal) as a bundle and the command that plays it again.
"""
import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)


class Run:
    def __init__(self, name):
        self.name, self.complaints = name, []

    def check(self, complaints):
        self.complaints += complaints

    def insist(self, truth, what):
        if not truth:
            self.complaints.append(str(what))


class Sweep:
    def __init__(self, name, text):
        parser = argparse.ArgumentParser(description=text.split('\n')[0])
        how = parser.add_mutually_exclusive_group()
        how.add_argument('--quick', action='store_true', help='a scaled turn (default)')
        how.add_argument('--long', action='store_true', help='every combination')
        parser.add_argument('--seed', type=int, default=1)
        parser.add_argument('--only', default='', help='runs whose name holds this text')
        parser.add_argument('--keep', default=None, help='folder for the bundles of violated runs')
        self.options, self.name = parser.parse_args(), name
        self.long, self.seed, self.random = self.options.long, self.options.seed, random.Random(self.options.seed)
        self.runs, self.violations, self.began = 0, 0, time.monotonic()

    def __enter__(self):
        if os.geteuid() != 0:
            print(f'{self.name}: skipped, needs root')
            sys.exit(77)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what was started is ended
        self.dir = tempfile.mkdtemp(prefix=f'mohr-{self.name}-', dir='/tmp')
        os.chmod(self.dir, 0o711)
        return self

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, SystemExit):
            traceback.print_exception(kind, value, trace)
            self.violations += 1
            self.bundle('broken')
        shutil.rmtree(self.dir, ignore_errors=True)
        print(json.dumps({'sweep': self.name, 'runs': self.runs, 'violations': self.violations,
                          'seconds': round(time.monotonic() - self.began, 1)}), flush=True)
        sys.exit(1 if self.violations else 0)

    def wanted(self, name):
        return self.options.only in name

    def bundle(self, name, folder=None):
        """Copies the folder aside; where it is, and how to play it again."""
        base = self.options.keep or tempfile.mkdtemp(prefix='mohr-bundle-', dir='/tmp')
        target = os.path.join(base, ''.join(c if c.isalnum() else '-' for c in name))
        shutil.copytree(folder or self.dir, target, dirs_exist_ok=True, symlinks=True, ignore_dangling_symlinks=True,
                        ignore=lambda d, names: [n for n in names if not os.path.isfile(f'{d}/{n}') and
                                                 not os.path.isdir(f'{d}/{n}')])
        print(f'{self.name}: bundle {target}\nagain: tests/crash/{self.name}{" --long" if self.long else ""} '
              f'--seed {self.seed} --only {name!r}', file=sys.stderr, flush=True)

    def run(self, name, n=1, folder=None):
        return _Context(self, Run(name), n, folder)


class _Context:
    def __init__(self, sweep, run, n, folder):
        self.sweep, self.run, self.n, self.folder = sweep, run, n, folder

    def __enter__(self):
        return self.run

    def __exit__(self, kind, value, trace):
        if kind and not issubclass(kind, Exception):
            return False
        if kind:
            self.run.complaints.append(''.join(traceback.format_exception(kind, value, trace)).rstrip())
        self.sweep.runs += self.n
        self.sweep.violations += len(self.run.complaints)
        for complaint in self.run.complaints:
            print(f'{self.sweep.name}: {self.run.name}: {complaint}', file=sys.stderr, flush=True)
        if self.run.complaints:
            self.sweep.bundle(self.run.name, self.folder() if self.folder else None)
        return True

"""What the sweeps share: options, runs, violations, bundles, and the row they end with.

    with Sweep('portal', __doc__) as sweep:            # --quick (default), --long, --seed N, --only NAME, --keep DIR
        with sweep.run('issuance drop_after', folder=lambda: station.dir) as run:
            run.check(station.judge())                 # complaints; an exception counts as one too
    # prints {"sweep":"portal","runs":N,"violations":0,"seconds":S} and exits 0 or 1

A violated run leaves its folder (ledger, logs, portal) as a bundle and the command that plays it again: what a run draws
by lot comes from sweep.dice(NAME) alone, so that --seed and --only give the same again.

    sweep.lanes(4, make, tasks)    # tasks: (name, f, args...) each f(lane, *args), shared out among 4 processes;
                                   # make(number): a context that gives a lane
"""
import argparse
import collections
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
        self.kinds = collections.Counter()  # runs by the first word of their names

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
        if self.kinds:
            print(f'{self.name}: ' + ', '.join(f'{kind} {n}' for kind, n in sorted(self.kinds.items())), flush=True)
        print(json.dumps({'sweep': self.name, 'runs': self.runs, 'violations': self.violations,
                          'seconds': round(time.monotonic() - self.began, 1)}), flush=True)
        sys.exit(1 if self.violations else 0)

    def wanted(self, name):
        return self.options.only in name

    def dice(self, name):
        return random.Random(f'{self.seed} {name}')

    def lanes(self, n, make, tasks):
        """Each lane takes the next task when it is done with one. The numbers come back; words and bundles are the lane's."""
        tasks = [task for task in tasks if self.wanted(task[0])]
        n = min(n, len(tasks))
        orders, results = os.pipe(), os.pipe()
        assert len(tasks) < 16000, 'more tasks than a pipe holds'
        os.write(orders[1], b''.join(k.to_bytes(4, 'big') for k in range(len(tasks))))
        os.close(orders[1])
        pids = [self._lane(k, make, tasks, orders[0], results[1]) for k in range(n)]
        os.close(results[1])
        try:
            with os.fdopen(results[0]) as lines:
                for line in lines:
                    self._count(json.loads(line))
        except SystemExit:
            for pid in pids:
                os.kill(pid, signal.SIGTERM)
            raise
        finally:
            os.close(orders[0])
            for pid in pids:
                if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) != 0:
                    self.violations += 1
                    print(f'{self.name}: a lane broke off', file=sys.stderr, flush=True)

    def _count(self, row):
        self.runs += row['runs']
        self.violations += row['violations']
        self.kinds.update(row['kinds'])

    def _tell(self, results):
        row = {'runs': self.runs, 'violations': self.violations, 'kinds': self.kinds}
        os.write(results, (json.dumps(row) + '\n').encode())

    def _lane(self, k, make, tasks, orders, results):
        pid = os.fork()
        if pid:
            return pid
        status = 1
        try:
            random.seed()  # ports are drawn with it
            with make(k) as lane:
                while order := os.read(orders, 4):
                    self.runs, self.violations, self.kinds = 0, 0, collections.Counter()
                    task = tasks[int.from_bytes(order, 'big')]
                    task[1](lane, *task[2:])
                    self._tell(results)
                self.runs, self.violations, self.kinds = 0, 0, collections.Counter()
            self._tell(results)  # what the lane found at its end
            status = 0
        except SystemExit:
            pass
        except BaseException:  # a lane that is broken says so, and the sweep counts it
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

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
        self.sweep.kinds[self.run.name.split()[0]] += self.n
        self.sweep.violations += len(self.run.complaints)
        for complaint in self.run.complaints:
            print(f'{self.sweep.name}: {self.run.name}: {complaint}', file=sys.stderr, flush=True)
        if self.run.complaints:
            self.sweep.bundle(self.run.name, self.folder() if self.folder else None)
        return True

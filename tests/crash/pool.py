"""Turns beside each other, each in a process: a person of the rig takes its uid for the whole process."""
import json
import os
import signal
import subprocess
import sys
import time

NICE = 5  # behind whatever else runs on the machine


class Pool:
    def __init__(self, jobs, arguments):
        """arguments(**task): the argv of one turn, a Python program whose last line of output is its result as JSON."""
        self.jobs, self.arguments, self.running = jobs, arguments, {}

    def _start(self, key, **task):
        self.running[key] = subprocess.Popen([sys.executable, *self.arguments(**task)], stdout=subprocess.PIPE,
                                             stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(NICE))

    def results(self, tasks, until=None):
        """tasks: iterable of dicts with a 'key'; yields (key, result) as they end. After `until` none starts
        but the first few."""
        tasks, more, left = iter(tasks), True, self.jobs
        while more or self.running:
            while more and len(self.running) < self.jobs:
                task = next(tasks, None) if until is None or left > 0 or time.monotonic() < until else None
                more, left = task is not None, left - 1
                if more:
                    self._start(**task)
            yield from self._ended()
            time.sleep(0.02)

    def _ended(self):
        for key, process in list(self.running.items()):
            if process.poll() is not None:
                out, err = process.communicate()
                del self.running[key]
                yield key, self._read(out, err, process.returncode)

    @staticmethod
    def _read(out, err, status):
        try:
            return json.loads(out.strip().split('\n')[-1]) | {'log': err}
        except ValueError:
            return {'violations': [f'the turn ended with {status}: {err[-800:]}'], 'acted': False, 'seconds': 0, 'log': err}

    def end(self):
        for process in self.running.values():
            process.send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(60)


def keep_log(result):
    """The turn's own words beside what it left."""
    if 'folder' in result:
        with open(os.path.join(result['folder'], 'rig.log'), 'w') as f:
            f.write(result['log'])


def part(text):
    """'K/N' as two numbers: every N-th from the K-th."""
    k, n = map(int, text.split('/'))
    if not 1 <= k <= n:
        raise ValueError(text)
    return k, n

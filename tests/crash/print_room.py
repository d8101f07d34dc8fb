"""A private cupsd with printers that log each physical start, and what may be done to it while a card is printed."""
import collections
import contextlib
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid

from sweep import TESTS
from rig.cupsd import PPD, PrivateCupsd
from rig.portal import build_dir
from rig.procs import wait_for
from rig.worker import Failed, Lost

BUILD = os.path.abspath(build_dir())


def pieces():
    """Those of tests/scenario/print-test.py: Room, Task, probe, the PDF."""
    spec = importlib.util.spec_from_file_location('print_test', TESTS + '/scenario/print-test.py')
    module, given = importlib.util.module_from_spec(spec), sys.argv
    sys.argv = [given[0], BUILD]
    spec.loader.exec_module(module)
    sys.argv = given
    return module


t = pieces()
SILENCE_MS, PATIENCE_S = 400, 3  # of mohr-print with a silent cupsd; of the sweep with mohr-print
STUCK_S = 8          # after all were submitted again; retries come after 1 s
BLANKS = 8           # loaded at a time
GONE = (Lost, Failed, OSError, AssertionError)  # a timeout is an OSError
# a filter that waits while the sweep wants it to
FILTER = '''#!/bin/sh
while [ "$(cat "$PAUSE_DIR/filter" 2>/dev/null)" = "$3" ]; do : >"$PAUSE_DIR/reached"; sleep 0.01; done
exec cat ${6:+"$6"}
'''


class Machine:
    """One printer: its ledger is read on, never again from its beginning."""

    def __init__(self, printer, serials):
        self.printer, self.at, self.count, self.seen = printer, 0, collections.Counter(), []
        self.serials = serials
        printer.write('', 'blind')

    def events(self):
        try:
            with open(self.printer.path('ledger')) as f:
                f.seek(self.at)
                for line in iter(f.readline, ''):
                    if not line.endswith('\n'):
                        break
                    self.at += len(line.encode())
                    event = json.loads(line)
                    self.count[event['event'], event['name']] += 1
        except FileNotFoundError:
            pass
        return self.count

    def happened(self, kind, intent):
        return self.events()[kind, intent]

    def starts(self, intent):
        return self.happened('start', intent)

    def out(self, intent):
        return [c['state'] for c in self.printer.cards('tray') if c['job'] == intent]

    def supply(self):
        """As for a new card: enough blanks and ribbon, nothing in the tray, no command of a former run."""
        self.printer.take()
        with contextlib.suppress(FileNotFoundError):  # a command that no card took was meant for the former one
            os.unlink(self.printer.path('next'))
        if len(os.listdir(self.printer.path('hopper'))) < 3:
            first = next(self.serials) * BLANKS
            self.printer.load(f'SC-1405-{first:06d}', f'SC-1405-{first + BLANKS - 1:06d}')
        if int(self.printer.read('ribbon') or 0) < 50:
            self.printer.write(500, 'ribbon')


class Room(t.Room):
    """n queues, each with its printer, behind the gate of one cupsd; Room.queue names the one that is spoken of."""

    def __init__(self, folder, n, device_ms=40):
        self.folder, self.n, self.workers = folder, 0, []
        self.pauses = os.path.join(folder, 'pause')
        os.makedirs(self.pauses)
        os.chmod(self.pauses, 0o777)
        for name, source in (('pause.so', BUILD + '/tests/crash/pause.so'), ('cardsim.ppd', PPD)):
            shutil.copyfile(source, os.path.join(folder, name))
            os.chmod(os.path.join(folder, name), 0o755)
        self.filter()
        self.cups = PrivateCupsd(os.path.join(folder, 'cups'), [BUILD + '/drivers/once/mohr-once', BUILD + '/tests/sim/printer/cardsim'],
                                 backend_env={'PAUSE_DIR': self.pauses, 'LD_PRELOAD': folder + '/pause.so'}).start()
        serials = iter(range(1, 10 ** 6 // BLANKS))
        self.queues, self.machines, self.policies, self.stuck = [], {}, {}, 0
        for k in range(n):
            self.queue = f'Card{k}'
            printer = self.cups.add_printer(self.queue, ppd=folder + '/filter.ppd')
            printer.write(device_ms, 'device_ms')
            self.queues.append(self.queue)
            self.machines[self.queue] = Machine(printer, serials)

    def filter(self):
        path = os.path.join(self.folder, 'filter')
        with open(path, 'w') as f:
            f.write(FILTER)
        os.chmod(path, 0o755)
        with open(os.path.join(self.folder, 'cardsim.ppd')) as f:
            text = f.read()
        with open(os.path.join(self.folder, 'filter.ppd'), 'w') as f:
            f.write(text.replace('"application/pdf application/pdf 0 -"', f'"application/pdf application/pdf 0 {path}"'))

    @property
    def machine(self):
        return self.machines[self.queue]

    def admin(self, *argv):
        return subprocess.run(argv, env=self.cups.env(), capture_output=True, text=True)

    def policy(self, name):
        if self.policies.get(self.queue, 'abort-job') == name:
            return
        self.policies[self.queue] = name
        self.admin('lpadmin', '-p', self.queue, '-o', 'printer-error-policy=' + name)

    def strike_cupsd(self, number):
        self.cups.kill(number)
        self.cups.revive()

    def kill_backends(self, name, number=signal.SIGKILL):
        for pid in self.cups.backend_pids(name):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    # ---- moments that wait -------------------------------------------------------------------------------------------

    def pause_at(self, when, name):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.pauses + '/reached')
        with open(f'{self.pauses}/{when}.new', 'w') as f:
            f.write(name)
        os.chmod(f'{self.pauses}/{when}.new', 0o644)
        os.rename(f'{self.pauses}/{when}.new', f'{self.pauses}/{when}')

    def paused(self):
        return os.path.exists(self.pauses + '/reached')

    def go_on(self):
        for name in ('before', 'after', 'filter', 'reached'):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f'{self.pauses}/{name}')

    # ---- everybody tries once more -----------------------------------------------------------------------------------

    def jobs(self):
        return self.admin('lpstat', '-o').stdout.split('\n')[:-1]

    def again(self, prints):
        """prints: (queue, intent). The queues are opened, and each intent is submitted past the station."""
        path = self.folder + '/job.pdf'
        if not os.path.exists(path):
            with open(path, 'wb') as f:
                f.write(t.PDF)
        queues = [queue for queue, _ in prints]
        self.admin('cupsenable', *queues)
        self.admin('cupsaccept', *queues)
        tries = [subprocess.Popen(['lp', '-d', queue, '-t', intent, path], env=self.cups.env(), stdout=subprocess.DEVNULL)
                 for queue, intent in prints]
        for one in tries:
            one.wait(20)
        try:
            wait_for(lambda: not self.jobs(), STUCK_S, step=0.03)
        except TimeoutError:  # under foreign policies CUPS 2.4.2 keeps a job now and then that it neither starts nor ends
            self.stuck += len(self.jobs())
            self.admin('cancel', '-a')
            wait_for(lambda: not self.jobs(), STUCK_S, step=0.03, message=f'jobs stay in the queue: {self.jobs()}')

    def complaints(self, verdict, intent, answer, lies=False):
        """Against the printer's own log and tray. lies: its backend says 0 without a card, which nobody can know."""
        starts, out = self.machine.starts(intent), self.machine.out(intent)
        note = f'{intent}: {verdict} {answer}: {starts} starts, out {out}'
        found = []
        if starts > 1 or len(out) > 1:
            found.append(note)
        if verdict == 'printed' and out != ['ok'] and not lies:
            found.append('called printed: ' + note)
        if verdict == 'not_started' and (starts or out):
            found.append('called not started: ' + note)
        return found

    def count_all(self):
        """At the end of all: no intent was started a second time, however late."""
        return [f'{name} was started {n} times' for m in self.machines.values()
                for (kind, name), n in m.events().items() if kind == 'start' and n > 1]

    def close(self):
        self.go_on()
        self.close_workers()
        self.cups.stop()


class Case:
    """One print on the room's queue with one fault at one moment."""

    def __init__(self, room, dice, *options):
        self.room, self.dice, self.machine = room, dice, room.machine
        self.intent, self.worker = str(uuid.UUID(int=dice.getrandbits(128), version=4)), room.worker('--silence-ms', str(SILENCE_MS), *options)
        self.worker.sock.settimeout(PATIENCE_S)
        self.task, self.lies = None, False

    def command(self, text):
        """What the machine does with this card."""
        self.machine.printer.next(text)
        self.lies = text in ('exit 0', 'refuse 0')

    def submit(self):
        self.task = t.Task(self.worker, 'print', {'intent': self.intent, 'copies': 1}, t.PDF)
        return self.task.until('checkpoint', name='submitted')

    def happens(self, kind):
        wait_for(lambda: self.machine.happened(kind, self.intent), PATIENCE_S, step=0.003)

    def reach(self, moment):
        """To the moment; all but 'released' are events of the print itself."""
        name = self.intent + '.issued'
        if moment in ('before', 'after', 'filter'):
            self.room.pause_at(moment, self.intent if moment == 'filter' else name)
        self.submit()
        if moment == 'submitted':
            return
        self.task.go()
        if moment == 'released':
            time.sleep(self.dice.random() * 0.05)
        elif moment in ('before', 'after', 'filter'):
            wait_for(self.room.paused, PATIENCE_S, step=0.003, message=f'the print never came to {moment}')
        else:
            self.happens({'feeding': 'start', 'printing': 'print', 'done': 'end'}[moment])

    def strike(self, fault):
        name, _, arg = fault.partition(':')
        if name in ('sigterm', 'sigkill'):
            self.room.strike_cupsd(signal.SIGTERM if name == 'sigterm' else signal.SIGKILL)
        elif name == 'kill' and arg == 'mohr-print':
            self.worker.process.kill()
        elif name == 'kill':
            self.room.kill_backends(arg)
        elif name == 'disable':
            self.room.admin('cupsdisable', self.room.queue)
            time.sleep(0.03)
            self.room.admin('cupsenable', self.room.queue)
        elif name == 'policy':
            self.room.policy(arg)
            self.room.kill_backends('mohr-once', signal.SIGTERM)  # as cupsd ends a backend

    def settle(self, moment, end=None):
        """To the worker's own end, or without it (at the time `end`)."""
        self.room.go_on()
        if end:
            self.worker.sock.settimeout(max(0.05, end - time.monotonic()))
        if self.task and self.worker.process.poll() is None and moment != 'submitted':
            with contextlib.suppress(*GONE):
                self.task.settle()
        self.worker.process.kill()
        self.machine.printer.clear()

    def judge(self):
        room = self.room
        if not room.cups.alive():
            room.cups.revive()
        verdict, answer = t.probe(room, self.intent)
        room.again([(room.queue, self.intent)])
        found = room.complaints(verdict, self.intent, answer, self.lies)
        room.policy('abort-job')
        room.close_workers()
        self.machine.supply()
        return found

"""Keeps the demo's programs running: what dies is started again, with a short pause that grows while it keeps dying.

    supervisor = Supervisor()
    supervisor.add('mohrd', service.alive, service.start, service.stop)
    supervisor.tick()                          # looks at every program once; call it often
    supervisor.wait(lambda: ready(), 10)       # ticks until ready() is true
    supervisor.stop()                          # ends all, the last added first

No thread: whoever waits for anything waits through the supervisor.
"""
import signal
import subprocess
import sys
import time

FIRST_PAUSE_S, LAST_PAUSE_S, STEADY_S = 0.1, 2.0, 5.0


def say(text):
    """One line of progress on standard error."""
    print('demo: ' + text, file=sys.stderr, flush=True)


class Killed(RuntimeError):
    """A program that was to do a small thing was killed by somebody."""


def run_tool(argv, **more):
    """Runs a program to its end; its standard output. Killed, or RuntimeError with what it said."""
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, **more)
    if done.returncode in (-signal.SIGKILL, 128 + signal.SIGKILL):
        raise Killed('was killed')
    if done.returncode != 0:
        raise RuntimeError(f'ended with {done.returncode}: {(done.stdout + done.stderr).strip()}')
    return done.stdout


def insist(what, action, tries=8, before_again=None):
    """Calls action until it succeeds: any program it runs may be killed under it. The last failure is passed on; being
    killed counts a tenth of another one."""
    left = tries * 10
    while True:
        try:
            return action()
        except (OSError, RuntimeError, ValueError) as error:
            left -= 1 if isinstance(error, Killed) else 10
            if left <= 0:
                raise
            say(f'{what}: {str(error).strip() or type(error).__name__}; once more')
            time.sleep(FIRST_PAUSE_S)
            if before_again:
                before_again()


class Unit:
    def __init__(self, name, alive, start, stop):
        self.name, self.alive, self.start, self.stop = name, alive, start, stop
        self.pause, self.started, self.not_before, self.restarts = FIRST_PAUSE_S, time.monotonic(), 0, 0

    def look(self):
        now = time.monotonic()
        if self.alive():
            if now - self.started > STEADY_S:
                self.pause = FIRST_PAUSE_S
            return
        if not self.not_before:
            self.not_before = now + self.pause
            self.pause = min(self.pause * 2, LAST_PAUSE_S)
        if now >= self.not_before:
            self._again()

    def _again(self):
        self.not_before = 0
        self.restarts += 1
        try:
            self.start()
            say(f'{self.name} had ended; started again')
        except (OSError, RuntimeError) as error:
            say(f'{self.name} does not start: {str(error).strip()}')
        self.started = time.monotonic()


class Supervisor:
    def __init__(self):
        self.units = []

    def add(self, name, alive, start, stop):
        """alive() tells whether it runs, start() starts it again and may raise, stop() ends it."""
        self.units.append(Unit(name, alive, start, stop))

    def tick(self):
        for unit in self.units:
            unit.look()

    def wait(self, what, timeout, message):
        """Ticks until what() is true; its value. TimeoutError with the message."""
        end = time.monotonic() + timeout
        while True:
            self.tick()
            value = what()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(message)
            time.sleep(0.05)

    def restarts(self):
        return sum(unit.restarts for unit in self.units)

    def stop(self):
        while self.units:
            unit = self.units.pop()
            try:
                unit.stop()
            except (OSError, RuntimeError) as error:
                say(f'{unit.name} does not end: {error}')

"""Child processes of the demo and the scenario tests: each in its own session, logged to a file, ended by its own id."""
import os
import signal
import subprocess
import time


class Child:
    """One program. Nothing but this program (and what it started in its own session) is ever signalled."""

    def __init__(self, argv, log, env=None, cwd=None, name=None, stdin=None, pass_fds=()):
        """Starts argv; env is the whole environment (None: ours); output is appended to the file log."""
        self.argv = [str(a) for a in argv]
        self.name = name or os.path.basename(self.argv[0])
        self.log = str(log)
        with open(self.log, 'ab') as out:
            self.process = subprocess.Popen(self.argv, env=env, cwd=cwd, stdout=out, stderr=subprocess.STDOUT,
                                            stdin=stdin if stdin is not None else subprocess.DEVNULL,
                                            start_new_session=True, pass_fds=pass_fds)
        self.pid = self.process.pid

    def alive(self):
        return self.process.poll() is None

    @property
    def status(self):
        """Exit status, negative signal number, or None while it runs."""
        return self.process.poll()

    def kill(self, number=signal.SIGKILL):
        """Signals the program alone; True when it was still there."""
        if not self.alive():
            return False
        os.kill(self.pid, number)
        return True

    def wait(self, timeout=None):
        """Exit status, or None when it still runs after timeout seconds."""
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, timeout=5.0):
        """SIGTERM, then SIGKILL to its session after timeout; returns the exit status."""
        self.kill(signal.SIGTERM)
        if self.wait(timeout) is None:
            self.kill_session()
            self.process.wait()
        return self.process.returncode

    def kill_session(self):
        """SIGKILL to the program and its own children that stayed in its session."""
        if self.alive():
            os.killpg(self.pid, signal.SIGKILL)

    def tail(self, n=20):
        """The last n lines of its log, for messages."""
        try:
            with open(self.log, errors='replace') as f:
                return ''.join(f.readlines()[-n:])
        except OSError:
            return ''


class Family:
    """Children that end together, the last started first."""

    def __init__(self):
        self.children = []

    def start(self, argv, log, **more):
        child = Child(argv, log, **more)
        self.children.append(child)
        return child

    def stop(self, timeout=5.0):
        while self.children:
            self.children.pop().stop(timeout)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()


def wait_for(what, timeout, step=0.02, message=None):
    """Calls what() until it is true and returns its value; raises TimeoutError after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(message or 'waited %.1f s in vain' % timeout)
        time.sleep(step)

"""A pcscd of our own with virtual readers, and cards to put into them. The system's pcscd is not touched.

    with PrivatePcscd(folder) as pcscd:
        slot = CardSlot(pcscd, card_sim='build/tests/sim/card/card-sim')
        slot.insert(folder + '/card-1', kdd='00010203040506070809', serial='SC-1405-000123')
        subprocess.run(['opensc-tool', '-r', slot.reader, '-s', '80CA9F7F00'], env=pcscd.env())
        slot.remove()

Each reader is one entry with its own copy of the driver (two entries sharing one .so deadlock pcscd); vpcd gives each
entry two slots on two ports that follow each other, of which the first is used.
"""
import glob
import os
import random
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

from .procs import Child, wait_for

DRIVERS = ('/usr/lib/pcsc/drivers/serial/libifdvpcd.so', '/usr/lib/*/pcsc/drivers/serial/libifdvpcd.so')
PCSCD = '/usr/sbin/pcscd'
CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pcsc.py')
PORTS = (20000, 32000)  # below the kernel's range for outgoing connections
POLL_S = 0.45  # pcscd polls for presence every 0.4 s


def _driver():
    found = [path for pattern in DRIVERS for path in glob.glob(pattern)]
    if not found:
        raise FileNotFoundError('libifdvpcd.so: install vsmartcard-vpcd')
    return os.path.realpath(found[0])


def _free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(('0.0.0.0', port))  # vpcd listens on all addresses
        except OSError:
            return False
    return True


def free_pair(taken=()):
    """The first of two neighbouring free ports."""
    for _ in range(1000):
        port = random.randrange(*PORTS, 2)
        if port not in taken and _free(port) and _free(port + 1):
            return port
    raise OSError('no free ports')


class PrivatePcscd:
    """pcscd under one folder. Attributes: socket, readers (names), ports (of each reader's first slot), child."""

    def __init__(self, folder, readers=1, name='Station'):
        self.folder = os.path.abspath(folder)
        self.socket = os.path.join(self.folder, 'pcscd.comm')
        self.log = os.path.join(self.folder, 'pcscd.log')
        self.n, self.name, self.child = readers, name, None
        self.ports, self.readers, self.empty_since = [], [], {}
        if len(self.socket) > 100:
            raise ValueError('the folder name is too long for a unix socket')

    def env(self, base=None):
        """Environment for clients: base (None: ours) and where this pcscd listens."""
        return dict(os.environ if base is None else base, PCSCLITE_CSOCK_NAME=self.socket)

    def _configure(self):
        conf = os.path.join(self.folder, 'readers')
        shutil.rmtree(conf, ignore_errors=True)
        os.makedirs(conf)
        self.ports = []
        for k in range(self.n):
            port, label = free_pair(self.ports), '%s %d' % (self.name, k + 1)
            library = os.path.join(self.folder, 'vpcd%d.so' % (k + 1))
            shutil.copyfile(_driver(), library)
            self.ports.append(port)
            with open(os.path.join(conf, 'reader%d' % (k + 1)), 'w') as f:
                f.write('FRIENDLYNAME "%s"\nDEVICENAME /dev/null:%d\nLIBPATH %s\nCHANNELID %d\n'
                        % (label, port, library, port))

    def _spawn(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)  # pcscd leaves it behind
        env = dict(os.environ)
        env.pop('PCSCLITE_CSOCK_NAME', None)
        self.child = Child(['systemd-socket-activate', '-l', self.socket, PCSCD, '-f', '-i', '-c',
                            os.path.join(self.folder, 'readers')], self.log, env=env, name='pcscd')
        wait_for(lambda: os.path.exists(self.socket), 5, message='pcscd: no socket: ' + self.child.tail())

    def _list(self):
        """pcscd itself starts with its first client."""
        done = subprocess.run([sys.executable, CLIENT, 'list'], env=self.env(), capture_output=True, text=True, timeout=30)
        return done.stdout.split('\n')[:-1] if done.returncode == 0 else []

    def _ready(self):
        names = self._list()
        self.readers = sorted(n for n in names if n.endswith(' 00 00'))
        return len(self.readers) == self.n

    def start(self):
        """Returns when every reader is listed. Ports taken by others meanwhile: once more with new ones."""
        os.makedirs(self.folder, exist_ok=True)
        for attempt in range(3):
            self._configure()
            self._spawn()
            try:
                wait_for(self._ready, 5, step=0.1)
                return self
            except TimeoutError:
                self.stop()
        raise RuntimeError('pcscd shows no readers; see ' + self.log)

    def stop(self, number=signal.SIGTERM):
        if not self.child:
            return
        self.child.kill(number)
        if self.child.wait(5) is None:
            self.child.kill()
            self.child.wait(5)
        self.child = None
        if os.path.exists(self.socket):
            os.unlink(self.socket)

    def restart(self, number=signal.SIGTERM):
        """Ends pcscd (SIGKILL for a crash) and starts it with the same readers and ports; cards dial in again."""
        self.stop(number)
        self.revive()

    def revive(self):
        """Starts pcscd again after it died, with the same readers and ports."""
        self._spawn()
        wait_for(self._ready, 10, step=0.1, message='pcscd shows no readers again; see ' + self.log)

    def alive(self):
        return self.child is not None and self.child.alive()

    def wait_card(self, reader, present, timeout):
        """True when the reader is as wanted within timeout seconds."""
        done = subprocess.run([sys.executable, CLIENT, 'wait', reader, 'present' if present else 'empty', str(timeout)],
                              env=self.env(), timeout=timeout + 30, capture_output=True)
        return done.returncode == 0

    def __enter__(self):
        return self.start()

    def __exit__(self, *what):
        self.stop()


class CardSlot:
    """A reader's slot: one card program at a time, the running program is the card in the reader."""

    def __init__(self, pcscd, card_sim, index=0):
        self.pcscd, self.card_sim, self.index, self.child = pcscd, card_sim, index, None

    @property
    def reader(self):
        return self.pcscd.readers[self.index]

    @property
    def port(self):
        return self.pcscd.ports[self.index]

    def insert(self, card_dir, kdd, serial, command=None, env=None, timeout=10.0, wait=True):
        """Starts the card program and returns when pcscd sees the card. command is a shell-like string for another
        program than our simulator; env adds to our own environment. The same card_dir is the same physical card."""
        if self.child and self.child.alive():
            raise RuntimeError('a card is in the reader')
        card_dir = os.path.abspath(card_dir)
        os.makedirs(card_dir, exist_ok=True)
        given = dict(os.environ, **(env or {}), MOHR_CARD_HOST='127.0.0.1', MOHR_CARD_PORT=str(self.port),
                     MOHR_CARD_KDD=kdd.hex() if isinstance(kdd, bytes) else kdd, MOHR_CARD_SERIAL=serial,
                     MOHR_CARD_DIR=card_dir)
        argv = shlex.split(command) if command else [self.card_sim]
        time.sleep(max(0, self.pcscd.empty_since.get(self.index, 0) + POLL_S - time.monotonic()))
        self.child = Child(argv, os.path.join(self.pcscd.folder, 'card-%d.log' % self.index), env=given, name='card')
        if wait and not self.pcscd.wait_card(self.reader, True, timeout):
            tail = self.child.tail()
            self.remove(wait=False)
            raise TimeoutError('the card was not seen: ' + tail)
        return self.child

    def remove(self, wait=True, timeout=5.0):
        """Takes the card out (SIGTERM) and returns when pcscd sees the empty reader. The next insert() waits until one
        poll of pcscd has passed: a card put in sooner passes for the former one, or, when that was torn out under a
        command, is not seen at all (pcscd 1.9.9: the reader stays EMPTY until the card is taken out again)."""
        if not self.child:
            return None
        status = self.child.stop()
        self.child, self.pcscd.empty_since[self.index] = None, time.monotonic()
        if wait and self.pcscd.alive():
            self.pcscd.wait_card(self.reader, False, timeout)
        return status

    def tear(self, wait=True):
        """Rips the card out in the middle of whatever it does."""
        if self.child:
            self.child.kill_session()
            self.child.wait(5)
        self.remove(wait)

    def present(self):
        return self.child is not None and self.child.alive()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.remove(wait=False)

"""What the card simulator's tests share: a card program on a reader of our own, and a host that keys it."""
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig import scp03  # noqa: E402
from rig.procs import Child  # noqa: E402
from rig.vpcd import Reader  # noqa: E402

CARD_SIM = os.environ.get('CARD_SIM', 'card-sim')
APP = bytes.fromhex('F04952534B494C4C0100')
KDD = bytes.fromhex('00010203040506070809')
HOST = bytes.fromhex('2C8130E574247B1B')
FILES = [(0x0102, bytes((7 * i + 3) & 255 for i in range(600))), (0x010B, b'\x6b\x03\x01\x02\x03'),
         (0x011E, b'\x60\x04\x5f\x01\x01\x30'), (0x011D, b'\x77\x82\x03\x00' + bytes(768))]


def select(aid):
    return bytes([0, 0xA4, 4, 0, len(aid)]) + aid + b'\0' if aid else b'\0\xa4\4\0\0'


def select_file(fid):
    return bytes([0, 0xA4, 2, 0x0C, 2]) + fid.to_bytes(2, 'big')


INSTALL = bytes([0x80, 0xE6, 0x20, 0, 16, 0, 0, len(APP)]) + APP + bytes(3) + b'\0'
LOCK = bytes([0x80, 0xF0, 0x40, 0x80, len(APP)]) + APP
UNLOCK = bytes([0x80, 0xF0, 0x40, 0x07, len(APP)]) + APP
STATUS = bytes.fromhex('80F24002024F00')


class CardTest(unittest.TestCase):
    """Each test has a folder and a reader; insert() puts a card in, which the end of the test takes out."""

    def setUp(self):
        self.tmp = tempfile.TemporaryDirectory(prefix='card-sim-')
        self.reader, self.child = Reader(), None
        self.keys = scp03.factory_keys(KDD)

    def tearDown(self):
        if self.child:
            self.child.stop()
        self.reader.close()
        self.tmp.cleanup()

    def card_dir(self, name='card'):
        return os.path.join(self.tmp.name, name)

    def environment(self, name='card', kdd=KDD, serial='SC-1405-000123', **sim):
        settings = {'MOHR_SIM_' + k: str(v) for k, v in sim.items()}
        return dict(os.environ, MOHR_CARD_HOST='127.0.0.1', MOHR_CARD_PORT=str(self.reader.port),
                    MOHR_CARD_KDD=kdd.hex(), MOHR_CARD_SERIAL=serial, MOHR_CARD_DIR=self.card_dir(name), **settings)

    def insert(self, **what):
        """Takes the former card out first."""
        if self.child:
            self.child.stop()
        self.child = Child([CARD_SIM], os.path.join(self.tmp.name, 'card.log'), env=self.environment(**what))
        return self.reader.wait()

    def send(self, apdu, sw='9000'):
        """The answer's body; fails when the status word is not sw."""
        answer = self.reader.send(bytes.fromhex(apdu) if isinstance(apdu, str) else apdu)
        self.assertEqual(answer[-2:].hex().upper(), sw)
        return answer[:-2]

    def open(self, level=0x33, keys=None, kvn=0, host=HOST):
        """A channel to the issuer security domain, mutually authenticated."""
        channel = scp03.Channel(keys or self.keys, host)
        self.send(select(b''))
        self.assertTrue(channel.begin(self.send(channel.initialize_update(kvn))), 'card cryptogram')
        self.send(channel.external_authenticate(level))
        return channel

    def secure(self, channel, apdu, sw='9000'):
        """Sends under the channel's protection; the plain body."""
        answer = channel.unwrap(self.reader.send(channel.wrap(apdu)))
        self.assertEqual(answer[-2:].hex().upper(), sw)
        return answer[:-2]

    def personalise(self, files=FILES, level=0x33):
        channel = self.open(level)
        self.assertEqual(self.secure(channel, INSTALL), b'\0')
        for block in scp03.store_data(files):
            self.secure(channel, block)
        return channel

    def read(self, fid):
        """Whole file by offsets, 200 bytes at a time."""
        self.send(select_file(fid))
        content = b''
        while True:
            answer = self.reader.send(bytes([0, 0xB0, len(content) >> 8, len(content) & 255, 200]))
            content += answer[:-2]
            if answer[-2:] != b'\x90\0':
                self.assertIn(answer[-2:].hex(), ('6282', '6b00'))
                return content

    def state(self, name='card'):
        with open(os.path.join(self.card_dir(name), 'state')) as f:
            return dict(line.split() for line in f)

    def log(self, name='card'):
        with open(os.path.join(self.card_dir(name), 'log')) as f:
            return [json.loads(line) for line in f]

    def refuse(self, **environment):
        """Runs the program with changed environment; it must end with status 2 and say why."""
        env = {k: v for k, v in dict(self.environment(), **environment).items() if v is not None}
        done = subprocess.run([CARD_SIM], env=env, capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 2)
        self.assertNotEqual(done.stderr, '')
        return done.stderr

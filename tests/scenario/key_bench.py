"""What the tests of mohr-key share: a token, a portal's signer, the service, simulated cards, whole sessions.

Environment: MOHR_KEY and CARD_SIM, the programs; MOHR_ROOT, the source folder."""
import copy
import datetime
import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import sys
import tempfile
import unittest

ROOT = os.environ['MOHR_ROOT']
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from envelope import Peer  # noqa: E402
from rig.procs import Child, wait_for  # noqa: E402
from rig.signer import Portal, openssl  # noqa: E402
from rig.vpcd import Reader  # noqa: E402

FACE = '0123456789'
APP = bytes.fromhex('F04952534B494C4C0100')
KDD = [bytes.fromhex('000102030405060708%02X' % i) for i in range(8)]
FIDS = [0x0102, 0x010B, 0x010C, 0x010D, 0x011E, 0x011D]
PHOTO = bytes.fromhex('FFD8FFC0000B08014000F001011100') + bytes(range(256)) * 8 + b'\xff\xd9'


def now():
    return datetime.datetime.now(datetime.timezone.utc)


def stamp(t):
    return t.strftime('%Y-%m-%dT%H:%M:%SZ')


def issue_date():
    return (now() + datetime.timedelta(hours=3, minutes=30)).strftime('%Y-%m-%d')


def split(blob):
    items, at = [], 0
    while at < len(blob):
        n = struct.unpack('>H', blob[at:at + 2])[0]
        items.append(blob[at + 2:at + 2 + n])
        at += 2 + n
    return items


def join(items):
    return b''.join(struct.pack('>H', len(i)) + i for i in items)


class Card:
    """A card in a reader of its own, and what a reader program finds out about it without keys."""

    def __init__(self, folder, kdd, serial):
        self.reader = Reader()
        os.makedirs(f'{folder}/card-{serial}', exist_ok=True)
        env = dict(os.environ, MOHR_CARD_HOST='127.0.0.1', MOHR_CARD_PORT=str(self.reader.port),
                   MOHR_CARD_KDD=kdd.hex(), MOHR_CARD_SERIAL=serial, MOHR_CARD_DIR=f'{folder}/card-{serial}')
        self.child = Child([os.environ['CARD_SIM']], f'{folder}/card-{serial}.log', env=env)
        self.serial = serial
        self.atr = self.reader.wait()
        self.reader.send(bytes.fromhex('00A4040000'))
        cplc = self.reader.send(bytes.fromhex('80CA9F7F00'))[3:-2]
        self.chip_id = cplc[0:4] + cplc[16:18] + cplc[12:16]
        info = self.reader.send(bytes.fromhex('80CA00E000'))[2:-2]
        self.key_info = [dict(zip(('kid', 'kvn', 'type', 'len'), info[i + 2:i + 6])) for i in range(0, len(info), 6)]

    def send(self, apdu):
        return self.reader.send(apdu)

    def read(self, fid):
        self.send(bytes([0, 0xA4, 4, 0, len(APP)]) + APP + b'\0')
        if self.send(bytes([0, 0xA4, 2, 0x0C, 2]) + fid.to_bytes(2, 'big')) != b'\x90\0':
            return None
        content = b''
        while True:
            answer = self.send(bytes([0, 0xB0, len(content) >> 8, len(content) & 255, 200]))
            content += answer[:-2]
            if answer[-2:] != b'\x90\0':
                return content

    def close(self):
        self.child.stop()
        self.reader.close()


class KeyTest(unittest.TestCase):
    reissue = 'always'

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix='key-test-')
        cls.dir = cls.tmp.name
        subprocess.run([f'{ROOT}/tests/rig/token', f'{cls.dir}/token'], check=True)
        cls.portal = Portal(f'{cls.dir}/portal')
        with open(f'{ROOT}/tests/data/approval.json') as f:
            cls.sample = json.load(f)

    @classmethod
    def tearDownClass(cls):
        cls.tmp.cleanup()

    def setUp(self):
        self.state = tempfile.mkdtemp(dir=self.dir)
        self.cards, self.child = [], None
        self.start()

    def tearDown(self):
        for card in self.cards:
            card.close()
        self.stop()

    def argv(self, **changed):
        options = {'socket': f'{self.state}/s', 'peer-uid': os.getuid(), 'state': self.state,
                   'module': '/usr/lib/softhsm/libsofthsm2.so', 'token': 'mohr', 'pin-file': f'{self.dir}/token/pin',
                   'profile': f'{ROOT}/config/chips/gp-scp03-laboratory.json', 'portal-ca': self.portal.ca,
                   'ds-cert': f'{self.dir}/token/ds.pem', 'station': 'GOL-1', 'reissue': self.reissue}
        options.update(changed)
        return [os.environ['MOHR_KEY']] + [str(a) for k, v in options.items() for a in ('--' + k, v)]

    def environment(self, token='token'):
        return dict(os.environ, SOFTHSM2_CONF=f'{self.dir}/{token}/softhsm2.conf')

    def start(self):
        self.child = Child(self.argv() + ['--laboratory'], f'{self.state}/log', env=self.environment())
        self.peer = None
        self.assertTrue(wait_for(lambda: self.connect() or not self.child.alive(), 10))
        self.assertTrue(self.peer, self.child.tail())
        self.assertEqual(self.peer.receive()[0], {'say': 'ready', 'worker': 'mohr-key'})

    def connect(self):
        """True when the service listens; it binds its socket a moment before."""
        try:
            self.peer = Peer(f'{self.state}/s')
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return True

    def stop(self):
        self.peer.close()
        self.child.kill()
        self.child.wait(5)
        os.unlink(f'{self.state}/s')

    def fails_to_start(self, *more, token='token', **changed):
        done = subprocess.run(self.argv(socket=f'{self.state}/other', **changed) + list(more),
                              env=self.environment(token), capture_output=True, text=True, timeout=20)
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def card(self, n):
        self.cards.append(Card(self.state, KDD[n], 'SC-1405-%06d' % n))
        return self.cards[-1]

    def approval(self, application='APP-1405-000017', **changes):
        a = copy.deepcopy(self.sample)
        a['id'] = application
        a['photo'] = {'sha256': hashlib.sha256(PHOTO).hexdigest(), 'n_bytes': len(PHOTO), 'type': 'image/jpeg'}
        a.update(changes)
        return self.portal.sign('approvals', a)

    def authorisation(self, spoiled, number=1, application='APP-1405-000017', at=None):
        return self.portal.sign('reissues', {'v': 1, 'id': 'RA-1405-%06d' % number, 'application': application,
                                             'spoiled_serial': spoiled, 'granted_at': stamp(at or now())})

    def ok(self, verb, args, data=None):
        message, blob = self.peer.call(verb, args, data)
        self.assertEqual(message.get('say'), 'done', message)
        return message['args'], blob

    def refused(self, reason, verb, args, data=None):
        message, _ = self.peer.call(verb, args, data)
        self.assertEqual(message.get('say'), 'failed', message)
        self.assertEqual(message['error']['reason'], reason, message)

    def subject(self, approval, **more):
        return dict(approval=approval, face_code=FACE, issue_date=issue_date(), **more)

    def challenge(self, card, approval, **more):
        return dict(self.subject(approval), purpose='personalise', serial=card.serial, chip_id=card.chip_id.hex(),
                    key_info=card.key_info, max_command=255, atr=card.atr.hex(), scp=3, i=0x70, **more)

    def lock(self, card):
        return dict(purpose='lock', chip_id=card.chip_id.hex(), key_info=card.key_info, max_command=255)

    def run_script(self, card, challenge, photo=PHOTO):
        """A whole session; the answer of wrap."""
        card.send(bytes.fromhex('00A4040000'))
        begun, _ = self.ok('challenge', challenge, photo)
        session = begun['session']
        answer = card.send(bytes.fromhex(begun['init_update']))
        opened, _ = self.ok('open', {'session': session, 'answer': answer.hex()})
        answer = card.send(bytes.fromhex(opened['external_authenticate']))
        wrapped, script = self.ok('wrap', {'session': session, 'answer': answer.hex()})
        commands = split(script)
        self.assertEqual(len(commands), wrapped['n_apdus'])
        answers = [card.send(c) for c in commands]
        self.assertEqual(self.ok('check', {'session': session}, join(answers))[0], {'ok': True})
        self.refused('key_refused', 'check', {'session': session}, join(answers))
        return wrapped

    def log(self):
        self.stop()
        db = sqlite3.connect(f'{self.state}/key.db')
        rows = [(event, json.loads(body)) for event, body in db.execute('SELECT event, body FROM log ORDER BY seq')]
        db.close()
        self.start()
        return rows

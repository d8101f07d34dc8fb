#!/usr/bin/python3
"""mohr-chip through a real private pcscd against the simulated card: write, read, lock; lawful oddities of foreign cards;
refusals before any key is used; a wrong key costs at most one try; tears at each command end as UNKNOWN or refused and
are settled by reading; pcscd restarts; a stopped reader service.

The test plays the core and the key service with the rig's own SCP03 (tests/rig/scp03.py), so product and test agree on
bytes that neither took from the other."""
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig import scp03
from rig.pcscd import CardSlot, PrivatePcscd
from rig.worker import Failed, Worker

CARD_SIM, MOHR_CHIP, MAKE_FILES = os.environ['CARD_SIM'], os.environ['MOHR_CHIP'], os.environ['MAKE_FILES']
AID = bytes.fromhex('F04952534B494C4C0100')
KDD = bytes.fromhex('00010203040506070809')
SERIAL = 'SC-1405-000123'
HOST = bytes.fromhex('1122334455667788')
FIDS = (0x0102, 0x010B, 0x010C, 0x010D, 0x011E, 0x011D)
LOCK = bytes([0x80, 0xF0, 0x40, 0x80, len(AID)]) + AID
INSTALL = bytes([0x80, 0xE6, 0x20, 0x00, 6 + len(AID), 0, 0, len(AID)]) + AID + bytes(4)


def content(*path):
    with open(os.path.join(*path), 'rb') as f:
        return f.read()


def pack(items):
    return b''.join(len(i).to_bytes(2, 'big') + i for i in items)


def unpack(blob):
    items = []
    while blob:
        n = int.from_bytes(blob[:2], 'big')
        items.append(blob[2:2 + n])
        blob = blob[2 + n:]
    return items


class Core:
    """Core and key service of one write or lock: answers the checkpoints."""

    def __init__(self, folder, level=0x33, host=HOST, master=scp03.TEST_MASTER, lock=False, photo=14000, spoil=None):
        self.folder, self.level, self.lock, self.photo, self.spoil = folder, level, lock, photo, spoil
        self.master, self.host, self.seen, self.answers = master, host, [], []
        self.channel = None

    def files(self, chip_id):
        subprocess.run([MAKE_FILES, chip_id, self.folder, str(self.photo)], check=True)
        return [(fid, content(self.folder, '%04X.bin' % fid)) for fid in FIDS]

    def plain(self):
        if self.lock:
            return [LOCK]
        room = ((self.identity['max_command'] - self.channel.n) & ~15) - 1 if self.level & 2 else \
            self.identity['max_command'] - self.channel.n
        return [INSTALL] + scp03.store_data(self.files(self.identity['chip_id']), room)

    def script(self):
        """Wrapped ahead; keeps what each answer needs."""
        self.steps, script = [], []
        for apdu in self.plain():
            script.append(self.channel.wrap(apdu, le=bool(self.level & 0x10)))
            self.steps.append((self.channel.mcv, self.channel.ctr))
        if self.spoil is not None:
            script[self.spoil] = script[self.spoil][:-3] + b'\0' * 3
        return pack(script)

    def check(self, blob):
        answers = unpack(blob)
        assert len(answers) == len(self.steps)
        for answer, (mcv, ctr) in zip(answers, self.steps):
            self.channel.mcv, self.channel.ctr = mcv, ctr
            self.answers.append(self.channel.unwrap(answer))
            assert self.answers[-1][-2:] == b'\x90\0', self.answers[-1].hex()

    def checkpoint(self, name, args, blob):
        self.seen.append(name)
        if name == 'identified':
            self.identity = args
            self.channel = scp03.Channel(scp03.factory_keys(KDD, self.master), self.host)
            return {'init_update': self.channel.initialize_update(0xFF).hex().upper()}, None
        if name == 'challenged':
            answer = bytes.fromhex(args['answer'])
            assert answer[-2:] == b'\x90\0'
            self.matches = self.channel.begin(answer[:-2])
            return {'external_authenticate': self.channel.external_authenticate(self.level).hex().upper()}, None
        if name == 'opened':
            assert args == {'answer': '9000'}
            return {}, self.script()
        assert name == 'written'
        self.check(blob)
        return None


class Chip(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix='chip-')
        cls.pcscd = PrivatePcscd(os.path.join(cls.tmp.name, 'pcscd')).start()

    @classmethod
    def tearDownClass(cls):
        cls.pcscd.stop()
        cls.tmp.cleanup()

    @classmethod
    def start_worker(cls, reader=None):
        return Worker.child([MOHR_CHIP, '--reader', reader or cls.pcscd.readers[0]], env=cls.pcscd.env(), timeout=60)

    def setUp(self):
        self.slot = CardSlot(self.pcscd, CARD_SIM)
        self.folder = os.path.join(self.tmp.name, self.id().rsplit('.', 1)[-1])
        os.makedirs(self.folder)
        self.worker = self.start_worker()

    def tearDown(self):
        self.worker.close()
        self.slot.remove()

    def insert(self, name='card', **sim):
        return self.slot.insert(os.path.join(self.folder, name), KDD, SERIAL,
                                env={'MOHR_SIM_' + k: str(v) for k, v in sim.items()})

    def state(self, name='card'):
        with open(os.path.join(self.folder, name, 'state')) as f:
            return dict(line.split(None, 1) for line in f.read().splitlines() if ' ' in line)

    def args(self, ca=True, wait_ms=5000):
        args = {'wait_ms': wait_ms, 'aid': AID.hex().upper()}
        if ca:
            path = os.path.join(self.folder, 'ca.pem')
            if not os.path.exists(path):
                subprocess.run([MAKE_FILES, '00' * 10, self.folder], check=True)
            args['ca_pem'] = content(path).decode()
        return args

    def write(self, core=None, worker=None):
        """The authority is made anew with the files, so they are made before the task, for the chip that a look finds."""
        core = core or Core(self.folder)
        chip_id = self.read(ca=self.args()['ca_pem']).args['chip_id']
        files = core.files(chip_id)
        core.files = lambda seen: files if seen == chip_id else self.fail('another chip')
        worker = worker or self.worker
        return worker.task('write', self.args(), checkpoint=core.checkpoint), core

    def read(self, ca=None, wait_ms=5000):
        args = self.args(ca=False, wait_ms=wait_ms)
        args['ca_pem'] = ca or self.args()['ca_pem']
        return self.worker.task('read', args)

    def refused(self, kind, reason, call):
        with self.assertRaises(Failed) as caught:
            call()
        self.assertEqual((caught.exception.kind, caught.exception.reason), (kind, reason), caught.exception.error)
        return caught.exception

    def check_issued(self, answer, core):
        args = answer.args
        self.assertTrue(args['verified'] and args['complete'])
        self.assertEqual((args['app'], args['why'], args['serial']), ('personalised', 'verified', SERIAL))
        self.assertEqual(args['holder']['family_fa'], 'کاظمی')
        self.assertEqual(args['certificates'][0]['practical_score'], 9100)
        self.assertEqual(args['chip_id'], core.identity['chip_id'])
        self.assertEqual(len(answer.parts['photo']), core.photo)
        self.assertEqual(core.seen, ['identified', 'challenged', 'opened', 'written'])

    def test_write_and_read(self):
        self.insert()
        answer, core = self.write()
        self.check_issued(answer, core)
        self.assertEqual(core.identity['app'], 'blank')
        self.assertEqual((core.identity['scp'], core.identity['i']), (3, 0x70))
        self.assertEqual([k['kvn'] for k in core.identity['key_info']], [255] * 3)
        self.assertEqual(answer.args['n_apdus'], len(core.steps))
        steps = [p[0] for p in answer.progress]
        self.assertLess(steps.index('identify'), steps.index('write'))
        self.assertLess(steps.index('write'), steps.index('reset'))
        again = self.read()
        self.assertTrue(again.args['verified'])
        self.assertEqual(again.args['sod_sha256'], answer.args['sod_sha256'])
        other = os.path.join(self.folder, 'other')
        os.makedirs(other)
        subprocess.run([MAKE_FILES, '00' * 10, other], check=True)
        foreign = self.read(ca=content(other, 'ca.pem').decode())
        self.assertEqual((foreign.args['verified'], foreign.args['why']), (False, 'signer_untrusted'))

    def test_levels(self):
        for k, (i, level) in enumerate((('00', 0x03), ('10', 0x01), ('20', 0x13), ('30', 0x11), ('60', 0x33))):
            with self.subTest(i=i, level=level):
                name = 'card%d' % k
                self.insert(name, SCP_I=i)
                answer, core = self.write(Core(self.folder, level=level, photo=2000))
                self.check_issued(answer, core)
                self.slot.remove()

    def test_s16(self):
        self.insert(SCP_I='71')
        answer, core = self.write(Core(self.folder, host=HOST * 2))
        self.check_issued(answer, core)

    def test_lawful_oddities(self):
        for k, sim in enumerate(({'ATR': '3B0454455354'}, {'MAXLEN': 128}, {'MAXREAD': 100}, {'T0': 1}, {'WRITE_MS': 60},
                                 {'T0': 1, 'MAXLEN': 128, 'MAXREAD': 64})):
            with self.subTest(sim=sim):
                name = 'card%d' % k
                self.insert(name, **sim)
                answer, core = self.write(Core(self.folder, photo=3000))
                self.check_issued(answer, core)
                if 'MAXLEN' in sim:
                    self.assertEqual(core.identity['max_command'], sim['MAXLEN'])
                self.slot.remove()

    def test_slow_card_is_no_hang(self):
        """Seven commands of 0.6 s: the worker says what it does at least every two seconds."""
        self.insert(DELAY_MS=600)
        self.worker.sock.settimeout(2)
        answer = self.read()
        self.assertEqual(answer.args['app'], 'blank')
        self.assertGreater([p[0] for p in answer.progress].count('identify'), 2)

    def test_chips_that_are_refused_before_any_key(self):
        for k, (sim, reason) in enumerate((({'FOREIGN': 1}, 'chip_foreign'), ({'PERSONALISED': 1}, 'chip_personalised'),
                                           ({'LOCKED': 1}, 'chip_locked'))):
            with self.subTest(sim=sim):
                name = 'card%d' % k
                self.insert(name, **sim)
                core = Core(self.folder)
                self.refused('card', reason, lambda: self.worker.task('write', self.args(), checkpoint=core.checkpoint))
                self.assertEqual(core.seen, ['identified'])
                self.assertEqual(self.state(name)['tries'], '0')  # counts failed authentications
                self.slot.remove()

    def test_wrong_key_costs_one_try(self):
        self.insert(WRONG_KEYS=1)
        core = Core(self.folder)
        self.refused('card', 'chip_key_refused',
                     lambda: self.worker.task('write', self.args(), checkpoint=core.checkpoint))
        self.assertFalse(core.matches)  # here the key service ends it, and no try is spent at all
        self.assertEqual(core.seen, ['identified', 'challenged'])
        self.assertEqual(self.state()['tries'], '1')

    def test_called_off_at_each_checkpoint(self):
        for k, (at, kind) in enumerate((('identified', 'operator'), ('challenged', 'operator'), ('opened', 'operator'),
                                        ('written', 'unknown'))):
            with self.subTest(at=at):
                name = 'card%d' % k
                self.insert(name)
                core = Core(self.folder, photo=1000)
                error = self.refused(kind, 'bad_request', lambda: self.worker.task(
                    'write', self.args(), checkpoint=lambda n, a, b: False if n == at else core.checkpoint(n, a, b)))
                self.assertIn(at, error.error['text'])
                self.slot.remove()

    def test_refused_in_the_script(self):
        self.insert()
        core = Core(self.folder, spoil=3)
        error = self.refused('card', 'chip_status', lambda: self.worker.task('write', self.args(),
                                                                             checkpoint=core.checkpoint))
        self.assertEqual((error.error['origin'], error.error['code']), ('sw', 0x6982))
        self.assertEqual(self.read().args['app'], 'blank')

    def test_torn_at_each_command(self):
        """INITIALIZE UPDATE, EXTERNAL AUTHENTICATE, INSTALL, a STORE DATA, the last one; before and after."""
        for n in (1, 2, 3, 6, 10):
            for when in ('before', 'after'):
                with self.subTest(n=n, when=when):
                    name = 'card-%d-%s' % (n, when)
                    self.insert(name, TEAR='%d:%s' % (n, when))
                    core = Core(self.folder, photo=200)
                    with self.assertRaises(Failed) as caught:
                        self.write(core)
                    self.assertEqual(caught.exception.reason, 'card_removed', caught.exception.error)
                    self.assertEqual(caught.exception.kind, 'operator' if n < 3 else 'unknown')
                    self.slot.remove()
                    self.insert(name)
                    found = self.read().args
                    self.assertEqual(found['chip_id'], core.identity['chip_id'])
                    if n == 10 and when == 'after':
                        self.assertTrue(found['verified'])
                    else:
                        self.assertEqual((found['app'], found['complete'], found['verified']), ('blank', False, False))
                    self.slot.remove()

    def test_short_answers_and_nonsense(self):
        for k, (sim, reason) in enumerate((({'MUTE': '2:short'}, 'card_short_answer'), ({'GARBAGE': '1'}, 'chip_answer'))):
            with self.subTest(sim=sim):
                self.insert('card%d' % k, **sim)
                with self.assertRaises(Failed) as caught:
                    self.read()
                self.assertEqual(caught.exception.reason, reason, caught.exception.error)
                self.slot.remove()
        self.insert('good')
        self.assertEqual(self.read().args['app'], 'blank')  # the worker is as good as new

    def test_card_that_never_answers(self):
        """SCardTransmit hangs without limit: the core's deadline kills the worker; the next one is as good as new."""
        self.insert(MUTE='2:zero')
        task = self.worker.do('read', self.args())
        while self.worker.receive()[0] != {'say': 'progress', 'id': task, 'step': 'identify', 'done': 0, 'of': 1}:
            pass
        self.worker.sock.settimeout(1)
        with self.assertRaises(TimeoutError):
            self.worker.receive()
        self.worker.process.kill()
        self.worker.close()
        self.slot.remove()
        self.worker = self.start_worker()
        self.insert('good')
        self.assertEqual(self.read().args['app'], 'blank')

    def test_lock(self):
        self.insert()
        _, written = self.write(Core(self.folder, photo=1000))
        core = Core(self.folder, lock=True)
        answer = self.worker.task('lock', self.args(ca=False), checkpoint=core.checkpoint)
        self.assertEqual(answer.args, {'chip_id': written.identity['chip_id'], 'unverifiable': True})
        found = self.read().args
        self.assertEqual((found['app'], found['verified'], found['why']), ('locked', False, 'locked'))
        again = self.worker.task('lock', self.args(ca=False), checkpoint=lambda *_: self.fail('nothing left to lock'))
        self.assertTrue(again.args['unverifiable'])

    def test_no_card(self):
        start = time.monotonic()
        error = self.refused('operator', 'no_card', lambda: self.read(wait_ms=1200))
        self.assertTrue(1.0 < time.monotonic() - start < 3, error)

    def test_inserted_while_waiting(self):
        later = threading.Timer(1.0, self.insert)
        later.start()
        answer = self.read(wait_ms=15000)
        later.join()
        self.assertEqual(answer.args['app'], 'blank')
        self.assertEqual(answer.progress[0][0], 'no_card')

    def test_pcscd_restarts_while_waiting(self):
        def later():
            time.sleep(0.7)
            self.pcscd.restart(signal.SIGKILL)
            self.insert()
        thread = threading.Thread(target=later)
        thread.start()
        answer = self.read(wait_ms=30000)
        thread.join()
        self.assertEqual(answer.args['app'], 'blank')

    def test_unknown_reader(self):
        worker = self.start_worker('No such reader 00 00')
        try:
            with self.assertRaises(Failed) as caught:
                worker.task('read', dict(self.args(), wait_ms=60000))
            self.assertEqual((caught.exception.kind, caught.exception.reason), ('operator', 'reader_gone'))
        finally:
            worker.close()

    def test_another_program_holds_the_card(self):
        from rig import pcsc
        os.environ['PCSCLITE_CSOCK_NAME'] = self.pcscd.socket
        self.insert()
        with pcsc.Context() as context, context.connect(self.slot.reader, exclusive=True):
            self.refused('operator', 'reader_busy', self.read)
        self.assertEqual(self.read().args['app'], 'blank')

    def test_killed_worker_leaves_the_reader_free(self):
        """Killed with the card in its hand; the next worker reads at once."""
        self.insert()
        worker = self.start_worker()
        core = Core(self.folder)
        task = worker.do('write', self.args())
        while worker.receive()[0]['say'] != 'checkpoint':
            pass
        worker.process.kill()
        worker.process.wait()
        worker.close()
        self.assertEqual(core.seen, [])
        self.assertGreater(task, 0)
        self.assertEqual(self.read().args['app'], 'blank')

    def test_bad_requests(self):
        for args in ({}, {'wait_ms': 1, 'aid': '00'}, dict(self.args(), more=1), dict(self.args(), wait_ms=-1),
                     self.args(ca=False)):
            self.refused('input', 'bad_json', lambda: self.worker.task('read', args))
        self.refused('input', 'bad_request', lambda: self.worker.task('erase', {}))


if __name__ == '__main__':
    unittest.main()

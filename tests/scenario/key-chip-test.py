#!/usr/bin/python3
"""mohr-key and mohr-chip together, the test playing only the core between them: a card is written over a private pcscd,
read back after a cold reset by the public verifier, locked, and lawful oddities of cards are served."""
import os
import unittest

from key_bench import APP, FACE, KDD, PHOTO, KeyTest
from rig.pcscd import CardSlot, PrivatePcscd
from rig.worker import Worker


class Core:
    """Forwards what the chip says to the key service, and back."""

    def __init__(self, test, purpose, **subject):
        self.test, self.purpose, self.subject, self.session = test, purpose, subject, None

    def challenge(self, seen):
        args = dict(self.subject, purpose=self.purpose, chip_id=seen['chip_id'], key_info=seen['key_info'],
                    max_command=seen['max_command'], atr=seen['atr'], scp=seen['scp'], i=seen['i'])
        begun, _ = self.test.ok('challenge', args, PHOTO if self.purpose == 'personalise' else None)
        self.session = begun['session']
        return {'init_update': begun['init_update']}

    def checkpoint(self, name, args, blob):
        if name == 'identified':
            return self.challenge(args), None
        if name == 'challenged':
            return self.test.ok('open', {'session': self.session, 'answer': args['answer']})[0], None
        if name == 'opened':
            self.wrapped, script = self.test.ok('wrap', {'session': self.session, 'answer': args['answer']})
            return {}, script
        self.test.assertEqual(self.test.ok('check', {'session': self.session}, blob)[0], {'ok': True})
        return None


class Together(KeyTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.pcscd = PrivatePcscd(f'{cls.dir}/pcscd').start()
        with open(f'{cls.dir}/token/csca.pem') as f:
            cls.ca = f.read()

    @classmethod
    def tearDownClass(cls):
        cls.pcscd.stop()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.slot = CardSlot(self.pcscd, os.environ['CARD_SIM'])
        self.chip = Worker.child([os.environ['MOHR_CHIP'], '--reader', self.pcscd.readers[0]], env=self.pcscd.env())

    def tearDown(self):
        self.chip.close()
        self.slot.remove()
        super().tearDown()

    def insert(self, n=1, **sim):
        self.slot.insert(f'{self.state}/card-{n}', KDD[n], 'SC-1405-%06d' % n,
                         env={'MOHR_SIM_' + k: str(v) for k, v in sim.items()})

    def args(self, ca=True):
        return dict({'wait_ms': 5000, 'aid': APP.hex()}, **({'ca_pem': self.ca} if ca else {}))

    def write(self, n=1, **more):
        core = Core(self, 'personalise', serial='SC-1405-%06d' % n, **self.subject(self.approval(), **more))
        answer = self.chip.task('write', self.args(), checkpoint=core.checkpoint)
        self.assertTrue(answer.args['verified'] and answer.args['complete'], answer.args)
        self.assertEqual(answer.args['sod_sha256'].lower(), core.wrapped['sod_sha256'].lower())
        self.assertEqual(answer.args['data_sha256'].lower(), core.wrapped['data_sha256'].lower())
        self.assertEqual(answer.parts['photo'], PHOTO)
        return answer.args

    def test_written_and_locked(self):
        self.insert()
        seen = self.write()
        self.assertEqual((seen['holder']['family_fa'], seen['holder']['given_fa']), ('کاظمی', 'علی'))
        self.assertEqual((seen['holder']['national_id'], seen['holder']['birth_date']), ('9990079196', '1990-04-21'))
        self.assertEqual((seen['face_code'], seen['serial']), (FACE, 'SC-1405-000001'))
        self.assertEqual(seen['certificates'][0]['number'], 'GOL-1405-000017')
        core = Core(self, 'lock')
        answer = self.chip.task('lock', self.args(ca=False), checkpoint=core.checkpoint)
        self.assertEqual(answer.args, {'chip_id': seen['chip_id'], 'unverifiable': True})
        self.assertFalse(self.chip.task('read', self.args()).args['verified'])

    def test_small_buffer(self):
        self.insert(MAXLEN=128)
        self.write()

    def test_modes(self):
        for n, i in enumerate(('00', '10', '20', '30', '60'), 2):
            with self.subTest(i):
                self.slot.remove()
                self.insert(n, SCP_I=i)
                core = Core(self, 'personalise', serial='SC-1405-%06d' % n,
                            **self.subject(self.approval('APP-1405-0001%02d' % n)))
                answer = self.chip.task('write', self.args(), checkpoint=core.checkpoint)
                self.assertTrue(answer.args['verified'], answer.args)


if __name__ == '__main__':
    unittest.main()

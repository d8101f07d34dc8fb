#!/usr/bin/python3
"""mohr-key on a SoftHSM token and a simulated card: what it signs, what it refuses, what it remembers."""
import base64
import datetime
import hashlib
import json
import os
import sqlite3
import subprocess
import unittest

from key_bench import FACE, FIDS, PHOTO, ROOT, Child, KeyTest, issue_date, join, now, openssl, split, wait_for


class Work(KeyTest):
    def test_describe(self):
        answer, _ = self.ok('describe', {})
        with open(f'{self.dir}/token/ds.pem') as f:
            self.assertEqual(answer['ds_cert_pem'], f.read())
        spki = openssl('pkey', '-pubin', '-in', f'{self.dir}/token/ds-pub.pem', '-outform', 'DER')
        self.assertEqual(answer['qr_key_id'].lower(), hashlib.sha256(spki).hexdigest()[:16])
        self.assertTrue(answer['ok'])
        self.refused('bad_json', 'describe', {'more': 1})

    def test_statement(self):
        approval = self.approval()
        payload = base64.urlsafe_b64decode(approval.split('.')[1] + '==')
        answer, _ = self.ok('qr', self.subject(approval))
        self.assertEqual(answer['data_sha256'].lower(), hashlib.sha256(payload).hexdigest())
        text = answer['qr']
        self.assertTrue(text.startswith('MOHR1:') and len(text) <= 200)
        raw = base64.b32decode(text[6:] + '=' * (-len(text[6:]) % 8))
        self.assertEqual(raw[9:19], FACE.encode())
        self.assertEqual(raw[19:51], hashlib.sha256(payload).digest())
        self.assertEqual(raw[51:55].hex(), issue_date().replace('-', ''))
        r, s = (int.from_bytes(raw[i:i + 32], 'big') for i in (55, 87))
        integer = [b'\x02' + bytes([len(b)]) + b for b in (v.to_bytes(33, 'big').lstrip(b'\0') for v in (r, s))]
        integer = [b'\x02' + bytes([i[1] + 1]) + b'\0' + i[2:] if i[2] & 0x80 else i for i in integer]
        body = b''.join(integer)
        with open(f'{self.state}/sig', 'wb') as f:
            f.write(b'\x30' + bytes([len(body)]) + body)
        openssl('dgst', '-sha256', '-verify', f'{self.dir}/token/ds-pub.pem', '-signature', f'{self.state}/sig',
                data=b'mohr-qr-v1\0' + raw[:55])

    def test_card(self):
        card, approval = self.card(1), self.approval()
        wrapped = self.run_script(card, self.challenge(card, approval))
        sod = card.read(0x011D)
        self.assertEqual(hashlib.sha256(sod).hexdigest(), wrapped['sod_sha256'].lower())
        with open(f'{self.state}/sod.cms', 'wb') as f:
            f.write(sod[4:])
        openssl('cms', '-verify', '-inform', 'DER', '-in', f'{self.state}/sod.cms', '-CAfile',
                f'{self.dir}/token/csca.pem', '-purpose', 'any', '-binary', '-out', f'{self.state}/lds.der')
        with open(f'{self.state}/lds.der', 'rb') as f:
            hashes = f.read()
        for fid in FIDS[:4]:
            self.assertIn(hashlib.sha256(card.read(fid)).digest(), hashes)
        self.assertIn(PHOTO, card.read(0x0102))
        self.assertIn('کاظمی<<علی'.encode(), card.read(0x010B))
        self.assertIn(b'\x80\x0a' + card.chip_id, card.read(0x010D))
        self.assertIn(f'MOHR1:{FACE}:{wrapped["data_sha256"].upper()}'.encode(), card.read(0x010D))
        # the same pair again, after a restart too; no other chip, no other serial
        self.stop()
        self.start()
        self.ok('challenge', self.challenge(card, approval), PHOTO)
        other = self.card(2)
        self.refused('key_spent', 'challenge', self.challenge(other, approval), PHOTO)
        self.refused('key_spent', 'qr', self.subject(approval))
        self.refused('key_spent', 'challenge', dict(self.challenge(card, approval), serial='SC-1405-000077'), PHOTO)
        self.refused('chip_taken', 'challenge', dict(self.challenge(card, self.approval('APP-1405-000018')),
                                                     serial='SC-1405-000078'), PHOTO)
        self.refused('serial_used', 'challenge', dict(self.challenge(other, self.approval('APP-1405-000018')),
                                                      serial=card.serial), PHOTO)
        events = [e for e, _ in self.log()]
        self.assertEqual([e for e in events if e.startswith(('card', 'session_opened'))],
                         ['session_opened', 'card_signed', 'card_written'])

    def test_refusals(self):
        card, good = self.card(1), self.approval()
        head, payload, signature = good.split('.')
        flipped = payload[:40] + ('A' if payload[40] != 'A' else 'B') + payload[41:]
        self.refused('bad_json', 'challenge', {k: v for k, v in self.challenge(card, good).items() if k != 'approval'},
                     PHOTO)
        roles = self.sample['confirmations']
        cases = {
            'approval_broken': ['.'.join((head, flipped, signature)), head + '.' + payload + '.',
                                self.portal.sign('reissues', self.sample, typ='mohr-approval')],
            'not_paid': [self.approval(payment=None)],
            'paid_too_early': [self.approval(payment=dict(self.sample['payment'], at='2026-10-24T08:00:00Z'))],
            'approval_incomplete': [self.approval(confirmations=roles[:4]),
                                    self.approval(confirmations=[roles[1], roles[0]] + roles[2:])],
        }
        for reason, approvals in cases.items():
            for approval in approvals:
                self.refused(reason, 'challenge', self.challenge(card, approval), PHOTO)
                self.refused(reason, 'qr', self.subject(approval))
        self.refused('photo_bad', 'challenge', self.challenge(card, good), PHOTO + b'x')
        self.refused('photo_bad', 'challenge', self.challenge(card, good), PHOTO[:-1] + b'x')
        self.refused('bad_request', 'challenge', self.challenge(card, good))
        self.refused('bad_date', 'qr', dict(self.subject(good), issue_date='2026-10-31'))
        self.refused('bad_date', 'qr', dict(self.subject(good), issue_date='2099-01-01'))
        self.refused('bad_request', 'qr', dict(self.subject(good), face_code='ILOU000000'))
        foreign = dict(self.challenge(card, good), key_info=[dict(k, kvn=0x30) for k in card.key_info])
        self.refused('chip_foreign', 'challenge', foreign, PHOTO)
        self.refused('key_refused', 'challenge', self.lock(card))
        self.run_script(card, self.challenge(card, good))

    def test_wrong_key_parks(self):
        card, good = self.card(1), self.approval()
        begun, _ = self.ok('challenge', self.challenge(card, good), PHOTO)
        card.send(bytes.fromhex('00A4040000'))
        answer = bytearray(card.send(bytes.fromhex(begun['init_update'])))
        answer[0] ^= 1  # other diversification data: other keys
        self.refused('chip_key_refused', 'open', {'session': begun['session'], 'answer': answer.hex()})
        self.refused('key_refused', 'open', {'session': begun['session'], 'answer': answer.hex()})
        self.stop()
        self.start()
        self.refused('chip_budget', 'challenge', self.challenge(card, good), PHOTO)

    def test_answers_checked(self):
        card, good = self.card(1), self.approval()
        begun, _ = self.ok('challenge', self.challenge(card, good), PHOTO)
        session = begun['session']
        opened, _ = self.ok('open', {'session': session, 'answer': card.send(bytes.fromhex(begun['init_update'])).hex()})
        answer = card.send(bytes.fromhex(opened['external_authenticate']))
        _, script = self.ok('wrap', {'session': session, 'answer': answer.hex()})
        answers = [card.send(c) for c in split(script)]
        answers[3] = bytes([answers[3][0] ^ 1]) + answers[3][1:]
        self.refused('chip_mac', 'check', {'session': session}, join(answers))
        self.ok('close', {'session': session})

    def test_killed(self):
        """The service dies after each step; the same pair is served again, and no other."""
        card, other, good = self.card(1), self.card(2), self.approval()
        for steps in range(4):
            card.send(bytes.fromhex('00A4040000'))
            begun, _ = self.ok('challenge', self.challenge(card, good), PHOTO)
            session = begun['session']
            if steps > 0:
                answer = card.send(bytes.fromhex(begun['init_update'])).hex()
                opened, _ = self.ok('open', {'session': session, 'answer': answer})
            if steps > 1:
                answer = card.send(bytes.fromhex(opened['external_authenticate'])).hex()
                _, script = self.ok('wrap', {'session': session, 'answer': answer})
            if steps > 2:
                for command in split(script)[:3]:
                    card.send(command)
            self.stop()  # SIGKILL
            self.start()
            self.refused('key_refused', 'check', {'session': session}, b'x')
            if steps > 1:
                self.refused('key_spent', 'challenge', self.challenge(other, good), PHOTO)
        self.run_script(card, self.challenge(card, good))
        grounds = [(body['again'], body['chip']) for event, body in self.log() if event == 'card_signed']
        self.assertEqual(grounds, [(again, card.chip_id.hex().upper()) for again in (False, True, True)])

    def test_attempts_end(self):
        card, good = self.card(1), self.approval()
        for _ in range(10):
            self.ok('challenge', self.challenge(card, good), PHOTO)
        self.refused('chip_budget', 'challenge', self.challenge(card, good), PHOTO)

    def test_spoiled_and_reissued(self):
        first, second, third = (self.card(i) for i in (1, 2, 3))
        approval = self.approval()
        self.run_script(first, self.challenge(first, approval))
        self.refused('key_spent', 'challenge', self.challenge(second, approval), PHOTO)
        self.refused('key_refused', 'challenge',
                     self.challenge(second, approval, unregistered_serial=first.serial), PHOTO)
        # made unverifiable: the application cannot be selected and read any more
        first.send(bytes.fromhex('00A4040000'))
        wrapped = self.run_script(first, self.lock(first), None)
        self.assertEqual(wrapped, {'n_apdus': 1})
        self.assertIsNone(first.read(0x011D))
        self.refused('chip_locked', 'challenge', self.challenge(first, approval), PHOTO)
        # the authorisation: signed for this application, for the spoiled serial, once
        good = self.authorisation(first.serial)
        head, payload, signature = good.split('.')
        broken = '.'.join((head, payload, signature[:-8] + ('A' * 8)))
        self.refused('authorisation_broken', 'challenge', self.challenge(second, approval, authorisation=broken), PHOTO)
        other = self.authorisation(first.serial, application='APP-1405-000099')
        self.refused('authorisation_broken', 'challenge', self.challenge(second, approval, authorisation=other), PHOTO)
        self.ok('qr', self.subject(approval, authorisation=good))
        self.run_script(second, self.challenge(second, approval, authorisation=good))
        self.refused('authorisation_used', 'challenge', self.challenge(third, approval, authorisation=good), PHOTO)
        late = self.authorisation(first.serial, 2)
        self.refused('key_spent', 'challenge', self.challenge(third, approval, authorisation=late), PHOTO)
        old = self.authorisation('SC-1405-000555', 3, at=now() - datetime.timedelta(hours=1))
        self.refused('key_spent', 'challenge', self.challenge(third, approval, authorisation=old), PHOTO)
        # a card spoiled before its chip: its serial was never written here
        unseen = self.authorisation('SC-1405-000556', 4)
        self.run_script(third, self.challenge(third, approval, authorisation=unseen))

    def test_log_altered(self):
        self.ok('qr', self.subject(self.approval()))
        self.stop()
        db = sqlite3.connect(f'{self.state}/key.db')
        db.execute('DROP TRIGGER log_keep')
        db.execute("UPDATE log SET body = replace(body, 'APP-1405-000017', 'APP-1405-000018') WHERE seq = 2")
        db.commit()
        db.close()
        self.assertIn('chain is broken at row 2', self.fails_to_start('--laboratory'))
        db = sqlite3.connect(f'{self.state}/key.db')
        db.execute("UPDATE log SET body = replace(body, 'APP-1405-000018', 'APP-1405-000017') WHERE seq = 2")
        db.commit()
        db.close()
        self.start()

    def test_other_user(self):
        self.stop()
        self.child = Child(self.argv(**{'peer-uid': os.getuid() + 1}) + ['--laboratory'], f'{self.state}/log',
                           env=self.environment())
        self.assertTrue(wait_for(self.connect, 10))
        self.assertEqual(self.peer.receive(), (None, None))


class Start(KeyTest):
    def test_test_keys(self):
        self.assertIn('laboratory', self.fails_to_start())
        with open(f'{ROOT}/config/chips/gp-scp03-laboratory.json') as f:
            profile = json.load(f)
        profile['laboratory'] = False
        profile['match']['kvn'] = profile['auth']['kvn'] = '30'
        path = f'{self.state}/profile.json'
        with open(path, 'w') as f:
            json.dump(profile, f)
        self.assertIn('well-known test key', self.fails_to_start(profile=path))

    def test_unfit_master(self):
        subprocess.run([f'{ROOT}/tests/rig/token', '--extra-rights', f'{self.dir}/loose'], check=True)
        pin = f'{self.dir}/loose/pin'
        self.assertIn("may encrypt", self.fails_to_start('--laboratory', token='loose', **{'pin-file': pin}))
        # the certificate of another token's key
        subprocess.run([f'{ROOT}/tests/rig/token', f'{self.dir}/second'], check=True)
        pin = f'{self.dir}/second/pin'
        self.assertIn('no pair', self.fails_to_start('--laboratory', token='second', **{'pin-file': pin}))
        self.assertIn('not in the token', self.fails_to_start('--laboratory', master='nothing'))

    def test_confined(self):
        with open(f'/proc/{self.child.pid}/status') as f:
            status = dict(line.split(':\t', 1) for line in f if ':\t' in line)
        self.assertEqual((int(status['Seccomp']), int(status['NoNewPrivs'])), (2, 1))
        with open(os.environ['MOHR_KEY'], 'rb') as f:
            if b'__asan_init' not in f.read():  # the sanitizer turns mlock(2) off
                self.assertGreater(int(status['VmLck'].split()[0]), 100)  # KiB: the sessions' table

    def test_no_secret_in_sight(self):
        with open(f'{self.dir}/token/pin') as f:
            pin = f.read()
        with open(f'/proc/{self.child.pid}/cmdline') as f:
            self.assertNotIn(pin, f.read())
        with open(f'{self.state}/log') as f:
            self.assertNotIn(pin, f.read())


class Registered(KeyTest):
    reissue = 'registered'

    def test_unregistered_serial(self):
        first, second, third = (self.card(i) for i in (1, 2, 3))
        approval = self.approval()
        self.run_script(first, self.challenge(first, approval))
        self.refused('key_spent', 'challenge', self.challenge(second, approval), PHOTO)
        self.run_script(second, self.challenge(second, approval, unregistered_serial=first.serial))
        self.refused('key_spent', 'challenge', self.challenge(third, approval, unregistered_serial=first.serial), PHOTO)
        grounds = [body['ground'] for event, body in self.log() if event == 'card_signed']
        self.assertEqual(grounds, ['approval', f'unregistered:{first.serial}'])


if __name__ == '__main__':
    unittest.main()

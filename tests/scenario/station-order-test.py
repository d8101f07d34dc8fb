#!/usr/bin/python3
"""The order of work (I-6.6 to I-6.9) and which plastic is which: refusals, a double feed, swapped cards, the proof."""
import hashlib
import os
import re
import shutil
import subprocess

from station_bench import LINE, TESTS, Refused, StationTest, main


class Order(StationTest):
    applicants = 17

    # ---- I-6.6: no confirmation, no print -------------------------------------------------------------------------

    def test_01_before_print(self):
        name = self.next_name()
        self.refused('no_blank', self.after_worksheet, name)
        self.load(10)
        other = self.next_name()
        self.wait(lambda: self.arrived(other), message='not in the queue')
        self.refused('worksheet_missing', self.me.post, LINE + 'print', {'application': other})
        self.refused('worksheet_differs', self.me.post, f'/v1/applications/{other}/worksheet', {'number': 'WS-0'})
        self.refused('worksheet_missing', self.me.post, LINE + 'print', {'application': other})
        self.refused('not_found', self.me.post, LINE + 'print', {'application': 'AP-NOBODY'})
        self.refused('not_permitted', self.guard.post, f'/v1/applications/{other}/worksheet', {'number': 'x'})
        sheet = self.application(name)
        self.assertEqual(sheet['worksheet_by'], 'expert')
        self.assertEqual(sheet['worksheet_no'], sheet['worksheet']['number'])
        self.assertGreater(sheet['worksheet_at'], 1.7e12)
        first = self.line()['next']
        for step in (lambda: self.accept(first, 'AAAAAAAAAA'), lambda: self.accept(first, 'no face')):
            self.refused('face_mismatch', step)
        self.refused('serial_not_here', self.accept, 'SC-1405-999999', 'AAAAAAAAAA')
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': first})
        self.refused('wrong_state', self.confirm, first)
        self.assertIsNone(self.line()['held'])
        self.printed(name)
        self.fresh.insert(0, other)
        Order.first = name

    def after_worksheet(self, name):
        self.worksheet(name)
        self.me.post(LINE + 'print', {'application': name})

    # ---- I-6.7, I-6.8, I-6.9 --------------------------------------------------------------------------------------

    def test_02_after_print(self):
        name = Order.first
        serial = next(c['serial'] for c in self.line()['in_work'] if c['application'] == name)
        self.refused('wrong_state', self.me.post, LINE + 'print', {'application': name})  # a second print
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': serial})     # not inspected
        self.refused('wrong_state', self.confirm, serial)
        self.refused('bad_json', self.me.post, '/v1/inspect', {'serial': serial, 'face': 'x', 'verdict': 'fine'})
        self.refused('face_mismatch', self.me.post, '/v1/inspect', {'serial': serial, 'verdict': 'good'})
        self.accept(serial)
        self.refused('wrong_state', self.accept, serial)
        self.refused('wrong_state', self.confirm, serial)                                  # before the write
        self.assertEqual(self.issuances(name), 0)
        self.write(serial)
        self.assertEqual(self.issuances(name), 0)
        self.refused('wrong_state', self.me.post, LINE + 'print', {'application': name})
        shown = self.me.get(LINE + 'shown')['chip']['holder']
        self.assertEqual(shown['national_id'], self.application(name)['certificate']['national_id'])
        self.assertEqual(self.me.get(LINE + 'shown/photo'), self.me.get(f'/v1/applications/{name}/photo'))
        self.refused('not_permitted', self.guard.post, f'/v1/blanks/{serial}/confirm', {'match': True})
        self.confirm(serial)
        self.refused('wrong_state', self.confirm, serial)
        self.reported(serial)
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': serial})
        self.assertEqual(self.issuances(name), 1)
        card = next(c for c in self.portal.ledger()['cards'] if c['serial'] == serial)
        self.assertEqual((card['operator'], card['expert']), ('expert', 'expert'))
        blank = self.me.get('/v1/blanks/' + serial)
        self.assertEqual((blank['accepted_by'], blank['confirmed_by']), ('expert', 'expert'))

    def issuances(self, name):
        return sum(e['what'] == 'issuance' and e['application'] == name for e in self.portal.ledger()['effects'])

    def test_03_used_serials(self):
        name = self.applicant()
        serial = self.printed(name)
        face = self.face(serial)
        self.assertEqual(self.spoil(serial), 'unwritten')
        for body in ({'from': serial, 'to': serial},):
            self.refused('serial_used', self.me.post, '/v1/blanks', body)
            self.refused('serial_used', self.me.post, LINE + 'hopper', body)
        self.refused('wrong_state', self.accept, serial, face)
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': serial})
        self.refused('wrong_state', self.me.post, f'/v1/blanks/{serial}/spoil', {'cause': 'card_surface'})
        self.refused('awaiting_reissue', self.me.post, LINE + 'print', {'application': name})
        self.authorise(name)
        self.refused('worksheet_missing', self.me.post, LINE + 'print', {'application': name})
        self.worksheet(name)
        self.assertNotEqual(self.issued(name), serial)
        self.refused('serial_not_here', self.me.post, LINE + 'hopper', {'from': 'XX-000001', 'to': 'XX-000002'})
        self.refused('bad_serial', self.me.post, '/v1/blanks', {'from': 'XX-000001', 'to': 'XY-000002'})

    def test_04_next_prints_meanwhile(self):
        one, two = self.applicant(), self.applicant()
        serial = self.accepted(one)
        before = self.line()['chipped']
        self.clear_reader()
        with self.card_inside(two):
            self.refused('line_busy', self.me.post, LINE + 'print', {'application': one})
            self.me.post(LINE + 'write', {'serial': serial})
            self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': serial})
            line = self.line()
            self.assertTrue(line['printing'] and line['chipping'], line)
            outcome = self.finish_write(serial, before)
            self.assertTrue(outcome['ok'], outcome)
            self.assertEqual(self.line()['printing']['application'], two)
            self.confirm(serial)
        self.wait(lambda: not self.line()['printing'])
        self.finish(next(c['serial'] for c in self.line()['in_work']))

    def test_05_faces_exchanged_at_inspection(self):
        one, two = self.printed(self.applicant()), self.printed(self.applicant())
        self.refused('face_mismatch', self.accept, one, self.face(two))
        self.assertEqual(self.line()['held']['held'], 'face_mismatch')
        third = self.applicant()
        self.refused('face_mismatch', self.me.post, LINE + 'print', {'application': third})
        self.fresh.insert(0, third)
        sort = {'cards': [{'serial': s, 'face': self.face(s)} for s in (one, two)], 'next': self.line()['next']}
        self.assertFalse(self.me.post(LINE + 'sort', sort)['second_person_needed'])
        self.assertIsNone(self.line()['held'])
        for serial in (one, two):
            self.finish(serial)

    # ---- a double feed --------------------------------------------------------------------------------------------

    def fresh_hopper(self):
        """Nothing of an earlier test lies between the serials."""
        if self.line()['hopper'] < 4:
            self.load(10)

    def rows(self, *serials):
        """What the expert scans: every card in her hand."""
        tray = self.desk.tray()
        return [{'serial': s} | ({'face': self.face(s)} if tray[s]['state'] == 'ok' else {}) for s in serials]

    def test_06_double_feed(self):
        self.fresh_hopper()
        name = self.applicant()
        self.printer.next('double_feed')
        expected = self.printed(name)
        seen = self.desk.tray()
        carried = next(s for s, c in seen.items() if c['state'] == 'ok' and s > expected)
        self.assertEqual(seen[expected]['state'], 'blank')
        self.refused('serial_mismatch', self.accept, carried, self.face(carried))
        self.assertEqual(self.line()['held'], {'held': 'serial_mismatch', 'serial': carried})
        after = self.desk.hopper()[0]
        for part in (carried, expected):  # every card must be scanned
            self.refused('serial_mismatch', self.me.post, LINE + 'sort', {'cards': self.rows(part), 'next': after})
        body = {'cards': self.rows(expected, carried), 'next': after}
        self.assertTrue(self.me.post(LINE + 'sort', body)['second_person_needed'])
        self.refused('same_person', self.me.post, LINE + 'sort', body)
        self.refused('same_person', self.station.person('assessment-head').post, LINE + 'sort', body)  # same office
        self.assertFalse(self.guard.post(LINE + 'sort', body)['second_person_needed'])
        self.assertIsNone(self.line()['held'])
        self.assertEqual((self.state(expected), self.state(carried)), ('room', 'printed'))
        self.assertEqual(self.me.get('/v1/blanks/' + carried)['application'], name)
        self.assertEqual(self.line()['next'], after)
        self.finish(carried)
        # the unprinted blank goes under the stack again
        self.printer.take(seen[expected]['card'])
        self.me.post(LINE + 'hopper', {'from': expected, 'to': expected})
        self.printer.add_blank(expected)
        while self.line()['next'] != expected:
            self.issued(self.applicant()) if self.line()['hopper'] == 2 else self.spoil(self.line()['next'], 'card_dust')
            self.drop_spoiled()
        self.assertEqual(self.issued(self.applicant()), expected)

    def drop_spoiled(self):
        """The expert takes spoiled blanks off the stack."""
        for card in self.printer.cards('hopper'):
            if self.state(card['serial']) == 'spoiled':
                shutil.rmtree(self.printer.path('hopper', card['card']))

    def test_07_double_feed_noticed_late(self):
        self.fresh_hopper()
        one, two = self.applicant(), self.applicant()
        self.printer.next('double_feed')
        expected = self.printed(one)
        second = self.printed(two)      # the ledger expects the serial that carries the first face
        third = max(s for s, c in self.desk.tray().items() if c['state'] == 'ok')
        self.assertEqual(self.desk.tray()[expected]['state'], 'blank')
        self.refused('face_mismatch', self.accept, second, self.face(second))
        self.assertEqual(self.line()['held']['serial'], second)
        body = {'cards': self.rows(expected, second, third), 'next': self.desk.hopper()[0]}
        self.assertTrue(self.me.post(LINE + 'sort', body)['second_person_needed'])
        self.assertFalse(self.guard.post(LINE + 'sort', body)['second_person_needed'])
        self.assertEqual([self.me.get('/v1/blanks/' + s)['application'] for s in (expected, second, third)],
                         [None, one, two])
        for serial in (second, third):
            self.finish(serial)

    # ---- two cards swapped at the reader --------------------------------------------------------------------------

    def test_08_swapped_at_the_reader(self):
        """She scans one card and inserts the other: the chip of A under the face of B is seen at the comparison."""
        one, two = self.accepted(self.applicant()), self.accepted(self.applicant())
        outcome = self.write_outcome(one, card=two)
        self.assertTrue(outcome['ok'], outcome)  # a blank chip is as good as another: the eye decides
        self.confirm_no_match(one)
        self.assertEqual(self.line()['held'], {'held': 'face_mismatch', 'serial': one})
        self.assertEqual(self.state(one), 'verified')
        self.desk.take_out()
        before = self.attempts(two)
        outcome = self.write_outcome(two, card=two)      # that chip belongs to serial one now
        self.assertEqual(outcome['error']['reason'], 'chip_taken')
        self.assertEqual(self.attempts(two), before, 'a chip of another serial is not even asked for its key')
        self.assertEqual(self.state(two), 'accepted')
        self.desk.take_out()
        # the chip inside card two is the one of serial one: both plastics are spoiled
        self.clear_reader()
        before = self.line()['chipped']
        self.me.post(f'/v1/blanks/{one}/spoil', {'cause': 'print_data', 'line': '1'})
        outcome = self.finish_write(one, before, card=two)
        self.assertTrue(outcome['ok'], outcome)
        self.desk.take_out()
        self.spoil(two, 'print_data')
        self.assertIsNone(self.line()['held'])
        names = [self.me.get('/v1/blanks/' + s)['application'] for s in (one, two)]
        for name in names:
            self.authorise(name)
            self.worksheet(name)
            self.issued(name)

    def confirm_no_match(self, serial):
        self.refused('face_mismatch', self.confirm, serial, False)

    def attempts(self, serial):
        """INITIALIZE UPDATEs the chip has answered: its own sequence counter."""
        with open(os.path.join(self.desk.folder(serial), 'state')) as f:
            return int(re.search(r'^seq (\d+)', f.read(), re.M)[1])

    # ---- docs/openssl-verify.md on the last card ------------------------------------------------------------------

    def test_09_page(self):
        serial = self.verified(self.applicant())
        self.confirm(serial)
        self.reported(serial)
        self.wait(lambda: not self.line()['chipping'])
        work = self.station.path('page')
        os.makedirs(work, exist_ok=True)
        shutil.copy(self.station.path('etc/csca.pem'), work)
        with open(os.path.join(os.path.dirname(TESTS), 'docs/openssl-verify.md')) as f:
            chapters = re.split(r'^## ', f.read(), flags=re.M)[1:]
        read, signature, hashes, chip, holder = ('\n'.join(re.findall(r'```sh\n(.*?)```', c, flags=re.S)) for c in chapters)

        def sh(text):
            done = subprocess.run(['sh', '-e', '-c', text], cwd=work, env=self.station.pcscd.env(), capture_output=True,
                                  timeout=60)
            return done.returncode, (done.stdout + done.stderr).decode()

        self.desk.put_in(serial)
        status, out = sh('\n'.join((read, signature, hashes, chip, holder)))
        self.assertEqual(status, 0, out)
        self.assertIn('Verification successful', out)
        for group in (2, 11, 12, 13):
            self.assertIn(f'DG{group}.bin: OK', out)
        blank = self.me.get('/v1/blanks/' + serial)
        self.assertIn('800a' + blank['chip_id'], out.lower())
        wanted = self.application(blank['application'])['certificate']
        self.assertIn(f"{wanted['family_fa']}<<{wanted['given_fa']}".replace(' ', '<'), out.replace(' ', '<'))
        with open(os.path.join(work, 'photo.jpg'), 'rb') as f:
            self.assertEqual(f.read(), self.me.get(f"/v1/applications/{blank['application']}/photo"))
        with open(os.path.join(work, 'DG2.bin'), 'rb') as f:
            digest = hashlib.sha256(f.read()).digest()
        for name, commands, complaint in (('DG2.bin', hashes, 'DG2.bin: FAILED'), ('DG11.bin', hashes, 'DG11.bin: FAILED'),
                                          ('EF.SOD', signature, 'erification')):
            path = os.path.join(work, name)
            with open(path, 'rb') as f:
                good = f.read()
            at = good.index(digest) if name == 'EF.SOD' else 60  # a signed hash; any byte of a file
            with open(path, 'wb') as f:
                f.write(good[:at] + bytes([good[at] ^ 1]) + good[at + 1:])
            status, out = sh(commands)
            self.assertNotEqual(status, 0, f'{name} altered: {out}')
            self.assertIn(complaint, out)
            with open(path, 'wb') as f:
                f.write(good)


if __name__ == '__main__':
    main()

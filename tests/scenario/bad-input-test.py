#!/usr/bin/python3
"""Bad input, each kind once, at a whole station: refused with its reason word, nothing lost, applicant and blank in a defined
state, the ledger sound and at one with the portal's (checked after every test), and the station goes on."""
import os
import subprocess
import time

from station_bench import LINE, TESTS, Refused, StationTest, main

FOREIGN = f'/usr/bin/python3 {TESTS}/rig/foreign_card.py '
# what the portal sends: reason, and the state in which the applicant stays
ODD = {
    'in_chain': ('approval_missing', 'in_chain'), 'unpaid': ('not_paid', 'in_chain'),
    'paid_too_early': ('paid_too_early', 'in_chain'), 'withdrawn': ('withdrawn', 'withdrawn'),
    'bad_national_id': ('bad_national_id', 'in_chain'), 'bidi_name': ('bad_text', 'in_chain'),
    'confirm_order': ('approval_incomplete', 'in_chain'), 'unconfirmed': ('approval_incomplete', 'in_chain'),
    'worksheet_differs': ('worksheet_differs', 'offered'), 'unknown_key': ('approval_broken', 'in_chain'),
    'duplicate_key': ('approval_broken', 'in_chain'), 'altered': ('approval_broken', 'in_chain'),
    'wrong_signer': ('approval_broken', 'in_chain'), 'photo_text': ('photo_bad', 'offered'),
    'photo_other': ('photo_bad', 'offered'), 'photo_small': ('photo_small', 'offered'),
    'photo_large': ('photo_large', 'offered'),
}


class BadInput(StationTest):
    applicants = 26

    def applicant(self):
        """With the photo, which comes after the data."""
        name = super().applicant()
        self.wait(lambda: self.has_photo(name), message='no photo of ' + name)
        return name

    def has_photo(self, name):
        try:
            return bool(self.me.get(f'/v1/applications/{name}/photo'))
        except Refused:
            return False

    def test_0_out_of_cards(self):
        """The printer is empty though the station was told of blanks: it waits, and goes on when they are there."""
        first, last = self.range(2)
        self.me.post('/v1/blanks', {'from': first, 'to': last})
        self.me.post(LINE + 'hopper', {'from': first, 'to': last})
        self.trouble('printer_empty', lambda: None, lambda: self.printer.load(first, last))

    def trouble(self, step, cause, mend):
        name = self.applicant()
        cause()
        before = self.line()['printed']
        self.start_print(name)
        self.wait(lambda: (self.line()['printing'] or {}).get('step') == step, message=step + ' is not shown')
        mend()
        outcome = self.next_outcome('printed', before)
        self.assertTrue(outcome['ok'], outcome)
        self.finish(outcome['serial'])

    # ---- from the portal ------------------------------------------------------------------------------------------

    def test_1_applications(self):
        self.load(20)
        names = {kind: self.portal.seed(0, seed=k + 1, odd=1, odd_kind=kind)[0]['id'] for k, kind in enumerate(ODD)}
        self.sync()
        before = self.line()
        for kind, name in names.items():
            with self.subTest(kind):
                self.wait(lambda: self.state_of(name) == ODD[kind][1], message=f'{name} is {self.state_of(name)}')
                reason, state = self.attempt(name)
                self.assertEqual((reason, state), ODD[kind])
        self.assertEqual((self.line()['hopper'], self.line()['next']), (before['hopper'], before['next']))
        odd = set(names.values())
        self.assertEqual([c for c in self.portal.ledger()['cards'] if c['application'] in odd], [])
        self.issued(self.applicant())

    def state_of(self, name):
        """None while the portal's lists have not brought it; withdrawals come in a list of their own."""
        try:
            return self.application(name)['state']
        except Refused:
            return None

    def attempt(self, name):
        """Confirms and prints as far as the station lets; (reason word, state of the applicant)."""
        def known():
            try:
                return self.application(name)
            except Refused:
                return None
        data = self.wait(known, message=name + ' does not arrive')
        try:
            if data.get('worksheet'):
                self.me.post(f'/v1/applications/{name}/worksheet', {'number': data['worksheet']['number']})
            outcome = self.print_outcome(name)
            while not outcome['ok'] and outcome['error']['kind'] == 'retry':  # its photo is on the way
                outcome = self.print_outcome(name)
            reason = 'printed' if outcome['ok'] else outcome['error']['reason']
        except Refused as no:
            reason = no.reason
            self.assertTrue(no.text)
        return reason, self.application(name)['state']

    def test_2_portal_faults(self):
        """Nonsense, a cut answer, no answer, an error at each kind of call; then the card is issued and reported once."""
        for path, modes in (('/claim', ('nonsense', 'drop_after')), ('/begin', ('truncate', 'drop_before')),
                            ('/issuance', ('status', 'drop_after', 'nonsense'))):
            for mode in modes:
                self.portal.fault(mode, path=path, count=1, arg={'truncate': 10, 'status': 503}.get(mode, 0))
        name = self.applicant()
        outcome, tries = self.print_outcome(name), 0
        while not outcome['ok'] and tries < 40:
            self.assertIn(outcome['error']['reason'], ('portal_down', 'portal_nonsense', 'wrong_state', 'claimed_elsewhere'))
            time.sleep(0.2)
            outcome, tries = self.print_outcome(name), tries + 1
        self.assertTrue(outcome['ok'], outcome)
        self.finish(outcome['serial'])
        self.portal.fault('clear')
        cards = [c for c in self.portal.ledger()['cards'] if c['application'] == name]
        self.assertEqual([(c['serial'], c['status']) for c in cards], [(outcome['serial'], 'issued')])

    def test_3_portal_away(self):
        """The card in work is finished without the portal and reported when it is there again."""
        serial = self.verified(self.applicant())
        self.station.hold('portal-sim')
        self.confirm(serial)
        self.assertEqual(self.state(serial), 'issued')
        name = self.applicant()
        outcome = self.print_outcome(name)
        self.assertEqual((outcome['ok'], outcome['error']['reason']), (False, 'portal_down'))
        self.assertEqual(self.me.get('/v1/blanks/' + serial)['registered'], 0)
        self.station.let('portal-sim')
        self.reported(serial)
        self.wait(lambda: self.print_ok(name), message='no print after the portal came back')
        self.finish(self.line()['printed']['serial'])

    def print_ok(self, name):
        return self.print_outcome(name)['ok']

    # ---- from the desk --------------------------------------------------------------------------------------------

    def test_4_scans(self):
        name = self.applicant()
        serial = self.printed(name)
        used = next(c['serial'] for c in self.portal.ledger()['cards'] if c['status'] == 'issued')
        self.refused('serial_not_here', self.accept, 'SC-1405-999999', self.face(serial))
        self.refused('serial_not_here', self.accept, 'sc-1405-000101', self.face(serial))
        for body in ({}, {'serial': serial}, {'serial': 5, 'face': 'x', 'verdict': 'good'},
                     {'serial': serial, 'face': 'x', 'verdict': 'good', 'more': 1}):
            self.assertIn(self.refusal('/v1/inspect', body), ('bad_json', 'bad_request'))
        self.accept(serial)
        self.refused('wrong_state', self.accept, used, self.face(used))
        self.refused('serial_used', self.me.post, '/v1/blanks', {'from': used, 'to': used})
        self.finish(serial)

    def refusal(self, path, body):
        with self.assertRaises(Refused) as caught:
            self.me.post(path, body)
        return caught.exception.reason

    # ---- the printer ----------------------------------------------------------------------------------------------

    def test_5_printer(self):
        """What the printer asks for is shown while it waits, and the card comes out after it was given."""
        self.trouble('printer_cover', self.printer.cover, self.printer.clear)
        self.trouble('ribbon_out', lambda: self.printer.write(0, 'ribbon'),
                     lambda: (self.printer.write(500, 'ribbon'), self.printer.clear()))

    def test_5b_jam(self):
        """The card under the head is lost and spoiled; its applicant waits for headquarters, then gets another."""
        name = self.applicant()
        self.printer.next('jam')
        before = self.line()['printed']
        self.start_print(name)
        serial = self.wait(lambda: (self.line()['printing'] or {}).get('step') == 'printer_jam' and
                           self.line()['printing']['serial'], message='the jam is not shown')
        self.printer.clear()
        outcome = self.next_outcome('printed', before)
        self.assertEqual(outcome['error']['reason'], 'unknown_print')
        self.assertEqual(self.desk.tray()[serial]['state'], 'half')
        item = next(u for u in self.unknown() if u['serial'] == serial)
        self.me.post('/v1/unknown/' + item['intent'], {'answer': 'came_out', 'serial': serial})
        self.assertEqual(self.unknown(), [])
        self.spoil(serial, 'card_jam')
        self.refused('awaiting_reissue', self.start_print, name)
        self.authorise(name)
        self.worksheet(name)
        self.finish(self.printed(name))

    # ---- the chip -------------------------------------------------------------------------------------------------

    def write_foreign(self, serial, options, ok=False):
        self.desk.take_out()
        self.desk.command = FOREIGN + options
        try:
            outcome = self.write_outcome(serial)
        finally:
            self.desk.command = None
        self.desk.take_out()
        return outcome['error']['reason'] if not outcome['ok'] else 'ok'

    def test_6_lawful_chips(self):
        for options in ('--t0 --room 128 --read-max 128', '--full-aid --no-key-info --no-card-data --no-cplc --slow E6=2'):
            with self.subTest(options):
                self.foreign_issued(options)

    def foreign_issued(self, options):
        serial = self.accepted(self.applicant())
        self.assertEqual(self.write_foreign(serial, options), 'ok')
        self.confirm(serial)
        self.reported(serial)
        self.desk.command = FOREIGN + options
        try:  # spoiled after its report: made unverifiable first
            self.assertEqual(self.spoil(serial), 'unverifiable')
        finally:
            self.desk.command = None

    def test_7_unlawful_chips(self):
        """Refused with its word; the blank is where it was, and is spoiled at no cost but itself."""
        for options, reason in (('--no-applet', 'chip_foreign'), ('--garbage 00', 'chip_answer'), ('--bad-mac', 'chip_mac')):
            with self.subTest(options):
                serial = self.accepted(self.applicant())
                self.assertEqual(self.write_foreign(serial, options), reason)
                self.assertEqual(self.state(serial), 'accepted')
                self.assertEqual(self.unknown(), [])
                self.me.post(f'/v1/blanks/{serial}/spoil', {'cause': 'chip_refused', 'no_chip': True})
                self.assertEqual(self.state(serial), 'spoiled')

    def test_7b_wrong_card(self):
        """Another card than the scanned one: an issued card, and one that was bound to its serial before."""
        issued = self.issued(self.applicant())
        first, second = (self.accepted(self.applicant()) for _ in range(2))
        outcome = self.write_outcome(first, card=issued)
        self.assertIn(outcome['error']['reason'], ('chip_personalised', 'chip_taken'))
        self.write(second)
        outcome = self.write_outcome(first, card=second)
        self.assertIn(outcome['error']['reason'], ('chip_personalised', 'chip_taken'))
        self.assertEqual((self.state(first), self.state(second)), ('accepted', 'verified'))
        for serial in (second, first):
            self.finish(serial)

    def test_7c_torn(self):
        """Taken out at once, in the script, and after its last command: the same card is finished afterwards."""
        for at in ('--gone-before 0', '--gone-before 9', '--gone-after 9', '--gone-after 40', '--gone-before 90'):
            with self.subTest(at):
                serial = self.accepted(self.applicant())
                self.assertNotEqual(self.write_foreign(serial, at), 'ok')
                self.assertIn(self.state(serial), ('accepted', 'writing', 'written'))
                for _ in range(2):  # read back; written again when it was not whole
                    self.write_foreign(serial, '')
                    if self.state(serial) == 'verified':
                        break
                self.assertEqual(self.state(serial), 'verified')
                self.confirm(serial)
                self.reported(serial)

    def test_8_wrong_key(self):
        """The first costs no try and parks the chip; the second in a row stops the line; `mohr` exits with 5."""
        first, second = (self.accepted(self.applicant()) for _ in range(2))
        self.assertEqual(self.write_foreign(first, '--wrong-key'), 'chip_key_refused')
        self.assertIn(self.write_foreign(first, '--wrong-key'), ('chip_key_refused', 'chip_budget'))
        self.desk.command = FOREIGN + '--wrong-key'
        self.wait(lambda: self.desk.put_in(second))
        done = subprocess.run([self.station.path('bin/mohr'), 'write', '--serial', second, '--socket', self.station.socket],
                              capture_output=True, text=True, timeout=60)
        self.desk.take_out()
        self.desk.command = None
        self.assertEqual(done.returncode, 5, done)
        for serial in (first, second):
            with open(os.path.join(self.desk.folder(serial), 'apdu.log')) as f:
                commands = [line.split()[1][2:4] for line in f]
            self.assertEqual((commands.count('50'), commands.count('82')), (1, 0))
            self.assertEqual(self.state(serial), 'accepted')
        self.assertEqual(self.line()['held']['held'], 'line_stopped')
        self.refused('line_stopped', self.me.post, LINE + 'write', {'serial': second})
        for serial in (first, second):
            self.me.post(f'/v1/blanks/{serial}/spoil', {'cause': 'chip_refused', 'no_chip': True})


if __name__ == '__main__':
    main()

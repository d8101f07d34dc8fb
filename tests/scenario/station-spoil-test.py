#!/usr/bin/python3
"""I-8: a card spoiled at any stage; what becomes of its chip, its serial, its applicant and the portal's lists."""
from station_bench import LINE, StationTest, main


class Always(StationTest):
    """reissue_authorisation = always: every spoiled card waits for headquarters."""
    applicants = 14

    def spoils(self, name, serial, cause, fate, registered=False, again=False, **more):
        """Spoils the card; the portal hears of it; the applicant waits, and is authorised. again: and gets another."""
        self.assertEqual(self.spoil(serial, cause, **more), fate)
        self.settled()
        self.assertEqual(self.application(name)['state'], 'awaiting_reissue')
        card = next(c for c in self.portal.ledger()['cards'] if c['serial'] == serial)
        self.assertEqual((card['status'], card['cause'], card['operator']), ('spoiled', cause, 'expert'))
        self.assertEqual(self.listed(serial), fate == 'withdrawn_list')
        self.refused('awaiting_reissue', self.me.post, LINE + 'print', {'application': name})
        self.assertIn(serial, [e['serial'] for e in self.portal.ledger()['effects'] if e['what'] == 'spoil'])
        self.assertEqual(bool(self.me.get('/v1/blanks/' + serial)['registered']), registered)
        self.authorise(name)
        self.refused('worksheet_missing', self.me.post, LINE + 'print', {'application': name})
        if not again:
            return
        self.worksheet(name)
        self.assertNotEqual(self.issued(name), serial)
        used = [a for a in self.portal.ledger()['authorisations'] if a['spoiled_serial'] == serial]
        self.assertEqual([bool(a['used_by']) for a in used], [True])

    def listed(self, serial):
        return any(w['serial'] == serial for w in self.portal.ledger()['withdrawn'])

    def test_01_blank(self):
        """No applicant: a blank with a scratch, in the room and in the hopper."""
        first, last = self.range(2)
        self.me.post('/v1/blanks', {'from': first, 'to': last})
        self.me.post(LINE + 'hopper', {'from': last, 'to': last})
        for serial in (first, last):
            self.assertEqual(self.spoil(serial, 'card_dust'), 'unwritten')
        self.settled()
        told = {c['serial']: c for c in self.portal.ledger()['cards']}
        for serial in (first, last):
            self.assertEqual((told[serial]['status'], told[serial]['application']), ('spoiled', None))

    def test_02_printed(self):
        name = self.applicant()
        serial = self.printed(name)
        self.refused('bad_request', self.me.post, f'/v1/blanks/{serial}/spoil', {'cause': 'because'})
        self.refused('bad_request', self.me.post, f'/v1/blanks/{serial}/spoil', {'cause': 'other'})
        self.refused('bad_text', self.me.post, f'/v1/blanks/{serial}/spoil', {'cause': 'other', 'text': 'a\u202eb'})
        self.refused('not_permitted', self.guard.post, f'/v1/blanks/{serial}/spoil', {'cause': 'card_dust'})
        self.spoils(name, serial, 'other', 'unwritten', again=True, text='رنگ چاپ بد است')

    def test_03_inspected_and_refused(self):
        """The verdict `spoiled` of the inspection itself; no face needed."""
        name = self.applicant()
        serial = self.printed(name)
        self.me.post('/v1/inspect', {'serial': serial, 'verdict': 'spoiled', 'cause': 'print_colour', 'line': '1'})
        self.assertEqual(self.state(serial), 'spoiled')
        self.settled()
        self.authorise(name)
        self.worksheet(name)
        self.issued(name)

    def test_04_accepted(self):
        name = self.applicant()
        self.spoils(name, self.accepted(name), 'card_surface', 'unwritten')

    def test_05_torn_out_while_written(self):
        name = self.applicant()
        serial = self.accepted(name)
        self.tear(serial)
        self.assertEqual(self.state(serial), 'writing')
        self.spoils(name, serial, 'chip_partial', 'unverifiable')

    def test_06_verified(self):
        name = self.applicant()
        self.spoils(name, self.verified(name), 'print_shifted', 'unverifiable', again=True)

    def test_07_after_the_report(self):
        """Note 3's own case."""
        name = self.applicant()
        self.spoils(name, self.issued(name), 'card_surface', 'unverifiable', registered=True, again=True)

    def test_08_chip_gone_silent(self):
        """Its chip cannot be locked any more: the serial goes on the signed list."""
        for registered in (False, True):
            with self.subTest(registered=registered):
                name = self.applicant()
                serial = self.issued(name) if registered else self.verified(name)
                self.desk.take_out()
                self.spoils(name, serial, 'chip_mute', 'withdrawn_list', registered=registered, no_chip=True)

    def test_09_before_its_report_arrived(self):
        """Issued, and spoiled while the portal was away: report, then spoil, in this order."""
        name = self.applicant()
        serial = self.verified(name)
        self.portal.fault('status', path='/issuance', count=2, arg=503)
        self.confirm(serial)
        self.assertEqual(self.spoil(serial), 'unverifiable')
        self.settled()
        effects = [e['what'] for e in self.portal.ledger()['effects'] if e['serial'] == serial]
        self.assertEqual(effects, ['issuance', 'spoil'])
        self.assertEqual(self.application(name)['state'], 'awaiting_reissue')

    def test_10_locked_twice(self):
        """The lock was done, its answer lost (the worker was killed): asked again, the card is spoiled."""
        name = self.applicant()
        serial = self.verified(name)
        self.desk.take_out()
        self.clear_reader()
        before = self.line()['chipped']
        self.me.post(f'/v1/blanks/{serial}/spoil', {'cause': 'print_side', 'line': '1'})
        with self.slow_card(100):
            self.wait(lambda: self.desk.put_in(serial) and (self.line()['chipping'] or {'step': 'gone'})['step'] == 'write')
        self.kill(next(w['pid'] for w in self.status()['workers'] if w['name'] == 'mohr-chip'))
        self.inserting = serial
        outcome = self.next_outcome('chipped', before)
        self.inserting = None
        self.assertFalse(outcome['ok'])
        self.assertEqual(self.state(serial), 'verified')
        self.assertEqual([u['kind'] for u in self.unknown()], ['lock'])
        self.spoils(name, serial, 'print_side', 'unverifiable')
        self.assertEqual(self.unknown(), [])


class Registered(StationTest):
    """Note 3 taken literally: only a card whose serial was recorded needs headquarters."""
    applicants = 3
    options = {'registered_only': True, 'extra_config': 'reissue_authorisation = registered\n',
               'key_options': ('--reissue', 'registered')}

    def test_01_unregistered(self):
        """Before the report, with nothing and with something on the chip: another card at once."""
        name = self.applicant()
        for make in (self.printed, self.verified):
            serial = make(name)
            self.spoil(serial)
            self.settled()
            self.assertEqual(self.application(name)['state'], 'bound')
        self.issued(name)
        self.assertEqual(self.portal.ledger()['authorisations'], [])

    def test_02_registered(self):
        name = self.applicant()
        serial = self.issued(name)
        self.spoil(serial)
        self.settled()
        self.assertEqual(self.application(name)['state'], 'awaiting_reissue')
        self.refused('awaiting_reissue', self.me.post, LINE + 'print', {'application': name})
        self.authorise(name)
        self.worksheet(name)
        self.issued(name)


if __name__ == '__main__':
    main()

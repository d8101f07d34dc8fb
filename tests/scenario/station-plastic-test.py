#!/usr/bin/python3
"""Wrong plastic (DESIGN 1.2, 1.6, 1.8): serials typed wrong, a blank that nobody had loaded, a card in the printer at the start,
lost and found ones, strays, voids with and without the chip, the way to headquarters. Faces exchanged, double feeds and cards
swapped at the reader are played in station-order, cards spoiled at each stage in station-spoil."""
import hashlib
import os
import signal
import subprocess

from station_bench import LINE, StationTest, main

PERSIAN = str.maketrans('0123456789', '۰۱۲۳۴۵۶۷۸۹')


class Plastic(StationTest):
    applicants = 12

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.head, cls.director = (cls.station.person(n) for n in ('assessment-head', 'director'))
        cls.minutes = cls.station.path('minutes.pdf')
        with open(cls.minutes, 'wb') as f:
            f.write(b'%PDF-1.7 the signed minutes of the board\n')
        with open(cls.minutes, 'rb') as f:
            cls.digest = hashlib.sha256(f.read()).hexdigest()

    # ---- two people ------------------------------------------------------------------------------------------------

    def both(self, path, body=None, first=None, second=None):
        """The first asks and nothing happens; the second, of another office, asks for the same."""
        first, second = first or self.me, second or self.guard
        self.assertTrue(first.post(path, body)['second_person_needed'])
        self.refused('same_person', first.post, path, body)
        return second.post(path, body)

    def mohr(self, who, *command, wants=0):
        done = subprocess.run(self.station.mohr(list(command), who), capture_output=True, text=True, timeout=60, cwd='/')
        self.assertEqual(done.returncode, wants, done.stdout + done.stderr)
        return done.stdout

    def missing(self, serial):
        self.assertFalse(self.both(f'/v1/blanks/{serial}/missing')['second_person_needed'])
        self.assertEqual(self.state(serial), 'missing')

    def found(self, serial):
        answer = self.both('/v1/found', {'scanned': serial})
        self.assertEqual((answer['found'], self.state(serial)), ('found', 'found'))

    def cases(self, kind):
        return [c for c in self.me.get('/v1/cases')['cases'] if c['kind'] == kind]

    def close(self, kind, finding, **more):
        for case in self.cases(kind):
            self.both(f'/v1/cases/{case["case"]}/close', {'finding': finding} | more)
        self.assertEqual(self.cases(kind), [])

    def at_portal(self, serial):
        self.settled()
        return next((c['status'] for c in self.portal.ledger()['cards'] if c['serial'] == serial), None)

    def withdrawn(self, serial):
        return any(w['serial'] == serial for w in self.portal.ledger()['withdrawn'])

    def again(self, name, *former):
        """Headquarters lets it be printed again: another card."""
        self.authorise(name)
        self.worksheet(name)
        serial = self.issued(name)
        self.assertNotIn(serial, former)
        return serial

    # ---- which plastic -----------------------------------------------------------------------------------------------

    def test_01_typed_wrong(self):
        """One digit, Persian digits, letters of another province, another's serial: nothing is bound to it."""
        name = self.applicant()
        serial = self.printed(name)
        face = self.face(serial)
        for typed, reason in ((serial.translate(PERSIAN), 'bad_json'), ('SC-1405-009999', 'serial_not_here'),
                              (serial.lower(), 'serial_not_here'), (serial[:-1], 'serial_not_here')):
            self.refused(reason, self.accept, typed, face)
            self.assertIsNone(self.line()['held'], typed)
        neighbour = self.line()['next']
        self.refused('serial_mismatch', self.accept, neighbour, face)  # one digit: it might be a double feed
        self.assertEqual(self.line()['held']['serial'], neighbour)
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': neighbour})
        body = {'cards': [{'serial': serial, 'face': face}], 'next': neighbour}
        self.assertFalse(self.me.post(LINE + 'sort', body)['second_person_needed'])  # all was as expected
        self.accept(serial)
        self.refused('serial_not_here', self.me.post, LINE + 'write', {'serial': 'SC-1405-009999'})
        self.finish(serial)

    def test_02_blank_that_nobody_loaded(self):
        """On top of the stack lies a blank that the ledger has on the shelf: it gets the face."""
        while self.line()['hopper']:
            self.spoil(self.line()['next'], 'card_dust')
        self.printer.take()
        for card in self.printer.cards('hopper'):
            os.rename(self.printer.path('hopper', card['card']), self.printer.path('tray', card['card']))
        expected, unseen = self.range(2)
        self.me.post('/v1/blanks', {'from': expected, 'to': unseen})
        self.me.post(LINE + 'hopper', {'from': expected, 'to': expected})
        self.printer.add_blank(unseen)
        self.printer.add_blank(expected)
        name = self.applicant()
        self.assertEqual(self.printed(name), expected)  # so it seems
        face = self.face(unseen)
        self.refused('serial_mismatch', self.me.post, '/v1/found', {'scanned': unseen, 'face': face})
        self.assertEqual(self.line()['held'], {'held': 'serial_mismatch', 'serial': unseen})
        body = {'cards': [{'serial': unseen, 'face': face}, {'serial': expected}]}
        self.assertFalse(self.both(LINE + 'sort', body)['second_person_needed'])
        self.assertEqual((self.state(unseen), self.state(expected)), ('printed', 'room'))
        self.assertEqual(self.me.get('/v1/blanks/' + unseen)['application'], name)
        self.finish(unseen)
        self.me.post(LINE + 'hopper', {'from': expected, 'to': expected})  # it still lies in the stack
        self.assertEqual(self.issued(self.applicant()), expected)

    def test_03_card_in_the_printer_at_the_start(self):
        """The power goes while the card is inside: nobody knows, until the expert has opened the printer."""
        name = self.applicant()
        with self.card_inside(name) as serial:
            core, cupsd = self.station.service('mohrd'), self.station.cups
            core.child.kill()
            cupsd.kill()
            for pid in cupsd.backend_pids():
                os.kill(pid, signal.SIGKILL)
        self.wait(lambda: [u for u in self.unknown() if u['serial'] == serial and u['step'] == 'probed'], 30,
                  'the print is not looked into')
        self.refused('unknown_open', self.start_print, self.fresh[0])  # asked once, before anything else is printed
        self.refused('unknown_print', self.me.post, '/v1/found', {'scanned': serial})
        self.refused('unknown_open', self.me.post, f'/v1/blanks/{serial}/missing')
        self.assertIn('printer', ' '.join(q['text'] for q in self.unknown()[0]['questions']).lower())
        self.desk.clear_printer()
        self.assertEqual(self.desk.tray()[serial]['state'], 'half')
        self.me.post('/v1/unknown/' + self.unknown()[0]['intent'], {'answer': 'came_out', 'serial': serial})
        self.assertEqual(self.spoil(serial, 'power_fault'), 'unwritten')
        self.assertEqual(self.at_portal(serial), 'spoiled')
        self.again(name, serial)

    # ---- lost and found ----------------------------------------------------------------------------------------------

    def test_04_lost_and_found(self):
        """Before its chip was written: it counts as live while it is missing, and is spoiled when it turns up."""
        name = self.applicant()
        serial = self.accepted(name)
        self.missing(serial)
        self.refused('wrong_state', self.me.post, LINE + 'print', {'application': name})  # no second card
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': serial})
        self.refused('wrong_state', self.me.post, f'/v1/blanks/{serial}/spoil', {'cause': 'other', 'text': 'x'})
        self.found(serial)
        self.refused('wrong_state', self.me.post, LINE + 'write', {'serial': serial})
        self.assertEqual(self.spoil(serial, 'card_surface'), 'unwritten')
        self.close('missing', 'found_spoiled')
        self.assertEqual(self.at_portal(serial), 'spoiled')
        Plastic.lost_and_spoiled = serial
        self.again(name, serial)

    def test_05_issued_lost_and_found(self):
        """Its chip is locked when it turns up; a blank of the shelf is lost for good and voided."""
        name = self.applicant()
        serial = self.issued(name)
        self.missing(serial)
        self.assertEqual(self.at_portal(serial), 'issued')
        self.found(serial)
        self.assertEqual(self.spoil(serial, 'card_surface'), 'unverifiable')
        self.assertEqual(self.at_portal(serial), 'spoiled')
        self.close('missing', 'found_spoiled')
        blank, _ = self.range(1)
        self.me.post('/v1/blanks', {'from': blank, 'to': blank})
        self.missing(blank)
        self.assertEqual(self.void(blank)['chip'], 'unwritten')
        self.assertEqual(self.at_portal(blank), 'spoiled')  # the portal voids issued cards alone
        self.close('missing', 'voided')

    def test_06_strays(self):
        """Cards that lie where they should not: a case tells what was scanned, and nothing else changes."""
        serial = next(c['serial'] for c in self.portal.ledger()['cards'] if c['status'] == 'issued')
        for scanned in (serial, Plastic.lost_and_spoiled, 'TEH-1404-000017', 'گواهینامه'):
            before = self.state(scanned) if scanned.startswith('SC-') else None
            answer = self.me.post('/v1/found', {'scanned': scanned, 'chip_id': '00' * 10})
            self.assertEqual(answer, {'second_person_needed': False, 'found': 'stray', 'case': answer['case']})
            self.assertEqual(self.guard.post('/v1/found', {'scanned': scanned, 'chip_id': '00' * 10})['case'], answer['case'])
            self.assertEqual(self.state(scanned) if before else None, before)
        self.assertEqual({c['scanned'] for c in self.cases('stray')},
                         {serial, Plastic.lost_and_spoiled, 'TEH-1404-000017', 'گواهینامه'})
        self.assertIn('Case', self.mohr('expert', 'found', serial, '--chip', '00' * 10))
        self.refused('not_permitted', self.director.post, '/v1/found', {'scanned': serial})
        self.close('stray', 'put_right', text='از کشوی میز')

    # ---- void --------------------------------------------------------------------------------------------------------

    def void(self, serial, **more):
        body = {'minutes': '1405/217', 'minutes_sha256': self.digest} | more
        return self.both(f'/v1/blanks/{serial}/void', body, first=self.head)

    def voided(self, name, serial, fate):
        self.assertEqual((self.state(serial), self.me.get('/v1/blanks/' + serial)['chip_fate']), ('void', fate))
        self.assertEqual(self.at_portal(serial), 'void')
        self.assertEqual(self.withdrawn(serial), fate == 'withdrawn_list')
        self.assertEqual(self.application(name)['state'], 'awaiting_reissue')
        told = [e for e in self.portal.ledger()['effects'] if e['serial'] == serial and e['what'] == 'void']
        self.assertEqual(len(told), 1)

    def test_07_void_with_its_chip(self):
        """The card is ripped out while it is locked; either of the two who signed makes the attempt again."""
        name = self.applicant()
        serial = self.issued(name)
        path, body = f'/v1/blanks/{serial}/void', {'minutes': '1405/217', 'minutes_sha256': self.digest, 'line': '1'}
        self.refused('not_permitted', self.me.post, path, body)
        self.refused('not_permitted', self.guard.post, path, body)  # the assessment office first
        self.assertTrue(self.head.post(path, body)['second_person_needed'])
        self.clear_reader()
        before = self.line()['chipped']
        with self.slow_card(100):
            self.assertIn('chipping', self.guard.post(path, body))
            self.wait(lambda: self.desk.put_in(serial) and (self.line()['chipping'] or {'step': ''})['step'] == 'write')
            self.desk.pull()
        self.assertFalse(self.next_outcome('chipped', before)['ok'])
        self.assertEqual(self.state(serial), 'issued')
        self.portal.fault('status', path='/voids', count=2, arg=503)
        self.clear_reader()
        before = self.line()['chipped']
        self.assertIn('chipping', self.head.post(path, body))  # no third signature
        self.assertTrue(self.finish_write(serial, before)['ok'])
        self.assertFalse(self.desk.look(serial), 'the chip still verifies')
        self.desk.take_out()
        self.assertEqual(self.unknown(), [])
        self.voided(name, serial, 'unverifiable')
        self.refused('wrong_state', self.head.post, path, body)
        Plastic.void_serial = serial
        self.again(name, serial)

    def test_08_void_without_its_chip(self):
        """By the command: the holder did not bring it."""
        name = self.applicant()
        serial = self.issued(name)
        words = ['void', serial, '--minutes', '1405/218', '--document', self.minutes, '--no-chip']
        self.mohr('assessment-head', *words[:-1], '--minutes', '', wants=3)
        self.assertIn('second person', self.mohr('assessment-head', *words))
        self.mohr('expert', *words, wants=8)
        self.assertIn('headquarters', self.mohr('director', *words))
        self.voided(name, serial, 'withdrawn_list')
        self.assertEqual(self.me.get('/v1/blanks/' + serial)['minutes'], '1405/218')
        self.honours_the_list(serial)

    def verify(self, *more, wants):
        words = ['verify', '--reader', self.desk.slot.reader, '--ca', self.station.path('etc/csca.pem'), '--wait', '5', '--json',
                 '--config', self.station.config]
        done = subprocess.run([self.station.path('bin/mohr'), *words, *more], capture_output=True, text=True, timeout=60,
                              env=self.station.pcscd.env(), cwd='/')
        self.assertEqual(done.returncode, wants, done.stdout + done.stderr)
        return done.stdout

    def honours_the_list(self, serial):
        """The chip still verifies; the signed list alone tells that the card is not valid any more."""
        def listed():
            self.me.post('/v1/sync')
            return serial in [w['serial'] for w in self.me.get('/v1/withdrawn')['withdrawn']]
        self.wait(listed, message=serial + ' does not come with the withdrawn list')
        where = self.station.path('withdrawn.txt')
        with open(where, 'w') as f:
            f.write(self.mohr('auditor', 'withdrawn'))
        self.clear_reader(serial)
        self.wait(lambda: self.desk.put_in(serial))
        self.assertIn('"withdrawn_list_checked": false', self.verify('--socket', '/nowhere', wants=0))
        ca = ['--portal-ca', self.portal.ca, '--socket', '/nowhere']
        self.assertIn('card_withdrawn', self.verify('--withdrawn', where, *ca, wants=5))
        self.assertIn('card_withdrawn', self.verify('--socket', self.station.socket, wants=5))
        with open(where, 'a') as f:
            f.write('a.b.c\n')
        self.verify('--withdrawn', where, *ca, wants=3)
        self.desk.take_out()

    def test_09_missing_and_voided(self):
        """An issued card that never turns up, and one that does after headquarters had voided it."""
        name = self.applicant()
        serial = self.issued(name)
        self.missing(serial)
        self.assertEqual(self.void(serial, line='1')['chip'], 'withdrawn_list')
        self.voided(name, serial, 'withdrawn_list')
        self.close('missing', 'voided')
        self.assertEqual(self.me.post('/v1/found', {'scanned': serial})['found'], 'stray')
        self.close('stray', 'put_right', text='نزد کارت‌های باطل')
        self.assertEqual(self.state(serial), 'void')

    # ---- to headquarters -----------------------------------------------------------------------------------------------

    def test_10_dispatch(self):
        """A spoiled and a void card with one letter: all or none, and there when headquarters says so."""
        spoiled, void = Plastic.lost_and_spoiled, Plastic.void_serial
        issued = next(c['serial'] for c in self.portal.ledger()['cards'] if c['status'] == 'issued')
        self.refused('wrong_state', self.me.post, '/v1/dispatches', {'serials': [spoiled, issued], 'letter': '5712/3'})
        self.assertIn('second person', self.mohr('expert', 'dispatch', spoiled, void, '--letter', '5712/3'))
        self.assertEqual([self.state(s) for s in (spoiled, void)], ['spoiled', 'void'])
        self.assertIn('On their way', self.mohr('director', 'dispatch', void, spoiled, '--letter', '5712/3'))
        self.assertEqual([self.state(s) for s in (spoiled, void)], ['dispatched', 'dispatched'])
        body = {'serials': [spoiled, void], 'letter': '5712/3', 'acknowledged': True}
        self.refused('wrong_state', self.me.post, '/v1/dispatches', body | {'letter': '5712/4'})
        self.assertEqual(self.both('/v1/dispatches', body)['count'], 2)
        self.assertEqual([self.state(s) for s in (spoiled, void)], ['at_hq', 'at_hq'])
        self.refused('wrong_state', self.me.post, f'/v1/blanks/{void}/missing')

    def test_11_the_portal_says_the_same(self):
        status, said = self.station.fsck('--portal')
        self.assertEqual(status, 0, said)


if __name__ == '__main__':
    main()

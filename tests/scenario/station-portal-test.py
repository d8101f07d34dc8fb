#!/usr/bin/python3
"""The portal's side: withdrawals at each stage, a portal that is away, leases, two stations after one applicant."""
import contextlib
import copy
import json
import shutil
import tempfile
import time

from station_bench import LINE, STATION, Desk, Options, StationTest, TestStation, build_dir, main

OTHER = 'golestan-2'


class Portal(StationTest):
    applicants = 22
    options = {'stations': (STATION, OTHER), 'lease_s': 8}

    # ---- withdrawn by the portal ----------------------------------------------------------------------------------

    def withdrawn(self, name):
        self.portal.withdraw(name)
        self.sync()

    def refuses_print(self, name, reason='withdrawn'):
        self.refused(reason, self.me.post, LINE + 'print', {'application': name})

    def test_01_withdrawn_offered(self):
        name = self.applicant()
        self.withdrawn(name)
        self.assertEqual(self.application(name)['state'], 'withdrawn')
        self.refuses_print(name)

    def claimed(self, name):
        """Claimed and no more: the portal refuses to begin, for now."""
        self.portal.fault('status', path='/begin', count=1000, arg=503)
        self.start_print(name)
        self.wait(lambda: self.application(name)['state'] == 'claimed', message='not claimed')

    def test_02_withdrawn_claimed(self):
        name = self.applicant()
        self.load(3)
        blank = self.line()['next']
        self.claimed(name)
        self.portal.withdraw(name)
        self.goes_on()
        self.wait(lambda: self.application(name)['state'] == 'withdrawn', message='not withdrawn')
        outcome = self.wait(lambda: not self.line()['printing'] and self.line()['printed'])
        self.assertEqual((outcome['ok'], outcome['application']), (False, name))
        self.assertEqual(outcome['error']['reason'], 'withdrawn')
        self.refuses_print(name)
        self.assertEqual(self.line()['next'], blank)

    def test_03_withdrawn_bound(self):
        """Bound, but not printed: the last blank of the hopper was spoiled meanwhile."""
        name = self.applicant()
        self.claimed(name)
        while self.line()['hopper']:
            self.spoil(self.line()['next'], 'card_dust')
        self.printer.take()
        for card in self.printer.cards('hopper'):
            shutil.rmtree(self.printer.path('hopper', card['card']))
        self.goes_on()
        outcome = self.wait(lambda: not self.line()['printing'] and self.line()['printed'])
        self.assertEqual(outcome['error']['reason'], 'no_blank')
        self.assertEqual(self.application(name)['state'], 'bound')
        self.withdrawn(name)
        self.assertEqual(self.application(name)['state'], 'withdrawn')
        self.load(10)
        self.refuses_print(name)

    def goes_on(self):
        self.portal.fault('clear')
        self.me.post('/v1/sync')

    def withdrawn_with_card(self, name, serial, state):
        """The card is not spoiled by itself: the line stops at its next step, a case is open, the expert puts it aside."""
        cases = self.status()['counts']['cases']
        self.withdrawn(name)
        self.assertEqual(self.state(serial), state)
        self.assertEqual(self.application(name)['state'], 'disputed')
        self.assertEqual(self.status()['counts']['cases'], cases + 1)
        steps = {'printed': lambda: self.accept(serial), 'accepted': lambda: self.write_outcome(serial),
                 'verified': lambda: self.confirm(serial)}
        self.refused('withdrawn', steps[state])
        self.assertEqual(self.state(serial), state)
        fate = self.spoil(serial)
        self.assertEqual(fate, 'unverifiable' if state == 'verified' else 'unwritten')
        self.settled()
        self.assertEqual(self.application(name)['state'], 'withdrawn')
        self.refuses_print(name)
        self.assertIsNone(self.line()['held'])

    def test_04_withdrawn_printed(self):
        name = self.applicant()
        self.withdrawn_with_card(name, self.printed(name), 'printed')

    def test_05_withdrawn_accepted(self):
        name = self.applicant()
        self.withdrawn_with_card(name, self.accepted(name), 'accepted')

    def test_06_withdrawn_written(self):
        name = self.applicant()
        self.withdrawn_with_card(name, self.verified(name), 'verified')

    def test_07_withdrawn_before_report(self):
        """Issued here, withdrawn there before the report arrived: the report is refused, the card undeliverable."""
        name = self.applicant()
        serial = self.verified(name)
        self.portal.fault('status', path='/issuance', count=1, arg=503)
        self.confirm(serial)
        self.portal.withdraw(name)
        self.me.post('/v1/sync')
        self.wait(lambda: self.application(name)['state'] == 'disputed', message='no case')
        self.settled()
        self.assertEqual(self.state(serial), 'issued')
        self.assertEqual(self.me.get('/v1/blanks/' + serial)['registered'], 0)
        self.assertEqual(self.spoil(serial), 'unverifiable')
        self.settled()

    # ---- the portal is away ---------------------------------------------------------------------------------------

    def test_08_portal_down(self):
        one, two, three = self.applicant(), self.applicant(), self.applicant()
        first, second = self.verified(one), None
        self.desk.take_out()
        second = self.accepted(two)
        self.station.hold('portal-sim')
        try:
            self.confirm(first)
            self.write(second)
            self.confirm(second)
            self.assertEqual((self.state(first), self.state(second)), ('issued', 'issued'))
            self.wait(lambda: not self.status()['portal']['up'], message='the portal seems up')
            self.assertEqual(self.status()['portal']['pending'], 2)
            outcome = self.print_outcome(three)
            self.assertEqual(outcome['error']['reason'], 'portal_down')
            self.assertEqual(outcome['error']['kind'], 'retry')
            self.assertIn(self.application(three)['state'], ('offered',))
        finally:
            self.station.let('portal-sim')
        self.me.post('/v1/sync')
        for serial in (first, second):
            self.reported(serial)
        done = [e['serial'] for e in self.portal.ledger()['effects'] if e['what'] == 'issuance']
        self.assertEqual(done[-2:], [first, second])
        self.settled()
        self.issued(three)

    def test_09_answers_lost_and_nonsense(self):
        """Applied without an answer, nonsense, cut off: the same bytes again, applied once."""
        for mode in ('drop_after', 'nonsense', 'truncate'):
            with self.subTest(mode=mode):
                name = self.applicant()
                for path in ('/claim', '/begin', '/issuance'):
                    self.portal.fault(mode, path=path, count=1, arg=20)
                self.portal.fault('drop_before', path='/issuance', count=1)
                serial = self.issued(name)
                effects = [e['what'] for e in self.portal.ledger()['effects'] if e['application'] == name]
                self.assertEqual(effects, ['claim', 'begin', 'issuance'])
                self.assertEqual(self.state(serial), 'issued')

    # ---- leases and rivals ----------------------------------------------------------------------------------------

    def rival(self, path, body):
        status, _, raw = self.portal.client(OTHER).call('POST', path, body)
        return status, json.loads(raw)

    def rival_claims(self, name):
        if not self.greeted:
            self.assertEqual(self.rival('/v1/hello', {'station': OTHER, 'epoch': 1, 'seq': 0, 'head': '0' * 64})[0], 200)
            Portal.greeted = True
        return self.rival(f'/v1/applications/{name}/claim', {'epoch': 1})[0]

    greeted = False

    def row(self, name):
        return next(a for a in self.portal.ledger()['applications'] if a['id'] == name)

    def test_10_lease_lapses(self):
        """Ours runs out while the portal does not let us begin; the rival takes over, and we never print."""
        name = self.applicant()
        self.claimed(name)
        blank = self.line()['next']
        fence = self.row(name)['fence']
        self.assertEqual(self.rival_claims(name), 409)
        self.wait(lambda: self.rival_claims(name) == 200, 20, 'the lease does not lapse')
        self.goes_on()
        outcome = self.wait(lambda: not self.line()['printing'] and self.line()['printed'])
        self.settled()
        self.assertEqual((outcome['ok'], outcome['application']), (False, name))
        self.assertIn(outcome['error']['reason'], ('claimed_elsewhere', 'fenced', 'portal_down'))
        row = self.row(name)
        self.assertEqual((row['holder'], row['fence'] > fence), (OTHER, True))
        self.assertNotEqual(self.application(name)['state'], 'bound')
        self.assertEqual(self.line()['next'], blank)

    def test_11_lease_lapses_unseen(self):
        """Nobody took it meanwhile: it is claimed anew and printed once."""
        name = self.applicant()
        self.claimed(name)
        time.sleep(self.options['lease_s'] + 1)
        self.goes_on()
        outcome = self.wait(lambda: not self.line()['printing'] and self.line()['printed'])
        if not outcome['ok']:
            self.assertIn(outcome['error']['reason'], ('lease_over', 'portal_down'))
            self.settled()
            outcome = self.print_outcome(name)
        self.assertTrue(outcome['ok'], outcome)
        self.finish(outcome['serial'])

    def test_12_two_stations(self):
        """Both want the same applicants at the same moment: exactly one gets each."""
        names = [self.applicant() for _ in range(3)]
        with self.second_station() as other:
            for name in names:
                other.worksheet(name)
            for test in (self, other):
                test.load(4)
            for name in names:
                sides = [(test, test.line()['printed'], test.start_print(name)) for test in (self, other)]
                outcomes = [test.next_outcome('printed', before) for test, before, _ in sides]
                self.assertEqual(sorted(o['ok'] for o in outcomes), [False, True], outcomes)
                winner, loser = (self, other) if outcomes[0]['ok'] else (other, self)
                lost = outcomes[1] if outcomes[0]['ok'] else outcomes[0]
                self.assertEqual(lost['error']['reason'], 'claimed_elsewhere')
                self.assertNotIn(loser.application(name)['state'], ('claimed', 'bound'))
                self.assertEqual(self.row(name)['holder'], winner.station.id)
                winner.finish(next(o['serial'] for o in outcomes if o['ok']))
            other.check()
            other.desk.take_out()

    @contextlib.contextmanager
    def second_station(self):
        folder = tempfile.mkdtemp(prefix='mohr-s2-', dir='/tmp')
        station = TestStation(folder, Options(
            build=build_dir(), device_ms=self.device_ms, portal_url=self.portal.url, portal_ca=self.portal.ca,
            client_cert=self.portal.cert(OTHER), client_key=self.portal.key(OTHER)))
        try:
            station.start()
            other = copy.copy(self)
            other.station, other.printer, other.desk = station, station.printer, Desk(station)
            other.me, other.guard = station.person('expert'), station.person('security-officer')
            yield other
        finally:
            station.stop()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()

#!/usr/bin/python3
"""The UNKNOWN desk at work: cupsd killed in mid print, a chip pulled in mid write, devices that return, cases to their end."""
import contextlib
import json
import re
import subprocess

from station_bench import LINE, StationTest, main


class DeskTest(StationTest):
    applicants = 6

    def item(self, kind):
        items = [u for u in self.unknown() if u['kind'] == kind]
        self.assertEqual(len(items), 1, items)
        return items[0]

    def mohr(self, *command, person='expert', wants=0):
        done = subprocess.run(self.station.mohr(command, person), capture_output=True, text=True, timeout=30, cwd='/')
        self.assertEqual(done.returncode, wants, done.stdout + done.stderr)
        return done.stdout

    def run_command(self, text, person):
        """The command that the desk names, as a person types it."""
        words = text.split()
        self.assertEqual(words[0], 'mohr')
        return self.mohr(*words[1:], person=person)

    def fsck_is_clean(self):
        status, out = self.station.fsck()
        self.assertEqual(status, 0, out)

    def cases(self, everything=False):
        return self.me.get('/v1/cases' + ('?all=1' if everything else ''))['cases']

    def close(self, case, finding, *more):
        command = ('case', 'close', str(case), finding, *more)
        self.assertIn('second person', self.mohr(*command))
        self.mohr(*command, person='assessment-head', wants=8)   # the same office
        self.assertIn('closed', self.mohr(*command, person='security-officer'))

    def kill_all(self, pids):
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                self.kill(pid)

    def lose_print(self, name):
        """cupsd and what it started are killed while the card moves: nobody can tell what became of it."""
        before = self.line()['printed']
        with self.card_inside(name) as serial:
            pids = self.station.cups.backend_pids()
            self.station.hold('cupsd')
            self.kill_all(pids)
        outcome = self.next_outcome('printed', before, 40)
        self.assertEqual(outcome['error']['kind'], 'unknown', outcome)
        self.station.let('cupsd')
        self.wait(lambda: self.item('print')['step'] == 'probed', 30, 'the printer is not asked')
        return serial

    def test_01_killed_in_mid_print(self):
        name = self.applicant()
        serial = self.lose_print(name)
        self.wait(lambda: self.item('print')['evidence']['cups'], 30, 'cupsd is not asked when it is back')
        item = self.item('print')
        evidence = item['evidence']
        self.assertGreater(evidence['probed_at'], item['since'] - 1)
        self.assertTrue(evidence['gate'].startswith('consumed'), evidence)
        self.assertEqual(evidence['printer'], {'counter_before': None, 'counter_after': None})
        self.assertEqual([(c['kind'], c['receipted']) for c in evidence['portal']], [('begin', 1), ('claim', 1)])
        self.assertEqual([q['answer'] for q in item['questions']], ['came_out', 'none_came_out', 'lost'])
        shown = self.mohr('unknown', item['intent'][:8])
        for text in (serial, 'consumed', 'not given', item['questions'][1]['command']):
            self.assertIn(text, shown)
        self.assertEqual(json.loads(self.mohr('unknown', '--json'))['unknown'][0]['intent'], item['intent'])
        self.desk.clear_printer()
        where = '/v1/unknown/' + item['intent']
        self.refused('serial_mismatch', self.me.post, where, {'answer': 'none_came_out', 'serial': 'SC-1405-000999'})
        self.refused('bad_request', self.me.post, where, {'answer': 'none_came_out'})
        self.refused('bad_request', self.me.post, where, {'answer': 'lost', 'serial': serial})
        self.assertIn(serial, self.desk.tray())
        self.run_command(item['questions'][0]['command'], 'expert')
        self.assertEqual((self.state(serial), self.unknown()), ('printed', []))
        self.spoil(serial, 'power_fault')
        self.fsck_is_clean()

    def test_02_no_card_came_out(self):
        """A print gate that consumed the token, and a card that never left the hopper."""
        name = self.applicant()
        before = self.line()['printed']
        with self.printer.stopped():    # another holds the machine: nothing is fed
            self.start_print(name)
            self.kill_all(self.wait(lambda: self.station.cups.backend_pids('cardsim'), message='no backend runs'))
        self.next_outcome('printed', before, 40)
        self.wait(lambda: self.item('print')['step'] == 'probed', 30, 'the printer is not asked')
        item = self.item('print')
        self.desk.clear_printer()
        self.assertIn(item['serial'], self.desk.hopper())
        command = item['questions'][1]['command']
        self.run_command(command, 'expert')
        self.assertEqual(self.state(item['serial']), 'printing')
        self.run_command(command, 'security-officer')
        self.assertEqual(self.state(item['serial']), 'hopper')
        case = next(c for c in self.cases() if c['serial'] == item['serial'])
        self.assertEqual([f['finding'] for f in case['findings'] if f['possible']], ['blank_counted'])
        self.close(case['case'], 'blank_counted')
        self.assertFalse(any(c['case'] == case['case'] for c in self.cases()))
        self.finish(self.printed(name))
        self.fsck_is_clean()

    def test_03_pulled_in_mid_write(self):
        """Half a chip: recognised when it is inserted, recorded, and finished by mohr write alone."""
        serial = self.accepted(self.applicant())
        self.tear(serial)
        item = self.item('write')
        self.assertIsNone(item['evidence']['read'])
        chip = item['evidence']['bound']['chip_id']
        self.clear_reader()
        self.wait(lambda: self.desk.put_in(serial) and self.item('write')['evidence']['read'], message='not recognised')
        read = self.item('write')['evidence']['read']
        self.assertEqual((read['chip_id'], read['verified'], read['as_written']), (chip, False, False))
        self.assertEqual(self.state(serial), 'writing')
        shown = self.mohr('unknown')
        self.assertIn('not verified', shown)
        self.assertIn(f'mohr write --serial {serial} --line 1', shown)
        outcome = self.write_outcome(serial)
        if not outcome['ok']:
            self.write(serial)
        self.assertEqual(self.unknown(), [])
        self.confirm(serial)
        self.reported(serial)
        self.fsck_is_clean()

    def test_04_written_but_unheard(self):
        """The worker dies over the read-back while the reader is away: the chip tells when both are back."""
        serial = self.accepted(self.applicant())
        with self.slow_card(20):
            before = self.start_write(serial, 'reset', 'read', 'verify')
            self.kill(next(w['pid'] for w in self.status()['workers'] if w['name'] == 'mohr-chip'))
        self.next_outcome('chipped', before)
        self.wait(lambda: self.state(serial) == 'verified', message='the chip settles nothing')
        self.assertEqual(self.unknown(), [])
        self.desk.take_out()
        self.write(serial)
        self.confirm(serial)
        self.reported(serial)
        self.fsck_is_clean()

    def test_05_refused_report(self):
        """A receipt that does not verify: the portal's own ledger shows the serial, two people settle it."""
        serial = self.verified(self.applicant())
        self.portal.fault('bad_receipt', path='/issuance', count=1)
        self.confirm(serial)
        self.wait(lambda: any(c['kind'] == 'report' for c in self.cases()), message='no case')
        blank = self.me.get('/v1/blanks/' + serial)
        self.assertEqual((blank['registered'], blank['case_open']), (0, True))

        def shown():
            self.me.post('/v1/sync')
            case = next(c for c in self.cases() if c['kind'] == 'report')
            return case if any(f['finding'] == 'settle_issued' and f['possible'] for f in case['findings']) else None
        case = self.wait(shown, message="the portal's ledger is not read")
        self.assertIn('mohr case close %d settle_issued' % case['case'], self.mohr('cases'))
        self.close(case['case'], 'settle_issued')
        blank = self.me.get('/v1/blanks/' + serial)
        self.assertEqual((blank['state'], blank['registered'], blank['case_open']), ('issued', 1, False))
        self.assertRegex(self.mohr('cases', '--all'), re.compile('settle_issued, by expert and security-officer'))
        self.fsck_is_clean()

    def test_06_lost(self):
        """The half written card is gone: two people, a case that stays open, a card that counts as live."""
        name = self.applicant()
        serial = self.accepted(name)
        self.tear(serial)
        command = self.item('write')['questions'][2]['command']
        self.run_command(command, 'expert')
        self.assertIn('ASKED', self.mohr('unknown'))
        self.run_command(command, 'security-officer')
        self.assertEqual((self.state(serial), self.unknown()), ('missing', []))
        case = next(c for c in self.cases() if c['serial'] == serial)
        self.assertEqual((case['kind'], case['state']), ('missing', 'missing'))
        self.assertFalse(any(f['possible'] for f in case['findings']))
        self.refused('wrong_state', self.me.post, f'/v1/cases/{case["case"]}/close', {'finding': 'found_spoiled'})
        self.refused('wrong_state', self.me.post, LINE + 'print', {'application': name})
        self.fsck_is_clean()


if __name__ == '__main__':
    main()

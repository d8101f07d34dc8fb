#!/usr/bin/python3
"""Programs that stand still, and a core that is killed at each step: it answers, nothing is lost, the card is issued."""
import contextlib
import os
import signal
import time

from station_bench import LINE, Refused, StationTest, main


class Restart(StationTest):
    applicants = 24

    # ---- stopped, one after the other -----------------------------------------------------------------------------

    def pids(self, *names):
        """Processes of this station by program; workers as the station tells."""
        workers = {w['name']: w['pid'] for w in self.status()['workers'] if w['pid']}
        services = {n: self.station.service(n).child.pid for n in ('mohr-net', 'mohr-key')}
        others = {'pcscd': self.station.pcscd.child.pid, 'cupsd': self.station.cups.child.pid}
        every = others | services | workers
        return [every[n] for n in names]

    def answers(self, what):
        """GET /v1/status while something stands still; the time is told, not asserted."""
        times = []
        for _ in range(5):
            began = time.monotonic()
            self.status()
            times.append((time.monotonic() - began) * 1000)
        print(f'{what} stopped: status in {max(times):.1f} ms', flush=True)

    def stopped(self, what, before, after, end=signal.SIGCONT):
        """Stops `what`, starts a step with before(), sees that the core answers, lets it go on (or kills it)."""
        pid = self.pids(what)[0]
        os.kill(pid, signal.SIGSTOP)
        try:
            before()
            time.sleep(0.3)
            self.answers(what)
        finally:
            os.kill(pid, end)
        return after()

    def chip_step(self, what, end, *steps):
        """Stopped in the middle of a write."""
        serial = self.accepted(self.applicant())
        last = self.line()['chipped']
        self.inserting = serial
        with self.slow_card():
            if what == 'mohr-key':
                self.stopped(what, lambda: self.start_write(serial, *steps), lambda: None, end)
            else:
                self.start_write(serial, *steps)
                self.stopped(what, lambda: None, lambda: None, end)
            outcome = self.next_outcome('chipped', last, 60)
        self.inserting = None
        self.desk.take_out()
        if not outcome['ok']:
            self.assertEqual(end, signal.SIGKILL, outcome)
            self.wait(self.ready, 30, 'not ready again')
            self.again(serial)
        self.confirm(serial)
        self.reported(serial)
        self.desk.take_out()

    def again(self, serial):
        """The same card once more: verified, or read back, found incomplete, and written again."""
        outcome = self.write_outcome(serial)
        if not outcome['ok']:
            self.assertEqual(outcome['error']['kind'], 'card', outcome)
            self.assertEqual((self.state(serial), self.unknown()), ('accepted', []))
            self.write(serial)

    def ready(self):
        return all(w['state'] == 'idle' for w in self.status()['workers'])

    def test_01_chip(self):
        self.chip_step('mohr-chip', signal.SIGCONT, 'write')
        self.chip_step('mohr-chip', signal.SIGKILL, 'write')

    def test_02_pcscd(self):
        self.chip_step('pcscd', signal.SIGCONT, 'write')
        self.chip_step('pcscd', signal.SIGKILL, 'write')

    def test_03_key(self):
        self.chip_step('mohr-key', signal.SIGCONT, 'identify', 'identified')
        self.chip_step('mohr-key', signal.SIGKILL, 'identify', 'identified')

    def print_step(self, what, end):
        name = self.applicant()
        if self.line()['hopper'] == 0:
            self.load(10)
        last = self.line()['printed']
        outcome = self.stopped(what, lambda: self.start_print(name), lambda: self.next_outcome('printed', last, 60), end)
        self.finish(self.settle_print(name, outcome))

    def settle_print(self, name, outcome):
        """The serial of the card, printed again when it was not printed."""
        self.wait(lambda: not (self.unprobed() or self.line()['printing']), 30, 'a print is not looked into')
        for item in self.unknown():
            self.answer_print(item)
        if not self.cards(name):
            self.wait(self.ready, 30, 'not ready again')
            outcome = self.print_outcome(name)
            self.assertTrue(outcome['ok'], outcome)
        return self.cards(name)[0]

    def unprobed(self):
        return [u for u in self.unknown() if u['kind'] == 'print' and u['step'] != 'probed']

    def cards(self, name):
        return [c['serial'] for c in self.application(name)['cards'] if c['serial'] and c['state'] != 'spoiled']

    def answer_print(self, item):
        """The desk: does it lie in the tray?"""
        self.wait(self.desk.resting, message='the printer does not rest')
        where, serial = '/v1/unknown/' + item['intent'], item['serial']
        if serial in self.desk.tray():
            self.me.post(where, {'answer': 'came_out', 'serial': serial})
        else:
            body = {'answer': 'none_came_out', 'serial': serial}
            self.assertTrue(self.me.post(where, body)['second_person_needed'])
            self.refused('same_person', self.me.post, where, body)
            self.assertFalse(self.guard.post(where, body)['second_person_needed'])

    def test_04_print(self):
        self.print_step('mohr-print', signal.SIGCONT)
        self.print_step('mohr-print', signal.SIGKILL)

    def test_05_cupsd(self):
        self.print_step('cupsd', signal.SIGCONT)

    def test_06_net(self):
        serial = self.verified(self.applicant())
        self.stopped('mohr-net', lambda: self.confirm(serial), lambda: self.reported(serial))
        self.assertEqual(self.state(serial), 'issued')

    # ---- the core is killed ---------------------------------------------------------------------------------------

    def kill_core(self):
        self.station.service('mohrd').child.kill()
        self.wait(lambda: self.status(), message='the core does not come back')

    def test_07_while_printing(self):
        """Before, while and after the card moves."""
        for moment in (self.machine_waits, self.card_inside, self.card_is_out):
            with self.subTest(moment=moment.__name__):
                name = self.applicant()
                with moment(name):
                    self.kill_core()
                    self.refused_meanwhile(name)
                self.finish(self.settle_print(name, None))

    @contextlib.contextmanager
    def machine_waits(self, name):
        """The job is with the printer, nothing is fed."""
        with self.printer.stopped():
            self.start_print(name)
            self.wait(lambda: self.station.cups.backend_pids('cardsim'), message='no backend runs')
            yield

    @contextlib.contextmanager
    def card_is_out(self, name):
        """The core, which is stopped, has not heard of it."""
        out = len(self.printer.events('end'))
        with self.card_inside(name):
            self.station.service('mohrd').child.kill(signal.SIGSTOP)
        self.station.supervisor.wait(lambda: len(self.printer.events('end')) > out, 20, 'no card comes out')
        yield

    def refused_meanwhile(self, name):
        """No second card: an open print keeps the applicant until it is settled, which the probe may do right now."""
        try:
            if self.unknown():
                self.start_print(name)
        except Refused as no:
            self.assertIn(no.reason, ('unknown_open', 'wrong_state', 'line_busy'))

    def test_08_printed(self):
        name = self.applicant()
        serial = self.printed(name)
        self.kill_core()
        self.assertEqual(self.state(serial), 'printed')
        self.refused('wrong_state', self.me.post, LINE + 'print', {'application': name})
        self.finish(serial)

    def test_09_while_writing(self):
        """Before the script, in the middle of it, and at the read-back: the same card once more, one chip, one card."""
        for steps, states in ((('identify', 'identified', 'authenticate'), ('accepted',)), (('write',), ('writing',)),
                              (('read', 'reset', 'written', 'verify'), ('written', 'verified', 'writing'))):
            with self.subTest(steps=steps):
                serial = self.accepted(self.applicant())
                with self.stuck_card(3) if 'identify' in steps else self.slow_card(40):
                    self.start_write(serial, *steps)
                    self.kill_core()
                    self.desk.take_out()
                self.assertIn(self.state(serial), states)
                if self.state(serial) not in ('accepted', 'verified'):
                    self.assertEqual([(u['kind'], u['serial']) for u in self.unknown()], [('write', serial)])
                    self.refused('wrong_state', self.confirm, serial)
                self.again(serial)
                self.confirm(serial)
                self.reported(serial)
                self.desk.take_out()

    def test_10_verified(self):
        serial = self.verified(self.applicant())
        self.kill_core()
        self.assertEqual(self.state(serial), 'verified')
        self.refused('no_card', self.confirm, serial)  # what the chip says must be seen first
        self.desk.take_out()
        self.write(serial)                             # only read: it is written
        self.confirm(serial)
        self.reported(serial)

    def test_11_report_pending(self):
        serial = self.verified(self.applicant())
        self.portal.fault('drop_after', path='/issuance', count=1)
        self.confirm(serial)
        self.kill_core()
        self.reported(serial)
        done = [e for e in self.portal.ledger()['effects'] if e['what'] == 'issuance' and e['serial'] == serial]
        self.assertEqual(len(done), 1)

    def test_12_claim_and_begin(self):
        """Killed while the portal's answer is awaited: bound once, one face."""
        for path in ('/claim', '/begin'):
            with self.subTest(path=path):
                name = self.applicant()
                self.portal.fault('drop_after', path=path, count=1)
                self.start_print(name)
                self.wait(lambda: (self.line()['printing'] or {'stage': 'over'})['stage'] in (path[1:], 'over'))
                self.kill_core()
                self.me.post('/v1/sync')
                self.settled()
                serial = self.settle_print(name, None)
                effects = [e['what'] for e in self.portal.ledger()['effects'] if e['application'] == name]
                self.assertEqual(effects.count('begin'), 1)
                self.finish(serial)


if __name__ == '__main__':
    main()

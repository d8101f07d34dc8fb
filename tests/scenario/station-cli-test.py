#!/usr/bin/python3
"""A card by the command `mohr` alone, at a terminal (a pty): its words, its questions, its exit statuses."""
import json
import os
import pty
import select
import shutil
import signal
import sqlite3
import subprocess
import time

from station_bench import Down, StationTest, main


class Cli(StationTest):
    applicants = 7

    def mohr(self, *args, who='expert', wants=0, card=None, keys='', socket=None, until=None):
        """Runs it at a terminal; what it showed. card is put into the reader meanwhile, keys are typed at a question;
        at the words `until` it is interrupted as by Ctrl-C."""
        main_end, terminal = pty.openpty()
        uid = str(self.station.uids[who])
        child = subprocess.Popen(['setpriv', '--reuid', uid, '--regid', uid, '--clear-groups', '--',
                                  self.station.path('bin/mohr'), *args, '--socket', socket or self.station.socket],
                                 stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True, cwd='/',
                                 env={'PATH': '/usr/bin:/bin', 'TERM': 'xterm', 'LANG': 'C.UTF-8'})
        os.close(terminal)
        shown, end = b'', time.monotonic() + 40
        while True:
            shown += self.read(main_end)
            if child.poll() is not None:
                break
            self.station.supervisor.tick()
            if card:
                try:
                    if self.line()['chipping']:
                        self.desk.put_in(card)
                except Down:
                    pass
            if keys and shown.rstrip().endswith(b'[y/N]'):
                os.write(main_end, keys.encode())
                keys = ''
            if until and until.encode() in shown:
                child.send_signal(signal.SIGINT)
                until = None
            if time.monotonic() > end:
                child.kill()
                self.fail(f'mohr {args} does not end: {shown.decode()}')
        shown += self.read(main_end)
        os.close(main_end)
        text = shown.decode(errors='replace').replace('\r\n', '\n')
        self.assertEqual(child.returncode, wants, f'mohr {" ".join(args)}: {text}')
        return text

    @staticmethod
    def read(fd):
        got = b''
        try:
            while select.select([fd], [], [], 0.05)[0]:
                got += os.read(fd, 65536)
        except OSError:  # the last one at the terminal has left
            pass
        return got

    def sheet(self, name):
        def known():
            rows = {r['application']: r for r in self.me.get('/v1/queue?limit=1000')['applications']}
            return name in rows and self.application(name).get('worksheet')
        return self.wait(known, message='not in the queue')['number']

    def test_01_a_card(self):
        name = self.next_name()
        number = self.sheet(name)
        first, last = self.range(5)
        self.mohr('blank', 'add', first, last)
        self.mohr('hopper', 'load', first, last)
        self.printer.load(first, last)
        self.assertIn(name, self.mohr('queue'))
        self.mohr('print', name, wants=1)                                  # worksheet_missing
        self.mohr('match', name, '--worksheet', 'WS-0', wants=1)           # worksheet_differs
        self.mohr('match', name, '--worksheet', number)
        self.mohr('write', '--serial', first, wants=1)                     # wrong_state
        self.assertIn(first, self.mohr('print', name))
        self.mohr('print', name, wants=1)
        self.mohr('write', '--serial', first, wants=1)
        self.mohr('inspect', '--serial', first, '--face', '0000000000', 'good', wants=1)
        self.mohr('inspect', '--serial', first, '--face', self.face(first), 'good')
        self.mohr('confirm', first, wants=4)                               # not read yet: nothing to compare
        self.mohr('confirm', first, '--yes', wants=1)                      # wrong_state
        shown = self.mohr('write', '--serial', first, card=first)
        self.assertIn('\x1b', shown)                                       # a live line at a terminal
        shown = self.mohr('confirm', first, keys='n\n', wants=1)
        wanted = self.application(name)['certificate']
        self.assertIn(wanted['family_fa'], shown)
        self.assertIn(wanted['national_id'], shown)
        self.mohr('confirm', first, keys='y\n')
        self.reported(first)
        self.assertIn('issued', self.mohr('show', first))
        self.assertEqual(json.loads(self.mohr('show', first, '--json'))['registered'], 1)
        self.mohr('status')
        self.mohr('fsck', who='auditor')
        self.mohr('audit', 'verify', who='auditor')

    def fsck_portal(self, wants):
        """What `mohr fsck --portal --json` says once no call is pending."""
        def quiet():
            done = subprocess.run(self.station.mohr(['fsck', '--portal', '--json'], 'auditor'), capture_output=True,
                                  text=True, timeout=60, cwd='/')
            return done if done.returncode != 7 else None
        done = self.wait(quiet, message='calls are pending for ever')
        self.assertEqual(done.returncode, wants, done.stdout + done.stderr)
        return json.loads(done.stdout)

    def test_99_portal(self):
        """The portal's ledger is this one's; after somebody wrote into it, each serial that differs is named."""
        said = self.fsck_portal(0)
        self.assertTrue(said['portal']['compared'] and said['portal']['effects'] > 4, said)
        self.mohr('fsck', '--portal', '--ledger', 'x', wants=2)
        with sqlite3.connect(self.station.path('portal/portal.db'), timeout=10) as db:
            db.execute("INSERT INTO effect(station, key, what, payload_sha256, at, mono_ns, boot, application, serial) "
                       "SELECT station, lower(hex(randomblob(4)))||'-0000-4000-8000-000000000000', 'spoil', "
                       "payload_sha256, at, mono_ns, boot, application, serial FROM effect WHERE what='issuance' LIMIT 1")
            serial, = db.execute("SELECT serial FROM effect WHERE what='issuance' LIMIT 1").fetchone()
        faults = self.fsck_portal(9)['faults']
        self.assertEqual({(f['rule'], f['subject']) for f in faults},
                         {('serials-agree', serial), ('station-has-each-effect', serial)})
        self.station.portal.stop()
        self.mohr('fsck', '--portal', who='auditor', wants=7)
        self.mohr('fsck', who='auditor')
        self.station.portal.start()

    def test_02_statuses(self):
        self.mohr('prnt', wants=2)
        self.mohr('confirm', wants=2)
        self.mohr('show', 'A-0000-NOBODY', wants=3)
        self.mohr('blank', 'add', 'XX-000001', 'XY-000002', wants=3)       # bad_serial
        self.mohr('hopper', 'load', 'XX-000001', 'XX-000002', wants=1)     # serial_not_here
        self.mohr('match', 'A-0000-NOBODY', '--worksheet', '1', who='auditor', wants=8)
        self.mohr('status', socket=self.station.path('nobody.sock'), wants=7)

    def test_03_next_and_empty(self):
        """Without a name: the next whose worksheet was confirmed. Nothing to print with: a person is needed."""
        name = self.next_name()
        number = self.sheet(name)
        self.mohr('hopper', 'unload')
        for card in self.printer.cards('hopper'):
            shutil.rmtree(self.printer.path('hopper', card['card']))
        self.mohr('print', name, '--worksheet', number, wants=4)           # no_blank
        self.load(5)
        serial = self.line()['next']
        shown = self.mohr('print')
        self.assertIn(serial, shown)
        self.assertEqual(self.me.get('/v1/blanks/' + serial)['application'], name)
        self.finish(serial)

    def test_04_wrong_card(self):
        one, two = self.issued(self.applicant()), self.accepted(self.applicant())
        self.clear_reader()
        self.assertIn(one, self.mohr('write', '--serial', two, card=one, wants=5))  # chip_taken
        self.clear_reader(two)
        self.mohr('write', '--serial', two, card=two)
        self.mohr('confirm', two, '--yes')
        self.reported(two)
        self.desk.take_out()

    def test_05_unknown_and_spoil(self):
        """A card torn out: unknown, listed, inserted again; spoiled with its chip in the reader."""
        serial = self.accepted(self.applicant())
        self.tear(serial)
        self.assertIn(serial, self.mohr('unknown'))
        self.clear_reader()
        self.mohr('write', '--serial', serial, card=serial, wants=5)       # not complete: it may be written again
        self.clear_reader()
        self.mohr('write', '--serial', serial, card=serial)
        self.mohr('spoil', serial, '--cause', 'because', wants=3)
        self.mohr('spoil', serial, '--cause', 'card_surface', who='auditor', wants=8)
        self.mohr('spoil', serial, '--cause', 'card_surface', card=serial)
        self.assertEqual(self.me.get('/v1/blanks/' + serial)['chip_fate'], 'unverifiable')
        self.mohr('spoil', serial, '--cause', 'card_surface', wants=1)
        self.settled()

    def test_06_interrupted(self):
        """Ctrl-C leaves the act running."""
        name = self.applicant()
        if self.line()['hopper'] == 0:
            self.load(5)
        serial = self.line()['next']
        with self.printer.held():
            self.mohr('print', name, wants=130, until='printing;')
        self.wait(lambda: self.state(serial) == 'printed', message='not printed')
        self.finish(serial)


if __name__ == '__main__':
    main()

"""A whole station for one scenario file, worked by hand step by step through the public API.

    class Order(StationTest):
        applicants = 4
        def test_something(self):
            name = self.applicant()            # one that nobody else uses; the worksheet is confirmed
            serial = self.printed(name)
            self.refused('wrong_state', self.me.post, '/v1/lines/1/write', {'serial': serial})
            self.accept(serial); self.write(serial); self.confirm(serial)

Every test ends with a ledger in which each invariant holds, and which agrees with the portal's.
"""
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, TESTS)
from rig.desk import Desk  # noqa: E402
from rig.pcscd import POLL_S  # noqa: E402
from rig.portal import PortalSim, build_dir  # noqa: E402
from rig.staff import Down, Refused  # noqa: E402
from rig.station import QUICK_DPI, STATION, Options, Station  # noqa: E402
from rig.supervisor import insist  # noqa: E402

CHECK_LEDGER = os.environ.get('CHECK_LEDGER', os.path.join(build_dir(), 'tests/scenario/check-ledger'))
LIVE = ('issued', 'post', 'delivered', 'returned')
LINE = '/v1/lines/1/'


class TestStation(Station):
    """The demo's station with the knobs a scenario turns."""

    stations, lease_s, registered_only, extra_config, key_options = (STATION,), 900, False, '', ()

    def _own_portal(self):
        self.portal = PortalSim(self.path('portal'), self.stations, build=self.options.build, lease_s=self.lease_s,
                                registered_only=self.registered_only)
        self.seeded = [row['id'] for row in self.portal.seed(self.options.applicants) if row['kind'] == 'plain']
        insist('portal-sim', self.portal.start)
        self.supervisor.add('portal-sim', lambda: self.portal.child is not None and self.portal.child.alive(),
                            self.portal.start, self.portal.stop)
        return self.portal.ca, self.portal.cert(), self.portal.key()

    def _configure(self):
        super()._configure()
        with open(self.config) as f:
            text = f.read()
        with open(self.config, 'w') as f:
            f.write(text.replace('[station]\n', '[station]\n' + self.extra_config, 1))

    def _services(self):
        super()._services()
        if self.key_options:
            self.service('mohr-key').argv += list(self.key_options)
            self.restart('mohr-key')

    def unit(self, name):
        return next(u for u in self.supervisor.units if u.name == name)

    def service(self, name):
        return self.unit(name).alive.__self__

    def restart(self, name):
        self.unit(name).stop()
        self.unit(name).start()

    def hold(self, name):
        """Ends a program; it is not started again until let()."""
        unit = self.unit(name)
        unit.not_before = float('inf')
        unit.stop()
        return unit

    def let(self, name):
        unit = self.unit(name)
        unit.not_before = 0
        unit.start()


class StationTest(unittest.TestCase):
    applicants, device_ms, options = 8, 60, {}
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='mohr-st-', dir='/tmp')
        cls.addClassCleanup(shutil.rmtree, cls.dir, True)
        cls.station = TestStation(cls.dir, Options(build=build_dir(), applicants=cls.applicants, device_ms=cls.device_ms, dpi=QUICK_DPI))
        for name, value in cls.options.items():
            setattr(cls.station, name, value)
        cls.addClassCleanup(cls.station.stop)
        cls.station.start()
        cls.portal, cls.printer = cls.station.portal, cls.station.printer
        cls.desk = Desk(cls.station)
        cls.addClassCleanup(cls.desk.take_out)
        cls.me, cls.guard, cls.it = (cls.station.person(n) for n in ('expert', 'security-officer', 'it-expert'))
        cls.fresh, cls.blanks = list(cls.station.seeded), 100

    def setUp(self):
        self.began = time.monotonic()

    def tearDown(self):
        self.desk.take_out()
        self.check()
        print('%.1f s' % (time.monotonic() - self.began), file=sys.stderr, end=' ', flush=True)

    # ---- looking --------------------------------------------------------------------------------------------------

    def wait(self, what, timeout=20, message='waited in vain'):
        def quiet():
            try:
                return what()
            except Down:
                return None
        try:
            return self.station.supervisor.wait(quiet, timeout, message)
        except TimeoutError:
            self.fail(f'{message}; {self.log_tail()}')

    def log_tail(self, n=6):
        with open(self.station.path('log/mohrd.log'), errors='replace') as f:
            return ''.join(f.readlines()[-n:])

    def status(self):
        return self.me.get('/v1/status')

    def line(self):
        return self.status()['lines'][0]

    def state(self, serial):
        return self.me.get('/v1/blanks/' + serial)['state']

    def application(self, name):
        return self.me.get('/v1/applications/' + name)

    def refused(self, reason, act, *args):
        with self.assertRaises(Refused) as caught:
            act(*args)
        self.assertEqual(caught.exception.reason, reason, str(caught.exception))
        return caught.exception

    def unknown(self):
        return self.me.get('/v1/unknown')['unknown']

    # ---- one card, step by step -----------------------------------------------------------------------------------

    @classmethod
    def next_name(cls):
        return cls.fresh.pop(0)

    def applicant(self):
        """The next applicant, in the queue, the worksheet confirmed."""
        name = self.next_name()
        self.worksheet(name)
        return name

    def arrived(self, name):
        """Its worksheet, once the portal has given all that a print needs: the photo comes last."""
        try:
            return self.me.get(f'/v1/applications/{name}/photo') and self.application(name).get('worksheet')
        except Refused:
            return None

    def worksheet(self, name):
        sheet = self.wait(lambda: self.arrived(name), message=name + ' does not arrive')
        self.me.post(f'/v1/applications/{name}/worksheet', {'number': sheet['number']})

    @classmethod
    def range(cls, n):
        first = f'SC-1405-{cls.blanks + 1:06d}'
        StationTest.blanks = cls.blanks = cls.blanks + n
        return first, f'SC-1405-{cls.blanks:06d}'

    def load(self, n):
        """n more blanks: stock, hopper, printer."""
        first, last = self.range(n)
        self.me.post('/v1/blanks', {'from': first, 'to': last})
        self.me.post(LINE + 'hopper', {'from': first, 'to': last})
        self.printer.load(first, last)

    def start_print(self, name):
        if self.line()['hopper'] == 0:
            self.load(10)
        return self.me.post(LINE + 'print', {'application': name})

    @contextlib.contextmanager
    def card_inside(self, name):
        """Prints; the serial of the applicant's card, which stays inside the printer, half printed, meanwhile."""
        with self.printer.held():
            self.start_print(name)
            card, = self.wait(lambda: [c for c in self.desk.inside() if c['state'] == 'half'], message='no card is fed')
            yield card['serial']

    def print_outcome(self, name):
        """Prints and returns the outcome the line tells."""
        before = self.line()['printed']
        self.start_print(name)
        return self.next_outcome('printed', before)

    def next_outcome(self, which, before, timeout=30):
        doing = 'printing' if which == 'printed' else 'chipping'

        def new():
            line = self.line()
            if line['chipping'] and which == 'chipped' and self.inserting:
                self.desk.put_in(self.inserting)
            return line[which] if not line[doing] and line[which] != before else None
        return self.wait(new, timeout, 'no outcome of ' + which)

    def printed(self, name):
        """The serial of the card that came out."""
        outcome = self.print_outcome(name)
        self.assertTrue(outcome['ok'], outcome)
        self.assertEqual(outcome['application'], name)
        return outcome['serial']

    def face(self, serial):
        """What the scanner reads from the face of the card with this serial."""
        return self.desk.scan(self.desk.tray()[serial])

    def accept(self, serial, face=None):
        self.me.post('/v1/inspect', {'serial': serial, 'face': face or self.face(serial), 'verdict': 'good'})

    inserting = None

    def write_outcome(self, serial, card=None):
        """Scans, puts the card (or another one) into the reader; the outcome."""
        self.clear_reader(card or serial)
        before = self.line()['chipped']
        self.me.post(LINE + 'write', {'serial': serial})
        return self.finish_write(serial, before, card)

    def clear_reader(self, card=None):
        """Takes out another card, and waits until the reader has noticed."""
        if self.desk.inserted not in (None, card):
            self.desk.take_out()
        time.sleep(max(0, self.station.pcscd.empty_since.get(0, 0) + POLL_S - time.monotonic()))

    def finish_write(self, serial, before, card=None):
        self.inserting = card or serial
        try:
            return self.next_outcome('chipped', before)
        finally:
            self.inserting = None

    def write(self, serial):
        outcome = self.write_outcome(serial)
        self.assertTrue(outcome['ok'], outcome)
        self.assertEqual(self.state(serial), 'verified')

    @contextlib.contextmanager
    def slow_card(self, ms=15):
        """Cards put in meanwhile take so long for each command that a step can be met."""
        os.environ['MOHR_SIM_DELAY_MS'] = str(ms)
        try:
            yield
        finally:
            del os.environ['MOHR_SIM_DELAY_MS']

    @contextlib.contextmanager
    def stuck_card(self, at):
        """A card put in meanwhile does not answer its at-th command."""
        stuck = self.station.path('stuck')
        with open(stuck, 'w'):
            pass
        hook = {'MOHR_SIM_HOOK': f'{at}:before', 'MOHR_SIM_HOOK_RUN': f'while [ -e {stuck} ]; do sleep 0.02; done'}
        os.environ.update(hook)
        try:
            yield
        finally:
            os.unlink(stuck)
            for name in hook:
                del os.environ[name]

    def start_write(self, serial, *steps):
        """Until the line is at one of these steps; the outcome before."""
        self.clear_reader()
        before = self.line()['chipped']
        self.me.post(LINE + 'write', {'serial': serial})

        def there():
            self.desk.put_in(serial)
            doing = self.line()['chipping']
            return doing and doing['step'] in steps and (doing['step'] != 'write' or doing['done'] > 3)
        self.wait(there, message='not at ' + ' '.join(steps))
        return before

    def tear(self, serial):
        """Rips the card out of the reader in the middle of the write; the outcome is unknown."""
        with self.slow_card():
            before = self.start_write(serial, 'write')
            self.desk.pull()
        outcome = self.next_outcome('chipped', before)
        self.assertEqual(outcome['error']['kind'], 'unknown', outcome)
        self.assertEqual([u['serial'] for u in self.unknown()], [serial])

    def confirm(self, serial, match=True):
        self.me.post(f'/v1/blanks/{serial}/confirm', {'match': match})

    def accepted(self, name):
        serial = self.printed(name)
        self.accept(serial)
        return serial

    def verified(self, name):
        serial = self.accepted(name)
        self.write(serial)
        return serial

    def issued(self, name):
        """Issued and reported."""
        serial = self.verified(name)
        self.confirm(serial)
        self.reported(serial)
        self.desk.take_out()
        return serial

    def finish(self, serial):
        """From wherever the card stands."""
        if self.state(serial) == 'printed':
            self.accept(serial)
        if self.state(serial) in ('accepted', 'verified'):
            self.write(serial)
        self.confirm(serial)
        self.reported(serial)
        self.desk.take_out()

    def reported(self, serial):
        self.wait(lambda: self.me.get('/v1/blanks/' + serial)['registered'] == 1, message=serial + ' is not reported')

    def spoil(self, serial, cause='card_surface', **more):
        """Spoils it; with its chip in the reader when that was written. Its fate."""
        self.clear_reader(serial)
        before = self.line()['chipped']
        answer = self.me.post(f'/v1/blanks/{serial}/spoil', {'cause': cause, 'line': '1'} | more)
        if 'chipping' in answer:
            outcome = self.finish_write(serial, before)
            self.assertTrue(outcome['ok'], outcome)
        self.desk.take_out()
        self.assertEqual(self.state(serial), 'spoiled')
        return self.me.get('/v1/blanks/' + serial)['chip_fate']

    def authorise(self, name):
        """Headquarters lets it be printed again; back in the queue with the worksheet to be confirmed."""
        self.settled()
        self.assertEqual(len(self.portal.authorise(name)), 1)
        self.me.post('/v1/sync')
        self.wait(lambda: self.application(name)['state'] == 'authorised', message=name + ' is not authorised')

    def sync(self):
        """A whole round with the portal has passed."""
        self.me.post('/v1/sync')
        before = self.status()['portal']['synced_at']
        self.wait(lambda: self.status()['portal']['synced_at'] > before, message='no round with the portal')

    def settled(self):
        self.wait(lambda: self.status()['portal']['pending'] == 0, message='calls to the portal stay open')

    @staticmethod
    def kill(pid, number=signal.SIGKILL):
        os.kill(pid, number)

    # ---- the end of every test ------------------------------------------------------------------------------------

    def check(self):
        self.wait(lambda: not (self.line()['printing'] or self.line()['chipping']), message='the line stays busy')
        self.settled()
        path = self.station.path('snapshot.db')
        with open(path, 'wb') as f:
            f.write(self.guard.get('/v1/snapshot'))
        done = subprocess.run([CHECK_LEDGER, path], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.agree(path)

    def agree(self, path):
        """The station's ledger and the portal's tell the same of every card."""
        with sqlite3.connect(path) as db:
            mine = db.execute('SELECT serial, state, application, registered FROM blank WHERE card IS NOT NULL').fetchall()
            gone = dict(db.execute("SELECT serial, CASE kind WHEN 'void' THEN 'void' ELSE 'spoiled' END FROM intent WHERE "
                                   "kind IN ('spoil', 'void') AND state='done'"))
            blanks = {r[0] for r in db.execute('SELECT serial FROM blank WHERE card IS NULL')}
        told = {card['serial']: card for card in self.portal.ledger()['cards'] if card['station'] == self.station.id}
        for serial, state, application, registered in mine:
            card = told.pop(serial, {'status': None, 'application': application})
            self.assertEqual(card['application'], application, serial)
            expected = gone.get(serial, 'issued' if registered else None)
            self.assertEqual(card['status'], expected, f'{serial} is {state} here')
        self.assertEqual({s: c['status'] for s, c in told.items()}, {s: gone[s] for s in gone if s in blanks}, 'cards that only the portal knows')
        live = [c['application'] for c in self.portal.ledger()['cards'] if c['status'] == 'issued']
        self.assertEqual(len(live), len(set(live)), 'two live cards of one applicant')


def main():
    if os.geteuid() != 0:
        sys.exit('needs root: the people and services of a station have uids of their own')
    unittest.main(verbosity=2, failfast=True)

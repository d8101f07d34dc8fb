"""One turn of a fault sweep: a private station with a fault armed, a scripted expert, and the checks afterwards.

    template = prepare(build, folder)                  # keys, certificates, an applicant: made once, copied for each turn
    faults = turn(build, template, folder, 'spoil-report', seed=3, env={'MOHR_FAULT': 'core.issue.after:1:kill'})

turn() answers a list of sentences, one per violation; none when all held. The supervisor starts again whatever died.
"""
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from rig.checks import check_all  # noqa: E402
from rig.desk import Desk  # noqa: E402
from rig.expert import FIRST_SERIAL, Expert, GaveUp  # noqa: E402
from rig.portal import PortalSim  # noqa: E402
from rig.staff import Down, Refused  # noqa: E402
from rig.station import ANCHOR_S, QUICK_DPI, STATION, Options, Station  # noqa: E402
from rig.supervisor import insist, run_tool  # noqa: E402
from custody import Custody  # noqa: E402

STEP_S, LIMIT_S = 0.03, 120
DATA = os.path.join(os.path.dirname(HERE), 'data')
APPLICANTS = 2
# what is issued in a turn: the stages at which cards are spoiled, what happens to printer, chips, portal and core
# meanwhile, and a first fault of the scenario's own
SCENARIOS = {
    'plain': {},
    'spoil-print': {'spoil': ['print']},
    'spoil-report': {'spoil': ['report']},
    'spoil-write': {'spoil': ['write']},
    'printer-dies': {'printer': 'die'},
    'printer-jams': {'printer': 'jam'},
    'double-feed': {'printer': 'double_feed'},
    'serial-misread': {'misread': True},
    'wrong-key': {'wrong_keys': 1},
    'wrong-keys': {'wrong_keys': 2},
    'photo-lost': {'portal': ('status', '/photos/', 1, 404)},
    'anchored': {'anchor_s': 1},
    'anchor-refused': {'anchor_s': 1, 'portal': ('status', '/anchors', 1, 409)},
    'installed-anew': {'former': True},
    'old-ledger': {'old_ledger': True},
    'token-missing': {'fault': 'print.token.before:kill'},
    'print-unrecorded': {'fault': 'core.print_outcome.before:eio'},
    'chip-unrecorded': {'fault': 'core.chip_verified.before:eio'},
    'submit-fails': {'fault': 'print.send_document.after:eio'},
    'script-breaks': {'fault': 'chip.script_middle.before:eio'},
    'opening-breaks': {'fault': 'chip.authenticate.before:eio'},
    'restart-printing': {'kill_at': 'printing'},
    'restart-writing': {'kill_at': 'chipping'},
    'unload': {'unload': True},
    'custody': {'custody': True},
    'withdrawn': {'withdraw': True},
}


CASES = ('anchor', 'rebound', 'missing', 'stray')  # of a scenario, that two people close


# ---- the station -----------------------------------------------------------------------------------------------------

class PreparedStation(Station):
    """Copied from a template; only what names its own folder is made anew. what: the scenario."""

    def __init__(self, folder, options, what):
        super().__init__(folder, options)
        self.what = what

    def _programs(self):
        pass

    def _token(self):
        path = self.path('key/token/softhsm2.conf')
        with open(path) as f:
            text = f.read()
        with open(path, 'w') as f:
            f.write(re.sub(r'(directories.tokendir = ).*', r'\1' + self.path('key/token/tokens'), text))

    def _own_portal(self):
        self.portal = PortalSim(self.path('portal'), [STATION], build=self.options.build)
        if 'portal' in self.what:
            self.portal.fault(*self.what['portal'])
        insist('portal-sim', self.portal.start)
        if self.what.get('former'):
            begin_elsewhere(self.portal)
            self.former = {effect['key'] for effect in self.portal.ledger()['effects']}
        self.supervisor.add('portal-sim', lambda: self.portal.child is not None and self.portal.child.alive(),
                            self.portal.start, self.portal.stop)
        return self.portal.ca, self.portal.cert(), self.portal.key()

    def _services(self):
        if self.what.get('old_ledger'):
            old_ledger(self.path('state/ledger.db'), self.uids['core'])
        if self.what.get('former'):
            core = self.uids['core']
            argv = ['setpriv', '--reuid', core, '--regid', core, '--clear-groups', '--', self.path('bin/mohrd'), '--config',
                    self.config, '--new-epoch', self.portal.epoch()]
            insist('mohrd --new-epoch', lambda: run_tool(argv, cwd='/'))
        super()._services()


def begin_elsewhere(portal):
    """A former installation of the station claims the first applicant and begins a card; then it is lost."""
    name = min(row['id'] for row in portal.ledger()['applications'])
    hello = {'station': STATION, 'epoch': 1, 'seq': 0, 'head': '0' * 64}
    card = {'epoch': 1, 'fence': 1, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21'}
    for path, body in (('/v1/hello', hello), (f'/v1/applications/{name}/claim', {'epoch': 1}),
                       (f'/v1/applications/{name}/begin', card)):
        status, _, answer = portal.client().call('POST', path, body)
        if status != 200:
            raise RuntimeError(f'{path}: {status} {answer[:200]}')


def old_ledger(path, uid):
    """An empty ledger of the first schema, as the program of that time left it."""
    with sqlite3.connect(':memory:') as model, open(os.path.join(DATA, 'ledger/schema-1.sql')) as f:
        model.executescript(f.read())
        made = [row[0] for row in model.execute('SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid')]
        states = model.execute('SELECT * FROM transition').fetchall()
        number = model.execute('PRAGMA user_version').fetchone()[0]
    with sqlite3.connect(path) as db:
        for sql in made:
            if not sql.startswith('CREATE TRIGGER'):
                db.execute(sql)
        db.executemany('INSERT INTO transition VALUES(?,?,?,?)', states)
        db.executemany('INSERT INTO meta VALUES(?,?)', [('station', STATION), ('epoch', '1')])
        for sql in made:
            if sql.startswith('CREATE TRIGGER'):
                db.execute(sql)
        db.execute(f'PRAGMA user_version={number}')
    db.close()
    os.chown(path, uid, uid)
    os.chmod(path, 0o600)


def prepare(build, folder):
    """The template's folder: programs, token, certificates and applicants, nothing running."""
    station = Station(folder, Options(build=build, applicants=APPLICANTS))
    try:
        station._folders()
        station._programs()
        station._token()
        station._portal()
    finally:
        station.stop()
    return folder


def copy(template, folder):
    """bin/ and etc/ stay the template's: they are large, and only read."""
    os.makedirs(folder, mode=0o755, exist_ok=True)
    for name in ('key', 'net', 'portal'):
        subprocess.run(['cp', '-a', os.path.join(template, name), folder], check=True)
    os.symlink(os.path.join(template, 'bin'), os.path.join(folder, 'bin'))
    subprocess.run(['cp', '-as', os.path.join(template, 'etc'), folder], check=True)
    for name in ('portal-ca.pem',):
        os.unlink(os.path.join(folder, 'etc', name))


# ---- the work --------------------------------------------------------------------------------------------------------

class Careless(Expert):
    """Scans, once, the next blank's serial for that of the card in her hand: the line holds."""
    misread = False

    def accept(self, card, face):
        hopper = self.desk.hopper()
        wrong, self.misread = hopper and not self.misread, True
        super().accept(card | ({'serial': hopper[0]} if wrong else {}), face)


class Work:
    """The expert's work in one scenario, until all is issued, reported and settled."""

    def __init__(self, station, scenario, seed):
        self.station, self.what, self.dice = station, SCENARIOS[scenario], random.Random(seed)
        self.desk = Desk(station)
        self.desk.strange = {Expert.serial(FIRST_SERIAL + n) for n in range(self.what.get('wrong_keys', 0))}
        self.expert = (Careless if self.what.get('misread') else Expert)(station, self.desk, 1)
        self.expert.plan.hands = [list(self.what.get('spoil', []))]
        self.done = set()
        station.printer.write(self.dice.choice([20, 60, 150]), 'device_ms')
        if 'printer' in self.what:
            station.printer.next(self.what['printer'])

    def once(self, name):
        """True the first time."""
        fresh = name not in self.done
        self.done.add(name)
        return fresh

    def disturb(self):
        """What the scenario does beside the expert's work."""
        line = self.expert.line
        if not line:
            return
        at = self.what.get('kill_at')
        if at and line[at] and self.once('kill'):
            mohrd = next(u for u in self.station.supervisor.units if u.name == 'mohrd')
            mohrd.stop.__self__.child.kill(signal.SIGKILL)
        if self.what.get('unload') and line['hopper'] and not line['printing'] and self.once('unload'):
            self.unload()
        if self.what.get('wrong_keys') and line['held'] and line['held']['held'] == 'line_stopped':
            self.resume()

    def over(self):
        """All that the scenario wants is done."""
        if not self.expert.finished():
            return False
        if self.what.get('custody') and self.once('custody'):
            Custody(self.expert).run()
            return False
        return self.closed()

    def closed(self):
        """Closes what may be closed by now of the cases that the scenario opened; True when none is left."""
        try:
            cases = [c for c in self.expert.me.get('/v1/cases')['cases'] if c['kind'] in CASES]
            for case in cases:
                self.close(case)
        except (Refused, Down) as no:
            self.expert.tell('cases', str(no))
            return False
        return not cases

    def close(self, case):
        if case['kind'] == 'rebound':
            self.expert.by_two(f'/v1/applications/{case["application"]}/rebound', {'found': 'no_card'})
            return
        finding = next((f for f in case['findings'] if f['possible']), None)
        if finding:
            text = {'text': 'as was seen'} if finding['needs_text'] else {}
            self.expert.by_two(f'/v1/cases/{case["case"]}/close', {'finding': finding['finding']} | text)

    def resume(self):
        """The keys are looked into, and the line goes on."""
        try:
            self.station.person('it-expert').post('/v1/lines/1/resume')
        except (Refused, Down):
            pass

    def unload(self):
        """The stack is taken out and put back; she goes on asking until the station has it so, and does nothing else."""
        me, stack = self.expert.me, {'from': self.expert.serial(101), 'to': self.expert.serial(110)}
        for wanted, path, body in (('room', '/v1/lines/1/unload', {}), ('hopper', '/v1/lines/1/hopper', stack)):
            for _ in range(200):
                self.station.supervisor.tick()
                try:
                    if self.expert.blank(stack['to'])['state'] == wanted:
                        break
                    me.post(path, body)
                except (Refused, Down):
                    time.sleep(0.05)

    def withdraw_first(self):
        """The portal withdraws the applicant who will be first, just before she is claimed."""
        def waiting():
            try:
                self.expert.look()
            except (Refused, Down):
                return None
            return sorted(name for name, row in self.expert.rows.items() if row['state'] == 'offered')
        names = self.station.supervisor.wait(lambda: len(waiting() or []) == APPLICANTS and waiting(), 20, 'nobody is offered')
        self.station.portal.withdraw(names[0])

    def run(self, limit):
        """None, or why it does not end."""
        end = time.monotonic() + limit
        if self.what.get('withdraw'):
            self.withdraw_first()
        while not self.over():
            self.station.supervisor.tick()
            try:
                self.expert.step()
            except GaveUp as why:
                return f'the expert gave up: {why}'
            self.disturb()
            if self.expert.hopeless() and not self.what.get('wrong_keys'):  # there somebody looks into the keys
                return f'the expert gave up: {self.expert.hopeless()}'
            if time.monotonic() > end:
                return f'not done after {limit} s: {self.state()}'
            time.sleep(STEP_S)
        return None

    def state(self):
        expert = self.expert
        line = expert.line or {}
        return json.dumps({'unknown': [i.get('kind') for i in expert.open], 'said': list(expert.said.items())[-4:],
                           'held': line.get('held'), 'printing': line.get('printing'), 'chipping': line.get('chipping'),
                           'counts': (expert.status or {}).get('counts')})[:900]


def shared_file(path):
    """A file that the programs of all uids may write."""
    with open(path, 'w'):
        pass
    os.chmod(path, 0o666)
    return path


def turn(build, template, folder, scenario, seed=0, env=None, limit=LIMIT_S, around=None):
    """Plays the scenario in folder (made here). around(station): called when the station runs, answers a function to call
    at the end. Violations as sentences."""
    copy(template, folder)
    what = SCENARIOS[scenario]
    options = Options(build=build, applicants=APPLICANTS, env=env or {}, dpi=QUICK_DPI, anchor_s=what.get('anchor_s', ANCHOR_S))
    station = PreparedStation(folder, options, what)
    work, after = None, None
    try:
        station.start()
        after = around(station) if around else None
        work = Work(station, scenario, seed)
        why = work.run(limit)
        if after:
            after()
            after = None
        return ([why] if why else []) + check_all(station)
    except (OSError, RuntimeError, TimeoutError, Down, Refused, subprocess.SubprocessError, sqlite3.Error) as error:
        return [f'the turn broke off: {type(error).__name__}: {error}']
    finally:
        if after:
            after()
        if work:
            work.desk.take_out()
        station.stop()


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)

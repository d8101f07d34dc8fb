"""One turn of a fault sweep: a private station with a fault armed, a scripted expert, and the checks afterwards.

    template = prepare(build, folder)                  # keys, certificates, an applicant: made once, copied for each turn
    faults = turn(build, template, folder, 'spoil-report', seed=3, env={'MOHR_FAULT': 'core.issue.after:1:kill'})

turn() answers a list of sentences, one per violation; none when all held. The supervisor starts again whatever died.
"""
import glob
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
from rig.desk import Desk  # noqa: E402
from rig.expert import Expert, GaveUp  # noqa: E402
from rig.portal import PortalSim  # noqa: E402
from rig.staff import Down, Refused  # noqa: E402
from rig.station import STATION, Options, Station  # noqa: E402
from rig.supervisor import insist  # noqa: E402

STEP_S, LIMIT_S = 0.03, 120
APPLICANTS = 2
# what is issued in a turn: the stages at which cards are spoiled, and what happens to printer and core meanwhile
SCENARIOS = {
    'plain': {},
    'spoil-print': {'spoil': ['print']},
    'spoil-report': {'spoil': ['report']},
    'spoil-write': {'spoil': ['write']},
    'printer-dies': {'printer': 'die'},
    'printer-jams': {'printer': 'jam'},
    'submit-fails': {'fault': 'print.send_document.after:eio'},
    'script-breaks': {'fault': 'chip.script_middle.before:eio'},
    'opening-breaks': {'fault': 'chip.authenticate.before:eio'},
    'restart-printing': {'kill_at': 'printing'},
    'restart-writing': {'kill_at': 'chipping'},
    'unload': {'unload': True},
    'withdrawn': {'withdraw': True},
}


# ---- the station -----------------------------------------------------------------------------------------------------

class PreparedStation(Station):
    """Copied from a template; only what names its own folder is made anew."""

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
        insist('portal-sim', self.portal.start)
        self.supervisor.add('portal-sim', lambda: self.portal.child is not None and self.portal.child.alive(),
                            self.portal.start, self.portal.stop)
        return self.portal.ca, self.portal.cert(), self.portal.key()


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

class Work:
    """The expert's work in one scenario, until all is issued, reported and settled."""

    def __init__(self, station, scenario, seed):
        self.station, self.what, self.dice = station, SCENARIOS[scenario], random.Random(seed)
        self.desk = Desk(station)
        self.expert = Expert(station, self.desk, 1)
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
        line, expert = self.expert.line, self.expert
        at = self.what.get('kill_at')
        if at and line and line[at] and self.once('kill'):
            mohrd = next(u for u in self.station.supervisor.units if u.name == 'mohrd')
            mohrd.stop.__self__.child.kill(signal.SIGKILL)
        if self.what.get('unload') and line and line['hopper'] and not line['printing'] and self.once('unload'):
            self.unload()

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
        while not self.expert.finished():
            self.station.supervisor.tick()
            try:
                self.expert.step()
            except GaveUp as why:
                return f'the expert gave up: {why}'
            self.disturb()
            if self.expert.hopeless():
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


# ---- the checks ------------------------------------------------------------------------------------------------------

def boot_ahead_ms():
    """CLOCK_BOOTTIME before CLOCK_MONOTONIC: the ledger has the one, the simulators the other."""
    return (time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)) * 1000


class Ledger:
    def __init__(self, path):
        self.db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def born(self, intent):
        """When the intent's row was written, CLOCK_BOOTTIME ms; None when there is none."""
        rows = self.rows("SELECT t_boot FROM audit WHERE entity='intent' AND event='born' AND subject=?", intent)
        return rows[0][0] if rows else None


def check_printer(ledger, printer):
    """At most one physical start per intent, and each after its intent."""
    ahead = boot_ahead_ms()
    for kind in ('start', 'print'):
        names = [e['name'] for e in printer.events(kind)]
        for name in sorted(set(names)):
            if names.count(name) > 1:
                yield f'print intent {name}: {names.count(name)} physical {kind}s'
    for event in printer.events('start'):
        born = ledger.born(event['name'])
        if born is None:
            yield f'a print started without intent {event["name"]}'
        elif born > event['ms'] + ahead + 1:
            yield f'print {event["name"]} started before its intent was committed'


def check_chips(ledger, folder):
    """At most one failed authentication per chip, nothing changed before the first intent about the card."""
    ahead = boot_ahead_ms()
    for path in sorted(glob.glob(os.path.join(folder, 'cards/*/log'))):
        serial = os.path.basename(os.path.dirname(path))
        with open(path) as f:
            events = [json.loads(line) for line in f if line.endswith('}\n')]
        failed = [e for e in events if e['header'].startswith('8482') and e['sw'] not in ('9000', '0000')]
        if len(failed) > 1:
            yield f'chip of {serial}: {len(failed)} failed authentications'
        first = ledger.rows("SELECT min(a.t_boot) FROM audit a JOIN intent i ON i.id=a.subject WHERE a.entity='intent' "
                            "AND a.event='born' AND i.serial=? AND i.kind IN ('write','lock')", serial)[0][0]
        if events and (first is None or first > events[0]['t'] * 1000 + ahead + 1):
            yield f'chip of {serial} was changed before an intent was committed'


def check_portal(ledger, portal):
    """Both ledgers tell the same of each serial; each effect at the portal has its earlier intent here, and is one."""
    known = portal.ledger()
    here = {(a, s, 'issued') for a, s in ledger.rows("SELECT application, serial FROM blank WHERE state='issued'")}
    here |= {(a, s, 'spoiled') for a, s in ledger.rows(
        "SELECT i.application, i.serial FROM intent i WHERE i.kind='spoil' AND i.state='done'")}
    there = {(c['application'], c['serial'], c['status']) for c in known['cards']}
    for row in sorted(here ^ there, key=str):
        yield f'{"station" if row in here else "portal"} alone says {row[2]}: {row[1]} of {row[0]}'
    keys = [e['key'] for e in known['effects']]
    for key in sorted(set(keys)):
        if keys.count(key) > 1:
            yield f'the portal applied {key} {keys.count(key)} times'
    for effect in known['effects']:
        born = ledger.born(effect['key'])
        if born is None and effect['what'] != 'hello':
            yield f'the portal applied a {effect["what"]} without intent'
        elif born is not None and born > effect['mono_ns'] / 1e6 + boot_ahead_ms() + 1:
            yield f'the portal applied a {effect["what"]} before its intent was committed'


def check_serials(ledger, printer):
    """Each blank that was loaded is one row here and one piece of plastic there, and looks as its state says."""
    states = dict(ledger.rows('SELECT serial, state FROM blank'))
    plastic = [(place, card) for place in ('hopper', 'path', 'tray') for card in printer.cards(place)]
    serials = [card['serial'] for _, card in plastic]
    for serial in sorted(set(serials) ^ set(states)):
        yield f'{serial} is {"plastic" if serial in serials else "a row"} alone'
    for place, card in plastic:
        state = states.get(card['serial'])
        if state in ('room', 'hopper') and card['state'] != 'blank':
            yield f'{card["serial"]} counts as blank and was printed on ({card["state"]})'
        if state in ('accepted', 'written', 'verified', 'issued') and (place, card['state']) != ('tray', 'ok'):
            yield f'{card["serial"]} is {state} and lies {card["state"]} in the {place}'


def check_fsck(station):
    for _ in range(40):  # the core may just be starting
        status, text = station.fsck()
        if status == 0:
            return
        if status not in (6, 7):
            break
        station.supervisor.tick()
        time.sleep(0.2)
    yield f'fsck ({status}): {text.strip()[:1500]}'


def check_all(station):
    """Every check; the core is ended after fsck, so that its file can be read."""
    found = list(check_fsck(station))
    core = next(u for u in station.supervisor.units if u.name == 'mohrd')
    core.stop()
    ledger = Ledger(station.path('state/ledger.db'))
    for check in (check_printer(ledger, station.printer), check_chips(ledger, station.dir),
                  check_portal(ledger, station.portal), check_serials(ledger, station.printer)):
        found += check
    ledger.db.close()
    return found


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
    station = PreparedStation(folder, Options(build=build, applicants=APPLICANTS, env=env or {}))
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

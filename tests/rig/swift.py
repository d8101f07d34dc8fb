"""A station that makes cards by the dozen each second: the real core, mohr-net and portal; the printer, reader, token and
drawing are played by tests/unit/station-fake.c, which counts what it does to the world.

    station = SwiftStation(folder, portal, url=proxy.url, lines=2).start()
    card = station.begin('1', application)      # asked to print
    station.step(card)                          # call often: accepts, writes, confirms; card.state tells
    station.quiet()                             # nothing is pending any more
    station.judge()                             # complaints: invariants, both ledgers, the audit chain

It runs as root, who is the expert too; `second` is a person of another office, for acts of two.
"""
import os
import shutil
import sqlite3
import subprocess
import time

from .portal import ROOT, STATION, build_dir
from .procs import Child, wait_for
from .staff import Down, Person, Refused, free_uids

CONFIG = '''\
[station]
id = {id}
province = golestan
state_dir = {dir}/state
socket = {dir}/s.sock
programs_dir = {dir}/bin
laboratory = yes
[portal]
ca = {dir}/ca.pem
socket = {dir}/net.sock
poll_s = {poll_s}
limit_s = 15
anchor_s = {anchor_s}
[key]
socket = {dir}/key.sock
[chip]
ca = {dir}/ca.pem
profile = {dir}/chip.json
insert_s = 5
limit_s = 5
[print]
limit_s = 10
[render]
layouts_dir = {dir}
fonts_dir = {dir}
[person expert-1]
uid = 0
role = issuer
office = assessment
[person security-1]
uid = {second}
role = security
office = security
'''
LINE = '[line {n}]\nqueue = cards{n}\nreader = Fake {n}\ngate_dir = {dir}\npcsc_socket = {dir}/line{n}\n'


class Card:
    def __init__(self, line, application):
        self.line, self.application, self.serial, self.state, self.since = line, application, None, 'asked', time.monotonic()

    def to(self, state):
        self.state, self.since = state, time.monotonic()


class SwiftStation:
    def __init__(self, folder, portal, url=None, name=STATION, lines=1, deadline_s=3, poll_s=1, anchor_s=3600, first=1,
                 clock=None):
        self.dir, self.portal, self.name, self.url = folder, portal, name, url or portal.url
        self.build, self.lines, self.deadline_s = build_dir(), [str(n + 1) for n in range(lines)], deadline_s
        self.poll_s, self.anchor_s, self.next_serial, self.me = poll_s, anchor_s, first, Person(folder + '/s.sock', 0)
        self.second = Person(folder + '/s.sock', free_uids(1))  # of another office
        self.env = {**os.environ, **clock.env()} if clock else None  # rig/clock.py: for the core and mohr-net
        self.mohrd = self.net = self.key = None
        self.synced = False
        self.look = None     # a status that several steps share
        self.writing = None  # the fakes share one token: one session at a time

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    # ---- making it --------------------------------------------------------------------------------------------------

    def prepare(self):
        os.makedirs(self.path('bin'), exist_ok=True)
        fake = self.path('bin/station-fake')
        shutil.copy(os.path.join(self.build, 'tests/unit/station-fake'), fake)
        for name in ('mohr-print', 'mohr-chip', 'mohr-render', 'mohr-key'):
            if not os.path.lexists(self.path('bin', name)):
                os.symlink('station-fake', self.path('bin', name))
        shutil.copy(self.portal.ca, self.path('ca.pem'))
        shutil.copy(self.portal.crl, self.path('crl.pem'))
        shutil.copy(os.path.join(ROOT, 'config/chips/gp-scp03-laboratory.json'), self.path('chip.json'))
        text = CONFIG.format(dir=self.dir, id=self.name, poll_s=self.poll_s, anchor_s=self.anchor_s,
                             second=self.second.uid)
        for n in self.lines:
            os.makedirs(self.path('line' + n), exist_ok=True)
            text += LINE.format(n=n, dir=self.dir)
        with open(self.path('mohr.conf'), 'w') as f:
            f.write(text)

    def _child(self, name, argv, env=None):
        return Child(argv, self.path(name + '.log'), env=env, name=name, cwd='/')

    def start_services(self):
        for name in ('net.sock', 'key.sock'):
            if os.path.exists(self.path(name)):
                os.unlink(self.path(name))
        self.key = self._child('key', [self.path('bin/mohr-key'), '--dir', self.dir])
        self.start_net()
        wait_for(lambda: os.path.exists(self.path('key.sock')), 10, message='no services')

    def start_net(self):
        """Also again, as systemd does."""
        if os.path.exists(self.path('net.sock')):
            os.unlink(self.path('net.sock'))
        self.net = self._child('net', [os.path.join(self.build, 'daemon/work/net/mohr-net'), '--socket', self.path('net.sock'),
                                       '--peer-uid', '0', '--url', self.url, '--ca', self.path('ca.pem'), '--crl',
                                       self.path('crl.pem'), '--cert',
                                       self.portal.cert(self.name), '--key', self.portal.key(self.name), '--deadline',
                                       str(self.deadline_s)], self.env)
        wait_for(lambda: os.path.exists(self.path('net.sock')), 10, message='no mohr-net')

    def new_epoch(self, epoch):
        subprocess.run([self.core_program(), '--config', self.path('mohr.conf'), '--new-epoch', str(epoch)], check=True,
                       cwd='/')

    def core_program(self):
        return os.path.join(self.build, 'daemon/core/mohrd')

    def start_core(self):
        self.mohrd = self._child('mohrd', [self.core_program(), '--config', self.path('mohr.conf')], self.env)
        wait_for(self.ready, 20, message='the core is not ready: ' + self.mohrd.tail(5))

    def ready(self):
        status = self.status()
        return status and all(w['state'] == 'idle' for w in status['workers'] if w['name'] != 'mohr-net')

    def start(self):
        self.prepare()
        self.start_services()
        self.start_core()
        return self

    def stop(self):
        for child in (self.mohrd, self.net, self.key):
            if child:
                child.stop()
        self.mohrd = self.net = self.key = None

    # ---- working ----------------------------------------------------------------------------------------------------

    def status(self):
        try:
            return self.me.get('/v1/status')
        except Down:
            return None

    def line(self, n):
        status = self.look or self.status()
        return next(l for l in status['lines'] if l['line'] == n) if status else None

    def application(self, name):
        try:
            return self.me.get('/v1/applications/' + name)
        except (Refused, Down):
            return {}

    def load(self, line, n):
        first, last = (f'SC-1405-{k:06d}' for k in (self.next_serial, self.next_serial + n - 1))
        self.next_serial += n
        self.me.post('/v1/blanks', {'from': first, 'to': last})
        self.me.post(f'/v1/lines/{line}/hopper', {'from': first, 'to': last})

    def worksheet(self, name, timeout=30):
        sheet = wait_for(lambda: self.application(name).get('worksheet'), timeout, message=name + ' does not arrive')
        if not self.synced:
            wait_for(lambda: self.status()['portal']['synced_at'] > 0, timeout, message='no whole round: photos are missing')
            self.synced = True
        self.me.post(f'/v1/applications/{name}/worksheet', {'number': sheet['number']})

    def begin(self, line, name):
        """Asked to print; the card to step. Refused when the station says no."""
        if self.line(line)['hopper'] == 0:
            self.load(line, 10)
        self.me.post(f'/v1/lines/{line}/print', {'application': name})
        return Card(line, name)

    def step(self, card):
        """One look; True when something moved."""
        try:
            return getattr(self, '_' + card.state)(card)
        except Down:
            return False

    def _outcome(self, card, doing, done):
        line = self.line(card.line)
        return line[done] if line and not line[doing] and line[done] else None

    def _asked(self, card):
        outcome = self._outcome(card, 'printing', 'printed')
        if not outcome or outcome.get('application') != card.application:
            return False
        if not outcome['ok']:
            card.error = outcome['error']
            card.to('failed')
            return True
        card.serial = outcome['serial']
        card.to('printed')
        return True

    def _printed(self, card):
        face = self.me.get('/v1/blanks/' + card.serial)['face_code']
        self.me.post('/v1/inspect', {'serial': card.serial, 'face': face, 'verdict': 'good'})
        card.to('accepted')
        return True

    def _accepted(self, card):
        if self.writing:
            return False
        self.insert(card)
        self.me.post(f'/v1/lines/{card.line}/write', {'serial': card.serial})
        card.to('writing')
        return True

    def _writing(self, card):
        outcome = self._outcome(card, 'chipping', 'chipped')
        if not outcome or outcome.get('serial') != card.serial:
            return False
        self.writing = None
        if not outcome['ok']:
            card.error = outcome['error']
            card.to('failed')
            return True
        card.to('verified')
        return True

    def _verified(self, card):
        self.me.post(f'/v1/blanks/{card.serial}/confirm', {'match': True})
        card.to('issued')
        return True

    def _issued(self, card):
        return False

    _failed = _issued

    def finish(self, card, timeout=60):
        """Its last state."""
        end = time.monotonic() + timeout
        while card.state not in ('issued', 'failed') and time.monotonic() < end:
            if not self.step(card):
                time.sleep(0.01)
        return card.state

    def insert(self, card, *orders):
        """Its blank chip lies in every reader; what the fakes of its line do."""
        self.writing = card.serial
        self.script(card.line, f'chip serial {card.serial}', *orders)
        for folder in (self.dir, *(self.path('line' + n) for n in self.lines)):
            with open(os.path.join(folder, 'chip'), 'w'):
                pass

    def script(self, line, *orders):
        """What the fakes of a line do at their steps, and mohr-key; as whole files, for they are read at any time."""
        for folder in (self.dir, self.path('line' + line)):
            with open(os.path.join(folder, 'script.new'), 'w') as f:
                f.write(''.join(o + '\n' for o in orders))
            os.replace(f.name, os.path.join(folder, 'script'))

    def make(self, names, timeout=60, until='issued'):
        """All of them, on all lines at once; the cards. A card that fails stays failed."""
        cards = []
        try:
            self._make(list(names), cards, time.monotonic() + timeout, until)
        finally:
            self.look = None
        return cards

    def _make(self, names, cards, end, until):
        busy = {}
        while names or busy:
            moved, self.look = False, None
            for line in self.lines:
                if line not in busy and names:
                    self.look = None
                    busy[line] = self.begin(line, names.pop(0))
                    cards.append(busy[line])
                    moved, self.look = True, None
                if line in busy:
                    self.look = self.look or self.status()
                    moved |= self.step(busy[line])
                    if busy[line].state in (until, 'issued', 'failed'):
                        del busy[line]
            if time.monotonic() > end:
                raise TimeoutError('cards stay: ' + ', '.join(f'{c.application} {c.state}' for c in busy.values()))
            if not moved:
                time.sleep(0.02)

    def spoil(self, serial, cause='card_dust'):
        self.me.post(f'/v1/blanks/{serial}/spoil', {'cause': cause, 'line': '1'})

    def effects(self):
        """What the fakes did: ['print UUID', 'print', 'script FACE', ...]."""
        try:
            with open(self.path('effects')) as f:
                return f.read().split('\n')[:-1]
        except FileNotFoundError:
            return []

    # ---- judging ----------------------------------------------------------------------------------------------------

    def pending(self):
        status = self.status()
        return status['portal']['pending'] if status else -1

    def quiet(self, timeout=60):
        wait_for(lambda: self.pending() == 0, timeout, step=0.05, message='calls to the portal stay open')

    def snapshot(self):
        path = self.path('snapshot.db')
        with open(path, 'wb') as f:
            f.write(self.me.get('/v1/snapshot'))
        return path

    def judge(self, tries=4):
        """Complaints: mohr's invariants, the two ledgers' equality, effects, the audit chain against the portal's anchors."""
        self.quiet()
        path = self.snapshot()
        complaints = self._invariants(path) + self._audit(path)
        with sqlite3.connect(path) as db:
            complaints += compare(db, self.portal.ledger(), self.name)
            printed = [w for w in self.effects() if w.startswith('print ')]
            complaints += [f'{w}: twice' for w in set(printed) if printed.count(w) > 1]
            known = {r[0] for r in db.execute("SELECT id FROM intent WHERE kind='print'")}
            complaints += [f'{w}: no such intent' for w in printed if w.split()[1] not in known]
        db.close()
        if complaints and tries > 1:  # an anchor may have gone between the looks; what is wrong stays wrong
            return self.judge(tries - 1)
        return complaints

    def _invariants(self, path):
        done = subprocess.run([os.path.join(self.build, 'tests/scenario/check-ledger'), path], capture_output=True, text=True)
        return [] if done.returncode == 0 else ['fsck: ' + l for l in (done.stdout + done.stderr).split('\n') if l]

    def fsck_portal(self):
        """Complaints of `mohr fsck --portal`, run by the second person; a call may just be on its way."""
        uid = str(self.second.uid)
        mohr = ['setpriv', '--reuid', uid, '--regid', uid, '--clear-groups', '--', os.path.join(self.build, 'daemon/ctl/mohr'),
                'fsck', '--portal', '--socket', self.path('s.sock')]
        for _ in range(30):
            done = subprocess.run(mohr, capture_output=True, text=True, timeout=60, cwd='/')
            if done.returncode not in (6, 7):
                break
            time.sleep(0.2)
        return [] if done.returncode == 0 else [f'fsck --portal ({done.returncode}): {done.stdout}{done.stderr}']

    def _audit(self, path):
        self.portal.anchors(self.path('anchors'), self.name)
        done = subprocess.run([os.path.join(self.build, 'daemon/audit-verify/mohr-audit-verify'), '--anchors',
                               self.path('anchors'), path], capture_output=True, text=True)
        return [] if done.returncode == 0 else ['audit: ' + l for l in (done.stdout + done.stderr).split('\n') if l]


def compare(db, portal, station):
    """Complaints where the station's calls and blanks and the portal's ledger differ."""
    told = {}
    complaints = []
    for effect in portal['effects']:
        if effect['station'] != station or effect['what'] == 'hello':
            continue
        if effect['key'] in told:
            complaints.append(f"{effect['key']}: applied twice")
        told[effect['key']] = effect
    cases = {r[0] for r in db.execute('SELECT intent FROM dispute WHERE intent IS NOT NULL')}
    rows = db.execute("SELECT id, kind, state, payload_sha256, receipt, result FROM intent WHERE payload IS NOT NULL")
    for key, kind, state, sha256, receipt, result in rows:
        effect = told.pop(key, None)
        if state == 'done' and (not effect or effect['payload_sha256'] != sha256 or not receipt):
            complaints.append(f'{kind} {key} is done here, the portal has {effect}')
        if state in ('running', 'unknown'):
            complaints.append(f'{kind} {key} is still {state}')
        broken = state == 'refused' and 'receipt_broken' in (result or '')
        if effect and state != 'done' and not (broken and key in cases):
            complaints.append(f'{kind} {key} is {state} here, the portal applied it')
    complaints += [f"the portal has a call {k} ({e['what']}) that was never made" for k, e in told.items()]
    return complaints + compare_cards(db, portal, station)


def compare_cards(db, portal, station):
    cards = {c['serial']: c for c in portal['cards'] if c['station'] == station}
    complaints = []
    disputed = {r[0] for r in db.execute('SELECT serial FROM dispute WHERE serial IS NOT NULL')}
    for serial, state, application, registered in db.execute('SELECT serial, state, application, registered FROM blank'):
        card = cards.pop(serial, None)
        expected = 'spoiled' if state == 'spoiled' else 'issued' if registered else None
        if (card['status'] if card else None) != expected and serial not in disputed:
            complaints.append(f'{serial} is {state}, registered {registered}; the portal says {card}')
        if card and card['application'] != application:
            complaints.append(f"{serial} is of {application} here, of {card['application']} there")
    live = [c['application'] for c in portal['cards'] if c['status'] == 'issued']
    complaints += [f'{a} has two live cards' for a in set(live) if live.count(a) > 1]
    return complaints + [f'the portal has a card {s} that is not ours' for s in cards]

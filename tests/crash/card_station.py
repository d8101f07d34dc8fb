"""Cards of a whole station, each with one fault at the reader: core, mohr-key, mohr-chip and a real pcscd, a scripted expert.

The expert puts the card in; at its first insertion it carries the fault. What it is afterwards she and the station must find
out: it is issued in the end, or put aside for a reason, and the core answers all the time."""
import os
import re
import shutil
import signal
import time

from card_worker import BUILD, KILL, STALL
from rig.checks import Ledger, check_all
from rig.desk import Desk, kdd
from rig.expert import Expert, GaveUp
from rig.staff import Down, Refused
from rig.station import Options, Station


CARDS, LONG_STATIONS, LONG_CARDS = 3, 8, 14
STEP_S, LIMIT_S, CARD_LIMIT_S = 0.03, 40, 25
ANSWER_S = 5         # the core must answer `mohr status` within
SILENCE_S = (2, 1)   # insert_s, limit_s: a worker silent for so long is ended
HANGS_S = 2          # before the next try
STRANGER = 'SC-1405-900001'
# another card dials the reader, then this one is torn out: it is swapped within one poll
SWAP = ('env -i PATH=$PATH MOHR_CARD_HOST=127.0.0.1 MOHR_CARD_PORT={port} MOHR_CARD_KDD={kdd} MOHR_CARD_SERIAL={serial} '
        'MOHR_CARD_DIR={other} setsid {card_sim} >/dev/null 2>&1 & echo $! >{folder}/other; kill -9 $PPID')


class Shaken(Station):
    """The supervision's patience is short."""

    def _configure(self):
        super()._configure()
        with open(self.config) as f:
            text = f.read()
        insert_s, limit_s = SILENCE_S
        text = re.sub(r'(?s)(\[chip\].*?insert_s = )\d+(\nlimit_s = )\d+', rf'\g<1>{insert_s}\g<2>{limit_s}', text)
        with open(self.config, 'w') as f:
            f.write(text)


class FaultDesk(Desk):
    """A card's first insertion carries the next fault."""

    def __init__(self, station, faults):
        super().__init__(station)
        self.faults, self.carried, self.worker = list(faults), {}, None

    def put_in(self, serial):
        if self.in_reader(serial):
            return True
        if serial in self.carried or not self.faults:
            return super().put_in(serial)
        self.take_out()
        if not self.settled() or not self.worker:
            return False
        fault = self.carried[serial] = self.faults.pop(0)
        folder = self.folder(serial)
        os.makedirs(folder, exist_ok=True)
        with open(folder + '/worker', 'w') as f:
            f.write(str(self.worker))
        self.slot.insert(folder, kdd(serial), serial, wait=False, env=self.settings(serial, folder, fault))
        self.inserted = serial
        return True

    def settings(self, serial, folder, fault):
        pcscd = self.station.pcscd.child.pid if self.station.pcscd.alive() else 0
        words = {'folder': folder, 'pcscd': pcscd, 'port': self.slot.port, 'kdd': kdd(STRANGER + serial).hex(),
                 'serial': STRANGER, 'other': folder + '/stranger', 'card_sim': self.slot.card_sim}
        os.makedirs(folder + '/stranger', exist_ok=True)
        return {'MOHR_SIM_' + k: v.format(**words) for k, v in fault.items()}

    def take_out(self):
        """The stranger as well, when there is one."""
        path = self.inserted and self.folder(self.inserted) + '/other'
        if path and os.path.exists(path):
            with open(path) as f:
                pid = int(f.read())
            os.unlink(path)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        super().take_out()


class Listener(Expert):
    """Keeps what the station said of each card's chip, and has patience with a reader that hangs: supervision's own is so
    short here that a minute is twenty tries, and no card is to be blamed for them."""

    def __init__(self, *args):
        super().__init__(*args)
        self.heard = {}

    def judge_chip(self, outcome):
        if outcome and not outcome['ok']:
            error = outcome['error'].get('error', outcome['error'])
            self.heard.setdefault(outcome['serial'], set()).add(error['reason'])
        hung = self.tries.copy() if outcome and not outcome['ok'] and 'deadline' in str(outcome['error']) else None
        super().judge_chip(outcome)
        if hung is not None and self.tries != hung:
            self.tries = hung
            self.rest_chip = time.monotonic() + HANGS_S


def hook(n, when, run):
    return {'HOOK': f'{n}:{when}', 'HOOK_RUN': run}


def draw(dice, total, changes):
    """One fault; n among all commands, k among those that change the card."""
    n, k, when = dice.randrange(1, total + 1), dice.randrange(1, len(changes) + 1), dice.choice(['before', 'after'])
    return dice.choice([
        lambda: {'TEAR': f'{k}:{when}'},
        lambda: {'TEAR': f'{k}:{when}'} | hook(changes[k - 1], when, KILL),
        lambda: {'TEAR': '2:during'},
        lambda: hook(n, when, KILL),
        lambda: hook(n, when, 'kill -9 {pcscd}; true'),
        lambda: hook(n, when, SWAP),
        lambda: {'GARBAGE': str(n)},
        lambda: {'GARBAGE': '1'},
        lambda: {'ATR': 'FFFFFFFF'},
        lambda: {'MUTE': f'{n}:short'},
        lambda: {'MUTE': f'{n}:zero'},
        lambda: {'ENDLESS': f'{n}:61'},
    ])()


def faults(sweep, number, total, changes):
    """The quick turn: a stall, a swap, and one by lot; the long one: many of all."""
    dice = sweep.dice(f'station {number}')
    stall = hook(dice.randrange(1, total), 'before', STALL.replace('{seconds}', '5' if number == 1 or not sweep.long else '60'))
    first = [stall] if number <= 3 else []
    n = dice.randrange(1, total)
    if not sweep.long:
        return first + [hook(n, 'before', SWAP), draw(dice, total, changes)][:CARDS]
    while len(first) < LONG_CARDS:
        fault = draw(dice, total, changes)
        if not (refused(fault) and refused(first[-1] if first else {})):
            first.append(fault)
    return first


def refused(fault):
    """A card that may be put aside for what it answers: the line stops at several in a row, as it should."""
    return any(name in fault for name in ('ATR', 'GARBAGE', 'ENDLESS'))


def tasks(sweep, total, changes):
    return [(f'station {n}', play, f'station {n}', faults(sweep, n, total, changes))
            for n in range(1, (LONG_STATIONS if sweep.long else 1) + 1)]


def answer_ms(station, desk):
    """How long the core takes for its status; the chip worker's pid goes to the desk."""
    begun = time.monotonic()
    try:
        status = station.person('expert').get('/v1/status')
    except (Down, Refused):
        status = None
    if status:
        works = [w for w in status['workers'] if 'chip' in w['name']]
        desk.worker = works[0]['pid'] if works else None
    return (time.monotonic() - begun) * 1000


def work(station, desk, expert, limit):
    """Why it does not end, or None; and the slowest answer of the core in ms."""
    end, slowest = time.monotonic() + limit, 0
    while not expert.finished():
        station.supervisor.tick()
        slowest = max(slowest, answer_ms(station, desk))
        try:
            expert.step()
        except GaveUp as why:
            return f'the expert gave up: {why}', slowest
        if expert.hopeless() or time.monotonic() > end:
            state = {s: v for s, v in list(expert.said.items())[-8:]}
            return f'{expert.hopeless() or f"not done after {limit} s"}: {state} {(expert.line or {}).get("chipping")}', slowest
        time.sleep(STEP_S)
    return None, slowest


def judge(station, desk, heard):
    """Every check of a turn, and of each card that carried a fault: the station said what it met, and the card is issued
    and whole, or put aside."""
    found = check_all(station)
    ledger = Ledger(station.path('state/ledger.db'))
    states = dict(ledger.rows('SELECT serial, state FROM blank'))
    ledger.db.close()
    for serial, fault in desk.carried.items():
        folder = desk.folder(serial)
        with open(folder + '/state') as f:
            whole = '\ncomplete 1\n' in f.read()
        if states[serial] != 'issued' and states[serial] != 'spoiled':
            found.append(f'{serial} with {fault} ended as {states[serial]}')
        if states[serial] == 'issued' and not whole:
            found.append(f'{serial} with {fault} is issued and its chip is not whole')
        if not heard.get(serial) and 'kill -STOP' not in fault.get('HOOK_RUN', ''):
            found.append(f'{serial} with {fault}: the station said nothing of it')
        log = folder + '/stranger/log'
        if os.path.exists(log) and os.path.getsize(log):
            with open(log) as f:
                if any(word in f.read() for word in ('store_data', 'install', 'external_authenticate')):
                    found.append(f'{serial}: the card it was swapped for was written')
    return found, sum(state == 'spoiled' for serial, state in states.items() if serial in desk.carried)


def play(lane, name, wanted):
    """One station, a card for each fault."""
    begun = time.monotonic()
    sweep = lane.sweep
    folder = os.path.join(sweep.dir, name.replace(' ', '-'))
    with sweep.run(name, n=len(wanted), folder=lambda: folder) as run:
        station = Shaken(folder, Options(build=BUILD, applicants=len(wanted) + 1, device_ms=20))
        desk = None
        try:
            station.start()
            desk = FaultDesk(station, wanted)
            expert = Listener(station, desk, len(wanted))
            why, slowest = work(station, desk, expert, LIMIT_S + CARD_LIMIT_S * len(wanted) + 60 * sweep.long)
            desk.take_out()
            complaints, aside = judge(station, desk, expert.heard)
            run.check(([why] if why else []) + complaints)
            run.insist(slowest < ANSWER_S * 1000, f'the core took {slowest:.0f} ms for its status')
            print(f'{sweep.name}: {name}: {len(desk.carried)} cards with faults, {aside} put aside, the core\'s slowest '
                  f'answer {slowest:.0f} ms, {time.monotonic() - begun:.0f} s', flush=True)
        finally:
            if desk:
                desk.take_out()
            station.stop()
    shutil.rmtree(folder, ignore_errors=True)

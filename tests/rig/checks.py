"""What must hold of a station after its work, whatever happened to it meanwhile: its ledger against the simulators.

    wrong = check_all(station)                         # sentences, one per violation; none when all held

check_all() ends the core after fsck, so that its file can be read; the single checks take an open Ledger and a
simulator, and yield sentences.
"""
import glob
import json
import os
import sqlite3
import time


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


def check_portal(ledger, portal, former=()):
    """Both ledgers tell the same of each serial; each effect at the portal has its earlier intent here, and is one.
    former: keys of what a former installation did."""
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
        if born is None and effect['what'] != 'hello' and effect['key'] not in former:
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
                  check_portal(ledger, station.portal, station.former), check_serials(ledger, station.printer)):
        found += check
    ledger.db.close()
    return found

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


SLACK_MS = 1  # both clocks are cut to milliseconds


class Ledger:
    def __init__(self, path):
        self.db = sqlite3.connect(f'file:{path}?mode=ro', uri=True)

    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    def when(self, intent, event):
        """When this row of the intent was written, CLOCK_BOOTTIME ms; None when there is none."""
        return self.rows("SELECT min(t_boot) FROM audit WHERE entity='intent' AND event=? AND subject=?", event, intent)[0][0]

    def born(self, intent):
        return self.when(intent, 'born')

    def steps(self, intent, name):
        """When the intent stood at this checkpoint. A row of a later transaction proves that the earlier ones were
        committed: there is one connection. So an effect after its checkpoint's row is one after its intent's commit."""
        return [t for t, in self.rows("SELECT t_boot FROM audit WHERE event='checkpoint' AND subject=? AND "
                                      "json_extract(body, '$.step')=? ORDER BY seq", intent, name)]


# ---- the printer -----------------------------------------------------------------------------------------------------

def check_print(ledger, name, events, ahead):
    """One intent's life at the printer."""
    times = {kind: [e['ms'] + ahead for e in events if e['event'] == kind] for kind in ('start', 'print', 'end')}
    for kind in ('start', 'print'):
        if len(times[kind]) > 1:
            yield f'print intent {name}: {len(times[kind])} physical {kind}s'
    born, submitted, done = ledger.born(name), ledger.steps(name, 'submitted'), ledger.when(name, 'done')
    if born is None:
        yield f'a print started without intent {name}'
    elif born > times['start'][0] + SLACK_MS:
        yield f'print {name} started before its intent was committed'
    elif not submitted or submitted[0] > times['start'][0] + SLACK_MS:
        yield f'print {name} started before its job was committed'
    if done is not None and times['end'] and done + SLACK_MS < times['end'][0]:
        yield f'print {name} was recorded as done before it ended'


def check_printer(ledger, printer):
    """At most one physical start per intent, after its intent and its job were committed; each done print is one card."""
    ahead = boot_ahead_ms()
    events = {}
    for event in printer.events():
        if event['name'] and event['event'] in ('start', 'print', 'end'):
            events.setdefault(event['name'], []).append(event)
    for name, of_it in sorted(events.items()):
        if any(e['event'] == 'start' for e in of_it):
            yield from check_print(ledger, name, of_it, ahead)
    for name, in ledger.rows("SELECT id FROM intent WHERE kind='print' AND state='done'"):
        if not any(e['event'] == 'print' for e in events.get(name, [])):
            yield f'print {name} is done, and nothing was printed'


# ---- the chips -------------------------------------------------------------------------------------------------------

def command(event):
    """INITIALIZE UPDATE begins an attempt, EXTERNAL AUTHENTICATE ends it, anything else changes the chip."""
    return {'50': 'begin', '82': 'authenticate'}.get(event['header'][2:4], 'change')


def check_chip(ledger, serial, events, ahead):
    """Each session has an attempt of its own that was counted before it began (DESIGN 1.7); each change comes after the
    script of that session was committed, so after its intent."""
    intents = [i for i, in ledger.rows("SELECT id FROM intent WHERE serial=? AND kind IN ('write','lock')", serial)]
    counted = sorted(t for i in intents for t in ledger.steps(i, 'identified'))
    scripts = sorted(t for i in intents for t in ledger.steps(i, 'script'))
    n, opened = 0, None
    for event in events:
        at = event['t'] * 1000 + ahead + SLACK_MS
        if command(event) == 'begin':
            n, opened = n + 1, event['t'] * 1000 + ahead
            if len([t for t in counted if t <= at]) < n:
                yield f'chip of {serial}: attempt {n} began before it was committed'
        elif command(event) == 'authenticate' and opened is None:
            yield f'chip of {serial}: authentication without an attempt'
        elif command(event) == 'change' and (opened is None or not any(
                opened - SLACK_MS <= t <= at for t in scripts)):
            yield f'chip of {serial} was changed ({event["header"]}) before its script was committed'
            return


def check_chips(ledger, folder):
    """At most one failed authentication per chip; nothing is done to a chip before it is committed."""
    ahead = boot_ahead_ms()
    for path in sorted(glob.glob(os.path.join(folder, 'cards/*/log'))):
        serial = os.path.basename(os.path.dirname(path))
        with open(path) as f:
            events = [json.loads(line) for line in f if line.endswith('}\n')]
        failed = [e for e in events if command(e) == 'authenticate' and e['sw'] not in ('9000', '0000')]
        if len(failed) > 1:
            yield f'chip of {serial}: {len(failed)} failed authentications'
        yield from check_chip(ledger, serial, events, ahead)


# ---- the portal ------------------------------------------------------------------------------------------------------

def check_effect(ledger, effect, ahead):
    """One effect at the portal: asked for before, with these bytes, and recorded as done after it."""
    rows = ledger.rows('SELECT payload_sha256, application, serial FROM intent WHERE id=?', effect['key'])
    what, at = effect['what'], effect['mono_ns'] / 1e6 + ahead
    if not rows:
        yield f'the portal applied a {what} without intent'
        return
    if rows[0][0] != effect['payload_sha256'] or rows[0][1:] != (effect['application'], effect['serial']):
        yield f'the portal applied another {what} than was asked for with {effect["key"]}'
    if ledger.born(effect['key']) > at + SLACK_MS:
        yield f'the portal applied a {what} before its intent was committed'
    done = ledger.when(effect['key'], 'done')
    if done is not None and done + SLACK_MS < at:
        yield f'a {what} was recorded as done before the portal applied it'


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
        if effect['what'] != 'hello' and effect['key'] not in former:
            yield from check_effect(ledger, effect, boot_ahead_ms())
    for name, kind in ledger.rows("SELECT id, kind FROM intent WHERE payload IS NOT NULL AND state='done'"):
        if name not in keys:
            yield f'{kind} {name} is done here, and the portal does not know it'


# ---- the plastic -----------------------------------------------------------------------------------------------------

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
    """Every rule, the portal's ledger among them."""
    for _ in range(60):  # the core may just be starting, or a call be on its way
        status, text = station.fsck('--portal')
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

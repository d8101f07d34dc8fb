"""Withdrawals, rivals, a sleeper, a new installation: the stories of the sweep `portal` about who may make the card."""
import os
import signal
import sqlite3
import time

from portal_room import Room, chosen
from rig.portal import STATION
from rig.procs import wait_for
from rig.staff import Refused

STAGES = ('offered', 'claimed', 'bound', 'printing', 'printed', 'accepted', 'writing', 'written', 'verified', 'unreported',
          'reported')


# ---- withdrawal by the portal at each stage --------------------------------------------------------------------------

def state_of(station, serial):
    return station.me.get('/v1/blanks/' + serial)['state']


def begin_until(room, name, orders, done):
    """A card asked for under these orders for the fakes; when done() is true."""
    room.station.script('1', *orders)
    card = room.station.begin('1', name)
    wait_for(done, 20, step=0.02, message=f'{name} does not come so far')
    return card


def write_until(room, name, order, state):
    card, = room.station.make([name], until='accepted')
    room.station.insert(card, order)
    room.station.me.post('/v1/lines/1/write', {'serial': card.serial})
    wait_for(lambda: state_of(room.station, card.serial) == state, 20, step=0.02, message='it is not ' + state)
    card.to('writing')
    return card


def bring(room, name, stage):
    """The card of `name` at this stage; None where there is no plastic yet."""
    station = room.station
    if station.line('1')['hopper'] == 0:
        station.load('1', 10)
    upcoming = station.line('1')['next']
    if stage == 'offered':
        return None
    if stage == 'claimed':
        room.proxy.hold = '/begin'
        begin_until(room, name, [], lambda: station.application(name).get('state') == 'claimed')
    elif stage == 'bound':
        begin_until(room, name, ['print start retry'], lambda: station.application(name).get('state') == 'bound' and
                    station.line('1')['printing'] is None)
        assert not station.line('1')['printed']['ok']
    elif stage == 'printing':
        card = begin_until(room, name, ['print released wait'], lambda: state_of(station, upcoming) == 'printing')
        card.serial = upcoming
        return card
    elif stage == 'writing':
        return write_until(room, name, 'chip sent wait', 'writing')
    elif stage == 'written':
        return write_until(room, name, 'chip readback wait', 'written')
    elif stage in ('printed', 'accepted', 'verified'):
        return station.make([name], until=stage)[0]
    else:
        room.proxy.hold = '/issuance' if stage == 'unreported' else None
        card, = station.make([name])
        if stage == 'reported':
            station.quiet()
        return card
    return None


def goes_on(station, card, seconds=1.0):
    """What the expert tries next with it: the state she gets to, and what the station says."""
    said, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            station.step(card)
        except Refused as no:
            said.append(no.reason)
            break
        time.sleep(0.02)
    return card.state, said


def withdrawn_without_card(room, run, name, printed):
    station = room.station
    wait_for(lambda: station.application(name)['state'] == 'withdrawn', 20, message='it stays ' +
             station.application(name)['state'])
    room.proxy.hold = None
    wait_for(lambda: station.line('1')['printing'] is None, 25, message='the line stays busy')
    try:
        station.begin('1', name)
        run.insist(False, 'a withdrawn one was taken')
    except Refused as no:
        run.insist(no.reason in ('withdrawn', 'wrong_state'), no)
    run.insist(room.printed() == printed, 'a withdrawn one was printed')


def withdrawn_with_card(room, run, name, card, stage):
    """The line stops at its next step, a case is open; the expert spoils the card, which ends both."""
    station, cases = room.station, room.station.status()['counts']['cases']
    wait_for(lambda: station.application(name)['state'] == 'disputed', 20, message='it stays ' +
             station.application(name)['state'])
    run.insist(cases >= 1 or station.status()['counts']['cases'] >= 1, 'no case')
    room.proxy.hold = None
    station.script('1', *(['chip serial ' + card.serial] if stage in ('writing', 'written') else []))
    state, said = goes_on(station, card)
    run.insist(stage == 'unreported' or state != 'issued', f'the card went on to {state}')
    run.insist(stage == 'unreported' or said and said[0] in ('withdrawn', 'portal_refused', 'wrong_state') or state == 'failed',
               f'the station said {said}, the card is {state}')
    station.writing = None
    wait_for(lambda: station.line('1')['printing'] is None and station.line('1')['chipping'] is None, 20, message='the line is busy')
    if stage == 'unreported':
        station.quiet()
    station.script('1', 'chip serial ' + card.serial)
    station.spoil(card.serial)
    wait_for(lambda: state_of(station, card.serial) == 'spoiled', 20, message='it cannot be spoiled')
    run.insist(station.application(name)['state'] == 'withdrawn', 'the application is ' + station.application(name)['state'])
    about = [c['kind'] for c in station.me.get('/v1/cases')['cases'] if c['serial'] == card.serial]
    run.insist(about == ['withdrawn'], f'cases about it: {about}')


def withdrawals(sweep):
    wanted = [s for s in chosen(sweep, 'withdrawals', STAGES, 4) if sweep.wanted('withdrawn when ' + s)]
    if not wanted:
        return
    with Room(sweep, 'withdrawals', len(wanted) + 1, poll_s=5) as room:
        for stage in wanted:
            with sweep.run('withdrawn when ' + stage, folder=room.here) as run:
                name, = room.applicants(1)
                card, printed = bring(room, name, stage), room.printed()
                if stage == 'reported':
                    withdrawn_too_late(room, run, name)
                else:
                    room.portal.withdraw(name)
                    room.station.me.post('/v1/sync')
                    if card:
                        withdrawn_with_card(room, run, name, card, stage)
                    else:
                        withdrawn_without_card(room, run, name, printed)
                room.station.script('1')
                room.lift()
                live = [c for c in room.portal.ledger()['cards'] if c['application'] == name and c['status'] == 'issued']
                run.insist(len(live) == (stage == 'reported'), f'{len(live)} live cards')
                run.check(room.judge())
        with sweep.run('withdrawals', n=0, folder=room.here) as run:
            run.insist(room.card() == 'issued', 'the next one gets no card')
            room.lift()
            run.check(room.judge())


def withdrawn_too_late(room, run, name):
    """The contract: any stage but issued can be withdrawn. The portal itself refuses."""
    try:
        room.portal.withdraw(name)
        run.insist(False, 'the portal withdrew an issued one')
    except RuntimeError:
        pass
    room.station.me.post('/v1/sync')
    run.insist(room.station.application(name)['state'] == 'issued', 'it is not issued any more')


# ---- rivals and a sleeper --------------------------------------------------------------------------------------------

def rivals(sweep):
    """Two stations, the same applicants, at the same time: one card each."""
    n = 40 if sweep.long else 4
    for seed in range(25 if sweep.long else 1):
        if not sweep.wanted(f'rivals {seed}'):
            continue
        with Room(sweep, f'rivals-{seed}', n, stations=(STATION, 'golestan-2'), lines=2, poll_s=1) as room, \
                sweep.run(f'rivals {seed}', n=n, folder=room.here) as run:
            names = list(room.names)
            for station in room.stations:
                for name in names:
                    station.worksheet(name)
                for line in station.lines:
                    station.load(line, n)
            race(room, names, sweep.dice(f'rivals {seed}'))
            room.lift()
            told = [c['application'] for c in room.portal.ledger()['cards'] if c['status'] == 'issued']
            run.insist(sorted(told) == sorted(names), f'{len(told)} cards of {n} applicants')
            run.check(room.judge())


def race(room, names, order):
    """Each line of each station takes the next name in its own order, until nobody has any left."""
    todo = {id(s): order.sample(names, len(names)) for s in room.stations}
    busy, end = {}, time.monotonic() + 120
    while any(todo.values()) or busy:
        for station in room.stations:
            for line in station.lines:
                key = (id(station), line)
                if key not in busy and todo[id(station)]:
                    try:
                        busy[key] = station.begin(line, todo[id(station)].pop(0))
                    except Refused as no:
                        if no.reason not in ('claimed_elsewhere', 'wrong_state'):
                            raise
                if key in busy:
                    station.step(busy[key])
                    if busy[key].state in ('issued', 'failed'):
                        del busy[key]
        if time.monotonic() > end:
            raise TimeoutError('the race does not end')
        time.sleep(0.02)


def sleeper(sweep):
    """The winner of a claim sleeps through its lease; another station makes the card; the sleeper prints nothing."""
    if not sweep.wanted('sleeper'):
        return
    with Room(sweep, 'sleeper', 1, stations=(STATION, 'golestan-2'), lease_s=2) as room, \
            sweep.run('sleeper', folder=room.here) as run:
        name, (one, two) = room.names[0], room.stations
        for station in room.stations:
            station.worksheet(name)
            station.load('1', 2)
        room.proxies[0].hold = '/begin'
        one.begin('1', name)
        wait_for(lambda: one.application(name).get('state') == 'claimed', 15, message='not claimed')
        os.kill(one.mohrd.pid, signal.SIGSTOP)
        time.sleep(2.5)
        wait_for(lambda: two.application(name).get('state') == 'offered', 15, message='the lease does not lapse')
        run.insist(two.make([name])[0].state == 'issued', 'the other station made no card')
        room.proxies[0].hold = None
        os.kill(one.mohrd.pid, signal.SIGCONT)
        wait_for(lambda: (one.line('1') or {}).get('printed'), 20, message='the sleeper does not wake')
        run.insist(not one.line('1')['printed']['ok'], 'the sleeper printed')
        run.insist('print' not in one.effects(), 'the sleeper moved a card')
        room.lift()
        run.check(room.judge())


# ---- a new installation ------------------------------------------------------------------------------------------------

def new_installation(sweep, room):
    """The station's next installation on another machine, empty; it knows what was bound and issued."""
    epoch = room.portal.epoch(STATION)
    new = room.add(STATION, folder='new', start=False, poll_s=1)
    new.prepare()
    new.new_epoch(epoch)
    new.start_services()
    new.start_core()
    return new, epoch


def ask_twice(run, new, name, body):
    """Two people of two offices; the first alone changes nothing."""
    path = f'/v1/applications/{name}/rebound'
    run.insist(new.me.post(path, body)['second_person_needed'], 'one person was enough')
    run.insist(new.application(name)['state'] == 'disputed', 'one person settled it')
    try:
        new.me.post(path, body)
        run.insist(False, 'the same person twice')
    except Refused as no:
        run.insist(no.reason == 'same_person', no)
    run.insist(not new.second.post(path, body)['second_person_needed'], 'two people were not enough')


def authorised(room, new, name):
    """Headquarters lets it be printed again; the expert confirms again."""
    room.portal.authorise(name)
    new.me.post('/v1/sync')
    wait_for(lambda: new.application(name)['state'] == 'authorised', 20, message='the authorisation does not arrive')
    new.worksheet(name)


def photo(station, name):
    try:
        return station.me.get(f'/v1/applications/{name}/photo')
    except Refused:
        return None


def settle(room, run, new, name, found, card, face):
    """What was begun elsewhere is not printed before people said what became of it, or headquarters did."""
    try:
        new.begin('1', name)
        run.insist(False, 'printed without asking what became of the former card')
    except Refused as no:
        run.insist(no.reason == ('awaiting_reissue' if found == 'spoiled' else 'portal_refused'), no)
    run.insist(new.status()['counts']['cases'] == (found != 'spoiled'), 'no case, or one of a spoiled card')
    if found == 'spoiled':
        authorised(room, new, name)
    elif found == 'unbound':
        room.portal.unbind(name)
        new.me.post('/v1/sync')
        wait_for(lambda: new.application(name)['state'] == 'offered', 20, message='headquarters\' word does not arrive')
        run.insist(new.status()['counts']['cases'] == 0, 'the case stays open')
        new.worksheet(name)
    elif found == 'no_card':
        ask_twice(run, new, name, {'found': 'no_card'})
        new.worksheet(name)
    else:
        ask_twice(run, new, name, {'found': 'card_found', 'serial': card.serial, 'face': face})
        run.insist(new.application(name)['state'] == 'awaiting_reissue', 'the applicant does not wait for headquarters')
        new.quiet()
        authorised(room, new, name)
    wait_for(lambda: photo(new, name), 20, message='the photo does not arrive')  # the new ledger's first round may still go on
    again, = new.make([name], timeout=30)
    run.insist(again.state == 'issued', f'no card after it was settled: {getattr(again, "error", again.state)}')


def old_copy(room, run, old, names):
    """It turns up again: fenced, and prints nothing."""
    printed = len(old.effects())
    old.start_services()
    old.start_core()
    wait_for(lambda: old.status()['portal']['fenced'], 20, message='the old copy is not fenced')
    for name in names:
        try:
            card = old.begin('1', name)
            wait_for(lambda: old.line('1')['printed'] and old.line('1')['printing'] is None, 20, message='no outcome')
            run.insist(not old.line('1')['printed']['ok'], f'the old copy printed {name}: {card.state}')
        except Refused as no:
            run.insist(no.reason in ('fenced', 'blank_in_work', 'wrong_state', 'card_in_work'), no)
    run.insist(len(old.effects()) == printed, 'the old copy did something')
    old.stop()


def reinstalled(sweep):
    """A station is lost and installed anew under a higher epoch; the old copy turns up and is fenced."""
    for found in chosen(sweep, 'reinstalled', ('no_card', 'card_found', 'spoiled', 'unbound'), 1):
        if not sweep.wanted('reinstalled ' + found):
            continue
        with Room(sweep, 'reinstalled-' + found, 3, poll_s=1) as room, \
                sweep.run('reinstalled ' + found, folder=room.here) as run:
            old = room.station
            done, bound, third = room.applicants(3)
            old.make([done])
            old.quiet()
            card, = old.make([bound], until='printed')
            face = old.me.get('/v1/blanks/' + card.serial)['face_code']
            if found == 'spoiled':
                old.spoil(card.serial)
                old.quiet()
            old.stop()
            new, epoch = new_installation(sweep, room)
            state = 'awaiting_reissue' if found == 'spoiled' else 'disputed'
            wait_for(lambda: new.application(bound).get('state') == state, 20,
                     message='what was bound did not come: %s' % new.application(bound).get('state'))
            run.insist(new.status()['epoch'] == epoch, 'another epoch')
            run.insist(new.application(done).get('state') not in ('offered', 'claimed', 'bound'), 'the issued one may be printed')
            old_copy(room, run, old, (third, bound))
            settle(room, run, new, bound, found, card, face)
            new.worksheet(third)
            run.insist(new.make([third], timeout=30)[0].state == 'issued', 'the new one makes no card')
            new.quiet()
            live = sorted(c['application'] for c in room.portal.ledger()['cards'] if c['status'] == 'issued')
            run.insist(live == sorted([done, bound, third]), f'live cards: {live}')
            path = new.snapshot()
            run.check(new._invariants(path) + new._audit(path) + new.fsck_portal())
            with sqlite3.connect(path) as db:
                run.insist(db.execute('SELECT min(epoch), max(epoch) FROM audit').fetchone() == (epoch, epoch), 'rows of another epoch')
            db.close()

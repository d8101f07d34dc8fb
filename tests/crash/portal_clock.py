"""Clocks that are wrong, and thirty days that pass: the stories of the sweep `portal` about time."""
import os
import sqlite3
import time

from portal_room import DAY, Room, chosen, refused_or_failed
from rig.procs import wait_for

CLOCKS = ('behind a month', 'ahead a month', 'certificates not yet valid', 'certificates expired', 'portal months ahead',
          'portal days behind', 'wall jumps within a lease', 'asleep beyond a lease')

REPORTS = int(os.environ.get('MOHR_OUTAGE', 1000))  # of a long turn; 5000 take some twenty minutes
OUTAGE = {True: (REPORTS, 30, 3600), False: (12, 30, 2 * DAY)}  # reports, days, seconds of one step


def station_off(room, run, days, tls):
    """The station's date is set wrong: nothing is printed, and where certificates are not valid nothing is said either."""
    name, = room.applicants(1)
    printed = room.printed()
    room.clock.jump(room.station.mohrd, wall_s=days * DAY)
    calls = sum(room.proxy.calls.values())
    room.station.me.post('/v1/sync')
    run.insist(refused_or_failed(room.station, name) == 'clock_wrong', 'printed, or for another reason')
    if tls:
        # A shared connection that was made before may live for a minute; a changing call has one of its own.
        room.station.load('1', 1)
        wait_for(lambda: room.station.status()['portal']['pending'] > 0, 15, message='no anchor comes')
        time.sleep(1)
        run.insist(sum(room.proxy.calls.values()) - calls <= 4 and room.proxy.calls['anchors'] == room.anchors,
                   'something was said under certificates that are not valid')
    room.clock.set(0, 0, room.station.mohrd)
    room.lift()
    run.insist(room.printed() == printed, 'something was printed')
    run.insist(room.station.make([name], timeout=30)[0].state == 'issued', 'no card afterwards')


def portal_off(room, run, days):
    """Receipts of another day: known after the next hello; then nothing is printed until one of the clocks is right."""
    room.portal_clock.jump(wall_s=days * DAY)
    run.insist(room.card() == 'issued', 'the portal\'s clock alone stops a card that was greeted before')
    room.station.mohrd.stop()
    room.station.start_core()
    name, = room.applicants(1)
    wait_for(lambda: room.station.status()['portal']['synced_at'] > 0, 20, message='no round')
    printed = room.printed()
    run.insist(refused_or_failed(room.station, name) == 'clock_wrong', 'printed, or for another reason')
    run.insist(room.printed() == printed, 'something was printed')
    room.portal_clock.set(0, 0)
    wait_for(lambda: refused_or_failed(room.station, name) == 'printed', 20, step=0.3, message='it does not recover')
    with sqlite3.connect(room.station.snapshot()) as db:
        floor, = db.execute("SELECT value FROM meta WHERE key='clock_floor'").fetchone()
    db.close()
    run.insist(floor <= time.strftime('%Y-%m-%d', time.gmtime(time.time() + DAY)), f'the floor is {floor}')


def lease_jump(room, run):
    """Leases run on boot time: the date is set to and fro, the claim stays the same one."""
    name, = room.applicants(1)
    claims, printed = room.proxy.calls['claim'], room.printed()
    room.proxy.hold = '/begin'
    room.station.begin('1', name)
    wait_for(lambda: room.station.application(name).get('state') == 'claimed', 15, message='not claimed')
    room.clock.jump(room.station.mohrd, wall_s=20 * DAY)
    room.proxy.hold = None
    wait_for(lambda: (room.station.line('1') or {}).get('printing') is None, 25, message='no outcome')
    outcome = room.station.line('1')['printed']
    run.insist(not outcome['ok'] and outcome['error']['reason'] == 'clock_wrong', outcome)
    room.clock.jump(room.station.mohrd, wall_s=-20 * DAY - 36000)  # ten hours behind is not a day
    run.insist(room.printed() == printed, 'something was printed')
    run.insist(room.station.make([name], timeout=30)[0].state == 'issued', 'no card')
    run.insist(room.proxy.calls['claim'] == claims + 1, 'claimed anew')
    room.clock.set(0, 0, room.station.mohrd)


def lease_asleep(room, run):
    """Station and portal sleep beyond the lease: the begin on its way is refused, and the card is claimed anew."""
    name, = room.applicants(1)
    claims = room.proxy.calls['claim']
    room.proxy.hold = '/begin'
    room.station.begin('1', name)
    wait_for(lambda: room.station.application(name).get('state') == 'claimed', 15, message='not claimed')
    room.portal_clock.sleep(2000)
    room.clock.sleep(2000, room.station.mohrd)
    room.proxy.hold = None
    wait_for(lambda: (room.station.line('1') or {}).get('printing') is None, 30, message='no outcome')
    room.station.quiet()
    run.insist(room.station.make([name], timeout=30)[0].state == 'issued', 'no card')
    run.insist(room.proxy.calls['claim'] == claims + 2, 'the lease outlived its time')
    room.portal_clock.set(0, 0)
    room.clock.set(0, 0, room.station.mohrd)


def clocks(sweep):
    plays = dict(zip(CLOCKS, (
        lambda room, run: station_off(room, run, -40, False), lambda room, run: station_off(room, run, 40, False),
        lambda room, run: station_off(room, run, -600, True), lambda room, run: station_off(room, run, 600, True),
        lambda room, run: portal_off(room, run, 300), lambda room, run: portal_off(room, run, -3), lease_jump,
        lease_asleep)))
    wanted = [n for n in chosen(sweep, 'clocks', CLOCKS, 2) if sweep.wanted('clock ' + n)]
    if not wanted:
        return
    with Room(sweep, 'clocks', 3 * len(wanted) + 1, clocks=True, poll_s=2, anchor_s=1) as room:
        room.card()
        room.lift()
        for name in wanted:
            with sweep.run('clock ' + name, folder=room.here) as run:
                room.anchors = room.proxy.calls['anchors']
                plays[name](room, run)
                room.lift()
                run.check(room.judge())


# ---- thirty days off line ---------------------------------------------------------------------------------------------

def tries(station):
    with sqlite3.connect(station.snapshot()) as db:
        n, = db.execute('SELECT sum(tries) FROM intent').fetchone()
    db.close()
    return n


def disputed(station):
    with sqlite3.connect(station.snapshot()) as db:
        rows = db.execute('SELECT DISTINCT application FROM dispute').fetchall()
    db.close()
    return rows


def days_pass(room, run, days, step_s):
    """Nobody answers, days long; the station looks again, but not more often than its back-off says (15 minutes)."""
    for k in range(days * DAY // step_s):
        connects = room.proxy.done['plain', 'connect']
        room.portal_clock.sleep(step_s)
        room.clock.sleep(step_s, room.station.mohrd)
        wait_for(lambda: room.proxy.done['plain', 'connect'] > connects, 15, step=0.002, message='it looks no more')
    before = tries(room.station)
    for k in range(20):  # one hour
        room.portal_clock.sleep(180)
        room.clock.sleep(180, room.station.mohrd)
        time.sleep(0.05)
    made = tries(room.station) - before
    run.insist(3 <= made <= 9, f'{made} calls in an hour, at most one each seven and a half minutes')


def outage(sweep):
    """Reports wait while the portal is away for thirty days; then all of them arrive, once each, but for one that was
    withdrawn meanwhile, and that holds nobody up. A claim that was open is long over."""
    n, days, step_s = OUTAGE[sweep.long]
    if not sweep.wanted('outage'):
        return
    with Room(sweep, 'outage', n + 1, lines=8 if sweep.long else 4, poll_s=5, clocks=True) as room, sweep.run('outage', n=n, folder=room.here) as run:
        station = room.station
        for line in station.lines:
            for _ in range(n // 4 // 4000 + 1):
                station.load(line, min(n // 4 + 3, 4000))
        names = room.applicants(n + 1, timeout=60 + n)
        late = names.pop()
        room.proxy.hold = '/issuance'
        cards = station.make(names, timeout=60 + n)
        run.insist(all(c.state == 'issued' for c in cards), [c.state for c in cards if c.state != 'issued'][:5])
        run.insist(station.pending() == n, f'{station.pending()} pending')
        room.proxy.hold = ('/issuance', '/begin')
        station.begin('1', late)
        wait_for(lambda: station.application(late).get('state') == 'claimed', 30, message='not claimed')
        room.proxy.tls = 'plain'  # and now nobody is there at all
        days_pass(room, run, days, step_s)
        station.mohrd.kill()
        station.mohrd.wait(5)
        station.start_core()
        outcast = cards[n // 2].application
        room.portal.withdraw(outcast)
        room.lift(timeout=120 + n)
        told = {c['serial']: c for c in room.portal.ledger()['cards']}
        run.insist(len(told) == n - 1, f'{len(told)} cards told of {n - 1}')
        run.insist(outcast not in [c['application'] for c in told.values()], 'the withdrawn one was registered')
        run.insist(disputed(station) == [(outcast,)], f'cases of {disputed(station)}, and the conflict is {outcast}')
        run.insist(station.make([late], timeout=30)[0].state == 'issued', 'the late one cannot be made')
        room.lift()
        run.check(room.judge())

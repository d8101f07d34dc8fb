#!/usr/bin/python3
"""The demo of tests/demo: a private station, a scripted expert, and this process as their supervisor."""
import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from rig import staff  # noqa: E402
from rig.desk import Desk  # noqa: E402
from rig.expert import Expert, GaveUp, applicants_issued  # noqa: E402
from rig.portal import build_dir  # noqa: E402
from rig.staff import Down, Refused  # noqa: E402
from rig.station import DPI, QUICK_DPI, Options, Station  # noqa: E402
from rig.supervisor import Killed, insist, say  # noqa: E402

LOOK_AT = 3      # cards issued when no --batch is given
CARDSIM = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), 'sim/printer/cardsim_ctl.py')
STEP_S = 0.04
LAST_TRIES = 100
REFUSED = 5      # exit status when chips are refused, as of `mohr` (proto/base/reason.h)
SHORT = 60       # a longer folder name leaves too little room for the names of unix sockets


def parse(argv):
    p = argparse.ArgumentParser(prog='tests/demo', description='Starts a whole private issuance station, issues cards, '
                                'and leaves it running for a look (Ctrl-C ends and removes it).')
    p.add_argument('--batch', type=int, metavar='N', help='issue N cards, print the result as JSON and exit')
    p.add_argument('--spoil', type=int, default=0, metavar='K', help='spoil K cards on the way, at different stages')
    p.add_argument('--keep', metavar='DIR', help='work in DIR and leave everything there')
    p.add_argument('--card-command', metavar="'PROGRAM ARGS'", help='the card: started at each insertion')
    p.add_argument('--printer-uri', metavar='URI', help='the printer, behind mohr-once:')
    p.add_argument('--portal', metavar='URL', help='the portal; needs the three files')
    for name in ('--portal-ca', '--client-cert', '--client-key'):
        p.add_argument(name, metavar='FILE')
    o = p.parse_args(argv)
    files = (o.portal_ca, o.client_cert, o.client_key)
    if any(files) != bool(o.portal) or bool(o.portal) != all(files):
        p.error('--portal, --portal-ca, --client-cert and --client-key belong together')
    if o.spoil < 0 or o.batch is not None and o.batch < 1:
        p.error('N is at least 1, K at least 0')
    if o.keep and os.path.isdir(o.keep) and os.listdir(o.keep):
        p.error(f'{o.keep} is not empty')
    return o


def passable(folder):
    """Every user can walk to the folder: the services and CUPS run under uids of their own."""
    while folder != '/':
        folder = os.path.dirname(folder)
        if not os.stat(folder).st_mode & 0o001:
            return False
    return True


class Place:
    """The folder of the run. With --keep that folder; where its name is too long for sockets it is reached by a short
    symbolic link, and where other users cannot pass, the run takes place under /tmp and is moved there at its end."""

    def __init__(self, keep):
        self.keep = os.path.abspath(keep) if keep else None
        self.dir = self.alias = None
        if self.keep:
            os.makedirs(self.keep, exist_ok=True)
        if self.keep and passable(self.keep):
            self.dir = self.keep
            if len(self.keep) > SHORT:
                self.alias = tempfile.mkdtemp(prefix='mohr-', dir='/tmp')
                os.chmod(self.alias, 0o755)
                self.dir = os.path.join(self.alias, 'd')
                os.symlink(self.keep, self.dir)
        else:
            self.dir = tempfile.mkdtemp(prefix='mohr-demo-', dir='/tmp')

    def leave(self):
        if self.alias:
            os.unlink(self.dir)
            os.rmdir(self.alias)
        elif not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)
        elif self.dir != self.keep:
            for name in os.listdir(self.dir):
                shutil.move(os.path.join(self.dir, name), self.keep)
            os.rmdir(self.dir)


class Stop(Exception):
    """Ctrl-C or SIGTERM."""


def stop(number, frame):
    signal.signal(number, signal.SIG_IGN)
    raise Stop


# ---- the batch's result ---------------------------------------------------------------------------------------------

def reported(station, issued):
    """How many of the issued cards the portal knows: its own ledger where it is ours, else the station's receipts."""
    if not station.portal:
        return sum(registered for _, _, registered in issued)
    ledger = insist('portal ledger', station.portal.ledger)
    known = {(row['id'], row['serial']) for row in ledger['applications']}
    return sum((name, serial) in known for name, serial, _ in issued)


def fsck(station):
    def run():
        status, text = station.fsck()
        if status < 0:
            raise Killed('was killed')
        if status in (6, 7):  # the core was away
            raise RuntimeError(f'ended with {status}: {text.strip()}')
        return status, text

    try:
        status, text = insist('mohr fsck', run)
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        status, text = 1, str(error)
    if status != 0:
        say('fsck: ' + text.strip())
    return 'ok' if status == 0 else 'failed'


def result(station, expert, started):
    issued = applicants_issued(expert)
    expert.look()
    good = {serial for serial in expert.looked if serial not in expert.bad_looks}
    return {'issued': len(issued), 'spoiled': expert.count('blanks', 'spoiled'), 'reported': reported(station, issued),
            'verified': sum(serial in good for _, serial, _ in issued), 'unknown': expert.status['counts']['unknown'],
            'fsck': fsck(station), 'seconds': round(time.monotonic() - started, 1)}


def all_holds(r, n, k, extra):
    """Every spoiled card is one of the K, or was told with its cause."""
    return (r['issued'] == r['reported'] == r['verified'] == n and r['unknown'] == 0 and r['fsck'] == 'ok' and
            r['spoiled'] == k + extra)


def extras(expert):
    return [f'{serial}: an extra spoiled card, blank {expert.blank(serial).get("state")}: {why}'
            for serial, why in expert.extra.items()]


def tell_batch(station, expert, options, started):
    """The last line of standard output; the exit status."""
    for n in range(LAST_TRIES):  # the core may be away for a moment
        station.supervisor.tick()
        try:
            r, lines = result(station, expert, started), extras(expert)
            break
        except (Down, Refused, OSError, RuntimeError) as error:
            if n == LAST_TRIES - 1:
                raise RuntimeError(f'no result: {error}') from error
            time.sleep(0.2)
    for line in lines:
        say(line)
    if station.supervisor.restarts():
        say(f'{station.supervisor.restarts()} programs were started again')
    print(json.dumps(r, separators=(',', ':')), flush=True)
    if expert.hopeless():
        return REFUSED
    return 0 if all_holds(r, options.batch, options.spoil, len(expert.extra)) else 1


# ---- running --------------------------------------------------------------------------------------------------------

def issue(station, expert):
    """Until all cards are issued; GaveUp when they cannot be."""
    while not expert.finished():
        station.supervisor.tick()
        expert.step()
        why = expert.hopeless()
        if why:
            raise GaveUp(why)
        time.sleep(STEP_S)


def summary(station, expert):
    mohr, where = station.path('bin/mohr'), f'--socket {station.socket} --config {station.config}'
    reader = f'PCSCLITE_CSOCK_NAME={station.pcscd.socket} opensc-tool -r "{station.pcscd.readers[0]}"'
    faces = f'{station.printer.dir}/tray/*/front.png, back.png (the serial lies beside them)'
    printer = f'{CARDSIM} {station.printer.dir} status' if station.printer else station.options.printer_uri
    last = expert.desk.inserted
    uids = ', '.join(f'{name} {station.uids[name]}' for name in staff.PEOPLE)
    print(f'''
The station is running. {len(expert.chosen)} cards were issued, {expert.count('blanks', 'spoiled')} spoiled.
  printed faces   {faces if station.printer else "at the printer"}
  ledger          {station.path('state/ledger.db')}
  socket          {station.socket}
  configuration   {station.config}
  logs            {station.path('log')}
  printer         {printer}
  portal          {station.options.portal_url or station.portal.url}
  last card       {f'{last} is still in the reader: {reader} -a' if last else 'not in the reader'}
You are the person "visitor", who may issue cards. Try
  {mohr} status {where}
  {mohr} queue {where}
  {mohr} verify {where}
  {mohr} fsck {where}
  curl --unix-socket {station.socket} http://localhost/v1/status
The others ({uids}): setpriv --reuid UID --clear-groups {mohr} ...
A card that `mohr write` asks for is put into the reader by itself. Ctrl-C ends and removes everything.
''', flush=True)


def stay(station, expert):
    """The station stays; only the hands at the reader go on."""
    while True:
        station.supervisor.tick()
        expert.hands()
        time.sleep(0.2)


def run(options, place, started):
    cards = options.batch or LOOK_AT
    station = Station(place.dir, Options(
        build=build_dir(), dpi=QUICK_DPI if options.batch else DPI, applicants=cards if options.batch else cards + 6, odd=0 if options.batch else 4,
        printer_uri=options.printer_uri, portal_url=options.portal, portal_ca=options.portal_ca,
        client_cert=options.client_cert, client_key=options.client_key))
    desk = None
    try:
        station.start()
        say(f'the station runs in {place.dir}')
        desk = Desk(station, options.card_command)
        expert = Expert(station, desk, cards, options.spoil)
        try:
            issue(station, expert)
        except GaveUp as why:
            say(f'the expert stops: {why}')
            if not options.batch:
                return 1
        if options.batch:
            return tell_batch(station, expert, options, started)
        summary(station, expert)
        stay(station, expert)
    finally:
        if desk:
            desk.take_out()
        station.stop()


def main(argv):
    started = time.monotonic()
    options = parse(argv)
    if os.geteuid() != 0:
        sys.exit('demo: needs root (sudo): its people and services have uids of their own')
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    place = Place(options.keep)
    try:
        return run(options, place, started)
    except Stop:
        say('ended')
        return 0 if not options.batch else 130
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        say(str(error))
        return 1
    finally:
        place.leave()


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

#!/usr/bin/python3
"""kill -9 of any process the demo started, at any time of a batch: all cards are issued all the same.

demo-kill.py [--batch N] [--spoil K] [--seed S] [--every SECONDS] [--limit SECONDS] [--only NAME...]
             [--keep DIR]

Starts tests/rig/demo.py and kills a random process of its tree (children, their children, and orphans of their sessions)
every 0.5 to 1.5 times --every seconds, from the first moment on. Then: exit status 0, N issued, reported and verified,
unknown 0, fsck ok, each spoiled card beyond K told with its cause, and every serial where the ledger says it is: in the
printer's tray or hopper. The kills are told at the end.
"""
import argparse
import collections
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DEMO = os.path.join(ROOT, 'tests/rig/demo.py')
sys.path.insert(0, os.path.join(ROOT, 'tests/sim/printer'))
from cardsim_ctl import Printer  # noqa: E402


def processes():
    """{pid: (ppid, session, state, name)}"""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/stat') as f:
                text = f.read()
        except OSError:
            continue
        name = text[text.index('(') + 1:text.rindex(')')]
        rest = text[text.rindex(')') + 2:].split()
        found[int(pid)] = (int(rest[1]), int(rest[3]), rest[0], name)
    return found


class Tree:
    """What the demo started: a process stays in the tree when its parent dies, by its session."""

    def __init__(self, demo):
        self.demo, self.sessions = demo, set()

    def members(self):
        every = processes()
        mine, grown = {self.demo}, True
        while grown:
            more = {p for p, (ppid, session, _, _) in every.items() if ppid in mine or session in self.sessions} - mine
            mine |= more
            grown = bool(more)
        own = every.get(self.demo, (0, 0, '', ''))[1]
        self.sessions |= {every[p][1] for p in mine if p in every} - {own}
        return {p: every[p][3] for p in mine - {self.demo} if p in every and every[p][2] != 'Z'}


def kill_one(members, dice):
    """Its name. By program first: one that has many processes is not hit more often than one that has one."""
    name = dice.choice(sorted(set(members.values())))
    try:
        os.kill(dice.choice(sorted(p for p, n in members.items() if n == name)), signal.SIGKILL)
    except ProcessLookupError:
        pass
    return name


def storm(demo, dice, every, limit, only):
    """Kills until the demo ends; {name: kills}."""
    tree, killed, end = Tree(demo.pid), collections.Counter(), time.monotonic() + limit
    next_kill = time.monotonic() + every
    while demo.poll() is None:
        members = {p: n for p, n in tree.members().items() if not only or n in only}
        if time.monotonic() > end:
            demo.terminate()
            demo.wait(60)
            sys.exit(f'demo-kill: not done after {limit} s; kills: {dict(killed)}')
        if time.monotonic() >= next_kill:
            if members:
                killed[kill_one(members, dice)] += 1
            next_kill = time.monotonic() + every * dice.uniform(0.5, 1.5)
        time.sleep(0.02)
    left = tree.members()
    return killed, left


def judge(options, status, out, err):
    last = out.strip().split('\n')[-1]
    if not last.startswith('{'):
        sys.exit(f'demo-kill: exit status {status}, no result')
    result = json.loads(last)
    extra = [line for line in err.split('\n') if 'an extra spoiled card' in line]
    wanted = {'issued': options.batch, 'reported': options.batch, 'verified': options.batch, 'unknown': 0, 'fsck': 'ok',
              'spoiled': options.spoil + len(extra)}
    wrong = {k: (result.get(k), v) for k, v in wanted.items() if result.get(k) != v}
    if status != 0 or wrong:
        sys.exit(f'demo-kill: exit status {status}, {last}, differs in {wrong}')
    return result, extra


def reconcile(folder):
    """The printer's tray and hopper against the station's ledger: every serial in its place, no applicant with two cards."""
    db = sqlite3.connect(f'file:{folder}/state/ledger.db?mode=ro', uri=True)
    blanks = dict(db.execute('SELECT serial, state FROM blank'))
    live = collections.Counter(a for (a,) in db.execute("SELECT application FROM blank WHERE state='issued'"))
    printer = Printer(folder + '/printer')
    tray, hopper = ({card['serial'] for card in printer.cards(place)} for place in ('tray', 'hopper'))
    wrong = {s: state for s, state in blanks.items()
             if (s in tray) != (state in ('issued', 'spoiled')) or (s in hopper) != (state == 'hopper')}
    two = [a for a, n in live.items() if n > 1]
    if wrong or two or printer.cards('path') or (tray | hopper) - set(blanks):
        sys.exit(f'demo-kill: tray, hopper and ledger differ: {wrong}, two live cards: {two}, inside {printer.cards("path")}')


def main():
    p = argparse.ArgumentParser()
    p.add_argument('--batch', type=int, default=6)
    p.add_argument('--spoil', type=int, default=0)
    p.add_argument('--seed', type=int, default=1)
    p.add_argument('--every', type=float, default=1.5)
    p.add_argument('--limit', type=float, default=600)
    p.add_argument('--only', nargs='+', metavar='NAME', help='kill these programs alone')
    p.add_argument('--keep')
    options = p.parse_args()
    if os.geteuid() != 0:
        print('demo-kill: skipped, needs root')
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix='mohr-kill-')
    os.chmod(folder, 0o755)
    argv = ['/usr/bin/python3', DEMO, '--batch', str(options.batch), '--spoil', str(options.spoil)]
    keep = options.keep or folder + '/demo'
    argv += ['--keep', keep]
    with open(folder + '/out', 'w+') as out, open(folder + '/err', 'w+') as err:
        demo = subprocess.Popen(argv, stdout=out, stderr=err, start_new_session=True)
        try:
            killed, left = storm(demo, random.Random(options.seed), options.every, options.limit, options.only)
            out.seek(0), err.seek(0)
            text = err.read()
            result, extra = judge(options, demo.returncode, out.read(), text)
            reconcile(keep)
        except BaseException:
            err.seek(0)
            sys.stderr.write(err.read())
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    if left:
        sys.exit(f'demo-kill: left running: {left}')
    print(f'{sum(killed.values())} kills: {dict(killed)}')
    print('\n'.join(extra) or 'no extra spoiled card')
    print(json.dumps(result))


if __name__ == '__main__':
    main()

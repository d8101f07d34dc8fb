"""A running station is what docs/architecture.md says: the table of processes against /proc.

Program, parent, user and filter of each row; no process of ours beyond the rows, no threads, nothing as root; only the
core has the ledger open, only mohr-net a TCP socket while it calls, and the sockets belong to whom they should."""
import os
import re
import stat
import sys
import tempfile
import time

ROOT = os.environ['MOHR_ROOT']
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from rig.station import Options, Station  # noqa: E402

bad = []
ACCOUNT = {'mohr': 'core', 'mohr-net': 'net', 'mohr-key': 'key'}  # user of the table: account of the rig


def check(good, what):
    if not good:
        bad.append(what)
        print(f'not so: {what}')


def table():
    """[(program, starter, user, filter)] of the section Processes."""
    with open(os.path.join(ROOT, 'docs/architecture.md'), encoding='utf-8') as file:
        section = file.read().split('## Processes')[1].split('\n## ')[0]
    rows = [[cell.strip() for cell in line.strip('|').split('|')] for line in section.splitlines() if line.startswith('| `')]
    return [(row[0].strip('`'), row[1].split(',')[0], row[2], row[4]) for row in rows]


def status(pid):
    with open(f'/proc/{pid}/status', encoding='utf-8') as file:
        fields = dict(line.rstrip('\n').split(':\t', 1) for line in file if ':\t' in line)
    return {'name': fields['Name'], 'parent': int(fields['PPid']), 'uid': int(fields['Uid'].split()[0]),
            'euid': int(fields['Uid'].split()[1]), 'threads': int(fields['Threads']), 'seccomp': fields['Seccomp'],
            'effective': int(fields['CapEff'], 16)}


def ours(folder):
    """{pid: status} of the processes whose program lies in the station's folder."""
    found = {}
    for pid in filter(str.isdigit, os.listdir('/proc')):
        try:
            with open(f'/proc/{pid}/cmdline', encoding='utf-8') as file:
                if file.read().startswith(folder + '/bin/'):
                    found[int(pid)] = status(pid)
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def handles(pid):
    links = []
    for fd in os.listdir(f'/proc/{pid}/fd'):
        try:
            links.append(os.readlink(f'/proc/{pid}/fd/{fd}'))
        except FileNotFoundError:
            pass
    return links


def settled(station):
    """The station's processes once every row of the table is there and has put its filter on, or after ten seconds."""
    wanted = {(row[0], row[3] == 'yes') for row in table()}
    for _ in range(100):
        found = ours(station.dir)
        if {(p['name'], p['seccomp'] == '2') for p in found.values()} >= wanted:
            return found
        station.supervisor.tick()
        time.sleep(0.1)
    return found


def check_rows(station, found):
    rows = table()
    check(len(rows) == 6, 'the table has six rows')
    core = next((pid for pid, p in found.items() if p['name'] == 'mohrd'), 0)
    for program, starter, user, filtered in rows:
        here = [p for p in found.values() if p['name'] == program]
        check(len(here) == 1, f'{program} runs once, not {len(here)} times')
        for p in here:
            check(p['uid'] == p['euid'] == station.uids[ACCOUNT[user]], f'{program} runs as {user}')
            check(p['parent'] == (core if starter == 'mohrd' else os.getpid()), f'{program} is started by {starter}')
            check((p['seccomp'] == '2') == (filtered == 'yes'), f'{program}: filter {filtered}')
            check(p['threads'] == 1, f'{program} has one thread')
            check(p['effective'] == 0, f'{program} has no capability')
    check({p['name'] for p in found.values()} == {row[0] for row in rows}, 'no program beyond the table')


def check_handles(station, found):
    for pid, p in found.items():
        links = handles(pid)
        check(any(link.endswith('/ledger.db') for link in links) == (p['name'] == 'mohrd'), f'{p["name"]}: the ledger')
        check(any(link == station.cups.gate for link in links) == (p['name'] == 'mohr-print'), f'{p["name"]}: the gate')
        check(any('/key/' in link and '/log/' not in link for link in links) <= (p['name'] == 'mohr-key'),
              f'{p["name"]}: the key service\'s files')
    for name, account, mode in (('run/net/net.sock', 'net', 0o660), ('run/key/key.sock', 'key', 0o660),
                                ('run/station/station.sock', 'core', 0o666)):
        info = os.stat(station.path(name))
        check(info.st_uid == station.uids[account] and stat.S_IMODE(info.st_mode) == mode, f'{name}: owner and mode')
    info = os.stat(station.path('state'))
    check(stat.S_IMODE(info.st_mode) == 0o700, 'the ledger\'s folder is the core\'s alone')


def main():
    check(re.match('mohr-', table()[1][0]), 'the table can be read')
    with tempfile.TemporaryDirectory(prefix='mohr-ps-', dir='/tmp') as folder:
        with Station(folder, Options(build=os.environ['MOHR_BUILD'], applicants=2)) as station:
            station.start()
            found = settled(station)
            check_rows(station, found)
            check_handles(station, found)
        check(not ours(folder), 'nothing is left running')
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

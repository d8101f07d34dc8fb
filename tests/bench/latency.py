#!/usr/bin/python3
"""Prints how fast the core answers while each of its helpers, pcscd and cupsd stand still (SIGSTOP); goal 100 ms.

For each: GET /v1/status on the unix socket every 10 ms for 2 s, and `mohr status` five times; what the line needs of the
stopped program is asked for first, so that the core has work that waits for it. Numbers are printed, not asserted."""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from issue import LINE, Bench, since
from rig.staff import Refused


def children(pid):
    """{name: pid} of the core's own children."""
    found = {}
    with open(f'/proc/{pid}/task/{pid}/children') as f:
        for child in f.read().split():
            with open(f'/proc/{child}/comm') as name:
                found[name.read().strip()] = int(child)
    return found


def services(station):
    return {u.name: u.alive.__self__.child.pid for u in station.supervisor.units
            if hasattr(u.alive, '__self__') and getattr(u.alive.__self__, 'child', None)}


def measure(bench, seconds=2.0):
    ms, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        start = time.monotonic()
        bench.me.get('/v1/status')
        ms.append(since(start) * 1000)
        time.sleep(0.01)
    return ms


def command(bench):
    ms = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run([bench.station.path('bin/mohr'), 'status', '--socket', bench.station.socket], check=True,
                       stdout=subprocess.DEVNULL)
        ms.append(since(start) * 1000)
    return ms


def asked(act):
    try:
        act()
    except Refused:
        pass


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '../../build')
    with tempfile.TemporaryDirectory(prefix='mohr-bench-', dir='/tmp') as folder:
        bench = Bench(folder, os.path.abspath(build), 3, 200)
        try:
            bench.card(bench.names[0])
            waiting = bench.print_card(bench.names[1], {})
            bench.match(bench.names[2])
            running = services(bench.station)
            running['cupsd'] = bench.station.cups.child.pid
            running['pcscd'] = bench.station.pcscd.child.pid
            mine = children(running['mohrd'])
            print('stopped          GET p50    max ms   |  mohr status p50    max ms')
            for name in (None, 'mohr-net', 'mohr-key', 'mohr-print', 'mohr-chip', 'pcscd', 'cupsd'):
                pid = mine.get(name) or running.get(name)
                if name and not pid:
                    print(f'{name}: not running')
                    continue
                if pid:
                    os.kill(pid, signal.SIGSTOP)
                try:
                    asked(lambda: bench.me.post('/v1/sync'))
                    if name in ('mohr-chip', 'pcscd'):
                        asked(lambda: bench.me.post(f'/v1/lines/{LINE}/write', {'serial': waiting}))
                    else:
                        asked(lambda: bench.me.post(f'/v1/lines/{LINE}/print', {'application': bench.names[2]}))
                    ms, cli = measure(bench), command(bench)
                finally:
                    if pid:
                        os.kill(pid, signal.SIGCONT)
                print('%-12s %10.1f %9.1f   |  %15.1f %9.1f' % (name or 'nothing', statistics.median(ms), max(ms),
                                                              statistics.median(cli), max(cli)))
        finally:
            bench.close()


if __name__ == '__main__':
    main()

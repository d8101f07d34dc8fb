"""A portal, proxies and stations for the sweep `portal`; and what its stories share."""
import os

from rig.clock import Clock
from rig.faultproxy import FaultProxy
from rig.portal import STATION, PortalSim
from rig.procs import wait_for
from rig.staff import Refused
from rig.swift import SwiftStation

DAY = 86400


class Room:
    """One portal, one proxy and one station for each name. clocks: the station's and the portal's can be set."""

    def __init__(self, sweep, name, applicants, stations=(STATION,), lease_s=900, start=True, clocks=False, **options):
        self.sweep, self.dir = sweep, os.path.join(sweep.dir, name)
        os.makedirs(self.dir)
        self.clock, self.portal_clock = [Clock(f'{self.dir}/clock-{n}') for n in (1, 2)] if clocks else (None, None)
        self.portal = PortalSim(self.dir + '/portal', stations, lease_s=lease_s, clock=self.portal_clock)
        self.names = [row['id'] for row in self.portal.seed(applicants, seed=sweep.seed)]
        self.portal.start()
        self.proxies, self.stations = [], []
        for station in stations:
            self.add(station, start=start, **options)
        self.proxy, self.station = self.proxies[0], self.stations[0]

    def add(self, name, folder=None, start=True, **options):
        first = 1 + 100000 * len(self.stations)
        self.proxies.append(FaultProxy(self.dir + '/certificates', self.portal, name, self.sweep.seed))
        station = SwiftStation(os.path.join(self.dir, folder or name), self.portal, url=self.proxies[-1].url, name=name,
                               first=first, clock=self.clock, **options)
        self.stations.append(station)
        return station.start() if start else station

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for station in self.stations:
            station.stop()
        for proxy in self.proxies:
            proxy.close()
        self.portal.stop()

    def applicants(self, n, timeout=30):
        """n more, ready to be printed."""
        names, self.names = self.names[:n], self.names[n:]
        for name in names:
            self.station.worksheet(name, timeout)
        return names

    def lift(self, timeout=60):
        for proxy in self.proxies:
            proxy.clear()
        for station in self.stations:
            if station.mohrd:
                station.me.post('/v1/sync')
                station.quiet(timeout)

    def card(self, timeout=30):
        """One more applicant's card; its state."""
        return self.station.make(self.applicants(1), timeout=timeout)[0].state

    def judge(self):
        complaints = []
        for station in self.stations:
            if station.mohrd:
                complaints += station.judge()
        return complaints

    def here(self):
        """What a violated run leaves."""
        return self.dir

    def printed(self):
        return sum(w.startswith('print ') for s in self.stations for w in s.effects())


def chosen(sweep, what, everything, n):
    """All of it in a long turn, else n by the seed; the same for each --only."""
    return list(everything) if sweep.long else sweep.dice(what).sample(list(everything), n)


def refused_or_failed(station, name, line='1'):
    """Asks for a card that must not be printed; the reason word."""
    try:
        station.begin(line, name)
    except Refused as no:
        return no.reason
    wait_for(lambda: (station.line(line) or {}).get('printing') is None and station.line(line)['printed'], 25,
             message='no outcome')
    outcome = station.line(line)['printed']
    return 'printed' if outcome['ok'] else outcome['error']['reason']

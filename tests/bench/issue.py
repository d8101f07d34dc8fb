"""One expert with no thinking time, for benchmarks: each act follows at once, so what is left is the station's own time."""
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from rig.desk import Desk  # noqa: E402
from rig.staff import Refused  # noqa: E402
from rig.station import LINE, Options, Station  # noqa: E402

STEP_S = 0.004


def since(start):
    return time.monotonic() - start


class Bench:
    def __init__(self, folder, build, cards, device_ms):
        os.chmod(folder, 0o755)
        self.station = Station(folder, Options(build=build, applicants=cards + 2, device_ms=device_ms)).start()
        self.me, self.desk = self.station.person('expert'), Desk(self.station)
        self.n = 100
        self.first, self.last = self.serial(101), self.serial(100 + cards + 2)
        self.me.post('/v1/blanks', {'from': self.first, 'to': self.last})
        self.desk.load(self.first, self.last)
        self.me.post(f'/v1/lines/{LINE}/hopper', {'from': self.first, 'to': self.last})
        self.names = self.wait(lambda: self.ready(cards), 20)

    @staticmethod
    def serial(n):
        return f'SC-1405-{n:06d}'

    def ready(self, cards):
        rows = self.me.get('/v1/queue?limit=1000')['applications']
        names = [r['application'] for r in rows if not r['refusal']]
        return names if len(names) >= cards and all(self.has_photo(n) for n in names) else None

    def has_photo(self, name):
        try:
            return bool(self.me.get(f'/v1/applications/{name}/photo'))
        except Refused:
            return False

    def wait(self, what, timeout=60):
        end = time.monotonic() + timeout
        while True:
            value = what()
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError('the station does not get on: %s' % self.line())
            time.sleep(STEP_S)

    def line(self):
        return self.me.get('/v1/status')['lines'][0]

    def outcome(self, kind, serial):
        line = self.line()
        done = line[kind]
        busy = line['printing' if kind == 'printed' else 'chipping']
        return done if not busy and done and done['serial'] == serial else None

    def match(self, name):
        data = self.me.get('/v1/applications/' + name)
        self.me.post(f'/v1/applications/{name}/worksheet', {'number': data['worksheet']['number']})

    def print_card(self, name, t):
        """Prints and inspects one card; its serial."""
        self.n += 1
        serial = self.serial(self.n)
        self.match(name)
        start = time.monotonic()
        self.me.post(f'/v1/lines/{LINE}/print', {'application': name})
        done = self.wait(lambda: self.outcome('printed', serial))
        assert done['ok'], done
        t['print'] = since(start)
        plastic = self.wait(lambda: self.desk.tray().get(serial))
        face = self.desk.scan(plastic)
        start = time.monotonic()
        self.me.post('/v1/inspect', {'serial': serial, 'face': face, 'verdict': 'good'})
        t['inspect'] = since(start)
        return serial

    def write_card(self, serial, t):
        """Writes the chip; what it tells."""
        self.wait(lambda: self.desk.put_in(serial))
        assert self.station.pcscd.wait_card(self.desk.slot.reader, True, 10)
        start = time.monotonic()
        self.me.post(f'/v1/lines/{LINE}/write', {'serial': serial})
        done = self.wait(lambda: self.outcome('chipped', serial))
        assert done['ok'], done
        t['chip'] = since(start)
        return self.me.get(f'/v1/lines/{LINE}/shown')['chip']

    def card(self, name):
        """Issues one card; {step: seconds}, and the chip's own figures."""
        t = {}
        serial = self.print_card(name, t)
        shown = self.write_card(serial, t)
        start = time.monotonic()
        self.me.post(f'/v1/blanks/{serial}/confirm', {'match': True})
        self.wait(lambda: self.me.get('/v1/blanks/' + serial)['registered'])
        t['report'] = since(start)
        self.desk.take_out()
        return t, {k: shown[k] for k in ('n_apdus', 'ms_device', 'ms_total')}

    def close(self):
        self.desk.take_out()
        self.station.stop()

"""The reference portal of our own in a folder, with its PKI, and a small client that speaks as a station.

    with PortalSim(folder, stations=['golestan-1']) as portal:
        portal.seed(10)
        status, headers, body = portal.client().call('POST', '/v1/hello', {...})
        portal.authorise()              # headquarters lets every spoiled card be issued anew
        portal.fault('drop_after', path='/issuance')

The certificates for a station (mohr-net): portal.ca, portal.cert(station), portal.key(station); the address: portal.url.
"""
import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import uuid

from .procs import Child, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STATION = 'golestan-1'


def build_dir():
    """Where the programs were built: MOHR_BUILD, or build/ in the source tree."""
    return os.environ.get('MOHR_BUILD', os.path.join(ROOT, 'build'))


class Client:
    """Calls the portal with one station's certificate, a fresh connection each time."""

    def __init__(self, portal, cert, key, station=STATION, maximum_tls=None):
        self.portal = portal
        self.station = station
        self.tls = ssl.create_default_context(cafile=portal.ca)
        if cert:
            self.tls.load_cert_chain(cert, key)
        if maximum_tls:
            self.tls.maximum_version = maximum_tls

    def raw(self, method, path, body=b'', headers=None, timeout=30):
        """(status, headers, body bytes); OSError or http.client.HTTPException when there is no answer."""
        connection = http.client.HTTPSConnection('127.0.0.1', self.portal.port, context=self.tls, timeout=timeout)
        try:
            connection.request(method, path, body=body or None, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def call(self, method, path, body=None, key=None, **more):
        """A call with the headers the contract asks for. body: object or bytes; key: None makes a new one."""
        if body is None:
            return self.raw(method, path, **more)
        data = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
        headers = {'Content-Type': 'application/json', 'Idempotency-Key': key or str(uuid.uuid4()),
                   'Content-Digest': f'sha-256=:{digest}:'}
        return self.raw(method, path, data, headers, **more)


class PortalSim:
    """portal-sim in its own folder. Starting again after kill() keeps port and store."""

    def __init__(self, folder, stations=(STATION,), build=None, lease_s=900, registered_only=False, clock=None):
        self.dir = str(folder)
        self.pki = os.path.join(self.dir, 'pki')
        self.program = os.path.join(build or build_dir(), 'tests/sim/portal/portal-sim')
        self.options = ['--lease', str(lease_s)] + (['--registered-only'] if registered_only else [])
        self.stations = list(stations)
        self.env = {**os.environ, **clock.env()} if clock else None  # rig/clock.py
        self.child = None
        self.port = 0
        os.makedirs(self.dir, exist_ok=True)
        if clock:  # certificates that are good for more than a year on either side
            clock.set(-400 * 86400, 0)
        subprocess.run([os.path.join(HERE, 'pki'), self.pki, *self.stations], check=True, env=self.env)
        if clock:
            clock.set(0, 0)
        for station in self.stations:
            self.command('station', '--station', station)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    @property
    def url(self):
        return f'https://127.0.0.1:{self.port}'

    @property
    def crl(self):
        return os.path.join(self.pki, 'portal-crl.pem')

    @property
    def ca(self):
        return os.path.join(self.pki, 'portal-ca.pem')

    def cert(self, station=STATION):
        return os.path.join(self.pki, f'station-{station}.pem')

    def key(self, station=STATION):
        return os.path.join(self.pki, f'station-{station}.key')

    def client(self, station=STATION, **more):
        return Client(self, self.cert(station), self.key(station), station, **more)

    def start(self):
        """Returns when it listens."""
        port_file = os.path.join(self.dir, 'port')
        if os.path.exists(port_file):
            os.unlink(port_file)
        self.child = Child([self.program, 'serve', '--dir', self.dir, '--listen', f'127.0.0.1:{self.port}',
                            *self.options], os.path.join(self.dir, 'portal.log'), env=self.env, name='portal-sim')
        wait_for(lambda: os.path.exists(port_file) or not self.child.alive(), 10,
                 message='portal-sim does not listen')
        if not self.child.alive():
            raise RuntimeError('portal-sim: ' + self.child.tail())
        with open(port_file) as f:
            self.port = int(f.read())
        return self

    def stop(self):
        """Exit status; None when it was not running."""
        child, self.child = self.child, None
        return child.stop() if child else None

    def kill(self):
        """kill -9; start() brings it back."""
        self.child.kill()
        self.child.wait(5)

    def revive(self):
        """Starts it again when it died; True when it had to."""
        if self.child and self.child.alive():
            return False
        self.start()
        return True

    def command(self, name, *args):
        """Runs a portal-sim command on the same store; its standard output."""
        done = subprocess.run([self.program, name, '--dir', self.dir, *map(str, args)], check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f'portal-sim {name}: {done.stderr.strip()}')
        return done.stdout

    def seed(self, applicants, seed=0, odd=0, odd_kind=None):
        """[{id, kind}] of the new applications; kind 'plain' may be printed."""
        kind = ['--odd-kind', odd_kind] if odd_kind else []
        text = self.command('seed', '--applicants', applicants, '--seed', seed, '--odd', odd, *kind)
        return [json.loads(line) for line in text.splitlines()]

    def authorise(self, application=None):
        """Headquarters' grants, [{id, application, spoiled_serial}]; for one application or all that wait."""
        which = ['--application', application] if application else ['--all']
        return [json.loads(line) for line in self.command('authorise', *which).splitlines()]

    def withdraw(self, application):
        self.command('withdraw', '--application', application)

    def unbind(self, application):
        self.command('unbind', '--application', application)

    def epoch(self, station=STATION):
        """The next epoch, given out to a new installation."""
        return int(self.command('epoch', '--station', station))

    def ship(self, first, last):
        """The shipment's id."""
        return self.command('ship', '--from', first, '--to', last).strip()

    def fault(self, mode, path='', count=1, arg=0):
        """The next `count` calls whose path contains `path` fail so; mode 'clear' ends all faults."""
        self.command('fault', '--mode', mode, '--path', path, '--count', count, '--arg', arg)

    def ledger(self):
        """stations, applications, cards, authorisations, anchors, withdrawn, effects."""
        return json.loads(self.command('ledger'))

    def anchors(self, path, station=STATION):
        """Writes what the portal remembers of a station's audit chain, for mohr-audit-verify --anchors."""
        with open(path, 'w') as f:
            for row in self.ledger()['anchors']:
                if row.pop('station') == station:
                    f.write(json.dumps(row) + '\n')

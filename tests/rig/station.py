"""A whole issuance station in one folder: portal, token, pcscd, cupsd, mohr-net, mohr-key, mohrd, nothing of the system's.

    with Station(folder, Options(build='build', applicants=10)) as station:
        station.start()                    # returns when the core answers
        station.supervisor.tick()          # often: starts again what died
        station.person('expert').get('/v1/status')

folder: etc/ (configuration, certificates), bin/ (copies of the programs), run/ (sockets), state/ (the ledger), key/, net/,
portal/, cups/, pcscd/, printer/ (the simulated printer), cards/SERIAL/ (one folder per physical card), log/.

The services run under uids of their own, as they do on a real station, so this needs root.
"""
import glob
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field

from . import staff
from .cupsd import PrivateCupsd
from .pcscd import PrivatePcscd
from .portal import PortalSim
from .procs import Child, wait_for
from .supervisor import Killed, Supervisor, insist, run_tool

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
LINE, QUEUE, STATION = '1', 'cards', 'golestan-1'
ANCHOR_S = 3600
DPI, QUICK_DPI = 300, 200  # at the second the codes can still be read, and drawing a card takes half the time
SOFTHSM = '/usr/lib/softhsm/libsofthsm2.so'
SERVICE_PROGRAMS = ('core/mohrd', 'work/net/mohr-net', 'work/key/mohr-key', 'work/print/mohr-print',
                    'work/chip/mohr-chip', 'work/render/mohr-render', 'ctl/mohr')

CONFIG = '''\
# The demo's station. Everything it names lies in {dir}.
[station]
id = {station}
province = golestan
state_dir = {real}/state
socket = {dir}/run/station/station.sock
programs_dir = {dir}/bin
laboratory = yes

[portal]
ca = {dir}/etc/portal-ca.pem
socket = {dir}/run/net/net.sock
poll_s = 1
limit_s = 20
anchor_s = {anchor_s}

[key]
socket = {dir}/run/key/key.sock

[chip]
ca = {dir}/etc/csca.pem
profile = {dir}/etc/chip.json
insert_s = 15
limit_s = 25

[print]
limit_s = 60

[render]
layouts_dir = {dir}/etc/layouts
fonts_dir = {dir}/etc/fonts

[line {line}]
queue = {queue}
reader = {reader}
gate_dir = {gate}
cups_server = {cups}
pcsc_socket = {pcsc}
'''


@dataclass
class Options:
    build: str
    applicants: int = 10
    odd: int = 0
    device_ms: int = 300
    dpi: int = DPI
    anchor_s: int = ANCHOR_S
    printer_uri: str = None
    portal_url: str = None
    portal_ca: str = None
    client_cert: str = None
    client_key: str = None
    env: dict = field(default_factory=dict)  # for the station's programs, the print gate too


class OpenPcscd(PrivatePcscd):
    """pcscd whose socket any uid may use, as Debian's is."""

    def _spawn(self):
        super()._spawn()
        os.chmod(self.socket, 0o666)


class Service:
    """A program of ours under a uid of its own; it counts as started when its socket is there."""

    def __init__(self, station, name, account, argv, socket, groups=(), env=None):
        self.log = station.path('log', name + '.log')
        self.socket, self.child, self.name = socket, None, name
        uid = station.uids[account]
        groups = ['--groups', ','.join(map(str, groups))] if groups else ['--clear-groups']
        self.argv = ['setpriv', '--reuid', uid, '--regid', uid, *groups, '--', station.path('bin', name), *argv]
        self.env = dict(os.environ, **station.options.env, **(env or {}))

    def alive(self):
        return self.child is not None and self.child.alive()

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.child = Child(self.argv, self.log, env=self.env, name=self.name, cwd='/')
        wait_for(lambda: os.path.exists(self.socket) or not self.alive(), 10, message=self.name + ' makes no socket')
        if not self.alive():
            raise RuntimeError(f'{self.name} ended with {self.child.status}: {self.child.tail(3).strip()}')

    def stop(self):
        if self.child:
            self.child.stop()
            self.child = None


class Station:
    def __init__(self, folder, options):
        self.dir, self.options, self.supervisor = os.path.abspath(folder), options, Supervisor()
        self.real = os.path.realpath(self.dir)  # SQLite takes no symbolic link
        self.uids = staff.accounts()
        self.portal = self.cups = self.pcscd = self.printer = None
        self.former = set()  # keys of what a former installation did at the portal
        self.id, self.socket = STATION, self.path('run/station/station.sock')
        self.config = self.path('etc/mohr.conf')

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def program(self, *parts):
        return os.path.join(self.options.build, *parts)

    def person(self, name):
        return staff.Person(self.socket, self.uids[name])

    # ---- making it ------------------------------------------------------------------------------------------------

    def start(self):
        self._folders()
        self._programs()
        self._token()
        self._portal()
        self._pcscd()
        self._cups()
        self._configure()
        self._services()
        expert = self.person('expert')
        self.supervisor.wait(lambda: self.answers(expert), 30, 'the core does not answer; see ' + self.path('log'))
        return self

    @staticmethod
    def answers(person):
        try:
            return bool(person.get('/v1/status'))
        except (staff.Down, staff.Refused):
            return False

    def _own(self, name, account, mode, group=None):
        uid = self.uids.get(account, 0)
        os.makedirs(self.path(name), exist_ok=True)
        os.chown(self.path(name), uid, self.uids[group] if group else uid)
        os.chmod(self.path(name), mode)

    def _folders(self):
        os.makedirs(self.dir, exist_ok=True)
        os.chmod(self.dir, 0o755)
        for name in ('etc', 'bin', 'run', 'cards', 'log', 'pcscd'):
            self._own(name, 'root', 0o755)
        self._own('state', 'core', 0o700)
        self._own('run/station', 'core', 0o755)
        for name in ('key', 'net'):
            self._own(name, name, 0o700)
            self._own('run/' + name, name, 0o2750, group='core')  # the core may connect (socket mode 0660)

    def _programs(self):
        """Copies: a checkout may lie where the services' uids cannot pass, and may be rebuilt meanwhile."""
        for name in SERVICE_PROGRAMS:
            shutil.copy(self.program('daemon', name), self.path('bin', os.path.basename(name)))
        shutil.copytree(os.path.join(ROOT, 'config/layouts'), self.path('etc/layouts'), dirs_exist_ok=True)
        os.makedirs(self.path('etc/fonts'), exist_ok=True)
        for name in os.listdir(self.program('config/fonts')):
            if name.endswith('.ttf'):
                shutil.copy(self.program('config/fonts', name), self.path('etc/fonts'))
        shutil.copy(os.path.join(ROOT, 'config/chips/gp-scp03-laboratory.json'), self.path('etc/chip.json'))
        insist('chmod', lambda: run_tool(['chmod', '-R', 'a+rX', self.path('etc'), self.path('bin')]))

    def _token(self):
        def make():
            shutil.rmtree(self.path('key/token'), ignore_errors=True)
            run_tool([os.path.join(HERE, 'token'), self.path('key/token')])

        insist('token', make)
        for name in ('csca.pem', 'ds.pem'):
            shutil.copy(self.path('key/token', name), self.path('etc', name))
        uid = self.uids['key']
        for folder, _, files in os.walk(self.path('key')):
            for name in ('.', *files):
                os.chown(os.path.join(folder, name), uid, uid)
        self._own('key/state', 'key', 0o700)

    def _portal(self):
        o = self.options
        ca, cert, key = (o.portal_ca, o.client_cert, o.client_key) if o.portal_url else self._own_portal()
        shutil.copy(ca, self.path('etc/portal-ca.pem'))
        os.chmod(self.path('etc/portal-ca.pem'), 0o644)
        for source, name in ((cert, 'cert.pem'), (key, 'key.pem')):
            shutil.copy(source, self.path('net', name))
            os.chown(self.path('net', name), self.uids['net'], self.uids['net'])
            os.chmod(self.path('net', name), 0o400)

    def _own_portal(self):
        pki = self.path('portal/pki')

        def make_pki():
            if not os.path.exists(pki + '/portal.pem'):  # the root may be half written
                shutil.rmtree(pki, ignore_errors=True)
            run_tool([os.path.join(HERE, 'pki'), pki, STATION])

        def make():
            for name in glob.glob(self.path('portal/portal.db*')):
                os.unlink(name)
            try:
                portal = PortalSim(self.path('portal'), [STATION], build=self.options.build)
            except subprocess.CalledProcessError as error:
                raise Killed(str(error)) from error
            portal.seed(self.options.applicants, odd=self.options.odd)
            return portal

        self._own('portal', 'root', 0o700)
        insist('portal PKI', make_pki)
        self.portal = insist('portal', make, tries=20)
        insist('portal-sim', self.portal.start)
        self.supervisor.add('portal-sim', lambda: self.portal.child is not None and self.portal.child.alive(),
                            self.portal.start, self.portal.stop)
        return self.portal.ca, self.portal.cert(), self.portal.key()

    def _pcscd(self):
        self.pcscd = OpenPcscd(self.path('pcscd'))
        insist('pcscd', self.pcscd.start, before_again=self.pcscd.stop)
        self.supervisor.add('pcscd', self.pcscd.alive, self.pcscd.revive, self.pcscd.stop)

    def _cups(self):
        backends = [self.program('drivers/once/mohr-once'), self.program('tests/sim/printer/cardsim')]
        self.cups = PrivateCupsd(self.path('cups'), backends, station_uid=self.uids['core'],
                                 backend_env=self.options.env)

        def again():
            if not self.cups.alive():
                self.cups.revive()

        insist('cupsd', self.cups.start, before_again=self.cups.stop)
        insist('queue', self._queue, before_again=lambda: insist('cupsd', again))
        self.supervisor.add('cupsd', self.cups.alive, self.cups.revive, self.cups.stop)

    def _queue(self):
        if self.options.printer_uri:
            self.cups.add_queue(QUEUE, self.options.printer_uri)
        else:
            self.printer = self.cups.add_printer(QUEUE, self.path('printer'))
            self.printer.write(self.options.device_ms, 'device_ms')
            self.printer.write(self.options.dpi, 'dpi')

    def _configure(self):
        if self.options.client_cert:
            self.id = common_name(self.options.client_cert)
        text = CONFIG.format(dir=self.dir, real=self.real, station=self.id, line=LINE, queue=QUEUE, reader=self.pcscd.readers[0],
                             gate=self.cups.gate, cups=self.cups.socket, pcsc=self.pcscd.socket, anchor_s=self.options.anchor_s)
        with open(self.config, 'w') as f:
            f.write(text + staff.config_lines(self.uids))

        insist('mohrd --check-config', lambda: run_tool([self.path('bin/mohrd'), '--check-config', self.config]))

    # ---- running it -----------------------------------------------------------------------------------------------

    def _services(self):
        core = self.uids['core']
        url = self.options.portal_url or self.portal.url
        net = Service(self, 'mohr-net', 'net', ['--socket', self.path('run/net/net.sock'), '--peer-uid', core, '--url', url,
                                                '--ca', self.path('etc/portal-ca.pem'), '--cert', self.path('net/cert.pem'),
                                                '--key', self.path('net/key.pem')], self.path('run/net/net.sock'))
        key = Service(self, 'mohr-key', 'key',
                      ['--socket', self.path('run/key/key.sock'), '--peer-uid', core, '--state', os.path.join(self.real, 'key/state'),
                       '--module', SOFTHSM, '--token', 'mohr', '--pin-file', self.path('key/token/pin'),
                       '--profile', self.path('etc/chip.json'), '--portal-ca', self.path('etc/portal-ca.pem'),
                       '--ds-cert', self.path('etc/ds.pem'), '--station', self.id, '--laboratory'],
                      self.path('run/key/key.sock'), env={'SOFTHSM2_CONF': self.path('key/token/softhsm2.conf')})
        mohrd = Service(self, 'mohrd', 'core', ['--config', self.config], self.socket)
        for service in (net, key, mohrd):
            insist(service.name, service.start)
            self.supervisor.add(service.name, service.alive, service.start, service.stop)

    def mohr(self, command, person='expert'):
        """argv of the command `mohr`, run by one of the people."""
        uid = self.uids[person]
        return ['setpriv', '--reuid', str(uid), '--regid', str(uid), '--clear-groups', '--', self.path('bin/mohr'), *command,
                '--socket', self.socket, '--config', self.config]

    def fsck(self, *options):
        """(exit status, output) of `mohr fsck` on a snapshot of the running core."""
        done = subprocess.run(self.mohr(['fsck', *options], 'auditor'), capture_output=True, text=True, timeout=60, cwd='/')
        return done.returncode, done.stdout + done.stderr

    def stop(self):
        self.supervisor.stop()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()


def common_name(certificate):
    """A station's id is the common name of its certificate."""
    argv = ['openssl', 'x509', '-in', certificate, '-noout', '-subject', '-nameopt', 'multiline']
    return re.search(r'commonName\s*=\s*(\S+)', insist('openssl', lambda: run_tool(argv)))[1]

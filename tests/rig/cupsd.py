"""A cupsd of our own with our backends, and queues behind the print gate. The system's CUPS is not touched.

    with PrivateCupsd(folder, backends=[build + '/drivers/once/mohr-once', build + '/tests/sim/printer/cardsim']) as cups:
        printer = cups.add_printer('Card')                 # a simulated printer behind mohr-once:
        cups.add_queue('Other', 'ipp://localhost:1/ipp')   # any other, behind mohr-once: too
        subprocess.run(['lpstat', '-v'], env=cups.env())

As root, filters and backends run as lp and the gate directory is made as the station's package makes it: the station's
uid, group lp, mode 2770; the folders above must let lp pass. As another user everything runs as that user.
"""
import grp
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time

from .procs import Child, wait_for

SIM = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'sim', 'printer')
sys.path.insert(0, SIM)
from cardsim_ctl import Printer  # noqa: E402  (the operator's side of the simulated printer)

CUPSD = '/usr/sbin/cupsd'
PPD = os.path.join(SIM, 'cardsim.ppd')
SYSTEM_BIN = '/usr/lib/cups'

FILES_CONF = '''\
User {user}
Group {group}
SystemGroup {admin}
ServerRoot {dir}/etc
RequestRoot {dir}/spool
TempDir {dir}/spool/tmp
CacheDir {dir}/cache
StateDir {dir}/state
ServerBin {dir}/bin
DataDir /usr/share/cups
DocumentRoot /usr/share/cups/doc-root
ServerKeychain {dir}/etc/ssl
AccessLog {dir}/log/access_log
ErrorLog {dir}/log/error_log
PageLog {dir}/log/page_log
Printcap /dev/null
SyncOnClose Yes
FileDevice No
Sandboxing Relaxed
SetEnv MOHR_ONCE_DIR {gate}
'''

CUPSD_CONF = '''\
LogLevel {log_level}
AccessLogLevel actions
PageLogFormat
ServerName localhost
Listen {socket}
Browsing Off
WebInterface No
DefaultShared No
DefaultAuthType None
DefaultEncryption IfRequested
ErrorPolicy abort-job
JobRetryLimit 1
JobRetryInterval 1
MaxCopies 1
MaxJobTime 0
MultipleOperationTimeout 60
PreserveJobHistory Yes
PreserveJobFiles No
MaxJobs 500
DirtyCleanInterval 0
<Location />
  Order allow,deny
  Allow from 127.0.0.1
</Location>
<Policy default>
  JobPrivateAccess default
  JobPrivateValues default
  SubscriptionPrivateAccess default
  SubscriptionPrivateValues default
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
'''


class PrivateCupsd:
    """cupsd under one folder. Attributes: socket (for CUPS_SERVER), gate (token directory), child."""

    def __init__(self, folder, backends=(), gate=None, station_uid=None, log_level='warn', backend_env=None):
        """backends: programs copied into our ServerBin beside the system's; gate: default folder/gate; backend_env: what
        filters and backends find in their environment."""
        self.backend_env = backend_env or {}
        self.folder = os.path.abspath(folder)
        self.backends, self.log_level, self.child = [str(b) for b in backends], log_level, None
        self.socket = os.path.join(self.folder, 'cups.sock')
        self.gate = os.path.abspath(gate) if gate else os.path.join(self.folder, 'gate')
        self.root = os.geteuid() == 0
        self.user = pwd.getpwnam('lp') if self.root else pwd.getpwuid(os.geteuid())
        self.station_uid = os.geteuid() if station_uid is None else station_uid
        if len(self.socket) > 100:
            raise ValueError('the folder name is too long for a unix socket')

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def env(self, base=None):
        """Environment for clients and for mohr-print: base (None: ours) and where this cupsd listens."""
        return dict(os.environ if base is None else base, CUPS_SERVER=self.socket)

    def _own(self, name, mode):
        os.makedirs(self.path(name), exist_ok=True)
        os.chown(self.path(name), os.geteuid(), self.user.pw_gid)
        os.chmod(self.path(name), mode)

    def _check_way(self):
        """lp must be able to walk to our folder."""
        above = os.path.dirname(self.folder)
        while self.root and above != '/':
            if not os.stat(above).st_mode & 0o001:
                raise PermissionError(f'{above}: the user lp cannot pass; chmod o+x it')
            above = os.path.dirname(above)

    def prepare(self):
        """Writes the whole tree; start() does it by itself."""
        for name, mode in (('.', 0o711), ('etc', 0o755), ('etc/ppd', 0o755), ('etc/ssl', 0o700), ('spool', 0o710),
                           ('spool/tmp', 0o1770), ('cache', 0o770), ('state', 0o755), ('log', 0o755), ('bin', 0o755),
                           ('bin/backend', 0o755)):
            self._own(name, mode)
        self._check_way()
        os.makedirs(self.gate, exist_ok=True)
        os.chown(self.gate, self.station_uid, self.user.pw_gid)
        os.chmod(self.gate, 0o2770)
        for name in ('filter', 'daemon', 'notifier', 'monitor', 'driver', 'cgi-bin'):
            self._link(os.path.join(SYSTEM_BIN, name), self.path('bin', name))
        for name in os.listdir(os.path.join(SYSTEM_BIN, 'backend')):
            self._link(os.path.join(SYSTEM_BIN, 'backend', name), self.path('bin', 'backend', name))
        for program in self.backends:
            self.add_backend(program)
        self._write_conf()

    @staticmethod
    def _link(target, name):
        if os.path.exists(target) and not os.path.lexists(name):
            os.symlink(target, name)

    def add_backend(self, program, name=None):
        """Copies a program into ServerBin (root-owned, not writable by others: cupsd insists)."""
        target = self.path('bin', 'backend', name or os.path.basename(program))
        shutil.copyfile(program, target + '.new')
        os.chmod(target + '.new', 0o755)
        os.rename(target + '.new', target)

    def _write_conf(self):
        admin = 'root' if self.root else grp.getgrgid(self.user.pw_gid).gr_name
        values = dict(dir=self.folder, socket=self.socket, gate=self.gate, user=self.user.pw_name, admin=admin,
                      group=grp.getgrgid(self.user.pw_gid).gr_name, log_level=self.log_level)
        for name, text in (('cups-files.conf', FILES_CONF), ('cupsd.conf', CUPSD_CONF)):
            with open(self.path('etc', name), 'w') as f:
                f.write(text.format(**values))
        with open(self.path('etc', 'cups-files.conf'), 'a') as f:
            f.write(''.join(f'SetEnv {name} {value}\n' for name, value in self.backend_env.items()))

    def _ready(self):
        if not self.child.alive():
            raise RuntimeError('cupsd ended: ' + self.child.tail())
        return subprocess.run(['lpstat', '-r'], env=self.env(), capture_output=True).returncode == 0

    def _spawn(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.child = Child([CUPSD, '-f', '-c', self.path('etc/cupsd.conf'), '-s', self.path('etc/cups-files.conf')],
                           self.path('log/stderr'), name='cupsd')
        wait_for(self._ready, 10, message='cupsd does not answer; see ' + self.path('log'))

    def start(self):
        self.prepare()
        self._spawn()
        return self

    def alive(self):
        return self.child is not None and self.child.alive()

    def kill(self, number=signal.SIGKILL):
        """Ends cupsd alone: a backend at work goes on, as it does on a real machine."""
        if self.child:
            self.child.kill(number)
            if self.child.wait(10) is None:
                self.child.kill()
                self.child.wait(5)

    def revive(self):
        """Starts cupsd again after it died: same queues, same jobs."""
        self._spawn()

    def restart(self, number=signal.SIGTERM):
        self.kill(number)
        self.revive()

    def backend_pids(self, name=None):
        """The backends of this cupsd that are at work, orphans too."""
        found, place = [], self.path('bin', 'backend') + os.sep
        for pid in filter(str.isdigit, os.listdir('/proc')):
            try:
                exe = os.readlink(f'/proc/{pid}/exe')
            except OSError:
                continue
            if exe.startswith(place) and name in (None, os.path.basename(exe)):
                found.append(int(pid))
        return found

    def stop(self):
        self.kill(signal.SIGTERM)
        self.child = None
        for pid in self.backend_pids():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def add_queue(self, name, real_uri, gated=True, ppd=PPD, options=('printer-error-policy=abort-job',)):
        """A queue whose device is real_uri behind mohr-once: (gated=False: bare, which the station refuses)."""
        uri = 'mohr-once:' + real_uri if gated else real_uri
        argv = ['lpadmin', '-p', name, '-E', '-v', uri, *(['-P', ppd] if ppd else [])]
        for option in (*options, 'printer-is-shared=false'):
            argv += ['-o', option]
        for _ in range(10):  # a connection that a busy cupsd did not take in time: once more
            done = subprocess.run(argv, env=self.env(), capture_output=True, text=True)
            if 'Unable to connect' not in done.stderr or not self.alive():
                break
            time.sleep(0.2)
        if done.returncode != 0:
            raise RuntimeError('lpadmin: ' + done.stderr)

    def add_printer(self, name, folder=None, **more):
        """A simulated printer in folder (default: printer-NAME here) and its queue; returns the operator's side."""
        printer = Printer(folder or self.path('printer-' + name)).init()
        self.add_queue(name, 'cardsim:' + printer.dir, **more)
        return printer

    def __enter__(self):
        return self.start()

    def __exit__(self, *what):
        self.stop()

#!/usr/bin/python3
"""The `mohr` command: against the real core without printer, reader and portal, and against a fake station that plays
the outcomes of acts. Usage: ctl-test.py MOHR MOHRD (programs); a private folder, nothing of the system is touched."""
import http.server
import json
import os
import shutil
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MOHR, MOHRD = sys.argv[1], sys.argv[2]

CONFIG = """[station]
id = qom-1
province = qom
state_dir = {d}/state
socket = {d}/station.sock
programs_dir = {d}
[portal]
ca = {d}/ca.pem
socket = {d}/net.sock
[key]
socket = {d}/key.sock
[chip]
ca = {d}/ca.pem
profile = {root}/config/chips/gp-scp03.json
[line a]
queue = cards
reader = nobody
gate_dir = {d}/gate
cups_server = {d}/cups.sock
pcsc_socket = {d}/pcscd.comm
[person p-expert]
uid = {uid}
role = issuer
office = assessment
"""


def check(condition, what):
    if not condition:
        raise SystemExit(f'not so: {what}')


class Mohr:
    def __init__(self, *common):
        self.common = common

    def __call__(self, *args, wants=0, says=None):
        done = subprocess.run([MOHR, *args, *self.common], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL)
        both = done.stdout + done.stderr
        check(done.returncode == wants, f'mohr {args}: status {done.returncode}, not {wants}: {both}')
        if says:
            check(says in both, f'mohr {args} says "{says}": {both}')
        check('\033' not in both and '\u2066' not in both, f'mohr {args}: a pipe gets plain text')
        return done.stdout

    def json(self, *args, wants=0):
        return json.loads(self(*args, '--json', wants=wants))


def start_core(folder):
    log = open(os.path.join(folder, 'log'), 'ab')
    core = subprocess.Popen([MOHRD, '--config', os.path.join(folder, 'mohr.conf')], stdout=log, stderr=log)
    for _ in range(100):
        if os.path.exists(os.path.join(folder, 'station.sock')):
            return core
        check(core.poll() is None, open(os.path.join(folder, 'log')).read())
        time.sleep(0.05)
    raise SystemExit('the core does not start')


def prepare(folder):
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
                    f'{folder}/k.pem', '-out', f'{folder}/ca.pem', '-subj', '/CN=test', '-days', '2'], check=True,
                   capture_output=True)
    os.mkdir(f'{folder}/gate')
    os.chmod(f'{folder}/gate', 0o2770)
    with open(f'{folder}/mohr.conf', 'w') as f:
        f.write(CONFIG.format(d=folder, root=ROOT, uid=os.getuid()))


def usage(mohr):
    mohr(wants=2)
    mohr('nonsense', wants=2)
    mohr('status', 'more', wants=2)
    mohr('match', 'QM-1', wants=2, says='usage: mohr match')
    mohr('inspect', '--serial', 'SC-000001', 'good', wants=2)
    mohr('print', '--nothing', wants=2, says='no such option')
    check(subprocess.run([MOHR, '--socket', '/none', '--json', 'status'], capture_output=True).returncode == 7, 'options first')
    mohr('--help', says='mohr COMMAND --help')
    for line in subprocess.run([MOHR, '--help'], capture_output=True, text=True).stdout.splitlines():
        if line.startswith('  '):
            mohr(line.split()[0], '--help', says='usage: mohr ' + line.split()[0])


def with_core(mohr, folder):
    check(mohr.json('status')['station'] == 'qom-1', 'the station names itself')
    mohr('status', says='mohr-key')
    mohr('blank', 'add', 'SC-000001', 'SC-000005', says='5 blanks')
    mohr('hopper', 'load', 'SC-000001', 'SC-000003', says='3 blanks')
    mohr('hopper', 'load', 'a', 'SC-000004', 'SC-000004', says='1 blanks')
    mohr('blank', 'add', 'SC-000001', 'SC-000001', wants=1, says='reason: serial_used')
    mohr('hopper', 'load', 'b', 'SC-000005', 'SC-000005', wants=3, says='reason: not_found')
    check(mohr.json('show', 'SC-000001')['state'] == 'hopper', 'a serial is shown')
    mohr('show', 'QM-1/../x', wants=3)
    mohr('queue', says='Nobody waits')
    mohr('unknown', says='Nothing is unknown')
    mohr('unknown', 'decide', 'x', 'came_out', wants=3, says='reason: not_found')
    mohr('sync')
    mohr('print', wants=3)
    mohr('print', 'QM-1', '--line', 'a', wants=3, says='reason: not_found')
    mohr('write', '--serial', 'SC-000001', wants=1, says='reason: wrong_state')
    mohr('spoil', 'SC-000001', '--cause', 'other', wants=3)
    mohr('confirm', 'SC-000001', wants=1)
    mohr('sort', '--card', 'SC-000001', '--next', 'SC-000002', says='second person')
    mohr('resume', 'a', wants=8, says='reason: not_permitted')
    refused = mohr.json('resume', 'a', wants=8)['error']
    check(refused['reason'] == 'not_permitted' and refused['advice'], 'a refusal as JSON')
    check(mohr.json('fsck') == {'fsck': 'ok', 'rules': mohr.json('fsck')['rules'], 'n_faults': 0, 'faults': []}, 'clean')
    check(mohr.json('audit', 'verify')['audit'] == 'ok', 'chain')
    check(len(mohr.json('audit', 'list', '--after', '5')['rows']) > 3, 'rows')
    check(mohr('states', '--dot').startswith('digraph'), 'dot')
    check(not [f for f in os.listdir(folder) if f.startswith('mohr-fsck')], 'no snapshot is left behind')
    parts = {f['part']: f for f in mohr.json('doctor', wants=7)['findings']}
    check(parts['print gate']['ok'] and parts['configuration']['ok'] and parts['station']['ok'], str(parts))
    check(parts['printer of a']['reason'] == 'queue_gone' and parts['reader of a']['reason'] == 'reader_gone', str(parts))
    for broken in ('mohr-net', 'mohr-key', 'printer of a', 'reader of a'):
        check(not parts[broken]['ok'] and parts[broken]['mend'], broken)
    os.chmod(f'{folder}/gate', 0o755)
    check('0755' in mohr('doctor', wants=7), 'a gate with wrong rights is told')


def without_core(mohr, folder):
    states = mohr('states')
    check('application  in_chain' in states, 'the life cycles without a station')
    mohr('status', wants=7, says='reason: core_down')
    check(mohr.json('fsck')['fsck'] == 'ok', 'the ledger itself, read-only')
    mohr('fsck', '--ledger', f'{folder}/none.db', wants=9, says='reason: ledger')
    shutil.copy(f'{folder}/state/ledger.db', f'{folder}/bad.db')
    subprocess.run(['sqlite3', f'{folder}/bad.db', 'DROP TRIGGER audit_is_append_only_update; UPDATE audit SET '
                    "actor='p-other' WHERE seq=2"], check=True)
    broken = mohr.json('fsck', '--ledger', f'{folder}/bad.db', wants=9)
    check({f['rule'] for f in broken['faults']} == {'schema', 'audit-chain'}, str(broken))
    mohr('audit', 'verify', '--ledger', f'{folder}/bad.db', wants=9, says='audit-chain')


# ---- a fake station ---------------------------------------------------------------------------------------------------

ERROR = {'reason': 'ribbon_out', 'text': 'no ribbon', 'advice': '', 'kind': 'operator', 'origin': 'own', 'code': 0}


class Fake(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path):
        self.looks, self.script, self.asked, self.blank = 0, [], [], {}
        self.before = {'printed': None, 'chipped': None}
        super().__init__(path, Answer)

    def play(self, script):
        """Each look at the status takes the next item; the last one stays."""
        self.script, self.looks, self.asked = script, 0, []

    def line(self):
        now = {'line': 'a', 'printing': None, 'chipping': None, 'shown': 'SC-000001', 'held': None, **self.before}
        if self.asked and self.script:
            now.update(self.script[min(self.looks, len(self.script) - 1)])
            self.looks += 1
        return now


class Answer(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def address_string(self):
        return 'local'

    def reply(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        if self.path == '/v1/status':
            self.reply(200, {'lines': [self.server.line()]})
        elif self.path == '/v1/events':
            self.send_response(200)
            self.send_header('Content-Type', 'text/event-stream')
            self.end_headers()
            for _ in range(50):
                try:
                    self.wfile.write(b'event: line\ndata: {}\n\n')
                    self.wfile.flush()
                except OSError:
                    return
                time.sleep(0.1)
        elif self.path.startswith('/v1/blanks/'):
            self.reply(200, self.server.blank)
        elif self.path == '/v1/lines/a/shown':
            self.reply(200, {'serial': 'SC-000001', 'chip': {'face_code': '7KX01QWHMZ', 'certificates': [],
                                                            'holder': {'given_fa': 'سارا', 'family_fa': 'محمدی'}}})
        else:
            self.reply(404, {'error': {'reason': 'not_found', 'text': 'none', 'advice': '', 'kind': 'input'}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get('Content-Length', 0))) or b'{}')
        self.server.asked.append((self.path, body))
        self.reply(202 if self.server.script else 200, {'printing': {}, 'chipping': {}} if self.server.script else {})


def outcome(at, **more):
    return {'what': 'print', 'serial': 'SC-000001', 'at': at, 'ok': True, **more}


def at_step(name, done=0, of=0):
    return {'step': name, 'serial': 'SC-000001', 'done': done, 'of': of}


def with_fake(mohr, fake, socket):
    fake.before['printed'] = outcome(5)
    fake.play([{'printing': at_step('queue')}, {'printing': at_step('printing', 1, 4)},
               {'printing': at_step('ribbon_out')}, {'printed': outcome(9)}])
    done = subprocess.run([MOHR, 'print', 'QM-1', '--worksheet', 'W-7', '--socket', socket], capture_output=True, text=True,
                          timeout=30)
    check(done.returncode == 0 and 'SC-000001: printed' in done.stdout, done.stdout + done.stderr)
    check('do not open the printer' in done.stderr and 'out of ribbon' in done.stderr, done.stderr)
    check(fake.asked == [('/v1/applications/QM-1/worksheet', {'number': 'W-7'}),
                         ('/v1/lines/a/print', {'application': 'QM-1'})], str(fake.asked))
    fake.play([{'printing': at_step('print')}, {'printed': outcome(9, ok=False, error=ERROR)}])
    mohr('print', wants=4, says='reason: ribbon_out')
    fake.play([{'printing': at_step('print')}, {'printed': None}])
    fake.blank = {'state': 'printing'}
    mohr('print', wants=6, says='reason: unknown_print')
    fake.play([{'printing': at_step('print')}, {'printed': None}])
    fake.blank = {'state': 'printed'}
    mohr('print', says='printed')
    fake.play([{'chipping': at_step('no_card', 100, 60000)}, {'chipping': at_step('write', 40, 76)}, {'chipped': outcome(3)}])
    mohr('write', '--serial', 'SC-000001', says='verified')
    fake.play([])
    fake.blank = {'state': 'printed', 'line': 'a'}
    mohr('inspect', '--serial', 'SC-000001', '--face', '7KX01QWHMZ', 'good')
    check(fake.asked == [('/v1/inspect', {'serial': 'SC-000001', 'face': '7KX01QWHMZ', 'verdict': 'good'})], str(fake.asked))
    fake.play([])
    mohr('inspect', '--serial', 'SC-000001', 'spoiled', '--cause', 'print_streaks')
    check(fake.asked[0][1] == {'serial': 'SC-000001', 'verdict': 'spoiled', 'cause': 'print_streaks', 'line': 'a'},
          str(fake.asked))
    fake.play([])
    check('سارا' in mohr('confirm', 'SC-000001', '--mismatch'), 'the chip is shown first')
    check(fake.asked == [('/v1/blanks/SC-000001/confirm', {'match': False})], str(fake.asked))
    fake.play([])
    mohr('sort', '--card', 'SC-1:7KX01QWHMZ', '--card', 'SC-2', '--next', 'SC-3')
    check(fake.asked == [('/v1/lines/a/sort', {'cards': [{'serial': 'SC-1', 'face': '7KX01QWHMZ'}, {'serial': 'SC-2'}],
                                               'next': 'SC-3'})], str(fake.asked))


def interrupted(fake, socket):
    fake.play([{'printing': at_step('print')}])
    act = subprocess.Popen([MOHR, 'print', '--socket', socket], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 10
    while fake.looks < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    act.send_signal(signal.SIGINT)
    _, said = act.communicate(timeout=20)
    check(act.returncode == 130 and 'goes on' in said, f'{act.returncode} {said}')


def main():
    folder = tempfile.mkdtemp(prefix='mohr-ctl-')
    os.environ['TMPDIR'] = folder
    os.environ.pop('MOHR_SOCKET', None)
    core = None
    try:
        prepare(folder)
        usage(Mohr())
        for name in sys.argv[3:]:
            os.symlink(os.path.abspath(name), os.path.join(folder, os.path.basename(name)))
        core = start_core(folder)
        with_core(Mohr('--config', f'{folder}/mohr.conf'), folder)
        core.terminate()
        check(core.wait(20) == 0, 'the core ends')
        without_core(Mohr('--config', f'{folder}/mohr.conf'), folder)
        fake = Fake(f'{folder}/fake.sock')
        threading.Thread(target=fake.serve_forever, daemon=True).start()
        with_fake(Mohr('--socket', f'{folder}/fake.sock'), fake, f'{folder}/fake.sock')
        interrupted(fake, f'{folder}/fake.sock')
        fake.shutdown()
        fake.server_close()
    finally:
        if core and core.poll() is None:
            core.kill()
            core.wait()
        shutil.rmtree(folder)


main()

"""One card under one fault: the real mohr-chip and mohr-key on a private pcscd, the test playing the core between them.

Moments are commands: the card counts them and runs the sweep's hook at the N-th, so that a seed plays the same again."""
import collections
import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from sweep import TESTS
from rig import staff
from rig.pcscd import CardSlot, PrivatePcscd
from rig.portal import ROOT, build_dir
from rig.station import ANCHOR_S, CONFIG
from rig.worker import Failed, Lost, Worker

BUILD = os.path.abspath(build_dir())
os.environ.update(MOHR_ROOT=ROOT, MOHR_KEY=BUILD + '/daemon/work/key/mohr-key', CARD_SIM=BUILD + '/tests/sim/card/card-sim',
                  MOHR_CHIP=BUILD + '/daemon/work/chip/mohr-chip')
sys.path.insert(0, TESTS + '/scenario')
import key_bench  # noqa: E402

spec = importlib.util.spec_from_file_location('key_chip', TESTS + '/scenario/key-chip-test.py')
key_chip = importlib.util.module_from_spec(spec)
spec.loader.exec_module(key_chip)

DEADLINE_S = 6   # a worker that says nothing for so long is ended by the core (chip.limit_s)
INTRUDER = BUILD + '/tests/crash/intruder.so'
CHANGING = ('put_key', 'install', 'store_data', 'set_status')
KILL = 'kill -9 $(cat {folder}/worker) 2>/dev/null; true'
# the station's programs are ended by the core, not by the card: a stalled service wakes up by itself
STALL = 'kill -STOP {pcscd}; (sleep {seconds}; kill -CONT {pcscd}) >/dev/null 2>&1 & true'


class Bench(key_chip.Together):
    """The parts of key-chip-test.py without its tests: token and portal are shared, all else is each lane's own."""

    setUpClass = classmethod(key_bench.KeyTest.setUpClass.__func__)
    tearDownClass = classmethod(key_bench.KeyTest.tearDownClass.__func__)

    def runTest(self):
        pass

    def own_token(self, number):
        """SoftHSM does not bear several programs that open one token at the same moment."""
        self.token = f'token-{number}'
        folder = shutil.copytree(f'{self.dir}/token', f'{self.dir}/{self.token}')
        with open(folder + '/softhsm2.conf') as f:
            text = f.read()
        with open(folder + '/softhsm2.conf', 'w') as f:
            f.write(re.sub(r'(directories.tokendir = ).*', r'\1' + folder + '/tokens', text))

    def environment(self, token=None):
        return super().environment(token or self.token)

    @classmethod
    def lane(cls, sweep):
        """make(number) for Sweep.lanes."""
        @contextlib.contextmanager
        def make(number):
            bench = cls()
            bench.sweep, bench.number, bench.cards_made, bench.body = sweep, number, 0, {}
            bench.own_token(number)
            bench.pcscd = PrivatePcscd(f'{cls.dir}/pcscd-{number}').start()
            key_bench.KeyTest.setUp(bench)
            bench.slot = CardSlot(bench.pcscd, os.environ['CARD_SIM'])
            with open(f'{cls.dir}/token/csca.pem') as f:
                bench.ca = f.read()
            try:
                yield bench
            finally:
                bench.slot.remove(wait=False)
                key_bench.KeyTest.tearDown(bench)
                bench.pcscd.stop()
        return make


class Card:
    """One card of a bench, fresh from the factory."""

    def __init__(self, bench):
        bench.cards_made += 1
        if not bench.pcscd.alive():
            bench.pcscd.revive()
        self.n = bench.number * 10000 + bench.cards_made
        self.bench, self.sweep, self.serial = bench, bench.sweep, f'SC-1405-{self.n:06d}'
        self.kdd, self.folder = self.n.to_bytes(10, 'big'), f'{bench.state}/card-{self.n}'
        self.subject = bench.subject(bench.approval(f'APP-1406-{self.n:06d}'))
        os.makedirs(self.folder)

    def insert(self, **sim):
        """Nobody waits for the reader: the worker does."""
        self.take_out()
        if not self.bench.pcscd.alive():
            self.bench.pcscd.revive()
        self.bench.slot.insert(self.folder, self.kdd, self.serial, wait=False,
                               env={'MOHR_SIM_' + k: str(v) for k, v in (self.bench.body | sim).items()})

    def take_out(self):
        self.bench.slot.remove(wait=False)

    def hook(self, n, when, what, **more):
        """Settings of an insertion at whose n-th command something is done."""
        run = what.format(folder=self.folder, pcscd=self.bench.pcscd.child.pid, **more)
        return {'HOOK': f'{n}:{when}', 'HOOK_RUN': run}

    def chip(self, *options, env=None):
        argv = [os.environ['MOHR_CHIP'], '--reader', self.bench.pcscd.readers[0], *options]
        worker = Worker.child(argv, env=self.bench.pcscd.env() | (env or {}), stderr=subprocess.DEVNULL)
        worker.sock.settimeout(DEADLINE_S)
        with open(self.folder + '/worker', 'w') as f:
            f.write(str(worker.process.pid))
        return worker

    @staticmethod
    def end(worker):
        if worker.process.poll() is None:
            worker.process.kill()
        worker.close()

    def write(self, at=None, act=None, options=(), env=None, wait_ms=5000):
        """True when written and verified; else the words for why not. act(): called at the checkpoint `at`."""
        core = key_chip.Core(self.bench, 'personalise', serial=self.serial, **self.subject)
        worker = self.chip(*options, env=env)

        def step(name, args, blob):
            if name == at:
                act()
            return core.checkpoint(name, args, blob)
        try:
            answer = worker.task('write', dict(self.bench.args(), wait_ms=wait_ms), checkpoint=step)
            return True if answer.args['verified'] and answer.args['complete'] else str(answer.args.get('why'))
        except Failed as failed:
            return failed.kind + ' ' + failed.reason
        except (Lost, OSError) as lost:
            return 'lost ' + str(lost)
        except AssertionError as refused:  # the key service says no: the card's cryptogram, or nonsense from it
            return 'refused ' + str(refused)[:200]
        finally:
            self.end(worker)
            if core.session:
                self.bench.peer.call('close', {'session': core.session})

    def read(self, wait_ms=5000):
        """What everybody can read of it, as the public verifier sees it."""
        worker = self.chip()
        try:
            return worker.task('read', dict(self.bench.args(), wait_ms=wait_ms)).args
        finally:
            self.end(worker)

    def state(self):
        """The chip's own memory."""
        try:
            with open(self.folder + '/state') as f:
                return dict(line.split(' ', 1) for line in f.read().split('\n') if ' ' in line)
        except FileNotFoundError:
            return {}

    def whole(self):
        return self.state().get('complete', '0').strip() == '1'

    def tries_used(self):
        return int(self.state().get('tries', 0))  # counted up; a good authentication puts it back to 0

    def events(self, name='log'):
        try:
            with open(f'{self.folder}/{name}') as f:
                return [json.loads(line) for line in f if line.endswith('}\n')]
        except FileNotFoundError:
            return []

    def failed_authentications(self):
        """In its whole life; a torn one has cost its try as well."""
        return [e for e in self.events() if e['what'] == 'external_authenticate' and
                (e['sw'] not in ('9000', '0000') or e['note'] == 'torn during')]

    def changes(self):
        return [e for e in self.events() if e['what'] in CHANGING and e['sw'] == '9000']

    # ---- what must hold ---------------------------------------------------------------------------------------------

    def verify_by_others(self, run):
        """A half card, shown to everybody's verifier and to openssl alone: neither takes it."""
        ca = f'{self.bench.dir}/token/csca.pem'
        config = f'{self.bench.state}/mohr.conf'
        if not os.path.exists(config):
            write_config(config, self.bench)
        reader = self.bench.pcscd.readers[0]
        argv = [BUILD + '/daemon/ctl/mohr', 'verify', '--reader', reader, '--ca', ca, '--config', config, '--wait', '4']
        seen = subprocess.run(argv, env=self.bench.pcscd.env(), capture_output=True, text=True, timeout=60)
        run.insist(seen.returncode == 5, f'mohr verify of a half card: {seen.returncode}: {seen.stdout}{seen.stderr}')
        with tempfile.TemporaryDirectory(dir=self.bench.state) as folder:
            argv = [sys.executable, TESTS + '/rig/look.py', reader, folder, ca]
            look = subprocess.run(argv, env=self.bench.pcscd.env(), capture_output=True, text=True, timeout=60)
        run.insist(look.returncode != 0 and 'sod_sha256' not in look.stdout, f'openssl takes a half card: {look.stdout}')

    def judge(self, run, outcome, others=False, parked=False):
        """After the fault: put in again, looked at, finished. parked: nonsense for an answer to the authentication may park
        the chip for good; then it is not authenticated with again."""
        used = max(self.tries_used(), len(self.failed_authentications()))
        run.insist(used <= 1, f'{used} tries used up: {outcome}')
        whole = self.whole()
        self.take_out()
        self.insert()
        seen = self.read()
        run.insist(not seen['verified'] or whole, f'a half card verifies: {seen}')
        run.insist(not whole or seen['verified'], f'a whole card does not verify: {seen}')
        run.insist(outcome is not True or seen['verified'], f'called written, yet {seen}')
        if others and not whole:
            self.verify_by_others(run)
        if not seen['verified']:
            before, again = len(self.events()), self.write()
            if parked and 'chip_key_refused' in str(outcome):
                run.insist('chip_budget' in str(again) and len(self.events()) - before <= 1, f'parked, and then {again}')
            else:
                run.insist(again is True, f'not finished after {outcome}: {again}')
        run.insist(self.tries_used() == 0, f'{self.tries_used()} tries used up at the end')
        run.insist(len(self.failed_authentications()) <= 1, f'{self.failed_authentications()} in one life')
        self.take_out()


def write_config(path, bench):
    """`mohr verify` asks it only where mohr-chip is."""
    folder = os.path.dirname(path)
    words = collections.defaultdict(lambda: folder, station='golestan-1', line='1', queue='cards', anchor_s=ANCHOR_S)
    with open(path, 'w') as f:
        f.write(CONFIG.format_map(words) + staff.config_lines(staff.accounts()))
    os.symlink(BUILD + '/daemon/work/chip', folder + '/bin')

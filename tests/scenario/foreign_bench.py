"""A key service, a chip worker, a private pcscd and the smallest core between them: enough to issue a card for real."""
import copy
import datetime
import hashlib
import json
import os
import shlex
import subprocess
import sys

ROOT = os.environ['MOHR_ROOT']
sys.path.insert(0, os.path.join(ROOT, 'tests'))
from rig.pcscd import CardSlot, PrivatePcscd  # noqa: E402
from rig.procs import Child, wait_for  # noqa: E402
from rig.signer import Portal  # noqa: E402
from rig.worker import Failed, Lost, Worker, unsealed  # noqa: E402,F401

FOREIGN = os.path.join(ROOT, 'tests/rig/foreign_card.py')
AID = 'F04952534B494C4C0100'
STATION = 'GOL-1'


def photo(n=14000):
    head = bytes.fromhex('FFD8FFC0000B08014000F001011100')
    return head + bytes(k * 7 & 255 for k in range(n - len(head) - 2)) + b'\xff\xd9'


def issue_date():
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(hours=3, minutes=30)).strftime('%Y-%m-%d')


class Desk:
    """One folder with all of it. write(), read() and lock() are one task each and answer mohr-chip's last message."""

    def __init__(self, folder):
        self.folder, self.n = folder, 0
        subprocess.run([f'{ROOT}/tests/rig/token', f'{folder}/token'], check=True)
        self.portal = Portal(f'{folder}/portal')
        with open(f'{ROOT}/tests/data/approval.json') as f:
            self.sample = json.load(f)
        with open(f'{folder}/token/csca.pem') as f:
            self.ca = f.read()
        self.pcscd = PrivatePcscd(f'{folder}/pcscd').start()
        self.slot = CardSlot(self.pcscd, os.environ['CARD_SIM'])
        self.start_key()
        self.start_chip()

    def start_key(self):
        os.makedirs(f'{self.folder}/state', exist_ok=True)
        argv = [os.environ['MOHR_KEY'], '--laboratory', '--socket', f'{self.folder}/key.sock', '--peer-uid', os.getuid(),
                '--state', f'{self.folder}/state', '--module', '/usr/lib/softhsm/libsofthsm2.so', '--token', 'mohr',
                '--pin-file', f'{self.folder}/token/pin', '--profile', f'{ROOT}/config/chips/gp-scp03-laboratory.json',
                '--portal-ca', self.portal.ca, '--ds-cert', f'{self.folder}/token/ds.pem', '--station', STATION]
        env = dict(os.environ, SOFTHSM2_CONF=f'{self.folder}/token/softhsm2.conf')
        self.key_child = Child(argv, f'{self.folder}/key.log', env=env)
        wait_for(lambda: os.path.exists(f'{self.folder}/key.sock') or not self.key_child.alive(), 10)
        self.key = Worker.service(f'{self.folder}/key.sock')

    def start_chip(self):
        self.chip = Worker.child([os.environ['MOHR_CHIP'], '--reader', self.slot.reader], env=self.pcscd.env(), timeout=400)

    def close(self):
        self.chip.close()
        self.key.close()
        self.key_child.stop()
        self.slot.remove()
        self.pcscd.stop()

    def approval(self, data):
        a = copy.deepcopy(self.sample)
        a['id'] = 'APP-1405-%06d' % self.n
        a['photo'] = {'sha256': hashlib.sha256(data).hexdigest(), 'n_bytes': len(data), 'type': 'image/jpeg'}
        return self.portal.sign('approvals', a)

    def insert(self, options='', new=True, sim=None):
        """A foreign card with these options, a new one or the former; or with sim (environment) our simulator."""
        self.slot.remove()
        self.n += new
        self.card_dir = f'{self.folder}/card-{self.n}'
        self.serial = 'SC-1405-%06d' % self.n
        command = None if sim is not None else f'/usr/bin/python3 {shlex.quote(FOREIGN)} {options}'
        self.slot.insert(self.card_dir, hashlib.sha256(self.serial.encode()).digest()[:10], self.serial, command=command,
                         env=sim)

    def memory(self):
        with open(f'{self.card_dir}/card.json') as f:
            return json.load(f)

    def failed_authentications(self):
        path = f'{self.card_dir}/card.json'
        return self.memory()['failed'] if os.path.exists(path) else 0

    def commands(self):
        """(instruction, command bytes, answer bytes, status word) of each exchange, all insertions."""
        with open(f'{self.card_dir}/apdu.log') as f:
            rows = [line.split() for line in f]
        return [(int(r[1][2:4], 16), int(r[2]), int(r[3]), r[4]) for r in rows]

    def _core(self, purpose, fallback=False, data=b''):
        session = {}

        def ask(verb, args, blob=None):
            try:
                return self.key.task(verb, args, blob)
            except Failed as failed:
                session['refused'] = failed
                raise

        def answer(name, args, blob):
            if name == 'identified':
                wanted = {k: args[k] for k in ('key_info', 'max_command', 'atr', 'scp', 'i', 'chip_id') if args[k] != -1}
                wanted['purpose'] = purpose
                if purpose == 'personalise':
                    wanted.update(serial=self.serial, approval=self.approval(data), face_code='0123456789',
                                  issue_date=issue_date())
                begun = ask('challenge', wanted, data if purpose == 'personalise' else None).args
                session['id'] = begun['session']
                return {'init_update': begun['init_update']}, None
            if name == 'challenged':
                opened = ask('open', {'session': session['id'], 'answer': args['answer']})
                return opened.args, None
            if name == 'opened':
                more = {'fallback': True} if fallback else {}
                wrapped = ask('wrap', dict({'session': session['id'], 'answer': args['answer']}, **more))
                session['n_apdus'] = wrapped.args['n_apdus']
                return {}, wrapped.blob
            ask('check', {'session': session['id']}, blob)
            return None

        def checkpoint(*message):
            try:
                return answer(*message)
            except Failed:
                return False
        return session, checkpoint

    def _task(self, verb, args, purpose, **more):
        session, checkpoint = self._core(purpose, **more)
        try:
            return self.chip.task(verb, dict({'wait_ms': 3000, 'aid': AID}, **args), checkpoint=checkpoint)
        except Failed:
            if 'refused' in session:
                raise session['refused'] from None
            raise

    def write(self, data=None):
        return self._task('write', {'ca_pem': self.ca}, 'personalise', data=data or photo())

    def read(self):
        return self._task('read', {'ca_pem': self.ca}, 'read').args

    def lock(self):
        """With the fallback when the chip refuses to be locked, as the core does."""
        try:
            return self._task('lock', {}, 'lock').args
        except Failed as failed:
            if failed.reason != 'chip_status':
                raise
            return self._task('lock', {}, 'lock', fallback=True).args

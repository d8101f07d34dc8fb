#!/usr/bin/python3
"""`mohr verify` on cards that the demo made: an issued one with its printed QR, a spoiled one, a foreign CA, no card; and
`mohr fsck` on the ledger the demo left, with the station down. Usage: verify-test.py MOHR; MOHR_BUILD, CARD_SIM."""
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
from rig.desk import kdd  # noqa: E402
from rig.pcscd import CardSlot, PrivatePcscd  # noqa: E402

MOHR, BUILD, CARD_SIM = os.path.abspath(sys.argv[1]), os.environ['MOHR_BUILD'], os.environ['CARD_SIM']


def check(condition, what):
    if not condition:
        raise SystemExit(f'not so: {what}')


def make_cards(folder):
    done = subprocess.run([sys.executable, os.path.join(HERE, '..', 'rig', 'demo.py'), '--batch', '2', '--spoil', '5', '--keep',
                           folder], capture_output=True, text=True, timeout=200)
    check(done.returncode == 0, 'the demo: ' + done.stdout[-500:] + done.stderr[-2000:])


class Desk:
    def __init__(self, folder, pcscd):
        self.folder, self.pcscd, self.slot = folder, pcscd, CardSlot(pcscd, CARD_SIM)

    def verify(self, *args, wants=0, says=None, ca=None):
        done = subprocess.run([MOHR, 'verify', '--reader', self.slot.reader, '--ca', ca or f'{self.folder}/etc/csca.pem',
                               '--config', f'{self.folder}/mohr.conf', '--wait', '2', *args], text=True, timeout=60,
                              env=self.pcscd.env(), capture_output=True)
        both = done.stdout + done.stderr
        check(done.returncode == wants, f'verify {args}: status {done.returncode}, not {wants}: {both}')
        check(not says or says in both, f'verify {args} says {says}: {both}')
        return done.stdout

    def insert(self, serial):
        self.slot.remove()
        self.slot.insert(f'{self.folder}/cards/{serial}', kdd(serial), serial)

    def printed(self, serial):
        """The QR's text of the face that lies in the output tray with this serial under it."""
        for name in os.listdir(f'{self.folder}/printer/tray'):
            card = f'{self.folder}/printer/tray/{name}'
            if open(f'{card}/serial').read().strip() != serial:
                continue
            for side in ('front.png', 'back.png'):
                done = subprocess.run(['zbarimg', '-q', '--raw', '-Sdisable', '-Sqrcode.enable', f'{card}/{side}'],
                                      capture_output=True, text=True)
                if done.stdout.strip():
                    return done.stdout.strip()
        raise SystemExit(f'no QR of {serial}')


def one(db, sql):
    row = db.execute(sql).fetchone()
    check(row, sql)
    return row


def look(desk, folder):
    db = sqlite3.connect(f'file:{folder}/state/ledger.db?mode=ro', uri=True)
    serial, name = one(db, "SELECT serial, name FROM blank b JOIN person p ON p.application=b.application WHERE state='issued' "
                           'ORDER BY serial')
    other, = one(db, "SELECT serial FROM blank WHERE state='issued' ORDER BY serial DESC")
    locked, = one(db, "SELECT serial FROM blank WHERE chip_fate='unverifiable'")
    sod, = one(db, f"SELECT sod_sha256 FROM blank WHERE serial='{serial}'")
    desk.verify(wants=4, says='reason: no_card')
    desk.insert(serial)
    signer = f'{folder}/etc/ds.pem'
    said = desk.verify('--photo', f'{folder}/photo', '--qr', desk.printed(serial), '--signer', signer)
    check('genuine' in said, said)
    forged = desk.printed(serial)
    forged = forged[:-3] + ('A' if forged[-3] != 'A' else 'B') + forged[-2:]
    desk.verify('--qr', forged, '--signer', signer, wants=5, says='reason: verify_failed')
    check(all(word in said for word in name.split()) and 'نام خانوادگی' in said and serial in said, said)
    check(open(f'{folder}/photo', 'rb').read(2) in (b'\xff\xd8', b'\x89P'), 'the photo out of the chip')
    told = json.loads(desk.verify('--json'))
    check(told['verified'] and told['sod_sha256'].lower() == sod and told['serial'] == serial, str(told))
    desk.verify('--qr', desk.printed(other), wants=1, says='reason: face_mismatch')
    desk.verify('--qr', 'https://example.org', wants=3, says='reason: bad_request')
    desk.verify(wants=5, says='reason: verify_failed', ca=f'{folder}/foreign.pem')
    desk.insert(locked)
    desk.verify(wants=5)


def main():
    folder = tempfile.mkdtemp(prefix='mv-')
    try:
        demo = f'{folder}/d'
        make_cards(demo)
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384', '-nodes', '-keyout',
                        f'{demo}/k.pem', '-out', f'{demo}/foreign.pem', '-subj', '/CN=other', '-days', '2'], check=True,
                       capture_output=True)
        with open(f'{demo}/etc/mohr.conf', encoding='utf-8') as file:
            conf = re.sub('(?m)^programs_dir = .*', f'programs_dir = {demo}/bin', file.read())
        with open(f'{demo}/mohr.conf', 'w', encoding='utf-8') as file:
            file.write(conf)
        with PrivatePcscd(f'{folder}/p') as pcscd:
            desk = Desk(demo, pcscd)
            try:
                look(desk, demo)
            finally:
                desk.slot.remove()
        done = subprocess.run([MOHR, 'fsck', '--ledger', f'{demo}/state/ledger.db', '--json'], capture_output=True, text=True)
        check(done.returncode == 0 and json.loads(done.stdout)['fsck'] == 'ok', done.stdout + done.stderr)
    finally:
        shutil.rmtree(folder)


main()

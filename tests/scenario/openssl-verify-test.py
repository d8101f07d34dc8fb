#!/usr/bin/python3
"""docs/openssl-verify.md, run command by command on a card that mohr-key wrote, in a reader of a private pcscd; then on
the same card altered, and on a copy of its files."""
import os
import re
import shutil
import subprocess
import unittest

from key_bench import KDD, PHOTO, ROOT, KeyTest
from rig.pcscd import CardSlot, PrivatePcscd


def blocks():
    """The commands of each chapter of the page."""
    with open(f'{ROOT}/docs/openssl-verify.md') as f:
        chapters = re.split(r'^## ', f.read(), flags=re.M)[1:]
    return ['\n'.join(re.findall(r'```sh\n(.*?)```', c, flags=re.S)) for c in chapters]


class Page(KeyTest):
    def setUp(self):
        super().setUp()
        self.pcscd = PrivatePcscd(f'{self.state}/pcscd').start()
        self.slot = CardSlot(self.pcscd, os.environ['CARD_SIM'])
        self.work = f'{self.state}/work'
        os.mkdir(self.work)
        shutil.copy(f'{self.dir}/token/csca.pem', self.work)

    def tearDown(self):
        self.slot.remove()
        self.pcscd.stop()
        super().tearDown()

    def sh(self, text):
        return subprocess.run(['sh', '-e', '-c', text], cwd=self.work, env=self.pcscd.env(), capture_output=True,
                              timeout=60)

    def test_page(self):
        card = self.card(1)
        self.run_script(card, self.challenge(card, self.approval()))
        card.child.stop()
        self.slot.insert(f'{self.state}/card-{card.serial}', KDD[1], card.serial)
        read, signature, hashes, chip, holder = blocks()
        done = self.sh('\n'.join((read, signature, hashes, chip, holder)))
        out = done.stdout.decode() + done.stderr.decode()
        self.assertEqual(done.returncode, 0, out)
        self.assertIn('Verification successful', out)
        self.assertIn('Skill DS Test 0001', out)
        for group in (2, 11, 12, 13):
            self.assertIn(f'DG{group}.bin: OK', out)
        self.assertIn('800a' + card.chip_id.hex(), out.lower())
        self.assertIn('کاظمی<<علی', out)
        with open(f'{self.work}/photo.jpg', 'rb') as f:
            self.assertEqual(f.read(), PHOTO)
        self.alter('DG11.bin', hashes, 'DG11.bin: FAILED')
        self.alter('EF.SOD', signature, 'erification')
        # the same files behind another chip
        self.slot.remove()
        self.slot.insert(f'{self.state}/card-other', KDD[2], 'SC-1405-000002')
        self.assertNotEqual(self.sh(chip).returncode, 0)

    def alter(self, name, commands, complaint):
        path = f'{self.work}/{name}'
        with open(path, 'rb') as f:
            good = f.read()
        with open(path, 'wb') as f:
            f.write(good[:40] + bytes([good[40] ^ 1]) + good[41:])
        done = self.sh(commands)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(complaint, (done.stdout + done.stderr).decode())
        with open(path, 'wb') as f:
            f.write(good)


if __name__ == '__main__':
    unittest.main()

#!/usr/bin/python3
"""Prints what writing the default card costs: commands, bytes on the wire, and the host's share of the time against a bare
loop that sends the very same commands to a card like it. Numbers are printed, not asserted."""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, '..')]
from rig import scp03
from rig.pcscd import CardSlot, PrivatePcscd
from rig.worker import Worker

CARD_SIM, MOHR_CHIP = os.environ['CARD_SIM'], os.environ['MOHR_CHIP']
MAKE_FILES, BARE_LOOP = os.environ['MAKE_FILES'], os.environ['BARE_LOOP']
AID = bytes.fromhex('F04952534B494C4C0100')
KDD, HOST = bytes(range(10)), bytes.fromhex('1122334455667788')
FIDS = (0x0102, 0x010B, 0x010C, 0x010D, 0x011E, 0x011D)
INSTALL = bytes([0x80, 0xE6, 0x20, 0x00, 6 + len(AID), 0, 0, len(AID)]) + AID + bytes(4)
RUNS = 5


def pack(items):
    return b''.join(len(i).to_bytes(2, 'big') + i for i in items)


class Core:
    def __init__(self, files):
        self.files, self.sent = files, [bytes.fromhex('00A4040000')]

    def checkpoint(self, name, args, blob):
        if name == 'identified':
            self.channel = scp03.Channel(scp03.factory_keys(KDD), HOST)
            self.sent.append(self.channel.initialize_update(0xFF))
            return {'init_update': self.sent[-1].hex()}, None
        if name == 'challenged':
            assert self.channel.begin(bytes.fromhex(args['answer'])[:-2])
            self.sent.append(self.channel.external_authenticate(0x33))
            return {'external_authenticate': self.sent[-1].hex()}, None
        if name == 'opened':
            script = [self.channel.wrap(a) for a in [INSTALL] + scp03.store_data(self.files)]
            self.sent += script
            blob = pack(script)
            self.start = time.monotonic()
            return {}, blob
        self.ms = (time.monotonic() - self.start) * 1000
        self.n, self.device = args['n_apdus'], args['ms_device']
        return None


def main():
    loop, ours, whole = [], [], []
    with tempfile.TemporaryDirectory(prefix='bench-chip-') as tmp, PrivatePcscd(os.path.join(tmp, 'p')) as pcscd:
        slot = CardSlot(pcscd, CARD_SIM)
        worker = Worker.child([MOHR_CHIP, '--reader', pcscd.readers[0]], env=pcscd.env())
        insert = lambda name: slot.insert(os.path.join(tmp, name), KDD, 'SC-1405-000123',
                                          env={'MOHR_SIM_WRITE_MS': '6'})
        for run in range(RUNS):
            insert('a%d' % run)
            args = {'wait_ms': 5000, 'aid': AID.hex(), 'ca_pem': 'none'}
            chip_id = worker.task('read', args).args['chip_id']
            subprocess.run([MAKE_FILES, chip_id, tmp, '14336'], check=True)
            files = []
            for fid in FIDS:
                with open(os.path.join(tmp, '%04X.bin' % fid), 'rb') as f:
                    files.append((fid, f.read()))
            with open(os.path.join(tmp, 'ca.pem')) as f:
                args['ca_pem'] = f.read()
            core = Core(files)
            answer = worker.task('write', args, checkpoint=core.checkpoint)
            assert answer.args['verified']
            ours.append(core.ms)
            whole.append(answer.args['ms_total'])
            slot.remove()
            with open(os.path.join(tmp, 'list'), 'wb') as f:
                f.write(pack(core.sent))
            insert('b%d' % run)  # a new card of the same KDD: its first challenge is the same, so is the channel
            done = subprocess.run([BARE_LOOP, slot.reader, os.path.join(tmp, 'list'), '3'], env=pcscd.env(), check=True,
                                  capture_output=True, text=True)
            loop.append(float(done.stdout))
            slot.remove()
        worker.close()
    bare, host = statistics.median(loop), statistics.median(ours)
    print('default card: %d bytes of files, %d commands in the script, %d bytes sent'
          % (sum(len(f) for _, f in files), core.n, sum(len(a) for a in core.sent[3:])))
    print('script: mohr-chip %.1f ms, bare loop %.1f ms: host-caused %.1f %%' % (host, bare, (host / bare - 1) * 100))
    print('insertion seen to verified: %.0f ms' % statistics.median(whole))


if __name__ == '__main__':
    main()

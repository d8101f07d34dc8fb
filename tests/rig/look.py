#!/usr/bin/python3
"""An independent look at an issued card: reads its files over PC/SC and checks them with openssl alone.

look.py READER FOLDER CSCA.pem    reads 011E 011D and every data group into FOLDER (FID.bin), checks the signature of
                                  EF.SOD up to the CA and the hash of each data group; exit 0 and JSON when all holds

Knows docs/card-applet.md and ICAO 9303-10/-12 (EF.SOD, LDSSecurityObject) and nothing of the product's code.
"""
import hashlib
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from rig.pcsc import Context, PcscError  # noqa: E402

AID = bytes.fromhex('F04952534B494C4C0100')
COM, SOD = 0x011E, 0x011D
GROUPS = {2: 0x0102, 11: 0x010B, 12: 0x010C, 13: 0x010D}  # data group number: file
CHUNK = 0xE0


class Bad(Exception):
    pass


def der(data, at=0):
    """(tag, start, end) of the element at `at`; tags of one or two bytes, lengths of up to four."""
    tag, at = data[at], at + 1
    if tag & 0x1F == 0x1F:
        tag, at = tag << 8 | data[at], at + 1
    n, at = data[at], at + 1
    if n & 0x80:
        k = n & 0x7F
        n, at = int.from_bytes(data[at:at + k], 'big'), at + k
    return tag, at, at + n


def children(data, start, end):
    found = []
    while start < end:
        tag, a, b = der(data, start)
        found.append((tag, a, b))
        start = b
    return found


class Files:
    def __init__(self, card):
        self.card = card
        self.ask(bytes([0x00, 0xA4, 0x04, 0x0C, len(AID)]) + AID, 'SELECT of the application')

    def ask(self, apdu, what, good=(0x9000,)):
        """Answer data; 61xx and 6Cxx are followed (ISO/IEC 7816-3, T=0)."""
        answer = self.card.send(apdu)
        if len(answer) >= 2 and answer[-2] == 0x6C:
            answer = self.card.send(apdu[:-1] + answer[-1:])
        data = b''
        while len(answer) >= 2 and answer[-2] == 0x61:
            data += answer[:-2]
            answer = self.card.send(bytes([0x00, 0xC0, 0x00, 0x00, answer[-1]]))
        if len(answer) < 2:
            raise Bad('%s: no card' % what)
        if int.from_bytes(answer[-2:], 'big') not in good:
            raise Bad('%s: %s' % (what, answer[-2:].hex().upper()))
        return data + answer[:-2]

    def read(self, fid):
        """The whole file: as long as its outer tag says."""
        self.ask(bytes([0x00, 0xA4, 0x02, 0x0C, 0x02]) + fid.to_bytes(2, 'big'), 'SELECT of %04X' % fid)
        data, end = b'', 8
        while len(data) < end:
            part = self.ask(bytes([0x00, 0xB0, len(data) >> 8, len(data) & 0xFF, min(CHUNK, end - len(data))]),
                            'READ BINARY of %04X' % fid, (0x9000, 0x6282))
            if not part:
                raise Bad('file %04X ends early' % fid)
            if not data:
                end = der(part)[2]
            data += part
        return data[:end]


def read_all(reader, folder):
    """{fid: bytes}, and as FID.bin in folder."""
    with Context() as context, context.connect(reader, exclusive=True) as card:
        files = Files(card)
        got = {fid: files.read(fid) for fid in (COM, *GROUPS.values(), SOD)}
    os.makedirs(folder, exist_ok=True)
    for fid, data in got.items():
        with open(os.path.join(folder, '%04X.bin' % fid), 'wb') as f:
            f.write(data)
    return got


def signed_hashes(sod, folder, csca):
    """{data group: hash} of the LDSSecurityObject, once openssl has verified the signature over it."""
    tag, start, end = der(sod)
    if tag != 0x77:
        raise Bad('EF.SOD has tag %02X' % tag)
    cms, out = os.path.join(folder, 'sod.cms'), os.path.join(folder, 'sod.content')
    with open(cms, 'wb') as f:
        f.write(sod[start:end])
    done = subprocess.run(['openssl', 'cms', '-verify', '-inform', 'DER', '-in', cms, '-CAfile', csca, '-purpose', 'any',
                           '-out', out], capture_output=True, text=True)
    if done.returncode != 0:
        raise Bad('openssl cms: ' + done.stderr.strip().split('\n')[-1])
    with open(out, 'rb') as f:
        data = f.read()
    _, start, end = der(data)
    table = children(data, start, end)[2]
    rows = [children(data, a, b) for _, a, b in children(data, table[1], table[2])]
    return {int.from_bytes(data[n[1]:n[2]], 'big'): data[h[1]:h[2]] for n, h in rows}


def check(got, folder, csca):
    hashes = signed_hashes(got[SOD], folder, csca)
    if set(hashes) != set(GROUPS):
        raise Bad('signed data groups: %s' % sorted(hashes))
    for group, fid in GROUPS.items():
        if hashlib.sha256(got[fid]).digest() != hashes[group]:
            raise Bad('data group %d differs from its signed hash' % group)
    return {'sod_sha256': hashlib.sha256(got[SOD]).hexdigest(), 'bytes': sum(map(len, got.values()))}


def main(argv):
    if len(argv) != 4:
        sys.exit(__doc__)
    for n in range(20):  # another program may still let go of the card
        try:
            got = read_all(argv[1], argv[2])
            break
        except PcscError as error:
            if n == 19:
                sys.exit('look: %s' % error)
            time.sleep(0.1)
    try:
        print(json.dumps(check(got, argv[2], argv[3])))
    except (Bad, IndexError) as error:
        sys.exit('look: %s' % error)


if __name__ == '__main__':
    try:
        main(sys.argv)
    except (Bad, PcscError) as error:
        sys.exit('look: %s' % error)

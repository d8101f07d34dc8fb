#!/usr/bin/env python3
"""Writes plan-*.txt: the plain commands of a personalisation, one APDU per line in hexadecimal.

An implementation of its own from GPCS 2.3.1 11.5.2.3.6 and 11.11, for tests/unit/test-gp.c to compare with.
The files hold byte i = (7 i + 3 + FID) & 255. Run in this folder: ./make-plan.py"""

AID = bytes.fromhex("F04952534B494C4C0100")


def content(fid, size):
    return bytes((7 * i + 3 + fid) & 255 for i in range(size))


def plan(sizes, chunk):
    apdus = [bytes([0x80, 0xE6, 0x20, 0x00, 6 + len(AID), 0, 0, len(AID)]) + AID + bytes(4)]
    blocks = [b""]
    for fid, size in sizes:
        length = bytes([size]) if size < 255 else bytes([255, size >> 8, size & 255])
        head = fid.to_bytes(2, "big") + length
        if len(blocks[-1]) + len(head) > chunk:
            blocks.append(b"")
        blocks[-1] += head
        for byte in content(fid, size):
            if len(blocks[-1]) == chunk:
                blocks.append(b"")
            blocks[-1] += bytes([byte])
    for number, block in enumerate(blocks):
        p1 = 0x88 if number == len(blocks) - 1 else 0x08
        apdus.append(bytes([0x80, 0xE2, p1, number, len(block)]) + block)
    return apdus


def write(name, sizes, chunk):
    with open(name, "w") as out:
        for apdu in plan(sizes, chunk):
            out.write(apdu.hex().upper() + "\n")


FIDS = (0x0102, 0x010B, 0x010C, 0x010D, 0x011E, 0x011D)
# level 33, S8, 255 bytes of command data: 239 plain bytes
write("plan-239.txt", list(zip(FIDS, (1200, 99, 163, 796, 24, 996))), 239)
# a card that announces 128: 111 plain bytes; sizes around the change of the length's coding and of a block
write("plan-111.txt", list(zip(FIDS, (254, 255, 256, 104, 1, 111))), 111)

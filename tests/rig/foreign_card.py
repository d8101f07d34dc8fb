#!/usr/bin/python3
"""A card of another maker, for --card-command: a second, independent implementation of what a card program must do
(GPCS 2.3.1, its Amendment D, ISO/IEC 7816-4), with lawful oddities and unlawful behaviour to order. It shares nothing with
our card simulator; SCP03 comes from tests/rig/scp03.py.

    foreign_card.py [options]      MOHR_CARD_HOST, _PORT (vpcd), _KDD (10 bytes hex), _SERIAL, _DIR

The same MOHR_CARD_DIR is the same card: its memory is card.json there, apdu.log has one line per command (header, Lc, status
word; no data). SIGTERM takes it out. Unlike our simulator it commits each file when its last byte came, gives a file back
although EF.SOD is missing, and lets EF.SOD be written again. --help lists the oddities."""
import argparse
import hashlib
import json
import os
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig import scp03

APP = bytes.fromhex('F04952534B494C4C0100')
SOD = 0x011D
ATR_T1 = '3BFA1800008131FE454A434F5033315632333298'  # of a JCOP31 v2.3.2, with TCK made right below
OK = b'\x90\0'


def sw(text):
    return bytes.fromhex(text)


def tlv(tag, value):
    n = len(value)
    return bytes.fromhex(tag) + (bytes([n]) if n < 128 else b'\x81' + bytes([n])) + value


def with_tck(atr):
    tck = 0
    for b in atr[1:-1]:
        tck ^= b
    return atr[:-1] + bytes([tck])


class Refused(Exception):
    """A status word alone; .ends the secure channel."""

    def __init__(self, text, ends=False):
        super().__init__(text)
        self.answer, self.ends = sw(text), ends


class Memory:
    """What the card keeps without power."""

    def __init__(self, folder):
        self.path = os.path.join(folder, 'card.json')
        self.data = {'files': {}, 'locked': False, 'failed': 0, 'sequence': 0}
        if os.path.exists(self.path):
            with open(self.path) as f:
                self.data = json.load(f)

    def save(self):
        with open(self.path + '.new', 'w') as f:
            json.dump(self.data, f)
        os.rename(self.path + '.new', self.path)


class Channel(scp03.Channel):
    """The card's end: the session keys of the host's class, turned round."""

    def __init__(self, keys, host, i, kdd, sequence):
        super().__init__(keys, host)
        seq = sequence.to_bytes(3, 'big')
        challenge = scp03.derive(keys[0], 2, 64, seq + scp03.ISD) if i & 0x10 else os.urandom(8)
        head = kdd + bytes([0xFF, 3, i]) + challenge
        self.begin(head + bytes(8))
        self.greeting = head + scp03.derive(self.s_mac, 0, 64, host + challenge) + (seq if i & 0x10 else b'')

    def take(self, apdu, data):
        """Plain data of a protected command; checks and counts."""
        if len(data) < 8:
            raise Refused('6982', True)
        body, mac = data[:-8], data[-8:]
        mcv = scp03.cmac(self.s_mac, self.mcv + apdu[:4] + bytes([len(data)]) + body)
        if mcv[:8] != mac:
            raise Refused('6982', True)
        self.mcv = mcv
        if self.level & 2:
            self.ctr += 1
            if body:
                body = scp03.unpad(scp03.cbc_decrypt(self.s_enc, scp03.aes(self.s_enc, self.ctr.to_bytes(16, 'big')), body))
        return body

    def give(self, answer):
        if not self.level & 0x10 or answer[-2:] != OK:
            return answer
        body, word = answer[:-2], answer[-2:]
        if body and self.level & 0x20:
            icv = scp03.aes(self.s_enc, ((1 << 127) | self.ctr).to_bytes(16, 'big'))
            body = scp03.cbc_encrypt(self.s_enc, icv, scp03.pad(body))
        return body + scp03.cmac(self.s_rmac, self.mcv + body + word)[:8] + word


class Card:
    def __init__(self, o, kdd, serial, folder):
        self.o, self.kdd, self.memory = o, kdd, Memory(folder)
        seed = bytes.fromhex(o.chip) if o.chip else kdd + serial.encode()
        digest = hashlib.sha512(b'foreign' + seed).digest()
        self.cplc = bytes.fromhex('4790D3211400') + digest[:36]
        self.cin = digest[:12]
        self.keys = scp03.factory_keys(kdd, bytes(16) if o.wrong_key else scp03.TEST_MASTER)
        self.i = int(o.i, 16)
        self.power()

    def power(self):
        self.selected, self.file, self.channel, self.rest = 'isd', None, None, b''
        self.authenticated, self.blocks, self.open_dgi = False, None, None

    def name(self, apdu):
        """SELECT by name."""
        n = apdu[4] if len(apdu) > 5 else 0
        aid = apdu[5:5 + n]
        self.power()
        if aid == APP:
            return self.application()
        if aid not in ((scp03.ISD,) if self.o.full_aid else (b'', scp03.ISD)):
            raise Refused('6A82')
        room = b'' if self.o.no_room_told else tlv('9F65', bytes([self.o.room]))
        return tlv('6F', tlv('84', scp03.ISD) + tlv('A5', tlv('9F6E', bytes(4)) + room)) + OK

    def application(self):
        if self.o.no_applet:
            raise Refused('6A82')
        if self.memory.data['locked']:
            raise Refused(self.o.locked_word)
        self.selected = 'app'
        return (b'' if self.o.no_app_fci else tlv('6F', tlv('84', APP))) + OK

    def get_data(self, tag):
        o = self.o
        key = b''.join(tlv('C0', bytes([k, 0xFF, 0x88, 16])) for k in (1, 2, 3))
        oid = bytes.fromhex('2A864886FC6B')
        known = {
            0x9F7F: None if o.no_cplc else self.cplc if o.bare_cplc else tlv('9F7F', self.cplc),
            0x0045: tlv('45', self.cin),
            0x00E0: None if o.no_key_info else tlv('E0', key),
            0x0066: None if o.no_card_data else tlv('66', tlv('73', tlv('06', oid + b'\1') + tlv('64', tlv(
                '06', oid + bytes([4, 3, self.i]))))),
        }
        if known.get(tag) is None:
            raise Refused('6A88')
        return known[tag] + OK

    def initialize(self, apdu):
        if apdu[2] not in (0, 0xFF):
            raise Refused('6A88')
        if apdu[4] != 8:
            raise Refused('6700')
        self.memory.data['sequence'] += 1
        self.memory.save()
        self.authenticated = False
        self.channel = Channel(self.keys, apdu[5:13], self.i, self.kdd, self.memory.data['sequence'])
        return self.channel.greeting + OK

    def authenticate(self, apdu):
        c = self.channel
        if c is None or self.authenticated or apdu[2] & 0x30 & ~(self.i >> 1 & 0x30):  # R-MAC 20 -> 10, R-ENC 40 -> 20
            raise Refused('6985', True)
        self.memory.data['failed'] += 1
        self.memory.save()
        if c.take(apdu, apdu[5:5 + apdu[4]]) != c.host_cryptogram:
            raise Refused('6300', True)
        self.memory.data['failed'] -= 1
        self.memory.save()
        c.level, self.authenticated = apdu[2], True
        return OK

    def protected(self, apdu):
        """A command inside the channel: plain handling, protected answer."""
        if not self.authenticated or self.selected != 'isd':
            raise Refused('6982')
        plain = self.channel.take(apdu, apdu[5:5 + apdu[4]])
        if apdu[4] > self.o.room:
            raise Refused('6700', True)
        answer = {0xE6: self.install, 0xE2: self.store, 0xF0: self.status}.get(apdu[1], self.unknown)(apdu, plain)
        answer = self.channel.give(answer)
        return self.spoil(answer) if self.o.bad_mac else answer

    @staticmethod
    def spoil(answer):
        return answer[:-3] + bytes([answer[-3] ^ 1]) + answer[-2:] if len(answer) > 2 else answer

    @staticmethod
    def unknown(apdu, plain):
        raise Refused('6D00')

    def install(self, apdu, plain):
        if apdu[2] != 0x20 or plain != bytes([0, 0, len(APP)]) + APP + bytes(3) and plain != bytes(
                [0, 0, len(APP)]) + APP + bytes(4):
            raise Refused('6A80')
        if self.memory.data['locked'] or self.o.no_applet:
            raise Refused('6A88')
        self.blocks, self.open_dgi = 0, None
        return (b'\0' if apdu[-1] == 0 else b'') + OK

    def store(self, apdu, plain):
        if self.blocks is None or apdu[3] != self.blocks:
            raise Refused('6985')
        if apdu[2] not in (0x08, 0x88):
            raise Refused('6A86')
        self.blocks += 1
        while plain:
            plain = self.bytes_of(plain)
        if apdu[2] == 0x88:
            self.blocks = None
            if self.open_dgi:
                raise Refused('6A80')
        return OK

    def bytes_of(self, plain):
        """Takes one DGI, or a part of one; the rest."""
        if not self.open_dgi:
            n, at = plain[2], 3
            if n == 0xFF:
                n, at = int.from_bytes(plain[3:5], 'big'), 5
            self.open_dgi = [int.from_bytes(plain[:2], 'big'), n, b'']
            plain = plain[at:]
        fid, n, got = self.open_dgi
        got, plain = got + plain[:n - len(got)], plain[n - len(got):]
        self.open_dgi = [fid, n, got]
        if len(got) == n:
            self.memory.data['files']['%04X' % fid] = got.hex()
            self.memory.save()
            self.open_dgi = None
        return plain

    def status(self, apdu, plain):
        if self.o.no_set_status:
            raise Refused('6985')
        if apdu[2] != 0x40 or apdu[3] & 0x80 == 0 or plain != APP:
            raise Refused('6A80')
        self.memory.data['locked'] = True
        self.memory.save()
        return OK

    def choose(self, apdu):
        fid = '%02X%02X' % (apdu[5], apdu[6])
        if self.selected != 'app' or fid not in self.memory.data['files']:
            raise Refused('6A82')
        self.file = bytes.fromhex(self.memory.data['files'][fid])
        return OK

    def read(self, apdu):
        if self.selected != 'app' or self.file is None:
            raise Refused('6986')
        at, want = apdu[2] << 8 | apdu[3], apdu[4] or 256
        if at >= len(self.file):
            raise Refused('6B00')
        part = self.file[at:at + min(want, self.o.read_max)]
        if self.o.t0 and len(part) < want and self.o.read_max == 256:
            raise Refused('6C%02X' % (len(part) & 255))
        return part + OK

    def dispatch(self, apdu):
        head = apdu[:4]
        if len(apdu) < 5:
            raise Refused('6700')
        if apdu[1] == 0xC0 and self.rest:
            return self.respond(apdu[4] or 256)
        if head[:3] == b'\0\xa4\x04':
            return self.name(apdu)
        if head == b'\0\xa4\x02\x0c':
            return self.choose(apdu)
        if head[:2] == b'\0\xb0':
            return self.read(apdu)
        if head[:2] == b'\x80\xca' and self.selected == 'isd':
            return self.get_data(apdu[2] << 8 | apdu[3])
        if head[:2] == b'\x80\x50' and self.selected == 'isd':
            return self.initialize(apdu)
        if head[:2] == b'\x84\x82':
            return self.authenticate(apdu)
        if head[0] == 0x84:
            return self.protected(apdu)
        raise Refused('6D00')

    def respond(self, n):
        part, self.rest = self.rest[:n], self.rest[n:]
        return part + (b'\x61' + bytes([min(len(self.rest), 256) & 255]) if self.rest else OK)

    def command(self, apdu):
        """A whole exchange over T=1, or one TPDU of T=0: there a command with data carries no Le (7816-3 12.2)."""
        if self.o.t0 and len(apdu) > 5 and len(apdu) != 5 + apdu[4]:
            return sw('6700')
        try:
            answer = self.dispatch(apdu)
        except Refused as r:
            if r.ends:
                self.channel, self.authenticated, self.blocks = None, False, None
            return r.answer
        if not self.o.t0 or len(answer) == 2 or answer[-2:] != OK or apdu[1] in (0xC0, 0xB0):
            return answer
        self.rest = answer[:-2]
        if len(apdu) > 5:
            return b'\x61' + bytes([len(self.rest) & 255])
        want = apdu[4] or 256
        if want != len(self.rest):
            n, self.rest = len(self.rest), b''
            return b'\x6c' + bytes([n & 255])
        return self.respond(want)


class Wire:
    """vpcd: 16-bit length and payload; one byte is control (0 off, 1 on, 2 reset, 4 ATR)."""

    def __init__(self, card, o, folder):
        self.card, self.o, self.n, self.folder = card, o, 0, folder

    def serve(self, s):
        while True:
            payload = self.get(s)
            if len(payload) == 1:
                if payload[0] == 4:
                    self.put(s, self.atr())
                else:
                    self.card.power()
                continue
            self.exchange(s, payload)

    def atr(self):
        if self.o.atr:
            return bytes.fromhex(self.o.atr)
        return bytes.fromhex('3B6800000073C84013009000') if self.o.t0 else with_tck(bytes.fromhex(ATR_T1))

    def exchange(self, s, apdu):
        o = self.o
        if self.n == o.gone_before:
            sys.exit(0)
        if self.n == o.mute_at:
            signal.pause()
        answer = self.card.command(apdu)
        if self.n == o.gone_after:
            sys.exit(0)
        for ins, seconds in o.slow:
            if apdu[1] == ins:
                time.sleep(seconds)
        if self.n == o.slow_at:
            time.sleep(o.slow_s)
        if apdu[1] == o.garbage or o.garbage == 0:
            answer = bytes.fromhex('DEADBEEF') * 9 + OK
        if apdu[1] == o.endless or apdu[1] == 0xC0 and o.endless:
            answer = bytes(8) + b'\x61\x08'
        if apdu[1] == o.empty:
            answer = b''
        self.note(apdu, answer)
        self.n += 1
        self.put(s, answer)

    def note(self, apdu, answer):
        with open(os.path.join(self.folder, 'apdu.log'), 'a') as f:
            f.write('%d %s %d %d %s\n' % (self.n, apdu[:5].hex(), len(apdu), len(answer), answer[-2:].hex()))

    @staticmethod
    def get(s):
        def need(n):
            got = b''
            while len(got) < n:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                piece = s.recv(n - len(got))
                if not piece:
                    raise ConnectionError
                got += piece
            return got
        return need(struct.unpack('>H', need(2))[0])

    @staticmethod
    def put(s, payload):
        s.sendall(struct.pack('>H', len(payload)) + payload)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def slow(text):
    ins, seconds = text.split('=')
    return int(ins, 16), float(seconds)


def options():
    p = argparse.ArgumentParser(description='A card of another maker behind vpcd.')
    flag = {'action': 'store_true'}
    p.add_argument('--atr', help='hex; else one of T=1, or of T=0 with --t0')
    p.add_argument('--t0', **flag, help='T=0: 61xx and 6Cxx, no Le beside data')
    p.add_argument('--room', type=int, default=255, help='most command data bytes, told in 9F65')
    p.add_argument('--no-room-told', **flag, help='FCI without 9F65')
    p.add_argument('--no-app-fci', **flag, help='SELECT of the application answers 9000 alone')
    p.add_argument('--bare-cplc', **flag, help='CPLC without its tag')
    p.add_argument('--no-cplc', **flag, help='6A88; the card image number is there')
    p.add_argument('--full-aid', **flag, help='the security domain is selected by its whole name alone')
    p.add_argument('--no-key-info', **flag)
    p.add_argument('--no-card-data', **flag)
    p.add_argument('--i', default='70', help='SCP03 variant: 00 10 20 30 60 70')
    p.add_argument('--read-max', type=int, default=256, help='most bytes of one READ BINARY')
    p.add_argument('--locked-word', default='6283', help='answer to SELECT of a locked application')
    p.add_argument('--no-set-status', **flag, help='refuses to lock the application')
    p.add_argument('--slow', type=slow, action='append', default=[], metavar='INS=SECONDS')
    p.add_argument('--slow-at', type=int, default=-1, metavar='N')
    p.add_argument('--slow-s', type=float, default=0)
    p.add_argument('--chip', help='hex: the chip id comes from this, as if copied')
    p.add_argument('--wrong-key', **flag)
    p.add_argument('--bad-mac', **flag, help='answers with wrong R-MAC')
    p.add_argument('--no-applet', **flag)
    for name in ('garbage', 'endless', 'empty'):
        p.add_argument('--' + name, type=lambda t: int(t, 16), metavar='INS', help='answer to this instruction')
    for name in ('gone-before', 'gone-after', 'mute-at'):
        p.add_argument('--' + name, type=int, default=-1, metavar='N', help='at the Nth command after insertion')
    return p.parse_args()


def main():
    o, env = options(), os.environ
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    os.makedirs(env['MOHR_CARD_DIR'], exist_ok=True)
    card = Card(o, bytes.fromhex(env['MOHR_CARD_KDD']), env['MOHR_CARD_SERIAL'], env['MOHR_CARD_DIR'])
    wire = Wire(card, o, env['MOHR_CARD_DIR'])
    while True:
        try:
            with socket.create_connection((env['MOHR_CARD_HOST'], int(env['MOHR_CARD_PORT']))) as s:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire.serve(s)
        except OSError:  # pcscd is away: dial again
            card.power()
            time.sleep(0.1)


if __name__ == '__main__':
    main()

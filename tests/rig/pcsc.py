#!/usr/bin/python3
"""PC/SC for tests, by ctypes on libpcsclite: list readers, wait for a card, send APDUs.

libpcsclite reads PCSCLITE_CSOCK_NAME once per process, so one process speaks with one pcscd. As a program it serves
those who have several:  pcsc.py list | pcsc.py wait READER present|empty SECONDS | pcsc.py send READER APDU...
"""
import ctypes
import sys
import time

LONG, DWORD = ctypes.c_long, ctypes.c_ulong
SCOPE_SYSTEM, SHARE_EXCLUSIVE, SHARE_SHARED, PROTOCOL_ANY, INFINITE = 2, 1, 2, 3, 0xFFFFFFFF
LEAVE, RESET, UNPOWER = 0, 1, 2
STATE_CHANGED, STATE_EMPTY, STATE_PRESENT, STATE_MUTE = 0x02, 0x10, 0x20, 0x200
NO_READERS, NO_SERVICE, TIMEOUT, UNKNOWN_READER = 0x8010002E, 0x8010001D, 0x8010000A, 0x80100009


class PcscError(Exception):
    def __init__(self, call, code):
        super().__init__('%s: 0x%08X' % (call, code))
        self.code = code


class ReaderState(ctypes.Structure):
    _fields_ = [('reader', ctypes.c_char_p), ('user', ctypes.c_void_p), ('current', DWORD), ('event', DWORD),
                ('n_atr', DWORD), ('atr', ctypes.c_ubyte * 33)]


class IoRequest(ctypes.Structure):
    _fields_ = [('protocol', ctypes.c_ulong), ('length', ctypes.c_ulong)]


def _check(call, code, good=(0,)):
    code &= 0xFFFFFFFF
    if code not in good:
        raise PcscError(call, code)
    return code


class Context:
    def __init__(self):
        self.lib = ctypes.CDLL('libpcsclite.so.1')
        self.handle = LONG()
        _check('SCardEstablishContext', self.lib.SCardEstablishContext(DWORD(SCOPE_SYSTEM), None, None,
                                                                      ctypes.byref(self.handle)))

    def close(self):
        self.lib.SCardReleaseContext(self.handle)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    def readers(self):
        n = DWORD(0)
        if _check('SCardListReaders', self.lib.SCardListReaders(self.handle, None, None, ctypes.byref(n)),
                  (0, NO_READERS)) == NO_READERS:
            return []
        names = ctypes.create_string_buffer(n.value)
        _check('SCardListReaders', self.lib.SCardListReaders(self.handle, None, names, ctypes.byref(n)))
        return [x.decode() for x in names.raw[:n.value].split(b'\0') if x]

    def state(self, reader, current=0, timeout_ms=0):
        """(event bits without the counter, ATR); waits for a change from current up to timeout_ms."""
        s = ReaderState(reader=reader.encode(), current=current)
        _check('SCardGetStatusChange', self.lib.SCardGetStatusChange(self.handle, DWORD(timeout_ms), ctypes.byref(s),
                                                                     DWORD(1)), (0, TIMEOUT))
        return s.event & 0xFFFF, bytes(s.atr[:s.n_atr]), s.event

    def wait(self, reader, present, timeout):
        """True when the card is there (or gone) within timeout seconds."""
        wanted, end, raw = STATE_PRESENT if present else STATE_EMPTY, time.monotonic() + timeout, 0
        while True:
            left = max(0, int((end - time.monotonic()) * 1000))
            bits, _, raw = self.state(reader, raw & ~STATE_CHANGED, left if raw else 0)
            if bits & wanted and not bits & STATE_MUTE:
                return True
            if left == 0:
                return False

    def connect(self, reader, exclusive=False):
        return Card(self, reader, exclusive)


class Card:
    def __init__(self, context, reader, exclusive):
        self.lib, self.handle, self.protocol = context.lib, LONG(), DWORD()
        _check('SCardConnect', self.lib.SCardConnect(context.handle, reader.encode(),
                                                     DWORD(SHARE_EXCLUSIVE if exclusive else SHARE_SHARED),
                                                     DWORD(PROTOCOL_ANY), ctypes.byref(self.handle),
                                                     ctypes.byref(self.protocol)))

    def send(self, apdu):
        """The answer with its status word; empty when the card vanished under the command."""
        request = IoRequest(self.protocol.value, ctypes.sizeof(IoRequest))
        answer, n = (ctypes.c_ubyte * 65548)(), DWORD(65548)
        _check('SCardTransmit', self.lib.SCardTransmit(self.handle, ctypes.byref(request), bytes(apdu),
                                                       DWORD(len(apdu)), None, answer, ctypes.byref(n)))
        return bytes(answer[:n.value])

    def close(self, disposition=RESET):
        self.lib.SCardDisconnect(self.handle, DWORD(disposition))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()


def main(argv):
    if len(argv) < 2 or argv[1] not in ('list', 'wait', 'send'):
        sys.exit(__doc__)
    with Context() as context:
        if argv[1] == 'list':
            print('\n'.join(context.readers()))
        elif argv[1] == 'wait':
            sys.exit(0 if context.wait(argv[2], argv[3] == 'present', float(argv[4])) else 1)
        else:
            with context.connect(argv[2]) as card:
                for apdu in argv[3:]:
                    print(card.send(bytes.fromhex(apdu)).hex().upper())


if __name__ == '__main__':
    try:
        main(sys.argv)
    except PcscError as error:
        sys.exit('pcsc: %s' % error)

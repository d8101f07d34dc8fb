"""The reader's end of vpcd's wire, without pcscd: tests speak with a card program directly.

vpcd listens, the card dials; frames are a big-endian 16-bit length and the payload. One-byte payloads are control: 0 off,
1 on, 2 reset, 4 get ATR (answered); all others are command APDUs (answered)."""
import socket
import struct

OFF, ON, RESET, ATR = 0, 1, 2, 4


class CardGone(Exception):
    """The card closed the link: taken or torn out."""


class Reader:
    """A slot on a free loopback port. wait() accepts the card and powers it up."""

    def __init__(self, timeout=10.0):
        self.server = socket.create_server(('127.0.0.1', 0), backlog=1)
        self.server.settimeout(timeout)
        self.timeout, self.link, self.atr = timeout, None, b''
        self.port = self.server.getsockname()[1]

    def wait(self):
        """Until a card is in; returns its ATR."""
        self.eject()
        self.link, _ = self.server.accept()
        self.link.settimeout(self.timeout)
        self.link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.control(ON)
        self.atr = self._exchange(bytes([ATR]))
        return self.atr

    def control(self, what):
        self.link.sendall(struct.pack('>HB', 1, what))

    def send(self, apdu):
        """Answer bytes, status word included; raises CardGone."""
        return self._exchange(bytes(apdu))

    def _exchange(self, payload):
        try:
            self.link.sendall(struct.pack('>H', len(payload)) + payload)
            (n,) = struct.unpack('>H', self._read(2))
            return self._read(n)
        except (ConnectionError, BrokenPipeError) as error:
            raise CardGone(str(error)) from error

    def _read(self, n):
        got = b''
        while len(got) < n:
            piece = self.link.recv(n - len(got))
            if not piece:
                raise CardGone('end of link')
            got += piece
        return got

    def eject(self):
        """Drops the link, as a dying pcscd does."""
        if self.link:
            self.link.close()
            self.link = None

    def close(self):
        self.eject()
        self.server.close()

"""What the expert has before her: the printer's hopper and tray, the scanner, the reader's slot. No knowledge of the station.

The simulated printer's tray stays as it is: it is the pile of cards. With a printer that is not ours (no tray to look
into) the serials are taken to come out in the order of the stack.
"""
import hashlib
import json
import os
import subprocess
import sys
import time

from .pcscd import POLL_S, CardSlot
from .supervisor import say

HERE = os.path.dirname(os.path.abspath(__file__))


def kdd(serial):
    """The key diversification data of the blank with this serial: its maker's numbering, made up."""
    return hashlib.sha256(b'mohr demo card ' + serial.encode()).digest()[:10]


class Desk:
    def __init__(self, station, card_command=None):
        self.station, self.printer, self.command = station, station.printer, card_command
        self.slot = CardSlot(station.pcscd, station.program('tests/sim/card/card-sim'))
        self.inserted = None  # serial of the card in the reader
        self.strange = set()  # serials whose chips came with other transport keys

    def seen(self):
        """Whether the printed cards can be looked at."""
        return self.printer is not None

    # ---- printer --------------------------------------------------------------------------------------------------

    def load(self, first, last):
        """Puts the blanks into the hopper."""
        if self.printer:
            self.printer.load(first, last)

    def tray(self):
        """{serial: card} of what has come out; card: state ok, half or blank, front and back (paths)."""
        return {card['serial']: card for card in self.printer.cards('tray')} if self.printer else {}

    def hopper(self):
        """Serials of the blanks in the hopper, the next first; None when it cannot be seen."""
        return [card['serial'] for card in self.printer.cards('hopper')] if self.printer else None

    def resting(self):
        """The printer neither works nor waits for a person."""
        return not self.printer or not (self.printer.busy() or self.printer.read('fault'))

    def clear_printer(self):
        """Opens it and takes out whatever is inside; new ribbon when it is used up."""
        if self.printer:
            if int(self.printer.read('ribbon') or 0) <= 1:
                self.printer.write(500, 'ribbon')
            self.printer.clear()

    def inside(self):
        return self.printer.cards('path') if self.printer else []

    @staticmethod
    def scan(card):
        """The text of the QR on the card's back (or front); None when nothing can be read."""
        for side in ('back', 'front'):
            for _ in range(4):  # the scanner may be killed, or meet a picture that is still being put down
                if not card[side]:
                    break
                done = subprocess.run(['zbarimg', '-q', '--raw', '-Sdisable', '-Sqrcode.enable', card[side]],
                                      capture_output=True, text=True)
                if done.returncode == 0 and done.stdout.strip():
                    return done.stdout.strip()
        return None

    # ---- reader ---------------------------------------------------------------------------------------------------

    def folder(self, serial):
        return self.station.path('cards', serial)

    def in_reader(self, serial):
        """The card is in the slot and has not fallen out."""
        return self.inserted == serial and self.slot.present()

    def settled(self):
        """The reader has noticed that the former card is gone."""
        return time.monotonic() >= self.station.pcscd.empty_since.get(0, 0) + POLL_S

    def put_in(self, serial):
        """One try: False while the reader must still notice that the former card is gone."""
        if self.in_reader(serial):
            return True
        self.take_out()
        if not self.settled():
            return False
        env = {'MOHR_SIM_WRONG_KEYS': '1'} if serial in self.strange else None
        self.slot.insert(self.folder(serial), kdd(serial), serial, command=self.command, env=env, wait=False)
        self.inserted = serial
        return True

    def take_out(self):
        if self.slot.child:
            self.slot.remove(wait=False)
        self.inserted = None

    def pull(self):
        """Takes the card out in the middle of whatever it does."""
        self.slot.tear(wait=False)
        self.inserted = None

    def look(self, serial):
        """An independent look at the card in the reader: True, or False and a line that says why not."""
        argv = [sys.executable, os.path.join(HERE, 'look.py'), self.slot.reader,
                os.path.join(self.folder(serial), 'read'), self.station.path('etc/csca.pem')]
        try:
            done = subprocess.run(argv, env=self.station.pcscd.env(), capture_output=True, text=True, timeout=20)
        except subprocess.TimeoutExpired:
            say(f'{serial}: the reader does not answer')
            return False
        if done.returncode != 0:
            say(f'{serial}: looked at, not good: {done.stderr.strip() or done.returncode}')
            return False
        return 'sod_sha256' in json.loads(done.stdout)

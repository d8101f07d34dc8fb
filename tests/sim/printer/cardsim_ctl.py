#!/usr/bin/python3
"""The operator's hands at the simulated card printer (cardsim.c tells the shape of its directory).

cardsim_ctl.py DIR init                 an empty machine: 1000 ms per card, ribbon for 500 cards
cardsim_ctl.py DIR load FROM TO         blanks with these pre-printed serials behind those in the hopper
cardsim_ctl.py DIR set KEY VALUE        device_ms, ribbon, dpi
cardsim_ctl.py DIR next COMMAND         for the next card: jam, jam_feed, double_feed, die, exit N, refuse N, nohistory
cardsim_ctl.py DIR cover                opens the cover: the machine waits until `clear`
cardsim_ctl.py DIR clear                closes the cover, frees the path (a card inside comes out), and it goes on
cardsim_ctl.py DIR status               all of it as JSON
cardsim_ctl.py DIR take [CARD...]       lists the tray's cards as JSON and removes them (all, or those named)
"""
import contextlib
import fcntl
import json
import os
import re
import shutil
import sys

DEFAULTS = {"device_ms": 1000, "ribbon": 500}
COUNTERS = ("starts", "fed", "panels")


class Printer:
    def __init__(self, directory):
        self.dir = os.path.abspath(directory)

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def read(self, *parts):
        try:
            with open(self.path(*parts)) as f:
                return f.read().strip()
        except FileNotFoundError:
            return ""

    def write(self, text, *parts):
        draft = self.path(*parts) + ".draft"
        with open(draft, "w") as f:
            f.write(f"{text}\n")
        os.chmod(draft, 0o666)
        os.rename(draft, self.path(*parts))

    def init(self):
        """Any user may be the backend's, so everything is open to all."""
        for name in (".", "hopper", "path", "tray", "work", "supply"):
            os.makedirs(self.path(name), exist_ok=True)
            os.chmod(self.path(name), 0o777)
        for key, value in DEFAULTS.items():
            self.write(value, key)
        self.write("", "lock")
        return self

    def load(self, first, last):
        """Serials of one prefix and width, ascending or descending, as they lie in the stack."""
        a, b = (re.fullmatch(r"(.*?)(\d+)", s) for s in (first, last))
        if not a or not b or a[1] != b[1] or len(a[2]) != len(b[2]):
            raise ValueError("FROM and TO differ in prefix or width")
        low, high = int(a[2]), int(b[2])
        step = 1 if low <= high else -1
        for n in range(low, high + step, step):
            self.add_blank(f"{a[1]}{n:0{len(a[2])}}")

    def add_blank(self, serial):
        number = int(self.read("supply", "count") or 0) + 1
        card = f"{number:06}"
        self.write(number, "supply", "count")
        os.makedirs(self.path("supply", card))
        os.chmod(self.path("supply", card), 0o777)
        self.write(serial, "supply", card, "serial")
        self.write("blank", "supply", card, "state")
        os.rename(self.path("supply", card), self.path("hopper", card))

    def next(self, command):
        if not re.fullmatch(r"jam|jam_feed|double_feed|die|nohistory|(exit|refuse) \d+", command):
            raise ValueError(f"no such command: {command}")
        self.write(command, "next")

    def cover(self):
        self.write("cover", "fault")

    def clear(self):
        """As a person does it: the machine at work gives its card out by itself; one that stands is emptied by hand."""
        with self.stopped() as idle:
            for card in self.cards("path") if idle else ():
                if card["state"] != "ok":
                    self.write("half", "path", card["card"], "state")
                os.rename(self.path("path", card["card"]), self.path("tray", card["card"]))
        if os.path.exists(self.path("fault")):
            os.unlink(self.path("fault"))

    @contextlib.contextmanager
    def held(self):
        """Meanwhile a card that is fed stays inside, half printed."""
        self.write("", "hold")
        try:
            yield
        finally:
            os.unlink(self.path("hold"))

    @contextlib.contextmanager
    def stopped(self):
        """True when no program holds the machine; then none can begin meanwhile."""
        fd = os.open(self.path("lock"), os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield True
        except BlockingIOError:
            yield False
        finally:
            os.close(fd)

    def busy(self):
        with self.stopped() as idle:
            return not idle

    def cards(self, place):
        """The cards of hopper, path or tray in feed order: card, serial, state, job, front, back (paths or None)."""
        names = sorted(n for n in os.listdir(self.path(place)) if n.isdigit())
        return [self.card(place, name) for name in names]

    def card(self, place, name):
        def face(side):
            path = self.path(place, name, side)
            return path if os.path.exists(path) else None

        return {"card": name, "serial": self.read(place, name, "serial"), "state": self.read(place, name, "state"),
                "job": self.read(place, name, "job") or None, "front": face("front.png"), "back": face("back.png")}

    def events(self, kind=None, name=None):
        """The machine's own ledger, filtered by event and job name."""
        lines = [json.loads(line) for line in self.read("ledger").splitlines()]
        return [e for e in lines if kind in (None, e["event"]) and name in (None, e["name"])]

    def status(self):
        return {**{key: int(self.read(key) or 0) for key in (*DEFAULTS, *COUNTERS)}, "busy": self.busy(),
                "fault": self.read("fault") or None, "next": self.read("next") or None,
                "hopper": [c["serial"] for c in self.cards("hopper")], "path": self.cards("path"),
                "tray": self.cards("tray")}

    def take(self, *names):
        taken = [c for c in self.cards("tray") if not names or c["card"] in names]
        for card in taken:
            shutil.rmtree(self.path("tray", card["card"]))
        return taken


def main(argv):
    if len(argv) < 3:
        sys.exit(__doc__)
    printer, command, rest = Printer(argv[1]), argv[2], argv[3:]
    if command == "set" and len(rest) == 2 and rest[0] in DEFAULTS:
        printer.write(int(rest[1]), rest[0])
    elif command in ("status", "take"):
        print(json.dumps(getattr(printer, command)(*rest), indent=1))
    elif command == "next":
        printer.next(" ".join(rest))
    elif command in ("init", "load", "cover", "clear"):
        getattr(printer, command)(*rest)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv)

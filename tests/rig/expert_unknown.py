"""The expert at the UNKNOWN desk and at a line that holds: she looks, scans and answers what the station asks."""
import time

from .staff import Refused
from .station import LINE
from .supervisor import say

QUIET_S = 1.0  # the printer must have rested so long before "nothing came out" is believed
PROBE_S = 60   # the station's own look may take this long


class UnknownDesk:
    def init_unknown(self):
        self.open, self.jammed, self.quiet_since = [], set(), None
        self.strays, self.settled = [], set()  # cards that came out and should not have; those that are done with

    def unknown(self, *kinds):
        return [item for item in self.open if item['kind'] in kinds]

    def settle_unknown(self):
        """Prints are settled here; chips by inserting the card again (expert_chip)."""
        self.open = self.me.get('/v1/unknown')['unknown'] if self.status['counts']['unknown'] else []
        if not self.desk.resting():
            self.quiet_since = None
        elif self.quiet_since is None:
            self.quiet_since = time.monotonic()
        for item in self.unknown('print'):
            self.tell(item['serial'], 'print: outcome unknown')
            if self.desk.printer and self.desk.printer.read('fault'):
                self.jammed.add(item['serial'])
                self.desk.clear_printer()
            elif item['step'] == 'probed' and self.quiet_since and time.monotonic() - self.quiet_since > QUIET_S:
                self.settle_print(item)

    def by_two(self, where, body, *people):
        """An act that may take two people of two offices; the first may have asked already, and heard no answer."""
        people = people or (self.me, self.guard)
        for person in people:
            try:
                if not person.post(where, body).get('second_person_needed'):
                    break
            except Refused as no:
                if no.reason != 'same_person' or person is people[-1]:
                    raise

    def settle_print(self, item):
        serial, where = item['serial'], '/v1/unknown/' + item['intent']
        self.desk.clear_printer()
        hopper = self.desk.hopper()
        if not self.desk.seen() or serial in self.desk.tray():
            self.me.post(where, {'answer': 'came_out', 'serial': serial})
            say(f'{serial}: it came out')
            if not self.desk.seen():
                self.spoil_card(serial, 'power_fault', 'the print was interrupted')
        elif serial in hopper:
            answer = {'answer': 'none_came_out', 'serial': serial}
            self.by_two(where, answer)
            say(f'{serial}: no card came out, the blank lies in the hopper; two people have seen it')

    # ---- two cards at once, a line that holds ----------------------------------------------------------------------------------------

    def settle_hold(self):
        held = self.line['held']
        if not held:
            return
        self.tell('line', f'holds: {held["held"]} since {held["serial"]}')
        if held['held'] in ('serial_mismatch', 'face_mismatch') and self.desk.seen() and self.desk.resting():
            self.sort()

    def find_strays(self, tray):
        """A card that lies in the tray without having been expected, or came out blank: two were fed at once."""
        states = {card['serial']: card['state'] for card in self.in_work()}
        self.strays = []
        for serial, plastic in tray.items():
            if serial in self.settled or serial in self.spoiling:
                continue
            state = states.get(serial) or self.blank(serial).get('state')
            if state in ('room', 'spoiled', 'issued', 'accepted', 'verified'):
                self.settled.add(serial)
            elif state == 'hopper' or state == 'printed' and plastic['state'] == 'blank':
                self.strays.append(serial)
        if self.strays and not self.line['printing'] and not self.unknown('print') and self.desk.resting():
            self.tell('tray', f'{" ".join(self.strays)} came out unexpected: two cards were fed at once')
            self.sort()

    def sort(self):
        """After a double feed: every card that came out is scanned, and the next in the hopper."""
        cards = []
        for serial, plastic in self.desk.tray().items():
            if self.blank(serial).get('state') in ('printed', 'hopper'):
                face = self.desk.scan(plastic)
                cards.append({'serial': serial, 'face': face} if face else {'serial': serial})
        hopper = self.desk.hopper()
        body = {'cards': cards} | ({'next': hopper[0]} if hopper else {})
        self.by_two(f'/v1/lines/{LINE}/sort', body)
        say('line: sorted: ' + ' '.join(card['serial'] for card in cards))

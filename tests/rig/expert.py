"""The scripted expert: issues cards through the public API, as a careful person with two hands would.

She keeps no state that matters: each step() looks at the station (/v1/status, /v1/queue, /v1/unknown), at the tray and at
the reader, and does what is next. She knows what a person sees: the tray, the QR on a face, the serial under it, what
the station shows. A second person (the security officer) stands by for acts that take two.

    expert = Expert(station, Desk(station), cards=10, spoil=2)
    while not expert.finished():
        station.supervisor.tick()
        expert.step()
"""
import re
import time

from . import expert_chip, expert_unknown
from .plan import Spoiling
from .staff import Down, Refused
from .station import LINE
from .supervisor import say

PRINTABLE = ('offered', 'released', 'claimed', 'bound', 'authorised')
AHEAD = 3           # printed cards that may wait for the chip
STACK = 10          # blanks put into the hopper at a time
HQ_S = 0.4          # between two looks at headquarters' desk
STALLED_S = 180     # nothing changed for so long: give up
FIRST_SERIAL = 101
NOT_MINE = ('retry', 'operator', 'unknown')  # a refused print that says nothing about the applicant


class GaveUp(Exception):
    """The expert stops: what happened needs more than her."""


class Expert(expert_chip.Reader, expert_unknown.UnknownDesk):
    def __init__(self, station, desk, cards, spoil=0):
        self.station, self.desk, self.cards = station, desk, cards
        self.me, self.guard = station.person('expert'), station.person('security-officer')
        self.plan = Spoiling(spoil, cards)
        self.chosen, self.declined = [], {}      # applications she issues, and those that cannot be (why)
        self.rows, self.status, self.line = {}, None, None
        self.serials = FIRST_SERIAL - 1          # last blank entered
        self.stacked = self.serials              # last blank in the hopper
        self.said, self.handled = {}, set()
        self.rest_until = self.hq_at = 0
        self.changed = (None, time.monotonic())
        self.init_chip()
        self.init_unknown()

    # ---- looking --------------------------------------------------------------------------------------------------

    def tell(self, subject, text):
        """Says it once until something else is to be said about the subject."""
        if self.said.get(subject) != text:
            self.said[subject] = text
            say(f'{subject}: {text}')

    def look(self):
        self.status = self.me.get('/v1/status')
        self.line = next(line for line in self.status['lines'] if line['line'] == LINE)
        self.rows = {row['application']: row for row in self.me.get('/v1/queue?limit=1000')['applications']}

    def check_stall(self):
        key = (self.status['audit_seq'], len(self.chosen))
        if key != self.changed[0]:
            self.changed = (key, time.monotonic())
        elif time.monotonic() - self.changed[1] > STALLED_S:
            raise GaveUp(f'nothing has changed for {STALLED_S} s')

    def count(self, kind, *states):
        return sum(row['count'] for row in self.status['counts'][kind] if row['state'] in states)

    def in_work(self, *states):
        return [card for card in self.line['in_work'] if not states or card['state'] in states]

    def new_outcome(self, outcome):
        """True once for each outcome the station tells."""
        key = outcome and (outcome['what'], outcome['intent'], outcome['at'])
        if not key or key in self.handled:
            return False
        self.handled.add(key)
        return True

    # ---- one step -------------------------------------------------------------------------------------------------

    def step(self):
        """Does what can be done now. A core that is away, and a refusal, are taken up again at the next step."""
        try:
            self.look()
        except (Down, Refused) as no:
            self.tell('station', f'does not answer: {no}')
            return
        self.check_stall()
        for act in (self.settle_unknown, self.settle_hold, self.stock, self.worksheets, self.mind_printer, self.print_next,
                    self.inspect, self.work_at_reader, self.headquarters):
            try:
                act()
            except Refused as no:
                self.tell('station', f'{act.__name__}: {no}')
            except Down:
                return

    def finished(self):
        """All issued and reported, nothing open."""
        return (self.status is not None and len(self.chosen) == self.cards and not self.plan.open() and
                not any(a in self.rows for a in self.chosen) and not self.in_work() and not self.spoiling and
                not self.line['printing'] and not self.line['chipping'] and not self.unseen and
                self.status['counts']['unknown'] == 0 and self.status['portal']['pending'] == 0)

    # ---- blanks and worksheets ------------------------------------------------------------------------------------

    @staticmethod
    def serial(n):
        return f'SC-1405-{n:06d}'

    def stock(self):
        """More blanks when the hopper runs out: into the hopper, and then told to the station. Her telling may get no
        answer and have been heard: the stack lies there by then."""
        if self.line['hopper'] > 0 or not self.desk.resting():
            return
        first, last = self.serial(self.serials + 1), self.serial(self.serials + STACK)
        if self.stacked == self.serials:
            self.desk.load(first, last)
            self.stacked += STACK
        state = self.blank(first).get('state')
        if state is None:
            self.me.post('/v1/blanks', {'from': first, 'to': last})
        if state in (None, 'room'):
            self.me.post(f'/v1/lines/{LINE}/hopper', {'from': first, 'to': last})
        self.serials += STACK
        say(f'blanks {first} to {last} loaded')

    def blank(self, serial):
        try:
            return self.me.get('/v1/blanks/' + serial)
        except Refused as no:
            if no.reason == 'not_found':
                return {}
            raise

    def worksheets(self):
        for name, row in self.rows.items():
            if row['state'] not in PRINTABLE or name in self.declined:
                continue
            if row['worksheet_at']:
                if row['refusal'] and name in self.chosen:  # seen only after she had compared
                    self.decline(name, row['refusal'])
                continue
            if name not in self.chosen and len(self.chosen) >= self.cards:
                continue
            if row['refusal']:
                self.decline(name, row['refusal'])
            else:
                self.confirm_worksheet(name)

    def decline(self, name, why):
        self.declined[name] = why
        if name in self.chosen:
            self.chosen.remove(name)
            self.plan.give_back(name)
        self.tell(name, f'cannot be issued: {why}')

    def confirm_worksheet(self, name):
        """I-6.6: the certificate's data against the exam worksheet, and its number."""
        data = self.me.get('/v1/applications/' + name)
        sheet = data.get('worksheet')
        if not sheet or sheet['differences']:
            why = ' '.join(sheet['differences']) + ' differ' if sheet else data['problem']['reason']
            self.decline(name, why)
            return
        self.me.post(f'/v1/applications/{name}/worksheet', {'number': sheet['number']})
        self.tell(name, f'matches worksheet {sheet["number"]}')
        if name not in self.chosen:
            self.chosen.append(name)
            self.plan.choose(name)

    # ---- printing -------------------------------------------------------------------------------------------------

    def mind_printer(self):
        """What the printer asks for while it waits."""
        printing = self.line['printing']
        step = printing['step'] if printing else ''
        if step in ('printer_jam', 'printer_cover', 'ribbon_out', 'printer_failed'):
            self.tell(printing['serial'], step)
            self.jammed.add(printing['serial'])
            self.desk.clear_printer()

    def print_next(self):
        self.judge_print(self.line['printed'])
        busy = (self.line['printing'] or self.line['held'] or self.unknown('print') or self.line['hopper'] == 0 or
                self.strays)
        if busy or time.monotonic() < self.rest_until or len(self.in_work()) >= AHEAD:
            return
        has_card = {card['application'] for card in self.in_work()} | {item['application'] for item in self.open}
        for name in self.chosen:
            row = self.rows.get(name)
            if row and row['state'] in PRINTABLE and row['worksheet_at'] and name not in has_card:
                self.rest_until = time.monotonic() + 0.3
                self.me.post(f'/v1/lines/{LINE}/print', {'application': name})
                self.tell(name, 'sent to the printer')
                return

    def judge_print(self, outcome):
        if not self.new_outcome(outcome) or outcome['ok']:
            return
        error = outcome['error']['error'] if 'error' in outcome['error'] else outcome['error']
        self.tell(outcome['application'], f'print: {error["reason"]}: {error["text"]}')
        if error['reason'] == 'fenced':
            raise GaveUp('the portal has fenced this station')
        self.rest_until = time.monotonic() + 0.5
        if error['kind'] not in NOT_MINE and outcome['application'] in self.chosen:
            self.decline(outcome['application'], error['reason'])

    # ---- inspection (I-6.7) ---------------------------------------------------------------------------------------

    def inspect(self):
        tray = self.desk.tray()
        self.find_strays(tray)
        for card in self.in_work('printed') if not self.strays else ():
            serial = card['serial']
            if self.plan.due(card['application'], 'print'):
                self.spoil_planned(card, 'print')
            elif serial in self.spoiling:
                continue
            elif not self.desk.seen():
                self.accept(card, self.blank(serial)['face_code'])
            elif serial in tray:
                self.inspect_one(card, tray[serial])
            elif self.desk.inside() and self.desk.resting():
                self.desk.clear_printer()
        for card in self.in_work('accepted'):
            if self.plan.due(card['application'], 'accept'):
                self.spoil_planned(card, 'accept')

    def inspect_one(self, card, plastic):
        serial = card['serial']
        text = self.desk.scan(plastic) if plastic['state'] == 'ok' else None
        if text is None:
            jam = serial in self.jammed
            self.spoil_card(serial, 'card_jam' if jam else 'power_fault',
                            'jammed half way' if jam else 'half printed: the printer was interrupted')
        else:
            self.accept(card, text)

    def accept(self, card, face):
        self.me.post('/v1/inspect', {'serial': card['serial'], 'face': face, 'verdict': 'good'})
        self.tell(card['serial'], f'printed for {card["application"]}, good')

    # ---- headquarters ---------------------------------------------------------------------------------------------

    def headquarters(self):
        """I-8: a spoiled card's applicant waits for an authorisation. At our portal it is given at once."""
        waiting = [a for a in self.chosen if self.rows.get(a, {}).get('state') == 'awaiting_reissue']
        if not waiting or time.monotonic() < self.hq_at:
            return
        self.hq_at = time.monotonic() + HQ_S
        if self.station.portal:
            try:
                for grant in self.station.portal.authorise():
                    say(f'headquarters authorises a new card for {grant["application"]} after {grant["spoiled_serial"]}')
            except (OSError, RuntimeError, ValueError) as error:
                self.tell('headquarters', str(error).strip())
        else:
            self.hq_at += 2
            self.tell('headquarters', f'{" ".join(waiting)}: an authorisation is awaited at the portal')
        self.me.post('/v1/sync')


def applicants_issued(expert):
    """[(application, serial, registered)] of the live cards of the chosen applicants, as the station tells."""
    found = []
    for name in expert.chosen:
        data = expert.me.get('/v1/applications/' + name)
        live = [c for c in data['cards'] if c['serial'] and c['state'] == 'issued']
        if data['state'] == 'issued' and len(live) == 1 and re.fullmatch(r'[A-Z0-9-]{6,20}', live[0]['serial']):
            found.append((name, live[0]['serial'], bool(live[0]['registered'])))
    return found

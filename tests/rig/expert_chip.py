"""The expert at the reader: one card at a time is scanned, inserted, written, compared with its plastic, and taken out."""
import time

from .plan import FINAL, REFUSALS, STAGES
from .staff import Down, Refused
from .station import LINE
from .supervisor import say

TRIES = 12           # unfinished outcomes of one card before it is spoiled
HUNG = 6             # one at which the chip kept the station waiting counts for so many
SERVICE_DOWN = ('key_down', 'reader_gone', 'portal_down')  # says nothing about the card
LOOKS = 5            # tries of the independent look
REFUSED_IN_ROW = 9   # points: then it is not the cards
POINTS = {'chip_budget': 1, 'worker_lost': 1, 'card_removed': 1}  # of a refused card: what an accident may have done


class Reader:
    def init_chip(self):
        self.spoiling = {}        # serial: (cause, text), decided and not yet done
        self.tries, self.card_errors, self.lock_errors = {}, {}, {}
        self.looked, self.unseen = {}, {}  # serial: independent look was good; issued, still to be looked at
        self.bad_looks = set()
        self.refused_in_row, self.refusals, self.extra = 0, [], {}  # extra: spoiled unplanned, and why
        self.rest_chip = 0

    # ---- spoiling (I-8) -------------------------------------------------------------------------------------------

    def spoil_planned(self, card, stage):
        cause, text = STAGES[stage]
        if card['serial'] not in self.spoiling:
            self.plan.told(card['application'])
            self.spoil_card(card['serial'], cause, text, planned=True)

    def spoil_card(self, serial, cause, text, planned=False):
        """Decides it; it is done when the reader is free, since a written chip is made unverifiable first."""
        if serial not in self.spoiling:
            self.spoiling[serial] = (cause, text)
            say(f'{serial}: spoiled: {cause}, {text}')
            if not planned:
                self.extra[serial] = f'{cause}, {text}'

    def carry_out_spoil(self, serial):
        cause, text = self.spoiling[serial]
        body = {'cause': cause, 'text': text, 'line': LINE}
        if self.lock_errors.get(serial, 0) >= 2:
            body['no_chip'] = True  # the chip does not let itself be locked: the signed list of withdrawn serials
        answer = self.me.post(f'/v1/blanks/{serial}/spoil', body)
        if 'chipping' not in answer:
            self.end_spoil(serial)

    def end_spoil(self, serial):
        del self.spoiling[serial]
        self.unseen.pop(serial, None)
        self.looked.pop(serial, None)

    # ---- what is next at the reader -------------------------------------------------------------------------------

    def work_at_reader(self):
        self.judge_chip(self.line['chipped'])
        if self.line['chipping']:
            self.attend(self.line['chipping'])
            return
        if time.monotonic() < self.rest_chip:
            return
        self.drop_spoiled()
        self.find_issued()
        work = self.next_card()
        if not work:
            self.desk.take_out()
            return
        what, serial = work
        if self.desk.inserted not in (None, serial):
            self.desk.take_out()
        getattr(self, 'do_' + what)(serial)

    def next_card(self):
        """(what, serial): first what the card in the reader still needs, then open outcomes, then the oldest."""
        work = [('spoil', s) for s in self.spoiling]
        work += [('write' if item['kind'] == 'write' else 'lock', item['serial']) for item in self.unknown('write', 'lock')]
        work += [('look', s) for s in self.unseen]
        for card in self.in_work('verified'):
            work.append(('confirm' if self.line['shown'] == card['serial'] else 'write', card['serial']))
        work += [('write', card['serial']) for card in self.in_work('accepted')]
        work = [(what, s) for what, s in work if what == 'spoil' or s not in self.spoiling]
        if not work or self.line['held'] and self.line['held']['held'] == 'line_stopped':
            work = [w for w in work if w[0] == 'spoil']
        return min(work, key=lambda w: w[1] != self.desk.inserted, default=None)

    def attend(self, chipping):
        """While the station works on a chip: the card must be in; a planned accident happens here."""
        serial = chipping['serial']
        card = next((c for c in self.in_work() if c['serial'] == serial), None)
        torn = self.plan.due(card['application'], 'write') if card else False
        if torn and chipping['mode'] == 'write' and chipping['step'] in ('written', 'reset', 'read', 'verify'):
            self.desk.pull()
            self.spoil_planned(card, 'write')
        elif serial in self.spoiling and chipping['mode'] != 'lock':
            self.desk.take_out()
        else:
            self.desk.put_in(serial)

    def drop_spoiled(self):
        for serial in list(self.spoiling):
            if self.blank(serial).get('state') == 'spoiled':
                self.tell(serial, 'is on the pile of spoiled cards')
                self.end_spoil(serial)

    def find_issued(self):
        """Chosen applicants that left the queue have a card; cards found spoiled after their report are taken up here."""
        for name in self.chosen:
            if name in self.rows or name in self.seen_issued():
                continue
            data = self.me.get('/v1/applications/' + name)
            live = [c for c in data['cards'] if c['state'] == 'issued']
            if len(live) != 1:
                continue
            card = {'application': name, 'serial': live[0]['serial']}
            if self.plan.due(name, 'report'):
                if live[0]['registered']:
                    self.spoil_planned(card, 'report')
            elif card['serial'] not in self.looked:
                self.unseen.setdefault(card['serial'], name)

    def seen_issued(self):
        """Applicants whose issued card needs nothing more."""
        return set(self.looked.values()) | set(self.unseen.values())

    # ---- doing it -------------------------------------------------------------------------------------------------

    def do_spoil(self, serial):
        try:
            self.carry_out_spoil(serial)
        except Refused as no:
            if no.reason == 'wrong_state' and self.blank(serial).get('state') == 'spoiled':
                self.end_spoil(serial)
            else:
                raise

    def do_lock(self, serial):
        """A lock whose outcome is unknown: the spoil is asked for again."""
        self.spoiling.setdefault(serial, ('other', 'the chip was being made unverifiable'))
        self.carry_out_spoil(serial)

    def do_write(self, serial):
        """The scan comes right before the card goes in, with the former one out for sure."""
        if self.desk.in_reader(serial) or self.desk.settled():
            self.me.post(f'/v1/lines/{LINE}/write', {'serial': serial})

    def do_look(self, serial):
        if not self.desk.put_in(serial):
            return
        good = self.desk.look(serial)
        n = self.tries[('look', serial)] = self.tries.get(('look', serial), 0) + 1
        if good or n >= LOOKS:
            name = self.unseen.pop(serial)
            self.looked[serial] = name
            if not good:
                self.bad_looks.add(serial)
            self.tell(serial, 'read by an independent program: verifies' if good else 'does not verify independently')
        else:
            self.rest_chip = time.monotonic() + 0.3

    def do_confirm(self, serial):
        """The chip's own photo and name against the plastic's; then it is issued, and the next card may come."""
        card = next(c for c in self.in_work('verified') if c['serial'] == serial)
        if self.plan.due(card['application'], 'verify'):
            self.spoil_planned(card, 'verify')
            return
        if self.plan.due(card['application'], 'write'):
            self.spoil_planned(card, 'write')
            return
        shown = self.me.get(f'/v1/lines/{LINE}/shown')
        photo = self.me.get(f'/v1/lines/{LINE}/shown/photo')
        wanted = self.me.get('/v1/applications/' + card['application'])['certificate']
        holder = shown['chip']['holder']
        same = (shown['serial'] == serial and
                all(holder[k] == wanted[k] for k in ('given_fa', 'family_fa', 'national_id')) and
                photo == self.me.get(f'/v1/applications/{card["application"]}/photo'))
        self.me.post(f'/v1/blanks/{serial}/confirm', {'match': same})
        if same:
            self.refused_in_row = 0
            self.tell(serial, f'issued to {card["application"]}')
        else:
            self.spoil_card(serial, 'print_data', 'the chip holds other data than the face')

    def hands(self):
        """Only puts in the card that the station asks for, for whoever works with it by hand."""
        try:
            self.look()
        except (Down, Refused):
            return
        if self.line['chipping']:
            self.desk.put_in(self.line['chipping']['serial'])

    # ---- outcomes -------------------------------------------------------------------------------------------------

    def judge_chip(self, outcome):
        if not self.new_outcome(outcome) or outcome['ok']:
            return
        serial, error = outcome['serial'], outcome['error'].get('error', outcome['error'])
        self.tell(serial, f'{outcome["what"]}: {error["reason"]}: {error["text"]}')
        self.rest_chip = time.monotonic() + 0.2
        if serial in self.spoiling and outcome['what'] != 'lock':
            return
        if error['kind'] == 'card':
            self.judge_card(serial, outcome['what'], error['reason'])
        elif error['reason'] not in SERVICE_DOWN:
            self.desk.take_out()
            self.tries[serial] = self.tries.get(serial, 0) + (HUNG if 'deadline' in error['text'] else 1)
            if self.tries[serial] >= TRIES and outcome['what'] == 'lock':
                self.lock_errors[serial] = 2
            elif self.tries[serial] >= TRIES:
                self.refuse_card(serial, 'chip_mute', error['reason'])

    def judge_card(self, serial, what, reason):
        self.desk.take_out()
        if what == 'lock':
            self.lock_errors[serial] = self.lock_errors.get(serial, 0) + 1
            return
        self.card_errors[serial] = self.card_errors.get(serial, 0) + 1
        if reason in FINAL or self.card_errors[serial] >= 2:
            self.refuse_card(serial, REFUSALS.get(reason, 'chip_refused'), reason)

    def refuse_card(self, serial, cause, reason):
        self.refused_in_row += POINTS.get(reason, 3)
        self.refusals.append((serial, reason))
        self.spoil_card(serial, cause, f'the station says {reason}')

    def hopeless(self):
        """Why she stops: the chips are refused one after the other, and each such card has been put aside."""
        held = self.line and self.line['held'] and self.line['held']['held']
        if (held == 'line_stopped' or self.refused_in_row >= REFUSED_IN_ROW) and not self.spoiling:
            return 'chips are refused: ' + ', '.join(f'{s} {r}' for s, r in self.refusals)
        return None

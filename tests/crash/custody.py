"""After a card is issued: a blank that is missed, found, spoiled and sent away, one that is voided, a stray card.

Each step is asked for until the station shows what is wanted, whatever dies meanwhile: answers may be lost.
"""
import time

from rig.staff import Down, Refused

LIMIT_S = 60
MINUTES = {'minutes': 'M-1405-7', 'minutes_sha256': 'a5' * 32, 'no_chip': True}
LETTER = {'letter': 'L-1405-12'}


class Custody:
    def __init__(self, expert):
        self.expert, self.station, self.me = expert, expert.station, expert.me
        self.head, self.director = expert.station.person('assessment-head'), expert.station.person('director')

    def until(self, wanted, act):
        end = time.monotonic() + LIMIT_S
        why = ''
        while time.monotonic() < end:
            self.station.supervisor.tick()
            try:
                if wanted():
                    return
                act()
            except (Refused, Down) as no:
                why = str(no)
                time.sleep(0.05)
        raise TimeoutError(f'custody: {why}')

    def moved(self, serial, state, where, body, people=()):
        self.until(lambda: self.expert.blank(serial).get('state') == state,
                   lambda: self.expert.by_two(where, body, *people))

    def hold(self, serial):
        """A blank of the stock lies on the table: the line holds until the cards are sorted."""
        line = next(line for line in self.me.get('/v1/status')['lines'] if line['line'] == '1')
        if line['held']:
            body = {'cards': [{'serial': serial}], 'next': self.expert.desk.hopper()[0]}
            self.expert.by_two('/v1/lines/1/sort', body)
        else:
            self.me.post('/v1/found', {'scanned': serial})

    def cases(self, kind):
        return [c for c in self.me.get('/v1/cases?all=1')['cases'] if c['kind'] == kind]

    def run(self):
        stack = self.expert.desk.hopper()
        lost, gone = stack[-1], stack[-2]
        self.until(lambda: self.expert.blank(lost).get('state') == 'room', lambda: self.hold(lost))
        self.until(lambda: self.expert.blank(gone).get('state') == 'room', lambda: self.me.post('/v1/lines/1/unload'))
        self.moved(lost, 'missing', f'/v1/blanks/{lost}/missing', {})
        self.moved(lost, 'found', '/v1/found', {'scanned': lost})
        self.moved(lost, 'spoiled', f'/v1/blanks/{lost}/spoil', {'cause': 'card_surface', 'text': 'found on the floor'})
        self.moved(lost, 'dispatched', '/v1/dispatches', {'serials': [lost]} | LETTER)
        self.moved(lost, 'at_hq', '/v1/dispatches', {'serials': [lost], 'acknowledged': True} | LETTER)
        self.moved(gone, 'missing', f'/v1/blanks/{gone}/missing', {})
        self.moved(gone, 'void', f'/v1/blanks/{gone}/void', MINUTES, (self.head, self.director))
        self.until(lambda: self.cases('stray'), lambda: self.me.post('/v1/found', {'scanned': 'SC-9999-000001'}))

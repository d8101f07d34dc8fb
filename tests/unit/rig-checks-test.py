#!/usr/bin/python3
"""Each check of tests/rig/checks.py finds what it is for, in small ledgers made by hand; in the sound one, nothing.
Usage: rig-checks-test.py SOURCE-ROOT"""
import json
import os
import sqlite3
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(sys.argv.pop(1), 'tests'))
from rig import checks  # noqa: E402

AHEAD = checks.boot_ahead_ms()


class Sound:
    """One card made rightly, the milliseconds from 1000 on; a test breaks one thing of it."""

    def __init__(self, folder):
        self.folder = folder
        self.db = sqlite3.connect(':memory:')
        self.db.executescript(
            'CREATE TABLE audit(seq INTEGER PRIMARY KEY, t_boot, entity, subject, event, body);'
            'CREATE TABLE intent(id, kind, state, application, serial, payload, payload_sha256);'
            'CREATE TABLE blank(serial, state, application)')
        self.effects, self.chip, self.print_log = [], [], []
        self.cards = [{'application': 'A-1', 'serial': 'S-1', 'status': 'issued'}]
        self.plastic = {'tray': [{'serial': 'S-1', 'state': 'ok'}], 'hopper': [{'serial': 'S-2', 'state': 'blank'}],
                        'path': []}
        self('INSERT INTO blank VALUES(?,?,?)', 'S-1', 'issued', 'A-1')
        self('INSERT INTO blank VALUES(?,?,?)', 'S-2', 'hopper', None)
        self.intent(1000, 'begin', 'portal', None)
        self.effect(1010, 'begin', 'begin', None)
        self.row(1020, 'begin', 'done')
        self.intent(1100, 'print', 'print')
        self.row(1110, 'print', 'checkpoint', 'submitted')
        for ms, event in ((1120, 'start'), (1130, 'print'), (1140, 'end')):
            self.print_log.append({'ms': ms - AHEAD, 'event': event, 'name': 'print'})
        self.row(1150, 'print', 'done')
        self.intent(1200, 'write', 'write')
        self.row(1210, 'write', 'checkpoint', 'identified')
        self.change(1215, '80500000')
        self.change(1220, '84820300')
        self.row(1230, 'write', 'checkpoint', 'script')
        self.change(1240, '84E20000')
        self.change(1250, '84E28801')
        self.row(1260, 'write', 'done')
        self.intent(1300, 'report', 'portal')
        self.effect(1310, 'report', 'issuance', 'S-1')
        self.row(1320, 'report', 'done')

    def __call__(self, sql, *values):
        return self.db.execute(sql, values)

    def row(self, t, intent, event, step=None):
        self('INSERT INTO audit(t_boot, entity, subject, event, body) VALUES(?,?,?,?,?)', t, 'intent', intent, event,
             json.dumps({'step': step}))

    def intent(self, t, name, kind, serial='S-1'):
        portal = kind == 'portal'
        self('INSERT INTO intent VALUES(?,?,?,?,?,?,?)', name, name if portal else kind, 'done', 'A-1', serial,
             b'{}' if portal else None, 'hash' if portal else None)
        self.row(t, name, 'born')

    def effect(self, t, key, what, serial):
        self.effects.append({'key': key, 'what': what, 'payload_sha256': 'hash', 'mono_ns': (t - AHEAD) * 1e6,
                             'application': 'A-1', 'serial': serial})

    def change(self, t, header, sw='9000'):
        self.chip.append({'t': (t - AHEAD) / 1000, 'header': header, 'sw': sw})

    def move(self, t, intent, event, step=None):
        """The row is written at another time."""
        self('UPDATE audit SET t_boot=? WHERE subject=? AND event=? AND body=?', t, intent, event, json.dumps({'step': step}))

    # what the checks ask of ledger, printer and portal
    def rows(self, sql, *values):
        return self.db.execute(sql, values).fetchall()

    when, born, steps = checks.Ledger.when, checks.Ledger.born, checks.Ledger.steps

    def events(self, kind=None):
        return [e for e in self.print_log if kind in (None, e['event'])]

    def cards_at(self, place):
        return self.plastic[place]

    def ledger(self):
        return {'cards': self.cards, 'effects': self.effects}

    def verdict(self):
        path = os.path.join(self.folder, 'cards/S-1')
        os.makedirs(path, exist_ok=True)
        with open(path + '/log', 'w') as f:
            f.writelines(json.dumps(event) + '\n' for event in self.chip)

        class Printer:
            events, cards = self.events, self.cards_at
        return [*checks.check_printer(self, Printer), *checks.check_chips(self, self.folder),
                *checks.check_portal(self, self), *checks.check_serials(self, Printer)]


class Checks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.sound = Sound(folder.name)
        self.addCleanup(self.sound.db.close)

    def found(self, *parts):
        """So many violations, and of each these words."""
        said = self.sound.verdict()
        self.assertEqual(len(said), len(parts), said)
        for sentence, part in zip(said, parts):
            self.assertIn(part, sentence)

    def test_sound(self):
        self.found()

    # ---- printer ----

    def test_two_starts(self):
        self.sound.print_log.append(dict(self.sound.print_log[0], ms=1300 - AHEAD))
        self.found('2 physical starts')

    def test_two_prints(self):
        self.sound.print_log.append(dict(self.sound.print_log[1], ms=1300 - AHEAD))
        self.found('2 physical prints')

    def test_start_without_intent(self):
        self.sound.print_log.append({'ms': 1300, 'event': 'start', 'name': 'stranger'})
        self.found('without intent stranger')

    def test_start_before_intent(self):
        self.sound.move(1125, 'print', 'born')
        self.found('before its intent was committed')

    def test_start_before_its_job(self):
        self.sound.move(1125, 'print', 'checkpoint', 'submitted')
        self.found('before its job was committed')

    def test_start_without_its_job(self):
        self.sound("DELETE FROM audit WHERE subject='print' AND event='checkpoint'")
        self.found('before its job was committed')

    def test_done_too_early(self):
        self.sound.move(1135, 'print', 'done')
        self.found('recorded as done before it ended')

    def test_nothing_printed(self):
        self.sound.print_log.clear()
        self.found('nothing was printed')

    # ---- chips ----

    def test_failed_authentications(self):
        self.sound.chip[1:1] = [{'t': (t - AHEAD) / 1000, 'header': '84820300', 'sw': '6300'} for t in (1217, 1218)]
        self.found('2 failed authentications')

    def test_attempt_not_counted(self):
        self.sound.chip.insert(0, {'t': (1213 - AHEAD) / 1000, 'header': '80500000', 'sw': '0000'})
        self.found('attempt 2 began before it was committed')

    def test_attempt_counted_late(self):
        self.sound.move(1225, 'write', 'checkpoint', 'identified')
        self.found('attempt 1 began before')

    def test_change_before_script(self):
        self.sound.move(1245, 'write', 'checkpoint', 'script')
        self.found('changed (84E20000) before its script')

    def test_change_with_the_script_of_another_session(self):
        self.sound.row(1251, 'write', 'checkpoint', 'identified')
        self.sound.change(1252, '80500000')
        self.sound.change(1253, '84E20000')
        self.found('changed (84E20000) before its script')

    def test_authentication_without_attempt(self):
        del self.sound.chip[0]
        self.found('authentication without an attempt', 'before its script was committed')

    def test_lost_line_end(self):
        """A line torn by a kill is no event."""
        self.sound.verdict()
        with open(self.sound.folder + '/cards/S-1/log', 'a') as f:
            f.write('{"t": 1')
        self.assertEqual(list(checks.check_chips(self.sound, self.sound.folder)), [])

    # ---- portal ----

    def test_portal_alone(self):
        self.sound.cards.append({'application': 'A-2', 'serial': 'S-9', 'status': 'issued'})
        self.found('portal alone says issued: S-9')

    def test_station_alone(self):
        self.sound.cards.clear()
        self.found('station alone says issued: S-1')

    def test_applied_twice(self):
        self.sound.effect(1315, 'report', 'issuance', 'S-1')
        self.found('applied report 2 times')

    def test_effect_without_intent(self):
        self.sound.effect(1315, 'stranger', 'claim', None)
        self.found('a claim without intent')

    def test_effect_before_intent(self):
        self.sound.move(1315, 'report', 'born')
        self.found('issuance before its intent was committed')

    def test_done_before_effect(self):
        self.sound.move(1305, 'report', 'done')
        self.found('recorded as done before the portal applied it')

    def test_other_bytes(self):
        self.sound.effects[1]['payload_sha256'] = 'other'
        self.found('another issuance than was asked for')

    def test_other_serial(self):
        self.sound.effects[1]['serial'] = 'S-2'
        self.found('another issuance than was asked for')

    def test_effect_missing(self):
        del self.sound.effects[0]
        self.found('begin begin is done here, and the portal does not know it')

    # ---- plastic ----

    def test_plastic_alone(self):
        self.sound.plastic['path'].append({'serial': 'S-7', 'state': 'ok'})
        self.found('S-7 is plastic alone')

    def test_row_alone(self):
        self.sound('INSERT INTO blank VALUES(?,?,?)', 'S-8', 'room', None)
        self.found('S-8 is a row alone')

    def test_blank_printed_on(self):
        self.sound.plastic['hopper'][0]['state'] = 'half'
        self.found('counts as blank and was printed on')

    def test_issued_not_in_tray(self):
        self.sound.plastic['path'], self.sound.plastic['tray'] = self.sound.plastic['tray'], []
        self.found('is issued and lies ok in the path')

    # ---- fsck ----

    def test_fsck_waits_and_tells(self):
        class Station:
            answers = [(7, 'not quiescent'), (7, 'core down'), (0, 'ok')]
            asked = []

            class supervisor:
                @staticmethod
                def tick():
                    pass

            @classmethod
            def fsck(cls, *options):
                cls.asked.append(options)
                return cls.answers.pop(0) if len(cls.answers) > 1 else cls.answers[0]
        self.assertEqual(list(checks.check_fsck(Station)), [])
        self.assertEqual(Station.asked, [('--portal',)] * 3)
        Station.answers = [(9, 'one-live-card: A-1')]
        self.assertEqual(list(checks.check_fsck(Station)), ['fsck (9): one-live-card: A-1'])


unittest.main(argv=[sys.argv[0]])

#!/usr/bin/python3
"""The approval chain of the reference portal (A-A1 to A-B3, I-9.1, S4): a whole case is played to an approval that the
station's own decoder accepts, each refusal is provoked, and the working days are counted over weekends, Nowruz and a
leap year.

usage: portal-chain-test.py READ-PORTAL (MOHR_BUILD: where portal-sim is)"""
import base64
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig.portal import PortalSim  # noqa: E402
from scenario.contract import Contract  # noqa: E402

READ = sys.argv[1]
contract = Contract()

# Leap years by the University of Tehran's Calendar Center; each last day of Esfand by ICU 72. The years about 1403, 1436
# and 1469 are those where the 2820-year arithmetic of libjalali errs.
KNOWN = {'2021-03-20': '1399/12/30', '2021-03-21': '1400/01/01', '2025-03-19': '1403/12/29', '2025-03-20': '1403/12/30',
         '2025-03-21': '1404/01/01', '2026-03-20': '1404/12/29', '2026-03-21': '1405/01/01', '2030-03-20': '1408/12/30',
         '2058-03-20': '1436/12/30', '2058-03-21': '1437/01/01', '2091-03-20': '1469/12/30', '2026-09-22': '1405/06/31',
         '2026-09-23': '1405/07/01'}
NOWRUZ = '1403/12/29 nationalisation of oil\n' + ''.join(
    f'{year}/01/{day}\n' for year in (1404, 1405) for day in ('01', '02', '03', '04', '12', '13'))
STAFF = {'exam_expert': 'exam-1', 'centre_head': 'head-1', 'assessment_head': 'assess-1', 'security': 'sec-1',
         'director': 'dir-1'}
CONFIRM = list(STAFF)[1:]
# Each confirmed within its days. Exam on 1405/08/20 = 2026-11-11, a Wednesday (Thursday and Friday are the weekend).
EXAM, BEFORE, DAY_OF_EXAM = '1405/08/20', '2026-11-10T20:29:59Z', '2026-11-10T20:30:00Z'
RECEIVED, ENTERED = '2026-11-11T10:00:00Z', '2026-11-15T06:00:00Z'
CONFIRMED = ['2026-11-16T06:00:00Z', '2026-11-17T06:00:00Z', '2026-11-18T06:00:00Z', '2026-11-18T09:00:00Z']
PAID = '2026-11-18T10:00:00Z'


def payload_of(jws):
    body = jws.split('.')[1]
    return json.loads(base64.urlsafe_b64decode(body + '=' * (-len(body) % 4)))


class Chain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='mohr-portal-chain-')
        cls.portal = PortalSim(os.path.join(cls.folder.name, 'portal')).start()
        cls.holidays = os.path.join(cls.folder.name, 'holidays')
        with open(cls.holidays, 'w') as f:
            f.write('# Nowruz\n\n' + NOWRUZ)
        for name, role, more in (('training-1', 'training_expert', ['--centre', 'c01']), ('it-1', 'it', []),
                                 ('exam-1', 'exam_expert', ['--centre', 'c01']), ('assess-1', 'assessment_head', []),
                                 ('sec-1', 'security', []), ('exam-2', 'exam_expert', ['--centre', 'c02']),
                                 ('head-1', 'centre_head', ['--centre', 'c01', '--by', 'training-1']),
                                 ('dir-1', 'director', ['--by', 'it-1'])):
            cls.portal.command('chain', 'account', '--name', name, '--role', role, *more)

    @classmethod
    def tearDownClass(cls):
        cls.portal.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.calendar()

    def calendar(self, weekend='thursday,friday', holidays='/dev/null'):
        return json.loads(self.portal.command('chain', 'calendar', '--weekend', weekend, '--holidays', holidays))

    def act(self, what, /, *args, **more):
        """The JSON line of an act; keywords are its options (on_worksheet: --on-worksheet)."""
        options = [word for key, value in more.items() for word in ('--' + key.replace('_', '-'), value)]
        return json.loads(self.portal.command('chain', what, *args, *options))

    def refused(self, reason, what, /, **more):
        """Nothing is changed by it: not the case, nor what stations see."""
        before = self.state()
        with self.assertRaises(RuntimeError) as caught:
            self.act(what, **more)
        self.assertIn(f'refused: {reason}: ', str(caught.exception))
        self.assertEqual(before, self.state())

    def state(self):
        return self.portal.command('chain', 'list', '--at', '2026-01-01T00:00:00Z'), self.items()

    def items(self):
        """{id: item} of the list a station reads, which fits the contract."""
        status, _, body = self.portal.client().call('GET', '/v1/applications?limit=100')
        self.assertEqual(200, status)
        page = json.loads(body)
        contract.named('ApplicationPage').validate(page)
        return {item['id']: item for item in page['items']}

    def verdict(self, application):
        """What the station's decoder says of it."""
        _, _, body = self.portal.client().call('GET', '/v1/applications?limit=100')
        done = subprocess.run([READ, 'applications', self.portal.ca], input=body, stdout=subprocess.PIPE, check=True)
        return dict(line.split(' ', 1) for line in done.stdout.decode().splitlines())[application]

    def register(self, at=BEFORE, **more):
        return self.act('register', **{'by': 'exam-1', 'centre': 'c01', 'exam': EXAM, 'at': at, **more})['id']

    def received(self, **more):
        one = self.register(**more)
        self.act('receive', by='exam-1', application=one, at=RECEIVED)
        return one

    def enter(self, one, at=ENTERED, **more):
        return self.act('enter', **{'by': 'exam-1', 'application': one, 'theory': 1650, 'practical': 1825, 'at': at,
                                    **more})

    def confirm(self, one, n, at=None):
        return self.act('confirm', by=STAFF[CONFIRM[n]], application=one, at=at or CONFIRMED[n])

    def directed(self, **more):
        one = self.received(**more)
        self.enter(one)
        for n in range(4):
            self.confirm(one, n)
        return one

    def pay(self, one):
        return self.act('pay', application=one, amount=100000, unit='toman', reference='777-1', at=PAID)

    def test_whole_case(self):
        one = self.register()
        self.assertNotIn(one, self.items())
        self.act('edit', by='exam-1', application=one, field='given_en', value='Alireza', at=BEFORE)
        waiting = self.act('receive', by='exam-1', application=one, at=RECEIVED)
        self.assertEqual(('exam_expert', '2026-11-15T20:29:59Z'), (waiting['waiting_for'], waiting['deadline']))
        waiting = self.enter(one)
        # 3, 7, 7 and 7 working days from the act before (R1)
        for n, deadline in enumerate(('2026-11-18', '2026-11-25', '2026-11-28', '2026-11-29')):
            self.assertEqual((CONFIRM[n], deadline + 'T20:29:59Z', False),
                             (waiting['waiting_for'], waiting['deadline'], waiting['overdue']))
            item = self.items()[one]
            self.assertEqual({'cursor', 'id', 'stage', 'held', 'waiting_for', 'deadline'}, set(item))
            self.assertEqual(('in_chain', CONFIRM[n], waiting['deadline']),
                             (item['stage'], item['waiting_for'], item['deadline']))
            waiting = self.confirm(one, n)
        self.assertEqual(('unpaid', 'approved not_paid'), (waiting['stage'], self.verdict(one)))
        self.assertEqual('approved', self.pay(one)['stage'])
        self.assertEqual('approved ok', self.verdict(one))
        payload = payload_of(self.items()[one]['approval'])
        contract.named('ApprovalPayload').validate(payload)
        self.assertEqual([[role, STAFF[role], at] for role, at in zip(STAFF, [ENTERED, *CONFIRMED])],
                         [[c['role'], c['by'], c['at']] for c in payload['confirmations']])
        self.assertEqual({'amount_rial': 1000000, 'reference': '777-1', 'at': PAID}, payload['payment'])
        self.assertEqual(('Alireza', 'c01', 1650, 1825),
                         (payload['certificate']['given_en'], payload['certificate']['centre']['code'],
                          payload['certificate']['skill']['theory_score'], payload['worksheet']['practical_score']))
        status, _, photo = self.portal.client().call('GET', '/v1/photos/' + payload['photo']['sha256'])
        self.assertEqual((200, payload['photo']['n_bytes']), (status, len(photo)))
        self.refused('chain_over', 'confirm', by='dir-1', application=one)
        self.refused('already_paid', 'pay', application=one, amount=1000000, unit='rial', reference='777-2')

    def test_seeds_and_chain_together(self):
        one = self.received()
        seeded = self.portal.seed(2)
        self.assertEqual(['approved ok'] * 2, [self.verdict(s['id']) for s in seeded])
        self.assertEqual('in_chain none', self.verdict(one))

    def test_renewal_and_replacement(self):
        one = self.directed(kind='renewal', old='1400/27/000123', exam='1400/08/20')
        self.pay(one)
        self.assertEqual(('approved ok', 'renewal'), (self.verdict(one), payload_of(self.items()[one]['approval'])['kind']))
        two = self.directed(kind='replacement', old='SC-1405-000007', minutes='B-12', exam='1404/08/20', field='family_fa',
                            value='رضایی')
        self.pay(two)
        payload = payload_of(self.items()[two]['approval'])
        self.assertEqual(('approved ok', 'replacement', 'رضایی', 'رضایی'),
                         (self.verdict(two), payload['kind'], payload['certificate']['family_fa'],
                          payload['worksheet']['family_fa']))
        call = {'by': 'exam-1', 'centre': 'c01', 'exam': EXAM, 'at': BEFORE}
        self.refused('old_certificate', 'register', kind='renewal', **call)
        self.refused('old_certificate', 'register', old='1400/27/000123', **call)
        self.refused('board_minutes', 'register', kind='replacement', old='1400/27/000123', **call)
        self.refused('edit_too_late', 'edit', by='exam-1', application=one, field='given_fa', value='رضا')

    def test_accounts(self):
        def refused(reason, role, *more, **options):
            self.refused(reason, 'account', role=role, **{'name': 'new-1', **options})
        refused('wrong_role', 'centre_head', centre='c01')                    # A-A1
        refused('wrong_role', 'centre_head', centre='c01', by='it-1')
        refused('wrong_role', 'centre_head', centre='c01', by='exam-1')
        refused('other_office', 'centre_head', centre='c02', by='training-1')
        refused('wrong_role', 'director', by='training-1')                    # A-A2
        refused('wrong_role', 'director', by='assess-1')
        refused('wrong_role', 'security', by='it-1')                          # A-A3
        refused('unknown_account', 'director', by='nobody')
        refused('unknown_role', 'king')
        refused('bad_centre', 'exam_expert')
        refused('bad_centre', 'security', centre='c01')
        refused('account_exists', 'security', name='assess-1')                # nobody holds both offices
        refused('bad_name', 'security', name='علی')

    def test_order_and_offices(self):
        one = self.register()
        self.refused('wrong_order', 'confirm', by='head-1', application=one)  # before the exam data came
        self.refused('exam_not_held', 'receive', by='exam-1', application=one, at=BEFORE)
        self.refused('wrong_role', 'receive', by='head-1', application=one, at=RECEIVED)
        self.act('receive', by='exam-1', application=one, at=DAY_OF_EXAM)
        self.refused('received', 'receive', by='exam-1', application=one, at=RECEIVED)
        marks = {'theory': 1650, 'practical': 1825, 'application': one, 'at': ENTERED}
        self.refused('wrong_role', 'enter', by='head-1', **marks)
        self.refused('other_office', 'enter', by='exam-2', **marks)
        self.refused('bad_score', 'enter', by='exam-1', **{**marks, 'theory': 10001})
        with self.assertRaisesRegex(RuntimeError, '--theory 16,50 is no number'):
            self.act('enter', by='exam-1', **{**marks, 'theory': '16,50'})
        self.refused('wrong_role', 'confirm', by='exam-1', application=one, at=ENTERED)
        self.refused('wrong_order', 'confirm', by='head-1', application=one, at=ENTERED)
        self.enter(one)
        self.refused('wrong_order', 'enter', by='exam-1', **marks)
        for n, role in enumerate(CONFIRM):
            for other in set(CONFIRM) - {role}:
                self.refused('wrong_order', 'confirm', by=STAFF[other], application=one, at=CONFIRMED[n])
            self.refused('wrong_role', 'confirm', by='it-1', application=one, at=CONFIRMED[n])
            self.refused('paid_too_early', 'pay', application=one, amount=1000000, unit='rial', reference='1',
                         at=CONFIRMED[n])
            self.confirm(one, n)
        self.refused('clock_back', 'pay', application=one, amount=1000000, unit='rial', reference='1', at=CONFIRMED[2])
        self.refused('unknown_application', 'confirm', by='head-1', application='C-1405-999999')

    def test_money_is_named(self):
        one = self.directed()
        for reason, more in (('missing', {'amount': 1000000}), ('bad_unit', {'amount': 1000000, 'unit': 'dollar'}),
                             ('wrong_amount', {'amount': 100000, 'unit': 'rial'}),
                             ('wrong_amount', {'amount': 1000000, 'unit': 'toman'})):
            self.refused(reason, 'pay', application=one, reference='1', at=PAID, **more)
        self.refused('bad_reference', 'pay', application=one, amount=1000000, unit='rial', reference='1 2', at=PAID)
        self.act('pay', application=one, amount=1000000, unit='rial', reference='1', at=PAID)
        self.assertEqual('approved ok', self.verdict(one))

    def test_mending_ends_with_the_day_before_the_exam(self):
        one = self.register()
        mend = {'by': 'exam-1', 'application': one, 'field': 'father_fa', 'value': 'حسن'}
        self.refused('wrong_role', 'edit', at=BEFORE, **{**mend, 'by': 'sec-1'})
        self.refused('bad_field', 'edit', at=BEFORE, **{**mend, 'field': 'sex'})
        self.refused('bad_value', 'edit', at=BEFORE, **{**mend, 'value': ''})
        self.refused('bad_value', 'edit', at=BEFORE, **{**mend, 'field': 'birth_date', 'value': '2001-02-30'})
        self.act('edit', at=BEFORE, **mend)  # the last second of that day in Iran
        self.refused('edit_too_late', 'edit', at=DAY_OF_EXAM, **mend)
        for exam in ('1404/12/30', '1405/13/01', '1405/07/31', '1405-08/20', '140508/20'):
            self.refused('bad_date', 'register', by='exam-1', centre='c01', exam=exam, at=BEFORE)
        self.refused('exam_over', 'register', by='exam-1', centre='c01', exam='1405/08/18', at=BEFORE)
        self.refused('other_office', 'register', by='exam-2', centre='c01', exam=EXAM, at=BEFORE)

    def test_rejection_goes_back_one_step(self):
        one = self.received()
        self.enter(one, on_worksheet=1700)
        self.confirm(one, 0)
        reject = {'by': 'assess-1', 'application': one, 'at': CONFIRMED[1]}
        self.refused('no_reason', 'reject', **reject)
        self.refused('no_reason', 'reject', reason=' \n', **reject)
        self.refused('wrong_order', 'reject', reason='marks differ', **{**reject, 'by': 'sec-1'})
        back = self.act('reject', reason='marks differ', **reject)
        self.assertEqual(('centre_head', '2026-11-22T20:29:59Z'), (back['waiting_for'], back['deadline']))
        self.assertEqual('centre_head', self.items()[one]['waiting_for'])
        back = self.act('reject', by='head-1', application=one, reason='the worksheet has 17.00', at=CONFIRMED[1])
        self.assertEqual('exam_expert', back['waiting_for'])
        self.refused('wrong_role', 'reject', by='exam-1', application=one, reason='no', at=CONFIRMED[1])
        self.enter(one, at=CONFIRMED[1], practical=1700)
        for n in range(4):
            self.confirm(one, n, at=CONFIRMED[3])
        self.pay(one)
        self.assertEqual('approved ok', self.verdict(one))
        history = self.act('show', application=one)['history']
        self.assertEqual(['register', 'receive', 'enter', 'confirm', 'reject', 'reject', 'enter', 'confirm', 'confirm',
                          'confirm', 'confirm', 'pay'], [act['what'] for act in history])
        self.assertEqual(['marks differ', 'the worksheet has 17.00'], [a['reason'] for a in history if a['reason']])

    def test_worksheet_that_differs_reaches_the_station(self):
        one = self.received()
        self.enter(one, on_worksheet=1700)
        for n in range(4):
            self.confirm(one, n)
        self.pay(one)
        self.assertEqual('approved ok practical_score', self.verdict(one))

    def test_overdue(self):
        one = self.received()
        self.enter(one)  # centre head: 2026-11-18, a Wednesday; then Thursday and Friday

        def late(at):
            lines = self.portal.command('chain', 'list', '--at', at).splitlines()
            found = next(line for line in map(json.loads, lines) if line['id'] == one)
            return found['overdue'], found['late_working_days']
        self.assertEqual((False, 0), late('2026-11-18T20:29:59Z'))
        self.assertEqual((True, 0), late('2026-11-18T20:30:00Z'))
        self.assertEqual((True, 2), late('2026-11-22T08:00:00Z'))
        self.confirm(one, 0, at='2026-11-22T08:00:00Z')
        history = self.act('show', '--at', '2026-11-22T08:00:00Z', application=one)['history']
        self.assertEqual([False, False, False, True], [act['late'] for act in history])

    def test_withdrawn_goes_no_further(self):
        one = self.received()
        self.portal.withdraw(one)
        self.refused('withdrawn', 'enter', by='exam-1', application=one, theory=1, practical=1, at=ENTERED)

    def deadline(self, at, exam):
        """When the exam expert's two working days (A-B1) end."""
        one = self.register(kind='renewal', old='1400/27/000123', exam=exam, at=at)
        return self.act('receive', by='exam-1', application=one, at=at)['deadline']

    def test_working_days(self):
        tuesday = '2026-11-17T06:00:00Z'
        self.assertEqual('2026-11-21T20:29:59Z', self.deadline(tuesday, EXAM))   # Wednesday, Saturday
        self.assertEqual('2026-11-21T20:29:59Z', self.deadline('2026-11-16T20:30:00Z', EXAM))  # Tuesday already
        self.assertEqual('2026-11-18T20:29:59Z', self.deadline('2026-11-16T20:29:59Z', EXAM))  # Monday still
        self.assertEqual('2026-11-22T20:29:59Z', self.deadline('2026-11-20T06:00:00Z', EXAM))  # received on a Friday
        self.calendar(weekend='friday')
        self.assertEqual('2026-11-19T20:29:59Z', self.deadline(tuesday, EXAM))

    def test_nowruz_and_leap_year(self):
        self.calendar(holidays=self.holidays)
        # Wednesday 1404/12/27; weekend; 1 to 4 Farvardin; Wednesday 1405/01/05
        self.assertEqual('2026-03-25T20:29:59Z', self.deadline('2026-03-17T06:00:00Z', '1404/08/20'))
        self.calendar(weekend='friday', holidays=self.holidays)
        # 1403/12/28, not the 29th, and 1403/12/30, which only a leap year has
        self.assertEqual('2025-03-20T20:29:59Z', self.deadline('2025-03-17T06:00:00Z', '1403/08/20'))
        # a day later: 1403/12/30; weekend; 1 to 4 Farvardin; 1404/01/05
        self.assertEqual('2025-03-25T20:29:59Z', self.deadline('2025-03-18T06:00:00Z', '1403/08/20'))

    def test_calendar_settings(self):
        self.assertEqual({'weekend': ['thursday', 'friday'], 'holidays': []}, self.calendar())
        set_ = self.calendar(weekend='friday', holidays=self.holidays)
        self.assertEqual((['friday'], 13, '1403/12/29'), (set_['weekend'], len(set_['holidays']), set_['holidays'][0]))
        wrong = os.path.join(self.folder.name, 'wrong')
        with open(wrong, 'w') as f:
            f.write('1405/01/01\n1404/12/30 not a leap year\n')
        for options, text in ((['--holidays', wrong], 'wrong:2: 1404/12/30'), (['--weekend', 'sabbath'], 'sabbath'),
                              (['--weekend', 'sunday,monday,tuesday,wednesday,thursday,friday,saturday'], 'working day')):
            with self.assertRaises(RuntimeError) as caught:
                self.portal.command('chain', 'calendar', *options)
            self.assertIn(text, str(caught.exception))
        self.assertEqual(set_, self.act('calendar'))  # undone whole

    def test_jalali(self):
        lines = self.portal.command('chain', 'days', '--from', '1900-01-01', '--to', '2100-12-31').splitlines()
        days = dict(line.split()[:2] for line in lines)
        self.assertEqual(73414, len(days))
        self.assertEqual(KNOWN, {day: days[day] for day in KNOWN})
        self.assertEqual(73414, len(set(days.values())))
        leap = {int(day[:4]) for day in days.values() if day.endswith('/12/30')}
        self.assertEqual([1375, 1379, 1383, 1387, 1391, 1395, 1399, 1403, 1408, 1412],
                         sorted(year for year in leap if 1371 <= year <= 1415))
        self.assertEqual('2026-11-21 1405/08/30 saturday working', next(x for x in lines if x.startswith('2026-11-21')))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[2:], verbosity=2)

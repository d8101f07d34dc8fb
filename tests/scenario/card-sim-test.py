#!/usr/bin/python3
"""The simulated card by itself, at the reader's end of vpcd's wire: every rule of tests/sim/card/README.md.

The host's SCP03 (tests/rig/scp03.py) is first proved on published bytes (tests/data/scp03-published.json)."""
import json
import os
import random
import subprocess
import unittest

from card_bench import APP, CARD_SIM, HOST, INSTALL, KDD, STATUS, CardTest, scp03, select
from rig.vpcd import CardGone

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'data', 'scp03-published.json')


def h(text):
    return bytes.fromhex(text)


class Published(unittest.TestCase):
    def setUp(self):
        with open(DATA) as f:
            self.data = json.load(f)

    def test_card_keys(self):
        for v in self.data['kdf3']:
            key = scp03.kdf3(h(v['master']), h(v['kdd']), v['key_id'])
            self.assertEqual(key, h(v['card_key']))
            if 'kcv' in v:
                self.assertEqual(scp03.kcv(key), h(v['kcv']))

    def test_channels(self):
        for v in self.data['channels']:
            with self.subTest(v['name']):
                channel = scp03.Channel([h(v[k]) for k in ('enc', 'mac', 'dek')], h(v['host_challenge']))
                self.assertTrue(channel.begin(h(v['init_update_response'])))
                if 'invoking_aid' in v and channel.i & 0x10:
                    self.assertEqual(channel.expected_challenge(h(v['invoking_aid'])), channel.card)
                self.assertEqual(channel.external_authenticate(int(v['security_level'], 16)), h(v['ext_auth']))
                answers = {a['after_command']: a for a in v.get('responses', [])}
                for k, c in enumerate(v['commands']):
                    wrapped = h(c['wrapped'])
                    self.assertEqual(channel.wrap(h(c['plain']), le=len(wrapped) == 6 + wrapped[4]), wrapped)
                    if k in answers:
                        plain = channel.unwrap(h(answers[k]['wrapped'] + answers[k]['sw']))
                        self.assertEqual(plain, h(answers[k]['plain'] + answers[k]['sw']))

    def open33(self):
        v = self.data['level33_opening']
        channel = scp03.Channel([h(v[k]) for k in ('enc', 'mac', 'dek')], h(v['host_challenge']))
        self.assertTrue(channel.begin(h(v['init_update_response'])))
        self.assertEqual(channel.external_authenticate(0x33), h(v['ext_auth']))
        return channel

    def test_level_33(self):
        v, channel = self.data['level33'], self.open33()
        wrapped = h(v['wrapped'])
        self.assertEqual(channel.wrap(h(v['plain']), le=False), wrapped)
        self.assertEqual(channel.unwrap(h(v['response']))[-2:], b'\x90\0')
        with self.assertRaises(ValueError):
            channel.unwrap(bytes([h(v['response'])[0] ^ 1]) + h(v['response'])[1:])

    def test_sequence(self):
        channel = self.open33()
        for step in self.data['sequence']['sequence']:
            wrapped = h(step['wrapped'])
            self.assertEqual(channel.wrap(h(step['plain']), le=len(wrapped) == 6 + wrapped[4]), wrapped)
            self.assertEqual(channel.unwrap(h(step['resp_wrapped'])), h(step['resp_plain']))


class Identity(CardTest):
    def test_keyless_discovery(self):
        atr = self.insert()
        check = 0
        for byte in atr[1:]:
            check ^= byte
        self.assertEqual((atr[0], check), (0x3B, 0))  # ISO/IEC 7816-3 8.2.5
        fci = self.send('00A4040000')
        self.assertTrue(fci.startswith(h('6F')) and h('8408A000000151000000') in fci and h('9F6501FF') in fci)
        self.assertEqual(self.send('00A4040005A00000015100'), fci)  # a part of the name
        self.assertEqual(self.send('80CA00E000'), h('E012C00401FF8810C00402FF8810C00403FF8810'))
        self.assertIn(h('640B06092A864886FC6B040370'), self.send('80CA006600'))
        self.assertEqual(self.send('80CA004500'), h('450A') + KDD)
        self.assertEqual(self.send('80CA00C100'), h('C103000000'))
        self.send('80CA006700', '6A88')

    def test_each_chip_id_is_its_own(self):
        ids, serials = set(), set()
        for k in range(4):
            self.insert(name='c%d' % k, kdd=KDD[:9] + bytes([k // 2]), serial='SC-%d' % (k % 2))
            cplc = self.send('80CA9F7F00')
            self.assertEqual((cplc[:3], len(cplc)), (h('9F7F2A'), 45))
            value = cplc[3:]
            ids.add(value[0:4] + value[16:18] + value[12:16])
            serials.add(value[12:16])
        self.assertEqual((len(ids), len(serials)), (4, 4))
        self.assertNotIn(KDD, ids)

    def test_folder_is_the_card(self):
        self.insert()
        cplc = self.send('80CA9F7F00')
        self.insert()
        self.assertEqual(self.send('80CA9F7F00'), cplc)
        self.assertIn('in use', self.refuse())
        self.child.stop()
        self.assertIn('KDD', self.refuse(MOHR_CARD_KDD='FF' * 10))
        self.assertIn('serial', self.refuse(MOHR_CARD_SERIAL='SC-9'))
        self.refuse(MOHR_CARD_DIR=self.card_dir('new'), MOHR_CARD_KDD=None)
        with open(os.path.join(self.card_dir(), 'state'), 'r+') as f:
            f.truncate(40)
        self.assertIn('damaged', self.refuse())

    def test_bad_settings(self):
        for name, value in (('CARD_PORT', None), ('CARD_KDD', '00'), ('SIM_ATR', '3'), ('SIM_SCP_I', '40'),
                            ('SIM_TEAR', '0'), ('SIM_TEAR', '3:later'), ('SIM_MAXLEN', '256'), ('SIM_T0', 'yes')):
            with self.subTest(name, value=value):
                self.refuse(**{'MOHR_' + name: value})
        done = subprocess.run([CARD_SIM, '--help'], capture_output=True, text=True, timeout=10)
        self.assertEqual(done.returncode, 0)
        self.assertIn('MOHR_CARD_DIR', done.stdout)

    def test_sigterm_takes_it_out_and_it_redials(self):
        self.insert()
        self.reader.eject()
        self.reader.wait()  # a restarted pcscd sees the card again
        self.send('00A4040000')
        self.assertEqual(self.child.stop(), 0)
        with self.assertRaises(CardGone):
            self.reader.send(h('00A4040000'))


class Channels(CardTest):
    def test_levels(self):
        self.insert()
        for level in (0x01, 0x03, 0x11, 0x13, 0x33):
            with self.subTest(level=level):
                channel = self.open(level)
                self.assertEqual(channel.expected_challenge(), channel.card)
                for _ in range(3):
                    self.assertIn(APP, self.secure(channel, STATUS))
                self.secure(channel, h('80F28002024F0B'), '6A80')
                self.assertTrue(self.secure(channel, h('80CA9F7F00')).startswith(h('9F7F2A')))

    def test_every_i(self):
        levels = {0x01: 0, 0x03: 0, 0x11: 0x20, 0x13: 0x20, 0x33: 0x40}
        for i in (0x00, 0x10, 0x20, 0x30, 0x60, 0x70, 0x01, 0x11, 0x21, 0x31, 0x61, 0x71):
            host = HOST * 2 if i & 1 else HOST
            self.insert(SCP_I='%02X' % i)
            for level, needs in levels.items():
                with self.subTest(i=i, level=level):
                    channel = scp03.Channel(self.keys, host)
                    self.send(select(b''))
                    self.assertTrue(channel.begin(self.send(channel.initialize_update())))
                    self.assertEqual((channel.i, len(channel.seq)), (i, 3 if i & 0x10 else 0))
                    lawful = needs == 0 or i & needs
                    self.send(channel.external_authenticate(level), '9000' if lawful else '6A86')
                    if lawful:
                        self.assertIn(APP, self.secure(channel, STATUS))

    def test_random_challenge_differs(self):
        self.insert(SCP_I='60')
        seen = set()
        for _ in range(3):
            seen.add(self.open().card)
        self.assertEqual(len(seen), 3)
        self.send(select(b''))
        self.send('80CA00C100', '6A88')

    def test_sequence_counter_is_durable(self):
        self.insert()
        self.assertEqual(self.open().seq, h('000001'))
        self.insert()
        self.assertEqual(self.open().seq, h('000002'))

    def test_wrong_mac_aborts(self):
        self.insert()
        for spoil in (-2, 6, 3):  # MAC, data, P2
            channel = self.open(0x33)
            apdu = bytearray(channel.wrap(STATUS))
            apdu[spoil] ^= 1
            self.send(bytes(apdu), '6982')
            self.send(channel.wrap(STATUS), '6982')  # for good
            self.send('80CA9F7F00', '6982')
            self.send('80500000082C8130E574247B1B00')  # a new channel may begin
        self.assertEqual(self.state()['tries'], '0')

    def test_bare_and_replayed_commands_abort(self):
        self.insert()
        for bare in (STATUS, h('80CA9F7F00'), INSTALL):
            channel = self.open(0x11)
            self.send(bare, '6982')
            self.send(channel.wrap(STATUS), '6982')
        channel = self.open(0x13)
        apdu = channel.wrap(STATUS)
        self.send(apdu)
        self.send(apdu, '6982')

    def test_without_le_under_r_mac(self):
        self.insert()
        channel = self.open(0x13)
        self.send(channel.wrap(STATUS, le=False), '6700')
        channel = self.open(0x03)
        self.assertEqual(self.reader.send(channel.wrap(STATUS, le=False)), h('9000'))

    def test_order(self):
        self.insert()
        for apdu, sw in ((INSTALL, '6982'), ('84E620000800000000000000000000', '6700'), ('84F24002084444444444444444', '6985'),
                         ('8482330010' + '00' * 16, '6985')):
            self.send(apdu, sw)
        channel = self.open(0x33)
        again = scp03.Channel(self.keys, HOST)
        again.begin(self.send(again.initialize_update()))
        self.send(channel.wrap(STATUS), '6985')  # the old channel is gone, the new one not yet open
        self.send(select(APP))
        self.send(again.initialize_update(), '6E00')

    def test_initialize_update_refusals(self):
        self.insert()
        for apdu, sw in (('80500000072C8130E574247B00', '6700'), ('80500100082C8130E574247B1B00', '6A88'),
                         ('80500001082C8130E574247B1B00', '6A86'), ('84500000082C8130E574247B1B00', '6E00'),
                         ('80500000082C8130E574247B1B', '6700')):
            self.send(apdu, sw)
        self.assertEqual(self.state()['seq'], '0')


class Hostile(CardTest):
    def test_any_bytes_are_answered(self):
        self.insert()
        dice = random.Random(7816)
        heads = [bytes.fromhex(x) for x in ('00A40400', '00A4020C', '00B00000', '80CA9F7F', '80500000', '84823300',
                                            '84E60000', '84E20800', '84D80081', '84F04080', '84F24002', '00C00000')]
        for _ in range(4000):
            apdu = dice.choice(heads) if dice.random() < 0.8 else dice.randbytes(dice.choice((2, 3, 4)))
            body = dice.randbytes(dice.choice((0, 0, 1, 2, 8, 16, 17, 40, 255)))
            apdu += dice.choice((b'', bytes([len(body)]), dice.randbytes(1))) + body + dice.choice((b'', b'\0'))
            answer = self.reader.send(apdu)
            self.assertTrue(2 <= len(answer) <= 258)
            self.assertIn(answer[-2] & 0xF0, (0x60, 0x90))
        self.assertEqual((self.state()['complete'], self.state()['app_life'], self.state()['kvn']), ('0', '7', '255'))
        self.assertTrue(self.child.alive())

    def test_inside_a_channel(self):
        """Lawfully protected nonsense: no length in a data field is believed."""
        self.insert()
        dice = random.Random(3)
        channel = self.open(0x13)
        for k in range(1500):
            if k % 25 == 0:
                self.secure(channel, INSTALL)
            body = dice.randbytes(dice.choice((0, 1, 2, 3, 5, 16, 60, 120, 239)))
            if dice.random() < 0.5:
                body = (dice.choice((b'\x01\x02\xff', b'\x01\x1e', b'\0\0\x10', b'\x30\x88\x11\x10', b'\x4f')) + body)[:239]
            head = dice.choice((b'\x80\xe2\x08\x00', b'\x80\xe2\x88\x00', b'\x80\xe6\x20\x00', b'\x80\xd8\x00\x81',
                                b'\x80\xf2\x40\x02', b'\x80\xf0\x40\x80', b'\x80\xca\x9f\x7f'))
            answer = channel.unwrap(self.reader.send(channel.wrap(head + bytes([len(body)]) + body if body else head)))
            self.assertGreaterEqual(len(answer), 2)
        self.assertEqual((self.state()['kvn'], self.state()['complete'], self.state()['tries']), ('255', '0', '0'))
        self.assertIn(APP, self.secure(channel, STATUS))


class Tries(CardTest):
    def fail(self, sw='6300'):
        channel = scp03.Channel(self.keys, HOST)
        channel.begin(self.send(channel.initialize_update()))
        apdu = bytearray(channel.external_authenticate(0x33))
        apdu[5] ^= 1
        self.send(bytes(apdu), sw)

    def test_ten_and_out(self):
        self.insert()
        for k in range(9):
            self.fail()
            if k == 4:
                self.insert()  # power does not help
        self.assertEqual(self.state()['tries'], '9')
        self.open()
        self.assertEqual(self.state()['tries'], '0')
        for _ in range(10):
            self.fail()
        self.insert()
        self.send('80500000082C8130E574247B1B00', '6983')
        self.assertEqual(self.state()['tries'], '10')

    def test_asking_costs_nothing(self):
        self.insert(WRONG_KEYS=1)
        channel = scp03.Channel(self.keys, HOST)
        for _ in range(12):
            self.assertFalse(channel.begin(self.send(channel.initialize_update())))
        self.assertEqual(self.state()['tries'], '0')
        self.send(channel.external_authenticate(0x33), '6300')
        self.assertEqual(self.state()['tries'], '1')

    def test_one_answer_per_challenge(self):
        self.insert()
        self.fail()
        self.send('8482330010' + '00' * 16, '6985')
        self.assertEqual(self.state()['tries'], '1')


class PutKey(CardTest):
    def command(self, keys, kvn=0x30, old=0x00, spoil_kcv=False):
        body = bytes([kvn])
        for key in keys:
            padded = key + bytes(-len(key) % 16)
            kcv = bytes(3) if spoil_kcv else scp03.kcv(key)
            body += bytes([0x88, len(padded) + 1, len(key)]) + scp03.cbc_encrypt(self.keys[2], bytes(16), padded)
            body += b'\x03' + kcv
        return bytes([0x80, 0xD8, old, 0x81, len(body)]) + body

    def test_rotation(self):
        for size in (16, 24, 32):
            with self.subTest(size=size):
                self.insert(name='c%d' % size)
                keys = [bytes([role]) * size for role in (1, 2, 3)]
                channel = self.open()
                answer = self.secure(channel, self.command(keys))
                self.assertEqual(answer, b'\x30' + b''.join(scp03.kcv(k) for k in keys))
                self.assertIn(APP, self.secure(channel, STATUS))  # this channel keeps its session keys
                self.insert(name='c%d' % size)
                self.assertIn(bytes([0xC0, 4, 1, 0x30, 0x88, size]), self.send('80CA00E000'))
                self.assertEqual(self.open(keys=keys, kvn=0x30).seq, h('000001'))
                self.send('8050FF00082C8130E574247B1B00', '6A88')
                old = scp03.Channel(self.keys, HOST)
                self.assertFalse(old.begin(self.send(old.initialize_update())))

    def test_refusals(self):
        self.insert()
        keys = [bytes([role]) * 16 for role in (1, 2, 3)]
        channel = self.open()
        self.secure(channel, self.command(keys, spoil_kcv=True), '6982')
        self.secure(channel, self.command(keys, kvn=0x80), '6A80')
        self.secure(channel, self.command(keys, old=0x20), '6A88')
        self.secure(channel, self.command(keys[:2]), '6A80')
        self.secure(channel, self.command(keys[:2] + [bytes(32)]), '6A80')
        self.assertEqual((self.state()['kvn'], self.state()['key_enc']), ('255', self.keys[0].hex().upper()))
        self.secure(channel, self.command(keys))
        self.keys = keys
        channel = self.open()
        self.secure(channel, self.command([bytes([9]) * 32] * 3, kvn=0x31, old=0x30), '6A80')  # the size stays


if __name__ == '__main__':
    unittest.main()

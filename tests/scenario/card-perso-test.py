#!/usr/bin/python3
"""The simulated card's data application: STORE DATA, commit, public reading, tearing, locking, faults on order."""
import os
import time
import unittest

from card_bench import APP, FILES, INSTALL, KDD, LOCK, STATUS, UNLOCK, CardTest, scp03, select, select_file
from rig.vpcd import CardGone

SOD = FILES[-1]


def store(p1, p2, data):
    return bytes([0x80, 0xE2, p1, p2, len(data)]) + data


class StoreData(CardTest):
    def begin(self, level=0x33):
        channel = self.open(level)
        self.secure(channel, INSTALL)
        return channel

    def assert_unreadable(self):
        self.send(select(APP))
        for fid, _ in FILES:
            self.send(select_file(fid), '6A82')
        self.send('00B09E0010', '6A82')

    def assert_complete(self, files=FILES):
        self.send(select(APP))
        for fid, content in files:
            self.assertEqual(self.read(fid), content)

    def test_personalise_and_read(self):
        for level in (0x01, 0x03, 0x13, 0x33):
            with self.subTest(level=level):
                self.insert(name='c%d' % level)
                self.assert_unreadable()
                self.personalise(level=level)
                self.assert_complete()
                self.insert(name='c%d' % level)
                self.assert_complete()
                self.assertEqual(self.state('c%d' % level)['complete'], '1')

    def test_complete_is_for_good(self):
        self.insert()
        channel = self.personalise()
        self.secure(channel, INSTALL, '6985')
        self.insert()
        self.secure(self.open(), INSTALL, '6985')
        self.assert_complete()

    def test_nothing_before_the_last_block(self):
        self.insert()
        channel = self.begin()
        for block in scp03.store_data(FILES)[:-1]:
            self.secure(channel, block)
        self.assert_unreadable()
        self.insert()
        self.assert_unreadable()
        self.personalise()
        self.assert_complete()

    def test_several_sessions(self):
        self.insert()
        self.personalise(FILES[:1])
        self.assert_unreadable()
        self.insert()
        self.personalise(FILES[1:])
        self.assert_complete()

    def test_sod_alone_readable(self):
        self.insert()
        self.personalise([SOD])
        self.assert_complete([SOD])
        self.send(select_file(0x0102), '6A82')

    def test_every_error_ends_the_session(self):
        com = b'\x01\x1e\x06\x60\x04\x5f\x01\x01\x30'
        sod = b'\x01\x1d\x03\x77\x01\x00'
        for name, blocks, sw in (
                ('gap', [(0x08, 0, com), (0x08, 2, sod)], '6A86'),
                ('again', [(0x08, 0, com), (0x08, 0, sod)], '6A86'),
                ('not from 0', [(0x08, 1, com)], '6A86'),
                ('no DGI bit', [(0x80, 0, com)], '6A86'),
                ('encrypted', [(0x68, 0, com)], '6A86'),
                ('BER-TLV', [(0x90, 0, com)], '6A86'),
                ('empty block', [(0x08, 0, b'')], '6700'),
                ('unknown DGI', [(0x08, 0, b'\x70\x01\x01\x00')], '6A88'),
                ('twice', [(0x08, 0, com + com)], '6A80'),
                ('after EF.SOD', [(0x08, 0, sod), (0x08, 1, com)], '6985'),
                ('length 0', [(0x08, 0, b'\x01\x1e\x00')], '6A80'),
                ('long form of 16', [(0x08, 0, b'\x01\x1e\xff\x00\x10' + bytes(16))], '6A80'),
                ('header cut', [(0x08, 0, com + b'\x01\x1d')], '6A80'),
                ('last too early', [(0x88, 0, com + b'\x01\x1d\x04\x77\x01\x00')], '6A80'),
                ('too large', [(0x08, 0, b'\x01\x02\xff\x80\x00')], '6A84')):
            with self.subTest(name):
                if not self.child:
                    self.insert()
                channel = self.begin()
                for block in blocks[:-1]:
                    self.secure(channel, store(*block))
                self.secure(channel, store(*blocks[-1]), sw)
                self.secure(channel, store(0x88, len(blocks), com), '6985')
                self.secure(channel, store(0x88, 0, com + sod), '6985')
        self.assert_unreadable()
        self.assertEqual(self.state()['complete'], '0')

    def test_session_ends_with_selection_reset_and_other_commands(self):
        self.insert()
        for ending in ('select', 'reset', 'install', 'lock'):
            with self.subTest(ending):
                channel = self.begin()
                self.secure(channel, store(0x08, 0, b'\x01\x1e\x01\x60'))
                if ending in ('select', 'reset'):
                    self.reader.control(2) if ending == 'reset' else self.send(select(APP))
                    self.send(channel.wrap(store(0x88, 1, b'\x01\x1d\x01\x77')), '6985' if ending == 'reset' else '6E00')
                elif ending == 'install':
                    self.secure(channel, INSTALL)
                    self.secure(channel, store(0x88, 1, b'\x01\x1d\x01\x77'), '6A86')
                else:
                    self.secure(channel, LOCK)
                    self.secure(channel, store(0x88, 1, b'\x01\x1d\x01\x77'), '6985')
        self.assertEqual(self.state()['complete'], '0')

    def test_256_blocks(self):
        self.insert()
        channel = self.begin(0x01)
        value = bytes(100 * 255 + 95 + 1)
        blocks = scp03.store_data([(0x0102, value)], room=100)
        self.assertEqual(len(blocks), 257)
        for block in blocks[:256]:
            self.secure(channel, bytes([block[0], block[1], 0x08]) + block[3:])
        self.secure(channel, store(0x88, 0, b'\0'), '6A86')

    def test_install_refusals(self):
        self.insert()
        other = APP[:-1] + b'\1'
        for body, sw in ((bytes([0, 0, 10]) + other + bytes(3), '6A88'), (bytes([0, 0, 10]) + APP + bytes(2), '6A80'),
                         (bytes([0, 1, 10]) + APP + bytes(3), '6A80'), (bytes(3), '6A80')):
            self.secure(self.open(), bytes([0x80, 0xE6, 0x20, 0, len(body)]) + body, sw)
        self.secure(self.open(), b'\x80\xe6\x0c' + INSTALL[3:], '6A86')
        self.insert(name='foreign', FOREIGN=1)
        self.send(select(APP), '6A82')
        self.secure(self.open(), INSTALL, '6A88')
        self.secure(self.open(), STATUS, '6A88')


class Reading(CardTest):
    def test_read_binary(self):
        self.insert()
        self.personalise()
        self.send(select(APP))
        photo = FILES[0][1]
        self.send('00B0000010', '6986')
        self.assertEqual(self.send('00B0820410'), photo[4:20])  # short file id, offset 4
        self.assertEqual(self.send('00B0010010'), photo[256:272])  # which made it current
        self.assertEqual(self.send('00B0000000'), photo[:256])
        self.assertEqual(self.send('00B0020000'), photo[512:])
        self.assertEqual(self.send('00B00200FF', '6282'), photo[512:])
        self.send('00B0025800', '6B00')
        self.send('00B07FFF00', '6B00')
        self.send('00B0810010', '6A82')
        self.send('00B0A20010', '6A86')
        self.send('00B00000', '6700')
        self.send('00A4020C020103', '6A82')
        self.assertEqual(self.send('00B0000004'), photo[:4])  # the current file stayed
        self.assertEqual(self.send('00A4000002011E00'), bytes.fromhex('6F0B800200068302011E8801F0'))
        self.assertEqual(self.send('00A4020402011D00')[:6], bytes.fromhex('620B80020304'))

    def test_bad_input(self):
        self.insert()
        self.send(select(APP))
        for apdu, sw in (('00A4', '6700'), ('00A40400', '9000'), (select(APP).hex(), '9000'),
                         ('00A4020C0301', '6700'), ('00A4020C03011E00', '6700'), ('00A4080C02011E', '6A86'),
                         ('00A4020102011E', '6A86')):
            self.send(apdu, sw)
        self.send(select(APP))
        for apdu, sw in (('00A4080C02011E', '6A86'), ('00A4020102011E', '6A86'), ('00A4020C03011E00', '6700'),
                         ('00B0000002000010', '6700'), ('00D6000001AA', '6D00'), ('80CA9F7F00', '6E00'), ('FF00000000', '6E00'),
                         ('01B0000010', '6881'), ('10B0000010', '6884'), ('00B00000000100', '6700'),
                         ('00A404020AF04952534B494C4C010000', '6A82'), ('00A4040004F049525300', '6A82'),
                         ('00A4040011' + '00' * 17, '6700')):
            with self.subTest(apdu):
                self.send(apdu, sw)
        self.assertEqual(self.send(select(APP))[2:14], b'\x84\x0a' + APP)

    def test_t0(self):
        self.assertEqual(self.insert(T0=1).hex()[:4], '3b18')
        self.send('00A4040000', '6C43')
        self.assertEqual(len(self.send('00A4040043')), 0x43)
        self.send(select(APP)[:-1], '6114')
        self.send('00C0000010', '6C14')
        self.assertEqual(self.send('00C0000014')[2:14], b'\x84\x0a' + APP)
        self.send('00C0000014', '6985')
        self.send('80CA9F7F00', '6E00')
        self.send('00A4040043')
        self.send('80CA9F7F00', '6C2D')
        self.send('80CA9F7F2D')
        channel = scp03.Channel(self.keys, KDD[:8])
        self.send(channel.initialize_update()[:-1], '6120')
        self.assertTrue(channel.begin(self.send('00C0000020')))
        self.send(channel.external_authenticate(0x33))
        self.send(channel.wrap(INSTALL, le=False), '6118')
        self.assertEqual(channel.unwrap(self.send('00C0000018') + b'\x90\0'), b'\0\x90\0')

    def test_shapes_on_order(self):
        self.assertEqual(self.insert(ATR='3B0454455354'), b'\x3b\x04TEST')
        self.insert(name='small', MAXLEN=120, MAXREAD=50)
        self.assertIn(bytes.fromhex('9F650178'), self.send(select(APP)))
        channel = self.open()
        self.secure(channel, INSTALL)
        with self.subTest('too long'):
            self.send(channel.wrap(store(0x08, 0, b'\1\2\xff\1\0' + bytes(110))), '6700')
        channel = self.open()
        self.secure(channel, INSTALL)
        for block in scp03.store_data(FILES, room=103):
            self.secure(channel, block)
        self.send(select(APP))
        self.send(select_file(0x0102))
        self.assertEqual(self.send('00B0000000'), FILES[0][1][:50])
        self.insert(name='slow', DELAY_MS=60, WRITE_MS=120)
        start = time.monotonic()
        self.send('00A4040000')
        self.assertGreater(time.monotonic() - start, 0.06)
        channel = self.open()
        self.secure(channel, INSTALL)
        start = time.monotonic()
        self.secure(channel, store(0x08, 0, b'\x01\x1e\x01\x60'))
        self.assertGreater(time.monotonic() - start, 0.18)

    def test_nonsense_on_order(self):
        self.insert(MUTE=2)
        self.send('00A4040000')
        self.assertEqual(self.reader.send(select(APP)), b'')
        self.insert(MUTE='2:short')
        self.send('00A4040000')
        self.assertEqual(len(self.reader.send(select(APP))), 1)
        self.insert(GARBAGE=1)
        self.assertEqual(len(self.send('80CA9F7F00')), 62)

    def test_factory_states(self):
        self.insert(name='p', PERSONALISED=1)
        self.send(select(APP))
        self.assertEqual(self.read(0x011D)[0], 0x77)
        self.secure(self.open(), INSTALL, '6985')
        folder = os.path.join(self.tmp.name, 'files')
        os.mkdir(folder)
        for fid, content in FILES:
            with open(os.path.join(folder, '%04X.bin' % fid), 'wb') as f:
                f.write(content)
        self.insert(name='f', PERSONALISED=folder)
        self.send(select(APP))
        for fid, content in FILES:
            self.assertEqual(self.read(fid), content)
        self.insert(name='l', LOCKED=1)
        self.send(select(APP), '6283')
        self.secure(self.open(), INSTALL, '6985')


class Locking(CardTest):
    def test_application(self):
        self.insert()
        channel = self.personalise()
        self.secure(channel, LOCK)
        self.secure(channel, LOCK, '6985')
        self.assertIn(b'\x9f\x70\x01\x8f', self.secure(channel, STATUS))
        self.insert()
        self.send(select(APP), '6283')
        self.send(select_file(0x011D), '6985')
        self.send('00B09D0010', '6985')
        self.insert(LOCK_SW='6A82')
        self.send(select(APP), '6A82')
        self.send('00B09D0010', '6D00')  # the issuer domain stayed selected
        channel = self.open()
        self.secure(channel, b'\x80\xf0\x40\x80\x0a' + bytes(10), '6A88')
        self.secure(channel, UNLOCK)
        self.secure(channel, UNLOCK, '6985')
        self.send(select(APP))
        self.assertEqual(self.read(0x011D), SOD[1])

    def test_card_states(self):
        self.insert()
        channel = self.personalise()
        for state, sw in ((0x07, '6985'), (0x7F, '6985'), (0x0F, '9000'), (0x01, '6985'), (0x7F, '9000')):
            self.secure(channel, bytes([0x80, 0xF0, 0x80, state]), sw)
        self.insert()
        self.send(select(APP), '6A82')
        self.send(select(b''), '6283')
        channel = scp03.Channel(self.keys, KDD[:8])
        channel.begin(self.send(channel.initialize_update()))
        self.send(channel.external_authenticate(0x33))
        self.secure(channel, bytes([0x80, 0xF0, 0x80, 0x0F]))
        self.send(select(APP))
        self.assertEqual(self.read(0x011D), SOD[1])
        self.secure(self.open(), bytes([0x80, 0xF0, 0x80, 0xFF]))
        self.insert()
        self.send(select(b''), '6A81')
        self.send('80500000082C8130E574247B1B00', '6985')
        self.assertTrue(self.send('80CA9F7F00'))


class Tearing(CardTest):
    """State-changing commands: 1 INITIALIZE UPDATE, 2 EXTERNAL AUTHENTICATE, 3 INSTALL, then the blocks."""

    def torn(self, n, when):
        """Personalises until the card goes; which command met the end."""
        self.insert(TEAR='%d:%s' % (n, when))
        try:
            self.personalise()
        except CardGone:
            self.assertEqual(self.child.wait(5), 3)
            return self.log()[-1]
        self.fail('not torn')

    def setUp(self):
        super().setUp()
        self.last = 3 + len(scp03.store_data(FILES))

    def test_last_block_before(self):
        self.assertEqual(self.torn(self.last, 'before')['note'], 'torn before')
        self.assertEqual(self.state()['complete'], '0')
        self.insert(TEAR='%d:before' % self.last)  # once in a card's life
        self.personalise()
        self.assertEqual(self.state()['complete'], '1')

    def test_last_block_after(self):
        log = self.torn(self.last, 'after')
        self.assertEqual((log['note'], log['what'], log['header'][:6], log['sw']),
                         ('torn after', 'store_data', '84E288', '9000'))
        self.insert()
        self.send(select(APP))
        self.assertEqual(self.read(0x011D), SOD[1])

    def test_every_place(self):
        for n in range(1, self.last):
            for when in ('before', 'after'):
                with self.subTest(n=n, when=when):
                    self.torn(n, when)
                    self.assertEqual(self.state()['complete'], '0')
                    self.assertEqual(self.state()['tries'], '0')
                    self.child.stop()
                    for name in ('state', 'log'):
                        os.unlink(os.path.join(self.card_dir(), name))

    def test_counter_moved_before_the_answer(self):
        self.torn(1, 'before')
        self.assertEqual(self.state()['seq'], '0')
        self.insert(name='after', TEAR='1:after')
        with self.assertRaises(CardGone):
            self.send('80500000082C8130E574247B1B00')
        self.assertEqual(self.state('after')['seq'], '1')

    def test_comes_back_by_itself(self):
        self.insert(TEAR='3', TEAR_OUT_MS=150)
        start = time.monotonic()
        with self.assertRaises(CardGone):
            self.personalise()
        self.reader.wait()
        self.assertGreater(time.monotonic() - start, 0.15)
        self.personalise()

    def test_killed_at_any_moment(self):
        for k in range(12):
            name = 'k%d' % k
            self.insert(name=name)
            channel = self.open()
            self.secure(channel, INSTALL)
            for block in scp03.store_data(FILES)[:-1]:
                self.secure(channel, block)
            last = channel.wrap(scp03.store_data(FILES)[-1])
            self.reader.link.sendall(len(last).to_bytes(2, 'big') + last)
            time.sleep(k * 0.0003)
            self.child.kill()
            self.child.wait(5)
            self.insert(name=name)
            self.send(select(APP))
            if self.state(name)['complete'] == '1':
                for fid, content in FILES:
                    self.assertEqual(self.read(fid), content)
            else:
                for fid, _ in FILES:
                    self.send(select_file(fid), '6A82')

    def test_log_names_commands_and_no_data(self):
        self.insert()
        self.personalise()
        log = self.log()
        self.assertEqual([e['what'] for e in log[:4]], ['initialize_update', 'external_authenticate', 'install', 'store_data'])
        self.assertEqual(len(log), self.last)
        self.assertTrue(all(a['t'] <= b['t'] for a, b in zip(log, log[1:])))
        self.assertLess(abs(time.monotonic() - log[-1]['t']), 5)
        with open(os.path.join(self.card_dir(), 'log')) as f:
            self.assertNotIn(FILES[1][1].hex().upper(), f.read())


if __name__ == '__main__':
    unittest.main()

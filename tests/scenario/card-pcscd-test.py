#!/usr/bin/python3
"""The rig and the simulated card through a real private pcscd: opensc-tool as an independent client, insertion, removal,
restart, tearing, the 44 ms trap, and the system's pcscd left alone."""
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import unittest

from card_bench import APP, CARD_SIM, FILES, HOST, INSTALL, KDD, scp03, select, select_file
from rig import pcsc
from rig.pcscd import CLIENT, CardSlot, PrivatePcscd
from rig.procs import wait_for


class Station(unittest.TestCase):
    """One pcscd with two readers for all tests: libpcsclite keeps its socket name for the life of a process."""

    @classmethod
    def setUpClass(cls):
        cls.tmp = tempfile.TemporaryDirectory(prefix='card-pcscd-')
        cls.before = cls.system()
        cls.pcscd = PrivatePcscd(os.path.join(cls.tmp.name, 'pcscd'), readers=2).start()
        os.environ['PCSCLITE_CSOCK_NAME'] = cls.pcscd.socket

    @classmethod
    def tearDownClass(cls):
        cls.pcscd.stop()
        assert not os.path.exists(cls.pcscd.socket)
        assert cls.system() == cls.before, "the system's own socket was touched"
        cls.tmp.cleanup()

    @staticmethod
    def system():
        try:
            s = os.stat('/run/pcscd/pcscd.comm')
            return s.st_ino, s.st_mode
        except FileNotFoundError:
            return None

    def setUp(self):
        self.slot = CardSlot(self.pcscd, CARD_SIM)

    def tearDown(self):
        self.slot.remove()

    def folder(self, name):
        return os.path.join(self.tmp.name, self.id().rsplit('.', 1)[-1] + '-' + name)

    def insert(self, name='card', **sim):
        return self.slot.insert(self.folder(name), KDD, 'SC-1405-000123',
                                env={'MOHR_SIM_' + k: str(v) for k, v in sim.items()})

    def opensc(self, *apdus):
        argv = ['opensc-tool', '-r', self.slot.reader]
        for apdu in apdus:
            argv += ['-s', apdu]
        return subprocess.run(argv, env=self.pcscd.env(), capture_output=True, text=True, timeout=30).stdout

    def personalise(self, card, sent=None):
        """Every step's answer ends with 9000; sent counts commands."""
        channel = scp03.Channel(scp03.factory_keys(KDD), HOST)
        self.assertEqual(card.send(select(b''))[-2:], b'\x90\0')
        self.assertTrue(channel.begin(card.send(channel.initialize_update())[:-2]))
        self.assertEqual(card.send(channel.external_authenticate(0x33)), b'\x90\0')
        for apdu in [INSTALL] + scp03.store_data(FILES):
            answer = card.send(channel.wrap(apdu))
            if not answer:
                return False
            self.assertEqual(channel.unwrap(answer)[-2:], b'\x90\0')
        return True

    def test_opensc_tool_reads_a_personalised_card(self):
        self.insert()
        with pcsc.Context() as context, context.connect(self.slot.reader, exclusive=True) as card:
            self.assertTrue(self.personalise(card))
        text = self.opensc(select(APP).hex(), select_file(0x010B).hex(), '00B0000005')
        self.assertEqual(text.count('SW1=0x90, SW2=0x00'), 3)
        self.assertIn('6B 03 01 02 03', text)

    def test_commands_are_fast(self):
        self.insert()
        times = []
        with pcsc.Context() as context, context.connect(self.slot.reader) as card:
            for _ in range(200):
                start = time.perf_counter()
                card.send(select(b''))
                times.append(time.perf_counter() - start)
        self.assertLess(statistics.median(times), 0.010)  # 44 ms without TCP_QUICKACK

    def test_insertion_removal_and_swap(self):
        with pcsc.Context() as context:
            for k in range(3):
                self.insert('card%d' % k)
                bits, atr, _ = context.state(self.slot.reader)
                self.assertTrue(bits & pcsc.STATE_PRESENT and atr[:1] == b'\x3b')
                self.assertEqual(self.slot.remove(), 0)
                self.assertTrue(context.state(self.slot.reader)[0] & pcsc.STATE_EMPTY)

    def test_two_readers_hold_two_cards(self):
        other = CardSlot(self.pcscd, CARD_SIM, index=1)
        self.insert()
        other.insert(self.folder('other'), KDD[::-1], 'SC-1405-000124')
        try:
            mine, its = (subprocess.run([sys.executable, CLIENT, 'send', slot.reader, '80CA004500'], env=self.pcscd.env(),
                                        capture_output=True, text=True, timeout=30).stdout.strip()
                         for slot in (self.slot, other))
            self.assertEqual((mine, its), ('450A' + KDD.hex().upper() + '9000', '450A' + KDD[::-1].hex().upper() + '9000'))
        finally:
            other.remove()

    def test_another_card_program(self):
        self.slot.insert(self.folder('card'), KDD, 'SC-1', command='/usr/bin/env MOHR_SIM_ATR=3B0454455354 "%s"' % CARD_SIM)
        with pcsc.Context() as context:
            self.assertEqual(context.state(self.slot.reader)[1], b'\x3b\x04TEST')

    def test_t0_protocol_is_negotiated(self):
        self.insert(T0=1)
        with pcsc.Context() as context, context.connect(self.slot.reader) as card:
            self.assertEqual(card.protocol.value, 1)
            self.assertEqual(card.send(select(APP)[:-1])[:1], b'\x61')

    def test_torn_under_a_command_is_an_empty_answer(self):
        self.insert(TEAR='5:before')
        with pcsc.Context() as context, context.connect(self.slot.reader) as card:
            self.assertFalse(self.personalise(card))
        self.assertEqual(self.slot.child.wait(5), 3)

    def test_ripped_out(self):
        self.insert(DELAY_MS=50)
        self.slot.tear()
        with pcsc.Context() as context:
            self.assertTrue(context.state(self.slot.reader)[0] & pcsc.STATE_EMPTY)

    def test_program_that_is_no_card(self):
        with self.assertRaises(TimeoutError):
            self.slot.insert(self.folder('card'), KDD, 'SC-1', command='/bin/false', timeout=1)
        self.assertFalse(self.slot.present())

    def test_pcscd_restarts_and_the_card_dials_in_again(self):
        self.insert()
        for number in (signal.SIGTERM, signal.SIGKILL):
            self.pcscd.restart(number)
            self.assertTrue(self.pcscd.wait_card(self.slot.reader, True, 5))
            self.assertIn('SW1=0x90, SW2=0x00', self.opensc('80CA9F7F00'))
        self.pcscd.child.kill()
        wait_for(lambda: not self.pcscd.alive(), 5)
        self.pcscd.revive()
        self.assertTrue(self.pcscd.wait_card(self.slot.reader, True, 5))


if __name__ == '__main__':
    unittest.main()

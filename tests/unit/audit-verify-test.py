#!/usr/bin/python3
"""mohr-audit-verify against a forger with root: every kind of tampering is found and the row named.
Usage: audit-verify-test.py MOHR_AUDIT_VERIFY MAKE_LEDGER FAILING (the verifier over fail-calls.c)

The forger computes hashes from the description in daemon/core/ledger/audit.h, in Python, as the product does not."""
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import unittest

VERIFY, MAKE, FAILING = sys.argv[1:4]
COLUMNS = ('seq', 'epoch', 'boot_id', 't_wall', 't_boot', 'actor', 'role', 'event', 'entity', 'subject', 'from_state',
           'to_state', 'intent', 'body')


def netstring(value):
    if value is None:
        return b'-1:,'
    data = str(value).encode()
    return b'%d:%s,' % (len(data), data)


def row_hash(prev, row):
    return hashlib.sha256(b'mohr-audit-v1\0' + prev.encode() + b''.join(netstring(row[c]) for c in COLUMNS)).hexdigest()


class Forger:
    """A ledger that can be changed at will: no triggers, no constraints on the audit rows."""

    def __init__(self, source, path):
        shutil.copy(source, path)
        self.path, self.db = path, sqlite3.connect(path, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        for name, in self.db.execute("SELECT name FROM sqlite_schema WHERE type='trigger'").fetchall():
            self.db.execute(f'DROP TRIGGER {name}')
        self.db.execute('PRAGMA ignore_check_constraints=ON')
        self.db.execute('PRAGMA synchronous=OFF')
        self.db.execute('PRAGMA journal_mode=MEMORY')
        self.last = self.db.execute('SELECT max(seq) FROM audit').fetchone()[0]

    def __call__(self, sql, *values):
        return self.db.execute(sql, values)

    def row(self, seq):
        return dict(self('SELECT * FROM audit WHERE seq=?', seq).fetchone())

    def insert(self, row):
        self(f'INSERT INTO audit({", ".join(row)}) VALUES({", ".join("?" * len(row))})', *row.values())

    def rechain(self, first):
        """Gives every row from here on a chain of its own that holds in itself."""
        prev = self.row(first - 1)['hash'] if first > 1 else '0' * 64
        for row in self('SELECT * FROM audit WHERE seq>=? ORDER BY seq', first).fetchall():
            digest = row_hash(prev, dict(row))
            self('UPDATE audit SET prev=?, hash=? WHERE seq=?', prev, digest, row['seq'])
            prev = digest

    def loosen(self):
        """The audit table without types and keys, as another program could make it."""
        columns = ', '.join(self.row(1))
        self(f'CREATE TABLE loose({columns})')
        self('INSERT INTO loose SELECT * FROM audit')
        self('DROP TABLE audit')
        self('ALTER TABLE loose RENAME TO audit')


class AuditVerify(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.dir = tempfile.mkdtemp(prefix='mohr-audit-', dir='/dev/shm')  # hundreds of small transactions
        cls.addClassCleanup(shutil.rmtree, cls.dir)
        cls.good = cls.dir + '/good.db'
        subprocess.run([MAKE, cls.good], check=True)
        with sqlite3.connect(cls.good) as db:
            cls.rows = db.execute('SELECT seq, epoch, hash FROM audit ORDER BY seq').fetchall()
        cls.middle = len(cls.rows) // 2
        cls.anchored = [cls.middle // 2, cls.middle + 3, len(cls.rows) - 1]

    def setUp(self):
        path = os.path.join(self.dir, self.id().rsplit('.', 1)[1] + '.db')
        self.forger = Forger(self.good, path)
        self.addCleanup(self.forger.db.close)

    def anchors(self, rows=None, text=None):
        path = self.forger.path + '.anchors'
        with open(path, 'w') as f:
            for seq in rows if rows is not None else self.anchored:
                f.write(json.dumps(dict(zip(('seq', 'epoch', 'head'), self.rows[seq - 1]))) + '\n')
            f.write(text or '')
        return path

    def verify(self, *more):
        done = subprocess.run([VERIFY, *more, self.forger.path], capture_output=True, text=True, timeout=20)
        return done.returncode, done.stdout + done.stderr

    def good_still(self, *more):
        status, said = self.verify(*more)
        self.assertEqual(status, 0, said)
        self.assertIn(f'{len(self.rows)} rows', said)

    def found(self, row, what='', anchors=None):
        """The fault is found and this row (or this word) named first."""
        status, said = self.verify(*(['--anchors', anchors] if anchors else []))
        self.assertEqual(status, 1, said)
        first = said.split('\n')[0]
        self.assertTrue(first.startswith(f'row {row}: ' if isinstance(row, int) else row), said)
        self.assertIn(what, said)

    # ---- nothing wrong ----------------------------------------------------------------------------------------------

    def test_00_good(self):
        self.good_still()
        self.good_still('--anchors', self.anchors())
        self.good_still('--anchors', self.anchors(text='{"epoch":1,"seq":0,"head":"%s"}\n' % ('0' * 64)))

    def test_00_forger_agrees(self):
        """The forger's own hashes are the chain's: re-chaining an untouched ledger changes nothing."""
        self.forger.rechain(1)
        self.good_still('--anchors', self.anchors())

    def test_00_nothing_to_say(self):
        for argv in ([], [self.dir + '/none.db'], ['--anchors', self.dir + '/none', self.good], [__file__]):
            done = subprocess.run([VERIFY, *argv], capture_output=True, text=True)
            self.assertEqual(done.returncode, 2, (argv, done.stdout, done.stderr))
        bad = self.anchors([], '{"epoch":1,"seq":3,"head":"xyz"}\n')
        self.assertEqual(self.verify('--anchors', bad)[0], 2)

    # ---- twelve kinds of tampering ----------------------------------------------------------------------------------

    def test_01_row_deleted(self):
        for seq in (1, self.middle):
            self.forger('DELETE FROM audit WHERE seq=?', seq)
        self.found(2, f'row {self.middle + 1}: row {self.middle} before it is missing')

    def test_02_rows_swapped(self):
        one, two = self.middle, self.middle + 1
        for now, then in ((one, -1), (two, one), (-1, two)):
            self.forger('UPDATE audit SET seq=? WHERE seq=?', then, now)
        self.found(one, f'row {two}: ')

    def test_03_a_byte_in_each_column(self):
        for column in (*COLUMNS, 'prev', 'hash'):
            with self.subTest(column):
                was = self.forger.row(self.middle)[column]
                seq = self.middle if column != 'seq' else 10 ** 6
                new = 'e' if was is None else was + 1 if isinstance(was, int) else was[:-1] + ('0' if was[-1:] != '0' else '1')
                self.forger(f'UPDATE audit SET {column}=? WHERE seq=?', seq if column == 'seq' else new, self.middle)
                self.found(self.middle if column != 'seq' else self.middle + 1)
                self.forger(f'UPDATE audit SET {column}=? WHERE seq=?', was, seq)
        self.good_still()

    def test_04_tail_cut(self):
        """The chain holds in itself, the states do not; and an anchor remembers what is gone."""
        last = len(self.rows)
        self.forger('DELETE FROM audit WHERE seq>=?', last - 1)
        self.assertEqual(self.verify()[0], 1)
        status, said = self.verify('--anchors', self.anchors([last]))
        self.assertEqual(status, 1)
        self.assertIn(f'row {last}: an anchor (line 1) remembers it; the ledger ends at row {last - 2}', said)

    def test_05_rechained(self):
        """A role and a body changed, everything after hashed anew: only what others remember tells."""
        k = self.middle
        self.forger("UPDATE audit SET actor='p-other' WHERE seq=?", k)
        self.forger.rechain(k)
        self.forger('DELETE FROM intent WHERE kind=?', 'anchor')
        status, said = self.verify('--anchors', self.anchors())
        self.assertEqual(status, 1)
        self.assertIn(f'row {self.anchored[1]}: its hash is not the one of the anchor (line 2): rewritten between rows '
                      f'{self.anchored[0] + 1} and {self.anchored[1]}', said)

    def test_06_rolled_back(self):
        """Yesterday's whole ledger, consistent in itself."""
        ahead = {'epoch': 1, 'seq': len(self.rows) + 40, 'head': 'a' * 64}
        self.good_still()
        self.found(len(self.rows) + 40, f'the ledger ends at row {len(self.rows)}', self.anchors(text=json.dumps(ahead)))

    def test_07_anchor_edited(self):
        edited = {'epoch': 1, 'seq': self.middle, 'head': 'b' * 64}
        self.found(self.middle, 'or the anchor was edited', self.anchors(text=json.dumps(edited)))
        other_epoch = {'epoch': 2, 'seq': self.middle, 'head': self.rows[self.middle - 1][2]}
        self.found(self.middle, 'has epoch 1, the anchor (line 4) 2', self.anchors(text=json.dumps(other_epoch)))

    def test_08_sequence_twice(self):
        self.forger.loosen()
        row = self.forger.row(self.middle)
        self.forger.insert(row)
        self.found(self.middle, f'row {self.middle}: this sequence number stands twice')

    def test_09_row_inserted(self):
        """A forged row in the middle, those after it moved up by one, not hashed anew."""
        self.forger('UPDATE audit SET seq=-seq WHERE seq>?', self.middle)
        self.forger('UPDATE audit SET seq=-seq+1 WHERE seq<0')
        row = dict(self.forger.row(self.middle), seq=self.middle + 1, event='decide', from_state=None, to_state=None)
        row['prev'] = row['hash']
        row['hash'] = row_hash(row['prev'], row)
        self.forger.insert(row)
        self.found(self.middle + 2, 'does not follow the row before it')

    def test_10_state_without_audit(self):
        self.forger("UPDATE blank SET state='room', card=NULL, application=NULL WHERE serial='SC-000007'")
        self.found('blank SC-000007: is room, but row', 'left it spoiled')

    def test_10_rows_without_audit(self):
        self.forger("INSERT INTO blank(serial, state) VALUES('SC-999999', 'room')")
        self.found('blank SC-999999: is room without an audit row')
        self.forger("DELETE FROM blank WHERE serial IN ('SC-999999', 'SC-000008')")
        self.found('blank SC-000008: is gone')

    def test_11_epoch(self):
        self.forger('UPDATE audit SET epoch=2 WHERE seq=?', self.middle)
        self.forger.rechain(self.middle)
        self.found(self.middle + 1, 'epoch 1 after epoch 2')
        self.forger('UPDATE audit SET epoch=2 WHERE seq>?', self.middle)
        self.forger.rechain(self.middle)
        self.found('meta epoch', 'is 1, the last row\'s is 2')
        self.found('meta epoch', f'row {self.anchored[1]}: its hash', self.anchors())

    def test_12_null_and_empty(self):
        for column in ('from_state', 'to_state', 'intent'):
            with self.subTest(column):
                seq = self.forger(f'SELECT min(seq) FROM audit WHERE {column} IS NULL').fetchone()[0]
                self.forger(f"UPDATE audit SET {column}='' WHERE seq=?", seq)
                self.found(seq, 'its hash does not cover what it says')
                self.forger(f'UPDATE audit SET {column}=NULL WHERE seq=?', seq)
        self.good_still()

    def test_12_types(self):
        """'17' as text reads like 17: the hash is the same, the type is not."""
        self.forger.loosen()
        self.forger('UPDATE audit SET t_wall=CAST(t_wall AS TEXT) WHERE seq=?', self.middle)
        self.found(self.middle, 'column t_wall has the wrong type')

    def test_12_bytes_behind_a_nul(self):
        self.forger("UPDATE audit SET body=body||char(0)||'{\"granted\":true}' WHERE seq=?", self.middle)
        self.found(self.middle, 'its hash does not cover what it says')

    # ---- what a forger may leave in the files ------------------------------------------------------------------------

    def test_15_anchors_files(self):
        """Blank lines are nothing; each kind of wrong line is refused; anchors may come in any order."""
        rows = [dict(zip(('seq', 'epoch', 'head'), self.rows[i])) for i in (5, 2, 9)]
        self.good_still('--anchors', self.anchors([], '\n'.join(map(json.dumps, rows)) + '\n \t\n\n'))
        good = rows[0]
        for wrong in ('no json', '[]', {**good, 'epoch': 0}, {**good, 'seq': -1}, {**good, 'head': good['head'][:-1]},
                      {**good, 'head': good['head'][:-1] + 'G'}, {**good, 'epoch': 'x'}, {'seq': 1}):
            with self.subTest(wrong):
                path = self.anchors([], wrong if isinstance(wrong, str) else json.dumps(wrong))
                self.assertEqual(self.verify('--anchors', path)[0], 2)

    def test_15_anchor_of_a_missing_row(self):
        self.forger('DELETE FROM audit WHERE seq=?', self.middle)
        status, said = self.verify('--anchors', self.anchors([self.middle]))
        self.assertEqual(status, 1)
        self.assertIn(f'row {self.middle}: an anchor (line 1) remembers it; it is missing', said)

    def test_15_anchor_of_a_former_installation(self):
        """Anchors of epochs before this ledger's are about another file."""
        self.forger('UPDATE audit SET epoch=3')
        self.forger.rechain(1)
        self.forger("UPDATE meta SET value='3' WHERE key='epoch'")
        self.forger("UPDATE intent SET payload=NULL, kind='decide' WHERE kind IN ('report','anchor')")
        status, said = self.verify('--anchors', self.anchors([self.middle, 3]))
        self.assertEqual(status, 0, said)
        mixed = [{'epoch': e, 'seq': s, 'head': self.rows[0][2]} for e, s in ((2, 9), (1, 4), (2, 3), (1, 8))]
        self.assertEqual(self.verify('--anchors', self.anchors([], '\n'.join(map(json.dumps, mixed))))[0], 0)
        newer = json.dumps({'epoch': 3, 'seq': 1, 'head': self.forger.row(1)['hash']})
        self.assertEqual(self.verify('--anchors', self.anchors([self.middle], newer))[0], 0)

    def test_16_payload_without_head(self):
        for payload in (b'no json', b'{"seq":1}', b'{"audit_seq":"x","audit_head":"y"}', None):
            with self.subTest(payload):
                self.forger("UPDATE intent SET payload=? WHERE kind='anchor'", payload)
                self.forger("UPDATE intent SET payload_sha256=iif(payload IS NULL, NULL, 'x') WHERE kind='anchor'")
                status, said = self.verify()
                self.assertEqual(status, 1)
                self.assertIn('its payload names no audit head', said)
        self.forger("UPDATE intent SET payload=? WHERE kind='anchor'", b'{"audit_seq":0,"audit_head":"none yet"}')
        self.good_still()
        self.forger("UPDATE intent SET payload=? WHERE kind='anchor'", b'{"audit_seq":99999,"audit_head":"x"}')
        self.found('intent ', 'told the portal another head of row 99999')

    def test_16_intent_without_a_name(self):
        self.forger('CREATE TABLE loose AS SELECT * FROM intent')
        self.forger('DROP TABLE intent')
        self.forger('ALTER TABLE loose RENAME TO intent')
        self.forger("UPDATE intent SET id=NULL, payload='x' WHERE kind='anchor'")
        status, said = self.verify()
        self.assertEqual(status, 1)
        self.assertIn('its payload names no audit head', said)
        self.forger("UPDATE intent SET payload='{\"seq\":1,\"head\":\"x\"}' WHERE kind='anchor'")
        self.assertIn('told the portal another head of row 1 ', self.verify()[1])

    def test_17_numbers_that_cannot_be(self):
        """Rows before the first, an epoch 0, hashes of another length, or none."""
        self.forger.loosen()
        for column, value, what in (('seq', 0, 'no row may have this sequence number'), ('epoch', 0, 'epoch 0 after epoch 0')):
            with self.subTest(column):
                self.forger(f'UPDATE audit SET {column}=? WHERE seq=1', value)
                status, said = self.verify()
                self.assertEqual(status, 1)
                self.assertIn(what, said)
                self.forger(f'UPDATE audit SET {column}=1 WHERE {column}=?', value)
        for column in ('prev', 'hash'):
            for value in (None, 'short', 'f' * 64):
                with self.subTest((column, value)):
                    was = self.forger.row(self.middle)[column]
                    self.forger(f'UPDATE audit SET {column}=? WHERE seq=?', value, self.middle)
                    self.found(self.middle)
                    self.forger(f'UPDATE audit SET {column}=? WHERE seq=?', was, self.middle)
        self.good_still()

    def test_17_rows_without_words(self):
        """NULL where a word must be: named, and the rest is still checked."""
        self.forger.loosen()
        for column in ('entity', 'subject', 'event', 'actor'):
            with self.subTest(column):
                row = self.forger('SELECT seq, * FROM audit WHERE to_state IS NOT NULL AND seq>?', self.middle).fetchone()
                self.forger(f'UPDATE audit SET {column}=NULL WHERE seq=?', row['seq'])
                self.found(row['seq'], f'column {column} has the wrong type')
                self.forger(f'UPDATE audit SET {column}=? WHERE seq=?', row[column], row['seq'])
        self.good_still()

    def test_18_tables_without_words(self):
        """A blank with no serial, and one in no state."""
        self.forger('CREATE TABLE loose AS SELECT * FROM blank')
        self.forger('DROP TABLE blank')
        self.forger('ALTER TABLE loose RENAME TO blank')
        self.forger("INSERT INTO blank(serial, state) VALUES(NULL, 'room')")
        self.found('blank : is room without an audit row')
        self.forger("UPDATE blank SET state=NULL WHERE serial IS NULL")
        self.found('blank : is nothing without an audit row')
        self.forger('DELETE FROM blank WHERE serial IS NULL')
        self.forger("UPDATE blank SET state=NULL WHERE serial='SC-000007'")
        self.found('blank SC-000007: is nothing, but row')

    def test_18_many(self):
        """More things than the first table of states has places for."""
        for i in range(2000):
            self.forger("INSERT INTO blank(serial, state) VALUES(?, 'room')", f'XX-{i:06}')
        status, said = self.verify()
        self.assertEqual((status, said.count('without an audit row')), (1, 2000))

    def test_19_epoch_of_nobody(self):
        self.forger("DELETE FROM meta WHERE key='epoch'")
        self.found('meta epoch', 'is missing')
        self.forger('DELETE FROM audit')
        self.found('meta epoch', 'is missing')
        status, said = self.verify('--anchors', self.anchors([3]))
        self.assertIn('row 3: an anchor (line 1) remembers it; the ledger ends at row 0', said)
        self.forger("INSERT INTO meta VALUES('epoch', '1')")
        self.assertNotIn('meta epoch', self.verify()[1])

    def test_20_no_ledger(self):
        self.forger('DROP TABLE meta')
        status, said = self.verify()
        self.assertEqual((status, 'this is no ledger' in said), (2, True), said)

    def test_20_damaged_page(self):
        """The rows cannot be read to their end: nothing can be said."""
        page, = self.forger("SELECT rootpage FROM sqlite_schema WHERE name='audit'").fetchone()
        size, = self.forger('PRAGMA page_size').fetchone()
        self.forger.db.close()
        with open(self.forger.path, 'r+b') as f:
            f.seek((page - 1) * size)
            f.write(b'\xff' * size)
        self.assertEqual(self.verify()[0], 2)

    def test_20_locked(self):
        """Another program writes."""
        self.forger('BEGIN EXCLUSIVE')
        self.assertEqual(self.verify()[0], 2)
        self.forger('ROLLBACK')

    def test_20_hash_is_null(self):
        self.forger.loosen()
        self.forger('UPDATE audit SET hash=NULL WHERE seq=?', self.middle)
        status, said = self.verify('--anchors', self.anchors([self.middle]))
        self.assertEqual(status, 1)
        self.assertIn(f'row {self.middle}: its hash is not the one of the anchor (line 1)', said)

    def test_20_nothing_works(self):
        """Memory, SHA-256 or SQLite fail at the N-th call: nothing is said about the ledger, least of all "good"."""
        path = self.anchors()
        for function, said in (('malloc', 'out of memory'), ('calloc', 'out of memory'), ('realloc', 'out of memory'),
                               ('strndup', 'out of memory'), ('sqlite3_exec', self.forger.path),
                               ('EVP_MD_CTX_new', 'out of memory'), ('EVP_DigestInit_ex', 'SHA-256 fails'),
                               ('EVP_DigestUpdate', 'SHA-256 fails'), ('EVP_DigestFinal_ex', 'SHA-256 fails')):
            for n in (1, 2, 50, 10 ** 6):
                done = subprocess.run([FAILING, '--anchors', path, self.forger.path], capture_output=True, text=True,
                                      env={**os.environ, 'FAIL': f'{function}:{n}'})
                if done.returncode == 0:
                    self.assertGreater(n, 1, function)
                    self.assertIn(': good', done.stdout)
                    break
                self.assertEqual(done.returncode, 2, (function, n, done.stdout, done.stderr))
                self.assertIn(said, done.stderr)
                self.assertNotIn('good', done.stdout)

    def test_20_words(self):
        for argv, status, said in ((['--version'], 0, 'mohr-audit-verify '), (['--help'], 0, 'usage:'),
                                   (['--nonsense'], 2, 'usage:'), (['a', 'b'], 2, 'usage:')):
            done = subprocess.run([VERIFY, *argv], capture_output=True, text=True)
            self.assertEqual(done.returncode, status, argv)
            self.assertIn(said, done.stdout + done.stderr)

    # ---- what the rules of the machine add ---------------------------------------------------------------------------

    def test_13_illegal_step(self):
        """A spoiled serial brought back to stock with a perfect chain."""
        row = dict(self.forger.row(self.forger.last), seq=self.forger.last + 1, event='return', entity='blank',
                   subject='SC-000007', from_state='spoiled', to_state='room', intent=None, hash='-')
        self.forger.insert(row)
        self.forger.rechain(row['seq'])
        self.forger("UPDATE blank SET state='room', card=NULL, application=NULL WHERE serial='SC-000007'")
        self.found(row['seq'], "'return' does not lead from spoiled to room")

    def test_14_told_head(self):
        """The heads in the ledger's own reports and anchors contradict a new chain even without anchors."""
        told = self.forger("SELECT id FROM intent WHERE kind IN ('report', 'anchor')").fetchall()
        self.assertGreater(len(told), 4)
        self.forger("UPDATE audit SET actor='p-other' WHERE seq=2")
        self.forger.rechain(2)
        status, said = self.verify()
        self.assertEqual(status, 1)
        self.assertEqual(said.count('told the portal another head'), len(told), said)


if __name__ == '__main__':
    unittest.main(argv=[sys.argv[0]])

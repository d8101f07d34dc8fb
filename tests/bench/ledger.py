#!/usr/bin/python3
"""Prints how the core bears a ledger of 100,000 cards: time from its start to its first answer (goal 3 s), resident memory
(goal 64 MiB), and how fast it answers and issues on. Numbers are printed, not asserted.

One card is issued for real; its rows are then copied N times, with the triggers taken out for the copying. The copies'
audit rows are no chain, so `mohr fsck` has no place here."""
import os
import sqlite3
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from issue import Bench, since
from station import rss_kib
from rig.staff import Down

CARDS = int(os.environ.get('CARDS', '100000'))
TEXT = {  # what makes a copy its own; n is the copy's number
    'application': {'id': "'BIG-'||n"}, 'card': {'id': "printf('%036d', n)", 'application': "'BIG-'||n",
                                                 'face_code': "printf('%010d', n)"},
    'blank': {'serial': "printf('BIG-%07d', n)", 'application': "'BIG-'||n", 'card': "printf('%036d', n)",
              'chip_id': "printf('%020d', n)"},
    'chip': {'id': "printf('%020d', n)", 'serial': "printf('BIG-%07d', n)"},
    'person': {'application': "'BIG-'||n", 'national_id': "printf('%010d', n)", 'name_key': "name_key||n"},
    'intent': {'id': "substr(kind||'------------------------', 1, 12)||printf('%024d', n)",
               'application': "CASE WHEN application IS NULL THEN NULL ELSE 'BIG-'||n END",
               'card': "CASE WHEN card IS NULL THEN NULL ELSE printf('%036d', n) END",
               'serial': "CASE WHEN serial IS NULL THEN NULL ELSE printf('BIG-%07d', n) END"},
}
WHERE = {'application': "t.state='issued'", 'card': '1', 'blank': "t.state='issued'", 'chip': '1', 'person':
         "application=(SELECT id FROM application WHERE state='issued')", 'intent': "t.state='done'"}


def copy(db, table, n):
    columns = [row[1] for row in db.execute(f'PRAGMA table_info({table})')]
    values = ', '.join(TEXT[table].get(c, 't.' + c) for c in columns)
    db.execute(f'INSERT INTO {table} SELECT {values} FROM (SELECT * FROM {table} t WHERE {WHERE[table]}) t, copies', ())


def audit(db, n):
    last = db.execute('SELECT max(seq) FROM audit').fetchone()[0]
    columns = [row[1] for row in db.execute('PRAGMA table_info(audit)')]
    template = [r for r in db.execute('SELECT * FROM audit') if 'blank' in r or 'intent' in r or 'application' in r][-20:]
    seq, hash_at, subject = columns.index('seq'), columns.index('hash'), columns.index('subject')

    def rows():
        at = last
        for k in range(n):
            for row in template:
                at += 1
                row = list(row)
                row[seq], row[hash_at], row[subject] = at, '%064x' % at, 'BIG-%07d' % k
                yield row
    db.executemany('INSERT INTO audit VALUES(%s)' % ','.join('?' * len(columns)), rows())
    return len(template) * n


def grow(path, n):
    db = sqlite3.connect(path)
    db.execute('PRAGMA foreign_keys=OFF')
    triggers = [sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE type='trigger'")]
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='trigger'").fetchall():
        db.execute(f'DROP TRIGGER {name}')
    db.execute('CREATE TEMP TABLE copies(n INTEGER PRIMARY KEY)')
    db.executemany('INSERT INTO copies VALUES(?)', ((k,) for k in range(1, n + 1)))
    for table in TEXT:
        copy(db, table, n)
    n_audit = audit(db, n)
    for sql in triggers:
        db.execute(sql)
    db.commit()
    db.close()
    return n_audit


def answers(bench):
    try:
        return bench.me.get('/v1/status')
    except Down:
        return None


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '../../build')
    with tempfile.TemporaryDirectory(prefix='mohr-bench-', dir='/tmp') as folder:
        bench = Bench(folder, os.path.abspath(build), 4, 1000)
        try:
            bench.card(bench.names[0])
            mohrd = next(u for u in bench.station.supervisor.units if u.name == 'mohrd').alive.__self__
            mohrd.stop()
            path = next(os.path.join(folder, 'state', f) for f in os.listdir(os.path.join(folder, 'state'))
                        if f.endswith(('.db', '.sqlite', 'ledger')))
            n_audit = grow(path, CARDS)
            print('ledger: %d cards, %d audit rows, %.0f MiB' % (CARDS, n_audit, os.path.getsize(path) / 2**20))
            start = time.monotonic()
            mohrd.start()
            bench.wait(lambda: answers(bench), 120)
            print('start to first answer: %.2f s   goal 3' % since(start))
            print('core RSS: %.1f MiB at start' % (rss_kib(mohrd.child.pid) / 1024))
            for what in ('/v1/status', '/v1/queue', '/v1/queue?limit=1000', '/v1/blanks/BIG-0050000', '/v1/unknown'):
                ms = []
                for _ in range(20):
                    start = time.monotonic()
                    bench.me.get(what)
                    ms.append(since(start) * 1000)
                print('GET %-26s p50 %6.1f ms, max %6.1f' % (what, statistics.median(ms), max(ms)))
            for name in bench.names[1:3]:
                t, _ = bench.card(name)
                print('one more card (1 s of it is the printer): ' + ', '.join('%s %.3f s' % i for i in t.items()))
            print('core RSS: %.1f MiB after   goal 64' % (rss_kib(mohrd.child.pid) / 1024))
        finally:
            bench.close()


if __name__ == '__main__':
    main()

#!/usr/bin/python3
"""Prints the station's own time per card (goal 0.3 s beyond device time, with 1 s of printing and about 0.5 s of writing) and
the core's memory. Run: meson test --benchmark station, or tests/bench/run. Numbers are printed, not asserted."""
import os
import re
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from issue import Bench

PRINT_MS, WRITE_MS_PER_BLOCK = 1000, 6
CARDS = int(os.environ.get('CARDS', '6'))


def rss_kib(pid):
    with open(f'/proc/{pid}/status') as f:
        return int(re.search(r'VmRSS:\s+(\d+)', f.read())[1])


def main():
    os.environ['MOHR_SIM_WRITE_MS'] = str(WRITE_MS_PER_BLOCK)
    build = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), '../../build')
    with tempfile.TemporaryDirectory(prefix='mohr-bench-', dir='/tmp') as folder:
        bench = Bench(folder, os.path.abspath(build), CARDS, PRINT_MS)
        try:
            mohrd = next(u for u in bench.station.supervisor.units if u.name == 'mohrd').alive.__self__.child.pid
            before = rss_kib(mohrd)
            rows = []
            print('card   print-1s  inspect  chip-device  report  |  overhead s   (chip: APDUs, device ms, total ms)')
            for n, name in enumerate(bench.names[:CARDS]):
                t, chip = bench.card(name)
                own = [t['print'] - PRINT_MS / 1000, t['inspect'], t['chip'] - chip['ms_device'] / 1000, t['report']]
                rows.append(own)
                print('%4d   %8.3f  %7.3f  %11.3f  %6.3f  |  %10.3f   (%d, %d, %d)' % (
                    n + 1, *own, sum(own), chip['n_apdus'], chip['ms_device'], chip['ms_total']))
            print('median %8.3f  %7.3f  %11.3f  %6.3f  |  %10.3f   goal 0.300' % (
                *(statistics.median(c) for c in zip(*rows)), statistics.median(map(sum, rows))))
            print('core RSS: %d KiB at start, %d KiB after %d cards' % (before, rss_kib(mohrd), CARDS))
        finally:
            bench.close()


if __name__ == '__main__':
    main()

"""A clock that a test can set for the programs it starts (tests/crash/shifted.c).

    clock = Clock(folder + '/clock')
    Child([...], env={**os.environ, **clock.env()})
    clock.jump(station.mohrd, wall_s=-86400)      # somebody sets the date; the program goes on at once
    clock.sleep(3600, station.mohrd)              # the machine sleeps for an hour: wall and boot time
"""
import mmap
import os
import signal
import struct

from .portal import build_dir

NS = 1000000000


class Clock:
    def __init__(self, path):
        self.path, self.wall_s, self.boot_s = path, 0, 0
        with open(path, 'wb') as f:
            f.write(bytes(16))
        with open(path, 'r+b') as f:
            self.map = mmap.mmap(f.fileno(), 16)

    def env(self):
        return {'LD_PRELOAD': os.path.join(os.path.abspath(build_dir()), 'tests/crash/shifted.so'), 'MOHR_TEST_CLOCK': self.path}

    def set(self, wall_s, boot_s, *children):
        """The children stand still meanwhile, and look at their clock when they go on."""
        for child in children:
            os.kill(child.pid, signal.SIGSTOP)
        self.wall_s, self.boot_s = wall_s, boot_s
        self.map[:] = struct.pack('=qq', int(wall_s * NS), int(boot_s * NS))
        for child in children:
            os.kill(child.pid, signal.SIGCONT)

    def jump(self, *children, wall_s=0):
        self.set(self.wall_s + wall_s, self.boot_s, *children)

    def sleep(self, seconds, *children):
        self.set(self.wall_s + seconds, self.boot_s + seconds, *children)

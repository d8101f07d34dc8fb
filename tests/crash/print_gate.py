"""The gate alone: mohr-once called as cupsd calls backends, twice at a time, told to stop or killed at any moment."""
import os
import signal
import subprocess
import time
import uuid

from print_room import BUILD

# a real backend that tells of its start first
BACKEND = '''#!/bin/sh
echo "$3" >>"${DEVICE_URI#told:}/starts"
case $5 in slow) sleep 0.02 ;; esac
exit "${5#exit-}"
'''


class Gate:
    def __init__(self, folder):
        self.dir, self.tokens = folder, folder + '/gate'
        os.makedirs(folder + '/bin/backend')
        os.makedirs(self.tokens)
        with open(folder + '/bin/backend/told', 'w') as f:
            f.write(BACKEND)
        os.chmod(folder + '/bin/backend/told', 0o755)
        self.env = {'PATH': os.environ['PATH'], 'CUPS_SERVERBIN': folder + '/bin', 'MOHR_ONCE_DIR': self.tokens,
                    'DEVICE_URI': 'mohr-once:told:' + folder}

    def call(self, intent, how):
        return subprocess.Popen([BUILD + '/drivers/once/mohr-once', '1', 'lp', intent, '1', how], env=self.env,
                                stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def names(self, intent):
        return {name[37:] for name in os.listdir(self.tokens) if name.startswith(intent)}

    def one(self, dice):
        """One intent, its complaints."""
        intent = str(uuid.UUID(int=dice.getrandbits(128), version=4))
        token = dice.random() < 0.95  # the station's word; without it nothing may start
        if token:
            with open(f'{self.tokens}/{intent}.issued', 'w'):
                pass
        how = dice.choice([*(f'exit-{n}' for n in range(8)), 'slow', 'slow'])
        calls = [self.call(intent, how) for _ in range(dice.choice([1, 2, 2, 3]))]
        struck = dice.choice([None, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL])
        if struck:
            time.sleep(dice.random() * 0.008)
            for one in calls[:dice.randint(1, len(calls))]:
                one.send_signal(struck)
        ends = [one.wait(20) for one in calls]
        ends.append(self.call(intent, how).wait(20))  # cupsd tries once more
        time.sleep(0.025 if how == 'slow' and -9 in ends else 0)
        return self.judge(intent, token, ends)

    def ended(self, intent):
        """The real backend was ended before it could tell of its start."""
        with open(f'{self.tokens}/{intent}.done') as f:
            return f.read() in ('done 143\n', 'done 137\n')

    def judge(self, intent, token, ends):
        with open(self.dir + '/starts', 'a+') as f:
            f.seek(0)
            starts = f.read().split().count(intent)
        names, found = self.names(intent), []
        if starts > (1 if token else 0):
            found.append(f'{starts} starts')
        if starts and 'consumed' not in names:
            found.append('started before its token was taken')
        if 'done' in names and starts != 1 and not self.ended(intent):
            found.append(f'a result and {starts} starts')
        if not set(ends) <= {0, 1, 5, -9, -15} or ends.count(0) + ends.count(1) > 1:
            found.append('statuses that make CUPS try again, or two results')
        for name in names:
            os.unlink(f'{self.tokens}/{intent}.{name}')
        os.truncate(self.dir + '/starts', 0)
        return [f'{intent}: {what}: {ends} {names}' for what in found]

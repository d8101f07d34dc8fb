#!/usr/bin/python3
"""mohr-print, the gate mohr-once, a private cupsd and the simulated printer: each print starts at most once, whatever is
killed, and the verdict is right. Usage: print-test.py BUILD [CASE...]"""
import collections
import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig.cupsd import PrivateCupsd  # noqa: E402
from rig.procs import wait_for  # noqa: E402
from rig.worker import Failed, Worker  # noqa: E402

BUILD = os.path.abspath(sys.argv[1])
FALSE_BACKEND = '''#!/bin/sh
[ $# -eq 0 ] && exit 0
printf '%s\\n' "$DEVICE_URI" "$3" "$4" >>"${DEVICE_URI#false:}/starts"
exit "$(cat "${DEVICE_URI#false:}/exit")"
'''


def two_page_pdf():
    """CR80, front red, back blue (ISO 32000-1 7.5)."""
    objects = [b'<</Type/Catalog/Pages 2 0 R>>', b'<</Type/Pages/Kids[3 0 R 4 0 R]/Count 2>>']
    for n in (5, 6):
        objects.append(b'<</Type/Page/Parent 2 0 R/MediaBox[0 0 242.646 153.014]/Contents %d 0 R>>' % n)
    for ink in (b'1 0 0 rg 9 9 99 99 re f', b'0 0 1 rg 9 9 99 99 re f'):
        objects.append(b'<</Length %d>>stream\n%s\nendstream' % (len(ink), ink))
    out, offsets = b'%PDF-1.4\n', []
    for n, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b'%d 0 obj\n%s\nendobj\n' % (n, body)
    table = b''.join(b'%010d 00000 n \n' % o for o in offsets)
    return out + (b'xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n'
                  % (len(objects) + 1, table, len(objects) + 1, len(out)))


PDF = two_page_pdf()


class Task:
    """One task, message by message."""

    def __init__(self, worker, verb, args=None, blob=None):
        self.worker, self.steps = worker, []
        self.number = worker.do(verb, args, blob)

    def until(self, kind, name=None):
        """Reads up to the next message of this kind and name (or step)."""
        while True:
            message, _blob = self.worker.receive()
            self.steps += [message['step']] if message['say'] == 'progress' else []
            if message['say'] == kind and name in (None, message.get('name'), message.get('step')):
                return message
            if message['say'] == 'failed':
                raise Failed(message['error'])
            assert message['say'] != 'done', message

    def go(self):
        self.worker.go(self.number)

    def call_off(self):
        self.worker.call_off(self.number)

    def end(self):
        return self.until('done')['args']

    def settle(self):
        """Reads to the end, whichever it is."""
        try:
            self.end()
        except Failed:
            pass

    def error(self):
        """The error's fields: it must fail."""
        try:
            answer = self.end()
        except Failed as failed:
            return failed.error
        raise AssertionError('not failed: %r' % answer)


class Room:
    """One cupsd, one printer, one worker, for each case anew as far as it asks."""

    def __init__(self, folder):
        self.folder = folder
        self.cups = PrivateCupsd(os.path.join(folder, 'cups'), [BUILD + '/drivers/once/mohr-once',
                                                                BUILD + '/tests/sim/printer/cardsim']).start()
        self.n, self.workers = 0, []

    def printer(self, device_ms=300, blanks=3):
        """A new queue with a new machine behind it."""
        self.n += 1
        self.queue = 'Card%d' % self.n
        machine = self.cups.add_printer(self.queue)
        machine.write(device_ms, 'device_ms')
        if blanks:
            machine.load('SC-1405-000101', 'SC-1405-%06d' % (100 + blanks))
        return machine

    def worker(self, *more):
        worker = Worker.child([BUILD + '/daemon/work/print/mohr-print', '--queue', self.queue, '--gate', self.cups.gate,
                               *more], env=self.cups.env())
        self.workers.append(worker)
        return worker

    def begin(self, worker, intent):
        """A print, released."""
        task = Task(worker, 'print', {'intent': intent, 'copies': 1}, PDF)
        said = task.until('checkpoint', name='submitted')
        assert said['args']['job_id'] > 0 and said['args']['job_uuid'].startswith('urn:uuid:'), said
        task.go()
        return task

    def close_workers(self):
        while self.workers:
            self.workers.pop().close()


def ask(worker, verb, args=None):
    return Task(worker, verb, args).end()


def new_intent():
    return str(uuid.uuid4())


def starts(machine, intent):
    return len(machine.events('start', intent))


def is_printing(machine, intent):
    return lambda: machine.events('print', intent)


@contextlib.contextmanager
def mid_card(room, worker, machine, intent):
    """A print, released; its card stays inside the machine meanwhile."""
    with machine.held():
        task = room.begin(worker, intent)
        wait_for(is_printing(machine, intent), 10)
        yield task


def probe(room, intent, wait_ms=20000):
    answer = ask(room.worker(), 'probe', {'intent': intent, 'wait_ms': wait_ms})
    return answer['verdict'], answer


def case_print(room):
    machine, intent = room.printer(), new_intent()
    worker = room.worker()
    check = ask(worker, 'check')
    assert check['problems'] == [] and check['behind_gate'] and check['gate_writable'] and check['accepting'], check
    assert check['device_uri'].startswith('mohr-once:cardsim:/'), check
    task = room.begin(worker, intent)
    done = task.end()
    assert done['job_state'] == 'completed' and done['gate'] == 'result 0' and 'counter' not in done, done
    card, = machine.status()['tray']
    assert (card['serial'], card['state'], card['job']) == ('SC-1405-000101', 'ok', intent), card
    assert card['front'] and card['back'] and os.path.getsize(card['front']) > 500, card
    assert task.steps[0] == 'printing', task.steps
    assert probe(room, intent)[0] == 'printed'
    assert machine.status()['fed'] == 1 and starts(machine, intent) == 1


def kill_cupsd(room, number):
    machine, intent = room.printer(), new_intent()
    with mid_card(room, room.worker(), machine, intent) as task:
        room.cups.kill(number)
        time.sleep(0.3)
        room.cups.revive()
    return machine, intent, task


def case_cupsd_killed(room):
    """The orphaned backend finishes its card; CUPS starts the job again; the gate refuses: printed, once."""
    machine, intent, task = kill_cupsd(room, signal.SIGKILL)
    done = task.end()
    assert done['gate'] == 'result 0' and done['job_state'] in ('canceled', 'none', 'completed'), done
    assert starts(machine, intent) == 1 and len(machine.status()['tray']) == 1, machine.status()
    time.sleep(1)
    assert probe(room, intent)[0] == 'printed' and starts(machine, intent) == 1


def case_cupsd_terminated(room):
    """A clean end of cupsd kills its backends with their groups (CUPS 2.4.2): unknown, started once."""
    machine, intent, task = kill_cupsd(room, signal.SIGTERM)
    error = task.error()
    assert (error['kind'], error['reason']) == ('unknown', 'unknown_print'), error
    time.sleep(1)
    verdict, answer = probe(room, intent)
    assert verdict == 'unknown' and answer['gate'] in ('consumed', 'done 137', 'done 143'), answer
    assert not answer['running'], answer
    assert starts(machine, intent) == 1, machine.events()


def exits(room, code):
    machine, intent = room.printer(), new_intent()
    machine.next('exit %d' % code)
    error = room.begin(room.worker(), intent).error()
    assert (error['kind'], error['reason']) == ('unknown', 'unknown_print'), error
    time.sleep(2.5)  # JobRetryInterval 1: enough for CUPS to try again
    assert starts(machine, intent) == 1, (code, machine.events())
    verdict, answer = probe(room, intent)
    assert verdict == 'unknown' and answer['gate'] == 'done %d' % code, answer
    assert ask(room.worker(), 'check')['state'] != 'stopped'
    assert machine.status()['tray'][0]['state'] == 'half', machine.status()


def case_exit_stop(room):
    exits(room, 4)


def case_exit_retry(room):
    exits(room, 6)


def case_exit_retry_current(room):
    exits(room, 7)


def case_exit_failed(room):
    exits(room, 1)


def case_submitted_twice(room):
    machine, intent = room.printer(), new_intent()
    worker = room.worker()
    room.begin(worker, intent).end()
    error = Task(worker, 'print', {'intent': intent}, PDF).error()
    assert (error['kind'], error['reason']) == ('unknown', 'print_refused'), error
    # past the station: a second job of that name straight to CUPS
    lp(room, intent)
    wait_for(lambda: 'mohr-once-refused' in reasons(room), 10, message='the gate did not refuse')
    assert starts(machine, intent) == 1 and probe(room, intent)[0] == 'printed'
    # the reason it left on the queue is cleared before the next card
    room.begin(worker, new_intent()).end()
    assert machine.status()['fed'] == 2


def command(room, *argv, stdin=None):
    done = subprocess.run(argv, env=room.cups.env(), capture_output=True, input=stdin)
    assert done.returncode == 0, done
    return done.stdout.decode()


def lp(room, title, *options):
    path = room.folder + '/job.pdf'
    with open(path, 'wb') as f:
        f.write(PDF)
    command(room, 'lp', '-d', room.queue, '-t', title, *options, path)


def reasons(room):
    return command(room, 'lpoptions', '-p', room.queue)


def case_foreign_jobs(room):
    """No token, no intent, two copies: the gate starts none of them."""
    machine = room.printer()
    lp(room, new_intent())
    lp(room, 'invoice.pdf')
    lp(room, '../../../../../../../../etc/passwd')
    wait_for(lambda: 'mohr-once-refused' in reasons(room), 10)
    wait_for(lambda: not command(room, 'lpstat', '-o', room.queue), 10)
    assert machine.status()['starts'] == 0 and not machine.events()


def case_worker_killed_at_checkpoint(room):
    """Held, not committed: the probe revokes it, and it never prints, not even when somebody releases the job."""
    machine, intent = room.printer(), new_intent()
    worker = room.worker()
    task = Task(worker, 'print', {'intent': intent}, PDF)
    job = task.until('checkpoint')['args']['job_id']
    worker.process.kill()
    verdict, answer = probe(room, intent)
    assert verdict == 'not_started' and answer['gate'] == 'revoked' and answer['job_id'] == job, answer
    error = Task(room.worker(), 'print', {'intent': intent}, PDF).error()
    assert (error['kind'], error['reason']) == ('operator', 'print_refused'), error
    lp(room, intent)
    wait_for(lambda: 'mohr-once-refused' in reasons(room), 10)
    assert machine.status()['starts'] == 0 and probe(room, intent)[0] == 'not_started'


def case_called_off(room):
    machine, intent = room.printer(), new_intent()
    worker = room.worker()
    task = Task(worker, 'print', {'intent': intent}, PDF)
    task.until('checkpoint')
    task.call_off()
    assert task.error()['kind'] == 'operator'
    answer = ask(worker, 'probe', {'intent': intent})
    assert (answer['verdict'], answer['job'], answer['gate']) == ('not_started', 'canceled', 'revoked'), answer
    assert machine.status()['starts'] == 0


def case_worker_killed_mid_card(room):
    """A fresh worker waits for the card and finds it printed."""
    machine, intent = room.printer(), new_intent()
    worker = room.worker()
    with mid_card(room, worker, machine, intent):
        worker.process.kill()
        verdict, answer = probe(room, intent, wait_ms=0)
        assert verdict == 'unknown' and answer['running'] and answer['gate'] == 'consumed', answer
    verdict, answer = probe(room, intent)
    assert verdict == 'printed' and answer['gate'] == 'done 0', answer


def case_backend_dies(room):
    """The real backend is gone in mid-card."""
    machine, intent = room.printer(), new_intent()
    machine.next('die')
    error = room.begin(room.worker(), intent).error()
    assert (error['kind'], error['reason']) == ('unknown', 'unknown_print'), error
    verdict, answer = probe(room, intent)
    assert verdict == 'unknown' and answer['gate'] == 'done 137', answer  # 128 + SIGKILL
    machine.clear()
    card, = machine.status()['tray']
    assert card['state'] == 'half' and starts(machine, intent) == 1


def case_gate_and_backend_die(room):
    """Both gone: consumed and no result, for ever unknown."""
    machine, intent = room.printer(), new_intent()
    with mid_card(room, room.worker(), machine, intent) as task:
        for name in ('mohr-once', 'cardsim'):
            for pid in room.cups.backend_pids(name):
                os.kill(pid, signal.SIGKILL)
    error = task.error()
    assert (error['kind'], error['reason']) == ('unknown', 'unknown_print'), error
    verdict, answer = probe(room, intent)
    assert verdict == 'unknown' and answer['gate'] == 'consumed' and not answer['running'], answer
    assert starts(machine, intent) == 1


def waits(room, machine, word, mend):
    """The print shows the word, goes on when the operator mended it, and is done."""
    intent = new_intent()
    task = room.begin(room.worker(), intent)
    task.until('progress', name=word)
    mend()
    task.until('progress', name='printing')
    task.end()
    assert starts(machine, intent) == 1
    assert [c['state'] for c in machine.status()['tray']] == ['ok'], machine.status()


def case_ribbon(room):
    machine = room.printer()
    machine.write(0, 'ribbon')
    waits(room, machine, 'ribbon_out', lambda: machine.write(10, 'ribbon'))


def case_empty(room):
    machine = room.printer(blanks=0)
    waits(room, machine, 'printer_empty', lambda: machine.load('SC-1405-000301', 'SC-1405-000302'))


def case_cover(room):
    machine = room.printer()
    machine.cover()
    waits(room, machine, 'printer_cover', machine.clear)


def case_jam_feed(room):
    machine = room.printer()
    machine.next('jam_feed')
    waits(room, machine, 'printer_jam', machine.clear)


def case_jam_mid_card(room):
    machine, intent = room.printer(), new_intent()
    machine.next('jam')
    task = room.begin(room.worker(), intent)
    task.until('progress', name='printer_jam')
    machine.clear()
    error = task.error()
    assert (error['kind'], error['reason']) == ('unknown', 'unknown_print'), error
    assert machine.status()['tray'][0]['state'] == 'half', machine.status()


def case_double_feed(room):
    machine, intent = room.printer(), new_intent()
    machine.next('double_feed')
    room.begin(room.worker(), intent).end()
    got = [(c['serial'], c['state']) for c in machine.status()['tray']]
    assert got == [('SC-1405-000101', 'blank'), ('SC-1405-000102', 'ok')], got


def case_cancel(room):
    """While the printer waits for a person: the job ends, what came of the card is for a person to say."""
    machine, intent = room.printer(blanks=0), new_intent()
    task = room.begin(room.worker(), intent)
    task.until('progress', name='printer_empty')
    answer = ask(room.worker(), 'cancel', {'intent': intent, 'wait_ms': 500})
    assert answer['job'] == 'canceled' and answer['verdict'] == 'unknown', answer
    machine.load('SC-1405-000301', 'SC-1405-000301')
    assert task.error()['kind'] == 'unknown'
    never = new_intent()
    answer = ask(room.worker(), 'cancel', {'intent': never})
    assert (answer['verdict'], answer['gate'], answer['job']) == ('not_started', 'revoked', 'none'), answer


def case_history_missing(room):
    """The ipp backend calls a print completed whose printer forgot it; the sticky reason is cleared before the next."""
    machine, intent = room.printer(), new_intent()
    machine.next('nohistory')
    assert room.begin(room.worker(), intent).error()['kind'] == 'unknown'
    room.begin(room.worker(), new_intent()).end()


def case_cupsd_gone(room):
    """cupsd away for longer than the worker bears: before the start it is proven unstarted, after it unknown."""
    machine, intent = room.printer(device_ms=200), new_intent()
    worker = room.worker('--silence-ms', '1000')
    task = Task(worker, 'print', {'intent': intent}, PDF)
    task.until('checkpoint')
    room.cups.kill()
    task.go()
    error = task.error()
    assert (error['kind'], error['reason']) == ('retry', 'queue_gone'), error
    error = Task(worker, 'probe', {'intent': new_intent(), 'wait_ms': 0}).error()
    assert (error['kind'], error['reason']) == ('retry', 'queue_gone'), error
    error = Task(worker, 'print', {'intent': new_intent()}, PDF).error()
    assert (error['kind'], error['reason']) == ('retry', 'queue_gone'), error
    room.cups.revive()
    assert probe(room, intent)[0] == 'not_started' and machine.status()['starts'] == 0
    room.begin(worker, new_intent()).end()


def case_cupsd_gone_mid_card(room):
    machine, intent = room.printer(), new_intent()
    with mid_card(room, room.worker('--silence-ms', '1000'), machine, intent) as task:
        room.cups.kill()
    error = task.error()
    assert (error['kind'], error['reason']) == ('unknown', 'unknown_print'), error
    room.cups.revive()
    assert probe(room, intent)[0] == 'printed' and starts(machine, intent) == 1


def case_cupsd_hangs(room):
    """A stopped cupsd costs a bounded time; a card that ended meanwhile is known once it goes on."""
    machine, intent = room.printer(), new_intent()
    with mid_card(room, room.worker(), machine, intent) as task:
        room.cups.child.kill(signal.SIGSTOP)
    begun = time.monotonic()
    error = Task(room.worker(), 'check').error()
    assert error['reason'] == 'queue_gone' and time.monotonic() - begun < 8, (error, time.monotonic() - begun)
    room.cups.child.kill(signal.SIGCONT)
    assert task.end()['gate'] == 'result 0' and starts(machine, intent) == 1


def case_ipp_backend(room):
    """CUPS's own ipp backend behind the gate, its printer away: it waits, and ends when the job is cancelled."""
    room.queue = 'Away'
    room.cups.add_queue('Away', 'ipp://127.0.0.1:9/ipp/print')
    intent = new_intent()
    task = room.begin(room.worker(), intent)
    consumed = os.path.join(room.cups.gate, intent + '.consumed')
    wait_for(lambda: os.path.exists(consumed), 10)
    time.sleep(0.5)
    answer = ask(room.worker(), 'cancel', {'intent': intent})
    assert answer['verdict'] == 'unknown' and answer['job'] == 'canceled' and not answer['running'], answer
    assert answer['gate'].startswith('done ') and answer['gate'] != 'done 0', answer
    assert task.error()['kind'] == 'unknown'


def case_wrong_queues(room):
    room.printer()
    room.queue = 'Bare'
    room.cups.add_queue('Bare', 'cardsim:' + room.folder, gated=False)
    check = ask(room.worker(), 'check')
    assert not check['behind_gate'] and 'gate' in check['problems'][0], check
    error = Task(room.worker(), 'print', {'intent': new_intent()}, PDF).error()
    assert (error['kind'], error['reason']) == ('operator', 'queue_wrong'), error
    room.queue = 'Retry'
    room.cups.add_queue('Retry', 'cardsim:' + room.folder, options=('printer-error-policy=retry-current-job',))
    assert 'abort-job' in ask(room.worker(), 'check')['problems'][0]
    room.queue = 'Missing'
    error = Task(room.worker(), 'check').error()
    assert (error['kind'], error['reason']) == ('operator', 'queue_gone'), error


def case_files_kept(room):
    """cupsd keeps what it printed unless told otherwise: the station refuses such a queue."""
    room.printer()
    conf = room.folder + '/cupsd.conf'
    for text, kept in (('PreserveJobFiles No\n', False), ('PreserveJobFiles Yes\n', True), ('LogLevel warn\n', True),
                       ('PreserveJobFiles Yes\n preservejobfiles 0 \n', False), ('#PreserveJobFiles No\n', True)):
        with open(conf, 'w') as f:
            f.write(text)
        problems = ask(room.worker('--cupsd-conf', conf), 'check')['problems']
        assert ['PreserveJobFiles' in p for p in problems] == [True] * kept, (text, problems)
    assert ask(room.worker('--cupsd-conf', conf + '.none'), 'check')['problems'] == []


def case_gate_folder_wrong(room):
    room.printer()
    os.chmod(room.cups.gate, 0o700)
    try:
        check = ask(room.worker(), 'check')
        assert not check['gate_writable'] and 'mode 2770' in check['problems'][0], check
    finally:
        os.chmod(room.cups.gate, 0o2770)


def case_bad_input(room):
    machine, worker = room.printer(), room.worker()
    for args, blob in (({'intent': new_intent()}, b'not a PDF'), ({'intent': new_intent()}, None),
                       ({'intent': new_intent(), 'copies': 2}, PDF), ({'intent': '../../x'}, PDF), ({}, PDF),
                       ({'intent': new_intent(), 'name': 'x'}, PDF)):
        assert Task(worker, 'print', args, blob).error()['kind'] == 'input', args
    assert Task(worker, 'sing', {}).error()['reason'] == 'bad_request'
    assert machine.status()['starts'] == 0


def case_other_real_uri(room):
    """Another printer behind the gate: its URI arrives without the wrapping, its exit status is recorded."""
    program, place = room.folder + '/false', room.folder + '/false-printer'
    os.makedirs(place)
    os.chmod(place, 0o777)
    with open(program, 'w') as f:
        f.write(FALSE_BACKEND)
    room.cups.add_backend(program)
    room.queue = 'Other'
    room.cups.add_queue('Other', 'false:' + place)
    for status in (0, 3):
        intent = new_intent()
        with open(place + '/exit', 'w') as f:
            f.write('%d\n' % status)
        task = room.begin(room.worker(), intent)
        if status == 0:
            assert task.end()['gate'] == 'result 0'
        else:
            assert task.error()['kind'] == 'unknown'
        with open(place + '/starts') as f:
            assert f.read().splitlines()[-3:] == ['false:' + place, intent, '1']
    assert probe(room, intent)[1]['gate'] == 'done 3'


def storm_victims(room, worker):
    """Everything that takes part in a print, by name."""
    victims = {'mohr-print': [worker.process.pid], 'cupsd': [room.cups.child.pid]}
    for name in ('mohr-once', 'cardsim'):
        victims[name] = room.cups.backend_pids(name)
    return [(name, pid) for name, pids in victims.items() for pid in pids]


def storm_once(room, machine, chance):
    """One print, one kill at a random instant; the verdict must agree with what the machine itself recorded."""
    intent, worker = new_intent(), room.worker()
    task = Task(worker, 'print', {'intent': intent}, PDF)
    if chance.random() < 0.8:
        task.until('checkpoint')
        task.go()
    time.sleep(chance.random() * 0.5)
    name, pid = chance.choice(storm_victims(room, worker))
    os.kill(pid, signal.SIGKILL)
    if name == 'cupsd':
        room.cups.kill()
        room.cups.revive()
    elif name != 'mohr-print' and task.steps:
        task.settle()
    worker.process.kill()
    verdict, answer = probe(room, intent)
    machine.clear()
    out = [c for c in machine.cards('tray') if c['job'] == intent]
    note = (name, verdict, answer, out, machine.events(name=intent))
    assert starts(machine, intent) <= 1 and len(out) <= 1, note
    assert verdict != 'printed' or [c['state'] for c in out] == ['ok'], note
    assert verdict != 'not_started' or (not out and not machine.events(name=intent)), note
    return name + ' ' + verdict


def case_storm(room):
    """kill -9 of whatever takes part, at random instants; cards are conserved."""
    seed = int(os.environ.get('SEED', '1'))
    chance, n = random.Random(seed), 25
    machine = room.printer(device_ms=250, blanks=n + 1)
    seen = collections.Counter(storm_once(room, machine, chance) for _ in range(n))
    print('     seed %d: %s' % (seed, dict(seen)))
    room.begin(room.worker(), new_intent()).end()
    serials = sorted(machine.status()['hopper'] + [c['serial'] for c in machine.cards('tray')])
    assert serials == ['SC-1405-%06d' % (101 + i) for i in range(n + 1)], serials


def main():
    folder = tempfile.mkdtemp(prefix='mohr-print-')
    os.chmod(folder, 0o711)
    cases = {name[5:]: run for name, run in globals().items() if name.startswith('case_')}
    room, failed = None, []
    try:
        room = Room(folder)
        for name in sys.argv[2:] or cases:
            begun = time.monotonic()
            try:
                cases[name](room)
                print('ok   %s (%.1f s)' % (name, time.monotonic() - begun), flush=True)
            except Exception as e:  # told with its case; the others still run
                failed.append(name)
                print('FAIL %s: %r' % (name, e), flush=True)
                traceback.print_exc()
            room.close_workers()
            if not room.cups.alive():
                room.cups.revive()
    finally:
        if room:
            room.close_workers()
            room.cups.stop()
        shutil.rmtree(folder)
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()

"""What `meson install` puts on the administrator's machine: owners' rights, units that systemd accepts and rates,
users, the gate's folder, examples that the programs accept, and units that name only options the programs know."""
import os
import pwd
import re
import shutil
import stat
import subprocess
import sys
import tempfile

BUILD, SOURCE = sys.argv[1], sys.argv[2]
MESON = shutil.which('meson')
# Exposure in tenths (systemd-analyze security). PrivateUsers costs 2 and must be off: it hides uids from SO_PEERCRED.
EXPOSURE = {'mohrd.service': 4, 'mohr-key.service': 4, 'mohr-net.service': 12}
PROGRAMS = ['usr/sbin/mohrd', 'usr/sbin/mohr-audit-verify', 'usr/lib/cups/backend/mohr-once',
            *(f'usr/libexec/mohr/mohr-{name}' for name in ('chip', 'key', 'net', 'print', 'render'))]
UNITS = 'usr/lib/systemd/system'
EXAMPLES = 'usr/share/doc/mohr/examples'
bad = []


def check(good, what):
    if not good:
        bad.append(what)
        print(f'not so: {what}')


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, **more)


def installed(root):
    for folder, _, names in os.walk(root):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), root)


def check_files(root):
    """Programs 0755, all else 0644, nothing set-uid, nothing in /etc or /var, where it would fight the administrator."""
    found = set(installed(root))
    for path in found:
        mode = stat.S_IMODE(os.stat(os.path.join(root, path)).st_mode)
        program = path in PROGRAMS or path.startswith('usr/bin/')
        check(mode == (0o755 if program else 0o644), f'{path} has mode {mode:o}')
        check(path.startswith('usr/'), f'{path} lies under usr')
    for path in [*PROGRAMS, 'usr/share/mohr/chips/gp-scp03.json', 'usr/share/mohr/layouts/certificate-front.svg',
                 'usr/share/mohr/documents/annex-1.json',
                 'usr/share/mohr/fonts/Vazirmatn-Regular.ttf', 'usr/lib/sysusers.d/mohr.conf',
                 f'{UNITS}/pcscd.socket.d/mohr.conf', f'{UNITS}/cups.service.d/mohr.conf']:
        check(path in found, f'{path} is installed')


def unit_copies(root, folder):
    """The units with their programs where they lie now."""
    for unit in EXPOSURE:
        with open(os.path.join(root, UNITS, unit), encoding='utf-8') as file:
            text = file.read()
        check('@' not in re.sub(r'SystemCallFilter=.*', '', text), f'{unit} has its places filled in')
        with open(os.path.join(folder, unit), 'w', encoding='utf-8') as file:
            file.write(re.sub(r'^(Exec\w+=)/', rf'\1{root}/', text, flags=re.M))


def check_units(root):
    with tempfile.TemporaryDirectory() as folder:
        unit_copies(root, folder)
        for unit, most in EXPOSURE.items():
            rated = run('systemd-analyze', 'security', '--offline=true', f'--threshold={most}', '--no-pager',
                        os.path.join(folder, unit))
            check(rated.returncode == 0, f'{unit} is exposed by at most {most / 10}: {rated.stdout[-120:]}{rated.stderr}')
            seen = run('systemd-analyze', 'verify', '--man=no', '--recursive-errors=no', unit,
                       env={**os.environ, 'SYSTEMD_UNIT_PATH': folder + ':'})
            check(seen.returncode == 0 and not seen.stderr, f'systemd accepts {unit}: {seen.stderr}')


def check_options(root):
    """Each program is asked for what its unit passes: an unknown option shows as usage, status 2."""
    for unit, program in (('mohr-net.service', 'mohr-net'), ('mohr-key.service', 'mohr-key')):
        with open(os.path.join(root, UNITS, unit), encoding='utf-8') as file:
            line = re.search(r'^ExecStart=(.*)', file.read().replace('\\\n', ''), re.M).group(1)
        words = [w for w in line.split()[1:] if not re.fullmatch(r'\$\w+', w)]  # unset: no word (systemd.service(5))
        argv = [re.sub(r'\$\{\w+\}|%d.*', 'nothing-here', word) for word in words]
        argv = [{'mohr': pwd.getpwuid(os.getuid()).pw_name}.get(word, word) for word in argv]
        argv = [re.sub(r'^/(run|var)/.*', os.path.join(root, 'no', 'place'), word) for word in argv]
        argv = ['always' if before == '--reissue' else word for before, word in zip(['', *argv], argv)]
        done = run(os.path.join(root, 'usr/libexec/mohr', program), *argv, timeout=20)
        check(done.returncode not in (0, 2) and 'usage' not in done.stderr,
              f'{program} knows the options of its unit: {done.returncode} {done.stderr}')


def check_users(root):
    """As root the users and the gate's folder are really made, in the installed tree."""
    if os.geteuid() != 0:
        return
    os.makedirs(os.path.join(root, 'etc'))
    for name in ('passwd', 'group'):
        with open(os.path.join(root, 'etc', name), 'w', encoding='utf-8') as file:
            file.write('root:x:0:0:root:/root:/bin/sh\nlp:x:7:7:lp:/:/usr/sbin/nologin\n' if name == 'passwd'
                       else 'root:x:0:\nlp:x:7:\n')
    made = run('systemd-sysusers', f'--root={root}')
    with open(os.path.join(root, 'etc', 'passwd'), encoding='utf-8') as file:
        users = {line.split(':')[0]: line.split(':') for line in file}
    with open(os.path.join(root, 'etc', 'group'), encoding='utf-8') as file:
        groups = {line.split(':')[0]: line.strip().split(':') for line in file}
    check(made.returncode == 0 and {'mohr', 'mohr-net', 'mohr-key'} <= users.keys(), f'the users: {made.stderr}')
    check(groups['mohr-net'][3] == 'mohr' and groups['mohr-key'][3] == 'mohr', 'the core is in the services\' groups')
    made = run('systemd-tmpfiles', '--create', f'--root={root}', 'mohr.conf')
    gate = os.path.join(root, 'var/lib/mohr-gate')
    check(made.returncode == 0 and os.path.isdir(gate), f'the gate\'s folder: {made.stderr}')
    if os.path.isdir(gate):
        info = os.stat(gate)
        check((stat.S_IMODE(info.st_mode), info.st_uid, info.st_gid) == (0o2770, int(users['mohr'][2]), 7),
              'the gate belongs to mohr and lp, mode 2770')


def check_config(root):
    """The sample in the table's words is a good configuration, and the same as the program prints."""
    core = os.path.join(root, 'usr/sbin/mohrd')
    path = os.path.join(root, EXAMPLES, 'mohr.conf')
    done = run(core, '--check-config', path)
    check(done.returncode == 0, f'the example configuration is good: {done.stdout}')
    with open(path, encoding='utf-8') as file:
        text = file.read()
    check(text == run(core, '--print-config').stdout, 'the example is what mohrd prints')
    check('/var/lib/mohr-gate' in text and 'mohr-gate' in open(os.path.join(root, UNITS, 'mohrd.service')).read(),
          'the gate is in one place')


def check_cups(root):
    """cupsd accepts the example configuration."""
    files = os.path.join(root, 'cups-files.conf')
    with open(files, 'w', encoding='utf-8') as file:
        file.write(f'RequestRoot {root}\nTempDir {root}\nCacheDir {root}\nStateDir {root}\nServerRoot {root}\n')
    done = run('/usr/sbin/cupsd', '-t', '-s', files, '-c', os.path.join(root, EXAMPLES, 'cupsd.conf'))
    check(done.returncode == 0, f'cupsd accepts the example configuration: {done.stdout}{done.stderr}')


def main():
    with tempfile.TemporaryDirectory() as root:
        os.chmod(root, 0o755)
        done = run(MESON, 'install', '-C', BUILD, '--no-rebuild', '--destdir', root)
        check(done.returncode == 0, f'meson install: {done.stdout}{done.stderr}')
        check_files(root)
        check_units(root)
        check_options(root)
        check_users(root)
        check_config(root)
        check_cups(root)
    return 1 if bad else 0


if __name__ == '__main__':
    sys.exit(main())

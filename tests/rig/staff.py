"""The people of the demo's station and the accounts they act from, and an HTTP client that speaks as one of them.

A person is a uid (SO_PEERCRED). No such account needs to exist: the demo runs as root and takes the uid only while it
connects.
"""
import http.client
import json
import os
import pwd
import socket

FIRST_UID = 59110
# name in mohr.conf: role, office
PEOPLE = {
    'expert': ('issuer', 'assessment'),
    'assessment-head': ('assessment_head', 'assessment'),
    'security-officer': ('security', 'security'),
    'it-expert': ('it', 'it'),
    'director': ('director', 'directorate'),
    'delivery': ('delivery', 'delivery'),
    'auditor': ('auditor', 'audit'),
}
SERVICES = ('core', 'key', 'net')


def free_uids(n):
    """The first of n uids in a row that nobody has."""
    taken = {p.pw_uid for p in pwd.getpwall()}
    first = FIRST_UID
    while any(first + k in taken for k in range(n)):
        first += n
    return first


def accounts():
    """{service or person: uid}, and 'visitor': whoever runs the demo, an issuer too, so that `mohr` just works."""
    names = [*SERVICES, *PEOPLE]
    first = free_uids(len(names))
    return {name: first + k for k, name in enumerate(names)} | {'visitor': int(os.environ.get('SUDO_UID', 0))}


def config_lines(uids):
    """The [person ...] sections of mohr.conf."""
    people = PEOPLE | {'visitor': ('issuer', 'assessment')}
    return ''.join(f'\n[person {name}]\nuid = {uids[name]}\nrole = {role}\noffice = {office}\n'
                   for name, (role, office) in people.items())


class Refused(Exception):
    """The station says no: reason word, text, kind (retry, operator, card, input, unknown, bug)."""

    def __init__(self, status, answer):
        error = answer.get('error', {}) if isinstance(answer, dict) else {}
        self.status, self.reason = status, error.get('reason', 'http_%d' % status)
        self.text, self.kind = error.get('text', ''), error.get('kind', '')
        super().__init__(f'{self.reason}: {self.text}')


class Down(Exception):
    """No answer: the core is not there, or went away. What was asked may have been done."""


class _Unix(http.client.HTTPConnection):
    def __init__(self, path, uid, timeout):
        super().__init__('localhost', timeout=timeout)
        self.path, self.uid = path, uid

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        os.seteuid(self.uid)
        try:
            self.sock.connect(self.path)
        finally:
            os.seteuid(0)


class Person:
    """One person at the station's API."""

    def __init__(self, socket_path, uid, timeout=10):
        self.socket, self.uid, self.timeout = socket_path, uid, timeout

    def call(self, method, path, body=None):
        """The answer: JSON decoded, anything else as bytes. Refused or Down."""
        connection = _Unix(self.socket, self.uid, self.timeout)
        try:
            data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
            headers = {'Content-Type': 'application/json'} if data is not None else {}
            connection.request(method, path, body=data, headers=headers)
            response = connection.getresponse()
            raw = response.read()
            kind = response.headers.get_content_type()
            answer = json.loads(raw) if raw and kind == 'application/json' else raw
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Down(str(error)) from error
        finally:
            connection.close()
        if response.status >= 300:
            raise Refused(response.status, answer)
        return answer

    def get(self, path):
        return self.call('GET', path)

    def post(self, path, body=None):
        return self.call('POST', path, {} if body is None else body)

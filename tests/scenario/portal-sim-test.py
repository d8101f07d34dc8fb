#!/usr/bin/python3
"""The contract with the portal, tried on the reference portal: every call, every refusal, every promise of
proto/portal.openapi.yaml. Each answer is validated against it. Signatures are checked with the openssl program."""
import base64
import concurrent.futures
import copy
import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig.portal import Client, PortalSim  # noqa: E402
from scenario.contract import Contract  # noqa: E402

ONE, TWO, STRANGER = 'golestan-1', 'golestan-2', 'nobody-9'
ZERO = '0' * 64
contract = Contract()
keys = {}


def unbase64url(text):
    return base64.urlsafe_b64decode(text + '=' * (-len(text) % 4))


def der_integer(number):
    number = number.lstrip(b'\0') or b'\0'
    if number[0] & 0x80:
        number = b'\0' + number
    return b'\x02' + bytes([len(number)]) + number


def openssl(*args, **more):
    return subprocess.run(['openssl', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **more)


def public_key(portal, leaf_base64, unit):
    """PEM of the key of a certificate that verifies up to the portal CA and whose subject has this OU."""
    known = keys.get((portal.ca, leaf_base64, unit))
    if known:
        return known
    with tempfile.TemporaryDirectory() as folder:
        leaf = os.path.join(folder, 'leaf.pem')
        openssl('x509', '-inform', 'DER', '-out', leaf, input=base64.b64decode(leaf_base64))
        verified = openssl('verify', '-x509_strict', '-CAfile', portal.ca, leaf)
        assert verified.returncode == 0, verified.stderr
        subject = openssl('x509', '-in', leaf, '-noout', '-subject', '-nameopt', 'multiline').stdout.decode()
        assert f'organizationalUnitName    = {unit}\n' in subject, subject
        keys[portal.ca, leaf_base64, unit] = openssl('x509', '-in', leaf, '-noout', '-pubkey').stdout
    return keys[portal.ca, leaf_base64, unit]


def jws_open(portal, jws, typ, unit):
    """The payload's bytes of a JWS that openssl and the contract accept; AssertionError otherwise."""
    head, body, signature = jws.split('.')
    header = json.loads(unbase64url(head))
    contract.named('JwsHeader').validate(header)
    assert header['typ'] == typ, header['typ']
    raw = unbase64url(signature)
    assert len(raw) == 64
    points = der_integer(raw[:32]) + der_integer(raw[32:])
    public = public_key(portal, header['x5c'][0], unit)
    with tempfile.TemporaryDirectory() as folder:
        names = [os.path.join(folder, n) for n in ('public.pem', 'signature.der', 'data')]
        for path, content in zip(names, (public, b'\x30' + bytes([len(points)]) + points, f'{head}.{body}'.encode())):
            with open(path, 'wb') as f:
                f.write(content)
        checked = openssl('dgst', '-sha256', '-verify', names[0], '-signature', names[1], names[2])
        assert checked.returncode == 0, checked.stdout
    return unbase64url(body)


class Station:
    """A station that keeps to the contract, and has every answer judged."""

    def __init__(self, portal, name=ONE):
        self.portal, self.client, self.name, self.serials = portal, portal.client(name), name, 0

    def call(self, method, path, body=None, key=None, fits=True, **more):
        """(status, JSON). A body is held against its schema first; fits=False: it must break it."""
        if body is not None and not isinstance(body, bytes) and contract.operation(method, path):
            assert contract.request_fits(method, path, body) == fits, body
        status, headers, answer = self.client.call(method, path, body, key, **more)
        return status, contract.check_answer(method, path, status, headers, answer)

    def done(self, method, path, body, what):
        """A mutating call that must be applied; its receipt is verified."""
        key = str(uuid.uuid4())
        status, answer = self.call(method, path, body, key)
        assert status == 200, answer
        payload = json.loads(jws_open(self.portal, answer['receipt'], 'mohr-receipt', 'receipts'))
        contract.named('ReceiptPayload').validate(payload)
        assert payload['key'] == key and payload['station'] == self.name and payload['what'] == what, payload
        assert payload['payload_sha256'] == hashlib.sha256(json.dumps(body, ensure_ascii=False).encode()).hexdigest()
        return answer

    def refused(self, status, reason, method, path, body=None, **more):
        got, answer = self.call(method, path, body, **more)
        assert (got, answer['error']['reason']) == (status, reason), (got, answer)

    def hello(self, epoch=1, seq=0, head=ZERO):
        return self.done('POST', '/v1/hello', {'station': self.name, 'epoch': epoch, 'seq': seq, 'head': head},
                         'hello')

    def items(self, path, limit=None):
        """All items of a list, page by page."""
        after, items = '', []
        while True:
            status, page = self.call('GET', f'{path}?after={after}' + (f'&limit={limit}' if limit else ''))
            assert status == 200, page
            items += page['items']
            assert page['next'] == (page['items'][-1]['cursor'] if page['items'] else after)
            after = page['next']
            if not page['more']:
                return items

    def application(self, name):
        return [item for item in self.items('/v1/applications') if item['id'] == name][-1]

    def claim(self, name):
        return self.done('POST', f'/v1/applications/{name}/claim', {'epoch': 1}, 'claim')['fence']

    def begin(self, name, fence, authorisation=None, **other):
        body = {'epoch': 1, 'fence': fence, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21', **other}
        if authorisation:
            body['authorisation'] = authorisation
        return self.done('POST', f'/v1/applications/{name}/begin', body, 'begin')

    def serial(self):
        self.serials += 1
        return f'SC-1405-{100000 * (1 + (self.name == TWO)) + self.serials:06}'

    def report(self, name, fence, serial, **other):
        approval = self.application(name).get('approval')
        data = unbase64url(approval.split('.')[1]) if approval else b''
        chip = hashlib.sha256(serial.encode()).hexdigest()[:20]
        return {'fence': fence, 'serial': serial, 'chip_id': chip, 'data_sha256': hashlib.sha256(data).hexdigest(),
                'sod_sha256': '1' * 64, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21',
                'printed_at': '2026-11-21T08:00:00Z', 'written_at': '2026-11-21T08:01:00Z',
                'verified_at': '2026-11-21T08:02:00Z', 'operator': 'p-17', 'expert': 'p-17', 'audit_seq': 44,
                'audit_head': '2' * 64, **other}

    def issue(self, name, authorisation=None):
        """Claim (unless it is a re-issue), begin, report: (fence, serial)."""
        held = [b for b in self.hello()['bound'] if b['id'] == name]
        fence, serial = held[0]['fence'] if held else self.claim(name), self.serial()
        self.begin(name, fence, authorisation)
        self.done('PUT', f'/v1/applications/{name}/issuance', self.report(name, fence, serial), 'issuance')
        return fence, serial

    def spoil_body(self, name, fence, serial, **other):
        return {'application': name, 'fence': fence, 'serial': serial, 'cause': 'print_streaks', 'text': '',
                'stage': 'printed', 'registered': False, 'chip': 'unwritten', 'operator': 'p-17',
                'at': '2026-11-21T08:05:00Z', **other}


class PortalCase(unittest.TestCase):
    options = {}

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix='mohr-portal-')
        self.addCleanup(folder.cleanup)
        self.portal = PortalSim(folder.name, stations=[ONE, TWO], **self.options).start()
        self.addCleanup(lambda: self.assertEqual(self.portal.stop(), 0, 'a clean end'))
        self.one, self.two = Station(self.portal, ONE), Station(self.portal, TWO)

    def plain(self, n=1):
        """Ids of n new applications that may be printed."""
        return [item['id'] for item in self.portal.seed(n)]


class Connection(PortalCase):
    def test_who_may_speak(self):
        subprocess.run([os.path.join(os.path.dirname(__file__), '..', 'rig', 'pki'), self.portal.pki, STRANGER],
                       check=True)
        Station(self.portal, STRANGER).refused(403, 'not_permitted', 'GET', '/v1/ledger')
        with self.assertRaises((OSError, http.client.HTTPException)):
            Client(self.portal, None, None).call('GET', '/v1/ledger')
        with self.assertRaises(ssl.SSLError):
            self.portal.client(maximum_tls=ssl.TLSVersion.TLSv1_1).call('GET', '/v1/ledger')
        with tempfile.TemporaryDirectory() as other:       # a certificate of another root with the right name
            subprocess.run([os.path.join(os.path.dirname(__file__), '..', 'rig', 'pki'), other, ONE], check=True)
            with self.assertRaises((OSError, http.client.HTTPException)):
                Client(self.portal, f'{other}/station-{ONE}.pem', f'{other}/station-{ONE}.key').call(
                    'GET', '/v1/ledger')
        self.assertEqual(self.one.call('GET', '/v1/ledger')[0], 200)

    def test_another_stations_name(self):
        self.one.refused(403, 'not_permitted', 'POST', '/v1/hello',
                         {'station': TWO, 'epoch': 1, 'seq': 0, 'head': ZERO})

    def test_paths(self):
        for method, path in (('GET', '/'), ('GET', '/v1/hello'), ('GET', '/v1/applications/'),
                             ('GET', '/v1/photos/' + 'g' * 64), ('GET', '/v1/applications/../ledger')):
            status, headers, body = self.one.client.call(method, path)
            contract.check_answer('GET', '/nowhere', status, headers, body)
        status, headers, body = self.one.client.call('DELETE', '/v1/ledger')
        contract.check_answer('DELETE', '/v1/ledger', status, headers, body)
        self.one.refused(404, 'not_found', 'GET', '/v1/photos/' + '0' * 64)
        self.one.refused(404, 'not_found', 'POST', '/v1/applications/A-9999-1/claim', {'epoch': 1})
        for query in ('after=x', 'limit=0', 'limit=101', 'after=1&after=1', 'foo=1', 'limit', 'limit=-1'):
            self.one.refused(400, 'bad_request', 'GET', '/v1/applications?' + query)

    def test_headers_and_body(self):
        good = {'station': ONE, 'epoch': 1, 'seq': 0, 'head': ZERO}
        data = json.dumps(good).encode()
        digest = 'sha-256=:' + base64.b64encode(hashlib.sha256(data).digest()).decode() + ':'
        headers = {'Content-Type': 'application/json', 'Idempotency-Key': str(uuid.uuid4()), 'Content-Digest': digest}
        cases = [({'Content-Type': 'text/plain'}, 400, 'bad_request'), ({'Content-Type': None}, 400, 'bad_request'),
                 ({'Idempotency-Key': None}, 400, 'bad_request'), ({'Idempotency-Key': 'x'}, 400, 'bad_request'),
                 ({'Idempotency-Key': headers['Idempotency-Key'].upper() + 'A'}, 400, 'bad_request'),
                 ({'Content-Digest': None}, 400, 'bad_request'), ({'Content-Digest': 'md5=:x:'}, 400, 'bad_request'),
                 ({'Content-Digest': 'sha-256=:' + 'A' * 43 + '=:'}, 422, 'digest_wrong'), ({}, 200, None)]
        for change, expected, reason in cases:
            sent = {k: v for k, v in {**headers, **change}.items() if v is not None}
            status, got, body = self.one.client.raw('POST', '/v1/hello', data, sent)
            answer = contract.check_answer('POST', '/v1/hello', status, got, body)
            self.assertEqual(status, expected, (change, answer))
            if reason:
                self.assertEqual(answer['error']['reason'], reason, change)
        for bad in (b'{', b'[]', b'{}x', data[:-1] + b',"seq":0}', b'{"head":"\xff"}', b'null',
                    b'{"head":"\\u0000"}', b'{"a":' * 16 + b'{}' + b'}' * 16, b'\xef\xbb\xbf' + data):
            self.one.refused(400, 'bad_json', 'POST', '/v1/hello', bad)
        self.one.refused(413, 'too_large', 'POST', '/v1/hello', b' ' * (1 << 20) + data)

    def test_broken_http(self):
        client = self.one.client
        for text in (b'GET /v1/ledger HTTP/1.0\r\n\r\n', b'GET v1 HTTP/1.1\r\n\r\n', b'\r\n\r\n', b'x' * 20000,
                     b'POST /v1/hello HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
                     b'POST /v1/hello HTTP/1.1\r\nContent-Length: -1\r\n\r\n',
                     b'GET /v1/ledger HTTP/1.1\r\nno colon\r\n\r\n', b'GET /v1/ledger HTTP/1.1\r\n\r\nmore',
                     b'GET /v1/led\0ger HTTP/1.1\r\n\r\n'):
            with socket.create_connection(('127.0.0.1', self.portal.port), 5) as plain:
                with client.tls.wrap_socket(plain, server_hostname='127.0.0.1') as sock:
                    sock.sendall(text)
                    try:
                        self.assertEqual(sock.recv(1), b'', text)
                    except OSError:
                        pass
        self.assertEqual(self.one.call('GET', '/v1/ledger')[0], 200)

    def test_lists_are_paged(self):
        ids = self.plain(7) + [item['id'] for item in self.portal.seed(0, odd=4)]
        for limit in (1, 3, 100, None):
            self.assertEqual([item['id'] for item in self.one.items('/v1/applications', limit)], ids)


class Strictness(PortalCase):
    """Whatever the schemas refuse the portal refuses, and nothing else."""

    wrong = [None, True, 0, -1, 1.5, '', 'x', 'X' * 2000, [], {}, ['a', 'b'], 1 << 53, '2026-02-30', '\u0000',
             '2026-11-21T24:00:00Z', 'ABCDEFGHIJ', 'sc-1405-000001', '-' * 10, ZERO.upper() + 'A', ['a', 'a']]

    def variants(self, body):
        for key in body:
            yield {k: v for k, v in body.items() if k != key}
            for value in self.wrong:
                yield {**body, key: value}
        yield {**body, 'more': 1}
        yield body

    def hold_against(self, method, path, body):
        calendar = ('2026-02-30', '2026-11-21T24:00:00Z')      # a pattern cannot know the calendar
        moments = ('at', 'issue_date', 'printed_at', 'written_at', 'verified_at')
        for variant in self.variants(body):
            status, headers, answer = self.one.client.call(method, path, variant)
            value = contract.check_answer(method, path, status, headers, answer)
            fits = contract.request_fits(method, path, variant)
            if '\u0000' in variant.values():
                self.assertEqual(value['error']['reason'], 'bad_json')
            elif not fits or any(variant.get(key) in calendar for key in moments):
                self.assertEqual(status, 400, (path, variant, value))
            elif status == 400:        # sense, not form: said in the contract's words on the call
                self.assertIn(value['error']['text'].split()[0], ('printed_at,', 'application', 'a', 'the'), value)

    def test_every_body(self):
        name, = self.plain()
        app = f'/v1/applications/{name}'
        minutes = {'number': 'M-1', 'sha256': ZERO}
        at = '2026-11-21T08:00:00Z'
        self.hold_against('POST', '/v1/hello', {'station': ONE, 'epoch': 1, 'seq': 0, 'head': ZERO})
        self.hold_against('POST', '/v1/anchors', {'epoch': 1, 'seq': 5, 'head': ZERO})
        self.hold_against('POST', app + '/claim', {'epoch': 1})
        self.hold_against('POST', app + '/release', {'fence': 1})
        self.hold_against('POST', app + '/begin', {'epoch': 1, 'fence': 1, 'face_code': 'ABCDEFGHJK',
                                                   'issue_date': '2026-11-21', 'authorisation': 'R-000001'})
        self.hold_against('PUT', app + '/issuance', self.one.report(name, 1, 'SC-1405-000001'))
        self.hold_against('POST', '/v1/spoils', self.one.spoil_body(name, 1, 'SC-1405-000001', minutes=minutes))
        self.hold_against('POST', '/v1/deliveries', {
            'application': name, 'serial': 'SC-1405-000001', 'way': 'hand', 'recipient': 'holder',
            'operator': 'p-1', 'at': at, 'minutes': minutes})
        self.hold_against('POST', '/v1/voids', {
            'application': name, 'serial': 'SC-1405-000001', 'text': 'x', 'chip': 'unverifiable',
            'operators': ['a', 'b'], 'at': at, 'minutes': minutes})
        self.hold_against('POST', '/v1/shipments/S-00001/receipt', {
            'from': 'SC-1405-000001', 'to': 'SC-1405-000009', 'count': 9, 'sound': True, 'text': '',
            'operators': ['a', 'b'], 'at': at, 'minutes': minutes})


class Approvals(PortalCase):
    def test_what_is_signed_and_shown(self):
        plain = self.plain(64)          # more than the samples have: national IDs are made
        seen = set()
        for item in self.one.items('/v1/applications'):
            self.assertEqual((item['stage'], item['held']), ('approved', 'none'))
            payload = unbase64url(item['approval'].split('.')[1])
            approval = json.loads(payload)
            contract.named('ApprovalPayload').validate(approval)
            times = [c['at'] for c in approval['confirmations']]
            self.assertEqual(times, sorted(times))
            self.assertGreaterEqual(approval['payment']['at'], times[-1])
            self.assertEqual(approval['payment']['amount_rial'], 1000000)
            number = approval['certificate']['national_id']
            total = sum(int(d) * (10 - i) for i, d in enumerate(number[:9])) % 11
            self.assertEqual(int(number[9]), total if total < 2 else 11 - total)
            seen.add(number)
        self.assertEqual(len(seen), len(plain))
        self.assertEqual(jws_open(self.portal, item['approval'], 'mohr-approval', 'approvals'), payload)
        status, photo = self.one.call('GET', '/v1/photos/' + approval['photo']['sha256'])
        self.assertEqual((status, len(photo)), (200, approval['photo']['n_bytes']))
        self.assertEqual(hashlib.sha256(photo).hexdigest(), approval['photo']['sha256'])
        self.assertEqual(photo[:3], b'\xff\xd8\xff')
        self.assertTrue(10000 <= len(photo) <= 25000, len(photo))

    def test_odd_ones(self):
        kinds = {item['id']: item['kind'] for item in self.portal.seed(0, odd=4)}
        items = {kinds[item['id']]: item for item in self.one.items('/v1/applications')}
        self.assertEqual(items['in_chain']['stage'], 'in_chain')
        self.assertIn('deadline', items['in_chain'])
        self.assertNotIn('approval', items['in_chain'])
        self.assertEqual(items['withdrawn']['stage'], 'withdrawn')
        self.assertNotIn('approval', items['withdrawn'])
        unpaid, early = (json.loads(unbase64url(items[k]['approval'].split('.')[1]))
                         for k in ('unpaid', 'paid_too_early'))
        self.assertIsNone(unpaid['payment'])
        self.assertLess(early['payment']['at'], early['confirmations'][-1]['at'])
        self.one.hello()
        for kind, reason in (('in_chain', 'wrong_state'), ('withdrawn', 'withdrawn')):
            self.one.refused(409, reason, 'POST', f'/v1/applications/{items[kind]["id"]}/claim', {'epoch': 1})
        for kind in ('altered', 'wrong_signer'):
            name = self.portal.seed(0, odd=1, odd_kind=kind)[0]['id']
            with self.assertRaises(AssertionError):
                jws_open(self.portal, self.one.application(name)['approval'], 'mohr-approval', 'approvals')

    def test_seeds_repeat(self):
        with tempfile.TemporaryDirectory() as folder:
            other = PortalSim(folder, stations=[ONE])
            other.seed(3, seed=5)
            self.portal.seed(3, seed=5)
            query = "SELECT group_concat(photo, ' ') FROM application"
            photos = [subprocess.run(['sqlite3', f'{p.dir}/portal.db', query], stdout=subprocess.PIPE,
                                     check=True).stdout for p in (self.portal, other)]
            self.assertEqual(photos[0], photos[1])


class Claims(PortalCase):
    options = {'lease_s': 1}

    def setUp(self):
        super().setUp()
        self.one.hello()
        self.two.hello()

    def begin_refused(self, station, status, reason, name, fence, **other):
        station.refused(status, reason, 'POST', f'/v1/applications/{name}/begin', {
            'epoch': 1, 'fence': fence, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21', **other})

    def test_one_holds_it(self):
        name, = self.plain()
        path = f'/v1/applications/{name}'
        self.begin_refused(self.one, 409, 'wrong_state', name, 1)
        fence = self.one.claim(name)
        self.two.refused(409, 'claimed_elsewhere', 'POST', path + '/claim', {'epoch': 1})
        self.begin_refused(self.two, 409, 'claimed_elsewhere', name, fence)
        item = self.two.application(name)
        self.assertEqual((item['stage'], item['held'], 'approval' in item), ('claimed', 'other', False))
        self.assertEqual(self.one.claim(name), fence + 1)
        self.begin_refused(self.one, 409, 'fenced', name, fence)
        self.begin_refused(self.one, 409, 'fenced', name, fence + 2)
        self.one.refused(409, 'fenced', 'POST', path + '/release', {'fence': fence})
        answer = self.one.done('POST', path + '/release', {'fence': fence + 1}, 'release')
        self.assertEqual(answer['stage'], 'approved')
        self.assertEqual(self.two.claim(name), fence + 2)
        self.two.begin(name, fence + 2)
        self.two.begin(name, fence + 2, face_code='0000000000')         # not started: another face
        self.one.refused(409, 'claimed_elsewhere', 'POST', path + '/claim', {'epoch': 1})
        self.two.refused(409, 'wrong_state', 'POST', path + '/claim', {'epoch': 1})
        self.two.refused(409, 'wrong_state', 'POST', path + '/release', {'fence': fence + 2})
        self.begin_refused(self.two, 404, 'not_found', 'A-9999-1', 1)

    def test_lease_lapses_only_before_begin(self):
        lost, kept = self.plain(2)
        fence, safe = self.one.claim(lost), self.one.claim(kept)
        self.one.begin(kept, safe)
        time.sleep(1.2)
        self.begin_refused(self.one, 409, 'lease_over', lost, fence)
        self.assertEqual(self.two.application(lost)['held'], 'none')
        self.assertEqual(self.two.claim(lost), fence + 1)
        self.begin_refused(self.one, 409, 'fenced', lost, fence)
        self.one.refused(409, 'fenced', 'POST', f'/v1/applications/{lost}/release', {'fence': fence})
        self.two.refused(409, 'claimed_elsewhere', 'POST', f'/v1/applications/{kept}/claim', {'epoch': 1})
        self.assertEqual([b['id'] for b in self.one.hello()['bound']], [kept])

    def test_a_lease_does_not_survive_a_restart_of_the_machine_only(self):
        name, = self.plain()
        fence = self.one.claim(name)
        self.portal.kill()
        self.portal.start()
        self.one.begin(name, fence)

    def test_stations_race(self):
        names = self.plain(12)

        def race(name):
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                return [f.result() for f in [pool.submit(s.call, 'POST', f'/v1/applications/{name}/claim',
                                                         {'epoch': 1}) for s in (self.one, self.two)]]
        for name in names:
            answers = race(name)
            self.assertEqual(sorted(status for status, _ in answers), [200, 409], answers)
        effects = [e for e in self.portal.ledger()['effects'] if e['what'] == 'claim']
        self.assertEqual(sorted(e['application'] for e in effects), sorted(names))

    def test_withdrawn(self):
        name, other = self.plain(2)
        self.one.begin(name, self.one.claim(name))
        self.portal.withdraw(name)
        self.portal.withdraw(other)
        self.assertEqual([i['application'] for i in self.one.items('/v1/withdrawn')], [name, other])
        report = self.one.report(name, 1, 'SC-1405-000001')
        self.one.refused(409, 'withdrawn', 'PUT', f'/v1/applications/{name}/issuance', report)
        self.one.refused(409, 'withdrawn', 'POST', f'/v1/applications/{other}/claim', {'epoch': 1})
        self.begin_refused(self.one, 409, 'withdrawn', name, 1)
        answer = self.one.done('POST', '/v1/spoils', self.one.spoil_body(name, 1, 'SC-1405-000001'), 'spoil')
        self.assertEqual(answer['stage'], 'withdrawn')

    def test_unbound_by_headquarters(self):
        name, = self.plain()
        fence = self.one.claim(name)
        self.one.begin(name, fence)
        self.portal.unbind(name)
        newer = self.two.claim(name)
        self.assertGreater(newer, fence)
        self.one.refused(409, 'fenced', 'PUT', f'/v1/applications/{name}/issuance',
                         {**self.one.report(name, fence, 'SC-1405-000001')} | {'data_sha256': ZERO})


class Epochs(PortalCase):
    def test_old_installations_are_fenced(self):
        name, = self.plain()
        claim = ('POST', f'/v1/applications/{name}/claim')
        self.one.refused(409, 'fenced', *claim, {'epoch': 1})           # before any hello
        self.assertEqual(self.one.hello(1, 10, 'a' * 64)['status'], 'ok')
        self.one.done('POST', '/v1/anchors', {'epoch': 1, 'seq': 20, 'head': 'b' * 64}, 'anchor')
        self.one.done('POST', '/v1/anchors', {'epoch': 1, 'seq': 20, 'head': 'b' * 64}, 'anchor')
        self.one.refused(409, 'fenced', 'POST', '/v1/anchors', {'epoch': 2, 'seq': 21, 'head': ZERO})
        self.one.refused(403, 'not_permitted', 'POST', '/v1/hello',
                         {'station': ONE, 'epoch': 2, 'seq': 0, 'head': ZERO})
        self.assertEqual(self.one.hello(1, 15, 'c' * 64)['status'], 'fenced')   # a backup came back
        self.one.refused(409, 'fenced', *claim, {'epoch': 1})
        self.assertEqual(self.one.hello(1, 30, 'd' * 64)['status'], 'fenced')   # and stays so
        self.assertEqual(self.portal.epoch(ONE), 2)
        self.assertEqual(self.one.hello(2, 3, ZERO)['status'], 'ok')
        self.assertEqual(self.one.hello(1, 40, ZERO)['status'], 'fenced')
        self.one.refused(409, 'fenced', *claim, {'epoch': 1})
        self.one.done(*claim, {'epoch': 2}, 'claim')

    def test_a_fork_is_seen(self):
        self.one.hello(1, 5, 'a' * 64)
        self.one.refused(409, 'fenced', 'POST', '/v1/anchors', {'epoch': 1, 'seq': 5, 'head': 'b' * 64})
        self.one.refused(409, 'fenced', 'POST', '/v1/anchors', {'epoch': 1, 'seq': 6, 'head': 'b' * 64})


class Reports(PortalCase):
    def setUp(self):
        super().setUp()
        self.one.hello()
        self.two.hello()

    def test_issued_once(self):
        name, other = self.plain(2)
        path = f'/v1/applications/{name}/issuance'
        fence = self.one.claim(name)
        self.one.refused(409, 'wrong_state', 'PUT', path, self.one.report(name, fence, 'SC-1405-000001'))
        self.one.begin(name, fence)
        good = self.one.report(name, fence, 'SC-1405-000001')
        for change, status, reason in (
                ({'fence': fence + 1}, 409, 'fenced'), ({'data_sha256': ZERO}, 409, 'data_differs'),
                ({'face_code': '0000000000'}, 409, 'wrong_state'), ({'issue_date': '2026-11-20'}, 409, 'wrong_state'),
                ({'written_at': '2026-11-21T07:00:00Z'}, 400, 'bad_request')):
            self.one.refused(status, reason, 'PUT', path, {**good, **change})
        self.two.refused(409, 'claimed_elsewhere', 'PUT', path, good)
        self.one.done('PUT', path, good, 'issuance')
        self.one.refused(409, 'already_issued', 'PUT', path, good)      # another key: another report
        self.one.refused(409, 'already_issued', 'POST', f'/v1/applications/{name}/claim', {'epoch': 1})
        fence = self.one.claim(other)
        self.one.begin(other, fence)
        second = self.one.report(other, fence, 'SC-1405-000001')
        self.one.refused(409, 'serial_used', 'PUT', f'/v1/applications/{other}/issuance', second)
        second['serial'] = 'SC-1405-000002'
        self.one.refused(409, 'chip_taken', 'PUT', f'/v1/applications/{other}/issuance', second)
        self.assertEqual([(i['id'], i['serial']) for i in self.one.hello()['issued']], [(name, 'SC-1405-000001')])

    def test_spoiled_and_issued_anew(self):
        name, = self.plain()
        fence = self.one.claim(name)
        self.one.begin(name, fence)
        spoil = self.one.spoil_body(name, fence, 'SC-1405-000001')
        begin = {'epoch': 1, 'fence': fence, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21'}
        path = f'/v1/applications/{name}'
        self.one.refused(400, 'bad_request', 'POST', '/v1/spoils', {**spoil, 'cause': 'other'})
        self.one.refused(400, 'bad_request', 'POST', '/v1/spoils', {**spoil, 'fence': None})
        self.one.refused(409, 'wrong_state', 'POST', '/v1/spoils', {**spoil, 'registered': True})
        self.one.refused(409, 'fenced', 'POST', '/v1/spoils', {**spoil, 'fence': fence + 1})
        self.two.refused(409, 'claimed_elsewhere', 'POST', '/v1/spoils', spoil)
        self.assertEqual(self.one.done('POST', '/v1/spoils', spoil, 'spoil')['stage'], 'awaiting_reissue')
        self.one.refused(409, 'serial_used', 'POST', '/v1/spoils', spoil)
        self.one.refused(409, 'awaiting_reissue', 'POST', path + '/begin', begin)
        self.one.refused(409, 'awaiting_reissue', 'POST', path + '/claim', {'epoch': 1})
        self.one.refused(409, 'awaiting_reissue', 'PUT', path + '/issuance',
                         self.one.report(name, fence, 'SC-1405-000002'))
        self.assertEqual(self.one.hello()['bound'][0]['spoiled_serial'], 'SC-1405-000001')
        self.assertEqual(self.one.items('/v1/reissues'), [])
        self.portal.authorise(name)
        with self.assertRaises(RuntimeError):
            self.portal.authorise(name)         # one spoiled serial buys one
        item, = self.one.items('/v1/reissues')
        payload = json.loads(jws_open(self.portal, item['authorisation'], 'mohr-reissue', 'reissues'))
        contract.named('ReissuePayload').validate(payload)
        self.assertEqual((payload['application'], payload['spoiled_serial']), (name, 'SC-1405-000001'))
        self.one.refused(409, 'wrong_state', 'POST', path + '/claim', {'epoch': 1})
        self.one.refused(404, 'not_found', 'POST', path + '/begin', {**begin, 'authorisation': 'R-999999'})
        self.one.begin(name, fence, payload['id'])
        self.one.begin(name, fence, payload['id'])      # again while it stays bound by it
        self.one.refused(409, 'serial_used', 'PUT', path + '/issuance',
                         self.one.report(name, fence, 'SC-1405-000001'))
        self.one.done('PUT', path + '/issuance', self.one.report(name, fence, 'SC-1405-000002'), 'issuance')

        late = self.one.spoil_body(name, fence, 'SC-1405-000002', stage='issued', chip='withdrawn_list')
        self.one.refused(409, 'already_issued', 'POST', '/v1/spoils', late)
        late['registered'] = True       # note 3's own case: the serial had been recorded
        self.assertEqual(self.one.done('POST', '/v1/spoils', late, 'spoil')['stage'], 'awaiting_reissue')
        self.one.refused(409, 'authorisation_used', 'POST', path + '/begin', {**begin, 'authorisation': payload['id']})
        withdrawn, = self.one.items('/v1/withdrawn')
        statement = json.loads(jws_open(self.portal, withdrawn['statement'], 'mohr-withdrawn', 'withdrawn'))
        contract.named('WithdrawnPayload').validate(statement)
        self.assertEqual(statement['serial'], 'SC-1405-000002')
        grant, = self.portal.authorise()
        self.one.issue(name, grant['id'])
        ledger = self.portal.ledger()
        self.assertEqual([c['status'] for c in ledger['cards']], ['spoiled', 'spoiled', 'issued'])

    def test_an_authorisation_is_for_one_card(self):
        first, second = self.plain(2)
        for n, name in enumerate((first, second)):
            fence = self.one.claim(name)
            self.one.begin(name, fence)
            self.one.done('POST', '/v1/spoils', self.one.spoil_body(name, fence, f'SC-1405-00000{n}'), 'spoil')
        grants = {g['application']: g['id'] for g in self.portal.authorise()}
        begin = {'epoch': 1, 'fence': 1, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21'}
        self.one.refused(409, 'authorisation_used', 'POST', f'/v1/applications/{first}/begin',
                         {**begin, 'authorisation': grants[second]})
        self.one.begin(first, 1, grants[first])
        self.portal.unbind(second)              # and may then be claimed by another station
        fence = self.two.claim(second)
        self.two.begin(second, fence, grants[second])

    def test_a_blank_is_spoiled(self):
        body = self.one.spoil_body(None, None, 'SC-1405-000009', stage='room', cause='card_surface')
        answer = self.one.done('POST', '/v1/spoils', body, 'spoil')
        self.assertEqual((answer['application'], answer['stage']), (None, None))
        name, = self.plain()
        fence = self.one.claim(name)
        claimed = self.one.spoil_body(name, fence, 'SC-1405-000010', stage='reserved')
        self.assertEqual(self.one.done('POST', '/v1/spoils', claimed, 'spoil')['stage'], 'claimed')

    def test_delivered_and_void(self):
        name, = self.plain()
        fence, serial = self.one.issue(name)
        delivery = {'application': name, 'serial': serial, 'way': 'hand', 'recipient': 'holder', 'operator': 'p-3',
                    'at': '2026-11-23T08:00:00Z'}
        self.two.refused(409, 'claimed_elsewhere', 'POST', '/v1/deliveries', delivery)
        self.one.refused(409, 'wrong_state', 'POST', '/v1/deliveries', {**delivery, 'serial': 'SC-1405-000099'})
        self.one.done('POST', '/v1/deliveries', delivery, 'delivery')
        self.one.refused(409, 'wrong_state', 'POST', '/v1/deliveries', delivery)
        void = {'application': name, 'serial': serial, 'text': 'name changed', 'chip': 'unverifiable',
                'operators': ['p-3', 'p-4'], 'at': '2026-12-01T08:00:00Z', 'minutes': {'number': '7', 'sha256': ZERO}}
        self.one.done('POST', '/v1/voids', void, 'void')
        self.one.refused(409, 'wrong_state', 'POST', '/v1/voids', void)
        self.one.issue(name, self.portal.authorise(name)[0]['id'])

    def test_shipments(self):
        shipment = self.portal.ship('SC-1405-000001', 'SC-1405-000500')
        item, = self.one.items('/v1/shipments')
        self.assertEqual((item['id'], item['count']), (shipment, 500))
        receipt = {'from': item['from'], 'to': item['to'], 'count': 500, 'sound': True, 'text': '',
                   'operators': ['p-5', 'p-6'], 'at': '2026-11-21T08:00:00Z',
                   'minutes': {'number': '1', 'sha256': ZERO}}
        path = f'/v1/shipments/{shipment}/receipt'
        self.one.done('POST', path, receipt, 'shipment_receipt')
        self.one.refused(409, 'wrong_state', 'POST', path, receipt)
        self.one.refused(404, 'not_found', 'POST', '/v1/shipments/S-99999/receipt', receipt)

    def test_ledger_tells_all(self):
        name, = self.plain()
        fence, serial = self.one.issue(name)
        items = self.one.items('/v1/ledger', 2)
        self.assertEqual([i['what'] for i in items], ['hello', 'hello', 'claim', 'begin', 'issuance'])
        self.assertEqual((items[-1]['application'], items[-1]['serial'], items[-1]['fence']), (name, serial, fence))
        numbers = [i['portal_seq'] for i in items]
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual([i['what'] for i in self.two.items('/v1/ledger')], ['hello'])
        stamps = [e['mono_ns'] for e in self.portal.ledger()['effects']]
        self.assertEqual(stamps, sorted(stamps))


class NoteThree(PortalCase):
    options = {'registered_only': True}

    def test_only_a_reported_serial_needs_headquarters(self):
        self.one.hello()
        name, = self.plain()
        fence = self.one.claim(name)
        self.one.begin(name, fence)
        answer = self.one.done('POST', '/v1/spoils', self.one.spoil_body(name, fence, 'SC-1405-000001'), 'spoil')
        self.assertEqual(answer['stage'], 'bound')
        self.one.begin(name, fence, face_code='0000000000')
        report = self.one.report(name, fence, 'SC-1405-000002', face_code='0000000000')
        self.one.done('PUT', f'/v1/applications/{name}/issuance', report, 'issuance')
        late = self.one.spoil_body(name, fence, 'SC-1405-000002', registered=True)
        self.assertEqual(self.one.done('POST', '/v1/spoils', late, 'spoil')['stage'], 'awaiting_reissue')


class OnceForEver(PortalCase):
    def setUp(self):
        super().setUp()
        self.one.hello()

    def test_a_key_gets_its_answer_again(self):
        name, other = self.plain(2)
        key, refused = str(uuid.uuid4()), str(uuid.uuid4())
        path = f'/v1/applications/{name}/claim'
        first = self.one.client.call('POST', path, {'epoch': 1}, key)
        no = self.one.client.call('POST', f'/v1/applications/{name}/release', {'fence': 9}, refused)
        self.assertEqual((first[0], no[0]), (200, 409))
        effects = len(self.portal.ledger()['effects'])
        for again in range(3):
            if again == 1:
                self.portal.kill()
                self.portal.start()
            self.assertEqual(self.one.client.call('POST', path, {'epoch': 1}, key)[2], first[2])
            self.assertEqual(self.one.client.call('POST', f'/v1/applications/{name}/release', {'fence': 9},
                                                  refused)[2], no[2])
        self.assertEqual(len(self.portal.ledger()['effects']), effects)
        self.one.refused(422, 'key_reused', 'POST', path, b'{"epoch": 1 }', key=key)
        self.one.refused(422, 'key_reused', 'POST', f'/v1/applications/{other}/claim', {'epoch': 1}, key=key)
        self.two.hello()                # another station's keys are its own
        status, answer = self.two.call('POST', f'/v1/applications/{other}/claim', {'epoch': 1}, key)
        self.assertEqual(status, 200, answer)

    def test_what_was_not_applied_may_be_sent_again(self):
        name, = self.plain()
        key = str(uuid.uuid4())
        path = f'/v1/applications/{name}/claim'
        for status, reason in ((503, 'unavailable'), (429, 'slow_down'), (500, 'internal')):
            self.portal.fault('status', path='/claim', arg=status)
            self.one.refused(status, reason, 'POST', path, {'epoch': 1}, key=key)
        self.one.refused(400, 'bad_request', 'POST', path, {}, key=key, fits=False)
        self.assertEqual(self.one.call('POST', path, {'epoch': 1}, key)[0], 200)

    def test_no_answer_is_no_loss(self):
        names = self.plain(4)
        for name, mode in zip(names, ('drop_before', 'drop_after', 'truncate', 'nonsense')):
            fence = self.one.claim(name)
            self.one.begin(name, fence)
            body, key = self.one.report(name, fence, self.one.serial()), str(uuid.uuid4())
            path = f'/v1/applications/{name}/issuance'
            self.portal.fault(mode, path='/issuance', count=2, arg=20)
            for _ in range(2):
                try:
                    status, _, answer = self.one.client.call('PUT', path, body, key)
                    self.assertEqual((status, mode), (200, 'nonsense'))
                    self.assertRaises(ValueError, json.loads, answer)
                except (OSError, http.client.HTTPException):
                    self.assertNotEqual(mode, 'nonsense')
            self.assertEqual(self.one.call('PUT', path, body, key)[0], 200)
        ledger = self.portal.ledger()
        self.assertEqual(sum(e['what'] == 'issuance' for e in ledger['effects']), 4)
        self.assertEqual(sum(c['status'] == 'issued' for c in ledger['cards']), 4)

    def test_delays_and_a_bad_receipt(self):
        name, = self.plain()
        self.portal.fault('delay_before', path='/claim', arg=300)
        self.portal.fault('delay_after', path='/ledger', arg=300)
        for method, path, body in (('POST', f'/v1/applications/{name}/claim', {'epoch': 1}),
                                   ('GET', '/v1/ledger', None)):
            start = time.monotonic()
            self.assertEqual(self.one.call(method, path, body)[0], 200)
            self.assertGreaterEqual(time.monotonic() - start, .3)
        self.portal.fault('bad_receipt', path='/begin')
        body = {'epoch': 1, 'fence': 1, 'face_code': 'ABCDEFGHJK', 'issue_date': '2026-11-21'}
        key = str(uuid.uuid4())
        for good in (False, True):              # the stored answer is the right one
            _, answer = self.one.call('POST', f'/v1/applications/{name}/begin', body, key)
            try:
                jws_open(self.portal, answer['receipt'], 'mohr-receipt', 'receipts')
                self.assertTrue(good)
            except AssertionError:
                self.assertFalse(good)

    def test_killed_at_any_moment(self):
        """kill -9 while reports stream in: what was answered stays, what was not is applied once by the same key."""
        names = self.plain(15)
        reports = []
        for name in names:
            fence = self.one.claim(name)
            self.one.begin(name, fence)
            reports.append((f'/v1/applications/{name}/issuance', self.one.report(name, fence, self.one.serial()),
                            str(uuid.uuid4())))
        answered = {}

        def stream():
            for path, body, key in reports:
                while key not in answered:
                    try:
                        status, _, answer = self.one.client.call('PUT', path, body, key, timeout=5)
                        self.assertEqual(status, 200, answer)
                        answered[key] = answer
                    except (OSError, http.client.HTTPException):
                        time.sleep(.01)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            done = pool.submit(stream)
            for n in range(12):
                time.sleep(.02 + .007 * n)
                self.portal.kill()
                self.portal.start()
            done.result(60)
        for path, body, key in reports:
            self.assertEqual(self.one.client.call('PUT', path, body, key)[2], answered[key])
        ledger = self.portal.ledger()
        self.assertEqual(sum(e['what'] == 'issuance' for e in ledger['effects']), len(names))
        self.assertEqual(sum(c['status'] == 'issued' for c in ledger['cards']), len(names))


def tearDownModule():
    """Nothing of the contract may stay untried: each operation was answered with 200 and, where it can be, 409."""
    missing = contract.operations() - {name for name, status in contract.seen if status == 200}
    assert not missing, f'never answered with 200: {missing}'


if __name__ == '__main__':
    unittest.main(verbosity=1)

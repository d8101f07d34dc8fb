#!/usr/bin/python3
"""mohr-net and the station's decoders against the reference portal, which shares no code with them: every kind of
applicant gets its verdict, every effect its receipt, and a lost answer is repeated to one effect.

usage: portal-net-test.py MOHR-NET READ-PORTAL (MOHR_BUILD: where portal-sim is)"""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import unittest
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..'))
from rig.portal import STATION, PortalSim  # noqa: E402
from scenario.envelope import Peer  # noqa: E402

NET, READ = sys.argv[1:3]

# portal-sim seed --odd-kind (tests/sim/portal/README.md) and what the station must say
VERDICTS = {
    'unpaid': 'not_paid', 'paid_too_early': 'paid_too_early', 'bad_national_id': 'bad_national_id',
    'bidi_name': 'bad_text', 'confirm_order': 'approval_incomplete', 'unconfirmed': 'approval_incomplete',
    'unknown_key': 'bad_json', 'duplicate_key': 'bad_json', 'altered': 'approval_broken',
    'wrong_signer': 'approval_broken', 'in_chain': 'none', 'withdrawn': 'none', 'photo_small': 'ok', 'plain': 'ok',
}


class PortalAndNet(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix='mohr-portal-net-')
        self.portal = PortalSim(os.path.join(self.folder.name, 'portal')).start()
        path = os.path.join(self.folder.name, 'net.sock')
        self.net = subprocess.Popen([NET, '--socket', path, '--peer-uid', str(os.getuid()), '--url', self.portal.url,
                                     '--ca', self.portal.ca, '--cert', self.portal.cert(), '--key', self.portal.key()])
        self.peer = self.connect(path)

    def connect(self, path):
        for _ in range(500):
            try:
                peer = Peer(path)
                self.assertEqual(peer.receive()[0]['say'], 'ready')
                return peer
            except (FileNotFoundError, ConnectionRefusedError):
                time.sleep(0.01)
        raise AssertionError('mohr-net does not listen')

    def tearDown(self):
        self.peer.close()
        self.net.terminate()
        self.net.wait()
        self.portal.stop()
        self.folder.cleanup()

    def call(self, method, path, body=None, key=None):
        args = {'method': method, 'path': path}
        if body is None:
            return self.peer.call('call', args)
        return self.peer.call('call', {**args, 'key': key or str(uuid.uuid4())}, json.dumps(body).encode())

    def read(self, body, *words):
        done = subprocess.run([READ, words[0], self.portal.ca, *words[1:]], input=body, stdout=subprocess.PIPE, check=False)
        return done.stdout.decode().splitlines()

    def verdicts(self):
        """{id: (verdict, [differing fields])} of all pages."""
        found, after = {}, ''
        while True:
            message, body = self.call('GET', '/v1/applications?limit=100' + (f'&after={after}' if after else ''))
            self.assertEqual((message['say'], message['args']['status']), ('done', 200), message)
            for line in self.read(body, 'applications'):
                words = line.split()
                found[words[0]] = (words[2], words[3:])
            page = json.loads(body)
            after = page['next']
            if not page['more']:
                return found

    def applied(self, what, method, path, body, key=None):
        """One call with its receipt checked; the answer."""
        key = key or str(uuid.uuid4())
        message, answer = self.call(method, path, body, key)
        self.assertEqual((message['say'], message.get('args', {}).get('status')), ('done', 200), (message, answer))
        digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
        self.assertEqual(self.read(answer, 'receipt', STATION, key, digest, what), ['ok'])
        other = str(uuid.uuid4())
        self.assertEqual(self.read(answer, 'receipt', STATION, other, digest, what), ['receipt_broken'])
        return json.loads(answer)

    def test_every_sample_may_be_printed(self):
        seeded = self.portal.seed(60)
        found = self.verdicts()
        self.assertEqual({one['id']: ('ok', []) for one in seeded}, found)

    def test_odd_applicants(self):
        for kind, verdict in VERDICTS.items():
            if kind == 'plain':
                continue
            odd = [one['id'] for one in self.portal.seed(0, odd=1, odd_kind=kind)]
            self.assertEqual([verdict], [self.verdicts()[one][0] for one in odd], kind)
        odd = self.portal.seed(0, odd=1, odd_kind='worksheet_differs')[0]['id']
        verdict, fields = self.verdicts()[odd]
        self.assertEqual(verdict, 'ok')
        self.assertNotEqual(fields, [])

    def test_receipts_and_a_lost_answer(self):
        one = self.portal.seed(1)[0]['id']
        epoch = 1
        hello = {'station': STATION, 'epoch': epoch, 'seq': 0, 'head': '0' * 64}
        self.applied('hello', 'POST', '/v1/hello', hello)
        path, key = f'/v1/applications/{one}/claim', str(uuid.uuid4())
        self.portal.fault('drop_after', path='/claim')
        message, _ = self.call('POST', path, {'epoch': epoch}, key)
        self.assertEqual((message['say'], message['error']['kind']), ('failed', 'unknown'), message)
        self.assertEqual(1, len([e for e in self.portal.ledger()['effects'] if e['what'] == 'claim']))
        claim = self.applied('claim', 'POST', path, {'epoch': epoch}, key)  # the same bytes under the same key
        self.assertEqual(1, len([e for e in self.portal.ledger()['effects'] if e['what'] == 'claim']))
        begin = {'epoch': epoch, 'fence': claim['fence'], 'face_code': '0123456789', 'issue_date': '2026-11-21'}
        self.applied('begin', 'POST', f'/v1/applications/{one}/begin', begin)
        message, body = self.call('POST', path, {'epoch': epoch})
        self.assertEqual(message['args']['status'], 409, body)

    def test_bad_receipt(self):
        self.portal.fault('bad_receipt', path='/hello')
        key, body = str(uuid.uuid4()), {'station': STATION, 'epoch': 1, 'seq': 0, 'head': '0' * 64}
        message, answer = self.call('POST', '/v1/hello', body, key)
        self.assertEqual(message['args']['status'], 200)
        digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
        self.assertEqual(self.read(answer, 'receipt', STATION, key, digest, 'hello'), ['receipt_broken'])

    def test_faults(self):
        for mode, arg, kind in (('drop_before', 0, 'unknown'), ('nonsense', 0, None), ('truncate', 10, 'unknown')):
            self.portal.fault(mode, path='/hello', arg=arg)
            key, body = str(uuid.uuid4()), {'station': STATION, 'epoch': 1, 'seq': 0, 'head': '0' * 64}
            message, answer = self.call('POST', '/v1/hello', body, key)
            if kind:
                self.assertEqual((message['say'], message['error']['kind']), ('failed', kind), (mode, message))
            elif message['say'] == 'done':
                digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
                self.assertEqual(self.read(answer, 'receipt', STATION, key, digest, 'hello'), ['portal_nonsense'])
        for status in (429, 500, 503):
            self.portal.fault('status', path='/hello', arg=status)
            message, _ = self.call('POST', '/v1/hello', {'station': STATION, 'epoch': 1, 'seq': 0, 'head': '0' * 64})
            self.assertEqual(message['args']['status'], status)

    def test_photo(self):
        self.portal.seed(1)
        _, page = self.call('GET', '/v1/applications?limit=1')
        payload = json.loads(page)['items'][0]['approval'].split('.')[1]
        photo = json.loads(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))['photo']
        message, body = self.call('GET', '/v1/photos/' + photo['sha256'])
        self.assertEqual(message['args']['status'], 200)
        self.assertEqual((hashlib.sha256(body).hexdigest(), len(body)), (photo['sha256'], photo['n_bytes']))


if __name__ == '__main__':
    unittest.main(argv=sys.argv[:1] + sys.argv[3:], verbosity=2)

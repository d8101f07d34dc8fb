"""A proxy between mohr-net and the portal that does what networks and servers do, on purpose and one call at a time.

    with FaultProxy(folder, portal, station='golestan-1') as proxy:
        proxy.next('drop_after', path='/claim')      # the next call whose path holds /claim; count=, arg=
        proxy.tls = 'expired'                        # every handshake from now on; None: good again
        proxy.hold = '/issuance'                     # such calls get 500 until it is None again; or several: a tuple
        proxy.url                                    # for mohr-net --url

TLS ends here: the station sees a certificate of the portal's CA, the portal sees the station's own. One request per
connection. `done` tells {(fault, endpoint): count} of the faults that happened, `leaked` the bytes that a client sent
after a handshake that should have failed.
"""
import collections
import gzip
import os
import random
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
import warnings

GOOD_SAN = 'IP:127.0.0.1,IP:::1,DNS:localhost'
TLS_FAULTS = ('expired', 'wrong_host', 'wrong_ca', 'self_signed', 'client_only', 'revoked', 'weak_key', 'weak_digest', 'tls11',
              'weak_cipher', 'no_client_cert', 'plain')
# applied: the portal sees the call. The rest never reaches it.
NOT_APPLIED = ('drop_before', 'reset_before', 'http_500', 'http_502', 'http_503', 'http_429', 'http_408', 'redirect_302',
               'redirect_308')
APPLIED = ('drop_after', 'reset_after', 'delay', 'half_close', 'duplicate', 'duplicate_second', 'truncate', 'truncate_head',
           'header_flood', 'info_flood', 'gzip_bomb', 'gzip', 'length_short', 'length_long', 'no_length', 'http_503_after',
           'json_malformed', 'json_deep', 'json_duplicate', 'json_unknown', 'json_huge', 'json_nan', 'json_bytes', 'html',
           'empty', 'date_skew')
SLOW = ('one_byte_a_second', 'late')          # cost mohr-net's whole deadline
RECEIPTS = ('receipt_swapped', 'receipt_replayed', 'receipt_broken')
FAULTS = NOT_APPLIED + APPLIED + SLOW + RECEIPTS


def endpoint(method, path):
    """The operation's name in the tables: claim, begin, issuance, spoils, anchors, hello, applications, photos ..."""
    parts = path.split('?')[0].strip('/').split('/')
    return parts[3] if len(parts) > 3 else parts[1] if len(parts) > 1 else path


def openssl(folder, *words):
    subprocess.run(['openssl', *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


EC = ('ec', '-pkeyopt', 'ec_paramgen_curve:P-256')


def make_leaf(folder, name, ca, san=GOOD_SAN, days='2', use='serverAuth', key=EC, digest='-sha256'):
    with open(f'{folder}/{name}.ext', 'w') as f:
        f.write(f'basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage={use}\n'
                f'subjectAltName={san}\n')
    openssl(folder, 'req', '-new', '-newkey', *key, '-nodes', '-subj', f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')
    sign = ['-signkey', f'{name}.key'] if ca is None else ['-CA', ca + '.pem', '-CAkey', ca + '.key', '-CAcreateserial']
    openssl(folder, 'x509', '-req', '-in', f'{name}.csr', *sign, '-days', days, digest, '-extfile', f'{name}.ext', '-out',
            f'{name}.pem')


def make_certificates(folder, ca):
    if os.path.exists(folder + '/done'):
        return
    os.makedirs(folder, exist_ok=True)
    openssl(folder, 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj',
            '/CN=Other CA', '-keyout', 'other-ca.key', '-out', 'other-ca.pem')
    make_leaf(folder, 'expired', ca, days='-1')
    make_leaf(folder, 'wrong_host', ca, san='DNS:portal.example')
    make_leaf(folder, 'client_only', ca, use='clientAuth')
    make_leaf(folder, 'wrong_ca', folder + '/other-ca')
    make_leaf(folder, 'self_signed', None)
    make_leaf(folder, 'weak_key', ca, key=('rsa:1024',))
    make_leaf(folder, 'weak_digest', ca, digest='-sha1')
    for end in ('.pem', '.key'):  # in the list that the station has (rig/pki)
        shutil.copy(os.path.join(os.path.dirname(ca), 'revoked-portal' + end), os.path.join(folder, 'revoked' + end))
    open(folder + '/done', 'w').close()


class Request:
    def __init__(self, head, body):
        self.head, self.body = head, body
        self.method, self.path = head.split(b' ', 2)[0].decode(), head.split(b' ', 2)[1].decode()
        key = re.search(rb'(?im)^idempotency-key: *(\S+)', head)
        self.key = key[1].decode() if key else None
        self.endpoint = endpoint(self.method, self.path)

    @property
    def raw(self):
        return self.head + self.body


class Answer:
    """Status line, headers and body apart."""

    def __init__(self, raw):
        head, _, self.body = raw.partition(b'\r\n\r\n')
        self.lines = head.split(b'\r\n')

    def without(self, name):
        self.lines = [l for l in self.lines if not l.lower().startswith(name + b':')]
        return self

    def bytes(self, body=None, length=None, more=()):
        body = self.body if body is None else body
        lines = list(self.without(b'content-length').lines) + list(more)
        if length != 'none':
            lines.append(b'Content-Length: %d' % (len(body) if length is None else length))
        return b'\r\n'.join(lines) + b'\r\n\r\n' + body


def plain(status, text=b'{"error":{"reason":"unavailable","text":"by the proxy"}}', more=()):
    lines = [b'HTTP/1.1 %d X' % status, b'Content-Type: application/json', b'Connection: close', *more,
             b'Content-Length: %d' % len(text)]
    return b'\r\n'.join(lines) + b'\r\n\r\n' + text


class FaultProxy:
    def __init__(self, folder, portal, station, seed=0):
        self.folder, self.portal, self.station = folder, portal, station
        self.seed, self.lock = seed, threading.Lock()
        self.plan, self.done, self.tls, self.hold, self.leaked, self.receipts = [], collections.Counter(), None, None, 0, []
        self.choose, self.calls, self.errors = None, collections.Counter(), []
        make_certificates(folder, os.path.join(portal.pki, 'portal-ca'))
        self.contexts = {name: self._context(name) for name in (None, *TLS_FAULTS) if name != 'plain'}
        self.upstream = ssl.create_default_context(cafile=portal.ca)
        self.upstream.load_cert_chain(portal.cert(station), portal.key(station))
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        self.url = f'https://127.0.0.1:{self.port}'
        self.open = True
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _context(self, name):
        good = name in (None, 'tls11', 'weak_cipher', 'no_client_cert')
        base = os.path.join(self.portal.pki, 'portal') if good else os.path.join(self.folder, name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if name == 'tls11':
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')
                context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers('ALL:@SECLEVEL=0')
        if name == 'weak_cipher':  # CBC
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers('ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0')
        if name in ('weak_key', 'weak_digest'):
            context.set_ciphers('DEFAULT:@SECLEVEL=0')
        context.load_cert_chain(base + '.pem', base + '.key')
        context.load_verify_locations(self.portal.ca)
        context.verify_mode = ssl.CERT_NONE if name == 'no_client_cert' else ssl.CERT_REQUIRED
        return context

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.open = False
        self.listener.close()

    # ---- what goes wrong --------------------------------------------------------------------------------------------

    def next(self, fault, path='', count=1, arg=None):
        assert fault in FAULTS, fault
        with self.lock:
            self.plan += [(fault, path, arg)] * count

    def clear(self):
        with self.lock:
            self.plan, self.tls, self.hold, self.choose = [], None, None, None

    def _fault(self, request):
        with self.lock:
            self.calls[request.endpoint] += 1
            hold = (self.hold,) if isinstance(self.hold, str) else self.hold or ()
            if any(h in request.path for h in hold):
                return 'http_500', None
            for i, (fault, path, arg) in enumerate(self.plan):
                if path in request.path:
                    del self.plan[i]
                    return fault, arg
            return (self.choose(request), None) if self.choose else (None, None)

    # ---- one connection ---------------------------------------------------------------------------------------------

    def _run(self):
        while self.open:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        raw.settimeout(20)
        try:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits for the ACK of the TLS tickets
            bad = self.tls
            if bad == 'plain':
                self._count(bad, 'connect')
                raw.sendall(plain(200, b'{}'))
                raw.close()
                return
            if bad:
                self._count(bad, 'connect')
            with self.contexts[bad].wrap_socket(raw, server_side=True) as client:
                if bad:
                    self.leaked += len(client.recv(65536))
                else:
                    self._call(client)
        except (OSError, ValueError) as error:
            self.errors.append(str(error))
        finally:
            raw.close()

    def _count(self, fault, where):
        with self.lock:
            self.done[fault, where] += 1

    @staticmethod
    def _read(client):
        data = b''
        while b'\r\n\r\n' not in data:
            more = client.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b'\r\n\r\n')
        n = re.search(rb'(?im)^content-length: *(\d+)', head)
        while len(body) < (int(n[1]) if n else 0):
            more = client.recv(65536)
            if not more:
                return None
            body += more
        return Request(head + b'\r\n\r\n', body)

    def _forward(self, request):
        with socket.create_connection(('127.0.0.1', self.portal.port), timeout=20) as raw:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.upstream.wrap_socket(raw, server_hostname='127.0.0.1') as up:
                up.sendall(request.raw)
                answer = b''
                while True:
                    try:
                        more = up.recv(65536)
                    except ssl.SSLError:
                        more = b''
                    if not more:
                        break
                    answer += more
        self._remember(request, answer)
        return answer

    def _remember(self, request, raw):
        found = re.search(rb'"receipt": ?"([^"]+)"', raw)
        if found and request.key:
            with self.lock:
                self.receipts.append((request.endpoint, request.key, found[1]))

    def _call(self, client):
        request = self._read(client)
        if not request:
            return
        fault, arg = self._fault(request)
        if not fault:
            answer = self._forward(request)
            client.sendall(answer)
            return
        self._count(fault, request.endpoint)
        if fault in NOT_APPLIED:
            self._not_applied(client, fault)
        else:
            answer = self._forward(request)
            if not answer:
                return
            getattr(self, '_do_' + fault, self._do_answer)(client, request, answer, fault, arg)

    def _where(self, request, fault, n):
        """Somewhere in n bytes: the same for the same seed, fault, call and turn, whatever else happens meanwhile."""
        turn = self.done[fault, request.endpoint]
        return random.Random(f'{self.seed} {fault} {request.endpoint} {turn}').randrange(n)

    @staticmethod
    def _reset(client):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))

    def _not_applied(self, client, fault):
        if fault == 'reset_before':
            self._reset(client)
        elif fault.startswith('redirect'):
            client.sendall(plain(int(fault[-3:]), b'', [b'Location: https://127.0.0.1:%d/v1/hello' % self.port]))
        elif fault.startswith('http'):
            client.sendall(plain(int(fault[-3:]), more=[b'Retry-After: 1'] if fault == 'http_429' else []))

    def _do_drop_after(self, *_):
        pass

    def _do_reset_after(self, client, *_):
        self._reset(client)

    def _do_delay(self, client, _request, answer, _fault, arg):
        time.sleep(arg or 0.3)
        client.sendall(answer)

    def _do_half_close(self, client, *_):
        client.unwrap()

    def _do_duplicate(self, client, request, answer, *_):
        self._forward(request)
        client.sendall(answer)

    def _do_duplicate_second(self, client, request, *_):
        client.sendall(self._forward(request))

    def _do_truncate(self, client, request, answer, fault, arg):
        client.sendall(answer[:arg if arg is not None else self._where(request, fault, len(answer))])

    def _do_truncate_head(self, client, request, answer, fault, _arg):
        client.sendall(answer[:self._where(request, fault, answer.index(b'\r\n\r\n'))])

    def _do_one_byte_a_second(self, client, _request, answer, *_):
        for byte in answer:
            client.sendall(bytes([byte]))
            time.sleep(1)

    def _do_late(self, client, _request, answer, _fault, arg):
        time.sleep(arg or 6)
        client.sendall(answer)

    def _do_header_flood(self, client, _request, answer, *_):
        client.sendall(Answer(answer).bytes(more=[b'X-Flood-%d: %s' % (i, b'a' * 90) for i in range(10000)]))

    def _do_info_flood(self, client, _request, answer, *_):
        client.sendall(b'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n' * 5000 + answer)

    def _do_length_short(self, client, _request, answer, *_):
        a = Answer(answer)
        client.sendall(a.bytes(length=len(a.body) // 2))

    def _do_length_long(self, client, _request, answer, *_):
        a = Answer(answer)
        client.sendall(a.bytes(length=len(a.body) + 100))

    def _do_no_length(self, client, _request, answer, *_):
        client.sendall(Answer(answer).bytes(length='none'))

    def _do_gzip(self, client, _request, answer, *_):
        a = Answer(answer)
        client.sendall(a.bytes(gzip.compress(a.body), more=[b'Content-Encoding: gzip']))

    def _do_gzip_bomb(self, client, _request, answer, *_):
        client.sendall(Answer(answer).bytes(gzip.compress(bytes(1 << 26)), more=[b'Content-Encoding: gzip']))

    def _do_date_skew(self, client, _request, answer, *_):
        skewed = b'Date: Sat, 01 Jan 2050 00:00:00 GMT'
        client.sendall(Answer(answer).without(b'date').bytes(more=[skewed]))

    def _do_http_503_after(self, client, *_):
        client.sendall(plain(503))

    def _do_answer(self, client, request, answer, fault, _arg):
        """Another body than the portal's."""
        a = Answer(answer)
        body = getattr(self, '_body_' + fault)(a.body, request)
        client.sendall(a.bytes(body))

    @staticmethod
    def _body_json_malformed(body, _request):
        return body[:-1] + b',}'

    @staticmethod
    def _body_json_deep(_body, _request):
        return b'{"a":' * 50000 + b'1' + b'}' * 50000

    @staticmethod
    def _body_json_duplicate(body, _request):
        first = body[1:].split(b',', 1)[0].rstrip(b'}')
        return b'{' + first + b',' + body[1:] if body[:1] == b'{' and body != b'{}' else b'{"a":1,"a":2}'

    @staticmethod
    def _body_json_unknown(body, _request):
        return b'{"surprise":true,' + body[1:] if body[:1] == b'{' else b'{}'

    @staticmethod
    def _body_json_huge(_body, _request):
        return b'{"text":"' + b'x' * (3 << 20) + b'"}'

    @staticmethod
    def _body_json_nan(body, _request):
        return re.sub(rb': ?\d+', b':NaN', body, count=1) if re.search(rb': ?\d+', body) else b'NaN'

    @staticmethod
    def _body_json_bytes(body, _request):
        return body[:len(body) // 2] + b'\xff\xfe\x00' + body[len(body) // 2:]

    @staticmethod
    def _body_html(_body, _request):
        return b'<html><body>Sign in to the hotel network</body></html>'

    @staticmethod
    def _body_empty(_body, _request):
        return b''

    def _receipt(self, body, request, pick):
        with self.lock:
            others = [r for e, k, r in self.receipts if k != request.key and pick(e, request)]
        return re.sub(rb'("receipt": ?")[^"]+', lambda m: m[1] + (others[0] if others else b'a.b.c'), body)

    def _body_receipt_swapped(self, body, request):
        """Another call's receipt, of the same kind."""
        return self._receipt(body, request, lambda e, r: e == r.endpoint)

    def _body_receipt_replayed(self, body, request):
        """An old receipt of another kind of call."""
        return self._receipt(body, request, lambda e, r: e != r.endpoint)

    @staticmethod
    def _body_receipt_broken(body, _request):
        return re.sub(rb'("receipt": ?"[^"]+)(.)"', lambda m: m[1] + (b'A' if m[2] != b'A' else b'B') + b'x"', body)

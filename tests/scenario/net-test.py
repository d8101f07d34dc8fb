#!/usr/bin/python3
"""mohr-net against a small TLS server on loopback: what is sent, and what each kind of failure is called.

usage: net-test.py MOHR-NET. Certificates come from the openssl command; everything lives in one temporary folder."""
import base64
import gzip
import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import warnings

from envelope import Peer

KEY = "6f1c1f6e-8f7a-4b7e-9d0a-2f3b5c6d7e8f"
BODY = b'{"epoch":1}'


# -- certificates -----------------------------------------------------------------------------------------------------
def openssl(folder, *words):
    subprocess.run(["openssl", *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_ca(folder, name):
    openssl(folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")


EC_KEY = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")


def make_leaf(folder, name, ca, use, names, days="2", key=EC_KEY, digest="-sha256"):
    with open(os.path.join(folder, f"{name}.ext"), "w", encoding="ascii") as file:
        file.write(f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={use}\nsubjectAltName={names}\n"
                   "keyUsage=critical,digitalSignature\n")
    openssl(folder, "req", "-new", "-newkey", *key, "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
            "-out", f"{name}.csr")
    openssl(folder, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial",
            "-days", days, digest, "-extfile", f"{name}.ext", "-out", f"{name}.pem")


def make_certificates(folder):
    here = "DNS:localhost,IP:127.0.0.1"
    make_ca(folder, "ca")
    make_ca(folder, "other-ca")
    make_leaf(folder, "server", "ca", "serverAuth", here)
    make_leaf(folder, "station", "ca", "clientAuth", "DNS:station")
    make_leaf(folder, "foreign", "other-ca", "serverAuth", here)
    make_leaf(folder, "elsewhere", "ca", "serverAuth", "DNS:portal.example")
    make_leaf(folder, "client-only", "ca", "clientAuth", here)
    make_leaf(folder, "expired", "ca", "serverAuth", here, days="-1")
    make_leaf(folder, "weak-key", "ca", "serverAuth", here, key=("rsa:1024",))
    make_leaf(folder, "weak-digest", "ca", "serverAuth", here, digest="-sha1")
    make_leaf(folder, "below-a-leaf", "station", "serverAuth", here)
    make_leaf(folder, "revoked", "ca", "serverAuth", here)
    make_lists(folder)
    make_leaf(folder, "wildcard", "ca", "serverAuth", "DNS:*.localhost,DNS:*")
    shutil.copy(f"{folder}/other-ca.pem", f"{folder}/self-signed.pem")
    shutil.copy(f"{folder}/other-ca.key", f"{folder}/self-signed.key")


def make_list(folder, name, ca, revoked=(), days="2"):
    """NAME.crl: what this authority has revoked (RFC 5280 5)."""
    with open(f"{folder}/{name}.index", "w", encoding="ascii") as file:
        for leaf in revoked:
            serial = subprocess.run(["openssl", "x509", "-in", f"{folder}/{leaf}.pem", "-noout", "-serial"], check=True,
                                    stdout=subprocess.PIPE, text=True).stdout.strip().split("=")[1]
            file.write(f"R\t391231235959Z\t260101000000Z\t{serial}\tunknown\t/CN={leaf}\n")
    with open(f"{folder}/{name}.cnf", "w", encoding="ascii") as file:
        file.write(f"[ca]\ndefault_ca=it\n[it]\ndatabase={name}.index\ndefault_md=sha256\n")
    span = ["-crldays", days] if int(days) > 0 else ["-crl_lastupdate", "20250101000000Z", "-crl_nextupdate",
                                                     "20250201000000Z"]
    openssl(folder, "ca", "-gencrl", "-config", f"{name}.cnf", "-keyfile", f"{ca}.key", "-cert", f"{ca}.pem",
            *span, "-out", f"{name}.crl")


def make_lists(folder):
    make_list(folder, "revokes", "ca", ["revoked"])
    make_list(folder, "old", "ca", days="0")
    make_list(folder, "of-others", "other-ca")
    with open(f"{folder}/garbage.crl", "w", encoding="ascii") as file:
        file.write("-----BEGIN X509 CRL-----\nbm90IGEgbGlzdA==\n-----END X509 CRL-----\n")
    with open(f"{folder}/empty.crl", "w", encoding="ascii"):
        pass


# -- the server -------------------------------------------------------------------------------------------------------
class Server:
    """Listens on its own port; each connection is handed, after the handshake, to act(server, connection)."""

    def __init__(self, folder, act, certificate="server", client_ca="ca", tls=None):
        self.act, self.requests, self.connections, self.failures = act, [], 0, 0
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_ciphers("DEFAULT:@SECLEVEL=0")  # a server that presents whatever it is told to
        self.context.load_cert_chain(f"{folder}/{certificate}.pem", f"{folder}/{certificate}.key")
        if client_ca:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(f"{folder}/{client_ca}.pem")
        if tls == "1.1":
            self.context.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings(action="ignore"):  # old on purpose
                self.context.minimum_version = self.context.maximum_version = ssl.TLSVersion.TLSv1_1
        elif tls == "1.2":
            self.context.maximum_version = ssl.TLSVersion.TLSv1_2
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                raw, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(raw,), daemon=True).start()

    def serve(self, raw):
        try:
            with self.context.wrap_socket(raw, server_side=True) as connection:
                self.act(self, connection)
        except (OSError, ValueError):
            self.failures += 1
            raw.close()

    def read_request(self, connection):
        """One whole request; None at end of file."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                return None
            data += more
        head, body = data.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        headers = {line.split(":", 1)[0].lower(): line.split(":", 1)[1].strip() for line in lines[1:]}
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(4096)
        request = {"line": lines[0], "headers": headers, "body": body}
        self.requests.append(request)
        return request

    def stop(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def answer(status, body, content_type="application/json", extra=""):
    return (f"HTTP/1.1 {status} X\r\nDate: Sat, 21 Nov 2026 11:00:00 GMT\r\nContent-Type: {content_type}\r\n"
            f"Content-Length: {len(body)}\r\n{extra}\r\n").encode() + body


def sends(data):
    """Answers every request of a connection with these bytes."""
    def act(server, connection):
        while server.read_request(connection):
            connection.sendall(data)
    return act


def sends_and_closes(data):
    def act(server, connection):
        server.read_request(connection)
        connection.sendall(data)
    return act


def is_slow(server, connection):
    server.read_request(connection)
    for byte in answer(200, b"{}"):
        if server.stopped.wait(1):
            return
        connection.sendall(bytes([byte]))


# -- mohr-net ---------------------------------------------------------------------------------------------------------
class Net:
    """A running mohr-net for one server, in a hostile environment."""

    def __init__(self, program, folder, port, deadline="10", host="localhost", peer_uid=None, crl=None):
        self.path = os.path.join(folder, f"net-{port}.sock")
        self.keylog = os.path.join(folder, f"keys-{port}")
        hostile = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "socks5://x:9",
                   "SSLKEYLOGFILE": self.keylog, "CURL_CA_BUNDLE": "/nonexistent", "SSL_CERT_FILE": "/nonexistent",
                   "OPENSSL_CONF": os.path.join(folder, "garbage.cnf"), "HOME": folder}
        hostile["ASAN_OPTIONS"] = os.environ.get("ASAN_OPTIONS", "")
        self.process = subprocess.Popen(
            [program, "--socket", self.path, "--peer-uid", str(os.getuid() if peer_uid is None else peer_uid),
             "--url", f"https://{host}:{port}", "--ca", f"{folder}/ca.pem", "--cert", f"{folder}/station.pem",
             "--key", f"{folder}/station.key", "--deadline-s", deadline,
             *(["--crl", f"{folder}/{crl}.crl"] if crl else [])], env=hostile)
        deadline_at = time.monotonic() + 5
        while not os.path.exists(self.path) and time.monotonic() < deadline_at:
            time.sleep(0.01)

    def __enter__(self):
        return self

    def connect(self):
        for _ in range(100):
            try:
                return Peer(self.path)
            except ConnectionRefusedError:  # bound, not yet listening
                time.sleep(0.01)
        raise AssertionError("mohr-net does not listen")

    def calls(self):
        peer = self.connect()
        ready, _ = peer.receive()
        assert ready == {"say": "ready", "worker": "mohr-net"}, ready
        return peer

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        assert not os.path.exists(self.keylog), "TLS keys were logged"


def get(peer, path="/v1/applications?limit=1"):
    return peer.call("call", {"method": "GET", "path": path})


def post(peer, body=BODY, method="POST"):
    return peer.call("call", {"method": method, "path": "/v1/applications/A-1001/claim", "key": KEY}, body)


def expect_failed(message, kind, reason):
    assert message["say"] == "failed", message
    error = message["error"]
    assert (error["kind"], error["reason"]) == (kind, reason), error


# -- scenarios --------------------------------------------------------------------------------------------------------
class Scenarios:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder

    def pair(self, act, deadline="10", host="localhost", crl=None, **server):
        s = Server(self.folder, act, **server)
        return s, Net(self.program, self.folder, s.port, deadline, host, crl=crl)

    def failures(self, act, get_as, post_as, max_requests=2, **server):
        """Both a GET and a POST end so; at most one request each was seen."""
        s, net = self.pair(act, **server)
        with net:
            peer = net.calls()
            expect_failed(get(peer)[0], *get_as)
            expect_failed(post(peer)[0], *post_as)
            time.sleep(0.2)
            posts = [r for r in s.requests if r["line"].startswith("POST")]
            assert len(posts) <= 1 and len(s.requests) <= max_requests, s.requests
            peer.close()
        s.stop()
        return s

    def test_exchange(self):
        s, net = self.pair(sends(answer(200, b'{"x":1}', extra="Retry-After: 7\r\n")))
        with net:
            peer = net.calls()
            for _ in range(2):
                message, body = get(peer)
                assert message["say"] == "done" and body == b'{"x":1}', message
            assert s.connections == 1, "GETs share a connection"
            for method in ("POST", "PUT", "POST"):
                message, body = post(peer, method=method)
                assert message["args"] == {"status": 200, "type": "json", "date": 1795258800, "retry_after_s": 7}
                assert body == b'{"x":1}'
            assert s.connections == 4, "a connection of its own for each mutating call"
            request = s.requests[2]
            assert request["line"] == "POST /v1/applications/A-1001/claim HTTP/1.1" and request["body"] == BODY
            headers = request["headers"]
            digest = base64.b64encode(hashlib.sha256(BODY).digest()).decode()
            assert headers["idempotency-key"] == KEY and headers["content-digest"] == f"sha-256=:{digest}:"
            assert headers["content-type"] == "application/json" and headers["content-length"] == str(len(BODY))
            assert headers["accept-encoding"] == "identity" and "expect" not in headers
            assert "idempotency-key" not in s.requests[0]["headers"] and s.requests[3]["line"].startswith("PUT ")
            peer.close()
            again = net.calls()  # the next core
            assert get(again)[0]["say"] == "done"
            again.close()
        s.stop()

    def test_statuses(self):
        for status, content_type, body, wanted in (
                (409, "application/json", b'{"error":{}}', {"status": 409, "type": "json"}),
                (404, "application/json; charset=utf-8", b"{}", {"status": 404, "type": "json"}),
                (503, "text/html", b"<p>down", {"status": 503, "type": "none"}),
                (500, "application/json", b"", {"status": 500, "type": "none"})):
            s, net = self.pair(sends(answer(status, body, content_type)))
            with net:
                message, got = post(net.calls())
                assert {k: message["args"][k] for k in wanted} == wanted, message
                assert (got is not None) == (wanted["type"] == "json")
            s.stop()

    def test_photos(self):
        photo = os.urandom(1500000)
        s, net = self.pair(sends(answer(200, photo, "image/jpeg")))
        with net:
            message, body = get(net.calls(), "/v1/photos/" + "0" * 64)
            assert message["args"]["type"] == "jpeg" and body == photo
        s.stop()
        s, net = self.pair(sends(answer(200, b"{}")))
        with net:
            expect_failed(get(net.calls(), "/v1/photos/" + "0" * 64)[0], "retry", "portal_nonsense")
        s.stop()

    def test_certificates(self):
        tls = ("operator", "portal_tls")
        for certificate in ("foreign", "elsewhere", "client-only", "expired", "weak-key", "weak-digest", "below-a-leaf",
                            "wildcard", "self-signed"):
            s = self.failures(sends(answer(200, b"{}")), tls, tls, certificate=certificate)
            assert not s.requests, certificate
        s = self.failures(sends(answer(200, b"{}")), tls, tls, client_ca=None)
        assert not s.requests, "the server did not ask for a certificate, so nothing may be sent"
        s = self.failures(sends(answer(200, b"{}")), tls, tls, client_ca="other-ca", tls="1.2")
        assert not s.requests and s.failures == 2

    def test_revoked(self):
        tls = ("operator", "portal_tls")
        for crl, certificate in (("revokes", "revoked"), ("old", "server"), ("of-others", "server"),
                                 ("garbage", "server"), ("empty", "server"), ("missing", "server")):
            s = self.failures(sends(answer(200, b"{}")), tls, tls, certificate=certificate, crl=crl)
            assert not s.requests, crl
        s, net = self.pair(sends(answer(200, b"{}")), crl="revokes")
        with net:
            peer = net.calls()
            assert post(peer)[0]["say"] == "done", "another certificate of the same authority"
            shutil.copy(f"{self.folder}/garbage.crl", f"{self.folder}/revokes.crl")
            expect_failed(post(peer)[0], *tls)  # the file counts as it lies there
            assert len(s.requests) == 1
            make_list(self.folder, "revokes", "ca", ["revoked"])
            assert post(peer)[0]["say"] == "done"
        s.stop()

    def test_weak_cipher(self):
        for ciphers in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"):  # CBC
            s, net = self.pair(sends(answer(200, b"{}")), tls="1.2")
            s.context.set_ciphers(ciphers + ":@SECLEVEL=0")
            with net:
                message, _ = post(net.calls())
                assert message["say"] == "failed" and message["error"]["kind"] in ("retry", "operator"), message
                assert not s.requests
            s.stop()

    def test_refused_certificate_tls13(self):
        s, net = self.pair(sends(answer(200, b"{}")), client_ca="other-ca")
        with net:
            message, _ = post(net.calls())
            # The alert may be overtaken by a reset: then the outcome is unknown, never done and never sent again.
            assert message["say"] == "failed" and message["error"]["kind"] in ("operator", "unknown"), message
            assert not s.requests and s.connections == 1
        s.stop()

    def test_old_tls(self):
        s, net = self.pair(sends(answer(200, b"{}")), tls="1.1")
        with net:
            message, _ = post(net.calls())
            assert message["say"] == "failed" and message["error"]["kind"] in ("retry", "operator"), message
            assert not s.requests
        s.stop()

    def test_nobody(self):
        probe = socket.create_server(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        with Net(self.program, self.folder, port) as net:
            peer = net.calls()
            expect_failed(get(peer)[0], "retry", "portal_down")
            expect_failed(post(peer)[0], "retry", "portal_down")
        with Net(self.program, self.folder, port, host="no-such-host.invalid") as net:
            expect_failed(post(net.calls())[0], "retry", "portal_down")

    def test_plain_http(self):
        listener = socket.create_server(("127.0.0.1", 0))

        def serve():
            connection, _ = listener.accept()
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            connection.close()
        threading.Thread(target=serve, daemon=True).start()
        with Net(self.program, self.folder, listener.getsockname()[1]) as net:
            expect_failed(post(net.calls())[0], "retry", "portal_down")
        listener.close()

    def test_slow(self):
        s, net = self.pair(is_slow, deadline="2")
        with net:
            peer = net.calls()
            start = time.monotonic()
            expect_failed(post(peer)[0], "unknown", "portal_down")
            expect_failed(get(peer)[0], "retry", "portal_down")
            assert time.monotonic() - start < 6 and len(s.requests) == 2
        s.stop()

    def test_lost_answer(self):
        def loses(server, connection):
            server.read_request(connection)
        s = self.failures(loses, ("retry", "portal_down"), ("unknown", "portal_down"))
        assert len(s.requests) == 2

    def test_lost_answer_after_reuse(self):
        """The measured trap: a kept-alive connection that dies must not make a POST go out twice."""
        def answers_gets(server, connection):
            while True:
                request = server.read_request(connection)
                if request is None or not request["line"].startswith("GET"):
                    return
                connection.sendall(answer(200, b"{}"))
        s, net = self.pair(answers_gets)
        with net:
            peer = net.calls()
            assert get(peer)[0]["say"] == "done"
            expect_failed(post(peer)[0], "unknown", "portal_down")
            time.sleep(0.5)
            assert len([r for r in s.requests if r["line"].startswith("POST")]) == 1
        s.stop()

    def test_truncated(self):
        whole = answer(200, b'{"items":[],"next":"","more":false}')
        for n in (len(whole) - 1, whole.index(b"\r\n\r\n") + 4):
            self.failures(sends_and_closes(whole[:n]), ("retry", "portal_down"), ("unknown", "portal_down"))
        cuts = range(0, len(whole), 3)
        s, net = self.pair(lambda server, connection: sends_and_closes(whole[:next(lengths)])(server, connection))
        lengths = iter(cuts)
        with net:
            peer = net.calls()
            for n in cuts:
                message, _ = post(peer)
                assert message["say"] == "failed" and message["error"]["kind"] == "unknown", (n, message)
            assert len(s.requests) == len(cuts), "each request seen once"
        s.stop()

    def test_nonsense(self):
        many = b"{" + b" " * (1 << 20) + b"}"
        chunks = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        for data in (
                answer(302, b"", extra="Location: https://localhost/\r\n"),
                answer(307, b"{}", extra="Location: http://127.0.0.1:9/\r\n"),
                answer(200, many), chunks + b"%x\r\n" % len(many) + many + b"\r\n0\r\n\r\n",
                answer(200, gzip.compress(b"{}"), extra="Content-Encoding: gzip\r\n"),
                answer(200, b"<html>", "text/html"), answer(200, b"{}", "application/jsonx"),
                b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n{}",
                answer(200, b"{}", extra="X: " + "y" * 70000 + "\r\n"), b"SSH-2.0-nonsense\r\n\r\n"):
            self.failures(sends_and_closes(data), ("retry", "portal_nonsense"), ("unknown", "portal_nonsense"))

    def test_bad_calls(self):
        s, net = self.pair(sends(answer(200, b"{}")))
        with net:
            peer = net.calls()
            for args, data in (
                    ({"method": "GET", "path": "/etc"}, None), ({"method": "GET", "path": "/v1/../x"}, None),
                    ({"method": "GET", "path": "/v1/a b"}, None), ({"method": "DELETE", "path": "/v1/x"}, None),
                    ({"method": "GET", "path": "/v1/x", "key": KEY}, None), ({"method": "POST", "path": "/v1/x"}, BODY),
                    ({"method": "POST", "path": "/v1/x", "key": KEY.upper()}, BODY),
                    ({"method": "POST", "path": "/v1/x", "key": KEY}, None), ({"method": "GET", "path": "/v1/x"}, BODY),
                    ({"method": "GET", "path": "/v1/x\r\nA: b"}, None), ({"method": "GET", "path": "/v1/x", "y": 1}, None)):
                message, _ = peer.call("call", args, data)
                assert message["say"] == "failed" and message["error"]["kind"] == "input", (args, message)
            expect_failed(peer.call("dance", {})[0], "input", "bad_request")
            assert not s.connections
        s.stop()

    def test_foreign_peer(self):
        s = Server(self.folder, sends(answer(200, b"{}")))
        with Net(self.program, self.folder, s.port, peer_uid=os.getuid() + 1) as net:
            assert net.connect().receive() == (None, None), "another uid is not served"
        s.stop()

    def test_usage(self):
        for words in ([], ["--socket", "/x"], ["--deadline-s", "0"], ["extra"]):
            done = subprocess.run([self.program, *words], capture_output=True, check=False, timeout=5)
            assert done.returncode == 2 and b"usage" in done.stderr
        done = subprocess.run([self.program, "--socket", f"{self.folder}/u", "--peer-uid", "0", "--url", "http://x",
                               "--ca", "a", "--cert", "b", "--key", "c"], capture_output=True, check=False, timeout=5)
        assert done.returncode == 1 and b"https" in done.stderr


def main():
    with tempfile.TemporaryDirectory(prefix="mohr-net-") as folder:
        make_certificates(folder)
        with open(os.path.join(folder, "garbage.cnf"), "w", encoding="ascii") as file:
            file.write("openssl_conf = broken\n[broken]\nssl_conf = missing\n")
        scenarios = Scenarios(sys.argv[1], folder)
        wanted = sys.argv[2:] or [name for name in dir(scenarios) if re.match("test_", name)]
        for name in wanted:
            start = time.monotonic()
            getattr(scenarios, name)()
            print(f"ok {name} {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()

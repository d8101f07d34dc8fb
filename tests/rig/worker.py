"""Speaks to one of Mohr's workers from a test: JSON packets on SOCK_SEQPACKET, blobs as sealed memfd descriptors.

A child (mohr-render, mohr-print, mohr-chip) is started with its socket as descriptor 3; a service (mohr-key, mohr-net)
is connected to by path. This file knows the wire form of proto/ipc/envelope.h and nothing else of the product.

    with Worker.child(["build/.../mohr-render", "--layouts", "..."]) as w:
        answer = w.task("card", {...}, blob=photo)
        answer.args, answer.parts["pdf"]
"""
import array
import fcntl
import json
import os
import socket
import subprocess

MAX = 65536
F_ADD_SEALS, F_GET_SEALS = 1033, 1034
ALL_SEALS = 0x1 | 0x2 | 0x4 | 0x8  # SEAL, SHRINK, GROW, WRITE


class Failed(Exception):
    """The worker answered "failed"; .error is the object it sent."""

    def __init__(self, error):
        super().__init__(json.dumps(error, ensure_ascii=False))
        self.error = error
        self.kind = error.get("kind")
        self.reason = error.get("reason")


class Lost(Exception):
    """The worker ended without an answer; .status is its exit status, negative for a signal, None for a service."""

    def __init__(self, status):
        super().__init__(f"worker ended with {status}")
        self.status = status


class Answer:
    def __init__(self, args, blob, parts, progress):
        self.args, self.blob, self.parts, self.progress = args, blob, parts, progress


def sealed(data):
    """A sealed memfd that holds data; the caller closes it."""
    fd = os.memfd_create("test-blob", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view):]
    fcntl.fcntl(fd, F_ADD_SEALS, ALL_SEALS)
    return fd


def unsealed(fd):
    """The content of a received blob; it must carry all seals."""
    assert fcntl.fcntl(fd, F_GET_SEALS) & ALL_SEALS == ALL_SEALS, "the blob is not sealed"
    data = os.pread(fd, os.fstat(fd).st_size, 0)
    os.close(fd)
    return data


class Worker:
    def __init__(self, sock, process=None):
        self.sock, self.process, self.next_id = sock, process, 1

    @classmethod
    def child(cls, argv, env=None, timeout=60, **popen):
        """Starts argv with the socket as descriptor 3 and waits for its "ready"."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(timeout)
        # Python's own descriptors are close-on-exec; the one that dup2 makes is not.
        process = subprocess.Popen(argv, env=env, close_fds=False, preexec_fn=lambda: os.dup2(theirs.fileno(), 3),
                                   **popen)
        theirs.close()
        worker = cls(ours, process)
        try:
            worker.ready()
        except BaseException:
            worker.close()
            raise
        return worker

    @classmethod
    def service(cls, path, timeout=60):
        """Connects to a service's socket and waits for its "ready"."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sock.settimeout(timeout)
        sock.connect(path)
        worker = cls(sock)
        worker.ready()
        return worker

    def ready(self):
        message, _ = self.receive()
        assert message.get("say") == "ready", message
        self.name = message["worker"]

    def send(self, message, blob=None):
        data = message if isinstance(message, bytes) else json.dumps(message, ensure_ascii=False).encode()
        fd = sealed(blob) if isinstance(blob, (bytes, bytearray)) else blob
        control = [] if fd is None else [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        try:
            self.sock.sendmsg([data], control)
        except (BrokenPipeError, ConnectionResetError):
            raise Lost(self.status()) from None
        finally:
            if isinstance(blob, (bytes, bytearray)):
                os.close(fd)

    def receive(self):
        """One message and its blob's bytes, or None."""
        try:
            data, control, _, _ = self.sock.recvmsg(MAX, socket.CMSG_SPACE(4))
        except ConnectionResetError:
            data, control = b"", []
        fds = array.array("i")
        for level, kind, payload in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[:4])
        blob = unsealed(fds[0]) if fds else None
        if not data:
            raise Lost(self.status())
        return json.loads(data), blob

    def do(self, verb, args=None, blob=None):
        """Starts a task; its id."""
        task, self.next_id = self.next_id, self.next_id + 1
        self.send({"do": verb, "id": task, "args": args or {}}, blob)
        return task

    def go(self, task, args=None, blob=None):
        self.send({"go": True, "id": task, "args": args or {}}, blob)

    def call_off(self, task):
        self.send({"go": False, "id": task})

    def finish(self, task, checkpoint=None):
        """Reads until the task ends. checkpoint(name, args, blob) answers (args, blob) for "go", None for bare "go",
        or False to call the task off."""
        parts, progress = {}, []
        while True:
            message, blob = self.receive()
            assert message.get("id") == task, message
            say = message["say"]
            if say == "part":
                parts[message["name"]] = blob
            elif say == "progress":
                progress.append((message["step"], message["done"], message["of"]))
            elif say == "checkpoint":
                answer = checkpoint(message["name"], message["args"], blob) if checkpoint else None
                if answer is False:
                    self.call_off(task)
                else:
                    self.go(task, *(answer or ()))
            elif say == "failed":
                raise Failed(message["error"])
            else:
                assert say == "done", message
                return Answer(message["args"], blob, parts, progress)

    def task(self, verb, args=None, blob=None, checkpoint=None):
        return self.finish(self.do(verb, args, blob), checkpoint)

    def status(self):
        if not self.process:
            return None
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return None

    def close(self):
        self.sock.close()
        if not self.process:
            return None
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

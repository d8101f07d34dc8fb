"""The core's end of a worker socket, for scenarios: JSON packets on SOCK_SEQPACKET with blobs as sealed memfd
(proto/ipc/envelope.h, daemon/ipc/packet.h)."""
import array
import fcntl
import json
import os
import socket

SEALS = 1 | 2 | 4 | 8  # F_SEAL_SEAL, SHRINK, GROW, WRITE (linux/fcntl.h)
F_ADD_SEALS = 1033


def blob(data):
    fd = os.memfd_create("test-blob", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, F_ADD_SEALS, SEALS)
    return fd


class Peer:
    """One connection to a service; call() runs one task without checkpoints."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.next_id = 0
        try:
            self.socket.connect(path)
        except OSError:
            self.socket.close()
            raise

    def send(self, message, data=None):
        text = json.dumps(message).encode()
        if data is None:
            self.socket.send(text)
            return
        fd = blob(data)
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        self.socket.sendmsg([text], control)
        os.close(fd)

    def receive(self):
        """(message, blob bytes or None); (None, None) at end of file."""
        text, control, _, _ = self.socket.recvmsg(65536, socket.CMSG_SPACE(4))
        data = None
        for level, kind, value in control:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fd = array.array("i", value)[0]
                with os.fdopen(fd, "rb") as file:
                    file.seek(0)
                    data = file.read()
        return (json.loads(text), data) if text else (None, None)

    def call(self, verb, args, data=None):
        self.next_id += 1
        self.send({"do": verb, "id": self.next_id, "args": args}, data)
        return self.receive()

    def close(self):
        self.socket.close()

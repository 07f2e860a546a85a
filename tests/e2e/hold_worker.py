#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""One client, driven line by line by hold_test.py: each word on standard input is a step, the answer
is `ok` or the name of the error. Runs in the cgroup and the namespace it was started in.

usage: hold_worker.py ADDRESS PORT [ADDRESS2 PORT2]   (2: where the next connect goes after `other`)
"""
import errno
import os
import signal
import socket
import struct
import sys

IPPROTO_MPTCP = 262
TCP_FASTOPEN_CONNECT = 30
targets = [(sys.argv[1], int(sys.argv[2]))]
if len(sys.argv) > 4:
    targets.append((sys.argv[3], int(sys.argv[4])))
target = targets[0]
sock = None
children = []
extra = []


def family():
    return socket.AF_INET6 if ":" in target[0] else socket.AF_INET


def make(kind=socket.SOCK_STREAM, protocol=0):
    global sock
    sock = socket.socket(family(), kind, protocol)


def drain():
    """Reads the greeting and what follows, so that close sends FIN and not RST."""
    sock.recv(4096)


def unspec():
    """connect() with AF_UNSPEC: the socket lets go of its peer."""
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    name = struct.pack("H", 0) + b"\0" * 14
    if libc.connect(sock.fileno(), name, len(name)):
        raise OSError(ctypes.get_errno(), "connect")


def fork():
    pid = os.fork()
    if pid == 0:
        signal.pause()
    children.append(pid)


def join():
    pid = children.pop()
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def nonblocking():
    sock.setblocking(False)
    code = sock.connect_ex(target)
    if code not in (0, errno.EINPROGRESS):
        raise OSError(code, "connect")


def listen():
    server = socket.socket(family())
    server.bind((target[0], 0))
    server.listen()
    client = socket.create_connection(server.getsockname()[:2])
    extra.extend([server, client, server.accept()[0]])


def other():
    global target
    target = targets[1]


steps = {
    "socket": make,
    "mptcp": lambda: make(protocol=IPPROTO_MPTCP),
    "udp": lambda: make(socket.SOCK_DGRAM),
    "bind": lambda: sock.bind(("::" if ":" in target[0] else "0.0.0.0", 0)),
    "device": lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0"),
    "connect": lambda: sock.connect(target),
    "nonblocking": nonblocking,
    "fastopen": lambda: sock.sendto(b"hello", socket.MSG_FASTOPEN, target),
    "fastopen_connect": lambda: sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1),
    "linger": lambda: sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)),
    "user_timeout": lambda: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 300),
    "syncnt": lambda: sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_SYNCNT, 1),
    "drain": drain,
    "eof": lambda: [None for _ in iter(lambda: sock.recv(4096), b"")],
    "shutdown": lambda: sock.shutdown(socket.SHUT_WR),
    "close": lambda: sock.close(),
    "unspec": unspec,
    "fork": fork,
    "join": join,
    "listen": listen,
    "other": other,
    "peer": lambda: print("peer", *sock.getpeername()[:2], flush=True),
}

if __name__ == "__main__":
    for line in sys.stdin:
        try:
            steps[line.strip()]()
            print("ok", flush=True)
        except OSError as e:
            name = "ETIMEDOUT" if isinstance(e, TimeoutError) else errno.errorcode.get(e.errno, str(e))
            print(name, flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The proxy between hostile clients and hostile upstreams, over real sockets."""
import contextlib
import ctypes
import itertools
import os
import re
import select
import socket
import struct
import subprocess
import threading
import unittest.mock

from mesh import BUILD, run_tests, wait_for
from proxied import ADDRESS, Proxy, Upstream, clock, connect, read_all, read_head

REPLAY = os.path.join(BUILD, "tools", "replay")
PORT = 8080
CLONE_NEWNET = 0x40000000
CREATE = socket.create_server

# Whatever is asked of ADDRESS goes there, by a rule for host a and past all rules for others; but
# /settled the proxy answers by itself.
TABLE = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: web, namespace: default}}
spec:
  hosts: [a.default]
  addresses: [{ADDRESS}]
  ports: [{{number: {PORT}, name: http, protocol: HTTP}}]
  resolution: STATIC
  endpoints: [{{address: {ADDRESS}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: web, namespace: default}}
spec:
  hosts: [a.default]
  http:
  - match: [{{uri: {{exact: /settled}}}}]
    directResponse: {{status: 204}}
  - route: [{{destination: {{host: a.default}}}}]
    retries: {{attempts: 0}}
"""


@contextlib.contextmanager
def fixture():
    """A network of the test's own, in which ADDRESS is this host's."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["ip", "address", "add", ADDRESS, "dev", "lo"], check=True)
    yield


@contextlib.contextmanager
def on_one_cpu():
    """Packets between two processes of one processor have one order: see tests/tools/replay.c."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def proxy(*options, workers=1):
    return Proxy(TABLE, *options, dialled=f"{ADDRESS}:{PORT}", workers=workers)


class Web(Upstream):
    """A server of the test's own, where the table says that there is one."""

    def __init__(self, serve):
        with unittest.mock.patch("socket.create_server", lambda _, **how: CREATE(("", PORT), **how)):
            super().__init__(serve)


def nothing_is_left(p):
    """No connection, and no count of what is over."""
    def left():
        stats = p.stats()
        clusters = [c[k] for c in stats["clusters"] for k in ("pending", "requests")]
        return stats["connections"] == 0 and not any(clusters)
    wait_for(left)


def sockets(p):
    folder = f"/proc/{p.process.pid}/fd"
    return sum(os.readlink(f"{folder}/{fd}").startswith("socket:") for fd in os.listdir(folder))


def test_every_case_through_the_proxy(_):
    with on_one_cpu(), proxy() as p:
        p.stats()  # once it is here, so is the listener
        before = sockets(p)
        r = subprocess.run([REPLAY, str(p.port), str(PORT)], capture_output=True, timeout=200,
                           text=True, errors="replace", check=False)
        print("\n".join(line for line in r.stdout.splitlines() if not line.startswith("answer ")))
        print(r.stderr)
        assert r.returncode == 0, r.returncode
        nothing_is_left(p)
        wait_for(lambda: sockets(p) == before)
        want = dict(re.findall(r"^answer (\d+) (\d+ \S+)$", r.stdout, re.M))
        lines, got = [], {}

        def all_logged():
            lines.extend(p.log.readlines())
            got.update(re.findall(r'"(?:GET|HEAD) /(\d+) HTTP/1.1" (\d+ \S+) ', "".join(lines)))
            return want.keys() <= got.keys()
        wait_for(all_logged, what="a line for each answer")
        differ = [(i, want[i], got[i]) for i in want if want[i] != got[i]]
        assert want and not differ, differ[:9]
        assert p.stats()["log_lines_lost"] == 0


SETTLED = b"GET /settled HTTP/1.1\r\nHost: a\r\n\r\n"
ASK = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def test_no_content_says_no_length(_):
    with proxy() as p, connect(p.port) as s:
        s.sendall(SETTLED)
        head, rest = read_head(s)
        assert head.startswith("HTTP/1.1 204 ") and "content-length" not in head and not rest, head


def test_an_answer_before_the_request_is_over(_):
    asked = []

    def serve(s):
        asked.append(read_head(s)[0])
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        asked.append(read_all(s))

    hidden = b"GET /hidden HTTP/1.1\r\nHost: a\r\n\r\n"
    with Web(serve), proxy() as p:
        with connect(p.port) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(hidden))
            assert read_head(s)[0].startswith("HTTP/1.1 200 ")
            s.sendall(hidden + hidden)
            read_all(s)
        nothing_is_left(p)
        wait_for(lambda: len(asked) == 2)
        assert asked[1] in (b"", hidden), asked


def test_answers_that_go_before_without_end(_):
    def serve(s):
        read_head(s)
        while True:
            s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)

    with Web(serve), proxy() as p, connect(p.port) as s, connect(p.port) as other:
        s.sendall(ASK)
        assert s.recv(10) == b"HTTP/1.1 1"
        for _ in range(20):
            other.sendall(SETTLED)
            assert read_head(other)[0].startswith("HTTP/1.1 204 ")
        assert p.stats()["memory_bytes"] < 1 << 20


def test_an_endless_answer_lets_others_have_their_turn(_):
    def serve(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            s.sendall(bytes(1 << 20))

    got = [0]

    def read(s):
        with contextlib.suppress(OSError):
            while n := s.recv_into(bytearray(1 << 20)):
                got[0] += n

    with Web(serve), proxy() as p, connect(p.port) as s, connect(p.port) as other:
        s.sendall(ASK)
        threading.Thread(target=read, args=(s,), daemon=True).start()
        wait_for(lambda: got[0] > 1 << 24)
        meanwhile = []
        for _ in range(21):
            before = got[0]
            other.sendall(SETTLED)
            assert read_head(other)[0].startswith("HTTP/1.1 204 ")
            meanwhile.append(got[0] - before)
        assert sorted(meanwhile)[15] < 1 << 24, meanwhile  # a share, and what sockets hold
        s.shutdown(socket.SHUT_RDWR)


def test_a_client_that_asks_and_never_reads(_):
    body = b"x" * 1000

    def serve(s):
        with contextlib.suppress(ConnectionResetError):
            while read_head(s):
                s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + body)

    with Web(serve), proxy() as p, connect(p.port) as s:
        s.setblocking(False)
        sent = 0
        with contextlib.suppress(BlockingIOError):
            while sent < 1 << 26:
                sent += s.send(ASK * 1000)
        assert p.stats()["memory_bytes"] < 1 << 20
        s.close()
        nothing_is_left(p)


def test_a_head_that_takes_too_long(_):
    with proxy("--head-timeout", "300") as p, connect(p.port) as s, connect(p.port) as silent:
        began = clock()
        s.setblocking(False)
        answer = b""
        for byte in itertools.chain(ASK[:-2], itertools.repeat(ord("a"))):
            with contextlib.suppress(OSError):
                s.send(bytes([byte]))  # each is progress, and none gives more time
            if select.select([s], [], [], 0.02)[0]:
                answer = s.recv(1000)
                break
        assert answer.startswith(b"HTTP/1.1 408 ") and b"connection: close" in answer, answer
        assert 0.3e9 <= clock() - began < 3e9
        assert " 408 - request_headers_timeout " in p.logged(" 408 ")
        silent.settimeout(0)
        try:
            assert not silent.recv(1), "what has sent nothing is idle, not late"
        except BlockingIOError:
            pass


def test_a_connection_without_requests(_):
    with proxy("--idle-timeout", "300") as p, connect(p.port) as s, connect(p.port) as silent:
        s.sendall(SETTLED)
        assert read_head(s)[0].startswith("HTTP/1.1 204 ")
        began = clock()
        assert s.recv(1) == b"" and silent.recv(1) == b""
        assert clock() - began < 3e9


def test_a_client_that_is_gone_amid_its_request(_):
    ends = []

    def serve(s):
        read_head(s)
        ends.append(read_all(s))

    with Web(serve), proxy() as p:
        for reset in (False, True):
            with connect(p.port) as s:
                s.sendall(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc")
                wait_for(lambda: p.stats()["clusters"][0]["requests"] == 1)
                if reset:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            nothing_is_left(p)
        wait_for(lambda: len(ends) == 2)
        assert set(ends) <= {b"", b"abc"}, ends
        assert " 0 DC " in p.logged(" DC ")


if __name__ == "__main__":
    run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The proxy alone, between clients and servers that do what none should."""
import contextlib
import os
import select
import signal
import socket
import struct
import threading
import time

from mesh import run_tests, wait_for
from proxied import Proxy, Upstream, call, clock, connect, entry, read_all, read_head, servers
from proxy_alone_test import ok, to_v1


def test_a_wrong_body_ends_the_answer_that_began():
    done = threading.Event()

    def serve(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhello")
        done.wait(20)

    with Upstream(serve) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        with connect(p.port) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: web.test\r\nTransfer-Encoding: chunked\r\n\r\n")
            data = s.recv(1000)
            while not data.endswith(b"hello"):
                data += s.recv(1000)
            s.sendall(b"no size\r\n")
            assert read_all(s) == b""  # above all no second answer
        assert " 200 DPE " in p.logged("only")
        wait_for(lambda: p.stats()["connections"] == 0)
    done.set()


def test_a_copy_is_sent_once_whatever_its_request_meets():
    copies = []

    def serve(s):  # it ends a connection just when it is used again
        read_head(s)
        ok(s)
        read_head(s)

    def copy(s):
        while True:
            copies.append(read_head(s)[0].split()[1])
            ok(s)

    rules = to_v1(mirror="{host: web.test, subset: v2}")
    with Upstream(serve) as u, Upstream(copy) as m, Proxy(
            entry(versions={"v1": [u.port], "v2": [m.port]}, rules=rules), workers=1) as p:
        for i in range(4):
            assert call(p.port, f"/{i}")[0] == 200
        assert u.accepted > 1
        wait_for(lambda: p.route(rule="mirror")["requests"] >= 4)
        assert sorted(copies) == ["/0", "/1", "/2", "/3"], copies


def test_a_copy_whose_answer_does_not_end_holds_nobody_up():
    much, pouring = bytes(1 << 24), []

    def pour(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            s.sendall(much)
            pouring.append(s)

    rules = to_v1(mirror="{host: web.test, subset: v2}")
    with servers(v1=1) as ports, Upstream(pour) as m, Proxy(
            entry(versions={**ports, "v2": [m.port]}, rules=rules), workers=1) as p:
        page, slowest = p.heartbeat(), 0
        for _ in range(60):
            began = clock()
            assert call(p.port)[0] == 200
            slowest = max(slowest, clock() - began)
        assert pouring
        assert slowest < 1000e6, slowest
        wait_for(lambda: any(page[:8]))
        assert clock() - struct.unpack_from("=q", page)[0] < 1000e6


def test_a_copy_does_not_change_the_cookie_of_the_client():
    with servers(v1=1, v2=1) as ports:
        text = entry(versions=ports, rules=to_v1(mirror="{host: web.test, subset: v2}"))
        for version, name in (("v1", "mine"), ("v2", "other")):
            subset = f"  - {{name: {version}, labels: {{version: {version}}}"
            assert subset in text
            text = text.replace(subset, subset + ", trafficPolicy: {loadBalancer: {consistentHash: "
                                f"{{httpCookie: {{name: {name}, ttl: 60s}}}}}}}}")
        with Proxy(text) as p:
            assert "mine=" in call(p.port)[1]["set-cookie"]
            assert "set-cookie" not in call(p.port, headers={"cookie": "mine=a"})[1]


def state(p):
    """What its only client is doing."""
    return next((c["state"] for c in p.clients()), None)


def test_what_comes_between_two_tries_is_kept_for_the_next():
    body, seen = os.urandom(2000000), []
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        port = server.getsockname()[1]
        ahead = [socket.socket() for _ in range(3)]  # no more has room in the queue
        for s in ahead:
            s.setblocking(False)
            s.connect_ex(("127.0.0.1", port))

        def serve():
            s, _ = server.accept()
            _, rest = read_head(s)
            while len(rest) < len(body) and (more := s.recv(65536)):
                rest += more
            seen.append(rest)
            ok(s)

        rules = to_v1(retries="{attempts: 1, retryOn: 5xx, backoff: 500ms}")
        with Proxy(entry(versions={"v1": [port]}, rules=rules), workers=1) as p, \
                connect(p.port) as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 2000000\r\n\r\n" +
                           body[:15000])
            wait_for(lambda: state(p) == "connecting")
            os.kill(p.process.pid, signal.SIGSTOP)
            others = [s.getsockname()[1] for s in ahead]
            for s in ahead:
                s.close()
            first, peer = server.accept()
            while peer[1] in others:
                first.close()
                first, peer = server.accept()
            first.sendall(b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n")
            threading.Thread(target=serve, daemon=True).start()
            os.kill(p.process.pid, signal.SIGCONT)
            wait_for(lambda: state(p) == "backing off")
            client.sendall(body[15000:])
            assert read_head(client)[0].startswith("HTTP/1.1 200 ")
            first.close()
    assert seen == [body]


def small_windows(port):
    """A client whose connection holds little that it does not read."""
    s = socket.socket()
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 100)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(("127.0.0.1", port))
    return s


def unread_by(port):
    """Bytes that the connection accepted at this port could not yet give its client."""
    with open("/proc/net/tcp", encoding="ascii") as f:
        lines = [line.split() for line in f][1:]
    return sum(int(line[4].split(":")[0], 16) for line in lines
               if int(line[1].split(":")[1], 16) == port and line[3] == "01")


def test_a_tunnel_ends_whose_client_never_read_its_head():
    done = threading.Event()

    def serve(s):
        path = read_head(s)[0].split()[1]
        if path == "/ws":
            s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
                      b"upgrade: websocket\r\n" + 50 * (b"x: " + 1000 * b"y" + b"\r\n") + b"\r\n")
        else:
            size = int(path[1:])
            s.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % size)
            s.sendall(bytes(size))
        done.wait(20)

    with Upstream(serve) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1()),
                                     workers=1) as p:
        with small_windows(p.port) as s:
            s.sendall(b"GET /10000000 HTTP/1.1\r\nHost: web.test\r\n\r\n")
            wait_for(lambda: unread_by(p.port) > 20000)
            time.sleep(0.3)  # it has taken all that it can
            room = unread_by(p.port)
        wait_for(lambda: p.stats()["connections"] == 0)
        with small_windows(p.port) as s:
            s.sendall(b"GET /%d HTTP/1.1\r\nHost: web.test\r\n\r\n" % (room - 20000))
            wait_for(lambda: state(p) == "idle")
            s.sendall(b"GET /ws HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\n"
                      b"Upgrade: websocket\r\n\r\n")
            wait_for(lambda: state(p) == "tunnel")
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_for(lambda: p.stats()["connections"] == 0)
    done.set()


def fill(s):
    """Sends up to where the other side takes no more."""
    s.setblocking(False)
    end = clock() + 300e6
    while clock() < end:
        with contextlib.suppress(BlockingIOError):
            s.send(bytes(100000))
            end = clock() + 300e6
    s.settimeout(20)


def test_a_tunnel_ends_whose_server_resets_it_unread():
    full = threading.Event()
    with Upstream(lambda s: full.wait(20)) as u, Proxy(
            entry(versions={"v1": [u.port]}, protocol="''", rules=to_v1()), workers=1) as p:
        with connect(p.port) as s:
            fill(s)
            full.set()
            wait_for(lambda: p.stats()["connections"] == 0)


def test_what_found_no_memory_goes_on_when_there_is_some():
    full = threading.Event()

    def serve(s):
        if s.recv(1) == b"h":
            full.wait(20)
        else:
            s.sendall(b"a")
            s.sendall(s.recv(1))

    def use_up(p, hogs):
        for s in hogs:
            with contextlib.suppress(OSError):
                s.send(bytes(1000000))
        return p.stats()["memory_bytes"] > limit - (16 << 10)

    limit, hogs = 1000000, []
    with Upstream(serve) as u, contextlib.ExitStack() as stack, Proxy(
            entry(versions={"v1": [u.port]}, protocol="''", rules=to_v1()), "--memory",
            str(limit), workers=1) as p, connect(p.port) as first:
        first.sendall(b"a")
        assert first.recv(1) == b"a"
        for _ in range(60):
            hogs.append(stack.enter_context(connect(p.port)))
            hogs[-1].sendall(b"h")
        wait_for(lambda: p.stats()["connections"] > 50)
        for s in hogs:
            s.setblocking(False)
        wait_for(lambda: use_up(p, hogs))
        first.sendall(b"b")
        assert not select.select([first], [], [], 0.3)[0]
        full.set()
        assert first.recv(1) == b"b"
        for s in hogs:
            s.close()
        wait_for(lambda: p.stats()["connections"] == 1)


if __name__ == "__main__":
    run_tests()

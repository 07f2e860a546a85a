#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Policies of destinations, by a proxy alone: which server is asked, and how it is connected to."""
import http.client
import ipaddress
import json
import socket
import struct
import subprocess
import threading
import time

from mesh import run_tests, wait_for
from proxied import ADDRESS, Proxy, Upstream, call, connect, entry, read_head, servers

HASH = "loadBalancer: {consistentHash: {%s}}"
# A rule for all, of the proxy.
ALL = ("  - match: [{headers: {nobody: {exact: x}}}, {uri: {prefix: /}}]\n"
       "    route: [{destination: {host: web.test}}]\n")


def names(port, nr, **more):
    """At which address each of `nr` requests is answered."""
    return [json.loads(call(port, **more)[2])["local"] for _ in range(nr)]


def ok(s, body=b"ok"):
    s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def serve_again(s):
    """Answers request after request, by which connection it came."""
    peer = s.getpeername()[1]
    while True:
        read_head(s)
        ok(s, str(peer).encode())


def serve_bytes(s):
    """Takes any upgrade, and sends everything back."""
    read_head(s)
    s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
              b"upgrade: websocket\r\n\r\n")
    while data := s.recv(4096):
        s.sendall(data)


def tunnel(port):
    s = connect(port)
    s.sendall(b"GET / HTTP/1.1\r\nhost: web.test\r\nconnection: upgrade\r\n"
              b"upgrade: websocket\r\n\r\n")
    head, _ = read_head(s)
    assert head.startswith("HTTP/1.1 101 "), head
    return s


def echoed(s, text):
    s.sendall(text)
    return s.recv(4096)


# ---- consistent hashes ----

def test_a_header_keeps_its_server_and_without_it_any_serves():
    policy = HASH % "httpHeaderName: x-user"
    with servers(v1=4) as ports, Proxy(entry(versions=ports, policy=policy)) as p:
        of_user = {u: names(p.port, 5, headers={"x-user": u}) for u in "abcdefghijklmnop"}
        assert all(len(set(n)) == 1 for n in of_user.values()), of_user
        assert len({n[0] for n in of_user.values()}) > 1, of_user
        assert len(set(names(p.port, 60))) == 4


def test_a_query_parameter_keeps_its_server_across_tables_and_proxies():
    policy = HASH % "httpQueryParameterName: id, maglev: {tableSize: 1021}"
    with servers(v1=4) as ports:
        text, seen = entry(versions=ports, policy=policy), []
        for _ in range(2):
            with Proxy(text) as p:
                seen.append([names(p.port, 1, path=f"/x?a=1&id={i}") for i in range(20)])
                p.table(text + "---\n" + entry("other", port=81, address="10.9.9.8",
                                               versions=ports))
                seen.append([names(p.port, 1, path=f"/x?id={i}") for i in range(20)])
        assert seen[0] == seen[1] == seen[2] == seen[3], seen


def test_a_cookie_is_made_once_and_leads_back():
    policy = HASH % ("httpCookie: {name: sid, path: /shop, ttl: 30s, attributes:"
                     " [{name: SameSite, value: Lax}, {name: Secure}]}")
    with servers(v1=4) as ports, Proxy(entry(versions=ports, policy=policy)) as p:
        for _ in range(8):
            _, headers, body = call(p.port)
            made = headers["set-cookie"]
            value, *rest = made.split("; ")
            assert rest == ["Max-Age=30", "Path=/shop", "SameSite=Lax", "Secure", "HttpOnly"], made
            cookie = f"other=1; {value}; more=2"
            status, headers, again = call(p.port, headers={"cookie": cookie})
            assert status == 200 and "set-cookie" not in headers, headers
            assert json.loads(again)["local"] == json.loads(body)["local"]


def test_a_cookie_of_a_session_and_one_that_is_never_made():
    with servers(v1=2) as ports:
        session = entry(versions=ports, policy=HASH % "httpCookie: {name: sid, ttl: 0s}")
        never = entry(versions=ports, policy=HASH % "httpCookie: {name: sid}")
        with Proxy(session) as p:
            made = call(p.port)[1]["set-cookie"]
            assert made.startswith('sid="') and made.endswith('"; HttpOnly'), made
            p.table(never)
            assert "set-cookie" not in call(p.port)[1]
            assert len(set(names(p.port, 10, headers={"cookie": "sid=5"}))) == 1


def test_a_retry_with_a_hash_asks_the_same_server_again():
    def fail(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 503 no\r\ncontent-length: 0\r\n\r\n")

    rules = ("  - route: [{destination: {host: web.test}}]\n"
             "    retries: {attempts: 3, retryOn: 5xx, backoff: 1ms}\n")
    with Upstream(fail) as a, Upstream(fail) as b:
        text = entry(versions={"v1": [a.port, b.port]}, rules=rules,
                     policy=HASH % "httpHeaderName: x-user")
        with Proxy(text) as p:
            assert call(p.port, headers={"x-user": "me"})[0] == 503
            assert sorted([a.accepted, b.accepted]) == [0, 4], (a.accepted, b.accepted)


# ---- nearness ----

def test_far_servers_serve_only_while_near_ones_are_out():
    """The caller is nowhere, and so are the near ones; a far one has a region."""
    def fail(s):
        while True:
            read_head(s)
            s.sendall(b"HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n")

    policy = ("outlierDetection: {consecutive5xxErrors: 1, interval: 1s, baseEjectionTime: 60s,"
              " maxEjectionPercent: 100}")
    with servers(v1=2) as ports, Upstream(fail) as failing:
        near, far = ports["v1"]
        text = entry(versions={"v1": [near, failing.port, far]}, policy=policy)
        text = text.replace(f"p: {far}}},", f"p: {far}}}, locality: eu/1,")
        with Proxy(text) as p:
            got = [call(p.port) for _ in range(30)]
            assert 1 <= [s for s, _, _ in got].count(500) <= 2, got  # one in each worker's round
            assert {json.loads(b)["local"] for s, _, b in got[-10:]} <= {f"127.0.0.1:{near}", f"127.0.0.1:{far}"}
            seen = names(p.port, 400)  # near: 1.4 times one half
            assert 230 < seen.count(f"127.0.0.1:{near}") < 330, seen.count(f"127.0.0.1:{near}")
            assert seen.count(f"127.0.0.1:{far}") == 400 - seen.count(f"127.0.0.1:{near}")


# ---- connections ----

def timer_of(port):
    out = subprocess.run(["ss", "-tnoH", "state", "established", "dport", "=", f":{port}"],
                         capture_output=True, text=True, check=True).stdout
    return [line for line in out.splitlines() if "timer:" in line]


def test_keepalive_is_set_on_connections_to_servers():
    hold = threading.Event()

    def serve(s):
        read_head(s)
        hold.wait(20)
        ok(s)

    policy = "connectionPool: {tcp: {tcpKeepalive: {time: 77s, interval: 5s, probes: 2}}}"
    with Upstream(serve) as up, Proxy(entry(versions={"v1": [up.port]}, policy=policy,
                                            rules=ALL)) as p:
        t = threading.Thread(target=call, args=(p.port,))
        t.start()
        lines = wait_for(lambda: timer_of(up.port), what="a keepalive timer")
        hold.set()
        t.join()
        assert "keepalive" in lines[0] and "min" in lines[0], lines  # 77 s is "1min17sec"


def test_an_old_connection_is_not_used_again():
    policy = "connectionPool: {tcp: {maxConnectionDuration: 1s}}"
    with Upstream(serve_again) as up, \
            Proxy(entry(versions={"v1": [up.port]}, policy=policy, rules=ALL), workers=1) as p:
        first = call(p.port)[2]
        assert call(p.port)[2] == first
        wait_for(lambda: call(p.port)[2] != first, what="another connection")


def test_an_old_tunnel_is_closed_and_says_why():
    policy = "connectionPool: {tcp: {maxConnectionDuration: 1s}}"
    with Upstream(serve_bytes) as up, \
            Proxy(entry(versions={"v1": [up.port]}, policy=policy, rules=ALL)) as p:
        begin = time.monotonic()
        s = tunnel(p.port)
        while True:
            try:
                if not echoed(s, b"x"):
                    break
            except OSError:
                break
        assert 0.9 < time.monotonic() - begin < 10
        assert " DT " in p.logged(" 101 ")


def test_a_tunnel_ends_when_nothing_moves():
    policy = "connectionPool: {tcp: {idleTimeout: 1s}}"
    with Upstream(serve_bytes) as up, \
            Proxy(entry(versions={"v1": [up.port]}, policy=policy, rules=ALL)) as p:
        s = tunnel(p.port)
        end = time.monotonic() + 1.5
        while time.monotonic() < end:  # longer than that, with something to say
            assert echoed(s, b"x") == b"x"
        begin = time.monotonic()
        assert s.recv(1) == b""
        assert 0.8 < time.monotonic() - begin < 10


def test_proxy_protocol_as_text_tells_whose_it_is():
    seen = []

    def serve(s):
        while True:
            seen.append(read_head(s)[0])
            ok(s)

    policy = "proxyProtocol: {}"
    with Upstream(serve) as up, Proxy(entry(versions={"v1": [up.port]}, policy=policy)) as p:
        c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=20)
        for _ in range(2):
            c.request("GET", "/", headers={"Host": "web.test"})
            assert c.getresponse().read() == b"ok"
        port = c.sock.getsockname()[1]
        c.close()
        for head in seen:
            first, line = head.split("\r\n")[:2]
            assert first == f"PROXY TCP4 127.0.0.1 {ADDRESS} {port} 80", first
            assert line == "GET / HTTP/1.1", line
        assert up.accepted == 2  # none is used for another request


def test_proxy_protocol_as_bytes_tells_whose_it_is():
    seen = []

    def serve(s):
        data = b""
        while b"HTTP/1.1\r\n" not in data:
            data += s.recv(4096)
        seen.append(data)
        ok(s)

    policy = "proxyProtocol: {version: V2}"
    with Upstream(serve) as up, Proxy(entry(versions={"v1": [up.port]}, policy=policy)) as p:
        c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=20)
        c.request("GET", "/", headers={"Host": "web.test"})
        port = c.sock.getsockname()[1]
        assert c.getresponse().read() == b"ok"
        c.close()
        want = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + ipaddress.ip_address("127.0.0.1").packed
                + ipaddress.ip_address(ADDRESS).packed + struct.pack(">HH", port, 80))
        assert seen[0].startswith(want + b"GET / HTTP/1.1\r\n"), seen[0]


# ---- new servers ----

def test_a_new_server_begins_with_a_part_of_its_share():
    policy = "loadBalancer: {simple: ROUND_ROBIN, warmup: {duration: 60s, minimumPercent: 20}}"
    with servers(v1=3) as ports:
        old = entry(versions={"v1": ports["v1"][:2]}, policy=policy, rules=ALL)
        with Proxy(old, workers=1) as p:
            before = names(p.port, 100)
            assert {before.count(n) for n in set(before)} == {50}
            p.table(entry(versions=ports, policy=policy, rules=ALL))
            seen = names(p.port, 220)
            new = seen.count(f"127.0.0.1:{ports['v1'][2]}")
            assert 15 <= new <= 35, new  # 0.2 of 2.2 when it begins, a bit more later


if __name__ == "__main__":
    run_tests()

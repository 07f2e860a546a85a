#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The proxy alone: what it does with requests, told by a table and nothing else."""
import errno
import http.client
import json
import os
import resource
import select
import signal
import socket
import struct
import threading
import time

from mesh import free_port, run_tests, wait_for
from proxied import (DRAIN, LISTENER_GONE, Proxy, Upstream, block, call, clock, connect, entry,
                     read_all, read_head, servers)

SPLIT = """
  - name: jason
    match: [{headers: {end-user: {exact: jason}}}]
    route: [{destination: {host: web.test, subset: v2}}]
  - name: split
    match: [{uri: {prefix: /api}}]
    route:
    - {destination: {host: web.test, subset: v1}, weight: 75}
    - {destination: {host: web.test, subset: v2}, weight: 25}
"""


def to_v1(**more):
    """One rule to v1 with these fields, as YAML in one line each."""
    fields = "".join(f"    {k}: {v}\n" for k, v in more.items())
    return ("  - name: only\n    match: [{headers: {nobody: {exact: x}}}, {uri: {prefix: /}}]\n"
            "    route: [{destination: {host: web.test, subset: v1}}]\n" + fields)


def ok(s, body=b"ok"):
    s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


def test_header_match_and_exact_split():
    with servers(v1=1, v2=1) as ports, Proxy(entry(versions=ports, rules=SPLIT)) as p:
        for _ in range(5):
            _, _, body = call(p.port, headers={"end-user": "jason"})
            assert json.loads(body)["version"] == "v2"
        versions = [json.loads(call(p.port, "/api/x")[2])["version"] for _ in range(40)]
        assert versions.count("v1") == 30, versions
        status, headers, body = call(p.port, "/else")
        assert (status, body, headers["server"]) == (404, b"", "envoy")
        assert " 404 NR route_not_found " in p.logged("/else")
        assert p.route(rule="http[1]", cluster="|v1|")["requests"] == 30


def test_a_host_of_no_service_has_its_routes_by_name_on_port_80_alone():
    def answer(s):
        read_head(s)
        ok(s)

    rules = '''
  - match: [{uri: {prefix: /v2}}]
    route: [{destination: {host: web.test, subset: v2}}]
  - match: [{uri: {exact: /gone}}]
    directResponse: {status: 410}'''
    named = entry(versions={}, name="legacy", rules=rules)
    named = "---" + named.split("---")[-1].replace("legacy.test", "legacy.test, old.test")
    with servers(v1=1, v2=1) as ports, Proxy(entry(versions=ports, rules=SPLIT) + named) as p:
        for host in ("legacy.test", "old.test:80"):
            got = [call(p.port, path, headers={"Host": host}) for path in ("/v2", "/gone", "/")]
            assert [g[0] for g in got] == [200, 410, 404], got
            assert json.loads(got[0][2])["version"] == "v2", got
        assert call(p.port, "/gone")[0] == 404
    with Upstream(answer) as up, \
            Proxy(entry(port=up.port, versions={"v1": [up.port]}, rules=SPLIT) + named,
                  dialled=f"127.0.0.1:{up.port}") as p:
        assert call(p.port, "/gone", headers={"Host": "legacy.test"})[::2] == (200, b"ok")


def test_headers_that_are_added_and_removed():
    rules = to_v1(headers="{request: {set: {x-set: a, x-who: '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'},"
                  " add: {x-add: b}, remove: [x-gone]}, response: {set: {x-back: c}}}",
                  rewrite="{uri: /new, authority: other.test}")
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=rules)) as p:
        _, headers, body = call(p.port, "/old?q=1", headers={
            "x-gone": "1", "x-add": "a", "x-envoy-max-retries": "3", "connection": "x-hop",
            "x-hop": "1"})
        seen = json.loads(body)
        assert seen["path"] == "/newold?q=1", seen
        got = seen["headers"]
        assert got["x-set"] == "a" and got["x-who"] == "127.0.0.1" and got["host"] == "other.test"
        assert got["x-envoy-original-path"] == "/old?q=1" and got["x-envoy-attempt-count"] == "1"
        assert len(got["x-request-id"]) == 36 and got["x-forwarded-proto"] == "http"
        for name in ("x-gone", "x-hop", "x-envoy-max-retries"):
            assert name not in got, got
        assert headers["x-back"] == "c" and "x-envoy-upstream-service-time" in headers


def test_answers_of_the_route():
    rules = """
  - match: [{uri: {exact: /redirect}}]
    redirect: {uri: /there, authority: else.test, redirectCode: 302}
  - match: [{uri: {exact: /direct}}]
    directResponse: {status: 418, body: {string: "short and stout"}}
    headers: {response: {set: {x-pot: tea}}}
  - match: [{uri: {exact: /abort}}]
    fault: {abort: {httpStatus: 555, percentage: {value: 100}}}
    route: [{destination: {host: web.test, subset: v1}}]
  - match: [{uri: {exact: /delay}}]
    fault: {delay: {fixedDelay: 300ms, percentage: {value: 100}}}
    route: [{destination: {host: web.test, subset: v1}}]
  - match: [{uri: {exact: /none}}]
    route: [{destination: {host: web.test, subset: v9}}]
"""
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=rules)) as p:
        status, headers, body = call(p.port, "/redirect?a=b")
        assert (status, headers["location"], body) == (302, "http://else.test/there?a=b", b"")
        status, headers, body = call(p.port, "/direct")
        assert (status, headers["x-pot"], body) == (418, "tea", b"short and stout")
        status, _, body = call(p.port, "/abort")
        assert (status, body) == (555, b"fault filter abort")
        assert " 555 FI fault_filter_abort " in p.logged("/abort")
        began = clock()
        assert call(p.port, "/delay")[0] == 200
        assert clock() - began >= 300e6
        assert " 200 DI via_upstream " in p.logged("/delay")
        assert call(p.port, "/none")[::2] == (503, b"")
        assert " 503 NC cluster_not_found " in p.logged("/none")


def test_cors():
    rules = to_v1(corsPolicy="{allowOrigins: [{exact: 'http://a.test'}], allowMethods: [GET, PUT],"
                  " allowCredentials: true, maxAge: 24h, exposeHeaders: [x-e]}")
    ask = {"origin": "http://a.test", "access-control-request-method": "PUT"}
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=rules)) as p:
        status, headers, body = call(p.port, method="OPTIONS", headers=ask)
        assert (status, body) == (200, b"")
        assert headers["access-control-allow-origin"] == "http://a.test"
        assert headers["access-control-allow-methods"] == "GET,PUT"
        assert headers["access-control-max-age"] == "86400"
        _, headers, body = call(p.port, headers={"origin": "http://a.test"})
        assert headers["access-control-allow-credentials"] == "true" and b"version" in body
        assert headers["access-control-expose-headers"] == "x-e"
        _, headers, _ = call(p.port, headers={"origin": "http://b.test"})
        assert "access-control-allow-origin" not in headers


def test_keep_alive_and_pipelining():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1()), workers=1) as p:
        c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=20)
        for i in range(20):
            c.request("GET", f"/{i}", headers={"Host": "web.test"})
            seen = json.loads(c.getresponse().read())
            assert seen["path"] == f"/{i}" and seen["accepted"] <= 2, seen
        c.close()
        with connect(p.port) as s:
            s.sendall(b"".join(b"GET /p%d HTTP/1.1\r\nHost: web.test\r\n%s\r\n" %
                               (i, b"Connection: close\r\n" if i == 49 else b"") for i in range(50)))
            data = read_all(s)
        at = [data.find(b'"path":"/p%d"' % i) for i in range(50)]
        assert at == sorted(at) and at[0] > 0, at


def test_bodies_of_all_framings():
    def echo(s):
        while True:
            head, rest = read_head(s)
            if "transfer-encoding: chunked" in head:
                while not rest.endswith(b"0\r\n\r\n"):
                    rest += s.recv(65536)
                s.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + rest)
                continue
            length = int(head.lower().split("content-length: ")[1].split("\r\n")[0])
            while len(rest) < length:
                rest += s.recv(65536)
            if "/until-close" in head:
                s.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + rest)
                return
            ok(s, rest)

    big = os.urandom(1 << 20) * 5
    with Upstream(echo) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        for path in ("/", "/until-close"):
            assert call(p.port, path, "POST", body=big)[2] == big
            assert call(p.port, path, "POST", body=b"")[2] == b""
        pieces = [big[i:i + 70001] for i in range(0, len(big), 70001)]
        status, headers, body = call(p.port, "/", "POST", body=iter(pieces))
        assert status == 200 and body == big and headers["transfer-encoding"] == "chunked"
        with connect(p.port) as s:
            s.sendall(b"POST /until-close HTTP/1.0\r\nHost: web.test\r\nContent-Length: 5\r\n\r\nhello")
            head, body = read_all(s).split(b"\r\n\r\n", 1)
            assert body == b"hello" and b"connection: close" in head, head
        wait_for(lambda: p.stats()["connections"] == 0)


def test_a_client_that_does_not_read_holds_little_memory():
    def pour(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _ in range(100):
            s.sendall(bytes(1000000))

    with Upstream(pour) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        with connect(p.port) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n")
            first = s.recv(1)
            time.sleep(0.3)
            assert p.stats()["memory_bytes"] < 200000
            size = len(first)
            while size < 100000000:
                size += len(s.recv(1 << 20))


def test_head_and_no_content():
    def serve(s):
        while True:
            head, _ = read_head(s)
            if head.startswith("HEAD"):
                s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 12345\r\n\r\n")
            else:
                s.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    with Upstream(serve) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        c = http.client.HTTPConnection("127.0.0.1", p.port, timeout=20)
        for method, status in (("HEAD", 200), ("GET", 204), ("HEAD", 200)):
            c.request(method, "/", headers={"Host": "web.test"})
            r = c.getresponse()
            assert r.status == status and r.read() == b""
        c.close()


def test_expect_continue_is_passed_on():
    def serve(s):
        head, rest = read_head(s)
        assert "expect: 100-continue" in head.lower() and not rest
        s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert s.recv(5) == b"hello"
        ok(s)

    with Upstream(serve) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        with connect(p.port) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: web.test\r\nExpect: 100-continue\r\n"
                      b"Content-Length: 5\r\n\r\n")
            assert s.recv(1000).startswith(b"HTTP/1.1 100 Continue\r\n")
            s.sendall(b"hello")
            head, _ = read_head(s)
            assert head.startswith("HTTP/1.1 200")


def test_route_timeout():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1(timeout="200ms"))) as p:
        began = clock()
        assert call(p.port, "/hold")[::2] == (504, b"upstream request timeout")
        assert 190e6 < clock() - began < 2000e6
        assert " 504 UT upstream_response_timeout " in p.logged("/hold")
        assert call(p.port, "/fine")[0] == 200
        assert all(c["requests"] == 0 for c in p.stats()["clusters"])


def test_retries():
    rules = to_v1(retries="{attempts: 3, retryOn: 5xx, perTryTimeout: 300ms}")
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=rules)) as p:
        status, _, body = call(p.port, "/fail-first?k=2&id=a", "POST", body=b"again and again")
        assert status == 200 and json.loads(body)["headers"]["x-envoy-attempt-count"] == "3"
        status, _, _ = call(p.port, "/fail-first?k=9&id=b")
        assert status == 500 and " 500 URX via_upstream " in p.logged("id=b")
        assert call(p.port, "/hold")[0] == 504
        assert " 504 UT,URX upstream_per_try_timeout " in p.logged("/hold")
        assert p.route(rule="http[0]")["retries"] == 8


def test_connect_failure_is_retried_elsewhere_and_told():
    gone = free_port()
    with servers(v1=1) as ports:
        with Proxy(entry(versions={"v1": ports["v1"] + [gone]}, rules=to_v1())) as p:
            assert all(call(p.port)[0] == 200 for _ in range(20))
        with Proxy(entry(versions={"v1": [gone]}, rules=to_v1())) as p:
            status, _, body = call(p.port)
            assert status == 503 and body.startswith(
                b"upstream connect error or disconnect/reset before headers. retried and the "
                b"latest reset reason: remote connection failure"), body
            assert " 503 UF,URX " in p.logged("only")


def test_upstream_that_breaks_off():
    def serve(s):
        head, _ = read_head(s)
        if "/before" in head:
            return
        if "/wrong" in head:
            s.sendall(b"SMTP ready\r\n\r\n")
            return
        if "/chunked" in head:
            s.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            return
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhello")

    rules = to_v1(retries="{attempts: 0}")
    with Upstream(serve) as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        status, _, body = call(p.port, "/before")
        assert status == 503 and body.endswith(b"reset reason: connection termination"), body
        assert " 503 UC upstream_reset_before_response_started{connection_termination} " in \
            p.logged("/before")
        assert call(p.port, "/wrong")[0] == 502
        assert " 502 UPE " in p.logged("/wrong")
        for path in ("/chunked", "/length"):
            try:
                call(p.port, path)
                raise AssertionError("the end was not missed")
            except http.client.IncompleteRead as e:
                assert e.partial == b"hello"


def test_limits():
    rules = to_v1()
    policy = "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=rules, policy=policy)) as p:
        results = []
        threads = [threading.Thread(target=lambda: results.append(call(p.port, "/?ms=300")))
                   for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        assert sorted(r[0] for r in results) == [200, 200, 503, 503], results
        refused = [r for r in results if r[0] == 503]
        assert all(r[1]["x-envoy-overloaded"] == "true" and r[2].endswith(b"reason: overflow")
                   for r in refused), refused
        seen = [json.loads(r[2]) for r in results if r[0] == 200]
        assert max(s["max_connections"] for s in seen) <= 2, seen  # one was the look for the server
        assert all(call(p.port)[0] == 200 for _ in range(10))
        stats = lambda: [c for c in p.stats()["clusters"] if "v1" in c["name"]][0]
        wait_for(lambda: (stats()["pending"], stats()["requests"]) == (0, 0))


def test_outliers_are_left_out():
    bad = Upstream(lambda s: [(read_head(s), s.sendall(
        b"HTTP/1.1 500 Bad\r\ncontent-length: 0\r\n\r\n")) for _ in range(100)])
    policy = ("loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 2, "
              "interval: 1s, baseEjectionTime: 60s, maxEjectionPercent: 100}")
    with bad, servers(v1=1) as ports:
        ports = {"v1": ports["v1"] + [bad.port]}
        with Proxy(entry(versions=ports, rules=to_v1(retries="{attempts: 0}"), policy=policy)) as p:
            first = [call(p.port)[0] for _ in range(4)]
            assert sorted(first) == [200, 200, 500, 500], first
            assert all(call(p.port)[0] == 200 for _ in range(10))
            ejected = [e for c in p.stats()["clusters"] for e in c["endpoints"] if e["ejected"]]
            assert [e["address"] for e in ejected] == [f"127.0.0.1:{bad.port}"]


def test_upgrade_is_a_tunnel():
    def serve(s):
        head, _ = read_head(s)
        assert "upgrade: websocket" in head.lower(), head
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
                  b"upgrade: websocket\r\n\r\nearly")
        while data := s.recv(1000):
            s.sendall(data.upper())
        s.sendall(b"bye")

    ask = (b"GET /ws HTTP/1.1\r\nHost: web.test\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n")
    with Upstream(serve) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        with connect(p.port) as s:
            s.sendall(ask % b"websocket" + b"first")
            head, rest = read_head(s)
            assert head.startswith("HTTP/1.1 101 "), head
            s.shutdown(socket.SHUT_WR)
            assert rest + read_all(s) == b"earlyFIRSTbye"
        with connect(p.port) as s:
            s.sendall(ask % b"irc")
            assert read_head(s)[0].startswith("HTTP/1.1 403 ")


def test_bytes_that_are_no_http():
    def echo(s):
        s.sendall(b"220 hello\n")
        while data := s.recv(1000):
            s.sendall(data)
        s.sendall(b"end")

    rules = to_v1()
    with Upstream(echo) as u:
        text = entry(versions={"v1": [u.port]}, protocol="''", rules=rules)
        with Proxy(text) as p:
            with connect(p.port) as s:  # the server speaks first
                assert s.recv(100) == b"220 hello\n"
                s.sendall(b"\x00\x01")
                s.shutdown(socket.SHUT_WR)
                assert read_all(s) == b"\x00\x01end"
            with connect(p.port) as s:
                s.sendall(b"\x16\x03\x01 no http")
                s.shutdown(socket.SHUT_WR)
                assert read_all(s) == b"220 hello\n\x16\x03\x01 no httpend"


def test_unknown_hosts_go_where_they_were_dialled():
    with servers(v1=1, v2=1) as ports:
        dialled = f"127.0.0.1:{ports['v2'][0]}"
        with Proxy(entry(versions=ports, rules=to_v1()), dialled=dialled) as p:
            _, _, body = call(p.port, host="unknown.test")
            assert json.loads(body)["version"] == "v2"
            assert " PassthroughCluster " in p.logged(" allow_any")


def test_wrong_requests():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        for text, status in ((b"GET / HTTP/1.1\r\n\r\n", b"400"),
                             (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"400"),
                             (b"GET / HTTP/1.1\r\nHost: web.test\r\nx: " + b"y" * 70000 + b"\r\n\r\n",
                              b"431"),
                             (b"POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 1\r\n"
                              b"Transfer-Encoding: chunked\r\n\r\n", b"400")):
            with connect(p.port) as s:
                s.sendall(text)
                assert read_all(s).startswith(b"HTTP/1.1 " + status), text[:80]
        assert " 400 DPE http1.codec_error " in p.logged(" DPE ")
        assert p.stats()["connections"] == 0 or wait_for(lambda: p.stats()["connections"] == 0)


def test_new_tables_under_load():
    failures, stop = [], threading.Event()

    def load(port):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        while not stop.is_set():
            try:
                c.request("GET", "/api/x", headers={"Host": "web.test"})
                r = c.getresponse()
                body = json.loads(r.read())
                if r.status != 200 or body["path"] != "/api/x":
                    failures.append(body)
            except Exception as e:  # pylint: disable=broad-except
                failures.append(e)
                return
        c.close()

    with servers(v1=2, v2=2) as ports, Proxy(entry(versions=ports, rules=SPLIT)) as p:
        threads = [threading.Thread(target=load, args=(p.port,)) for _ in range(8)]
        for t in threads:
            t.start()
        for i in range(30):
            some = {v: ports[v][:1 + (i + j) % 2] for j, v in enumerate(ports)}
            p.table(entry(versions=some, rules=SPLIT.replace("75", str(50 + i)).replace(
                "25", str(50 - i))))
        stop.set()
        for t in threads:
            t.join()
        assert not failures, failures[:3]
        versions = [json.loads(call(p.port, "/api/x")[2])["version"] for _ in range(100)]
        assert versions.count("v1") == 79, versions.count("v1")


def refs(table):
    """The parts of a block without scopes, each (id, bytes)."""
    count, at, found = struct.unpack_from("<I", table, 16)[0], 20, []
    for _ in range(count):
        ident, size = struct.unpack_from("<QI", table, at)
        found.append((ident, table[at + 12:at + 12 + size]))
        at += 12 + size
    assert at == len(table)
    return found


def with_parts(table, parts):
    """That block with these parts."""
    return table[:16] + struct.pack("<I", len(parts)) + b"".join(
        struct.pack("<QI", ident, len(data)) + data for ident, data in parts)


def test_a_table_brings_what_is_new_and_a_bad_one_changes_nothing():
    with servers(v1=1, v2=1) as ports:
        text = entry(versions=ports, rules=to_v1())
        first, other = block(text), block(text.replace("subset: v1", "subset: v2"))
        (ident, data), = refs(first)
        (_, new), = refs(other)
        with Proxy(text) as p:
            def version():
                return json.loads(call(p.port)[2])["version"]
            p.take(with_parts(first, [(ident, b"")]))
            assert version() == "v1"
            for bad, error in ((b"", errno.EBADMSG), (first[:-1], errno.EBADMSG),
                               (with_parts(first, [(ident, data[:-1])]), errno.EBADMSG),
                               (with_parts(first, [(ident, b""), (99, new[:-1])]), errno.EBADMSG),
                               (with_parts(first, [(ident, new), (99, b"")]), errno.ENOENT)):
                p.take(bad, error)
                assert version() == "v1"
            p.take(with_parts(first, [(99, new)]))
            assert version() == "v2"
            p.take(with_parts(first, [(ident, b"")]), errno.ENOENT)  # it is that of no table any more
            p.take(with_parts(first, [(99, b"")]))
            assert version() == "v2"
            p.take(with_parts(first, []))
            assert [c["name"] for c in wait_for(lambda: only_passing(p))] == ["PassthroughCluster"]


def only_passing(p):
    """The clusters, once there is but one left."""
    clusters = p.stats()["clusters"]
    return clusters if len(clusters) == 1 else None


def test_the_split_goes_on_across_tables():
    text = lambda ports: entry(versions=ports, rules=SPLIT)
    with servers(v1=1, v2=1) as ports, Proxy(text(ports)) as p:
        versions = []
        for _ in range(40):
            versions.append(json.loads(call(p.port, "/api/x")[2])["version"])
            p.table(text(ports))
        assert versions.count("v1") == 30, versions


class Kept:
    """A connection of a client that asks again and again."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def ask(self, path="/"):
        self.connection.request("GET", path, headers={"Host": "web.test"})
        answer = self.connection.getresponse()
        answer.read()
        return answer.status

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()


def held_server(s):
    """Answers when a byte comes that is no request's, never else."""
    read_head(s)
    while s.recv(4096):  # until the proxy lets go
        pass


def test_a_client_that_sends_nothing_more_gets_its_answer():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        for length in (0, 5):
            with connect(p.port) as s:
                s.sendall(b"GET /a?ms=200 HTTP/1.1\r\nHost: web.test\r\ncontent-length: %d\r\n\r\n" %
                          length + bytes(length) + b"GET /b HTTP/1.1\r\nHost: web.test\r\n\r\n")
                s.shutdown(socket.SHUT_WR)
                answers_ = read_all(s)
            assert answers_.count(b"HTTP/1.1 200 OK\r\n") == 2, answers_
            assert answers_.index(b'"path":"/a?ms=200"') < answers_.index(b'"path":"/b"')
        wait_for(lambda: p.stats()["connections"] == 0)
        assert p.route(rule="http[0]")["flags"] == {}


def test_a_client_that_resets_is_gone():
    with Upstream(held_server) as u, Proxy(entry(versions={"v1": [u.port]}, rules=to_v1())) as p:
        for ends_first in (False, True):
            before = p.route(rule="http[0]")["requests"]
            s = connect(p.port)
            s.sendall(b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n")
            wait_for(lambda: any(c["requests"] for c in p.stats()["clusters"]))
            if ends_first:
                s.shutdown(socket.SHUT_WR)
                wait_for(lambda s=s: tcp_state(s) == FIN_WAIT2)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
            wait_for(lambda b=before: p.route(rule="http[0]")["requests"] == b + 1)
        assert p.route(rule="http[0]")["flags"] == {"DC": 2}


FIN_WAIT2 = 5


def tcp_state(s):
    return s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def test_it_waits_for_descriptors_without_turning():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        with Kept(p.port) as first:
            ask = b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n"
            assert first.ask() == 200
            number = len(os.listdir(f"/proc/{p.process.pid}/fd"))
            resource.prlimit(p.process.pid, resource.RLIMIT_NOFILE, (number + 4, number + 4))
            others = [connect(p.port) for _ in range(8)]
            wait_for(lambda: len(os.listdir(f"/proc/{p.process.pid}/fd")) == number + 4)
            began = clock()
            assert all(first.ask() == 200 for _ in range(20))
            for s in others[:6]:
                s.close()
            for s in others[6:]:
                s.sendall(ask)
                assert read_head(s)[0].startswith("HTTP/1.1 ")
                s.close()
        # each of two workers tries again after 2 ms; turning, it would some 100,000 times a second
        assert 0 < p.stats()["accepts_failed"] < (clock() - began) / 1e6 + 50


def test_memory_has_a_bound():
    limit, held, refused, most = 1 << 20, [], 0, 0
    ask = b"GET /hold HTTP/1.1\r\nHost: web.test\r\nx: " + b"y" * 4000 + b"\r\n\r\n"
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1()), "--memory",
                                       str(limit)) as p, Kept(p.port) as first:
        assert first.ask() == 200
        while refused < 10:
            held.append(connect(p.port))
            held[-1].sendall(ask)
            most = max(most, p.stats()["memory_bytes"])
            refused += bool(select.select([held[-1]], [], [], 0.02)[0])
            assert len(held) < 200
        for s in held[-3:]:
            assert s.recv(100).startswith(b"HTTP/1.1 503 ")
        assert most <= limit
        assert all(first.ask() == 200 for _ in range(5))  # what is there goes on
        for s in held:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            s.close()
        wait_for(lambda: p.stats()["connections"] == 1)
        assert p.stats()["memory_bytes"] < limit
        assert call(p.port)[0] == 200


def test_it_may_do_next_to_nothing():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1()), "--uid", "65534", "--gid",
                                       "65534") as p:
        assert call(p.port)[0] == 200
        with open(f"/proc/{p.process.pid}/status", encoding="utf-8") as f:
            status = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        assert status["Uid"].split() == ["65534"] * 4 and status["Groups"].strip() == ""
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            assert int(status[name], 16) == 0, (name, status[name])
        assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_heartbeat_shows_that_the_workers_turn():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        page = p.heartbeat()
        word = lambda: int.from_bytes(page[:8], "little")
        wait_for(word)
        assert clock() - word() < 1e9
        os.kill(p.process.pid, signal.SIGSTOP)
        time.sleep(0.5)
        old = word()
        time.sleep(0.3)
        assert word() == old
        os.kill(p.process.pid, signal.SIGCONT)
        wait_for(lambda: word() > old)


def test_goes_on_without_its_agent():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        p.control.close()
        time.sleep(0.3)
        assert all(call(p.port)[0] == 200 for _ in range(10))


def test_a_listener_that_is_gone_refuses():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        with connect(p.port) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n")
            read_head(s)
            p.send(LISTENER_GONE, ident=7)
            wait_for(lambda: refuses(p.port))
            s.sendall(b"GET /again HTTP/1.1\r\nHost: web.test\r\n\r\n")
            assert read_head(s)
        assert call(p.listen(ident=8))[0] == 200


def refuses(port):
    try:
        with connect(port):
            return False
    except ConnectionRefusedError:
        return True


def test_drain_lets_requests_end():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=to_v1())) as p:
        idle = connect(p.port)
        results = []
        t = threading.Thread(target=lambda: results.append(call(p.port, "/?ms=500")))
        t.start()
        wait_for(lambda: any(c["requests"] for c in p.stats()["clusters"]))
        p.send(DRAIN, number=clock() + 2 * 10**9)
        t.join()
        assert results[0][0] == 200 and results[0][1]["connection"] == "close", results
        assert idle.recv(10) == b""
        idle.close()
        assert p.process.wait(5) == 0


if __name__ == "__main__":
    run_tests()

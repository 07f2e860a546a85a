#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What rules and requests ask of the proxy, each with real sockets: copies, controls, traces."""
import contextlib
import os
import re
import socket
import struct
import threading

from mesh import run_tests, wait_for
from proxied import Proxy, Upstream, call, clock, connect, entry, read_all, read_head

COPY = "10.9.9.8"
TRACE, SPAN = "463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312"


class Recorder(Upstream):
    """Answers every request, and keeps what came: (head, headers, body)."""

    def __init__(self, answer=None):
        self.seen = []
        self.answer = answer or (lambda _: b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        super().__init__(self._requests)

    def _requests(self, s):
        rest = b""
        while True:
            head, rest = read_head(Ahead(s, rest))
            first, *lines = head.split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
            if "chunked" in headers.get("transfer-encoding", ""):
                while not rest.endswith(b"0\r\n\r\n"):
                    rest += s.recv(65536)
                body, rest = rest, b""
            else:
                length = int(headers.get("content-length", 0))
                while len(rest) < length:
                    rest += s.recv(65536)
                body, rest = rest[:length], rest[length:]
            self.seen.append((first, headers, body))
            s.sendall(self.answer(len(self.seen)))

    def last(self):
        return self.seen[-1][1]


class Ahead:
    """A socket of which some was read before."""

    def __init__(self, s, rest):
        self.s, self.rest = s, rest

    def recv(self, size):
        rest, self.rest = self.rest, b""
        return rest or self.s.recv(size)


def answers(*statuses, more=""):
    """One after the other; the last one again and again."""
    def answer(number):
        status = statuses[min(number, len(statuses)) - 1]
        return f"HTTP/1.1 {status} x\r\n{more}content-length: 0\r\n\r\n".encode()
    return answer


def rule(**more):
    """One rule to v1 with these fields, as YAML in one line each."""
    more.setdefault("headers", "{request: {set: {x-set: a}}}")
    fields = "".join(f"    {k}: {v}\n" for k, v in more.items())
    return ("  - name: only\n    match: [{uri: {prefix: /}}]\n"
            "    route: [{destination: {host: web.test, subset: v1}}]\n" + fields)


@contextlib.contextmanager
def one(upstream, *options, policy="", **fields):
    """A proxy before `upstream` with one rule."""
    with upstream as u, Proxy(entry(versions={"v1": [u.port]}, rules=rule(**fields),
                                    policy=policy), *options) as p:
        yield u, p


@contextlib.contextmanager
def copied(main, copy, policy="", **fields):
    """Requests to web.test go to `main`, and by `fields` to `copy` as well."""
    fields.setdefault("mirror", "{host: copy.test}")
    with main as m, copy as c:
        text = (entry(versions={"v1": [m.port]}, rules=rule(**fields)) + "---" +
                entry(name="copy", address=COPY, versions={"v1": [c.port]}, policy=policy))
        with Proxy(text, workers=1) as p:
            yield m, c, p


def copies(p, number):
    """The counts of the copies, once so many have ended."""
    def ended():
        found = [r for r in p.stats()["routes"] if r["rule"].endswith(" mirror")]
        return found and found[0]["requests"] == number and found[0]
    return wait_for(ended, what=f"{number} copies")


# ---- copies ----

def test_a_copy_has_the_final_head_and_the_body():
    with copied(Recorder(), Recorder(), rewrite="{uri: /new}",
                headers="{request: {set: {x-set: a}, remove: [x-gone]}}") as (m, c, p):
        bodies = (None, b"hello" * 5000, iter([b"a" * 3000, b"b" * 3000]))
        for i, body in enumerate(bodies):
            status, _, text = call(p.port, "/old?q=1", "POST",
                                   {"x-gone": "1", "x-b3-sampled": "0"}, body)
            assert (status, text) == (200, b"ok")
            n = copies(p, i + 1)
        assert n["responses"] == {"2xx": 3} and not n["flags"], n
        assert m.seen == c.seen and len(c.seen) == 3
        first, headers, _ = c.seen[0]
        assert first == "POST /newold?q=1 HTTP/1.1" and headers["x-set"] == "a"
        assert headers["host"] == "web.test" and "x-gone" not in headers
        assert c.seen[1][2] == b"hello" * 5000
        assert c.accepted == 1, "the connection is used again"
        assert p.route(rule="http[0]", cluster="web.test")["requests"] == 3


def test_the_trace_of_a_copy_is_not_sampled():
    with copied(Recorder(), Recorder()) as (m, c, p):
        for i, (came, went) in enumerate((
                ({"traceparent": f"00-{TRACE}-{SPAN}-01"},
                 {"traceparent": f"00-{TRACE}-{SPAN}-00", "x-b3-sampled": "0"}),
                ({"b3": f"{TRACE}-{SPAN}-1-{SPAN}"}, {"b3": f"{TRACE}-{SPAN}-0-{SPAN}"}),
                ({"b3": "1"}, {"b3": "0"}), ({"b3": f"{TRACE}-{SPAN}"}, {"b3": f"{TRACE}-{SPAN}"}),
                ({"x-b3-flags": "1"}, {"x-b3-flags": "0", "x-b3-sampled": "0"}),
                ({"x-envoy-force-trace": "1"}, {"x-b3-sampled": "0"}))):
            call(p.port, headers=came)
            copies(p, i + 1)
            assert came.items() <= m.last().items() and went.items() <= c.last().items(), c.last()


def test_a_copy_that_hangs_holds_nothing_up_and_ends_with_the_timeout():
    gone = threading.Event()

    def hang(s):
        read_head(s)
        if not s.recv(1):
            gone.set()

    with copied(Recorder(), Upstream(hang), timeout="300ms") as (_, _, p):
        began = clock()
        assert call(p.port)[0] == 200
        assert clock() - began < 300e6
        n = copies(p, 1)
        assert clock() - began >= 300e6
        assert n["flags"] == {"UT": 1} and n["responses"] == {"none": 1}, n
        assert gone.wait(20), "its connection is closed"


def test_a_share_of_the_requests_is_copied_and_each_mirror_rolls():
    with Recorder() as other:
        text = entry(name="other", address="10.9.9.7", versions={"v1": [other.port]})
        half = "[{destination: {host: copy.test}, percentage: {value: 50}}"
        with Recorder() as m, Recorder() as c:
            text += "---" + entry(name="copy", address=COPY, versions={"v1": [c.port]})
            text += "---" + entry(versions={"v1": [m.port]}, rules=rule(
                mirrors=half + ", {destination: {host: other.test}, percentage: {value: 50}},"
                " {destination: {host: copy.test}, percentage: {value: 0}}]"))
            with Proxy(text) as p:
                for i in range(400):
                    assert call(p.port, f"/{i}")[0] == 200
                wait_for(lambda: not any(e["active"] for k in p.stats()["clusters"]
                                         for e in k["endpoints"]))
                one_, two = ({first for first, _, _ in u.seen} for u in (c, other))
                # 200 +- 10 each; 5 deviations
                assert 150 <= len(one_) <= 250 and 150 <= len(two) <= 250, (len(one_), len(two))
                assert 50 <= len(one_ & two) <= 150


def test_a_body_that_is_too_long_is_not_copied():
    with copied(Recorder(), Recorder()) as (m, c, p):
        big = os.urandom(3 << 20)
        assert call(p.port, "/", "POST", body=big)[0] == 200
        assert m.seen[0][2] == big
        n = copies(p, 1)
        assert n["flags"] == {"UO": 1} and not c.seen, n
        assert call(p.port, "/", "POST", body=big[:1 << 19])[0] == 200
        copies(p, 2)
        assert c.seen[0][2] == big[:1 << 19]
        wait_for(lambda: p.stats()["connections"] == 0)


def test_a_copy_that_cannot_go_is_counted():
    with socket.create_server(("127.0.0.1", 0)) as s:
        closed = s.getsockname()[1]
    with copied(Recorder(), Upstream(read_head)) as (m, c, p):
        p.table(entry(versions={"v1": [m.port]}, rules=rule(mirror="{host: copy.test}")) + "---" +
                entry(name="copy", address=COPY, versions={"v1": [closed]}))
        assert call(p.port)[0] == 200
        assert copies(p, 1)["flags"] == {"UF": 1}
        p.table(entry(versions={"v1": [m.port]}, rules=rule(mirror="{host: copy.test}")) + "---" +
                entry(name="copy", address=COPY, versions={"v1": [c.port]}))
        assert call(p.port)[0] == 200
        assert copies(p, 2)["flags"] == {"UF": 1, "UC": 1}


def test_copies_keep_to_the_limits_of_their_cluster():
    held = threading.Event()

    def hold(s):
        read_head(s)
        held.wait(20)
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with copied(Recorder(), Upstream(hold),
                policy="connectionPool: {tcp: {maxConnections: 1}}") as (_, c, p):
        for _ in range(3):
            assert call(p.port)[0] == 200
        assert copies(p, 2)["flags"] == {"UO": 2}
        held.set()
        assert copies(p, 3)["responses"] == {"none": 2, "2xx": 1}
        assert c.accepted == 1


def test_answers_to_copies_are_dropped_whatever_they_are():
    sizes = iter([b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n" + bytes(1000000),
                  b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 x\r\ntransfer-encoding: chunked\r\n"
                  b"\r\n5\r\nhello\r\n0\r\n\r\n", b"nonsense\r\n\r\n"])
    with copied(Recorder(), Recorder(lambda _: next(sizes))) as (_, _, p):
        for i in range(3):
            assert call(p.port)[2] == b"ok"
            n = copies(p, i + 1)
        assert n["responses"] == {"2xx": 1, "5xx": 1, "none": 1} and n["flags"] == {"UPE": 1}, n


def test_an_upgrade_is_not_copied():
    def tunnel(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                  b"connection: upgrade\r\n\r\nhi")

    with copied(Upstream(tunnel), Recorder()) as (_, c, p), connect(p.port) as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: web.test\r\nUpgrade: websocket\r\n"
                  b"Connection: upgrade\r\n\r\n")
        assert read_all(s).endswith(b"hi")
        assert c.accepted == 0


def test_a_request_that_is_left_is_not_copied():
    with copied(Recorder(), Recorder()) as (_, c, p):
        with connect(p.port) as s:
            s.sendall(b"POST / HTTP/1.1\r\nHost: web.test\r\nContent-Length: 10\r\n\r\nhello")
            wait_for(lambda: p.stats()["connections"] == 1)
        n = copies(p, 1)
        assert n["flags"] == {"DC": 1} and c.accepted == 0, n


# ---- faults ----

def test_an_abort_says_its_status_to_grpc_too_and_without_one_is_none():
    abort = "{abort: {%spercentage: {value: 100}}}"
    with one(Recorder(), fault=abort % "") as (u, p):
        assert call(p.port)[0] == 200 and p.route(rule="http[0]")["flags"] == {}
        assert len(u.seen) == 1
    with one(Recorder(), fault=abort % "grpcStatus: UNAVAILABLE, ") as (u, p):
        status, headers, body = call(p.port)
        assert (status, headers["grpc-status"], body) == (200, "14", b"")
        assert headers["grpc-message"] == "fault filter abort" and not u.seen


# ---- what requests ask for ----

def test_a_request_asks_for_retries():
    ask = {"x-envoy-retry-on": "5xx", "x-envoy-max-retries": "3"}
    with one(Recorder(answers(500, 500, 500, 200))) as (u, p):
        assert call(p.port, headers=ask)[0] == 200
        counts = [h["x-envoy-attempt-count"] for _, h, _ in u.seen]
        assert counts == ["1", "2", "3", "4"], counts
        assert not any(name.startswith("x-envoy-") and name != "x-envoy-attempt-count"
                       for name in u.last()), u.last()
    with one(Recorder(answers(500)), retries="{attempts: 0}") as (u, p):
        assert call(p.port)[0] == 500 and len(u.seen) == 1
        assert call(p.port, headers={"x-envoy-retry-on": "5xx"})[0] == 500
        assert len(u.seen) == 3 and " 500 URX " in p.logged(" URX ")


def test_a_request_names_codes_and_headers_to_retry():
    with one(Recorder(answers(418, 200))) as (u, p):
        ask = {"x-envoy-retry-on": "retriable-status-codes"}
        assert call(p.port, headers=ask)[0] == 418
        u.seen.clear()
        assert call(p.port, headers={**ask, "x-envoy-retriable-status-codes": "425, 418"})[0] == 200
    with one(Recorder(answers(200, more="x-again: \r\n"))) as (u, p):
        call(p.port, headers={"x-envoy-retry-on": "retriable-headers",
                              "x-envoy-retriable-header-names": "x-again",
                              "x-envoy-max-retries": "1"})
        assert len(u.seen) == 2
    with one(Recorder(answers(200, more="grpc-status: 13\r\n"))) as (u, p):
        call(p.port, headers={"x-envoy-retry-grpc-on": "internal", "x-envoy-max-retries": "2"})
        assert len(u.seen) == 3


def hang(s):
    read_head(s)
    s.recv(1)


def test_a_request_chooses_its_timeout_and_what_it_is_told():
    with one(Upstream(hang), timeout="20s") as (_, p):
        assert call(p.port, headers={"x-envoy-upstream-rq-timeout-ms": "50"})[0] == 504
        status, _, body = call(p.port, "/alt", headers={
            "x-envoy-upstream-rq-timeout-ms": "50",
            "x-envoy-upstream-rq-timeout-alt-response": "204"})
        assert (status, body) == (204, b"")
        assert " 204 UT upstream_response_timeout " in p.logged("/alt")


def test_a_grpc_call_has_its_own_deadline_up_to_that_of_the_route():
    grpc = {"content-type": "application/grpc"}
    with one(Upstream(hang)) as (_, p):
        status, headers, _ = call(p.port, headers={**grpc, "grpc-timeout": "50m"})
        assert (status, headers["grpc-status"]) == (200, "14")
    with one(Recorder(), timeout="20s") as (u, p):
        for deadline, want in (("15S", "15000"), ("1H", "20000"), ("99999999H", "20000")):
            call(p.port, headers={**grpc, "grpc-timeout": deadline})
            assert u.last()["x-envoy-expected-rq-timeout-ms"] == want
    with one(Recorder()) as (u, p):
        call(p.port, headers={**grpc, "grpc-timeout": "30S"})
        assert u.last()["x-envoy-expected-rq-timeout-ms"] == "30000"
        assert u.last()["grpc-timeout"] == "30S"
        call(p.port, headers={"grpc-timeout": "30S"})
        assert "x-envoy-expected-rq-timeout-ms" not in u.last()


# ---- tries ----

def test_a_body_is_kept_for_another_try_up_to_a_bound():
    retries = "{attempts: 2, retryOn: 5xx}"
    with one(Recorder(answers(503, 200, 503)), retries=retries) as (u, p):
        body = os.urandom(700000)
        assert call(p.port, "/", "POST", body=body)[0] == 200
        assert [b for _, _, b in u.seen] == [body, body]
        big = os.urandom(2 << 20)
        assert call(p.port, "/big", "POST", body=big)[0] == 503
        assert u.seen[2][2] == big and len(u.seen) == 3
        wait_for(lambda: p.stats()["connections"] == 0)
        assert p.stats()["memory_bytes"] < 300000


def test_a_budget_bounds_retries_by_what_is_under_way():
    """Four requests wait for their second try at once, of which two may."""
    ready = threading.Barrier(4)
    free = threading.Event()

    def serve(s):
        head, _ = read_head(s)
        if "x-envoy-attempt-count: 1" in head:
            ready.wait(20)
            s.sendall(b"HTTP/1.1 503 x\r\ncontent-length: 0\r\n\r\n")
            return
        free.wait(20)
        s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    with one(Upstream(serve), retries="{attempts: 1, retryOn: 5xx}",
             policy="retryBudget: {percent: 50, minRetryConcurrency: 1}") as (_, p):
        got = []
        calls = [threading.Thread(target=lambda: got.append(call(p.port)[0])) for _ in range(4)]
        for c in calls:
            c.start()
        wait_for(lambda: len(got) == 2)
        free.set()
        for c in calls:
            c.join()
        assert sorted(got) == [200, 200, 503, 503], got
        assert p.route(rule="http[0]")["flags"] == {"UO": 2}


def test_a_reset_is_told_from_an_end():
    def reset(s):
        read_head(s)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with one(Upstream(reset)) as (u, p):
        status, _, body = call(p.port, "/reset")
        assert (status, body) == (503, b"upstream connect error or disconnect/reset before "
                                       b"headers. reset reason: remote reset")
        assert " UR upstream_reset_before_response_started{remote_reset} " in p.logged("/reset")
        assert u.accepted == 1
        call(p.port, headers={"x-envoy-retry-on": "reset", "x-envoy-max-retries": "2"})
        assert u.accepted == 4


def test_an_overflow_after_a_retry_is_told_as_such():
    free = threading.Event()

    def serve(s):
        head, _ = read_head(s)
        if "/first" in head:
            s.sendall(b"HTTP/1.1 503 x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            return
        free.wait(20)
        s.sendall(b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")

    policy = "connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}"
    with one(Upstream(serve), policy=policy,
             retries="{attempts: 1, retryOn: 5xx, backoff: 2s}") as (_, p):
        cluster = lambda: [c for c in p.stats()["clusters"] if "|v1|" in c["name"]][0]
        with connect(p.port) as s:
            s.sendall(b"GET /first HTTP/1.1\r\nHost: web.test\r\n\r\n")
            wait_for(lambda: p.route(rule="http[0]")["retries"] == 1)
            others = [threading.Thread(target=call, args=(p.port,)) for _ in range(2)]
            others[0].start()
            wait_for(lambda: cluster()["connections"] == 1)
            others[1].start()
            wait_for(lambda: cluster()["pending"] == 1)
            head, body = read_head(s)
            while not body.endswith(b"overflow"):
                body += s.recv(1000)
        assert head.startswith("HTTP/1.1 503 ") and "x-envoy-overloaded: true" in head
        assert body == (b"upstream connect error or disconnect/reset before headers. retried and "
                        b"the latest reset reason: overflow")
        free.set()
        for t in others:
            t.join()


def ejected(p):
    return [e["address"] for c in p.stats()["clusters"] for e in c["endpoints"] if e["ejected"]]


def test_a_server_that_hangs_past_the_timeout_is_ejected():
    with one(Upstream(hang), timeout="100ms",
             policy="outlierDetection: {consecutive5xxErrors: 2, maxEjectionPercent: 100}") as (
                 u, p):
        assert [call(p.port)[0] for _ in range(3)] == [504, 504, 503]
        assert u.accepted == 2 and len(ejected(p)) == 1


def test_a_request_that_was_never_sent_is_no_fault_of_a_server():
    policy = ("connectionPool: {tcp: {maxConnections: 1}}, "
              "outlierDetection: {consecutive5xxErrors: 2, maxEjectionPercent: 100}")
    retries = "{attempts: 1, retryOn: connect-failure, perTryTimeout: 100ms}"
    for waits in ({}, {"x-envoy-upstream-rq-timeout-ms": "50"}):
        with one(Upstream(hang), policy=policy, retries=retries) as (u, p), connect(p.port) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: web.test\r\n"
                      b"x-envoy-upstream-rq-per-try-timeout-ms: 60000\r\n\r\n")
            wait_for(lambda u=u: u.accepted == 1)
            assert [call(p.port, headers=waits)[0] for _ in range(3)] == [504] * 3
            assert u.accepted == 1 and not ejected(p)


def test_a_tunnel_outlives_the_time_of_its_request():
    def serve(s):
        read_head(s)
        s.sendall(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n"
                  b"connection: upgrade\r\n\r\n")
        while data := s.recv(100):
            s.sendall(data)

    with one(Upstream(serve), timeout="200ms") as (_, p), connect(p.port) as s:
        s.sendall(b"GET /ws HTTP/1.1\r\nHost: web.test\r\nUpgrade: websocket\r\n"
                  b"Connection: upgrade\r\n\r\n")
        assert read_head(s)[0].startswith("HTTP/1.1 101 ")
        s.settimeout(0.6)
        with contextlib.suppress(TimeoutError):
            assert s.recv(1) == b"never", "the time of the request ended it"
        s.settimeout(20)
        s.sendall(b"still here")
        assert s.recv(100) == b"still here"


# ---- headers ----

def test_a_single_destination_removes_before_the_route_sets():
    rules = ("  - match: [{uri: {prefix: /}}]\n"
             "    headers: {request: {set: {x-a: route, x-b: route}},"
             " response: {set: {x-c: route}}}\n"
             "    route:\n    - destination: {host: web.test, subset: v1}\n"
             "      headers: {request: {set: {x-b: one}, remove: [x-a, x-d]},"
             " response: {remove: [x-c]}}\n")
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        _, headers, _ = call(p.port, headers={"x-a": "client", "x-d": "client"})
        assert (u.last()["x-a"], u.last()["x-b"], headers["x-c"]) == ("route", "one", "route")
        assert "x-d" not in u.last()


def test_a_variable_without_a_value_leaves_nothing():
    set_ = ("{request: {set: {x-a: 'a%REQ(x-none)%z', x-b: '%REQ(x-none?x-some)%', "
            "x-c: '%REQ(x-none)%', x-d: '100%%'}}}")
    with one(Recorder(), headers=set_) as (u, p):
        call(p.port, headers={"x-some": "some", "x-c": "client"})
        assert [u.last()[f"x-{name}"] for name in "abcd"] == ["az", "some", "client", "100%"]


# ---- the log ----

def test_the_log_names_the_match_that_held():
    rules = ("  - name: r\n    match: [{name: m, uri: {exact: /m}}, {uri: {exact: /r}}]\n"
             "    route: [{destination: {host: web.test, subset: v1}}]\n")
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        for path, name in (("/m", "r.m"), ("/r", "r")):
            call(p.port, path)
            assert p.logged(f'"GET {path} ').endswith(f" {name}\n")


def test_the_log_has_no_bytes_of_an_answer_without_a_body():
    rules = ("  - match: [{uri: {exact: /d}}]\n    directResponse: {status: 200, body: {string: "
             "hello}}\n" + rule())
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        for method, size in (("HEAD", 0), ("GET", 5)):
            call(p.port, "/d", method)
            assert f' 200 - direct_response - "-" 0 {size} ' in p.logged(f'"{method} /d ')


def test_an_unknown_host_that_is_refused_is_told():
    text = """---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: default}
spec: {outboundTrafficPolicy: {mode: REGISTRY_ONLY}}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: default}
status: {podIP: 10.9.9.1}
"""
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rule()) + text) as p:
        assert call(p.port)[0] == 200
        assert call(p.port, "/else", host="else.test")[::2] == (502, b"")
        line = p.logged("/else")
        assert " 502 - direct_response " in line and line.endswith(" block_all\n")


# ---- headers of every request ----

def test_a_trace_is_made_once_and_passed_on_as_it_came():
    with one(Recorder(answers(503, 200)), retries="{attempts: 1, retryOn: 5xx}") as (u, p):
        call(p.port)
        first, second = (h for _, h, _ in u.seen)
        for name in ("traceparent", "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-request-id"):
            assert first[name] == second[name]
        made = re.fullmatch("00-([0-9a-f]{32})-([0-9a-f]{16})-0([01])", first["traceparent"])
        assert made.groups() == (first["x-b3-traceid"], first["x-b3-spanid"],
                                 first["x-b3-sampled"])
        call(p.port)
        assert u.last()["x-b3-traceid"] != made[1]
        came = {"traceparent": f"00-{TRACE}-{SPAN}-01", "tracestate": "a=b", "x-request-id": "r",
                "x-forwarded-proto": "https", "x-forwarded-for": "1.2.3.4"}
        call(p.port, headers=came)
        assert came.items() <= u.last().items()
        assert (u.last()["x-b3-traceid"], u.last()["x-b3-sampled"]) == (TRACE, "1")
        call(p.port, headers={"b3": f"{TRACE}-{SPAN}-1"})
        assert u.last()["traceparent"] == came["traceparent"] and "x-b3-traceid" not in u.last()


def test_a_long_answer_of_the_route_comes_whole():
    text = "0123456789abcdef" * 60000
    rules = ("  - match: [{uri: {exact: /d}}]\n    directResponse: {status: 200, body: {string: '" +
             text + "'}}\n") + rule()
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        assert call(p.port, "/d")[2] == text.encode()
        with connect(p.port) as s:
            s.sendall(b"HEAD /d HTTP/1.1\r\nHost: web.test\r\n\r\n"
                      b"GET /d HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n\r\n")
            head, rest = read_head(s)
            assert "content-length: 960000" in head and rest[:9] in b"HTTP/1.1 "
            assert (rest + read_all(s)).endswith(text.encode())


# ---- ports of no known protocol ----

def test_what_is_no_http_takes_the_tcp_route():
    def greet(name):
        def serve(s):
            if s.recv(100).startswith(b"GET "):
                s.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" + name)
            else:
                s.sendall(name)
        return serve

    tcp = "  tcp:\n  - route: [{destination: {host: web.test, subset: v2}}]\n"
    with Upstream(greet(b"v1")) as one_, Upstream(greet(b"v2")) as two:
        text = entry(versions={"v1": [one_.port], "v2": [two.port]}, protocol="''",
                     rules=rule(timeout="20s") + tcp)
        with Proxy(text) as p:
            assert call(p.port)[2] == b"v1"
            with connect(p.port) as s:
                s.sendall(b"\x00\x01")
                assert read_all(s) == b"v2"
            wait_for(lambda: p.route(rule="default/web", cluster="|v2|")["requests"] == 1)


def test_hosts_of_no_service_are_those_of_their_virtual_service():
    rules = ("  - match: [{uri: {prefix: /d}}]\n    directResponse: {status: 418}\n" + rule())
    with Recorder() as u:
        text = entry(versions={"v1": [u.port]}, rules=rules)
        assert text.count("  hosts: [web.test]\n  http:") == 1
        text = text.replace("  hosts: [web.test]\n  http:",
                            "  hosts: [web.test, shop.test, '*.shop.test']\n  http:")
        with Proxy(text) as p:
            for host in ("web.test", "shop.test:80", "a.shop.test"):
                assert call(p.port, "/d", host=host)[0] == 418, host
            assert call(p.port, host="shop.test")[0] == 200
            assert u.last()["host"] == "shop.test" and u.last()["x-set"] == "a"


# ---- paths ----

def test_no_other_form_of_a_path_passes_a_rule_by():
    rules = ("  - match: [{uri: {prefix: /admin}}]\n    directResponse: {status: 403}\n" + rule())
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        for path in ("/admin", "/x/../admin", "/./admin", "/%61dmin", "/x/%2e%2e/admin?q"):
            assert call(p.port, path)[0] == 403, path
        assert not u.seen
        for path, want in (("/a/./b/../c?d=/../e", "/a/c?d=/../e"), ("/a//b%2f", "/a//b%2f"),
                           ("/..", "/")):
            assert call(p.port, path)[0] == 200
            assert u.seen[-1][0] == f"GET {want} HTTP/1.1"
            assert "x-envoy-original-path" not in u.last()


def test_an_expression_that_is_given_up_is_no_match_and_counted():
    rules = ("  - name: slow\n    match: [{headers: {x-a: {regex: '(a*)*[bd]'}}}]\n"
             "    directResponse: {status: 418}\n" + rule())
    with Recorder() as u, Proxy(entry(versions={"v1": [u.port]}, rules=rules)) as p:
        assert call(p.port, headers={"x-a": "a" * 2000 + "c"})[0] == 200
        assert call(p.port, headers={"x-a": "aab"})[0] == 418
        assert call(p.port, headers={"x-a": "c"})[0] == 200
        assert p.route(rule="http[0]")["regex_limits"] == 1
        assert p.route(rule="http[1]")["regex_limits"] == 0


if __name__ == "__main__":
    run_tests()

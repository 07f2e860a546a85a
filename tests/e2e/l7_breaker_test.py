#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Circuit breaking: limits of connections and waiting requests, and endpoints that are left out."""
import contextlib
import re
import threading
import time

import mesh
import objects
from l7 import (FORMAT, REQUESTS, Caller, answers, ask, beside, counted, curl_arguments, inside,
                printed, put, routes, to, web)
from l7_servers import Server, httpbin, response

CALLER = "caller-0"
ONE = {"connectionPool": {"tcp": {"maxConnections": 1}, "http": {
    "http1MaxPendingRequests": 1, "maxRequestsPerConnection": 1}}}
SECOND = 10**9


@contextlib.contextmanager
def fixture():
    apps = ("httpbin", "gate", "good", "bad", "pooled", "alone", "caller")
    pods = [objects.deployment(app, "v1", ports=(), name=app) for app in apps]
    for pod in pods[2:4]:
        pod["spec"]["template"]["metadata"]["labels"]["app"] = "pair"
    pods.append(objects.deployment("capped", "v1"))
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        yield m


def limited(m, app):
    put(m, *web(app, app, subsets=["v1"], policy=ONE))


# Connections and waiting requests.

def hey(m, url, requests, connections):
    """{status: number}, of a load."""
    out = inside(m, CALLER, "hey", "-n", str(requests), "-c", str(connections), url)
    assert "Error distribution" not in out, out
    return {int(s): int(n) for s, n in re.findall(r"^  \[(\d+)\]\t(\d+) responses$", out, re.M)}


def test_two_clients_fit_one_connection_to_httpbin_and_three_overflow(m):
    with httpbin(m, "httpbin-0"):
        limited(m, "httpbin")
        found = hey(m, "http://httpbin/get", 20, 2)
        assert found == {200: 20}, (found, counted(m, "httpbin", "UO"))
        found = hey(m, "http://httpbin/delay/0.05", 30, 3)
        assert sum(found.values()) == 30 and set(found) == {200, 503} and found[503] >= 1, found
        mesh.wait_for(lambda: counted(m, "httpbin", "UO") == found[503], what="all are counted")


def test_a_client_that_comes_back_at_once_finds_the_place_of_its_last_connection(m):
    """Which the kernel still sees closing, as each connection serves one request."""
    put(m, *web("quick", "capped", subsets=["v1"], policy=ONE))
    assert hey(m, "http://quick/", 2000, 2) == {200: 2000}, counted(m, "quick", "UO")


def test_of_three_requests_one_is_served_one_waits_and_one_overflows(m):
    gate = threading.Semaphore(0)

    def answer(_):
        assert gate.acquire(timeout=20)
        return response()

    with Server(m, "gate-0", answer) as server:
        limited(m, "gate")
        refused = []
        for _ in range(10):
            clients = [beside(m, CALLER, *curl_arguments("-w", FORMAT, "http://gate/"))
                       for _ in range(3)]
            mesh.wait_for(lambda c=clients: any(p.poll() is not None for p in c), 20, "one is done")
            gate.release(2)
            got = [answers(printed(p))[0] for p in clients]
            assert sorted(a.status for a in got) == [200, 200, 503], [a.body for a in got]
            refused += [a for a in got if a.status == 503]
        assert (server.most, server.accepted, len(server.heads)) == (1, 20, 20), vars(server)
    mesh.wait_for(lambda: counted(m, "gate", "UO") == len(refused) == 10, what="all are counted")
    for a in refused:
        assert a.headers["x-envoy-overloaded"] == "true" and a.body == \
            "upstream connect error or disconnect/reset before headers. reset reason: overflow"


# A limit for a subset.

def capped(name, **notes):
    return web(name, name, routes(name, {"route": [to(name, "v1")]}, **notes),
               subsets={"v1": objects.limit(100)})


def test_of_two_hundred_direct_connections_a_hundred_are_refused_at_once(m):
    put(m, *capped("capped"))
    target = objects.targets(m, "capped")[0]
    for _ in range(2):
        with m.hold(target, pod=CALLER, count=200, parallel=20, http="/") as held:
            assert (held.tally["ok"], held.tally["refused"]) == (100, 100), held.tally
            assert held.tally["errors"] == {"ECONNREFUSED": 100}, held.tally
            assert counted(m, "capped")["active"] == 100
            assert held.tally["elapsed_ms"] < 5000, held.tally
        mesh.wait_for(lambda: not counted(m, "capped")["active"])


def test_two_hundred_clients_of_the_proxy_share_a_hundred_connections(m):
    with Server(m, "pooled-0", lambda _: response()) as server:
        put(m, *capped("pooled", **REQUESTS))
        out = inside(m, CALLER, "wrk", "-t", "2", "-c", "200", "-d", "2", "http://pooled/")
        assert "Non-2xx" not in out and "Socket errors" not in out, out
        assert 50 < server.most <= 100, server.most
        assert len(server.heads) > 200


# Endpoints that are left out.

def outlier(base):
    return {"loadBalancer": {"simple": "ROUND_ROBIN"}, "outlierDetection": {
        "consecutive5xxErrors": 1, "interval": "1s", "baseEjectionTime": base,
        "maxEjectionPercent": 100}}


def test_one_that_fails_is_out_for_two_seconds_then_for_four(m):
    with Server(m, "good-0", lambda _: response(body=b'{"version":"v1"}')), \
            Server(m, "bad-0", lambda _: response(500)) as bad:
        put(m, *web("pair", "pair", subsets=["v1"], policy=outlier("2s")))
        with Caller(m, CALLER, "http://pair/", rate=100) as caller:
            mesh.wait_for(lambda: len(bad.heads) >= 3, 20, "it is back twice")
            rows = caller.rows()
    times = [at for at, _ in bad.heads[:3]]
    for wanted, first, second in zip((2, 4), times, times[1:]):
        assert wanted * SECOND <= second - first <= (wanted + 1.5) * SECOND, times
    assert len([row for row in rows if row[2] == 500]) == 3


def test_one_that_fails_is_shown_as_out_for_three_minutes(m):
    with Server(m, "alone-0", lambda _: response(500)) as server:
        put(m, *web("alone", "alone", subsets=["v1"], policy=outlier("3m")))
        began = time.time()
        first, second = (ask(m, CALLER, "http://alone/") for _ in range(2))
        assert (first.status, second.status, second.body) == (500, 503, "no healthy upstream")
        until = [e["ejected_until"] for e in m.json("endpoints")["endpoints"]
                 if e["host"].startswith("alone.")]
        assert len(until) == 1 and began + 180 <= until[0] + 0.01 <= time.time() + 180, until
        assert len(server.heads) == 1 and counted(m, "alone", "UH") == 1


if __name__ == "__main__":
    mesh.run_tests()

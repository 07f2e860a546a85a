#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Retries: how many, of what, where, and what the last one leaves behind."""
import contextlib
import os
import tempfile

import mesh
import objects
from l7 import REQUESTS, ask, counted, curl, many, put, routes, web
from l7_servers import Log

CALLER = "caller-0"
POLICY = "{attempts: 20, perTryTimeout: 2s, retryOn: 5xx}"
log = None


@contextlib.contextmanager
def fixture():
    """`flaky` does as it is asked; of `half` one pod refuses connections, and all of `none`."""
    global log
    with tempfile.TemporaryDirectory(prefix="shunt-test-") as folder:
        log = Log(os.path.join(folder, "log"))
        pods = [log.deployment("flaky"), log.deployment("half"),
                *(objects.deployment(app, "v1", ports=(), name=app)
                  for app in ("half", "none", "caller"))]
        with mesh.Mesh(pods=objects.text(*pods)) as m:
            put(m, *(part for app in ("flaky", "half", "none")
                     for part in web(app, app, subsets=["v1"])))
            log.clear()
            yield m


def retried(host, policy):
    return routes(host, f"retries: {policy}\nroute: [{{destination: {{host: {host}}}}}]")


def statuses(m, urls):
    """{status: [id…]} of 32 clients."""
    found = {}
    for status, url in many(m, CALLER, urls, 32, ("http_code", "url")):
        found.setdefault(int(status), []).append(url.rsplit("id=", 1)[1])
    return found


def test_a_request_is_tried_until_its_server_stops_failing(m):
    log.clear()
    put(m, retried("flaky", POLICY[:-1] + ", backoff: 2ms}"))
    before = counted(m, "flaky")["retries"]
    wanted = {f"a{n}": n % 21 for n in range(1000)}
    found = statuses(m, [f"http://flaky/fail-first?k={k}&id={i}" for i, k in wanted.items()])
    assert len(found[200]) == 1000 and set(found) == {200}, found.keys()
    attempts = log.attempts()
    assert sum(map(len, attempts.values())) == sum(k + 1 for k in wanted.values())
    for i, k in wanted.items():
        assert attempts[i] == [str(n) for n in range(1, k + 2)], (i, k, attempts[i])
    mesh.wait_for(lambda: counted(m, "flaky")["retries"] - before == sum(wanted.values()))


def test_a_request_that_fails_for_good_has_been_tried_twenty_one_times(m):
    log.clear()
    put(m, retried("flaky", POLICY))
    urls = [f"http://flaky/fail-randomly?rate=70&id=b{n}" for n in range(1000)]
    found = statuses(m, urls + [f"http://flaky/fail-randomly?rate=100&id=c{n}" for n in range(4)])
    assert set(found) == {200, 500}, found.keys()
    assert len(found[200]) >= 995 and not [i for i in found[200] if i[0] == "c"], found[500]
    attempts = log.attempts()
    for i in found[500]:
        assert attempts[i] == [str(n) for n in range(1, 22)], (i, attempts[i])
    assert max(len(attempts[i]) for i in found[200]) <= 21
    mesh.wait_for(lambda: counted(m, "flaky", "URX") == len(found[500]), what="all are counted")


def test_without_rules_a_refused_connection_is_tried_once_more_elsewhere(m):
    log.clear()
    service = objects.service("half", "half", port_name="http")
    service["metadata"]["annotations"] = REQUESTS
    put(m, service)
    rows = many(m, CALLER, ["http://half/?id=[1-10000]"], 32, ("http_code",))
    assert rows == [["200"]] * 10000, [r for r in rows if r != ["200"]][:5]
    tries = [attempt for _, attempt, _, _, _ in log.rows]
    assert len(tries) == 10000 and set(tries) == {"1", "2"}, set(tries)


def test_without_rules_the_third_try_is_the_last(m):
    service = objects.service("none", "none", port_name="http")
    service["metadata"]["annotations"] = REQUESTS
    put(m, service)
    a = ask(m, CALLER, "http://none/")
    assert a.status == 503 and "retried and the latest reset reason: remote connection failure" in \
        a.body, a.body
    mesh.wait_for(lambda: counted(m, "none")["requests"] == 1, what="it is counted")
    assert counted(m, "none")["retries"] == 2 and counted(m, "none", "URX") == 1


def test_without_words_an_answer_is_not_retried_and_a_refused_connection_is(m):
    log.clear()
    put(m, *(retried(host, "{attempts: 3, perTryTimeout: 2s}")
             for host in ("flaky", "half", "none")))
    got = curl(m, CALLER, "http://flaky/status?code=500&id=[1-20]")
    assert [a.status for a in got] == [500] * 20
    assert set(map(tuple, log.attempts().values())) == {("1",)} and len(log.rows) == 20
    log.clear()
    got = curl(m, CALLER, "http://half/?id=[1-100]")
    assert [a.status for a in got] == [200] * 100
    assert {attempt for _, attempt, _, _, _ in log.rows} == {"1", "2"}
    assert "retried" in ask(m, CALLER, "http://none/").body


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Headers that go on, that are made, and that tell what happened."""
import contextlib
import os
import re
import tempfile

import yaml

import mesh
import objects
from l7 import REQUESTS, ask, bookinfo, put, routes, to

CLIENT = "ratings-v1-0"
PAGE = "http://productpage:9080/"
APPS = {"productpage": "v1", "details": "v1", "reviews": "v2", "ratings": "v1"}
LINE = re.compile(
    r'\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] "(?P<method>\S+) (?P<path>\S+) HTTP/1\.1" '
    r'(?P<status>\d+) (?P<flags>\S+) (?P<details>\S+) - "-" (?P<received>\d+) (?P<sent>\d+) '
    r'(?P<duration>\d+) (?P<service>\d+|-) "(?P<xff>[^"]*)" "(?P<agent>[^"]*)" "(?P<id>[^"]*)" '
    r'"(?P<authority>[^"]*)" "(?P<upstream>[^"]*)" (?P<cluster>\S+) (?P<local>\S+) '
    r'(?P<dialled>\S+) (?P<remote>\S+) - (?P<route>\S+)\n')
DETAILS = "outbound|9080|v1|details.default.svc.cluster.local"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@contextlib.contextmanager
def fixture():
    folder = tempfile.TemporaryDirectory(prefix="shunt-test-")
    log = os.path.join(folder.name, "access.log")
    with folder, bookinfo(agent_arguments=["--access-log", log]) as m:
        m.access_log = log
        put(m, *(routes(app, {"route": [to(app, version)]}, **REQUESTS)
                 for app, version in APPS.items()))
        yield m


def hops(m, *headers):
    """What the page, reviews and ratings were sent, one after the other."""
    page = ask(m, CLIENT, PAGE, headers=headers).json
    details, reviews = page["calls"]
    assert details["body"]["pod"] == "details-v1-0", details
    ratings, = reviews["body"]["calls"]
    assert (reviews["body"]["pod"], ratings["body"]["pod"]) == ("reviews-v2-0", "ratings-v1-0")
    return [page["headers"], reviews["body"]["headers"], ratings["body"]["headers"]]


# Traces.

def test_a_request_that_has_no_trace_gets_one_for_all_hops(m):
    seen = []
    for _ in range(2):
        got = hops(m)
        request_ids = {h["x-request-id"] for h in got}
        traces = {h["traceparent"].split("-")[1] for h in got} | {h["x-b3-traceid"] for h in got}
        assert len(request_ids) == 1 and UUID.fullmatch(*request_ids), request_ids
        assert len(traces) == 1 and re.fullmatch("[0-9a-f]{32}", *traces), traces
        for h in got:
            assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]", h["traceparent"]), h
            assert re.fullmatch("[0-9a-f]{16}", h["x-b3-spanid"]), h
        seen += request_ids | traces
    assert len(set(seen)) == 4, seen


def test_what_a_traced_request_brings_reaches_all_hops(m):
    for sent in (
            {"x-request-id": "mine-1"},
            {"x-request-id": "0a0b0c0d-1111-4222-8333-444455556666",
             "x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124", "x-b3-spanid": "a2fb4a1d1a96d312",
             "x-b3-parentspanid": "0020000000000001", "x-b3-sampled": "1"},
            {"b3": "80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1"},
            {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
             "tracestate": "a=1,b=2"}):
        for got in hops(m, *(f"{name}: {value}" for name, value in sent.items())):
            assert {name: got.get(name) for name in sent} == sent, got


# What the answer tells.

def test_an_answer_tells_how_long_its_server_took_and_who_sent_it(m):
    for path, least in (("/", 0), ("/?ms=120", 120)):
        a = ask(m, CLIENT, "http://details:9080" + path)
        took = int(a.headers["x-envoy-upstream-service-time"])
        assert least <= took < least + 2000 and a.headers["server"] == "envoy", a.headers
        assert "x-envoy-attempt-count" not in a.headers, a.headers
    a = ask(m, CLIENT, "http://reviews:9080/", headers=["host: ratings:9080"])
    assert a.json["pod"] == "ratings-v1-0", a.body


RULES = """
- name: direct
  match: [{uri: {exact: /log/direct}}]
  directResponse: {status: 202, body: {string: short}}
- name: abort
  match: [{uri: {exact: /log/abort}}]
  fault: {abort: {httpStatus: 418, percentage: {value: 100}}}
  route: [{destination: {host: details, subset: v1}}]
- name: held
  match: [{uri: {exact: /log/held}}]
  fault: {delay: {fixedDelay: 50ms, percentage: {value: 100}}}
  route: [{destination: {host: details, subset: v1}}]
- name: none
  match: [{uri: {exact: /log/none}}]
  route: [{destination: {host: details, subset: v9}}]
- name: slow
  match: [{uri: {exact: /hold}}]
  timeout: 100ms
  route: [{destination: {host: details, subset: v1}}]
- name: again
  match: [{uri: {exact: /status}}]
  retries: {attempts: 2, retryOn: 5xx, backoff: 1ms}
  route: [{destination: {host: details, subset: v1}}]
- name: fine
  match: [{uri: {prefix: /log/fine}}]
  route: [{destination: {host: details, subset: v1}}]
"""
LOGGED = {
    "/log/direct": (202, "-", "direct_response", "-", "direct"),
    "/log/abort": (418, "FI", "fault_filter_abort", None, "abort"),
    "/log/held": (200, "DI", "via_upstream", DETAILS, "held"),
    "/log/none": (503, "NC", "cluster_not_found", None, "none"),
    "/log/unknown": (404, "NR", "route_not_found", "-", "-"),
    "/hold": (504, "UT", "upstream_response_timeout", DETAILS, "slow"),
    "/status?code=503": (503, "URX", "via_upstream", DETAILS, "again"),
    "/log/fine?ms=60": (200, "-", "via_upstream", DETAILS, "fine"),
}


def logged(m, request_id):
    """The fields of the line of a request."""
    def found():
        with open(m.access_log, encoding="utf-8") as f:
            return [line for line in f if f'"{request_id}"' in line and line.endswith("\n")]
    lines = mesh.wait_for(found, what=f"a line of {request_id}")
    assert len(lines) == 1 and LINE.fullmatch(lines[0]), lines
    return LINE.fullmatch(lines[0]).groupdict()


def test_each_request_has_a_line_that_tells_what_became_of_it(m):
    put(m, routes("details", *yaml.safe_load(RULES)))
    host, upstream = objects.targets(m, "details", 9080)[0], m.pods.by_name["details-v1-0"]["ipv4"]
    for number, (path, want) in enumerate(LOGGED.items()):
        a = ask(m, CLIENT, "http://details:9080" + path, "-d", "12345",
                headers=[f"x-request-id: log-{number}", "x-forwarded-for: 192.0.2.7"])
        row = logged(m, f"log-{number}")
        status, flags, details, cluster, route = want
        assert a.status == status == int(row["status"]), (path, a.status, row)
        assert (row["flags"], row["details"], row["route"]) == (flags, details, route), row
        assert cluster in (None, row["cluster"]), row
        assert (row["method"], row["path"], row["authority"]) == ("POST", path, "details:9080"), row
        assert row["sent"] == str(len(a.body)), row
        assert row["xff"] == "192.0.2.7" and row["agent"].startswith("curl/"), row
        assert row["dialled"] == host, row
        if details == "via_upstream":
            assert row["upstream"] == f"{upstream}:9080" and row["service"] != "-", row
            assert row["received"] == "5", row
    assert int(logged(m, "log-7")["service"]) >= 60 <= int(logged(m, "log-7")["duration"])
    assert int(logged(m, "log-2")["duration"]) >= 50, logged(m, "log-2")


if __name__ == "__main__":
    mesh.run_tests()

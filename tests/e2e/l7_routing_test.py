#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Routing by what a request says, and splits of the requests of one connection."""
import contextlib
import time

import mesh
import objects
from l7 import (JASON, REQUESTS, Caller, ask, bookinfo, counted, curl, exact_in_windows, put,
                routes, shares, task, to, web, wrong)

PAGE = "productpage-v1-0"
REVIEWS = "http://reviews:9080/"


@contextlib.contextmanager
def fixture():
    with bookinfo() as m:
        yield m


# Who asks.

def test_the_user_jason_sees_v2_and_everyone_else_v1(m):
    put(m, task("routing-by-user"))
    url = REVIEWS + "?n=[1-100]"
    assert shares(curl(m, PAGE, url, headers=[JASON])) == {"v2": 100}
    assert shares(curl(m, PAGE, url)) == {"v1": 100}
    assert shares(curl(m, PAGE, url, headers=["end-user: Jason"])) == {"v1": 100}
    assert shares(curl(m, PAGE, url, headers=["END-USER: jason"])) == {"v2": 100}


def test_the_user_jason_sees_v2_and_everyone_else_v3(m):
    put(m, task("routing-by-user").replace("subset: v1", "subset: v3"))
    assert shares(curl(m, PAGE, REVIEWS + "?n=[1-100]", headers=[JASON])) == {"v2": 100}
    assert shares(curl(m, PAGE, REVIEWS + "?n=[1-100]")) == {"v3": 100}


def test_a_cookie_is_compared_as_a_whole(m):
    rule = {"match": [{"headers": {"cookie": {"exact": "user=dev-123"}}}],
            "route": [to("reviews", "v2")]}
    put(m, routes("reviews", rule, {"route": [to("reviews", "v1")]}))
    for cookie, version in (("user=dev-123", "v2"), ("a=b; user=dev-123", "v1"),
                            ("user=dev-123; a=b", "v1"), ("user=dev-1234", "v1")):
        assert shares(curl(m, PAGE, REVIEWS + "?n=[1-50]", "-b", cookie)) == {version: 50}, cookie
    assert shares(curl(m, PAGE, REVIEWS + "?n=[1-50]")) == {"v1": 50}


def test_a_cookie_is_found_among_others_by_a_regex(m):
    put(m, task("routing-by-cookie"))
    for cookie, version in (("user=dev-123", "v2"), ("a=b; user=dev-123", "v2"),
                            ("user=dev-123; a=b", "v2"), ("a=b; user=dev-123; c=d", "v2"),
                            ("user=dev-1234", "v1"), ("xuser=dev-123", "v1"), ("a=b", "v1")):
        assert shares(curl(m, PAGE, REVIEWS + "?n=[1-50]", "-b", cookie)) == {version: 50}, cookie


def test_an_abort_is_for_those_whose_header_matches(m):
    put(m, task("fault-abort"))
    for user, status, body in (("jason", 500, "fault filter abort"), ("jane", 200, None)):
        got = curl(m, PAGE, "http://ratings:9080/?n=[1-50]", headers=[f"end-user: {user}"])
        assert [a.status for a in got] == [status] * 50, got
        assert not body or all(a.body == body for a in got)
    mesh.wait_for(lambda: counted(m, "ratings", "FI") == 50, what="all are counted")


# What is asked for.

ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: app}
spec:
  hosts: [bookinfo.app]
  addresses: [240.20.0.1]
  ports: [{number: 31380, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 192.0.2.1}]
"""
PATHS = {
    "/productpage": True, "/productpage?u=test": True, "/productpage/": False,
    "/Productpage": False, "/static": True, "/static/x.css": True, "/statics": True,
    "/login": True, "/login/x": False, "/logout": True, "/api/v1/products": True,
    "/api/v1/products/0/reviews": True, "/api/v1": False, "/": False, "/other": False,
}


def test_exact_and_prefix_paths_of_a_page_with_a_port_in_its_name(m):
    match = "[{uri: {exact: /productpage}}, {uri: {prefix: /static}}, {uri: {exact: /login}}, " \
            "{uri: {exact: /logout}}, {uri: {prefix: /api/v1/products}}]"
    put(m, ENTRY, routes("app", f"match: {match}\nroute: [{{destination: {{host: productpage, "
                         "port: {number: 9080}}}]", hosts=["bookinfo.app"]))
    for path, known in PATHS.items():
        a = ask(m, "details-v1-0", "http://bookinfo.app:31380" + path)
        assert a.status == (200 if known else 404), (path, a.status)
        if known:
            assert a.json["pod"] == PAGE and a.json["path"] == path, a.json
            assert a.json["headers"]["host"] == "bookinfo.app:31380"
        else:
            assert a.body == ""
    for path, status in (("/productpage", 200), ("/other", 404)):
        a = ask(m, "details-v1-0", "http://bookinfo.app:31380" + path, "-I")
        assert a.status == status and a.headers["server"] == "envoy", a.headers


# Splits of the requests of one connection.

def one_connection(got):
    assert sum(a.connects for a in got) == 1, [a.connects for a in got]
    return [a.version for a in got]


def echo(weights, name="echo"):
    """A split of the reviews' pods, for each request."""
    split = {"route": [to(name, subset, weight) for subset, weight in weights.items()]}
    return web(name, "reviews", routes(name, split, **REQUESTS), target=9080,
               subsets=("v1", "v2", "v3"))


def test_any_hundred_consecutive_requests_of_a_connection_are_75_and_25(m):
    put(m, *echo({"v1": 75, "v2": 25}))
    got = curl(m, PAGE, "http://echo/?n=[1-1000]")
    shares(got)
    versions = one_connection(got)
    exact_in_windows(versions, "v1", 75)
    for n in range(1, 1001):
        assert abs(4 * versions[:n].count("v1") - 3 * n) < 4, n


def test_halves_of_each_hundred_and_ten_of_a_thousand_with_ports(m):
    text = task("traffic-shifting").replace("name: reviews\n", "name: reviews\n  annotations:\n"
                                            "    shunt.io/split: request\n", 1)
    put(m, text)
    got = curl(m, PAGE, REVIEWS + "?n=[1-500]")
    shares(got)
    exact_in_windows(one_connection(got), "v3", 50)
    put(m, text.replace("weight: 50", "weight: 990", 1).replace("weight: 50", "weight: 10", 1))
    got = curl(m, PAGE, REVIEWS + "?n=[1-1000]")
    assert abs(shares(got)["v1"] - 990) <= 1 and one_connection(got), shares(got)


def test_the_example_of_ninety_and_ten(m):
    put(m, task("request-shifting"))
    got = curl(m, PAGE, REVIEWS + "?n=[1-300]")
    shares(got)
    exact_in_windows(one_connection(got), "v1", 90)


def test_a_shift_under_constant_load_fails_no_request_and_holds_at_once(m):
    phases = [{"v1": 75, "v2": 25}, {"v1": 50, "v2": 50}, {"v1": 0, "v2": 100}]
    put(m, *echo(phases[0], "shift"))
    applied = [(0, 0)]
    with Caller(m, PAGE, "http://shift/") as caller:
        caller.wait(200)
        for weights in phases[1:]:
            before = time.monotonic_ns()
            m.apply(objects.text(echo(weights, "shift")[2]))
            applied.append((before, time.monotonic_ns()))
            caller.wait(200)
        rows = caller.rows()
    assert not wrong(rows) and {row[4] for row in rows} == {1}, wrong(rows)
    ends = [before for before, _ in applied[1:]] + [rows[-1][1] + 1]
    for weights, (_, returned), end in zip(phases, applied, ends):
        versions = [row[3] for row in rows if row[0] > returned and row[1] < end]
        assert len(versions) >= 190, (weights, len(versions))
        for version, weight in weights.items():
            share = len(versions) * weight / 100
            assert abs(versions.count(version) - share) <= 1, (weights, versions.count(version))


def test_the_first_request_after_apply_returned_follows_the_new_weights(m):
    put(m, *echo({"v1": 100, "v2": 0}, "flip"))
    returned = []
    with Caller(m, PAGE, "http://flip/", rate=1000) as caller:
        for number in range(20):
            version = ("v2", "v1")[number % 2]
            m.apply(objects.text(echo({version: 1}, "flip")[2]))
            returned.append((time.monotonic_ns(), version))
            caller.wait(3)
        rows = caller.rows()
    assert not wrong(rows) and {row[4] for row in rows} == {1}, wrong(rows)
    for at, version in returned:
        first = next(row for row in rows if row[0] > at)
        assert first[3] == version, (at, version, first)


# Several hosts, other namespaces, delegates.

FAR = """
apiVersion: v1
kind: Service
metadata: {name: far, namespace: other}
spec: {ports: [{name: http, port: 8000, targetPort: 9080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: far-1, namespace: other, labels: {kubernetes.io/service-name: far}}
addressType: IPv4
ports: [{name: http, port: 9080}]
endpoints: [{addresses: [ADDRESS]}]
"""


def test_several_hosts_share_rules_with_a_destination_of_another_namespace(m):
    far = to("far.other.svc.cluster.local")
    far["destination"]["port"] = {"number": 8000}
    put(m, FAR.replace("ADDRESS", m.pods.by_name["reviews-v3-0"]["ipv4"]),
        objects.service("first", "reviews", port_name="http", target=9080),
        objects.service("second", "reviews", 81, port_name="http", target=9080),
        routes("both", {"match": [{"uri": {"prefix": "/far"}}], "route": [far]},
               {"match": [{"uri": {"prefix": "/near"}}], "route": [to("details")],
                "rewrite": {"uri": "/", "authority": "details"}}, hosts=["first", "second"]))
    for at in ("first", "second:81"):
        far, near = (ask(m, PAGE, f"http://{at}{path}") for path in ("/far", "/near"))
        assert far.json["pod"] == "reviews-v3-0" and far.json["headers"]["host"] == at, far.json
        assert near.json["pod"] == "details-v1-0" and near.json["path"] == "/", near.json
        assert near.json["headers"]["host"] == "details", near.json
        assert ask(m, PAGE, f"http://{at}/else").status == 404


def test_delegates_stand_in_for_the_rules_that_name_them(m):
    put(m, task("delegates"))
    for path, pod in (("/api/v1/products/reviews/0", "reviews-v1-0"),
                      ("/api/v1/products/0", "details-v1-0"), ("/api/v1/products", "details-v1-0"),
                      ("/productpage", PAGE), ("/", PAGE)):
        a = ask(m, "ratings-v1-0", "http://productpage:9080" + path)
        assert a.status == 200 and a.json["pod"] == pod, (path, a.body)
    m.shunt("delete", "vs", "products")
    for path, pod in (("/api/v1/products/0", PAGE), ("/", PAGE)):
        assert ask(m, "ratings-v1-0", "http://productpage:9080" + path).json["pod"] == pod


if __name__ == "__main__":
    mesh.run_tests()

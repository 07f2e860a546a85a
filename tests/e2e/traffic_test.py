#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What people do with the traffic rules of a mesh, on real processes: shift, route, balance, undo."""
import contextlib
import json
import os
import time
import urllib.request

import yaml

import load
import mesh
import objects

V1_AND_V2 = {"v1": None, "v2": None}


@contextlib.contextmanager
def fixture():
    """Two pods of each version of the app `web`, which speak HTTP, and four `raw` that greet."""
    pods = [objects.deployment("web", v, 2) for v in ("v1", "v2")]
    pods.append(objects.deployment("raw", "v1", 4, (7070,), args="--tcp"))
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        yield m


def ipv4(m, pod):
    return m.pods.by_name[pod]["ipv4"]


def apply_split(m, host, weights, subsets=("v1", "v2"), **more):
    """A service of its own over `web`, and its rules; its IPv4 address."""
    m.apply(objects.text(objects.service(host, "web", port_name="http"),
                         objects.rule(host, subsets),
                         objects.split(host, weights, protocol="http", **more)))
    return objects.targets(m, host)[0]


# Shifting.

def test_any_hundred_consecutive_connections_are_75_and_25():
    with mesh.Mesh(mesh.example("echo.yaml")) as m:
        m.give_hosts()
        tally = m.client("echo:80", pod="echo-v2-0", http="/", count=1000, print_sequence=True)
    load.assert_none_failed(tally)
    versions = [version for _, version in tally["sequence"]]
    assert len(versions) == 1000 and set(tally["by_pod"]) == {
        "echo-v1-0", "echo-v1-1", "echo-v2-0", "echo-v2-1"}, tally
    for n in range(1, 1001):
        assert abs(4 * versions[:n].count("v1") - 3 * n) < 4, n
    for at in range(900):
        assert abs(versions[at:at + 100].count("v1") - 75) <= 1, at


def test_a_shift_under_constant_load_loses_no_connection_and_holds_at_once(m):
    phases = [{"v1": 75, "v2": 25}, {"v1": 50, "v2": 50}, {"v1": 0, "v2": 100}]
    target = apply_split(m, "shift", phases[0])
    applied = [(0, 0)]
    with load.Load(m, target) as run:
        run.wait(200)
        for weights in phases[1:]:
            before = time.monotonic_ns()
            m.apply(objects.text(objects.split("shift", weights, protocol="http")))
            applied.append((before, time.monotonic_ns()))
            run.wait(200)
        load.assert_none_failed(run.end())
    rows = run.rows()
    ends = [before for before, _ in applied[1:]] + [rows[-1][1] + 1]
    for weights, (_, returned), end in zip(phases, applied, ends):
        versions = [row[4] for row in rows if row[0] > returned and row[1] < end]
        assert len(versions) >= 190, (weights, len(versions))
        for version, weight in weights.items():
            share = len(versions) * weight / 100
            assert abs(versions.count(version) - share) <= 1, (weights, versions.count(version))


def test_the_first_connection_after_apply_returned_follows_the_new_weights(m):
    target = apply_split(m, "flip", {"v1": 100, "v2": 0})
    returned = []
    with load.Load(m, target, rate=2000) as run:
        for number in range(20):
            version = ("v2", "v1")[number % 2]
            m.apply(objects.text(objects.split("flip", {version: 1}, protocol="http")))
            returned.append((time.monotonic_ns(), version))
            tally = m.client(target, http="/", count=2)
            assert tally["by_version"] == {version: 2}, tally
            run.wait(3)
        load.assert_none_failed(run.end())
    rows = run.rows()
    for at, version in returned:
        first = next(row for row in rows if row[0] > at)
        assert first[4] == version, (at, version, first)


# Bookinfo: who calls whom by name.

def call_page(m, count):
    """Calls the page, whose server calls details and reviews by name; the reviews it got."""
    got = []
    for _ in range(count):
        with urllib.request.urlopen(f"http://{ipv4(m, 'productpage-v1-0')}:9080/") as answer:
            details, reviews = json.loads(answer.read())["calls"]
        assert details["body"]["pod"] == "details-v1-0", details
        got.append(reviews["body"])
    return got


def bookinfo_parts():
    """The example's objects, those of networking.istio.io apart."""
    everything = list(yaml.safe_load_all(mesh.example("bookinfo.yaml")))
    rules = [o for o in everything if o["apiVersion"].startswith("networking")]
    return objects.text(*(o for o in everything if o not in rules)), objects.text(*rules)


def test_bookinfo_reaches_only_the_versions_its_rules_name():
    rest, rules = bookinfo_parts()
    with mesh.Mesh(rest) as m:
        m.give_hosts()
        for pod in m.pods.by_name.values():
            with open(os.path.join(m.cgroup, "cgroup.procs"), "w", encoding="ascii") as f:
                f.write(pod["pid"])
        mesh.wait_for(lambda: {r["version"] for r in call_page(m, 1)} - {"v1"})
        m.apply(rules)
        reviews = call_page(m, 60)
        assert {r["pod"] for r in reviews} == {"reviews-v1-0"}, reviews
        tally = m.client("reviews:9080", pod="productpage-v1-0", http="/", count=300)
        assert tally["by_pod"] == {"reviews-v1-0": 300}, tally
        assert_half_and_half(m)


def assert_half_and_half(m):
    """reviews v1 and v3 with explicit ports, 50/50 and 990/10; v3 calls ratings by name."""
    m.apply(objects.text(objects.split("reviews", {"v1": 50, "v3": 50}, 9080, "http")))
    tally = m.client("reviews:9080", pod="productpage-v1-0", http="/", count=500,
                     print_sequence=True)
    versions = [version for _, version in tally["sequence"]]
    load.assert_none_failed(tally)
    for at in range(400):
        assert abs(versions[at:at + 100].count("v3") - 50) <= 1, at
    reviews = call_page(m, 40)
    assert [r["version"] for r in reviews].count("v3") == 20, reviews
    rated = [r["calls"][0]["body"]["pod"] for r in reviews if r["version"] == "v3"]
    assert rated == ["ratings-v1-0"] * 20, rated
    m.apply(objects.text(objects.split("reviews", {"v1": 990, "v3": 10}, 9080, "http")))
    tally = m.client("reviews:9080", pod="productpage-v1-0", http="/", count=1000)
    load.assert_none_failed(tally)
    assert abs(tally["by_version"]["v1"] - 990) <= 1, tally


# Load balancing.

def test_a_subsets_policy_overrides_the_hosts(m):
    host = "balanced"
    m.apply(objects.text(
        objects.service(host, "raw", target=7070),
        objects.rule(host, {"v1": objects.balance("ROUND_ROBIN")}, objects.balance("RANDOM"))))
    target = objects.targets(m, host)[0]
    tally = m.client(target, count=10000, procs=2, parallel=2)
    picks = list(tally["by_pod"].values())
    # a binomial's deviation is 43; five of them
    load.assert_none_failed(tally)
    assert len(picks) == 4 and all(abs(n - 2500) <= 220 for n in picks), tally
    assert max(picks) - min(picks) > 1, "random as even as this is none"
    m.apply(objects.text(objects.split(host, {"v1": 1})))
    tally = m.client(target, count=1002, procs=3)
    picks = list(tally["by_pod"].values())
    assert len(picks) == 4 and max(picks) - min(picks) <= 1, tally


def test_an_endpoint_that_holds_connections_gets_few_new_ones(m):
    for number, policy in enumerate(("LEAST_CONN", "LEAST_REQUEST", None)):
        host, address = f"least-{number}.test", f"10.100.29.{number + 1}"
        rule = objects.rule(host, [], objects.balance(policy) if policy else None)

        def with_pods(count, host=host, address=address, rule=rule):
            at = [(ipv4(m, f"raw-v1-{i}"), 7070, {}) for i in range(count)]
            m.apply(objects.text(objects.entry(host, address, at), rule))

        with_pods(1)
        with m.hold(f"{address}:80", count=40) as held:
            assert held.tally["by_pod"] == {"raw-v1-0": 40}, held.tally
            for count in (2, 3, 4):
                with_pods(count)
                tally = m.client(f"{address}:80", count=400)
                load.assert_none_failed(tally)
                free = [tally["by_pod"].get(f"raw-v1-{i}", 0) for i in range(1, count)]
                assert tally["by_pod"].get("raw-v1-0", 0) < min(free) / 4, tally
        mesh.wait_for(lambda at=f"{address}:80": "raw-v1-0" in m.client(at, count=20)["by_pod"])


# ServiceEntry.

def test_a_static_entry_sends_its_virtual_address_to_its_endpoints():
    with mesh.Mesh(pods=mesh.example("mongo.yaml")) as m:
        text = mesh.example("mongo.yaml")
        for number in (0, 1):
            text = text.replace(f"10.244.0.1{number}\n", ipv4(m, f"mongo-{number}") + "\n")
        m.apply(text)
        for pod in (None, "mongo-1"):
            tally = m.client("10.100.27.1:27018", pod=pod, count=100, check_peername=True)
            load.assert_none_failed(tally)
            assert set(tally["by_pod"]) == {"mongo-0", "mongo-1"}, tally
            assert tally["peername_mismatch"] == 0, tally
        assert m.client("10.100.27.1:27017", timeout=200)["ok"] == 0


# diff.

def test_diff_shows_the_yaml_then_the_shares_and_changes_nothing(m):
    target = apply_split(m, "compared", {"v1": 75, "v2": 25})
    path = os.path.join(m.folder, "compared.yaml")
    for weights, code in (({"v1": 75, "v2": 25}, 0), ({"v1": 50, "v2": 50}, 1)):
        with open(path, "w", encoding="utf-8") as f:
            f.write(objects.text(objects.split("compared", weights, protocol="http")))
        p = m.shunt("diff", "-f", path, check=False)
        assert p.returncode == code and bool(p.stdout) == bool(code), p
    lines = p.stdout.splitlines()
    shares = lines.index("shares:")
    assert lines[0].startswith("--- ") and lines[1].startswith("+++ "), lines
    assert any(line.startswith("@@ ") for line in lines[:shares]), lines
    for wanted in ("-      weight: 75", "+      weight: 50"):
        assert wanted in lines[:shares], lines
    assert "75%" in lines[shares + 1] and "50%" in lines[shares + 1], lines
    assert m.client(target, http="/", count=100)["by_version"] == {"v1": 75, "v2": 25}


def test_diff_that_cannot_compare_says_so_by_its_exit_code(m):
    broken = m.shunt("diff", "-f", "-", check=False, input="kind: VirtualService\nspec: [")
    assert broken.returncode == 3 and "<stdin>" in broken.stderr, broken
    missing = m.shunt("diff", "-f", os.path.join(m.folder, "none.yaml"), check=False)
    assert missing.returncode == 3 and "none.yaml" in missing.stderr, missing
    alone = mesh.run(mesh.SHUNT, "diff", "--root", m.root + "-none", "-f", "-", check=False,
                     input=objects.text(objects.service("x", "web")))
    assert alone.returncode == 3, alone


# Undoing.

ALL_PODS = {"web-v1-0", "web-v1-1", "web-v2-0", "web-v2-1"}


def test_deleted_rules_under_load_fall_back_to_the_plain_service(m):
    rules = objects.text(objects.split("undone", {"v1": 1}, protocol="http"),
                         objects.rule("undone", V1_AND_V2))
    ways = ((("delete", "-f", "-"), rules), (("delete", "virtualservice", "undone"), None))
    for argv, given in ways:
        target = apply_split(m, "undone", {"v1": 1})
        with load.Load(m, target) as run:
            run.wait(100)
            p = m.shunt(*argv, input=given)
            returned = time.monotonic_ns()
            run.wait(200)
            load.assert_none_failed(run.end())
        assert "virtualservice.networking.istio.io/undone deleted" in p.stdout, p
        rows = run.rows()
        before = {row[4] for row in rows[:100]}
        after = {row[3] for row in rows if row[0] > returned}
        assert before == {"v1"} and after == ALL_PODS, (argv, before, after)


def test_a_route_to_a_subset_that_is_gone_refuses_with_its_reason(m):
    target = apply_split(m, "gone", {"v1": 3, "v2": 1})
    m.apply(objects.text(objects.rule("gone", ["v1"])))
    before = m.status()["counters"]["refused_no_cluster"]
    tally = m.client(target, http="/", count=80)
    assert tally["refused"] == 20 and tally["by_version"] == {"v1": 60}, tally
    m.shunt("delete", "dr", "gone")
    tally = m.client(target, http="/", count=80)
    assert tally["refused"] == 80 and tally["errors"] == {"ECONNREFUSED": 80}, tally
    assert m.status()["counters"]["refused_no_cluster"] == before + 100
    kinds = [e["kind"] for e in m.json("events")["events"] if e["dialled"] == target]
    assert kinds.count("refused_no_cluster") == 100, kinds
    m.shunt("delete", "vs", "gone")
    load.assert_none_failed(m.client(target, http="/", count=80))


if __name__ == "__main__":
    mesh.run_tests()

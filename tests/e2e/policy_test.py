#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which endpoint a connection goes to: every policy in the kernel, by weight, priority and caller."""
import collections
import contextlib
import json
import os
import sys
import time

import mesh
import objects

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "source_worker.py")
SOURCES = {4: "198.18.0.1", 6: "2001:db8:18::1"}
NETWORKS = {4: "198.18.0.0/16", 6: "2001:db8:18::/64"}
KEYS = 1000
BY_SOURCE = {"loadBalancer": {"consistentHash": {"useSourceIp": True}}}


@contextlib.contextmanager
def fixture():
    """Eleven servers, and a client that has a network of addresses to call from."""
    pods = [objects.deployment("pod", "v1", replicas=11, args="--tcp", listen="ipv6"),
            objects.deployment("client", "v1", args="--tcp")]
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        for version, network in NETWORKS.items():
            client = m.pods.by_name["client-v1-0"]
            mesh.run("ip", "-n", client["netns"], "route", "add", "local", network, "dev", "lo")
            for name, pod in m.pods.by_name.items():
                if name != "client-v1-0":
                    mesh.run("ip", "-n", pod["netns"], "route", "add", network, "via",
                             client[f"ipv{version}"])
        yield m


def servers(m, n):
    return [m.pods.by_name[f"pod-v1-{i}"] for i in range(n)]


def rule(name, policy):
    return {**objects.rule(name, [], policy), "spec": {"host": name + ".test",
                                                       "trafficPolicy": policy}}


addresses = {}  # number of each host


def entry(m, name, policy, n=4, **of):
    """A host over the first n servers; `of`: by index of a server, more of its endpoint. Its
    addresses, IPv4 first, as the client takes them."""
    number = addresses.setdefault(name, len(addresses) + 1)
    endpoints = [{"address": pod[family], "ports": {"tcp": 8080}, **of.get(f"p{i}", {})}
                 for family in ("ipv4", "ipv6") for i, pod in enumerate(servers(m, n))]
    at = [f"10.97.0.{number}", f"fd00:96::1:{number:x}"]
    spec = {"hosts": [name + ".test"], "addresses": at, "resolution": "STATIC", "location": "MESH_INTERNAL",
            "ports": [{"number": 80, "name": "tcp", "protocol": "TCP"}], "endpoints": endpoints}
    m.apply(objects.text(
        {"apiVersion": objects.NETWORKING, "kind": "ServiceEntry", "metadata": {"name": name},
         "spec": spec}, rule(name, policy)))
    return [f"{at[0]}:80", f"[{at[1]}]:80"]


def counts(m, target, n, **options):
    tally = m.client(target, count=n, family=6 if target[0] == "[" else 4, **options)
    assert tally["ok"] == n, tally
    return collections.Counter({f"pod-v1-{i}": 0 for i in range(4)} | tally["by_pod"])


def sources(m, target, first, number, times=1, pod="client-v1-0", cgroup=None):
    """The pods that connections from these addresses reach, in order."""
    address, port = target.rsplit(":", 1)
    out = mesh.run("nsenter", "--net=/run/netns/" + m.pods.netns(pod), sys.executable, WORKER,
                   cgroup or m.cgroup, address.strip("[]"), port, first, str(number), str(times),
                   timeout=120)
    return json.loads(out.stdout)


def test_round_robin_counts_differ_by_one_at_most(m):
    for target in entry(m, "turns", objects.balance("ROUND_ROBIN")):
        got = counts(m, target, 402, parallel=8)
        assert max(got.values()) - min(got.values()) <= 1, got


def test_random_ones_are_spread(m):
    for target in entry(m, "random", objects.balance("RANDOM")):
        got = counts(m, target, 10000, parallel=4)
        assert all(abs(n - 2500) <= 220 for n in got.values()), got  # five standard deviations


def test_one_that_holds_its_connections_gets_less_than_a_quarter(m):
    for target in entry(m, "least", objects.balance("LEAST_REQUEST")):
        entry(m, "least", objects.balance("LEAST_REQUEST"), n=1)
        with m.hold(target, count=40, family=6 if target[0] == "[" else 4):
            entry(m, "least", objects.balance("LEAST_REQUEST"))
            got = counts(m, target, 400)
        assert all(4 * got["pod-v1-0"] < got[f"pod-v1-{i}"] for i in range(1, 4)), got


def test_weights_are_exact(m):
    weights = {f"p{i}": {"weight": w} for i, w in enumerate((5, 2, 1))}
    for target in entry(m, "weighed", objects.balance("ROUND_ROBIN"), n=3, **weights):
        got = counts(m, target, 800, parallel=4)
        assert [got[f"pod-v1-{i}"] for i in range(3)] == [500, 200, 100], got
    for target in entry(m, "drawn", objects.balance("RANDOM"), n=3, **weights):
        got = counts(m, target, 8000, parallel=4)
        for i, want in enumerate((5000, 2000, 1000)):
            assert abs(got[f"pod-v1-{i}"] - want) <= 220, got


def test_a_caller_keeps_its_server_and_few_move_when_one_comes(m):
    for number, version in enumerate((4, 6)):
        target = entry(m, "hashed", BY_SOURCE, n=10)[number]
        first = sources(m, target, SOURCES[version], KEYS)
        assert len(set(first)) == 10 and max(collections.Counter(first).values()) < 150, first
        assert sources(m, target, SOURCES[version], KEYS) == first
        target = entry(m, "hashed", BY_SOURCE, n=11)[number]
        after = sources(m, target, SOURCES[version], KEYS)
        moved = [(a, b) for a, b in zip(first, after) if a != b]
        assert 0 < len(moved) <= KEYS * 15 // 100, len(moved)
        assert after.count("pod-v1-10") >= KEYS // 20


def test_the_choice_by_source_is_the_same_after_a_restart_and_with_another_agent(m):
    target = entry(m, "stays", BY_SOURCE, n=10)[0]
    first = sources(m, target, SOURCES[4], 300)
    m.kill_agent()
    assert sources(m, target, SOURCES[4], 300) == first
    m.start_agent()
    assert sources(m, target, SOURCES[4], 300) == first
    with mesh.Mesh() as other:
        other.pods = m.pods
        try:
            target = entry(other, "elsewhere", BY_SOURCE, n=10)[0]
            assert sources(m, target, SOURCES[4], 300, cgroup=other.cgroup) == first
        finally:
            other.pods = None


def test_a_socket_that_is_not_bound_counts_as_its_pod(m):
    targets = entry(m, "unbound", BY_SOURCE, n=10)
    for target, version in zip(targets, (4, 6)):
        own = m.pods.by_name["client-v1-0"][f"ipv{version}"]
        mesh.wait_for(lambda t=target: len(set(sources(m, t, "-", 10))) == 1,
                      10, "the agent knows the address of the pod")
        assert set(sources(m, target, "-", 20)) == set(sources(m, target, own, 1))
        reached = [sources(m, target, "-", 1, pod=f"pod-v1-{i}")[0] for i in range(11)]
        assert len(set(reached)) > 3, reached


def affinity(m, name, timeout):
    service = {**objects.service(name, "pod"), "metadata": {"name": name}}
    service["spec"].update({"sessionAffinity": "ClientIP",
                            "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": timeout}}})
    m.apply(objects.text(service))
    return objects.targets(m, name)


def test_a_caller_keeps_its_server_as_long_as_the_service_says(m):
    before = m.status()["counters"]["affine"]
    target = affinity(m, "kept", 3600)[0]
    first = sources(m, target, SOURCES[4], 200)
    assert len(set(first)) == 11, first
    assert m.status()["counters"]["affine"] == before
    assert sources(m, target, SOURCES[4], 200) == first
    assert m.status()["counters"]["affine"] == before + 200
    for _ in range(3):  # whatever is busy
        assert set(sources(m, target, "-", 50)) == set(sources(m, target, "-", 1))


def test_affinity_ends_with_its_time(m):
    target = affinity(m, "short", 1)[0]
    seen, last, again = set(), None, time.monotonic()
    while len(seen) < 3 and time.monotonic() - again < 40:
        (pod,) = sources(m, target, SOURCES[4], 1)
        if last and pod != last[0]:
            assert time.monotonic() - last[1] > 1, (pod, last)
        if pod not in seen:
            assert set(sources(m, target, SOURCES[4], 1, times=20)) == {pod}
        seen.add(pod)
        last = pod, time.monotonic()
        time.sleep(2.1)  # it is this time that the test is about
    assert len(seen) >= 3, seen


def test_a_new_endpoint_warms_up(m):
    warmup = {"duration": "6s", "minimumPercent": 10, "aggression": 1}
    for simple in ("ROUND_ROBIN", "LEAST_REQUEST"):
        policy = {"loadBalancer": {"simple": simple, "warmup": warmup}}
        name = "warm-" + simple[0].lower()
        target = entry(m, name, policy, n=3)[0]
        got = counts(m, target, 300)
        assert min(got[f"pod-v1-{i}"] for i in range(3)) > 60, got
        entry(m, name, policy, n=4)
        begin = time.monotonic()
        new = counts(m, target, 400)["pod-v1-3"]
        assert time.monotonic() - begin > 2 or new < 60, new  # 0.1 of 3.1, then more
        mesh.wait_for(lambda t=target: time.monotonic() - begin > 6, 10, "the time is over")
        got = counts(m, target, 400)
        assert got["pod-v1-3"] > 70, got


OUT = {"outlierDetection": {"consecutive5xxErrors": 1, "interval": "1s", "baseEjectionTime": "60s",
                            "maxEjectionPercent": 100}}


def dead(m, name, policy, near, far):
    """A host with `near` servers that refuse among two near ones, and two far ones."""
    number = addresses.setdefault(name, len(addresses) + 1)
    endpoints = [{"address": pod["ipv4"], "ports": {"tcp": 9 if i < near else 8080},
                  **({"locality": "eu/1"} if i >= 2 else {})}
                 for i, pod in enumerate(servers(m, 2 + far))]
    m.apply(objects.text(
        {"apiVersion": objects.NETWORKING, "kind": "ServiceEntry", "metadata": {"name": name},
         "spec": {"hosts": [name + ".test"], "addresses": [f"10.97.0.{number}"], "resolution": "STATIC",
                  "ports": [{"number": 80, "name": "tcp", "protocol": "TCP"}],
                  "endpoints": endpoints}}, rule(name, policy)))
    return f"10.97.0.{number}:80"


def settle(m, target):
    """Until nobody is met that refuses."""
    mesh.wait_for(lambda: m.client(target, count=40)["ok"] == 40, 20, "who refuses is out")


def test_far_ones_serve_when_near_ones_are_out(m):
    target = dead(m, "spill", OUT, near=0, far=2)
    assert set(m.client(target, count=100)["by_pod"]) == {"pod-v1-0", "pod-v1-1"}
    target = dead(m, "half", OUT, near=1, far=2)
    settle(m, target)
    got = counts(m, target, 2000)
    assert abs(got["pod-v1-1"] - 1400) <= 110, got  # 1.4 times one half; five deviations
    assert got["pod-v1-2"] + got["pod-v1-3"] == 2000 - got["pod-v1-1"], got
    target = dead(m, "none", OUT, near=2, far=2)
    settle(m, target)
    assert set(m.client(target, count=100)["by_pod"]) == {"pod-v1-2", "pod-v1-3"}


def test_who_is_out_hands_its_callers_to_the_others(m):
    for policy in (BY_SOURCE, objects.balance("ROUND_ROBIN"), objects.balance("RANDOM")):
        target = dead(m, "others", {**OUT, **policy}, near=1, far=0)
        for _ in range(20):
            sources(m, target, SOURCES[4], 50)
        got = sources(m, target, SOURCES[4], 200)
        assert got == ["pod-v1-1"] * 200, got


def test_nobody_left_refuses_unless_too_few_are_healthy(m):
    target = dead(m, "gone", OUT, near=2, far=0)
    before = m.status()["counters"]["refused_no_endpoint"]
    mesh.wait_for(lambda: m.client(target, count=5) and
                  m.status()["counters"]["refused_no_endpoint"] >= before + 5, 20, "both are out")
    policy = {"outlierDetection": {**OUT["outlierDetection"], "minHealthPercent": 60}}
    target = dead(m, "panic", policy, near=1, far=0)
    m.client(target, count=50)
    got = m.client(target, count=200)
    assert got["by_pod"]["pod-v1-1"] < 150 and got["ok"] < 150, got


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Splits are exact: every destination has its share after every single connection."""
import contextlib
import json
import os
import subprocess

import mesh
import objects

NR_PODS = 7
VERSIONS = [f"v{i}" for i in range(NR_PODS)]


@contextlib.contextmanager
def fixture():
    """Seven pods of the app `web`, one a version, that greet; the tests apply all the rest."""
    pods = objects.text(*(objects.deployment("web", v, args="--tcp") for v in VERSIONS))
    with mesh.Mesh(pods=pods) as m:
        yield m


def in_force(m, host, weights, limits=None):
    """A service of its own over all pods, split by {version: weight}; its addresses."""
    rules = dict.fromkeys(VERSIONS)
    for version, number in (limits or {}).items():
        rules[version] = objects.limit(number)
    m.apply(objects.text(objects.service(host, "web"), objects.rule(host, rules),
                         objects.split(host, weights)))
    return objects.targets(m, host)


def assert_exact(versions, weights, what=""):
    """Promise: after n connections each has had n * w / total, off by less than 1."""
    total, seen = sum(weights.values()), dict.fromkeys(weights, 0)
    for n, version in enumerate(versions, 1):
        seen[version] += 1
        for each, weight in weights.items():
            assert abs(seen[each] * total - n * weight) < total, (what, n, each, seen)


def assert_totals(tallies, weights, count):
    """The same for the sum of what several clients got, where no order is known."""
    seen = {v: sum(t["by_version"].get(v, 0) for t in tallies) for v in weights}
    assert sum(seen.values()) == count == sum(t["ok"] for t in tallies), (seen, tallies)
    total = sum(weights.values())
    for version, weight in weights.items():
        assert abs(seen[version] * total - count * weight) < total, (seen, weights)


def sequence(m, target, count, **options):
    """The versions that one client got, in order; "refused" for one that was."""
    tally = m.client(target, count=count, print_sequence=True, **options)
    assert len(tally["sequence"]) == count == tally["ok"] + tally["refused"], tally
    return [version for _, version in tally["sequence"]]


def weights_of(*numbers):
    return dict(zip(VERSIONS, numbers))


CASES = {
    "two-odd": (weights_of(33, 67), 500),
    "three": (weights_of(33, 33, 34), 1000),
    "one-of-1000": (weights_of(1, 999), 3000),
    "nothing": (weights_of(0, 100), 200),
    "nothing-of-three": (weights_of(3, 0, 2), 200),
    "sum-7": (weights_of(1, 1, 1, 1, 1, 1, 1), 700),
    "sum-7-of-two": (weights_of(2, 5), 700),
    "percent-of-7": (weights_of(1, 2, 3, 5, 7, 11, 71), 1000),
    "sum-10000": (weights_of(1, 10, 100, 989, 1300, 2600, 5000), 10000),
}


def test_every_prefix_of_one_clients_connections_has_the_shares(m):
    for host, (weights, count) in CASES.items():
        target = in_force(m, host, weights)[0]
        assert_exact(sequence(m, target, count), weights, host)


def test_weight_zero_gets_no_connection(m):
    target = in_force(m, "zero", weights_of(0, 3, 0, 7))[0]
    tally = m.client(target, count=1000, procs=2)
    assert tally["by_version"] == {"v1": 300, "v3": 700}, tally


def test_eight_processes_at_once_get_exact_totals(m):
    for host, numbers in (("at-once", (1, 2, 4)), ("at-once-7", (3, 14, 159, 26, 5, 358, 979))):
        weights = weights_of(*numbers)
        target = in_force(m, host, weights)[0]
        tally = m.client(target, count=3999, procs=8, parallel=2)
        assert_totals([tally], weights, 3999)


def test_both_families_and_all_namespaces_share_one_schedule(m):
    weights = weights_of(17, 4, 76)
    four, six = in_force(m, "shared", weights)
    callers = [(four, None), (six, "web-v0-0"), (four, "web-v1-0"), (six, None), (four, "web-v0-0")]
    got = []
    for count in (1, 2, 3, 5, 7, 11):
        for target, pod in callers:
            got += sequence(m, target, count, pod=pod)
    assert_exact(got, weights)
    clients = [m.spawn(target, pod=pod, count=401) for target, pod in callers]
    tallies = [json.loads(c.communicate(timeout=60)[0]) for c in clients]
    before = {"ok": len(got), "by_version": {v: got.count(v) for v in weights}}
    assert_totals([before, *tallies], weights, len(got) + 401 * len(callers))


def test_a_refused_connection_has_used_its_slot(m):
    weights = weights_of(3, 1)
    target = in_force(m, "limited", weights, limits={"v0": 1})[0]
    with m.hold(target, count=4) as held:
        # one round: v0 takes one and refuses two
        assert held.tally["by_version"] == {"v0": 1, "v1": 1}, held.tally
        assert held.tally["refused"] == 2, held.tally
        got = sequence(m, target, 400)
        assert got.count("refused") == 300 and "v0" not in got, got
        assert_exact(["v0" if v == "refused" else v for v in got], weights)


def test_a_connection_without_an_endpoint_has_used_its_slot(m):
    ips = [m.pods.by_name[f"web-{v}-0"]["ipv4"] for v in VERSIONS]
    host, weights = "no-endpoint.test", {"v0": 5, "none": 2}
    m.apply(objects.text(
        objects.entry(host, "10.100.28.1", [(ips[0], 8080, {"version": "v0"})]),
        objects.rule(host, list(weights)), objects.split(host, weights)))
    got = sequence(m, "10.100.28.1:80", 140)
    assert_exact(["none" if v == "refused" else v for v in got], weights)


def restart(m):
    assert m.stop_agent() == 0
    m.start_agent()


def crash(m):
    m.kill_agent()
    m.start_agent()


def test_what_keeps_the_weights_keeps_the_position(m):
    weights = weights_of(33, 47, 17)
    target = in_force(m, "kept", weights)[0]
    round_ = sequence(m, target, 97)
    # a schedule that starts anew at any of the places below would show
    assert all(round_[:20] != round_[n:] + round_[:n - 77] for n in range(77, 97))

    def endpoint_less():
        m.write("pods.yaml", m.pods.yaml.replace(
            "status: 'True'", "status: 'False'", 1))
        mesh.wait_for(lambda: len(endpoints(m, "kept", "v0")) == 0)

    def endpoint_again():
        m.write("pods.yaml", m.pods.yaml)
        mesh.wait_for(lambda: len(endpoints(m, "kept", "v0")) == 1)

    def other_policy():
        m.apply(objects.text(objects.rule("kept", {**dict.fromkeys(VERSIONS),
                                                   "v1": objects.balance("ROUND_ROBIN")})))

    def scaled():
        m.apply(objects.text(objects.split("kept", {v: 2 * w for v, w in weights.items()})))

    got = []
    for step, count in ((lambda: restart(m), 20), (lambda: crash(m), 31), (other_policy, 13),
                        (endpoint_less, 40), (endpoint_again, 9), (scaled, 97), (m.kill_agent, 50),
                        (m.start_agent, 25)):
        step()
        expected = [round_[(len(got) + i) % 97] for i in range(count)]
        part = [v if v != "refused" else "v0" for v in sequence(m, target, count)]
        assert part == expected, (len(got), part, expected)
        got += part
    assert_exact(got, weights)


def endpoints(m, host, subset):
    return [e for e in m.json("endpoints")["endpoints"]
            if e["host"].split(".")[0] == host and e["subset"] == subset]


def test_other_weights_are_a_new_schedule(m):
    weights = weights_of(5, 3)
    target = in_force(m, "changed", weights)[0]
    assert_exact(sequence(m, target, 3), weights)
    for numbers, count in (((1, 3), 5), ((5, 3), 6), ((3, 5), 3), ((0, 1), 4), ((5, 3), 81)):
        weights = weights_of(*numbers)
        m.apply(objects.text(objects.split("changed", weights)))
        assert_exact(sequence(m, target, count), weights, numbers)


def test_weights_that_cannot_be_held_are_refused_and_change_nothing(m):
    target = in_force(m, "past", weights_of(1, 1))[0]
    for numbers in ((1, 10000), (0, 0)):
        p = m.apply(objects.text(objects.split("past", weights_of(*numbers))), check=False)
        assert p.returncode == 1 and "past" in p.stderr, p
    assert_exact(sequence(m, target, 100), weights_of(1, 1))


@contextlib.contextmanager
def servers(folder, network, number):
    """Servers on the host's loopback, each at an address of its own, named v0, v1, …"""
    running = []
    try:
        for i in range(number):
            argv = [os.path.join(mesh.BUILD, "tools", "server"), "--name", f"v{i}", "--version",
                    f"v{i}", "--tcp", f"{network}.{i + 1}:7000", "--pidfile", f"{folder}/{i}.pid"]
            running.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL))
        mesh.wait_for(lambda: all(os.path.exists(f"{folder}/{i}.pid") for i in range(number)))
        yield
    finally:
        for process in running:
            process.terminate()
            process.wait()


def test_sixty_four_destinations_are_exact(m):
    host, network = "sixty-four.test", f"127.{1 + os.getpid() // 256 % 254}.{os.getpid() % 256}"
    numbers = [1] * 20 + [7, 13, 29] * 10 + [100] * 13
    weights = {f"v{i}": w for i, w in enumerate([*numbers, 10000 - sum(numbers)])}
    assert len(weights) == 64
    with servers(m.folder, network, 64):
        m.apply(objects.text(
            objects.entry(host, "10.100.28.2", [(f"{network}.{i + 1}", 7000, {"version": f"v{i}"})
                                                for i in range(64)]),
            objects.rule(host, list(weights)), objects.split(host, weights)))
        assert_exact(sequence(m, "10.100.28.2:80", 10000), weights)


if __name__ == "__main__":
    mesh.run_tests()

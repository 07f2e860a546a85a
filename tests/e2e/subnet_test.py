#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Services that have subnets for addresses, and tcp routes for subnets: the longest one counts."""
import contextlib

import mesh
import objects

VERSIONS = ["v1", "v2", "v3", "v4"]


@contextlib.contextmanager
def fixture():
    """Four pods of the app `web`, one a version, that greet and answer datagrams; a client pod in
    a namespace of its own."""
    pods = [objects.deployment("web", v, args="--tcp --udp") for v in VERSIONS]
    client = objects.deployment("client", "v1", args="--tcp")
    client["metadata"]["namespace"] = "team"
    with mesh.Mesh(pods=objects.text(*pods, client)) as m:
        with blackholes("192.192.192.0/24", "192.192.0.0/16", "fd00:192::/32"):
            yield m


@contextlib.contextmanager
def blackholes(*subnets):
    """Addresses that no program steers must not leave the machine."""
    made = []
    try:
        for subnet in subnets:
            argv = ["ip", "-6" if ":" in subnet else "-4", "route"]
            if mesh.run(*argv, "add", "blackhole", subnet, check=False).returncode == 0:
                made.append(argv + ["del", "blackhole", subnet])
        yield
    finally:
        for argv in made:
            mesh.run(*argv, check=False)


def entry(m, host, addresses, versions, port=80, protocol="TCP", **spec):
    e = objects.entry(host, "", [(m.pods.by_name[f"web-{v}-0"][key], 8080, {"version": v})
                                 for v in versions for key in ("ipv4", "ipv6")], port, **spec)
    e["spec"]["addresses"] = addresses
    e["spec"]["ports"][0]["protocol"] = protocol
    return e


def versions_at(m, target, count=8, udp=False, **options):
    tally = (m.datagrams if udp else m.client)(target, count=count, **options)
    assert tally["peername_mismatch"] == 0, tally
    return tally["by_version"] if tally["ok"] else (tally["errors"], tally["ok"])


def gone(m, *hosts):
    m.shunt("delete", "se", *hosts)


def counted(m, *names):
    counters = m.status()["counters"]
    return [counters[name] for name in names]


def test_all_addresses_of_a_subnet_are_the_service(m):
    # host bits are cleared: the /24 it stands in
    m.apply(objects.text(entry(m, "range.test", ["192.192.192.192/24", "fd00:192::7/112"],
                               ["v1"])))
    for at in ("192.192.192.0", "192.192.192.1", "192.192.192.192", "192.192.192.255"):
        for family in (4, "mapped"):
            got = versions_at(m, f"{at}:80", family=family, check_peername=True)
            assert got == {"v1": 8}, (at, family, got)
    for at in ("fd00:192::", "fd00:192::1", "fd00:192::ffff"):
        assert versions_at(m, f"[{at}]:80", check_peername=True) == {"v1": 8}, at
    before = counted(m, "steered", "untouched")
    outside = ("192.192.193.0:80", "192.192.191.255:80", "[fd00:192::1:0]:80", "192.192.192.1:81")
    for target in outside:
        assert m.client(target, timeout=100)["ok"] == 0, target
    assert counted(m, "steered", "untouched") == [before[0], before[1] + len(outside)]
    assert m.status()["counters"]["refused_unstable"] == 0
    gone(m, "range.test")
    before = counted(m, "steered", "untouched")
    assert m.client("192.192.192.1:80", timeout=100)["ok"] == 0
    assert counted(m, "steered", "untouched") == [before[0], before[1] + 1]


def test_an_address_and_then_the_longest_subnet_count(m):
    m.apply(objects.text(entry(m, "a.test", ["192.192.0.0/16", "fd00:192::/32"], ["v1"]),
                         entry(m, "b.test", ["192.192.192.0/24", "fd00:192:1::/48"], ["v2"]),
                         entry(m, "c.test", ["192.192.192.128/25"], ["v3"]),
                         entry(m, "d.test", ["192.192.192.200", "fd00:192:1::200"], ["v4"])))
    expected = {"192.192.1.1": "v1", "192.192.192.1": "v2", "192.192.192.127": "v2",
                "192.192.192.128": "v3", "192.192.192.199": "v3", "192.192.192.200": "v4",
                "192.192.192.201": "v3", "192.192.193.0": "v1",
                "[fd00:192:2::1]": "v1", "[fd00:192:1::1]": "v2", "[fd00:192:1::200]": "v4"}
    for at, version in expected.items():
        assert versions_at(m, f"{at}:80", 3) == {version: 3}, at
    # the longer ones go, one by one
    for host, versions in (("d.test", ["v3", "v2"]), ("c.test", ["v2", "v2"]),
                           ("b.test", ["v1", "v1"])):
        gone(m, host)
        got = [versions_at(m, f"{at}:80", 2)
               for at in ("192.192.192.200", "[fd00:192:1::200]")]
        assert got == [{v: 2} for v in versions], (host, got)
    gone(m, "a.test")


def test_datagrams_find_subnets_too(m):
    m.apply(objects.text(entry(m, "udp.test", ["192.192.192.0/24", "fd00:192::/32"], ["v1", "v2"],
                               53, "UDP", )))
    for at in ("192.192.192.9:53", "[fd00:192::9]:53"):
        for connected in (True, False):
            tally = m.datagrams(at, count=10, each=2, connected=connected)
            assert tally["ok"] == 10 and tally["source_mismatch"] == 0 == tally["moved"], tally
    gone(m, "udp.test")


def test_a_subnet_is_one_service_and_outlives_the_agent(m):
    e = entry(m, "split.test", ["192.192.192.0/24"], VERSIONS)
    m.apply(objects.text(e, objects.rule("split.test", VERSIONS),
                         objects.split("split.test", {"v1": 3, "v2": 1})))

    def sequence(first, count):
        got = []
        for i in range(count):
            tally = m.client(f"192.192.192.{first + i}:80", print_sequence=True)
            got += [version for _, version in tally["sequence"]]
        return got

    got = sequence(1, 9)
    m.kill_agent()
    got += sequence(20, 10)
    m.start_agent()
    got += sequence(40, 11)
    assert m.stop_agent() == 0
    m.start_agent()
    got += sequence(60, 10)
    for i in range(len(got) - 3):
        assert got[i:i + 4].count("v1") == 3, (i, got)
    used = next(r["used"] for r in m.json("maps")["maps"] if r["name"] == "service_subnets")
    assert used == 1
    m.shunt("delete", "vs", "split.test")
    m.shunt("delete", "dr", "split.test")
    gone(m, "split.test")
    used = next(r["used"] for r in m.json("maps")["maps"] if r["name"] == "service_subnets")
    assert used == 0


def branches(host, routes, protocol="tcp", **match):
    """A VirtualService; `routes`: (subnets or None, {subset: weight}) each."""
    listed = []
    for subnets, weights in routes:
        route = objects.split(host, weights)["spec"]["tcp"][0]
        if subnets is not None:
            route["match"] = [{"destinationSubnets": subnets, **match}]
        elif match:
            route["match"] = [match]
        listed.append(route)
    return {"apiVersion": objects.NETWORKING, "kind": "VirtualService", "metadata": {"name": host},
            "spec": {"hosts": [host], protocol: listed}}


def test_routes_for_subnets_branch_off(m):
    addresses = ["192.192.192.0/24", "10.100.42.1", "10.100.42.2", "fd00:192::/32"]
    m.apply(objects.text(
        entry(m, "branch.test", addresses, VERSIONS), objects.rule("branch.test", VERSIONS),
        branches("branch.test", [
            (["192.192.192.0/28", "10.100.42.2/32"], {"v2": 1}),
            (["192.192.192.8/29", "fd00:192:1::/48"], {"v3": 1, "v4": 1}),
            (["192.192.0.0/16"], {"v4": 1}),
            (None, {"v1": 1}),
            (["192.192.192.64/26"], {"v2": 1})])))  # past the end of the search
    expected = {"192.192.192.1": {"v2": 4}, "192.192.192.9": {"v3": 2, "v4": 2},
                "192.192.192.16": {"v4": 4}, "192.192.192.70": {"v4": 4},
                "10.100.42.1": {"v1": 4}, "10.100.42.2": {"v2": 4},
                "[fd00:192:1::1]": {"v3": 2, "v4": 2}, "[fd00:192:2::1]": {"v1": 4}}
    for at, versions in expected.items():
        assert versions_at(m, f"{at}:80", 4) == versions, at
    m.kill_agent()
    for at, versions in expected.items():
        assert versions_at(m, f"{at}:80", 4) == versions, at
    m.start_agent()
    for at, versions in expected.items():
        assert versions_at(m, f"{at}:80", 4) == versions, at
    # outside of what the service has, a branch is nothing
    assert m.client("192.192.193.1:80", timeout=100)["ok"] == 0
    m.shunt("delete", "vs", "branch.test")
    tally = m.client("192.192.192.1:80", count=400)
    assert set(tally["by_version"]) == set(VERSIONS), tally
    m.shunt("delete", "dr", "branch.test")
    gone(m, "branch.test")


def test_a_branch_has_a_position_of_its_own(m):
    m.apply(objects.text(
        entry(m, "own.test", ["192.192.192.0/24"], VERSIONS), objects.rule("own.test", VERSIONS),
        branches("own.test", [(["192.192.192.128/25"], {"v1": 3, "v2": 1}),
                              (None, {"v1": 3, "v2": 1})])))
    got = {"1": [], "200": []}
    for i in range(40):
        if i == 20:
            m.kill_agent()
            m.start_agent()
        for last in ("1", "200", "200"):
            tally = m.client(f"192.192.192.{last}:80", print_sequence=True)
            got[last] += [version for _, version in tally["sequence"]]
    for versions in got.values():
        for i in range(len(versions) - 3):
            assert versions[i:i + 4].count("v1") == 3, (i, versions)
    m.shunt("delete", "vs", "own.test")
    m.shunt("delete", "dr", "own.test")
    gone(m, "own.test")


def sidecar(namespace, hosts, registry_only=False):
    spec = {"egress": [{"hosts": hosts}]}
    if registry_only:
        spec["outboundTrafficPolicy"] = {"mode": "REGISTRY_ONLY"}
    return {"apiVersion": objects.NETWORKING, "kind": "Sidecar",
            "metadata": {"name": "default", "namespace": namespace}, "spec": spec}


def private(e, namespace):
    e["metadata"]["namespace"] = namespace
    e["spec"]["exportTo"] = ["."]
    return e


def test_who_calls_decides_about_subnets_too(m):
    mine = private(entry(m, "mine.test", ["192.192.192.0/24"], ["v2"]), "team")
    m.apply(objects.text(entry(m, "wide.test", ["192.192.0.0/16"], ["v1"]), mine))
    pod = "client-v1-0"
    for at, versions in (("192.192.192.1", ("v1", "v2")), ("192.192.1.1", ("v1", "v1"))):
        got = [versions_at(m, f"{at}:80", 2, pod=who) for who in ("web-v1-0", pod)]
        assert got == [{v: 2} for v in versions], (at, got)
    # a route of the caller's own
    vs = branches("wide.test", [(["192.192.7.0/24"], {"v3": 1})], sourceLabels={"app": "client"})
    vs["spec"]["tcp"].append(objects.split("wide.test", {"v1": 1})["spec"]["tcp"][0])
    m.apply(objects.text(entry(m, "wide.test", ["192.192.0.0/16"], VERSIONS),
                         objects.rule("wide.test", VERSIONS), vs))
    for at, versions in (("192.192.7.1", ("v1", "v3")), ("192.192.8.1", ("v1", "v1")),
                         ("192.192.192.1", ("v1", "v2"))):
        got = [versions_at(m, f"{at}:80", 2, pod=who) for who in ("web-v1-0", pod)]
        assert got == [{v: 2} for v in versions], (at, got)
    m.shunt("delete", "vs", "wide.test")
    m.shunt("delete", "dr", "wide.test")
    m.shunt("delete", "-n", "team", "se", "mine.test")
    gone(m, "wide.test")


def by_caller(host, labels, theirs, others):
    vs = objects.split(host, {others: 1})
    own = objects.split(host, {theirs: 1})["spec"]["tcp"][0]
    vs["spec"]["tcp"].insert(0, {"match": [{"sourceLabels": labels}], **own})
    return vs


def test_a_callers_own_route_for_a_wider_subnet_does_not_count_in_a_longer_one(m):
    made = []
    for host, subnet, vs in (
            ("wide.test", "192.192.0.0/16", by_caller("wide.test", {"app": "client"}, "v3", "v1")),
            ("long.test", "192.192.192.0/24", by_caller("long.test", {"version": "v4"}, "v4", "v2"))):
        made += [entry(m, host, [subnet], VERSIONS), objects.rule(host, VERSIONS), vs]
    m.apply(objects.text(*made))
    for pod, at_wide, at_long in (("client-v1-0", "v3", "v2"), ("web-v4-0", "v1", "v4"),
                                  ("web-v1-0", "v1", "v2")):
        got = [versions_at(m, f"{at}:80", 2, pod=pod) for at in ("192.192.8.1", "192.192.192.1")]
        assert got == [{at_wide: 2}, {at_long: 2}], (pod, got)
    for host in ("wide.test", "long.test"):
        m.shunt("delete", "vs", host)
        m.shunt("delete", "dr", host)
        gone(m, host)


def test_callers_who_know_their_services_are_refused_others(m):
    m.apply(objects.text(entry(m, "known.test", ["192.192.192.0/25"], ["v1"]),
                         entry(m, "hidden.test", ["192.192.192.128/25"], ["v2"]),
                         sidecar("team", ["*/known.test"], registry_only=True)))
    pod = "client-v1-0"
    assert versions_at(m, "192.192.192.1:80", 2, pod=pod) == {"v1": 2}
    tally = m.client("192.192.192.200:80", pod=pod, count=2)
    assert tally["errors"] == {"ECONNREFUSED": 2}, tally
    assert versions_at(m, "192.192.192.200:80", 2) == {"v2": 2}
    m.shunt("delete", "-n", "team", "sidecar", "default")
    gone(m, "known.test", "hidden.test")


if __name__ == "__main__":
    mesh.run_tests()

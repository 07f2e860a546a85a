#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""maxConnections is one limit of the node: what the kernel steers to a cluster and what the proxy
opens to it are counted together, also when the proxy dies."""
import contextlib
import json
import os
import signal

import mesh
import objects

LIMIT = 4


def by_caller():
    """For callers of the team red a header decides, so they need the proxy; others do not."""
    vs = objects.split("bank", {"v1": 1}, protocol="http")
    vs["spec"]["http"].insert(0, {
        "match": [{"sourceLabels": {"team": "red"}, "headers": {"end-user": {"exact": "nobody"}}}],
        "directResponse": {"status": 418}})
    return vs


@contextlib.contextmanager
def fixture():
    pods = [objects.deployment(name, "v1", ports=ports, name=name)
            for name, ports in (("bank", (8080,)), ("green", ()), ("red", ()))]
    pods[-1]["spec"]["template"]["metadata"]["labels"]["team"] = "red"
    parts = [objects.service("bank", "bank", port_name="http"), by_caller(),
             objects.rule("bank", ("v1",), objects.limit(LIMIT))]
    with mesh.Mesh(objects.text(*parts), pods=objects.text(*pods)) as m:
        m.target = objects.targets(m, "bank")[0]
        mesh.wait_for(lambda: red(m)["by_status"] == {"200": 1} and
                      m.status()["counters"]["proxied"], 5, "the proxy serves")
        yield m


def red(m, **options):
    """A request through the proxy."""
    return m.client(m.target, pod="red-0", http="/", **{"count": 1, **options})


def green(m, count):
    """Connections past it, held."""
    return m.hold(m.target, pod="green-0", http="/", count=count)


def active(m):
    return next(c["active"] for c in m.json("clusters")["clusters"]
                if c["host"].startswith("bank.") and c["subset"] == "v1")


def proxies(m):
    with open(os.path.join(m.cgroup, m.root + "-proxy", "cgroup.procs"), encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]


def serving(m):
    return m.status()["proxy"]["state"] == "running" and proxies(m)


def kill(m):
    """The proxy with what it keeps for later."""
    pid, = mesh.wait_for(lambda: serving(m), 5, "the proxy serves")
    os.kill(pid, signal.SIGKILL)
    mesh.wait_for(lambda: pid not in proxies(m) and active(m) == 0, 5, "its places are given back")


def restart(m):
    """Another proxy, which keeps one connection."""
    kill(m)
    mesh.wait_for(lambda: serving(m), 5, "another one serves")
    assert red(m)["ok"] == 1
    assert active(m) == 1


def test_what_the_proxy_keeps_open_is_counted_with_the_kernels(m):
    restart(m)
    with green(m, LIMIT) as held:
        assert held.tally["ok"] == LIMIT - 1 and held.tally["refused"] == 1, held.tally
        assert active(m) == LIMIT
    mesh.wait_for(lambda: active(m) == 1, 5, "the kernel's are given back")


def test_a_request_waits_till_a_place_of_the_kernels_is_free(m):
    kill(m)
    with green(m, LIMIT) as held:
        assert held.tally["ok"] == LIMIT, held.tally
        mesh.wait_for(lambda: serving(m), 5, "another one serves")
        waiting = m.spawn(m.target, pod="red-0", http="/", count=1)
        mesh.wait_for(lambda: states(m) == ["pending"], 5, "the request waits")
        assert active(m) == LIMIT
    tally = json.loads(waiting.communicate(timeout=30)[0])
    assert tally["by_status"] == {"200": 1}, tally


def states(m):
    """Of the proxy's clients."""
    return [c["state"] for c in m.json("conns")["clients"]]


def established(m):
    """On the server's side. While some close and others open, a reading can have both, so a number
    counts when several readings in a row have it."""
    netns = m.pods.netns("bank-0")
    readings = [mesh.run("ip", "netns", "exec", netns, "ss", "-Htn", "state", "established",
                         "sport", "=", ":8080").stdout for _ in range(4)]
    return min(len(out.splitlines()) for out in readings)


def test_both_together_never_have_more(m):
    """Callers of both kinds at once."""
    most = []
    with m.spawn(m.target, pod="red-0", http="/", count=3000, parallel=8) as one:
        for _ in range(20):
            with green(m, LIMIT + 2) as held:
                assert held.tally["ok"] <= LIMIT
                most.append(established(m))
        tally = json.loads(one.communicate(timeout=60)[0])
    assert 0 < max(most) <= LIMIT, most
    assert set(tally["by_status"]) == {"200"}, tally


def test_a_killed_proxy_returns_its_places(m):
    assert red(m, count=8, parallel=4)["by_status"] == {"200": 8}
    assert 0 < active(m) <= LIMIT
    restart(m)
    assert m.status()["leaked"] == 0


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""maxConnections holds under races and deaths: never one more, refused at once, all returned."""
import contextlib
import os
import threading

import mesh

LIMIT = 20
OBJECTS = f"""
apiVersion: v1
kind: Service
metadata: {{name: bank}}
spec:
  clusterIP: 10.96.210.1
  selector: {{app: bank}}
  ports: [{{name: tcp, port: 80, targetPort: 7000}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: bank}}
spec:
  replicas: 2
  template:
    metadata:
      labels: {{app: bank, version: v1}}
      annotations: {{shunt.test/args: "--tcp 0.0.0.0:7000"}}
    spec:
      containers: [{{name: c, ports: [{{containerPort: 7100}}]}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: bank}}
spec:
  host: bank
  trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: {LIMIT}}}}}}}
"""
TARGET = "10.96.210.1:80"


@contextlib.contextmanager
def fixture():
    with mesh.Mesh(OBJECTS) as m:
        yield m


def cluster(m):
    return next(c for c in m.json("clusters")["clusters"] if c["host"].startswith("bank."))


def expect_none(m):
    mesh.wait_for(lambda: cluster(m)["active"] == 0, 20, "no active connection")


class Watch(threading.Thread):
    """Counts ESTABLISHED sockets on the servers' port, over both pods, as often as it can.

    The two namespaces are read one after the other, so a sum can count a connection that ended in
    one before another began in the other; each single reading is exact. Connections are held for
    the length of a round, so a sum above the limit in two readings running is a real one.
    """

    def __init__(self, m):
        super().__init__(daemon=True)
        self.pods = [m.pods.netns(name) for name in m.pods.by_name]
        self.most = 0
        self.readings = 0
        self.ending = threading.Event()

    def count(self):
        total = 0
        for netns in self.pods:
            out = mesh.run("ip", "netns", "exec", netns, "ss", "-Htn", "state", "established",
                           "sport", "=", ":7000").stdout
            total += len(out.splitlines())
        return total

    def run(self):
        while not self.ending.is_set():
            self.most = max(self.most, min(self.count(), self.count()))
            self.readings += 1

    def wait_for_one(self):
        """Till a reading has begun and ended."""
        begun = self.readings + 2
        mesh.wait_for(lambda: self.readings >= begun, 20, "a reading")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


def race(m, **options):
    """10 × LIMIT clients at once, that hold what they got."""
    return m.hold(TARGET, count=10 * LIMIT, parallel=25, procs=8, **options)


def test_never_more_than_the_limit(m):
    before = cluster(m)["refused_limit"]
    with Watch(m) as watch:
        with race(m) as held:
            tally = held.tally
            assert tally["ok"] == LIMIT, tally
            assert tally["refused"] == 9 * LIMIT, tally
            assert cluster(m)["active"] == LIMIT
            watch.wait_for_one()
        assert watch.most == LIMIT, watch.most
        expect_none(m)
        rounds = 1
        while rounds < 6 or (watch.readings < 20 and rounds < 100):
            with race(m) as held:
                assert held.tally["ok"] == LIMIT, held.tally
            expect_none(m)
            rounds += 1
    assert watch.readings >= 20 and watch.most == LIMIT, (watch.readings, watch.most)
    assert cluster(m)["refused_limit"] == before + rounds * 9 * LIMIT


def test_a_place_is_free_again_when_a_connection_ends(m):
    with m.hold(TARGET, count=LIMIT) as full:
        assert full.tally["ok"] == LIMIT
        assert m.client(TARGET, count=5)["refused"] == 5
    expect_none(m)
    assert m.client(TARGET, count=5)["ok"] == 5


def test_refused_at_once(m):
    with m.hold(TARGET, count=LIMIT):
        tally = m.client(TARGET, count=50)
    assert tally["refused"] == 50
    assert tally["max_connect_us"] < 50000, tally
    expect_none(m)


def test_churn_at_the_limit_is_exact(m):
    """Short connections racing at the limit: every one is either served or refused and counted."""
    before = cluster(m)
    with Watch(m) as watch:
        tally = m.client(TARGET, count=8000, parallel=16, procs=8)
    assert tally["ok"] + tally["refused"] == 8000, tally
    after = cluster(m)
    assert after["opened"] - before["opened"] == tally["ok"]
    assert after["refused_limit"] - before["refused_limit"] == tally["refused"]
    assert watch.most <= LIMIT, watch.most
    expect_none(m)


def test_killed_clients_return_all(m):
    for _ in range(5):
        held = race(m)
        assert held.tally["ok"] == LIMIT, held.tally
        kill_group(m, held)
        expect_none(m)


def kill_group(m, held):
    """kill -9 of the client and of every process it forked: all that is in the cgroup."""
    with open(os.path.join(m.cgroup, "cgroup.procs"), encoding="utf-8") as f:
        for pid in f.read().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), 9)
    held.kill()


def test_agent_killed_while_full(m):
    with m.hold(TARGET, count=LIMIT) as held:
        m.kill_agent()
        assert m.client(TARGET, count=10)["refused"] == 10
        m.start_agent()
        assert cluster(m)["active"] == LIMIT
        assert m.client(TARGET, count=10)["refused"] == 10
        assert held.tally["ok"] == LIMIT
    expect_none(m)


def test_twenty_restarts_under_load_return_to_zero(m):
    leaked = m.status()["leaked"]
    load = m.spawn(TARGET, duration=600, parallel=8, procs=4)
    try:
        for i in range(20):
            if i % 2:
                m.kill_agent()
            else:
                assert m.stop_agent() == 0
            m.start_agent()
            assert load.poll() is None
    finally:
        load.terminate()
        load.communicate(timeout=30)
    with open(os.path.join(m.cgroup, "cgroup.procs"), encoding="utf-8") as f:
        for pid in f.read().split():
            os.kill(int(pid), 9)
    expect_none(m)
    assert m.status()["leaked"] == leaked


def test_nothing_leaked(m):
    status = m.status()
    assert status["leaked"] == 0
    assert status["counters"]["stale_hold"] == 0
    counters = status["counters"]
    assert counters["steered"] == counters["closed"], counters


if __name__ == "__main__":
    mesh.run_tests()

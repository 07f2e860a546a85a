#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A thousand random changes under constant load: no connection fails because of one, and each goes
where the plan before or after allows.

Hosts `stay-N` are always there; their weights, endpoints, subsets and limits change. Hosts `come-N` come
and go, so that slots and hash elements are used again; dialling one that is gone fails, which is
right, but what answers must have been allowed.
"""
import contextlib
import os
import random
import time

import mesh

CHANGES = int(os.environ.get("CHANGES", "1000"))
SEED = int(os.environ.get("SEED", str(time.time_ns() % 1000000)))
STAY = 3
COME = 4
PODS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
spec:
  replicas: 6
  template:
    metadata:
      labels: {app: server, version: any}
      annotations: {shunt.test/args: "--tcp 0.0.0.0:7000"}
    spec:
      containers: [{name: c, ports: [{containerPort: 7100}]}]
"""


@contextlib.contextmanager
def fixture():
    with mesh.Mesh("", pods=PODS) as m:
        yield m


def address(host):
    kind, number = host.split("-")
    return f"10.96.{220 if kind == 'stay' else 221}.{number}"


class Host:
    """A random configuration of one host, its YAML, and who may answer."""

    def __init__(self, rng, name, pods):
        self.name = name
        self.subsets = []
        free = rng.sample(sorted(pods), len(pods))  # an endpoint has one set of labels
        for i in range(rng.randint(1, 3)):
            members = [free.pop() for _ in range(rng.randint(1, 2))]
            self.subsets.append((f"v{i + 1}", rng.choice([0, 1, 2, 5, 33, 90]), members))
        if not any(w for _, w, _ in self.subsets):
            self.subsets[0] = (self.subsets[0][0], 1, self.subsets[0][2])
        live = self.subsets if len(self.subsets) == 1 else [s for s in self.subsets if s[1]]
        self.allowed = {pod for _, _, members in live for pod in members}
        self.policy = rng.choice(["ROUND_ROBIN", "RANDOM", "LEAST_REQUEST"])

    def yaml(self, pods):
        endpoints = "".join(
            f"""
  - {{address: {pods[pod]["ipv4"]}, labels: {{version: {subset}}}}}"""
            for subset, _, members in self.subsets for pod in members)
        subsets = "".join(f"""
  - {{name: {subset}, labels: {{version: {subset}}}}}""" for subset, _, _ in self.subsets)
        routes = "".join(f"""
    - {{destination: {{host: {self.name}.test, subset: {subset}}}, weight: {weight}}}"""
                         for subset, weight, _ in self.subsets)
        return f"""---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {self.name}}}
spec:
  hosts: [{self.name}.test]
  addresses: ["{address(self.name)}"]
  ports: [{{number: 80, name: tcp, protocol: TCP, targetPort: 7000}}]
  resolution: STATIC
  endpoints:{endpoints}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {self.name}}}
spec:
  host: {self.name}.test
  trafficPolicy: {{loadBalancer: {{simple: {self.policy}}}}}
  subsets:{subsets}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {self.name}}}
spec:
  hosts: [{self.name}.test]
  tcp:
  - route:{routes}
"""


class History:
    """What each host allowed, and when: (asked for at, in force at, allowed pods)."""

    def __init__(self):
        self.of = {}

    def add(self, name, asked, done, allowed):
        self.of.setdefault(name, []).append((asked, done, allowed))

    def allowed(self, name, begin, end):
        """Every pod that some plan in force between begin and end allowed."""
        pods = set()
        rows = self.of[name]
        for i, (asked, _, allowed) in enumerate(rows):
            over = rows[i + 1][1] if i + 1 < len(rows) else float("inf")
            if asked <= end and over >= begin:
                pods |= allowed
        return pods


def put(m, history, hosts):
    text = "".join(h.yaml(m.pods.by_name) for h in hosts)
    asked = time.monotonic_ns()
    m.apply(text)
    done = time.monotonic_ns()
    for h in hosts:
        history.add(h.name, asked, done, h.allowed)


def remove(m, history, host):
    text = host.yaml(m.pods.by_name)
    asked = time.monotonic_ns()
    m.shunt("delete", "-f", "-", input=text)
    history.add(host.name, asked, time.monotonic_ns(), set())


def check(history, name, rows):
    """Every line of a log against the history."""
    wrong = []
    for begin, end, result, pod, _ in rows:
        if result == "ok" and pod not in history.allowed(name, int(begin), int(end)):
            wrong.append((begin, end, pod))
        if result != "ok" and name.startswith("stay"):
            wrong.append((begin, end, result))
    return wrong


def test_a_thousand_random_changes_fail_and_misroute_nothing(m):
    rng = random.Random(SEED)
    print(f"# seed {SEED}, {CHANGES} changes")
    history = History()
    there = {f"stay-{i}": Host(rng, f"stay-{i}", m.pods.by_name) for i in range(1, STAY + 1)}
    put(m, history, list(there.values()))
    names = list(there) + [f"come-{i}" for i in range(1, COME + 1)]
    for name in names[STAY:]:
        history.add(name, 0, 0, set())
    logs = {n: os.path.join(m.folder, n + ".log") for n in names}
    load = {n: m.spawn(address(n) + ":80", duration=600, log=logs[n],
                       rate=400 if n.startswith("stay") else 100) for n in names}
    kills = {CHANGES // 3, CHANGES // 2}
    for i in range(CHANGES):
        if i in kills:
            m.kill_agent()
            m.start_agent()
        name = rng.choice(names)
        if name in there and name.startswith("come") and rng.random() < 0.6:
            remove(m, history, there.pop(name))
        else:
            there[name] = Host(rng, name, m.pods.by_name)
            put(m, history, [there[name]])
    for process in load.values():
        process.terminate()
        process.communicate(timeout=30)
    total = 0
    for name in names:
        with open(logs[name], encoding="utf-8") as f:
            rows = [line.split() for line in f]
        total += len(rows)
        assert len(rows) > CHANGES / 10, f"{name}: {len(rows)} connections is no load"
        wrong = check(history, name, rows)
        assert not wrong, f"seed {SEED}, {name}: {len(wrong)} of {len(rows)}: {wrong[:5]}"
    print(f"# {total} connections")
    status = m.status()
    assert status["counters"]["refused_unstable"] == 0
    assert status["leaked"] == 0


def test_all_counts_return_to_zero(m):
    mesh.wait_for(lambda: sum(c["active"] for c in m.json("clusters")["clusters"]) == 0, 10)


if __name__ == "__main__":
    mesh.run_tests()

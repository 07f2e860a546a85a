# SPDX-License-Identifier: GPL-2.0
"""Rows about connections: the ways from a client to the server, one after the other, many times."""
import json
import re
import time

import mesh
from figures import Path, Result, uncertainty
from ground import Ground, cpu_busy, cpu_used
from peers import Absent, Peers

SPLIT = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: split}}
spec:
  hosts: [split.bench]
  addresses: [10.100.0.1]
  ports: [{{number: 80, name: tcp, protocol: TCP}}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - {{address: 127.0.0.1, ports: {{tcp: {first}}}, labels: {{version: v1}}}}
  - {{address: 127.0.0.1, ports: {{tcp: {second}}}, labels: {{version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: split}}
spec:
  host: split.bench
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: split}}
spec:
  hosts: [split.bench]
  tcp:
  - route:
    - {{destination: {{host: split.bench, subset: v1}}, weight: 75}}
    - {{destination: {{host: split.bench, subset: v2}}, weight: 25}}
"""

FOREIGN = 0.15  # cores kept busy by others: above it a sample is taken again, a few times
AGAIN = 2
ROUNDS_LEAST = 6
SECONDS = 90  # a load ends by then, certain or not

ORDER = ("direct", "shunt", "haproxy", "nginx", "envoy")

# name, load, path, against, bound, uncertainty in percent at which the value is meaningless, what
ROWS = (
    ("l4_rps_vs_direct", "rps", "shunt", "direct", 0.98, 3, "requests/s against no mesh"),
    ("l4_rps_vs_envoy", "rps", "shunt", "envoy", 2.5, 10, "requests/s against Envoy tcp_proxy"),
    ("l4_rps_vs_haproxy", "rps", "shunt", "haproxy", None, 10, "requests/s against HAProxy tcp"),
    ("l4_rps_vs_nginx", "rps", "shunt", "nginx", None, 10, "requests/s against nginx stream"),
    ("l4_conn_vs_direct", "conn", "shunt", "direct", 0.95, 3, "connections/s against no mesh"),
    ("l4_conn_vs_haproxy", "conn", "shunt", "haproxy", 2.0, 10, "connections/s against HAProxy"),
    ("l4_conn_vs_nginx", "conn", "shunt", "nginx", None, 10, "connections/s against nginx stream"),
    ("l4_conn_vs_envoy", "conn", "shunt", "envoy", None, 10, "connections/s against Envoy"),
    ("l4_dial_vs_direct", "dial", "shunt", "direct", None, 3,
     "as l4_conn, by 16 blocking clients"),
    ("l4_rps_cpu_vs_direct", "rps", "direct", "shunt", None, 3, "CPU a request, direct / shunt"),
    ("l4_conn_cpu_vs_direct", "conn", "direct", "shunt", None, 3,
     "CPU a connection, direct / shunt; others on the machine disturb it less"),
)


class Fault(Exception):
    """A sample that does not count: something failed in it."""


def wrk(url, connections, *headers):
    return ["wrk", "-t1", f"-c{connections}", "-d1s", "--timeout", "5s", *headers, url]


def arguments(load, target):
    if load == "rps":
        return wrk(f"http://{target}/", 64)
    if load == "conn":
        return wrk(f"http://{target}/", 16, "-H", "Connection: close")
    return mesh.client_arguments(target, {"parallel": 16, "duration": 1, "http": "/"})


def units_done(load, out):
    """Requests or connections of one run, and the seconds it took; each must have succeeded."""
    if load == "dial":
        tally = json.loads(out.splitlines()[-1])
        if tally["ok"] != tally["connections"]:
            raise Fault(f"{tally['connections'] - tally['ok']} connections failed")
        return tally["ok"], 1.0
    for fault in ("Socket errors: connect [1-9].*", "Non-2xx.*", "Socket errors:.*timeout [1-9].*"):
        found = re.search(fault, out)
        if found:
            raise Fault(found[0].strip())
    found = re.search(r"(\d+) requests in ([\d.]+)(m?)s", out)
    return int(found[1]), float(found[2]) / (1000 if found[3] else 1)


class Way:
    """A target, and the cgroups in which client, server and proxy do their part."""

    def __init__(self, target, places):
        self.target = target
        self.places = places

    def sample(self, ground, load, path):
        """One run of the load; taken again while others disturb it."""
        for tried in range(AGAIN + 1):
            own = [cpu_used(p) for p in self.places.values()]
            busy, begin = cpu_busy(), time.monotonic()
            out = ground.run(arguments(load, self.target), self.places, "client")
            wall, busy = time.monotonic() - begin, cpu_busy() - busy
            own = [cpu_used(p) - was for p, was in zip(self.places.values(), own)]
            foreign = max(busy - sum(own), 0) / wall
            done, seconds = units_done(load, out)
            if foreign <= FOREIGN or tried == AGAIN:
                break
        path.rates.append(done / seconds)
        path.cpu.append(1e6 * sum(own) / done)
        path.proxy_cpu.append(1e6 * own[list(self.places).index("proxy")] / done)
        path.foreign.append(foreign)


class Ways:
    """All ways that the wanted rows need; a peer that is absent has its reason instead."""

    def __init__(self, ground, stack, names):
        self.ground = ground
        self.by_name, self.absent = {}, {}
        peers = Peers(ground)
        make = {"direct": lambda: Way(f"127.0.0.1:{peers.backends[0]}", ground.plain),
                "shunt": lambda: self._shunt(stack, peers)}
        for name in names:
            try:
                self.by_name[name] = (make.get(name) or
                                      (lambda n=name: Way(getattr(peers, n)(), ground.plain)))()
            except (Absent, RuntimeError, AssertionError) as e:
                self.absent[name] = " ".join(str(e).split())

    @staticmethod
    def _shunt(stack, peers):
        """Client and server both live where the programs are attached, as on a real host."""
        m = stack.enter_context(mesh.Mesh(agent=False))
        places = Ground.places(m.cgroup)
        first, second = peers.server(places)
        m.write("split.yaml", SPLIT.format(first=first, second=second))
        m.start_agent()
        return Way("10.100.0.1:80", places)

    def measure(self, load, rounds, until):
        """Rounds in which each way has its turn, in one order and then in the other."""
        paths = {name: Path(load, name) for name in self.by_name}
        end = time.monotonic() + SECONDS
        for n in range(rounds):
            names = list(self.by_name)
            for name in names if n % 2 == 0 else reversed(names):
                try:
                    self.by_name[name].sample(self.ground, load, paths[name])
                except (Fault, AssertionError) as e:
                    self.absent[name] = f"{load}: " + " ".join(str(e).split())[-150:]
                    del self.by_name[name]
            if n + 1 >= ROUNDS_LEAST and (until(paths) or time.monotonic() > end):
                break
        return paths


def judge(row, paths, absent):
    name, _, path, against, least, noise, what = row
    result = Result(name, what, least=least, noise=noise)
    missing = [absent[n] for n in (path, against) if n in absent]
    if missing:
        result.note = "; ".join(missing)
    else:
        measure = "cpu" if "_cpu_" in name else "rates"
        result.values = [a / b for a, b in zip(getattr(paths[path], measure),
                                               getattr(paths[against], measure))]
    return result


def run(ground, stack, wanted, rounds):
    """The results of the wanted rows, and what each way did."""
    results, all_paths = [], []
    rows = [row for row in ROWS if wanted(row[0])]
    if not rows:
        return results, all_paths
    names = sorted({n for row in rows for n in row[2:4]}, key=ORDER.index)
    ways = Ways(ground, stack, names)
    for load in dict.fromkeys(row[1] for row in rows):
        mine = [row for row in rows if row[1] == load]
        kept = ways.by_name
        # who is not asked about under this load needs no turn
        ways.by_name = {n: w for n, w in kept.items() if any(n in row[2:4] for row in mine)}

        def sure(paths, mine=mine):
            return all(uncertainty(r.values) <= r.noise / 2
                       for r in (judge(row, paths, ways.absent) for row in mine) if r.values)
        paths = ways.measure(load, rounds, sure)
        results += [judge(row, paths, ways.absent) for row in mine]
        all_paths += paths.values()
        ways.by_name = {n: w for n, w in kept.items() if n not in ways.absent}
    return results, all_paths

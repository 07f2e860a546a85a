# SPDX-License-Identifier: GPL-2.0
"""Rows about requests that go through the L7 proxy, beside those through others. Each proxy has a
core to itself. The other one is for clients and servers, which are one process: two would need
more than a core to keep a proxy busy."""
import contextlib
import json
import os
import statistics

import mesh
from figures import Result
from ground import ALONE, Ground, foremost
from l7_peers import HttpPeers
from peers import Peers
from ways import Load, Row, Way, Ways

HOSTS, ROUTES = 1000, 10  # of the row about many
IDLE = 10000              # connections
IDLE_ROUNDS = 4
BODY = 1 << 30
STEADY_SHARE = 0.7        # of HAProxy's peak
USER = "end-user: jane"

ENTRY = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: s{n}}}
spec:
  hosts: [s{n}.bench]
  addresses: [10.100.{high}.{low}]
  ports: [{{number: 80, name: http, protocol: HTTP}}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - {{address: 127.0.0.1, ports: {{http: {first}}}, labels: {{version: v1}}}}
  - {{address: 127.0.0.1, ports: {{http: {second}}}, labels: {{version: v2}}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: s{n}}}
spec:
  host: s{n}.bench
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: s{n}}}
spec:
  hosts: [s{n}.bench]
  http:
  - match: [{{headers: {{end-user: {{exact: jason}}}}}}]
    route: [{{destination: {{host: s{n}.bench, subset: v2}}}}]
"""

ROUTE = """  - match: [{{uri: {{prefix: /r{route}/}}}}]
    route: [{{destination: {{host: s{n}.bench, subset: v{version}}}}}]
"""

SPLIT = """  - route:
    - {{destination: {{host: s{n}.bench, subset: v1}}, weight: 75}}
    - {{destination: {{host: s{n}.bench, subset: v2}}, weight: 25}}
"""


def objects(hosts, routes, first, second):
    """Hosts with a header match, so many rules by path, and a split behind them."""
    for n in range(hosts):
        values = {"n": n, "high": n >> 8, "low": n & 255, "first": first, "second": second}
        yield ENTRY.format(**values)
        for route in range(routes - 2):
            yield ROUTE.format(n=n, route=route, version=1 + route % 2)
        yield SPLIT.format(**values)


def two_ports():
    return mesh.free_port(), mesh.free_port()


class Meshed(Way):
    """The real way: an agent, steering at connect, and the proxy that the agent starts."""

    def __init__(self, ground, stack, hosts, routes, servers=None, arguments=()):
        self.mesh = stack.enter_context(mesh.Mesh(agent=False, agent_arguments=arguments))
        places = Ground.places(self.mesh.cgroup)
        first, second = servers(places) if servers else two_ports()
        for at in range(0, hosts, 100):
            self.mesh.write(f"hosts-{at}.yaml", "".join(
                list(objects(hosts, routes, first, second))[at * routes:(at + 100) * routes]))
        # a proxy has as many workers as cores, of those that its agent may use
        self.mesh.start_agent(preexec_fn=ground.seat("proxy"))
        mesh.wait_for(self.pids, 20, "the agent starts the proxy")
        foremost(self.pids()[0])  # it has a session of its own
        places["proxy"] = self.place()
        super().__init__("10.100.0.0:80", places, () if servers else (first, second))
        mesh.wait_for(lambda: self.serves(ground), 20, "the proxy answers")

    def place(self):
        return os.path.join(self.mesh.cgroup, self.mesh.root + "-proxy")

    def pids(self):
        with open(os.path.join(self.place(), "cgroup.procs"), encoding="ascii") as f:
            return [int(pid) for pid in f.read().split()]

    def serves(self, ground):
        """Not the bypass: only the proxy calls itself so."""
        return "server: envoy" in ground.run(
            ["curl", "-s", "-i", f"http://{self.target}/0"], self.places, "client",
            check=False)

    def memory(self):
        """MiB of the process that are its own or its share."""
        with open(f"/proc/{self.pids()[0]}/smaps_rollup", encoding="ascii") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("Pss:")) / 1024


ROWS = (
    Row("l7_rps_vs_haproxy", "l7", "shunt", "haproxy", "requests/s against HAProxy http",
        least=1.25),
    Row("l7_rps_vs_nginx", "l7", "shunt", "nginx", "requests/s against nginx http", least=1.25),
    Row("l7_rps_vs_envoy", "l7", "shunt", "envoy", "requests/s against Envoy http", least=4.5),
    Row("l7_spliced_rps_vs_haproxy", "l7", "spliced", "haproxy",
        "the same with both legs joined", least=1.4),
    Row("l7_spliced_rps_vs_nginx", "l7", "spliced", "nginx", "the same against nginx", least=1.4),
    Row("l7_spliced_rps_vs_envoy", "l7", "spliced", "envoy", "the same against Envoy", least=5.0),
    Row("l7_spliced_cpu_vs_best", "l7", "spliced", "haproxy nginx",
        "the proxy's CPU a request with both legs joined", "proxy_cpu", most=0.7),
    Row("l7_rps_vs_direct", "l7", "shunt", "direct", "requests/s against no proxy"),
    Row("l7_cpu_vs_best", "l7", "shunt", "haproxy nginx",
        "the proxy's CPU a request against the better of HAProxy and nginx", "proxy_cpu",
        most=0.8),
    Row("l7_flat", "l7_flat", "shunt_many", "shunt",
        f"requests/s with {HOSTS:,} hosts of {ROUTES} routes against one of two", least=0.95,
        noise=3),
    Row("l7_p50_vs_haproxy", "l7_one", "shunt", "haproxy", "median latency of one connection",
        "p50", most=1.0),
    Row("l7_p50_vs_direct", "l7_one", "shunt", "direct", "the same against no proxy", "p50"),
    Row("l7_p99_vs_haproxy", "l7_steady", "shunt", "haproxy",
        f"p99 at {STEADY_SHARE:.0%} of HAProxy's peak, from when each request was due", "p99",
        most=1.0, noise=20),
    Row("l7_body_up", "l7_up", "shunt_bulk", "haproxy_bulk", "a body of 1 GiB from the client",
        least=0.9),
    Row("l7_body_down", "l7_down", "shunt_bulk", "haproxy_bulk", "a body of 1 GiB to the client",
        least=0.9),
)

TOOLS = os.path.join(mesh.BUILD, "tools")


def load_read(out):
    facts = json.loads(out)
    return facts["requests"], facts["seconds"], {"p50": facts["p50_us"], "p99": facts["p99_us"]}


def load(name, connections, seconds, rate=None):
    """As many requests as are answered, or so many a second."""
    more = ["--rate", f"{rate:.0f}", "--duration", "2"] if rate else []

    def argv(way):
        servers = [a for port in way.servers for a in ("--serve", f"127.0.0.1:{port}")]
        return [os.path.join(TOOLS, "load"), "--connections", str(connections), "--http", "/0",
                "--header", USER, *more, *servers, way.target]
    return Load(name, argv, load_read, seconds)


def steady(ways):
    """Asks HAProxy for its peak first."""
    peak = ways.measure(load("l7", 64, 1), ["haproxy"], 6, lambda paths: True)
    rates = peak["haproxy"].rates if peak else [1000]
    return load("l7_steady", 64, 30, STEADY_SHARE * statistics.median(rates))


def bulk(how):
    return Load("l7_up" if how == "put" else "l7_down",
                lambda way: [os.path.join(TOOLS, "bulk"), how, str(BODY), way.target],
                lambda out: (BODY >> 20, float(out), {}), 10)


def bulk_servers(ground, places):
    """Two ports that pour and swallow bodies."""
    ports = mesh.free_port(), mesh.free_port()
    ground.spawn([os.path.join(TOOLS, "bulk"), "serve"] + [f"127.0.0.1:{p}" for p in ports],
                 places, "server", ports[0])
    return ports


def direct(ground):
    port = mesh.free_port()
    return Way(f"127.0.0.1:{port}", ground.plain, (port,))


def ways_of(ground, stack):
    def peer(start):
        ports = two_ports()
        return Way(start(ports), ground.plain, ports)

    def bulk_here(places):
        return bulk_servers(ground, places)
    peers = HttpPeers(ground)
    return Ways(ground, {
        "direct": lambda: direct(ground),
        "shunt": lambda: Meshed(ground, stack, 1, 2),
        "spliced": lambda: Meshed(ground, stack, 1, 2, arguments=("--splice", "on")),
        "shunt_many": lambda: Meshed(ground, stack, HOSTS, ROUTES),
        "haproxy": lambda: peer(peers.haproxy),
        "nginx": lambda: peer(peers.nginx),
        "envoy": lambda: peer(peers.envoy),
        "shunt_bulk": lambda: Meshed(ground, stack, 1, 2, bulk_here),
        "haproxy_bulk": lambda: Way(peers.haproxy(bulk_here(ground.plain)), ground.plain)})


def idle(ground):
    """What the proxy has grown by when so many clients each made a request and stay connected."""
    result = Result("l7_idle_mib", f"growth of the proxy by {IDLE:,} idle clients", unit=" MiB",
                    most=40)
    peers = Peers(ground)
    for _ in range(IDLE_ROUNDS):
        with contextlib.ExitStack() as stack:
            way = Meshed(ground, stack, 1, 2, peers.server)
            was = way.memory()
            with mesh.Held(mesh.client_arguments(way.target, {
                    "cgroup": way.places["client"], "count": IDLE, "parallel": 64, "hold": True,
                    "http": "/0"})) as held:
                assert held.tally["ok"] == IDLE, held.tally
                result.values.append(way.memory() - was)
    return result


def run(ground, stack, wanted, rounds):
    """The results of the wanted rows, and what each way did."""
    rows = [row for row in ROWS if wanted(row.name)]
    results, paths = [], []
    with ground.seated(ALONE):
        ways = ways_of(ground, stack) if rows else None
        loads = {"l7": lambda: load("l7", 64, 60),
                 "l7_flat": lambda: load("l7_flat", 64, 30),
                 "l7_one": lambda: load("l7_one", 1, 30),
                 "l7_steady": lambda: steady(ways),
                 "l7_up": lambda: bulk("put"), "l7_down": lambda: bulk("get")}
        for name, make in loads.items():
            if any(row.load == name for row in rows):
                some, taken = ways.all_rows([make()], rows, rounds)
                results += some
                paths += taken
        if wanted("l7_idle_mib"):
            results.append(idle(ground))
    return results, paths

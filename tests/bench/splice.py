# SPDX-License-Identifier: GPL-2.0
"""Rows about connections whose two local ends are joined, and about one stream of bytes."""
import json
import os

import ends
import mesh
from ground import Ground
from peers import Peers, SERVER, program
from ways import Load, Row, Way, Ways, wrk, wrk_read

ENTRY = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: joined}}
spec:
  hosts: [joined.bench]
  addresses: [10.100.0.7]
  ports: [{{number: 80, name: tcp, protocol: TCP}}, {{number: 81, name: tcp-bulk, protocol: TCP}}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - {{address: {address}, ports: {{tcp: {web}, tcp-bulk: {bulk}}}}}
"""

ROWS = (
    Row("l4_spliced_rps_vs_direct", "rps", "spliced", "direct",
        "requests/s of joined ends against no mesh", least=1.5),
    Row("l4_spliced_rps_vs_envoy", "rps", "spliced", "envoy",
        "the same against Envoy tcp_proxy", least=4.0),
    Row("l4_spliced_conn_vs_direct", "conn", "spliced", "direct",
        "connections/s where all are joined against no mesh", least=0.9, noise=3),
    Row("l4_spliced_conn_cpu", "conn", "direct", "spliced",
        "CPU a connection, direct / joined; others on the machine disturb it less", measure="cpu",
        noise=3),
    Row("l4_bulk_vs_direct", "bulk", "plain", "direct", "one stream, bytes/s against no mesh",
        least=0.98, noise=5),
    Row("l4_spliced_bulk_vs_direct", "bulk", "spliced", "direct", "the same of joined ends",
        least=1.0),
    Row("l4_spliced_netns_rps", "netns", "spliced_netns", "direct_netns",
        "requests/s of joined ends between namespaces against no mesh", least=1.4),
)

STREAM = os.path.join(mesh.BUILD, "tools", "stream")
BYTES = 2 << 30


def stream_read(out):
    facts = json.loads(out)
    return facts["bytes"], facts["seconds"], {}


def web(way):
    return f"http://{way.target}/"


LOADS = (
    Load("rps", lambda way: wrk(web(way), 64), wrk_read, 40),
    Load("netns", lambda way: way.inside + wrk(web(way), 64), wrk_read, 40),
    Load("conn", lambda way: wrk(web(way), 16, "-H", "Connection: close"), wrk_read, 60),
    Load("bulk", lambda way: [STREAM, "--waits", "block", "--unchecked", "--block", "131072",
                              "--up", str(BYTES), "--down", "0", way.bulk], stream_read, 60),
)


class Stand:
    """A web server and one for streams, at an address; in a namespace of a pair, or here."""

    def __init__(self, ground, places, address="127.0.0.1", netns=None):
        self.web, self.bulk = mesh.free_port(), mesh.free_port()
        self.address = address
        inside = ["ip", "netns", "exec", netns] if netns else []
        path = os.path.join(ground.folder, f"web-{self.web}.conf")
        with open(path, "w", encoding="utf-8") as f:
            f.write(SERVER.replace("127.0.0.1", address).format(
                folder=ground.folder, first=self.web, second=mesh.free_port()))
        nginx = [program("nginx"), "-p", ground.folder, "-c", path]
        ready = (lambda: True) if netns else self.web
        ground.spawn(inside + nginx, places, "server", ready)
        ground.spawn([*inside, STREAM, "--serve", f"{address}:{self.bulk}"], places, "server",
                     ready)


class Namespaces:
    """A pair of them, made when first wanted."""

    def __init__(self, stack):
        self.stack = stack
        self.made = None

    def get(self):
        if not self.made:
            self.made = [f"bench{os.getpid()}-{n}" for n in "ab"]
            for name in self.made:
                self.stack.callback(mesh.run, "ip", "netns", "del", name, check=False)
            ends.network(*self.made)
        return self.made


def direct(ground, pair=None):
    names = pair.get() if pair else (None, None)
    stand = Stand(ground, ground.plain, "10.88.0.2" if pair else "127.0.0.1", names[1])
    way = Way(f"{stand.address}:{stand.web}", ground.plain)
    way.bulk = f"{stand.address}:{stand.bulk}"
    way.inside = ["ip", "netns", "exec", names[0]] if pair else []
    return way


def meshed(ground, stack, splice, pair=None):
    names = pair.get() if pair else (None, None)
    m = stack.enter_context(mesh.Mesh(agent=False, agent_arguments=["--splice", splice]))
    places = Ground.places(m.cgroup)
    stand = Stand(ground, places, "10.88.0.2" if pair else "127.0.0.1", names[1])
    m.write("joined.yaml", ENTRY.format(**vars(stand)))
    m.start_agent()
    way = Way("10.100.0.7:80", places)
    way.bulk = "10.100.0.7:81"
    way.inside = ["ip", "netns", "exec", names[0]] if pair else []
    way.mesh = m
    return way


def run(ground, stack, wanted, rounds):
    """The results of the wanted rows, and what each way did."""
    rows = [row for row in ROWS if wanted(row.name)]
    if not rows:
        return [], []
    peers, pair = Peers(ground), Namespaces(stack)
    ways = Ways(ground, {
        "direct": lambda: direct(ground),
        "plain": lambda: meshed(ground, stack, "off"),
        "spliced": lambda: meshed(ground, stack, "on"),
        "direct_netns": lambda: direct(ground, pair),
        "spliced_netns": lambda: meshed(ground, stack, "on", pair),
        "envoy": lambda: Way(peers.envoy(), ground.plain)})
    results = ways.all_rows(LOADS, rows, rounds)
    for name in ("spliced", "spliced_netns"):
        way = ways.by_name.get(name)
        assert not way or way.mesh.status()["counters"]["spliced_bytes"], f"{name}: nothing was"
    return results

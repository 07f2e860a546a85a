# SPDX-License-Identifier: GPL-2.0
"""Rows about connections that the kernel steers, beside those through TCP proxies."""
import json

import mesh
from ground import Ground
from peers import Peers
from ways import Fault, Load, Row, Way, Ways, wrk, wrk_read

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

ROWS = (
    Row("l4_rps_vs_direct", "rps", "shunt", "direct", "requests/s against no mesh", least=0.98,
        noise=3),
    Row("l4_rps_vs_envoy", "rps", "shunt", "envoy", "requests/s against Envoy tcp_proxy",
        least=2.5),
    Row("l4_rps_vs_haproxy", "rps", "shunt", "haproxy", "requests/s against HAProxy tcp"),
    Row("l4_rps_vs_nginx", "rps", "shunt", "nginx", "requests/s against nginx stream"),
    Row("l4_conn_vs_direct", "conn", "shunt", "direct", "connections/s against no mesh",
        least=0.95, noise=3),
    Row("l4_conn_vs_haproxy", "conn", "shunt", "haproxy", "connections/s against HAProxy",
        least=2.0),
    Row("l4_conn_vs_nginx", "conn", "shunt", "nginx", "connections/s against nginx stream"),
    Row("l4_conn_vs_envoy", "conn", "shunt", "envoy", "connections/s against Envoy"),
    Row("l4_dial_vs_direct", "dial", "shunt", "direct", "as l4_conn, by 16 blocking clients",
        noise=3),
    Row("l4_rps_cpu_vs_direct", "rps", "direct", "shunt", "CPU a request, direct / shunt",
        measure="cpu", noise=3),
    Row("l4_conn_cpu_vs_direct", "conn", "direct", "shunt",
        "CPU a connection, direct / shunt; others on the machine disturb it less", measure="cpu",
        noise=3),
)


def dial_read(out):
    tally = json.loads(out.splitlines()[-1])
    if tally["ok"] != tally["connections"]:
        raise Fault(f"{tally['connections'] - tally['ok']} connections failed")
    return tally["ok"], 1.0, {}


LOADS = (
    Load("rps", lambda way: wrk(f"http://{way.target}/", 64), wrk_read),
    Load("conn", lambda way: wrk(f"http://{way.target}/", 16, "-H", "Connection: close"),
         wrk_read),
    Load("dial", lambda way: mesh.client_arguments(
        way.target, {"parallel": 16, "duration": 1, "http": "/"}), dial_read),
)


def shunt(stack, peers):
    """Client and server both live where the programs are attached, as on a real host."""
    m = stack.enter_context(mesh.Mesh(agent=False))
    places = Ground.places(m.cgroup)
    first, second = peers.server(places)
    m.write("split.yaml", SPLIT.format(first=first, second=second))
    m.start_agent()
    return Way("10.100.0.1:80", places)


def run(ground, stack, wanted, rounds):
    """The results of the wanted rows, and what each way did."""
    rows = [row for row in ROWS if wanted(row.name)]
    if not rows:
        return [], []
    peers = Peers(ground)
    ways = Ways(ground, {
        "direct": lambda: Way(f"127.0.0.1:{peers.backends[0]}", ground.plain),
        "shunt": lambda: shunt(stack, peers),
        "haproxy": lambda: Way(peers.haproxy(), ground.plain),
        "nginx": lambda: Way(peers.nginx(), ground.plain),
        "envoy": lambda: Way(peers.envoy(), ground.plain)})
    return ways.all_rows(LOADS, rows, rounds)

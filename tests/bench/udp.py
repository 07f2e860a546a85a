# SPDX-License-Identifier: GPL-2.0
"""Rows about datagrams: one client that asks and waits for the answer, directly and steered."""
import json
import os

import mesh
from ground import Ground
from ways import Fault, Load, Row, Way, Ways

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: datagrams}}
spec:
  hosts: [datagrams.bench]
  addresses: [10.100.0.3]
  ports: [{{number: 53, name: udp, protocol: UDP}}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - {{address: 127.0.0.1, ports: {{udp: {first}}}}}
  - {{address: 127.0.0.1, ports: {{udp: {second}}}}}
"""

ROWS = (
    Row("udp_rps_vs_direct", "datagrams", "shunt", "direct",
        "requests/s of a socket that is not connected", least=0.95, noise=3),
    Row("udp_connected_rps_vs_direct", "connected", "shunt", "direct",
        "requests/s of a connected socket", least=0.95, noise=3),
    Row("udp_new_rps_vs_direct", "sockets", "shunt", "direct",
        "requests/s with a new socket for each, as resolvers do", noise=5),
    Row("udp_untouched_rps_vs_direct", "datagrams", "beside", "direct",
        "requests/s to an address that is no service", noise=3),
)


def read(out):
    tally = json.loads(out.splitlines()[-1])
    if not tally["ok"] or tally["source_mismatch"] or tally["timeout"]:
        raise Fault(f"{tally}")
    return tally["answers"], tally["answers"] / tally["per_second"], {}


def load(name, **options):
    return Load(name, lambda way: mesh.client_arguments(way.target, options, mesh.DATAGRAMS), read)


LOADS = (load("datagrams", duration=1), load("connected", duration=1, connected=True),
         load("sockets", count=20000))


class Servers:
    """One process that answers on two ports of loopback."""

    def __init__(self, ground):
        self.ground = ground
        self.ports = {}

    def at(self, places):
        key = places["server"]
        if key not in self.ports:
            first, second, tcp = mesh.free_port(), mesh.free_port(), mesh.free_port()
            self.ground.spawn([os.path.join(mesh.BUILD, "tools", "server"), "--tcp",
                               f"127.0.0.1:{tcp}", "--udp", f"127.0.0.1:{first}", "--udp",
                               f"127.0.0.1:{second}"], places, "server", tcp)
            self.ports[key] = first, second
        return self.ports[key]


def run(ground, stack, wanted, rounds):
    """The results of the wanted rows, and what each way did."""
    rows = [row for row in ROWS if wanted(row.name)]
    if not rows:
        return [], []
    servers, made = Servers(ground), {}

    def places():
        if not made:
            m = made["mesh"] = stack.enter_context(mesh.Mesh(agent=False))
            made["places"] = Ground.places(m.cgroup)
            first, second = servers.at(made["places"])
            m.write("udp.yaml", SERVICE.format(first=first, second=second))
            m.start_agent()
        return made["places"]

    ways = Ways(ground, {
        "direct": lambda: Way(f"127.0.0.1:{servers.at(ground.plain)[0]}", ground.plain),
        "shunt": lambda: Way("10.100.0.3:53", places()),
        "beside": lambda: Way(f"127.0.0.1:{servers.at(places())[0]}", places())})
    return ways.all_rows(LOADS, rows, rounds)

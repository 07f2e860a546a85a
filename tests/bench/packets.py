# SPDX-License-Identifier: GPL-2.0
"""Rows about packets: what those cost that steer by packet, with a million connections open."""
import json
import os

import mesh
import objects
from figures import Result

CONNECTIONS = 1000000
TRAIN = 10  # packets, as many as TCP sends before it hears of the other end (RFC 6928)
SERVICE = "10.100.250.1"
OUTSIDE = "203.0.113.9"


def entry():
    return objects.text(objects.entry("packets.bench", SERVICE,
                                      [("10.201.0.1", 8080, {})]))


def outside():
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "packets"},
               "spec": {"externalIPs": [OUTSIDE], "ports": [{"name": "tcp", "port": 80}]}}
    endpoints = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
                 "metadata": {"name": "packets",
                              "labels": {"kubernetes.io/service-name": "packets"}},
                 "addressType": "IPv4", "ports": [{"name": "tcp", "port": 8080}],
                 "endpoints": [{"addresses": [f"10.201.0.{n}"]} for n in range(1, 5)]}
    return objects.text(service, endpoints)


def measure(tool, root, service, *more):
    return json.loads(mesh.run(os.path.join(mesh.BUILD, "tools", tool), root, f"{service}:80",
                               str(CONNECTIONS), *more, timeout=600).stdout)


def by_tc(own, rounds):
    m = own.enter_context(mesh.Mesh(entry()))
    costs = [measure("packets", m.root, SERVICE, str(TRAIN)) for _ in range(rounds)]
    alone = measure("packets", m.root, SERVICE, "1")
    what = (f"a packet by tc, either way, {CONNECTIONS:,} connections open, of which each sends "
            f"{TRAIN} at a time")
    return Result("tc_ns", what, [(c["pod"] + c["answer"]) / 2 - c["none"] for c in costs], " ns",
                  most=400.0, note=f"one at a time {alone['pod'] - alone['none']:.0f} ns, a first "
                                   f"packet {alone['first']:.0f} ns")


def by_xdp(own, rounds):
    m = own.enter_context(mesh.Mesh(outside()))
    costs = [measure("outside", m.root, OUTSIDE, str(TRAIN)) for _ in range(rounds)]
    alone = measure("outside", m.root, OUTSIDE, "1")
    what = (f"a packet from outside by XDP, {CONNECTIONS:,} connections open, of which each sends "
            f"{TRAIN} at a time")
    return Result("xdp_ns", what, [c["caller"] - c["none"] for c in costs], " ns", most=150.0,
                  note=f"one at a time {alone['caller'] - alone['none']:.0f} ns, a first packet "
                       f"{alone['first']:.0f} ns")


def run(ground, own, wanted, rounds):  # pylint: disable=unused-argument
    rounds = max(5, rounds // 3)
    return [row(own, rounds) for name, row in (("tc_ns", by_tc), ("xdp_ns", by_xdp))
            if wanted(name)], []

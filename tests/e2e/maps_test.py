#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The kernel's maps, dumped with nothing but bpftool, say by themselves what the plan says."""
import contextlib
import ipaddress
import json
import os
import re
import shutil
import subprocess

import yaml

import mesh
import objects
from runner import Skip

# socket storage, a ring buffer, queues: no way to
UNDUMPABLE = {"flows", "events", "original_of", "udp_sessions", "splice_of",
              "conns_free", "conns_half", "conns_closed"}
PLAIN = {"proxy_alive", "splices"}  # of sockets: the kernel takes no types for it
SCHEDULE_BLOCK = 64
POLICIES = ["least_request", "round_robin", "random", "passthrough"]
STEER, UNTOUCHED, REFUSE = 1, 2, 3


@contextlib.contextmanager
def fixture():
    """The examples at once: bookinfo, echo with its limits, mongo; and a subset that is not there."""
    names = ("bookinfo.yaml", "echo.yaml", "limits.yaml", "mongo.yaml")
    everything = [o for name in names for o in yaml.safe_load_all(mesh.example(name))]
    limits = [o for o in yaml.safe_load_all(mesh.example("limits.yaml"))]
    # the rule of limits.yaml stands for the one of echo.yaml, as it does when it is applied
    kept = [o for o in everything if o["kind"] != "DestinationRule" or o in limits or
            o["metadata"]["name"] not in {rule["metadata"]["name"] for rule in limits}]
    more = [objects.service("odd", "reviews", target=9080),
            objects.rule("odd", {"v1": objects.balance("ROUND_ROBIN"),
                                 "v2": objects.balance("RANDOM"), "v3": None}),
            objects.split("odd", {"v1": 3, "gone": 11, "v2": 90, "v3": 0})]
    with mesh.Mesh(objects.text(*kept, *more)) as m:
        yield m


def pins(m):
    return sorted(name for name in os.listdir(os.path.join("/sys/fs/bpf", m.root))
                  if not name.startswith("link_"))


def bpftool():
    found = shutil.which("bpftool") or shutil.which("bpftool", path="/usr/sbin:/sbin")
    if not found:
        raise Skip("no bpftool")
    return found


def elements(m, name):
    """The text of each element of a dump, as it comes: an array has up to half a million."""
    argv = [bpftool(), "-j", "map", "dump", "pinned", f"/sys/fs/bpf/{m.root}/{name}"]
    rest = ""
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as dump:
        for chunk in iter(lambda: dump.stdout.read(1 << 20), ""):
            *whole, rest = (rest + chunk).split('},{"key":[')
            yield from whole
    assert dump.returncode == 0, name
    rest = rest.strip()
    if rest != "[]":
        yield rest.removesuffix("}]")


ELEMENT = re.compile(r'(?:\[\{"key":\[)?.*?\],"(?:value|values)":(.*?),"formatted":'
                     r'\{"key":(.*?),"(?:value|values)":(.*)\}')


def dump(m, name):
    """{key or its JSON text: value} of what is not all zero, and the number of all elements."""
    kept, number, zeros = {}, 0, {}
    for text in elements(m, name):
        number += 1
        match = ELEMENT.fullmatch(text)
        assert match, f"{name} does not decode: {text[:300]}"
        raw, key, value = match.groups()
        if not re.search("[1-9a-f]", raw.replace("0x", "")) and key.isdigit():
            # half a million of them: the same bytes have to read the same
            assert zeros.setdefault(raw, value) == value, (name, key)
        else:
            kept[int(key) if key.isdigit() else key] = json.loads(value)
    return kept, number


def contract():
    """{struct: the names of its fields}, from the headers of include/shunt."""
    headers = sorted(os.listdir(os.path.join(mesh.TREE, "include", "shunt")))
    text = mesh.run("gcc", "-E", "-P", "-I", os.path.join(mesh.TREE, "include"), "-x", "c", "-",
                    input="".join(f"#include <shunt/{name}>\n" for name in headers)).stdout
    return {name: {re.search(r"(\w+)\s*(?:\[[^]]*\])?$", member.strip())[1]
                   for member in body.split(";") if member.strip()}
            for name, body in re.findall(r"struct (\w+)\s*\{([^{}]*)\};", text)}


VALUES = {"service_slots": "service", "routes": "route", "schedules": "schedule", "turns": "turn",
          "clusters": "cluster", "pools": "pool", "charts": "chart", "endpoints": "endpoint",
          "cluster_state": "cluster_state", "endpoint_state": "endpoint_state", "control": "control",
          "cluster_rules": "cluster_rules", "traffic": "traffic",
          "cluster_names": "cluster_name", "counters": "counters", "callers": "caller",
          "scope_names": "scope_name", "originals": "original", "requests": "requests",
          "requests_names": "requests_name", "proxy_turns": "proxy_turn",
          "turn_names": "turn_name", "conns": "conn", "tracking": "tracking"}
HASHES = {"cluster_names", "scope_names", "originals", "requests_names", "turn_names"}
ARRAYS = set(VALUES) - HASHES | {"heartbeat"}


class Maps:
    """All that can be dumped, checked for its shape."""

    def __init__(self, m):
        structs = contract()
        self.maximum = {row["name"]: row["max"] for row in m.json("maps")["maps"]}
        for name in pins(m):
            if name in UNDUMPABLE | PLAIN:
                continue
            kept, number = dump(m, name)
            setattr(self, name, kept)
            assert name not in ARRAYS or number == self.maximum[name], (name, number)
            for value in kept.values():
                self.check(name, value, structs)

    def check(self, name, value, structs):
        if name in ("services", "scopes", "listeners", "heartbeat", "affinity", "service_subnets",
                    "node_devices", "captured", "fragments"):
            assert isinstance(value, int), (name, value)
            return
        for each in value if name == "counters" else [value]:
            each = each["value"] if name == "counters" else each
            assert set(each) == structs[VALUES[name]], (name, each)


def address_text(bytes_):
    at = ipaddress.ip_address(bytes(bytes_))
    return str(at.ipv4_mapped or at) if at.version == 6 else str(at)


def endpoints_of(maps, cluster):
    """[(addresses, port, weight)], after the pools were held against each other."""
    found, at = {}, cluster["first_endpoint"]
    for i in range(2 * cluster["nr_levels"]):
        pool = maps.pools.get(cluster["first_pool"] + i, {"nr": 0})
        assert not pool["nr"] or pool["first"] == at, (cluster, pool)
        for e in [maps.endpoints[at + k] for k in range(pool["nr"])]:
            text = address_text(e["address"])
            assert (":" in text) == i % 2, (cluster, i, e)
            addresses, port, weight = found.setdefault(e["state"], ([], e["port"], e["weight"]))
            addresses.append(text)
            assert (port, weight) == (e["port"], e["weight"]), (cluster, e)
        at += pool["nr"]
    assert at == cluster["first_endpoint"] + cluster["nr_endpoints"], cluster
    texts = [text for addresses, *_ in found.values() for text in addresses]
    families = any(":" not in text for text in texts) * 2 + any(":" in text for text in texts) * 4
    assert cluster["flags"] & 6 == families, (cluster, found)
    return list(found.values())


def destination_of(maps, cluster):
    name = maps.cluster_names[cluster["state"]]
    assert name["generation"] == cluster["generation"], (name, cluster)
    assert maps.cluster_state[cluster["state"]]["generation"] == cluster["generation"]
    assert name["port"] == cluster["port"], (name, cluster)
    return {"host": name["host"], "subset": name["subset"], "port": name["port"],
            "weight": cluster["weight"], "policy": POLICIES[cluster["policy"]],
            "max_connections": cluster["max_connections"] or None,
            "unknown": bool(cluster["flags"] & 1), "endpoints": endpoints_of(maps, cluster)}


def schedule_of(maps, route):
    zero = {"pick": [0] * SCHEDULE_BLOCK}
    length, picks = route["schedule_length"], []
    for block in range(-(-length // SCHEDULE_BLOCK)):
        picks += maps.schedules.get(route["schedule"] + block, zero)["pick"]
    return picks[:length]


def read_kernel(maps):
    """{(address, port, scope): (kind, [destination], [pick])}"""
    found = {}
    for text, slot in maps.services.items():
        key, service = json.loads(text), maps.service_slots[slot]
        assert service["key"] == key and key["protocol"] == 6, (key, service)
        index, generation = service["word"] & 0xffffffff, service["word"] >> 32
        route = maps.routes[index]
        assert route["generation"] == generation, (service, route)
        first = route["first_cluster"]
        destinations = [destination_of(maps, maps.clusters[first + i])
                        for i in range(route["nr_clusters"])]
        place = address_text(key["address"]), key["port"], key["scope"]
        found[place] = route["kind"], destinations, schedule_of(maps, route)
    return found


def read_plan(plan):
    """{(address, port, scope): [destination]} of what the JSON plan steers."""
    found = {}
    for host in plan["hosts"]:
        for port in host["ports"]:
            assert port["verdict"] == "kernel" and not port["host_only"], port
            for address in host["addresses"]:
                found[address, port["port"], 0] = port["route"]["destinations"]
    return found


def assert_same(kernel, planned):
    names = ("host", "subset", "port", "weight", "policy", "max_connections")
    assert len(kernel) == len(planned), (kernel, planned)
    for has, wants in zip(kernel, planned):
        assert {n: has[n] for n in names} == {n: wants[n] for n in names}, (has, wants)
        assert has["unknown"] == (wants["unknown"] is not None), (has, wants)
        endpoints = [(e["addresses"], e["port"], e["weight"]) for e in wants["endpoints"]]
        assert has["endpoints"] == endpoints, (has, wants)


def test_every_pinned_map_reads_as_the_plan_without_a_decoder(m):
    plan = m.json("plan", "-f", m.config)
    maps = Maps(m)
    kernel, planned = read_kernel(maps), read_plan(plan)
    assert set(kernel) == set(planned) and len(planned) >= 13, (set(kernel), set(planned))
    for place, destinations in planned.items():
        kind, has, picks = kernel[place]
        assert_same(has, destinations)
        assert kind == STEER, (place, kind)
        weights = [d["weight"] for d in destinations]
        assert len(picks) == (sum(weights) if len(weights) > 1 else 0), (place, picks)
        for n in range(1, len(picks) + 1):
            for i, weight in enumerate(weights):
                assert abs(picks[:n].count(i) * len(picks) - n * weight) < len(picks), (place, n)
    # the examples have to bring out every kind of answer
    everything = [d for _, has, _ in kernel.values() for d in has]
    assert {d["policy"] for d in everything} == set(POLICIES[:3]), everything
    assert {d["max_connections"] for d in everything} == {None, 100}
    assert [d["subset"] for d in everything if d["unknown"]] == ["gone", "gone"]
    assert any(len(e[0]) == 2 for d in everything for e in d["endpoints"])
    status = m.status()
    assert maps.control[0]["plan"] == status["plan"] and maps.control[0]["layout"] > 0
    # that of the host; no rule asks who the pods are; other namespaces are nobody's
    words = [c["word"] for c in maps.callers.values() if not c["word"] & 4 << 32]
    assert words.count(0) == len(m.pods.by_name) and words.count(1) == 1, maps.callers


def test_counts_read_the_same_with_bpftool_as_with_shunt(m):
    target = objects.targets(m, "echo")[0]
    with m.hold(target, count=12, http="/"):
        tally = m.client(target, count=20, http="/")
        assert tally["ok"] == 20, tally
        mesh.wait_for(lambda: m.status()["counters"]["closed"] == 20)
        (counters,) = dump(m, "counters")[0].values()
        for name, number in m.status()["counters"].items():
            assert sum(cpu["value"][name] for cpu in counters) == number, name
        names, states = dump(m, "cluster_names")[0], dump(m, "cluster_state")[0]
        shown = {(c["host"], c["port"], c["subset"]): c for c in m.json("clusters")["clusters"]}
        assert len(names) == len(shown)
        for slot, name in names.items():
            row = shown[name["host"], name["port"], name["subset"]]
            for field in ("opened", "connected", "refused_limit", "connect_failed"):
                assert states[slot][field] == row[field], (name, field)
        assert sum(states[slot]["opened"] for slot in names) == 32


def test_shunt_maps_lists_exactly_the_pins(m):
    rows = m.json("maps")["maps"]
    assert sorted(row["name"] for row in rows) == pins(m), (rows, pins(m))
    for row in rows:
        assert len(row["name"]) <= 15, row
        assert row["path"] == f"/sys/fs/bpf/{m.root}/{row['name']}" and row["holds"], row
        if row["name"] not in UNDUMPABLE:
            assert row["dump"] == f"bpftool map dump pinned {row['path']}", row
            info = json.loads(mesh.run(bpftool(), "-j", "map", "show", "pinned",
                                       row["path"]).stdout)
            assert info["name"] == row["name"], info
            assert row["name"] in PLAIN or info["btf_id"], info
            assert info["max_entries"] == row["max"], info
    lines = m.shunt("maps").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:] if line] == [row["name"] for row in rows]


def test_used_counts_what_is_there(m):
    used = {row["name"]: row["used"] for row in m.json("maps")["maps"]}
    assert used["services"] == used["service_slots"] == len(dump(m, "services")[0])
    assert used["cluster_names"] == used["cluster_state"] == len(dump(m, "cluster_names")[0])
    assert used["scopes"] == used["callers"] > len(m.pods.by_name)
    assert used["control"] == 1


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Callers from outside of a node reach its services: node ports, external and load balancers'
addresses, over local and remote endpoints; by tc, by XDP in the driver and by generic XDP."""
import contextlib
import os
import socket

import frames as f
import load
import mesh
import node
import objects

WAYS = ("tc", "native", "generic")
EXTERNAL = ("203.0.113.5", "2001:db8:5::5")
BALANCER = "203.0.113.6"
LOCAL = {"web-v1-0", "web-v1-1"}
MIB = 1 << 20


def far_pod(app="web", name="web-far"):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "labels": {"app": app, "version": "v2"}},
            "spec": {"nodeName": "far",
                     "containers": [{"name": "server", "ports": [{"containerPort": 8080}]}]},
            "status": {"podIP": node.FAR4, "podIPs": [{"ip": node.FAR4}, {"ip": node.FAR6}],
                       "conditions": [{"type": "Ready", "status": "True"}]}}


def service(name, node_port, app="web", protocol="TCP", **spec):
    one = objects.service(name, app)
    one["spec"].update({"type": "NodePort", **spec})
    one["spec"]["ports"][0].update(nodePort=node_port, protocol=protocol)
    return one


def everything():
    """Each test has a service of its own."""
    balanced = service("balanced", 30081, externalIPs=list(EXTERNAL))
    balanced["spec"]["type"] = "LoadBalancer"
    balanced["status"] = {"loadBalancer": {"ingress": [{"ip": BALANCER}]}}
    local = service("local", 30082, externalTrafficPolicy="Local")
    nobody = service("nobody", 30083, app="nobody")
    nobody_here = service("elsewhere", 30084, app="far", externalTrafficPolicy="Local")
    return objects.text(
        far_pod(), far_pod("far", "far-0"), service("web", 30080), balanced, local, nobody,
        nobody_here,
        service("split", 30085), objects.rule("split", ["v1", "v2"]),
        objects.split("split", {"v1": 75, "v2": 25}),
        service("few", 30086), objects.rule("few", [], objects.limit(3)),
        service("sticky", 30087),
        objects.rule("sticky", [], {"loadBalancer": {"consistentHash": {"useSourceIp": True}}}),
        service("dns", 30088, protocol="UDP"))


class World:
    """One node and its mesh; the agent runs with the hook that a test wants."""

    def __init__(self, m):
        self.m = m
        self.way = None

    def by(self, way):
        if self.way == way:
            return self.m
        if self.way:
            self.m.stop_agent()
        self.way = way
        self.m.agent_arguments[2:] = ["--outside", way]
        self.m.start_agent()
        assert hooks(self.m) == {"eth0": way}, self.m.status()["outside"]
        return self.m


@contextlib.contextmanager
def far_server():
    pidfile = f"/tmp/{node.PREFIX}far.pid"
    mesh.run("ip", "netns", "exec", node.FAR, os.path.join(mesh.BUILD, "tools", "server"),
             "--name", "web-far", "--version", "v2", "--tcp", "--udp", "--listen", "0.0.0.0:8080",
             "--listen", "[::]:8080", "--listen", "0.0.0.0:8081", "--daemon", "--pidfile", pidfile)
    try:
        yield
    finally:
        with open(pidfile, encoding="utf-8") as f:
            os.kill(int(f.read()), 15)
        os.unlink(pidfile)


@contextlib.contextmanager
def fixture():
    node.up()
    pods = objects.text(objects.deployment("web", "v1", 2, (8080, 8081), args="--tcp --udp"),
                        objects.deployment("next", "v3", ports=(8080, 8081), args="--tcp"))
    with far_server(), node.Node(pods=pods, agent=False) as m:
        m.write("objects.yaml", everything())
        yield World(m)


def at(port):
    return f"{node.NODE4}:{port}", f"[{node.NODE6}]:{port}"


def hooks(m):
    return {d["device"]: d["hook"] for d in m.status()["outside"]["devices"]}


def cluster(m, host):
    return next(c for c in m.json("clusters")["clusters"] if c["host"].split(".")[0] == host)


def idle(m, host):
    m.wait_for(lambda: cluster(m, host)["active"] == 0, 20, f"{host} is idle")


def ask(target, data=b"x", netns=node.OUTSIDE):
    """[pod, version, peer] of one datagram."""
    host, _, port = target.rpartition(":")
    family = socket.AF_INET6 if "[" in host else socket.AF_INET

    def call():
        with socket.socket(family, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect((host.strip("[]"), int(port)))
            s.send(data)
            return s.recv(2048).decode().split()

    return node.inside(netns, call)


def is_refused(target, netns=node.OUTSIDE):
    try:
        node.greeting(target, netns, 3)
    except ConnectionRefusedError:
        return True
    return False


def answers(target):
    """The pod, if it is reached."""
    try:
        return node.greeting(target, timeout=2)[0]
    except OSError:
        return None


# What is so by each of the ways.

def check_a_node_port_reaches_local_and_remote_pods(m):
    for target, caller, own in zip(at(30080), (node.OUTSIDE4, node.OUTSIDE6),
                                   (node.NODE4, node.NODE6)):
        seen = [node.greeting(target) for _ in range(16)]
        assert {pod for pod, _, _ in seen} == {*LOCAL, "web-far"}, seen
        for pod, _, peer in seen:
            address = peer.rpartition(":")[0].strip("[]")
            assert address == (caller if pod in LOCAL else own), seen
    idle(m, "web")


def check_external_and_balancers_addresses_are_reached(m):
    for target in (f"{EXTERNAL[0]}:80", f"[{EXTERNAL[1]}]:80", f"{BALANCER}:80", *at(30081)):
        assert node.greeting(target)[0] in {*LOCAL, "web-far"}
    idle(m, "balanced")


def check_policy_local_keeps_to_the_node(m):
    for target, caller in zip(at(30082), (node.OUTSIDE4, node.OUTSIDE6)):
        seen = [node.greeting(target) for _ in range(10)]
        assert {pod for pod, _, _ in seen} == LOCAL, seen
        assert all(caller in peer for _, _, peer in seen), seen
    idle(m, "local")


def check_whoever_has_no_endpoint_is_refused_at_once(m):
    before = m.status()["counters"]["refused_no_endpoint"]
    for target in (*at(30083), *at(30084)):
        assert is_refused(target), target
    assert m.status()["counters"]["refused_no_endpoint"] == before + 4


def check_a_split_is_exact(m):
    tally = node.client(at(30085)[0], count=100, print_sequence=True)
    load.assert_none_failed(tally)
    versions = [version for _, version in tally["sequence"]]
    for n in range(1, 101):
        assert abs(4 * versions[:n].count("v1") - 3 * n) < 8, versions[:n]
    assert versions.count("v1") == 75
    idle(m, "split")


def check_a_limit_holds_and_is_given_back(m):
    target = at(30086)[0]
    held = mesh.Held(mesh.client_arguments(target, {"netns": node.OUTSIDE, "hold": True,
                                                    "count": 3, "parallel": 3}))
    with held:
        assert held.tally["ok"] == 3, held.tally
        assert cluster(m, "few")["active"] == 3
        assert all(is_refused(t) for t in at(30086))
    idle(m, "few")
    assert node.greeting(target)


def check_a_caller_keeps_its_endpoint_by_its_address(m):
    for target in at(30087):
        seen = [node.greeting(target)[0] for _ in range(8)]
        assert len(set(seen)) == 1, seen
    idle(m, "sticky")


def check_datagrams_are_answered(m):
    for target, caller in zip(at(30088), (node.OUTSIDE4, node.OUTSIDE6)):
        seen = [ask(target) for _ in range(16)]
        assert {pod for pod, _, _ in seen} == {*LOCAL, "web-far"}, seen
        assert all(caller in peer for pod, _, peer in seen if pod in LOCAL), seen
    del m


def check_streams_come_through_whole(m):
    sent = os.urandom(MIB)

    def echo(target):
        host, _, port = target.rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), 10) as s:
            f = s.makefile("rb")
            pod = f.readline().decode().split()[0]
            s.setblocking(False)
            got, at_ = bytearray(), 0
            s.settimeout(10)
            while len(got) < len(sent):
                if at_ < len(sent):
                    at_ += s.send(sent[at_:at_ + 65536])
                got += f.read1(MIB) if len(got) < at_ else b""
            assert bytes(got) == sent
            return pod

    for target in at(30080):
        pods = {node.inside(node.OUTSIDE, lambda t=target: echo(t)) for _ in range(12)}
        assert "web-far" in pods and pods & LOCAL, pods
    idle(m, "web")


def check_callers_on_the_node_are_steered_at_their_sockets(m):
    for target in (*at(30080), f"{EXTERNAL[0]}:80", f"[{EXTERNAL[1]}]:80", f"{BALANCER}:80",
                   at(30082)[0]):
        for pod in (None, "web-v1-0"):
            load.assert_none_failed(m.client(target, pod=pod, count=4))


def check_the_node_and_its_other_ports_stay_as_they_are(m):
    del m
    with socket.create_server((node.NODE4, 0)) as s:
        port = s.getsockname()[1]
        with node.inside(node.OUTSIDE,
                         lambda: socket.create_connection((node.NODE4, port), 5)) as c:
            one, peer = s.accept()
            assert peer == c.getsockname()
            one.close()
    assert is_refused(f"{node.NODE4}:30999")


def check_a_service_changes_under_load_and_no_connection_fails(m):
    def moves(node_port, target, app, address="203.0.113.7"):
        one = service("moves", node_port, app, externalIPs=[address])
        one["spec"]["ports"][0]["targetPort"] = target
        m.write("moves.yaml", objects.text(one))

    moves(30090, 8080, "web")
    mesh.wait_for(lambda: answers("203.0.113.7:80"), 20)
    with load.Load(node.Callers(m), "203.0.113.7:80", http=None) as run:
        for node_port, target, app in ((30091, 8080, "web"), (30091, 8081, "web"),
                                       (30092, 8081, "next"), (30092, 8080, "next")):
            moves(node_port, target, app)
            new = f"{node.NODE4}:{node_port}"
            mesh.wait_for(lambda n=new, a=app: (answers(n) or "").startswith(a), 20, new)
            run.wait(50)
        tally = run.end()
    load.assert_none_failed(tally)
    assert set(tally["by_pod"]) == {*LOCAL, "web-far", "next-v3-0"}, tally
    assert is_refused(f"{node.NODE4}:30090") and is_refused(f"{node.NODE4}:30091")
    m.remove("moves.yaml")
    mesh.wait_for(lambda: is_refused(f"{node.NODE4}:30092"), 20)


def check_connections_go_on_without_an_agent(m):
    target = at(30080)[0]
    m.kill_agent()
    assert {node.greeting(target)[0] for _ in range(16)} == {*LOCAL, "web-far"}
    m.start_agent()
    idle(m, "web")


def tests():
    """In the order of the ways, as each of them is another agent."""
    checks = [(name[6:], f) for name, f in globals().items() if name.startswith("check_")]
    for way in WAYS:
        for name, check in checks:
            globals()[f"test_{name}_by_{way}"] = (
                lambda world, check=check, way=way: check(world.by(way)))


tests()


def test_addresses_that_come_and_go_are_followed(world):
    m = world.by("native")
    node.ip("address", "add", "198.18.0.2/24", "dev", "eth0")
    mesh.wait_for(lambda: answers("198.18.0.2:30080"), 10)
    assert "198.18.0.2" in m.status()["outside"]["addresses"]
    node.ip("address", "del", "198.18.0.2/24", "dev", "eth0")
    mesh.wait_for(lambda: "198.18.0.2" not in m.status()["outside"]["addresses"], 10)


def test_a_flood_of_first_packets_leaves_live_connections_alone(world):
    m = world.by("native")
    target = at(30080)[0]
    with mesh.Held(mesh.client_arguments(target, {"netns": node.OUTSIDE, "hold": True, "count": 20,
                                                  "parallel": 20})) as held:
        assert held.tally["ok"] == 20
        node.inside(node.OUTSIDE, lambda: flood(300000))
        assert m.status()["counters"]["evicted_half_open"] > 0
        assert cluster(m, "web")["active"] >= 20
        mesh.wait_for(lambda: answers(target), 10)
    assert held.tally["ok"] == 20


def flood(n):
    """So many first packets of as many callers to one node port."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
        s.bind(("eth0", 0))
        there = bytes.fromhex(link_address().replace(":", ""))
        for i in range(n):
            source = f"198.19.{i >> 8 & 255}.{i & 255}"
            frame = f.tcp(source, 1024 + (i >> 16), node.NODE4, 30082)
            with contextlib.suppress(OSError): # the device is full
                s.send(there + frame[6:])
    return True


def link_address():
    return mesh.run("ip", "-n", node.OUTSIDE, "neigh", "show", node.NODE4).stdout.split()[4]


def test_an_agent_that_is_told_so_takes_the_programs_away(world):
    m = world.by("native")
    assert not is_refused(at(30080)[0])
    m.stop_agent()
    world.way = "off"
    m.agent_arguments[2:] = ["--outside", "off"]
    m.start_agent()
    assert "xdp" not in mesh.run("ip", "link", "show", "eth0").stdout
    assert not [p for p in os.listdir(f"/sys/fs/bpf/{m.root}") if p.startswith("link_node")]
    mesh.wait_for(lambda: is_refused(at(30080)[0]))


def test_nothing_is_left_behind(world):
    m = world.by("native")
    assert "xdp" in mesh.run("ip", "link", "show", "eth0").stdout
    m.shunt("unload", "--force")
    assert "xdp" not in mesh.run("ip", "link", "show", "eth0").stdout
    assert not os.path.exists(f"/sys/fs/bpf/{m.root}")
    assert "clsact" not in mesh.run("tc", "qdisc", "show", "dev", "eth0").stdout
    assert is_refused(at(30080)[0])


if __name__ == "__main__":
    mesh.run_tests()

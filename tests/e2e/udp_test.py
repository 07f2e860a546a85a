#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""UDP services: connected sockets and others, what they see, and where they go when things change."""
import contextlib
import json
import os
import subprocess
import sys

import mesh
import objects

VERSIONS = ["v1", "v2", "v3", "v4"]


@contextlib.contextmanager
def fixture():
    """Four pods of the app `web`, one a version, that answer datagrams; the tests apply the rest."""
    pods = objects.text(*(objects.deployment("web", v, args="--tcp --udp") for v in VERSIONS))
    with mesh.Mesh(pods=pods) as m:
        yield m


def ips(m, versions=tuple(VERSIONS)):
    return [(m.pods.by_name[f"web-{v}-0"][key], 8080, {"version": v})
            for v in versions for key in ("ipv4", "ipv6")]


def udp_service(host, address, endpoints, more_ports=(), **spec):
    """A ServiceEntry with a UDP port 53."""
    e = objects.entry(host, address, [], 53, **spec)
    e["spec"]["ports"] = [{"number": 53, "name": "udp", "protocol": "UDP"}, *more_ports]
    e["spec"]["endpoints"] = [
        {"address": at, "labels": labels,
         "ports": {"udp": port, **{p["name"]: port for p in more_ports}}}
        for at, port, labels in endpoints]
    return e


def udp_split(host, weights):
    route = objects.split(host, weights)
    route["spec"]["tcp"][0]["match"] = [{"port": 53}]
    return route


def in_force(m, name, address, versions=tuple(VERSIONS), weights=None, policy=None, **spec):
    """A UDP service over the pods of these versions at an IPv4 and an IPv6 address."""
    host = f"{name}.test"
    e = udp_service(host, address, ips(m, versions), **spec)
    e["spec"]["addresses"] = list(address)
    made = [e]
    if weights or policy:
        made.append(objects.rule(host, VERSIONS, policy))
    if weights:
        made.append(udp_split(host, weights))
    m.apply(objects.text(*made))
    return [f"[{a}]:53" if ":" in a else f"{a}:53" for a in address]


def counted(m, *names):
    counters = m.status()["counters"]
    return [counters[name] for name in names]


def assert_seen_right(tally, what=""):
    assert tally["source_mismatch"] == 0 == tally["peername_mismatch"], (what, tally)
    assert tally["timeout"] == 0 == tally["other"], (what, tally)


KINDS = [(family, connected) for family in (4, 6, "mapped") for connected in (True, False)]


def test_every_kind_of_socket_is_balanced_and_sees_what_it_dialled(m):
    four, six = in_force(m, "kinds", ("10.100.40.1", "fd00:96::4001"))
    for pod in (None, "web-v1-0"):
        for family, connected in KINDS:
            tally = m.datagrams(six if family == 6 else four, pod=pod, family=family,
                                connected=connected, count=60, each=3)
            assert tally["ok"] == 60 and tally["answers"] == 180, (family, connected, tally)
            assert_seen_right(tally, (family, connected))
            assert set(tally["by_version"]) == set(VERSIONS), (family, connected, tally)
            assert tally["moved"] == 0, (family, connected, tally)


def test_round_robin_goes_round_over_sockets(m):
    four, six = in_force(m, "round", ("10.100.40.2", "fd00:96::4002"),
                         policy=objects.balance("ROUND_ROBIN"))
    for target in (four, six):
        for connected in (True, False):
            tally = m.datagrams(target, connected=connected, count=40, each=2)
            assert tally["by_version"] == dict.fromkeys(VERSIONS, 10), tally


def test_a_split_is_exact_over_sockets(m):
    four, six = in_force(m, "split", ("10.100.40.3", "fd00:96::4003"),
                         weights={"v1": 75, "v2": 25})
    got = []
    for i, target in enumerate((four, six, four, four, six)):
        tally = m.datagrams(target, count=21, each=2, connected=i % 2 == 0, print_sequence=True)
        assert_seen_right(tally)
        got += [version for _, version in tally["sequence"]]
    for n in range(1, len(got) + 1):
        assert abs(got[:n].count("v1") * 4 - 3 * n) < 4, (n, got[:n])


WORKER = """
import json, os, socket, sys
with open(sys.argv[1] + "/cgroup.procs", "w") as f:
    f.write(str(os.getpid()))
socks = {}
for line in sys.stdin:
    name, what, *rest = json.loads(line)
    out = None
    try:
        if what == "socket":
            socks[name] = socket.socket(rest[0], socket.SOCK_DGRAM)
            socks[name].settimeout(5)
        elif what == "ask":
            socks[name].sendto(b"?", tuple(rest[0]))
            data, peer = socks[name].recvfrom(100)
            out = [data.decode().split()[1], *peer[:2]]
        elif what == "send":
            socks[name].sendto(b"?", tuple(rest[0]))
        elif what == "say":
            socks[name].send(b"?")
            out = socks[name].recv(100).decode().split()[1]
        elif what == "receive":
            data, peer = socks[name].recvfrom(100)
            out = [data.decode().split()[1], *peer[:2]]
        elif what == "forget":
            import ctypes
            ctypes.CDLL(None).connect(socks[name].fileno(), bytes(16), 16)
        else:
            out = getattr(socks[name], what)(*[tuple(r) if isinstance(r, list) else r for r in rest])
    except OSError as e:
        out = e.__class__.__name__
    print(json.dumps(out), flush=True)
"""


class Worker:
    """A process with UDP sockets, told what to do with them."""

    def __init__(self, m):
        self.process = subprocess.Popen([sys.executable, "-c", WORKER, m.cgroup], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, name, what, *rest):
        self.process.stdin.write(json.dumps([name, what, *rest]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the worker died"
        return json.loads(line)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


INET, INET6 = 2, 10


def test_one_socket_talks_to_several_services(m):
    services = {f"10.100.41.{i}": VERSIONS[i % 4] for i in range(1, 9)}
    for address, version in services.items():
        in_force(m, f"several-{address.split('.')[3]}", (address,), versions=(version,))
    with Worker(m) as w:
        w("s", "socket", INET)
        for _ in range(3):
            for address, version in services.items():
                assert w("s", "ask", [address, 53]) == [version, address, 53], address
        # all are asked before any answer is read: each answer names its own service
        for address in services:
            w("s", "send", [address, 53])
        got = {tuple(w("s", "receive")) for _ in services}
        # two services with one pod are told apart by the last that was spoken to
        assert {version for version, _, _ in got} == set(VERSIONS), got
        assert all(services[address] == version for version, address, _ in got), got


def test_a_conversation_stays_and_leaves_an_endpoint_that_is_gone(m):
    def host(versions):
        return in_force(m, "gone", ("10.100.40.4",), versions=versions)

    host(VERSIONS)
    at = ["10.100.40.4", 53]
    with Worker(m) as w:
        for name in "abcdefgh":
            w(name, "socket", INET)
        first = {name: w(name, "ask", at)[0] for name in "abcdefgh"}
        for _ in range(3):
            assert {name: w(name, "ask", at)[0] for name in "abcdefgh"} == first
        gone = first["a"]
        left = [v for v in VERSIONS if v != gone]
        host(left)
        for name, version in first.items():
            got = w(name, "ask", at)
            assert got[1:] == at, got
            assert got[0] == version if version != gone else got[0] in left, (name, version, got)
        second = {name: w(name, "ask", at)[0] for name in "abcdefgh"}
        assert gone not in second.values()
        # it comes back: those who left it stay where they are
        host(VERSIONS)
        assert {name: w(name, "ask", at)[0] for name in "abcdefgh"} == second


def test_nothing_needs_the_agent(m):
    four, _ = in_force(m, "dead", ("10.100.40.5", "fd00:96::4005"), weights={"v1": 3, "v2": 1})
    at = ["10.100.40.5", 53]
    with Worker(m) as w:
        w("s", "socket", INET)
        before = w("s", "ask", at)
        got = m.datagrams(four, count=5, print_sequence=True)["sequence"]
        m.kill_agent()
        assert w("s", "ask", at) == before
        for connected in (True, False):
            tally = m.datagrams(four, count=9, connected=connected, print_sequence=True)
            assert_seen_right(tally)
            got += tally["sequence"]
        m.start_agent()
        assert w("s", "ask", at) == before
        got += m.datagrams(four, count=10, print_sequence=True)["sequence"]
    versions = [version for _, version in got]
    for i in range(len(versions) - 3):
        assert versions[i:i + 4].count("v1") == 3, (i, versions)


def cluster(m, host):
    return next(c for c in m.json("clusters")["clusters"] if c["host"] == host)


def test_connected_sockets_count_and_others_pass_by(m):
    four, _ = in_force(m, "limited", ("10.100.40.6", "fd00:96::4006"), policy=objects.limit(3))
    at = ["10.100.40.6", 53]
    with m.hold(four, program=mesh.DATAGRAMS, connected=True, count=5) as held:
        assert held.tally["ok"] == 3 and held.tally["errors"] == {"ECONNREFUSED": 2}, held.tally
        assert cluster(m, "limited.test")["active"] == 3
        assert m.datagrams(four, count=2, connected=True)["refused"] == 2
        # no new conversation while the limit is reached
        assert m.datagrams(four, count=2)["refused"] == 2
    mesh.wait_for(lambda: cluster(m, "limited.test")["active"] == 0)
    assert m.datagrams(four, count=50)["ok"] == 50
    assert cluster(m, "limited.test")["active"] == 0
    with Worker(m) as w:
        w("s", "socket", INET)
        for _ in range(5):  # each connect gives back what the last one held
            w("s", "connect", at)
            assert w("s", "getpeername") == at
            assert w("s", "say") in VERSIONS
            assert cluster(m, "limited.test")["active"] == 1
        # by its own name and by send() it speaks to one endpoint
        assert w("s", "ask", at)[0] == w("s", "say")
    mesh.wait_for(lambda: cluster(m, "limited.test")["active"] == 0)


def test_a_service_without_an_endpoint_is_refused(m):
    four, six = in_force(m, "none", ("10.100.40.7", "fd00:96::4007"), weights={"v1": 1, "no": 1})
    del six
    tally = m.datagrams(four, count=4)
    assert tally["ok"] == 2 and tally["errors"] == {"ECONNREFUSED": 2}, tally
    m.apply(objects.text(udp_service("empty.test", "10.100.40.8", [])))
    before = counted(m, "refused_no_endpoint")[0]
    for connected in (True, False):
        assert m.datagrams("10.100.40.8:53", count=3, connected=connected)["refused"] == 3
    assert counted(m, "refused_no_endpoint")[0] == before + 6


def test_tcp_and_udp_of_one_port_are_two_services(m):
    e = udp_service("udp-alone.test", "10.100.40.9", ips(m, ("v1", "v2")))
    other = objects.entry("tcp-alone.test", "10.100.40.10", ips(m, ("v3",)), 53)
    m.apply(objects.text(e, other))
    # the TCP port of a UDP service is no service, and the other way round
    before = counted(m, "steered", "untouched")
    assert m.client("10.100.40.9:53", timeout=100)["ok"] == 0
    assert m.datagrams("10.100.40.10:53", timeout=100)["ok"] == 0
    assert counted(m, "steered", "untouched") == [before[0], before[1] + 2]
    both = objects.service("both", "web", port=53)
    both["spec"]["ports"].append({"name": "udp", "port": 53, "targetPort": 8080,
                                  "protocol": "UDP"})
    m.apply(objects.text(both, objects.rule("both", VERSIONS),
                         udp_split("both", {"v1": 3, "v2": 1})))
    four, six = objects.targets(m, "both", 53)
    for target in (four, six):
        assert m.client(target, count=20)["by_version"] == {"v1": 15, "v2": 5}
        assert m.datagrams(target, count=40)["by_version"] == {"v1": 30, "v2": 10}
    rows = [c for c in m.json("clusters")["clusters"] if c["host"].startswith("both.")]
    opened = {(r["protocol"], r["subset"]): r["opened"] for r in rows}
    assert opened == {("tcp", "v1"): 30, ("tcp", "v2"): 10,
                      ("udp", "v1"): 60, ("udp", "v2"): 20}, rows


def test_what_is_no_service_is_untouched(m):
    pod = m.pods.by_name["web-v1-0"]
    before = counted(m, "steered")
    for target, family in ((f"{pod['ipv4']}:8080", 4), (f"{pod['ipv4']}:8080", "mapped"),
                           (f"[{pod['ipv6']}]:8080", 6)):
        for connected in (True, False):
            tally = m.datagrams(target, family=family, connected=connected, count=5, each=2)
            assert tally["by_pod"] == {"web-v1-0": 5}, tally
            assert_seen_right(tally)
    assert counted(m, "steered") == before


def test_a_server_with_registry_only_may_answer_strangers(m):
    strict = {"apiVersion": objects.NETWORKING, "kind": "Sidecar",
              "metadata": {"name": "strict", "namespace": "default"},
              "spec": {"egress": [{"hosts": ["*/*"]}],
                       "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"}}}
    m.apply(objects.text(strict))
    try:
        at = m.pods.by_name["web-v2-0"]["ipv4"] + ":8080"
        mesh.wait_for(lambda: m.client(at, pod="web-v1-0", count=1)["refused"] == 1)
        for connected in (True, False):  # what it sends is no more than an answer would be
            assert m.datagrams(at, pod="web-v1-0", count=3, connected=connected)["ok"] == 3
    finally:
        m.shunt("delete", "sidecar", "strict")


def test_answers_of_strangers_keep_their_address(m):
    in_force(m, "stranger", ("10.100.40.12",), versions=("v1",))
    stranger = m.pods.by_name["web-v2-0"]["ipv4"]
    with Worker(m) as w:
        w("s", "socket", INET)
        assert w("s", "ask", ["10.100.40.12", 53]) == ["v1", "10.100.40.12", 53]
        assert w("s", "ask", [stranger, 8080]) == ["v2", stranger, 8080]
        # connected to one service, a datagram to another goes there; its answer is not for us
        w("c", "socket", INET)
        w("c", "connect", ["10.100.40.12", 53])
        w("c", "send", [stranger, 8080])
        assert w("c", "say") == "v1"
        # no longer connected: any answer is taken again
        w("c", "forget")
        assert w("c", "ask", [stranger, 8080]) == ["v2", stranger, 8080]


@contextlib.contextmanager
def host_servers(m, number):
    """On the host's loopback, named v1, v2, …; their ports."""
    running, ports = [], []
    try:
        for i in range(1, number + 1):
            ports.append(mesh.free_port())
            argv = [os.path.join(mesh.BUILD, "tools", "server"), "--name", f"v{i}", "--version",
                    f"v{i}", "--listen", f"127.0.0.1:{ports[-1]}", "--udp", "--pidfile",
                    f"{m.folder}/udp-{i}.pid"]
            running.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL))
        mesh.wait_for(lambda: all(os.path.exists(f"{m.folder}/udp-{i}.pid")
                                  for i in range(1, number + 1)))
        yield ports
    finally:
        for process in running:
            process.terminate()
            process.wait()


def test_the_source_of_a_bound_socket_decides_where_its_hash_does(m):
    with host_servers(m, 3) as ports, Worker(m) as w:
        at = ["10.100.40.13", 53]
        m.apply(objects.text(
            udp_service("hashed.test", at[0], [("127.0.0.1", port, {}) for port in ports]),
            objects.rule("hashed.test", [],
                         {"loadBalancer": {"consistentHash": {"useSourceIp": True}}})))

        def asked(source, connected):
            w("s", "socket", INET)
            w("s", "bind", [source, 0])
            if not connected:
                return w("s", "ask", at)[0]
            w("s", "connect", at)
            return w("s", "say")

        got = {}
        for i in range(1, 41):
            source = f"127.9.0.{i}"
            got[source] = asked(source, False)
            assert [asked(source, c) for c in (True, False, True)] == [got[source]] * 3, source
        assert set(got.values()) == {"v1", "v2", "v3"}, got
        m.kill_agent()
        m.start_agent()
        assert all(asked(source, True) == version for source, version in got.items())


def test_unload_leaves_nothing(m):
    del m
    with mesh.Mesh(agent=False) as other:
        other.start_agent()
        with Worker(other) as w:
            w("s", "socket", INET)
            other.shunt("unload", "--force")
            assert not os.path.exists(f"/sys/fs/bpf/{other.root}")


if __name__ == "__main__":
    mesh.run_tests()

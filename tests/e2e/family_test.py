#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Both address families, every kind of socket: who is dialled is seen, who is meant is reached."""
import contextlib
import itertools
import os
import subprocess
import sys

import mesh
import objects

# Pods by what they listen on: 0.0.0.0 and [::] apart, [::] for both, one family alone.
PODS = {"apart": {}, "dual": {"listen": "ipv6"}, "four": {"families": "ipv4"},
        "six": {"families": "ipv6"}}


@contextlib.contextmanager
def fixture():
    """A pod and a service of each kind, and the service `every` over all of them."""
    pods = [objects.deployment("pod", kind, args="--tcp", **notes) for kind, notes in PODS.items()]
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        rule = objects.rule("every", list(PODS))
        m.apply(objects.text(objects.service("every", "pod"), rule))
        for kind in PODS:
            m.apply(objects.text(objects.service(kind, "pod"),
                                 {**rule, "metadata": {"name": kind},
                                  "spec": {**rule["spec"], "host": kind}},
                                 objects.split(kind, {kind: 1})))
        yield m


def counted(m, *names):
    counters = m.status()["counters"]
    return [counters[name] for name in names]


SOCKETS = [(family, nonblocking) for family in (4, 6, "mapped") for nonblocking in (False, True)]


def dial(m, targets, family, **options):
    four, six = targets
    return m.client(six if family == 6 else four, family=family, check_peername=True, **options)


def test_every_kind_of_socket_reaches_both_kinds_of_listener_and_sees_what_it_dialled(m):
    for kind, pod in itertools.product(("apart", "dual"), (None, "pod-dual-0", "pod-apart-0")):
        targets = objects.targets(m, kind)
        for family, nonblocking in SOCKETS:
            tally = dial(m, targets, family, pod=pod, nonblocking=nonblocking, count=5)
            assert tally["by_pod"] == {f"pod-{kind}-0": 5}, (kind, pod, family, nonblocking, tally)
            assert tally["peername_mismatch"] == 0, (kind, pod, family, nonblocking, tally)


def test_a_family_reaches_the_endpoints_that_have_it(m):
    targets = objects.targets(m, "every")
    reached = {4: {"pod-apart-0", "pod-dual-0", "pod-four-0"},
               6: {"pod-apart-0", "pod-dual-0", "pod-six-0"}}
    reached["mapped"] = reached[4]
    for family, nonblocking in SOCKETS:
        tally = dial(m, targets, family, nonblocking=nonblocking, count=200)
        assert tally["ok"] == 200 and set(tally["by_pod"]) == reached[family], (family, tally)
        assert tally["peername_mismatch"] == 0, (family, tally)


def test_a_family_without_an_endpoint_is_refused_and_counted(m):
    for kind, family in (("four", 6), ("six", 4), ("six", "mapped")):
        targets = objects.targets(m, kind)
        before = counted(m, "refused_no_endpoint")
        for nonblocking in (False, True):
            tally = dial(m, targets, family, nonblocking=nonblocking, count=3)
            assert tally["errors"] == {"ECONNREFUSED": 3}, (kind, family, tally)
        assert counted(m, "refused_no_endpoint") == [before[0] + 6]


def test_the_other_family_is_the_same_service(m):
    for kind, family in (("four", 4), ("four", "mapped"), ("six", 6)):
        tally = dial(m, objects.targets(m, kind), family, count=3)
        assert tally["by_pod"] == {f"pod-{kind}-0": 3}, (kind, family, tally)


def test_unknown_destinations_pass_untouched(m):
    pod = m.pods.by_name["pod-dual-0"]
    targets = f"{pod['ipv4']}:8080", f"[{pod['ipv6']}]:8080"
    for caller in (None, "pod-apart-0"):
        for family, nonblocking in SOCKETS:
            before = counted(m, "untouched", "steered", "unknown_caller")
            tally = dial(m, targets, family, pod=caller, nonblocking=nonblocking, count=4)
            assert tally["by_pod"] == {"pod-dual-0": 4}, (caller, family, tally)
            assert tally["peername_mismatch"] == 0, (caller, family, tally)
            untouched, *rest = counted(m, "untouched", "steered", "unknown_caller")
            assert untouched == before[0] + 4 and rest == before[1:], (before, untouched, rest)
    # another port of a service's address is no service
    address = objects.targets(m, "dual", port=81)[0]
    before = counted(m, "untouched", "steered")
    assert m.client(address, timeout=200)["ok"] == 0
    assert counted(m, "untouched", "steered") == [before[0] + 1, before[1]]


@contextlib.contextmanager
def host_servers(m, *listeners):
    """A server that greets as `host-0`, on the host's loopback."""
    pidfile = os.path.join(m.folder, "host-0.pid")
    argv = [os.path.join(mesh.BUILD, "tools", "server"), "--name", "host-0", "--version", "v1",
            "--pidfile", pidfile]
    for listener in listeners:
        argv += ["--tcp", listener]
    server = subprocess.Popen(argv, stdin=subprocess.DEVNULL)
    try:
        mesh.wait_for(lambda: os.path.exists(pidfile))
        yield
    finally:
        server.terminate()
        server.wait()


def test_loopback_endpoints_are_for_callers_on_the_host_alone(m):
    at = m.pods.by_name["pod-dual-0"]
    port = mesh.free_port()
    # the services' addresses are those of a pod, so that what is untouched gets there
    m.apply(objects.text(
        objects.entry("loopback.test", at["ipv4"], [("127.0.0.1", port, {})], 8080),
        objects.entry("loopback-6.test", at["ipv6"], [("::1", port, {})], 8080)))
    targets = f"{at['ipv4']}:8080", f"[{at['ipv6']}]:8080"
    with host_servers(m, f"127.0.0.1:{port}", f"[::1]:{port}"):
        for family, nonblocking in SOCKETS:
            tally = dial(m, targets, family, nonblocking=nonblocking, count=3)
            assert tally["by_pod"] == {"host-0": 3}, (family, tally)
            assert tally["peername_mismatch"] == 0, (family, tally)
            before = counted(m, "untouched", "steered", "unknown_caller")
            tally = dial(m, targets, family, pod="pod-apart-0", nonblocking=nonblocking, count=3)
            assert tally["by_pod"] == {"pod-dual-0": 3}, (family, tally)
            assert tally["peername_mismatch"] == 0, (family, tally)
            after = counted(m, "untouched", "steered", "unknown_caller")
            assert after == [before[0] + 3, before[1], before[2]], (family, before, after)
    m.shunt("delete", "se", "loopback.test", "loopback-6.test")


UDP_SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 8080))
print("ready", flush=True)
while True:
    data, peer = s.recvfrom(100)
    s.sendto(b"udp " + data, peer)
"""

UDP_CLIENT = """
import os, socket, sys
cgroup, address, connected = sys.argv[1], sys.argv[2], sys.argv[3] == "True"
with open(cgroup + "/cgroup.procs", "w") as f:
    f.write(str(os.getpid()))
s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
if connected:
    s.connect((address, 8080))
    assert s.getpeername()[:2] == (address, 8080), s.getpeername()
    s.send(b"hello")
else:
    s.sendto(b"hello", (address, 8080))
data, peer = s.recvfrom(100)
print(data.decode(), *peer[:2])
"""


@contextlib.contextmanager
def udp_server(m, pod, address):
    argv = ["ip", "netns", "exec", m.pods.netns(pod), sys.executable, "-c", UDP_SERVER, address]
    server = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "ready\n"
        yield
    finally:
        server.kill()
        server.communicate()


def test_datagrams_to_a_services_address_are_untouched(m):
    dialled, meant = m.pods.by_name["pod-dual-0"], m.pods.by_name["pod-apart-0"]
    for name, key in (("udp-4.test", "ipv4"), ("udp-6.test", "ipv6")):
        address = str(dialled[key])
        m.apply(objects.text(objects.entry(name, address, [(meant[key], 8080, {})], 8080)))
        target = f"[{address}]:8080" if key == "ipv6" else f"{address}:8080"
        assert m.client(target, count=3)["by_pod"] == {"pod-apart-0": 3}
        before = counted(m, "steered", "refused_no_endpoint")
        with udp_server(m, "pod-dual-0", address):
            for connected in (True, False):
                out = mesh.run(sys.executable, "-c", UDP_CLIENT, m.cgroup, address,
                               str(connected)).stdout
                assert out.split() == ["udp", "hello", address, "8080"], (name, connected, out)
        assert counted(m, "steered", "refused_no_endpoint") == before
        m.shunt("delete", "se", name)


if __name__ == "__main__":
    mesh.run_tests()

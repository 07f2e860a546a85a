#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""A connection's reservation is taken once and returned once, in every way a socket can end.

All of it happens in one namespace without a way out: 10.244.201.1 is the endpoints' address on its
lo, 10.244.201.9 has no route. Each case drives one client step by step and reads the live count.
"""
import contextlib
import os
import signal
import socket
import subprocess
import sys

import mesh

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "hold_worker.py")
ADDRESS = "10.244.201.1"
ADDRESS6 = "fd00:244:201::1"
NOWHERE = "10.244.201.9"
VIPS = {"open": "10.96.201.1", "refused": "10.96.201.2", "silent": "10.96.201.3",
        "noroute": "10.96.201.4", "open6": "fd00:96::201"}

SERVER = """
import os, socket, sys, threading
def serve(s):
    while True:
        c, _ = s.accept()
        def talk(c=c):
            try:
                c.sendall(b"hello\\n")
                while True:
                    data = c.recv(4096)
                    if not data:
                        break
                    if data == b"bye":
                        break
            except OSError:
                pass
            c.close()
        threading.Thread(target=talk, daemon=True).start()
for address in sys.argv[1:3]:
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind((address, 7000)); s.listen(128)
    threading.Thread(target=serve, args=(s,), daemon=True).start()
# a listener whose queue is full: SYNs are dropped and never answered
full = socket.socket(); full.bind((sys.argv[1], 7001)); full.listen(0)
fill = []
for _ in range(3):
    c = socket.socket(); c.setblocking(False); c.connect_ex((sys.argv[1], 7001)); fill.append(c)
print("ready", flush=True)
sys.stdin.read()
"""


def objects():
    """A ServiceEntry with one endpoint for each way to end."""
    def entry(name, vip, endpoint, port):
        return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.test]
  addresses: ["{vip}"]
  ports: [{{number: 80, name: tcp, protocol: TCP, targetPort: {port}}}]
  resolution: STATIC
  endpoints: [{{address: "{endpoint}"}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec:
  host: {name}.test
  trafficPolicy: {{connectionPool: {{tcp: {{maxConnections: 50}}}}}}
"""
    return "---".join([entry("open", VIPS["open"], ADDRESS, 7000),
                       entry("open6", VIPS["open6"], ADDRESS6, 7000),
                       entry("refused", VIPS["refused"], ADDRESS, 7999),
                       entry("silent", VIPS["silent"], ADDRESS, 7001),
                       entry("noroute", VIPS["noroute"], NOWHERE, 7000)])


class Bench:
    """The namespace, its servers, the mesh."""

    def __init__(self, m, netns):
        self.m = m
        self.netns = netns

    def active(self, name):
        rows = self.m.json("clusters")["clusters"]
        return sum(row["active"] for row in rows if row["host"] == name + ".test")

    def all_active(self):
        return sum(row["active"] for row in self.m.json("clusters")["clusters"])

    def expect(self, name, count):
        mesh.wait_for(lambda: self.active(name) == count, 10, f"{name}: {count} active")

    def counter(self, name):
        return self.m.status()["counters"][name]

    def worker(self, name, port=80, other=None):
        return Worker(self, VIPS.get(name, name), port, other)


class Worker:
    def __init__(self, bench, address, port, other):
        argv = ["ip", "netns", "exec", bench.netns, sys.executable, WORKER, address, str(port)]
        if other:
            argv += [other[0], str(other[1])]
        join = f'echo $$ > {bench.m.cgroup}/cgroup.procs && exec "$@"'
        self.process = subprocess.Popen(["sh", "-c", join, "sh"] + argv, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def step(self, *words):
        """The answer to the last of them."""
        answer = None
        for word in words:
            self.process.stdin.write(word + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline().strip()
        return answer

    def do(self, *words):
        for word in words:
            answer = self.step(word)
            assert answer == "ok", f"{word}: {answer}"

    def kill(self):
        self.process.kill()
        self.end()

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


@contextlib.contextmanager
def fixture():
    netns = f"hold-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        mesh.run("ip", "netns", "add", netns)
        stack.callback(mesh.run, "ip", "netns", "del", netns)
        mesh.run("ip", "-n", netns, "link", "set", "lo", "up")
        mesh.run("ip", "-n", netns, "addr", "add", ADDRESS + "/32", "dev", "lo")
        mesh.run("ip", "-n", netns, "addr", "add", ADDRESS6 + "/128", "dev", "lo", "nodad")
        # 1: client without a cookie may send data in the SYN; 4: no cookie is needed
        mesh.run("ip", "netns", "exec", netns, "sysctl", "-qw", "net.ipv4.tcp_fastopen=7")
        m = stack.enter_context(mesh.Mesh(objects()))
        server = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", SERVER,
                                   ADDRESS, ADDRESS6], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        stack.callback(server.wait, 10)
        stack.callback(server.kill)
        assert server.stdout.readline() == "ready\n"
        yield Bench(m, netns)


def hold_and_close(b, name, before, after=("close",), held=1):
    with b.worker(name) as w:
        w.do(*before)
        b.expect(name, held)
        w.do(*after)
        b.expect(name, 0)


def test_closed_by_the_client(b):
    hold_and_close(b, "open", ("socket", "connect", "drain"))


def test_closed_by_the_server(b):
    with b.worker("open") as w:
        w.do("socket", "connect", "drain", "shutdown", "eof")
        b.expect("open", 0)
        w.do("close")
        b.expect("open", 0)


def test_reset_by_the_client(b):
    hold_and_close(b, "open", ("socket", "connect", "drain", "linger"))


def test_closed_with_unread_data(b):
    hold_and_close(b, "open", ("socket", "connect"))


def test_killed_client(b):
    with b.worker("open") as w:
        w.do("socket", "connect", "drain")
        b.expect("open", 1)
        w.kill()
        b.expect("open", 0)


def test_shared_by_fork_until_the_last_close(b):
    with b.worker("open") as w:
        w.do("socket", "connect", "drain", "fork", "close")
        b.expect("open", 1)
        w.do("join")
        b.expect("open", 0)


def test_io_uring_connect(b):
    tool = os.path.join(mesh.BUILD, "tools", "uring")
    join = f'echo $$ > {b.m.cgroup}/cgroup.procs && exec "$@"'
    p = subprocess.Popen(["sh", "-c", join, "sh", "ip", "netns", "exec", b.netns, tool,
                          VIPS["open"], "80"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         text=True)
    line = p.stdout.readline().strip()
    if line.startswith("unavailable"):
        p.wait(10)
        raise mesh.Skip(line)
    assert line == "connected", line
    b.expect("open", 1)
    p.stdin.close()
    p.wait(10)
    b.expect("open", 0)


def test_bound_first(b):
    hold_and_close(b, "open", ("socket", "bind", "connect", "drain"))


def test_bound_to_a_device(b):
    hold_and_close(b, "open", ("socket", "device", "connect", "drain"))


def test_fastopen(b):
    hold_and_close(b, "open", ("socket", "fastopen", "drain"))


def test_fastopen_connect_that_never_sends(b):
    before = b.counter("steered")
    with b.worker("open") as w:
        w.do("socket", "fastopen_connect", "connect")
        assert b.counter("steered") == before + 1
        b.expect("open", 1)
        w.do("close")
        b.expect("open", 0)


def test_ipv6(b):
    hold_and_close(b, "open6", ("socket", "connect", "drain"))


def test_ipv4_mapped(b):
    with b.worker("::ffff:" + VIPS["open"]) as w:
        w.do("socket", "connect", "drain")
        b.expect("open", 1)
        assert w.step("peer") == "peer ::ffff:" + VIPS["open"] + " 80"
        w.process.stdout.readline()
        w.do("close")
        b.expect("open", 0)


def test_refused(b):
    failed = b.counter("connect_failed")
    with b.worker("refused") as w:
        w.do("socket")
        assert w.step("connect") == "ECONNREFUSED"
        b.expect("refused", 0)
        assert b.counter("connect_failed") == failed + 1


def test_timed_out(b):
    with b.worker("silent") as w:
        w.do("socket", "user_timeout")
        assert w.step("connect") == "ETIMEDOUT"
        b.expect("silent", 0)


def test_nonblocking_and_abandoned(b):
    failed = b.counter("connect_failed")
    hold_and_close(b, "silent", ("socket", "nonblocking"))
    assert b.counter("connect_failed") == failed, "a caller that gives up is no failure"


def test_killed_while_connecting(b):
    with b.worker("silent") as w:
        w.do("socket", "nonblocking")
        b.expect("silent", 1)
        w.kill()
        b.expect("silent", 0)


def test_no_route_is_held_until_close(b):
    with b.worker("noroute") as w:
        w.do("socket")
        assert w.step("connect") == "ENETUNREACH"
        w.do("close")
        b.expect("noroute", 0)


def test_no_route_then_another_connect(b):
    with b.worker("noroute", other=(VIPS["open"], 80)) as w:
        w.do("socket")
        assert w.step("connect") == "ENETUNREACH"
        w.do("other", "connect", "drain")
        b.expect("noroute", 0)
        b.expect("open", 1)
        w.do("close")
        b.expect("open", 0)


def test_no_local_port(b):
    with b.worker("open") as first, b.worker("open") as second:
        range_now = mesh.run("ip", "netns", "exec", b.netns, "sysctl", "-n",
                             "net.ipv4.ip_local_port_range").stdout.split()
        set_range = ["ip", "netns", "exec", b.netns, "sysctl", "-qw"]
        mesh.run(*set_range, "net.ipv4.ip_local_port_range=50001 50001")
        try:
            first.do("socket", "connect", "drain")
            second.do("socket")
            assert second.step("connect") == "EADDRNOTAVAIL"
            second.do("close")
            b.expect("open", 1)
        finally:
            mesh.run(*set_range, "net.ipv4.ip_local_port_range=" + " ".join(range_now))
        first.do("close")
        b.expect("open", 0)


def test_connect_again_after_a_failure(b):
    with b.worker("refused", other=(VIPS["open"], 80)) as w:
        w.do("socket")
        assert w.step("connect") == "ECONNREFUSED"
        w.do("other", "connect", "drain")
        b.expect("open", 1)
        b.expect("refused", 0)
        w.do("close")
        b.expect("open", 0)


def test_connect_again_after_unspec(b):
    with b.worker("open") as w:
        w.do("socket", "connect", "drain", "unspec")
        b.expect("open", 0)
        w.do("connect", "drain")
        b.expect("open", 1)
        w.do("close")
        b.expect("open", 0)


def test_connect_on_a_connected_socket(b):
    with b.worker("open") as w:
        w.do("socket", "connect", "drain")
        assert w.step("connect") == "EISCONN"
        b.expect("open", 1)
        w.do("close")
        b.expect("open", 0)


def test_connect_on_a_connecting_socket(b):
    with b.worker("silent") as w:
        w.do("socket", "nonblocking")
        assert w.step("nonblocking") == "EALREADY"
        b.expect("silent", 1)
        w.do("close")
        b.expect("silent", 0)


def test_a_socket_that_leaves_for_an_unsteered_address(b):
    with b.worker("open", other=(ADDRESS, 7000)) as w:
        w.do("socket", "connect", "drain", "unspec", "other", "connect", "drain")
        b.expect("open", 0)
        assert w.step("peer") == f"peer {ADDRESS} 7000"


def need_mptcp(b):
    with b.worker("open") as w:
        if w.step("mptcp") != "ok":
            raise mesh.Skip("this kernel has no MPTCP")


def test_mptcp(b):
    need_mptcp(b)
    hold_and_close(b, "open", ("mptcp", "connect", "drain"))


def test_mptcp_refused(b):
    need_mptcp(b)
    with b.worker("refused") as w:
        w.do("mptcp")
        assert w.step("connect") == "ECONNREFUSED"
        w.do("close")
        b.expect("refused", 0)


def test_mptcp_without_a_route_is_returned_by_the_audit(b):
    need_mptcp(b)
    leaked = b.m.status()["leaked"]
    with b.worker("noroute") as w:
        w.do("mptcp")
        assert w.step("connect") == "ENETUNREACH"
        w.do("close")
    if b.active("noroute"):
        b.m.stop_agent()
        b.m.start_agent()  # an agent that starts audits
        b.expect("noroute", 0)
        assert b.m.status()["leaked"] == leaked + 1
    else:
        assert b.m.status()["leaked"] == leaked


def test_udp_reserves_nothing(b):
    steered = b.counter("steered")
    with b.worker("open") as w:
        w.do("udp")
        assert w.step("connect") == "ENETUNREACH", "steered, it would have found the endpoint"
        assert b.counter("steered") == steered
        b.expect("open", 0)


def test_listening_and_accepted_sockets_reserve_nothing(b):
    with b.worker(ADDRESS, 7000) as w:
        w.do("listen")
        assert b.all_active() == 0


def test_the_audit_returns_a_leak_and_leaves_the_living(b):
    """A leak made on purpose: counts are raised in the map, as if a release had been lost."""
    leaked = b.m.status()["leaked"]
    with b.worker("open") as w:
        w.do("socket", "connect", "drain")
        b.expect("open", 1)
        leak(b, "open", 3)
        assert b.active("open") == 4
        b.m.stop_agent()
        b.m.start_agent()
        b.expect("open", 1)
        assert b.m.status()["leaked"] == leaked + 3
        w.do("close")
        b.expect("open", 0)
        assert b.m.status()["leaked"] == leaked + 3


def leak(b, name, count):
    """Adds to both halves' word of the cluster's state, through bpftool."""
    import json
    pin = f"/sys/fs/bpf/{b.m.root}/"
    names = json.loads(mesh.run("bpftool", "-j", "map", "dump", "pinned", pin + "cluster_names").stdout)
    slot = next(e["formatted"]["key"] for e in names if e["formatted"]["value"]["host"] == name + ".test")
    key = ["hex"] + [f"{x:02x}" for x in slot.to_bytes(4, "little")]
    entry = json.loads(mesh.run("bpftool", "-j", "map", "lookup", "pinned", pin + "cluster_state",
                                "key", *key).stdout)
    raw = bytes(int(x, 16) for x in entry["value"])
    word = int.from_bytes(raw[:8], "little")
    epoch_high = word >> 32 != 0
    word += count << 32 if epoch_high else count
    value = ["hex"] + [f"{x:02x}" for x in word.to_bytes(8, "little") + raw[8:]]
    mesh.run("bpftool", "map", "update", "pinned", pin + "cluster_state", "key", *key, "value", *value)


def test_nothing_leaked_in_all_of_the_above(b):
    assert b.all_active() == 0
    status = b.m.status()
    assert status["counters"]["stale_hold"] == 0
    assert status["counters"]["refused_unstable"] == 0


if __name__ == "__main__":
    mesh.run_tests()

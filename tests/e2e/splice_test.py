#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Joined ends: every byte arrives as it was sent, in bounded memory, whatever becomes of either end."""
import contextlib
import errno
import os
import select
import signal
import socket
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor

import mesh
from ends import CLOSED, Ends, disconnect, state

STREAM = os.path.join(mesh.BUILD, "tools", "stream")
SENDERS = ("send", "writev", "sendfile", "splice", "more")
WAITS = ("poll", "edge", "block")
MIB = 1 << 20
SO_MEMINFO, RMEM, WMEM = 55, 0, 2


@contextlib.contextmanager
def fixture():
    with Ends("--splice", "on") as e:
        yield e


def counted(e):
    c = e.m.status()["counters"]
    return {name: c[name] for name in ("spliced", "spliced_bytes", "splice_passed_bytes")}


@contextlib.contextmanager
def spliced(e, connections=1, least=1):
    """Fails unless that many connections were joined meanwhile, and that many bytes went past TCP."""
    was = counted(e)
    yield
    now = counted(e)
    assert now["spliced"] - was["spliced"] == connections, (was, now)
    assert now["spliced_bytes"] - was["spliced_bytes"] >= least, (was, now)


def stream(e, way, sender, waits, size=9 * MIB, *more):
    """Two connections, both ways at once."""
    with spliced(e, 2):
        mesh.run(STREAM, "--cgroup", e.m.cgroup, "--sender", sender, "--waits", waits, "--up",
                 str(size // 2), "--down", str(size // 2), "--connections", "2", *more,
                 *e.netns_of(way), e.target(way), timeout=60)


# Streams.

def streams_arrive(e, way, *more):
    e.serve(way, STREAM)
    for sender in SENDERS:
        for waits in WAITS:
            stream(e, way, sender, waits, 9 * MIB, *more)
    e.assert_servers_live()


def test_streams_on_loopback_arrive_as_sent(e):
    streams_arrive(e, "loopback")


def test_streams_of_v4_mapped_ends_arrive_as_sent(e):
    streams_arrive(e, "loopback", "--mapped")


def test_streams_on_ipv6_loopback_arrive_as_sent(e):
    streams_arrive(e, "loopback6")


def test_streams_between_namespaces_arrive_as_sent(e):
    streams_arrive(e, "veth")


def test_ipv6_streams_between_namespaces_arrive_as_sent(e):
    streams_arrive(e, "veth6")


def test_streams_with_delays_arrive_as_sent(e):
    e.serve("loopback", STREAM)
    for sender in SENDERS:
        stream(e, "loopback", sender, "edge", 40 * MIB, "--delay-us", "2000")


def test_more_than_a_gibibyte_arrives_as_sent(e):
    e.serve("veth", STREAM)
    for sender in ("send", "sendfile"):
        stream(e, "veth", sender, "poll", 270 * MIB)


def test_a_server_that_speaks_first_is_heard(e):
    with e.pair() as (c, s), spliced(e, 0, 100):
        s.sendall(b"x" * 100)
        assert c.recv(1000) == b"x" * 100
        c.sendall(b"y" * 100)
        assert s.recv(1000) == b"y" * 100


# Ends of connections.

def test_half_closed_connections_go_on_the_other_way(e):
    for first in (0, 1):
        with e.pair() as ends:
            a, b = ends[first], ends[1 - first]
            a.sendall(b"last")
            a.shutdown(socket.SHUT_WR)
            assert b.recv(10) == b"last" and b.recv(10) == b""
            with spliced(e, 0, 1000):
                b.sendall(b"z" * 1000)
            b.shutdown(socket.SHUT_WR)
            b.close()
            assert a.recv(2000, socket.MSG_WAITALL) == b"z" * 1000 and a.recv(10) == b""
            with expect(errno.EPIPE):
                a.sendall(b"too late")


@contextlib.contextmanager
def expect(number):
    try:
        yield
    except OSError as e:
        assert e.errno == number, e
    else:
        raise AssertionError("no error")


def test_what_was_sent_before_a_close_is_read_after_it(e):
    with e.pair() as (c, s), spliced(e, 0, 5):
        s.sendall(b"bytes")
        s.close()
        assert c.recv(10) == b"bytes" and c.recv(10) == b""


def test_what_was_sent_before_a_reset_is_read(e):
    with e.pair() as (c, s):
        s.sendall(b"bytes")
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
        mesh.wait_for(lambda: state(c) == CLOSED)
        assert c.recv(10) == b"bytes"
        with expect(errno.ECONNRESET):
            c.recv(10)


def test_an_end_that_is_killed_takes_nothing_with_it(e):
    """The child holds one end only, and dies by SIGKILL with the other's bytes unread."""
    for first in (0, 1):
        with e.pair() as ends, spliced(e, 0, 3000):
            kept, lost = ends[first], ends[1 - first]
            pid = os.fork()
            if not pid:
                kept.close()
                lost.sendall(b"from the dying")
                lost.recv(1)
                signal.pause()
            lost.close()
            assert kept.recv(100) == b"from the dying"
            kept.sendall(b"k" * 3000)
            mesh.wait_for(lambda: memory(kept)[WMEM] == 0)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            assert kept.recv(10) == b""
            mesh.wait_for(lambda k=kept: refused_by(k))


def refused_by(sock):
    try:
        sock.send(b"x")
    except OSError as e:
        assert e.errno in (errno.EPIPE, errno.ECONNRESET), e
        return True
    return False


def test_a_port_that_is_used_again_at_once_has_its_own_peer(e):
    with e.listener("loopback") as listener:
        for number in range(300):
            c = e.dial("loopback", port=28123)
            s, _ = listener.accept()
            for a, b in ((c, s), (s, c)):
                a.sendall(b"%d" % number)
                assert b.recv(100) == b"%d" % number
            # left unread, and broken off by either
            c.sendall(b"left")
            ends = (c, s) if number % 2 else (s, c)
            ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            for end in ends:
                end.close()


def test_equal_addresses_in_two_namespaces_are_two_connections(e):
    """Two networks with the same addresses and ports, dialled at once, again and again."""
    with e.twins() as twins:
        for number in range(100):
            ends = twins.dial_both(29000 + number)
            for place, (c, s) in enumerate(ends):
                c.sendall(b"up %d" % place)
                s.sendall(b"down %d" % place)
            for place, (c, s) in enumerate(ends):
                assert s.recv(100) == b"up %d" % place
                assert c.recv(100) == b"down %d" % place
                c.close()
                s.close()
    assert counted(e)["spliced"] >= 200, counted(e)


def test_a_socket_that_connects_again_is_not_joined_again(e):
    with e.listener("loopback") as listener, e.dial("loopback") as c:
        first, _ = listener.accept()
        with spliced(e, 0, 3):
            c.sendall(b"one")
            assert first.recv(10) == b"one"
        disconnect(c)
        with first, spliced(e, 0, 0):
            e.connect(c, "loopback")
            with listener.accept()[0] as second:
                for a, b in ((c, second), (second, c)):
                    a.sendall(b"two")
                    assert b.recv(10) == b"two"
            with expect(errno.ECONNRESET):
                first.recv(10)


# Memory.

def memory(sock):
    return struct.unpack("9I", sock.getsockopt(socket.SOL_SOCKET, SO_MEMINFO, 36))


def fill(sock, piece=60000):
    """Sends until it would block for good; how much that was."""
    sock.setblocking(False)
    total = 0
    while True:
        try:
            total += sock.send(pattern(total, piece))
        except BlockingIOError:
            if not select.select([], [sock], [], 0.3)[1]:
                sock.setblocking(True)
                return total


def pattern(at, nr):
    return bytes((at + i) // 7 % 251 for i in range(nr))


def test_a_reader_that_never_reads_holds_little(e):
    for way in ("loopback", "veth"):
        with e.pair(way) as (c, s), spliced(e, 0, 1):
            total = fill(c)
            held = memory(s)[RMEM] + memory(c)[WMEM]
            assert total <= 8 * MIB and held <= 8 * MIB, (total, held)
            got = b""
            while len(got) < total:
                got += s.recv(MIB)
            assert got == pattern_all(total), "not what was sent"


def pattern_all(total):
    out, at = [], 0
    while at < total:
        out.append(pattern(at, min(60000, total - at)))
        at += len(out[-1])
    return b"".join(out)


# The agent.

def test_joined_connections_outlive_the_agent(e):
    with e.listener("loopback") as listener, e.dial("loopback") as c, listener.accept()[0] as s:
        e.m.kill_agent()
        with spliced(e, 1, 11):
            c.sendall(b"old")
            assert s.recv(10) == b"old"
            with e.dial("loopback") as c2, listener.accept()[0] as s2:
                c2.sendall(b"new pair")
                assert s2.recv(10) == b"new pair"
        e.m.start_agent()
        with spliced(e, 0, 4):
            c.sendall(b"ping")
            assert s.recv(10) == b"ping"


def test_nothing_is_joined_unless_asked_for():
    with Ends() as e, e.pair() as (c, s):
        c.sendall(b"plain")
        assert s.recv(10) == b"plain"
        assert counted(e) == {"spliced": 0, "spliced_bytes": 0, "splice_passed_bytes": 0}


# Unload.

def test_unload_under_load_breaks_no_stream():
    with Ends("--splice", "on") as e:
        e.serve("loopback", STREAM)
        client = subprocess.Popen(
            [STREAM, "--cgroup", e.m.cgroup, "--up", str(2000 * MIB), "--down", str(2000 * MIB),
             "--delay-us", "3000", e.target("loopback")], stdout=subprocess.PIPE)
        mesh.wait_for(lambda: counted(e)["spliced_bytes"] > MIB)
        e.m.shunt("unload", "--force")
        assert client.poll() is None, "the load ended too early to prove anything"
        assert not os.path.exists(f"/sys/fs/bpf/{e.m.root}")
        assert client.wait(60) == 0
        client.stdout.close()


def test_unload_names_who_does_not_read():
    with Ends("--splice", "on") as e, e.pair() as (c, s):
        c.sendall(b"unread")
        out = e.m.shunt("unload", "--force").stderr
        assert "%s:%d has not read" % s.getsockname()[:2] in out, out
        assert out.count("has not read") == 1, out
        c.sendall(b" and later")
        assert s.recv(100) == b"unread" and s.recv(100) == b" and later"


def test_unload_resets_who_does_not_read_where_asked():
    with Ends("--splice", "on") as e, e.pair("veth") as (c, s):
        c.sendall(b"unread")
        out = e.m.shunt("unload", "--force", "--reset").stderr
        assert out.endswith("reset\n") and out.count("\n") == 1, out
        with expect(errno.ECONNRESET):
            c.recv(10)


# Who asks.

SERVICE = """apiVersion: v1
kind: Service
metadata:
  name: asked
  annotations: {shunt.io/splice: "on"}
spec:
  clusterIP: 10.96.7.3
  selector: {app: nobody}
  ports: [{name: tcp, port: 81, protocol: TCP}]
---
apiVersion: v1
kind: Endpoints
metadata: {name: asked}
subsets:
- addresses: [{ip: 10.88.0.2}]
  ports: [{name: tcp, port: %d, protocol: TCP}]
---
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: caller%s}
spec: {containers: [{name: c}]}
status: {podIP: 10.88.9.9, podIPs: [{ip: 10.88.9.9}], conditions: [{type: Ready, status: "True"}]}
---
"""
ON = ', annotations: {shunt.io/splice: "on"}'


def echo(c, s):
    c.sendall(b"asked")
    assert s.recv(10) == b"asked"


def test_a_service_asks_for_its_connections():
    with Ends() as e:
        e.m.apply(SERVICE % e.own)
        with e.listener("veth") as listener:
            with spliced(e, 1, 5), e.dial("veth", address="10.96.7.3") as c:
                echo(c, listener.accept()[0])
            with spliced(e, 0, 0), e.dial("veth") as c:
                echo(c, listener.accept()[0])


def test_a_pod_asks_for_its_connections():
    with Ends() as e:
        # an address that no other namespace has: else nobody knows whose it is
        mesh.run("ip", "-n", e.names["a"], "addr", "add", "10.88.9.9/32", "dev", "w")
        for asks, joined in (("", 0), (ON, 1), ("", 0)):
            e.m.apply(POD % asks)
            mesh.wait_for(lambda: seen(e, joined))


def seen(e, joined):
    """The kernel learns who is which pod by and by."""
    was = counted(e)["spliced"]
    with e.pair("veth") as (c, s):
        echo(c, s)
    return counted(e)["spliced"] - was == joined


HTTP = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: web}
spec:
  hosts: [web.test]
  addresses: [10.96.7.4]
  ports: [{number: 80, name: http, protocol: HTTP}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, ports: {http: %d}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: web}
spec:
  hosts: [web.test]
  http:
  - match: [{headers: {x-never: {exact: "1"}}}]
    route: [{destination: {host: nowhere.test}}]
  - route: [{destination: {host: web.test}}]
---
"""


def test_both_legs_of_the_proxy_are_joined():
    port = mesh.free_port()
    with Ends("--splice", "on", text=HTTP % port) as e:
        e.spawn(os.path.join(mesh.BUILD, "tools", "server"), "--listen", f"127.0.0.1:{port}")
        mesh.wait_for(lambda: e.m.client("10.96.7.4:80", http="/")["ok"])
        was = counted(e)
        tally = e.m.client("10.96.7.4:80", http="/", count=20)
        now = counted(e)
        assert tally["ok"] == 20, tally
        # each call is a connection to the proxy; what it opens itself is kept for the next
        assert now["spliced"] - was["spliced"] >= 20, (was, now)
        assert counted(e)["spliced"] > e.m.status()["counters"]["proxied"]


def test_spliced_bytes_count_for_their_cluster(e):
    def counts():
        return next(row for row in e.m.json("clusters")["clusters"]
                    if row["host"] == "veth.test" and row["port"] == 81)
    was = counts()
    with e.pair("veth") as (c, s):
        c.sendall(b"x" * 3000)
        assert len(s.recv(4000)) == 3000
        s.sendall(b"y" * 500)
        assert len(c.recv(4000)) == 500
    now = mesh.wait_for(lambda: counts() if counts()["traffic"]["bytes_spliced"] >= was["traffic"]["bytes_spliced"] + 3500
                        else None)
    assert now["traffic"]["bytes_spliced"] == was["traffic"]["bytes_spliced"] + 3500, (was, now)
    assert now["traffic"]["bytes_sent"] == was["traffic"]["bytes_sent"] + 3000, (was, now)


# What a joined socket does otherwise than a plain one: asserted, so that a kernel that mends it is seen.

def test_exceptions_are_as_the_manual_says(e):
    with e.pair() as (c, s):  # splice(2) from it
        r, w = os.pipe()
        s.setblocking(False)
        c.sendall(b"in the queue")
        with expect(errno.EAGAIN):
            os.splice(s.fileno(), w, 100)
        assert s.recv(100) == b"in the queue"
        os.close(r)
        os.close(w)
    with e.pair() as (c, s):  # MSG_OOB comes in line
        c.send(b"!", socket.MSG_OOB)
        assert s.recv(100) == b"!"
    with e.pair() as (c, s):  # MSG_WAITALL returns early
        c.sendall(b"half")
        assert s.recv(8, socket.MSG_WAITALL) == b"half"
    with e.pair() as (c, s):  # MSG_TRUNC does not discard: it copies
        c.sendall(b"kept")
        assert s.recv(100, socket.MSG_TRUNC) == b"kept"
    with e.pair() as (c, s):  # closing with unread data is no reset
        c.sendall(b"unread")
        s.close()
        assert c.recv(10) == b""


RECVFROM = 45


def sleeping(call):
    """Whether a thread of this process is in that system call."""
    for task in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{task}/syscall", encoding="ascii") as f:
            if f.read().split()[0] == str(call):
                return True
    return False


def test_a_blocking_read_is_woken_by_room_to_send(e):
    """A plain socket sleeps on; this one says EAGAIN."""
    with e.pair() as (c, s):
        total = fill(c)
        select.select([], [c], [], 0)  # from here on it is told of room
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(c.recv, 10)
            mesh.wait_for(lambda: sleeping(RECVFROM))
            while total:
                total -= len(s.recv(MIB))
            with expect(errno.EAGAIN):
                answer.result(10)


def test_a_low_water_mark_is_kept(e):
    """What the reader wants more than a byte of goes by TCP."""
    with e.pair() as (c, s):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 8)
        c.sendall(b"half")
        assert not select.select([s], [], [], 0.1)[0]
        c.sendall(b"half")
        assert select.select([s], [], [], 5)[0] and s.recv(100) == b"halfhalf"


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What becomes of single packets from outside at a device of the node, by tc and by XDP: packet in,
verdict and packet out, counter; and of packets that are no more than bytes."""
import contextlib
import os
import random
import socket
import struct
import time

import frames as f
import mesh
import node
import objects

PORT, LIMITED, EMPTY, NOWHERE, PLAIN = 80, 81, 82, 83, 8080
FAMILIES = (4, 6)
SERVICE = {4: "203.0.113.9", 6: "2001:db8:5::9"}
CALLER = {4: "198.18.0.99", 6: "fd00:198::99"}
NEAR = {4: "10.201.0.9", 6: "fd00:201::9"}  # behind another device of the node
FAR = {4: "198.18.0.77", 6: "fd00:198::77"}  # on the network that the callers are on
OWN = {4: node.NODE4, 6: node.NODE6}
LOST = {4: "10.202.0.9", 6: "fd00:202::9"}
NEXT, OURS = "02:00:00:00:00:77", "02:00:00:00:00:01"
MAKE = {"tcp": f.tcp, "udp": f.udp}
XDP_DROP, XDP_PASS, XDP_TX = 1, 2, 3


class Way:
    """The programs of one way in, and their words for what becomes of a packet."""

    def __init__(self, program, onward, across, drop):
        self.run = program.run
        self.onward, self.across, self.drop = onward, across, drop


class World(f.Counting):
    def __init__(self, m):
        self.mesh = m
        index = socket.if_nametoindex("eth0")
        tc = f.Program(m.root, "link_node_in", index)
        xdp = f.XdpProgram(m.root, "link_node_xdp", index)
        self.ways = {"tc": Way(tc, f.PASS, f.REDIRECT, f.DROP),
                     "xdp": Way(xdp, XDP_PASS, XDP_TX, XDP_DROP)}
        self.out = f.Program(m.root, "link_node_out", index)
        self.ports = iter(range(2000, 60000))


def service(name, port, endpoints, protocol="TCP"):
    """A Service for outside over endpoints that do not exist: nothing leaves the tests."""
    one = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name},
           "spec": {"externalIPs": list(SERVICE.values()),
                    "ports": [{"name": "p", "port": port, "protocol": protocol}]}}
    slices = [{"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
               "metadata": {"name": f"{name}-{family}",
                            "labels": {"kubernetes.io/service-name": name}},
               "addressType": f"IPv{family}",
               "ports": [{"name": "p", "port": PLAIN, "protocol": protocol}],
               "endpoints": [{"addresses": [endpoints[family]]}]} for family in endpoints]
    return [one, *slices]


@contextlib.contextmanager
def fixture():
    node.up()
    node.ip("link", "set", "eth0", "address", OURS)
    node.ip("link", "add", "pods", "type", "bridge")
    node.ip("link", "set", "pods", "up")
    for family in FAMILIES:
        node.ip(f"-{family}", "route", "add", NEAR[family], "dev", "pods")
        node.ip(f"-{family}", "route", "add", "blackhole", LOST[family])
        for there in (FAR[family], CALLER[family]):
            node.ip("neigh", "add", there, "lladdr", NEXT, "dev", "eth0")
    with node.Node(agent_arguments=["--outside", "native"]) as m:
        m.apply(objects.text(
            *service("near-tcp", PORT, NEAR), *service("near-udp", PORT, NEAR, "UDP"),
            *service("far-tcp", PORT + 1000, FAR), *service("far-udp", PORT + 1000, FAR, "UDP"),
            *service("limited", LIMITED, NEAR),
            objects.rule("limited", [], objects.limit(1)),
            *service("empty", EMPTY, {}), *service("empty-udp", EMPTY, {}, "UDP"),
            *service("lost", NOWHERE, LOST)))
        yield World(m)


def each():
    return [(way, family) for way in ("tc", "xdp") for family in FAMILIES]


def opened(w, way, family, port=PORT, make=f.tcp):
    """A connection's port, its first packet's verdict, and what came out."""
    source = next(w.ports)
    verdict, out = w.ways[way].run(make(CALLER[family], source, SERVICE[family], port))
    return source, verdict, f.Seen(out)


def inner(family, quoted):
    return f.Seen(bytes(12) + (b"\x86\xdd" if family == 6 else b"\x08\0") + quoted)


def hops(frame):
    return frame[21] if frame[12:14] == b"\x86\xdd" else frame[22]


# Packets of connections.

def test_an_endpoint_on_the_node_sees_the_caller_and_answers_as_the_service(w):
    for way, family in each():
        for make in MAKE.values():
            port, verdict, out = opened(w, way, family, make=make)
            assert verdict == w.ways[way].onward and out.sound(), (way, family, verdict)
            assert out.ways() == (CALLER[family], port, NEAR[family], PLAIN), out.ways()
            assert hops(out.frame) == 64
            verdict, back = w.out.run(make(NEAR[family], PLAIN, CALLER[family], port))
            back = f.Seen(back)
            assert verdict == f.PASS and back.sound()
            assert back.ways() == (SERVICE[family], PORT, CALLER[family], port), back.ways()


def test_an_endpoint_elsewhere_sees_the_node_and_answers_through_it(w):
    for way, family in each():
        for make in MAKE.values():
            port, verdict, out = opened(w, way, family, PORT + 1000, make)
            assert verdict == w.ways[way].across and out.sound(), (way, family, verdict)
            source, own, to, at = out.ways()
            assert (source, to, at) == (OWN[family], FAR[family], PLAIN), out.ways()
            assert 61001 <= own <= 65000 and hops(out.frame) == 63
            verdict, back = w.ways[way].run(make(FAR[family], PLAIN, OWN[family], own))
            seen = f.Seen(back)
            assert verdict == w.ways[way].across and seen.sound(), (way, family, verdict)
            assert seen.ways() == (SERVICE[family], PORT + 1000, CALLER[family], port), seen.ways()
            if way == "xdp":
                assert back[:12].hex(":") == f"{NEXT}:{OURS}", back[:12].hex(":")


def test_later_packets_follow_the_first(w):
    for way, family in each():
        port, _, _ = opened(w, way, family)
        for flags, payload in ((f.ACK, b""), (f.ACK | f.PSH, b"x" * 1001), (f.FIN | f.ACK, b"")):
            verdict, out = w.ways[way].run(f.tcp(CALLER[family], port, SERVICE[family], PORT, flags,
                                                 payload, options=b"\1\1\1\1"))
            out = f.Seen(out)
            assert verdict == w.ways[way].onward and out.sound() and out.to == NEAR[family]


def test_a_repeated_first_packet_is_no_new_connection(w):
    for way in w.ways.values():
        port = next(w.ports)
        with w.counts("steered"):
            for _ in range(2):
                assert way.run(f.tcp(CALLER[4], port, SERVICE[4], PORT))[0] == way.onward


def test_a_port_is_used_again_after_a_reset(w):
    for way in w.ways.values():
        port = next(w.ports)
        with w.counts("steered", 2):
            for flags in (f.SYN, f.RST, f.SYN):
                way.run(f.tcp(CALLER[4], port, SERVICE[4], PORT, flags))


def test_a_datagram_without_a_checksum_stays_without(w):
    for way in w.ways.values():
        _, out = way.run(f.udp(CALLER[4], next(w.ports), SERVICE[4], PORT, checksum=False))
        assert f.Seen(out).to == NEAR[4] and f.Seen(out).body[6:8] == b"\0\0"


def test_a_packet_without_a_hop_left_does_not_go_across(w):
    for way in w.ways.values():
        frame = f.tcp(CALLER[4], next(w.ports), SERVICE[4], PORT + 1000)
        head = frame[14:22] + b"\1" + frame[23:34]
        with w.counts("untranslated"):
            assert way.run(frame[:14] + f.summed(head, 10, b"") + frame[34:])[0] == way.drop


# Refusals.

def test_a_refused_connection_is_reset_from_the_service(w):
    for way, family in each():
        for options in (b"", b"\2\4\5\xb4"):
            with w.counts("refused_no_endpoint"):
                frame = f.tcp(CALLER[family], 7, SERVICE[family], EMPTY, seq=500,
                              payload=b"early", options=options)
                verdict, out = w.ways[way].run(frame)
            assert out[:12] == frame[6:12] + frame[:6]
            out = f.Seen(out)
            assert verdict == w.ways[way].across and out.sound(), (way, family, verdict)
            assert out.ways() == (SERVICE[family], EMPTY, CALLER[family], 7), out.ways()
            assert out.flags == f.RST | f.ACK and out.ack == 506 and len(out.body) == 20, out.ack


def test_a_refused_datagram_goes_nowhere(w):
    for way, family in each():
        with w.counts("refused_no_endpoint"):
            verdict, _ = w.ways[way].run(f.udp(CALLER[family], 7, SERVICE[family], EMPTY))
        assert verdict == (f.REDIRECT if way == "tc" else XDP_DROP) # tc tells of it


def test_a_limit_refuses_and_is_returned_by_a_reset(w):
    for way in w.ways.values():
        for end in (f.RST, f.RST | f.ACK):
            port = next(w.ports)
            assert way.run(f.tcp(CALLER[4], port, SERVICE[4], LIMITED))[0] == way.onward
            with w.counts("refused_limit"):
                assert way.run(f.tcp(CALLER[4], 7, SERVICE[4], LIMITED))[0] == way.across
            if end == f.RST:
                way.run(f.tcp(CALLER[4], port, SERVICE[4], LIMITED, end))
            else:
                w.out.run(f.tcp(NEAR[4], PLAIN, CALLER[4], port, end))


def test_a_packet_of_no_connection_is_reset(w):
    for way, family in each():
        with w.counts("no_connection"):
            verdict, out = w.ways[way].run(f.tcp(CALLER[family], 7, SERVICE[family], PORT, f.ACK,
                                                 b"x" * 500, ack=77))
        out = f.Seen(out)
        assert verdict == w.ways[way].across and out.sound() and out.flags == f.RST
        assert out.seq == 77
        assert w.ways[way].run(f.tcp(CALLER[family], 7, SERVICE[family], PORT, f.RST))[0] == \
            w.ways[way].drop


def test_an_endpoint_without_a_way_is_none(w):
    for way, family in each():
        with w.counts("no_way"):
            verdict, _ = w.ways[way].run(f.tcp(CALLER[family], 7, SERVICE[family], NOWHERE))
        assert verdict == w.ways[way].drop
    lost = next(c for c in w.mesh.json("clusters")["clusters"] if c["host"].startswith("lost"))
    assert lost["active"] == 0


# Errors about packets.

def test_an_error_about_an_answer_reaches_the_endpoint(w):
    for way, family in each():
        kind = 3 if family == 4 else 1
        router = "198.18.7.7" if family == 4 else "fd00:7::7"
        port, _, _ = opened(w, way, family)
        _, answer = w.out.run(f.tcp(NEAR[family], PLAIN, CALLER[family], port, f.SYN | f.ACK))
        quoted = answer[14:14 + (20 if family == 4 else 40) + 8]
        verdict, out = w.ways[way].run(f.icmp(router, SERVICE[family], kind, 1, quoted))
        out = f.Seen(out)
        assert verdict == w.ways[way].onward and out.sound(), (way, family, verdict)
        assert (out.source, out.to) == (router, NEAR[family])
        quote = inner(family, out.body[8:])
        assert (quote.source, quote.to) == (NEAR[family], CALLER[family])
        assert struct.unpack_from("!HH", quote.frame, quote.l4) == (PLAIN, port)


def test_an_endpoints_error_reaches_the_caller_as_the_services(w):
    for way, family in each():
        kind = 3 if family == 4 else 1
        port, _, first = opened(w, way, family, make=f.udp)
        quoted = first.frame[14:14 + (20 if family == 4 else 40) + 8]
        verdict, out = w.out.run(f.icmp(NEAR[family], CALLER[family], kind, 3, quoted))
        out = f.Seen(out)
        assert verdict == f.PASS and out.sound()
        assert (out.source, out.to) == (SERVICE[family], CALLER[family])
        quote = inner(family, out.body[8:])
        assert (quote.source, quote.to) == (CALLER[family], SERVICE[family])
        assert struct.unpack_from("!HH", quote.frame, quote.l4) == (port, PORT)


def test_an_error_from_elsewhere_comes_back_through_the_node(w):
    for way, family in each():
        kind = 3 if family == 4 else 1
        port, _, first = opened(w, way, family, PORT + 1000, f.udp)
        quoted = first.frame[14:14 + (20 if family == 4 else 40) + 8]
        verdict, out = w.ways[way].run(f.icmp(FAR[family], OWN[family], kind, 3, quoted))
        out = f.Seen(out)
        assert verdict == w.ways[way].across and out.sound(), (way, family, verdict)
        assert (out.source, out.to) == (SERVICE[family], CALLER[family])
        quote = inner(family, out.body[8:])
        assert (quote.source, quote.to) == (CALLER[family], SERVICE[family])
        assert struct.unpack_from("!HH", quote.frame, quote.l4) == (port, PORT + 1000)


# Fragments, options, extension headers, VLAN.

def test_later_fragments_follow_the_first(w):
    for way in w.ways.values():
        ident = next(w.ports)
        body = f.udp(CALLER[4], next(w.ports), SERVICE[4], PORT, bytes(64))[34:]
        for offset, part in ((0x2000, body[:24]), (0x2003, body[24:48]), (0x0006, body[48:])):
            verdict, out = way.run(f.ip(CALLER[4], SERVICE[4], f.UDP, part, ident=ident,
                                        offset=offset))
            assert verdict == way.onward and f.Seen(out).to == NEAR[4], hex(offset)
        frame = f.ip(CALLER[4], SERVICE[4], f.UDP, bytes(24), ident=next(w.ports), offset=3)
        assert way.run(frame) == (way.onward, frame)


def test_options_and_extension_headers_are_looked_behind(w):
    for way in w.ways.values():
        body = f.tcp(CALLER[4], next(w.ports), SERVICE[4], PORT)[34:]
        verdict, out = way.run(f.ip(CALLER[4], SERVICE[4], f.TCP, body, options=b"\1" * 40))
        assert verdict == way.onward and f.Seen(out).to == NEAR[4] and f.Seen(out).sound()
        body = f.udp(CALLER[6], next(w.ports), SERVICE[6], PORT)[54:]
        more = struct.pack("!BB6x", 60, 0) + struct.pack("!BB6x", f.UDP, 0)
        verdict, out = way.run(f.ip(CALLER[6], SERVICE[6], f.UDP, body, extensions=(0, more)))
        assert verdict == way.onward and f.Seen(out).to == NEAR[6]


def tagged(frame):
    return frame[:12] + b"\x81\0\0\5" + frame[12:]


def test_what_is_none_of_ours_passes_as_it_is(w):
    for way in w.ways.values():
        for frame in (tagged(f.tcp(CALLER[4], 7, SERVICE[4], PORT)),
                      bytes(12) + b"\x08\6" + bytes(28),
                      f.tcp(CALLER[4], 7, OWN[4], 22), f.udp(CALLER[6], 7, OWN[6], 53),
                      f.tcp(CALLER[4], 7, SERVICE[4], 443), f.tcp(CALLER[4], 7, "10.1.2.3", PORT),
                      f.icmp(CALLER[4], SERVICE[4], 8, 0, bytes(8)),
                      f.icmp(CALLER[4], OWN[4], 3, 3, f.udp(OWN[4], 53, CALLER[4], 7)[14:]),
                      f.ip(CALLER[4], SERVICE[4], 132, bytes(12))):
            assert way.run(frame) == (way.onward, frame), frame.hex()
    for frame in (f.tcp(OWN[4], 22, CALLER[4], 7), f.tcp(NEAR[4], PLAIN, CALLER[4], 7),
                  f.udp(OWN[6], 53, CALLER[6], 7)):
        assert w.out.run(frame) == (f.PASS, frame), frame.hex()


def test_a_frame_for_another_machine_passes_as_it_is(w):
    for way, family in each():
        source, verdict, _ = opened(w, way, family, PORT + 1000)
        assert verdict == w.ways[way].across, (way, family, verdict)
        for link in (b"\x02\0\0\0\0\x09", b"\xff" * 6):
            for port, own in ((PORT, next(w.ports)), (PORT + 1000, next(w.ports)),
                              (PORT + 1000, source)):
                frame = link + f.tcp(CALLER[family], own, SERVICE[family], port)[6:]
                with w.counts("steered", 0):
                    verdict, out = w.ways[way].run(frame)
                assert (verdict, out) == (w.ways[way].onward, frame), (way, family, link, port)


def test_malformed_packets_pass_as_they_are_and_are_counted(w):
    good = f.tcp(CALLER[4], 7, SERVICE[4], PORT, payload=b"x" * 10)
    good6 = f.tcp(CALLER[6], 7, SERVICE[6], PORT)
    for way in w.ways.values():
        for frame in (good[:34], good[:40], good[:-1], good6[:60], good6[:-1],
                      good[:14] + b"\x44" + good[15:], good[:14] + b"\x65" + good[15:],
                      good[:24] + b"\0\0" + good[26:], good[:46] + b"\x10" + good[47:],
                      f.ip(CALLER[4], SERVICE[4], f.UDP, struct.pack("!HHHH", 7, PORT, 100, 0)),
                      f.ip(CALLER[6], SERVICE[6], f.UDP, b"", extensions=(0, b"\x11"))):
            with w.counts("malformed"):
                assert way.run(frame) == (way.onward, frame), frame.hex()


# Bytes.

def mutated(seed, r):
    frame = bytearray(seed)
    for _ in range(r.choice((1, 1, 2, 3, 8))):
        at = r.randrange(len(frame)) if frame else 0
        how = r.randrange(4)
        if how == 0 and frame:
            frame[at] = r.randrange(256)
        elif how == 1 and frame:
            frame[at] ^= 1 << r.randrange(8)
        elif how == 2:
            del frame[max(14, at):]
        else:
            frame[at:at] = bytes(r.randrange(256) for _ in range(r.choice((1, 4, 8))))
    return bytes(frame)


def check(way, frame, verdict, out, callers):
    """What is not rewritten is as it was; what is was a caller's to a service, or an answer, and is
    as sound as before."""
    assert verdict in (way.onward, way.across, way.drop), verdict
    if out == frame or verdict == way.drop:
        return
    before, after = f.Seen(frame), f.Seen(out)
    assert before.six == after.six
    known = {*SERVICE.values(), *NEAR.values(), *FAR.values(), *OWN.values()}
    if before.protocol in (f.TCP, f.UDP):
        assert {before.source, before.to} & known, frame.hex()
    callers.add(before.source)
    there = {after.source, after.to}
    assert there <= known | callers | {before.to}, (before.source, before.to, there)
    if len(out) != len(frame):
        return # a reset, or an error that is told
    whole = before.six or not struct.unpack_from("!H", frame, 20)[0] & 0x3fff
    if whole and before.protocol in (f.TCP, f.UDP) and before.protocol == after.protocol:
        assert before.sound() == after.sound() or after.protocol == f.TCP and \
            after.flags & f.RST, frame.hex()


def test_no_bytes_are_steered_wrongly(w):
    seed = random.randrange(1 << 32)
    print(f"# seed {seed}")
    r = random.Random(seed)
    seeds = []
    for family in FAMILIES:
        c, s = CALLER[family], SERVICE[family]
        for make in MAKE.values():
            port, _, first = opened(w, "tc", family, make=make)
            seeds += [make(c, port, s, PORT), make(NEAR[family], PLAIN, c, port),
                      make(c, 9, s, EMPTY), make(c, port, s, PORT, payload=bytes(100)),
                      f.icmp(NEAR[family], c, 3 if family == 4 else 1, 1, first.frame[14:90])]
            port, _, first = opened(w, "tc", family, PORT + 1000, make)
            seeds += [make(c, port, s, PORT + 1000),
                      make(FAR[family], PLAIN, OWN[family], first.source_port)]
    callers = set(CALLER.values())
    ways = [*w.ways.values(), Way(w.out, f.PASS, f.REDIRECT, f.DROP)]
    end, n = time.monotonic() + float(os.environ.get("FUZZ_SECONDS", "10")), 0
    while time.monotonic() < end:
        frame = mutated(r.choice(seeds), r)
        n += 1
        for way in ways:
            with contextlib.suppress(OSError):
                check(way, frame, *way.run(frame), callers)
    print(f"# {n} packets")


if __name__ == "__main__":
    mesh.run_tests()

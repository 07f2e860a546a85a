#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What becomes of single packets of a captured pod: packet in, verdict and packet out, counter; and
of packets that are no more than bytes."""
import contextlib
import os
import random
import struct
import time

import frames as f
import mesh
import node
import objects

PORT, LIMITED, EMPTY, SELF, PLAIN = 80, 81, 82, 83, 8080
ENDPOINT = {4: "10.201.0.9", 6: "fd00:201::9"}
SERVICE = {4: "10.100.9.1", 6: "fd00:96::9:1"}


class World(f.Counting):
    """A captured pod and services over endpoints that do not exist: nothing leaves the tests."""

    def __init__(self, m):
        pod = m.pods.by_name["caller-v1-0"]
        self.mesh = m
        self.caller = {4: pod["ipv4"], 6: pod["ipv6"]}
        index = self._device(m)
        self.out = f.Program(m.root, "link_pod_from", index)
        self.back = f.Program(m.root, "link_pod_to", index)
        self.ports = iter(range(10000, 60000))

    @staticmethod
    def _device(m):
        name = mesh.wait_for(lambda: [c["device"] for c in m.status()["captured"] if c["device"]])
        with open(f"/proc/{os.getpid()}/net/dev", encoding="ascii") as lines:
            assert name[0] in lines.read()
        return int(mesh.run("ip", "-o", "link", "show", name[0]).stdout.split(":")[0])

    def opened(self, family, port=PORT, make=f.tcp):
        """A connection's ports, and how its first packet came out."""
        source = next(self.ports)
        verdict, out = self.out.run(make(self.caller[family], source, SERVICE[family], port))
        assert verdict == f.PASS, verdict
        return source, f.Seen(out)


def entry(name, port, endpoints, protocol="TCP"):
    one = objects.entry(name, SERVICE[4], [(at, PLAIN, {}) for at in endpoints], port)
    one["spec"]["addresses"] = [SERVICE[4], SERVICE[6]]
    one["spec"]["ports"][0]["protocol"] = protocol
    return one


@contextlib.contextmanager
def fixture():
    node.up()
    caller = objects.deployment("caller", "v1", ports=())
    caller["spec"]["template"]["metadata"]["annotations"]["shunt.io/capture"] = "tc"
    with node.Node(pods=objects.text(caller)) as m:
        pod = m.pods.by_name["caller-v1-0"]
        both = list(ENDPOINT.values())
        m.apply(objects.text(
            entry("tcp.test", PORT, both), entry("udp.test", PORT, both, "UDP"),
            entry("limited.test", LIMITED, both), objects.rule("limited.test", [], objects.limit(1)),
            entry("empty.test", EMPTY, []), entry("empty-udp.test", EMPTY, [], "UDP"),
            entry("self.test", SELF, [pod["ipv4"], pod["ipv6"]])))
        yield World(m)


FAMILIES = (4, 6)
MAKE = {f.TCP: f.tcp, f.UDP: f.udp}


# Packets of connections.

def test_the_first_packet_goes_to_an_endpoint_and_the_answer_comes_from_the_service(w):
    for family in FAMILIES:
        for make in (f.tcp, f.udp):
            port, out = w.opened(family, make=make)
            assert out.ways() == (w.caller[family], port, ENDPOINT[family], PLAIN), out.ways()
            assert out.sound()
            answer = {} if make is f.udp else {"flags": f.SYN | f.ACK}
            verdict, back = w.back.run(make(ENDPOINT[family], PLAIN, w.caller[family], port, **answer))
            back = f.Seen(back)
            assert verdict == f.PASS and back.sound()
            assert back.ways() == (SERVICE[family], PORT, w.caller[family], port), back.ways()


def test_later_packets_follow_the_first(w):
    for family in FAMILIES:
        port, _ = w.opened(family)
        for flags, payload in ((f.ACK, b""), (f.ACK | f.PSH, b"x" * 1001), (f.FIN | f.ACK, b"")):
            verdict, out = w.out.run(f.tcp(w.caller[family], port, SERVICE[family], PORT, flags,
                                           payload, options=b"\1\1\1\1"))
            out = f.Seen(out)
            assert verdict == f.PASS and out.sound()
            assert out.ways() == (w.caller[family], port, ENDPOINT[family], PLAIN), out.ways()


def test_a_datagram_without_a_checksum_stays_without(w):
    port = next(w.ports)
    verdict, out = w.out.run(f.udp(w.caller[4], port, SERVICE[4], PORT, checksum=False))
    out = f.Seen(out)
    assert verdict == f.PASS and out.to == ENDPOINT[4] and out.body[6:8] == b"\0\0"


def test_a_repeated_first_packet_is_no_new_connection(w):
    with w.counts("steered"):
        port, first = w.opened(4)
        _, again = w.out.run(f.tcp(w.caller[4], port, SERVICE[4], PORT))
    assert f.Seen(again).ways() == first.ways()


def test_a_port_is_used_again_after_a_reset(w):
    with w.counts("steered", 2):
        port, _ = w.opened(4)
        w.out.run(f.tcp(w.caller[4], port, SERVICE[4], PORT, f.RST))
        verdict, out = w.out.run(f.tcp(w.caller[4], port, SERVICE[4], PORT))
    assert verdict == f.PASS and f.Seen(out).to == ENDPOINT[4]


def test_one_port_to_one_endpoint_under_two_names_stays_two_connections(w):
    with w.counts("moved_port"):
        port, _ = w.opened(4)
        verdict, out = w.out.run(f.tcp(w.caller[4], port, SERVICE[4], LIMITED))
        out = f.Seen(out)
        assert verdict == f.PASS and out.to == ENDPOINT[4] and out.source_port >= 61001, out.ways()
    _, back = w.back.run(f.tcp(ENDPOINT[4], PLAIN, w.caller[4], out.source_port, f.SYN | f.ACK))
    assert f.Seen(back).ways() == (SERVICE[4], LIMITED, w.caller[4], port)
    w.out.run(f.tcp(w.caller[4], port, SERVICE[4], LIMITED, f.RST))


def test_a_pods_packets_to_itself_turn_round(w):
    for family in FAMILIES:
        port = next(w.ports)
        frame = f.tcp(w.caller[family], port, SERVICE[family], SELF)
        verdict, out = w.out.run(frame)
        seen = f.Seen(out)
        assert verdict == f.REDIRECT and seen.sound() and out[:6] == frame[6:12]
        assert seen.ways() == (SERVICE[family], port, w.caller[family], PLAIN), seen.ways()
        assert w.back.run(out) == (f.PASS, out)
        verdict, out = w.out.run(f.tcp(w.caller[family], PLAIN, SERVICE[family], port,
                                       f.SYN | f.ACK))
        seen = f.Seen(out)
        assert verdict == f.REDIRECT and seen.sound()
        assert seen.ways() == (SERVICE[family], SELF, w.caller[family], port), seen.ways()


# Refusals.

def test_a_refused_connection_is_reset_from_the_service(w):
    for family in FAMILIES:
        with w.counts("refused_no_endpoint"):
            verdict, out = w.out.run(f.tcp(w.caller[family], 7, SERVICE[family], EMPTY, seq=500,
                                           payload=b"early", options=b"\2\4\5\xb4"))
        out = f.Seen(out)
        assert verdict == f.REDIRECT and out.sound()
        assert out.ways() == (SERVICE[family], EMPTY, w.caller[family], 7), out.ways()
        assert out.flags == f.RST | f.ACK and out.ack == 506 and len(out.body) == 20, out.ack


def test_a_refused_datagram_is_told_of(w):
    for family in FAMILIES:
        frame = f.udp(w.caller[family], 7, SERVICE[family], EMPTY)
        verdict, out = w.out.run(frame)
        out = f.Seen(out)
        assert verdict == f.REDIRECT and out.sound(), verdict
        assert (out.source, out.to) == (SERVICE[family], w.caller[family])
        assert out.body[:2] == (b"\1\4" if family == 6 else b"\3\3")
        assert out.body[8:] == frame[14:14 + len(out.body) - 8]


def test_a_limit_refuses_and_is_returned_by_a_reset(w):
    port, _ = w.opened(4, LIMITED)
    with w.counts("refused_limit"):
        assert w.out.run(f.tcp(w.caller[4], 7, SERVICE[4], LIMITED))[0] == f.REDIRECT
    w.back.run(f.tcp(ENDPOINT[4], PLAIN, w.caller[4], port, f.RST | f.ACK))
    port, _ = w.opened(4, LIMITED)
    for program, source, sport, to, dport in (
            (w.out, w.caller[4], port, SERVICE[4], LIMITED),
            (w.back, ENDPOINT[4], PLAIN, w.caller[4], port)):
        program.run(f.tcp(source, sport, to, dport, f.FIN | f.ACK))
    port, _ = w.opened(4, LIMITED)
    w.out.run(f.tcp(w.caller[4], port, SERVICE[4], LIMITED, f.RST))


def test_a_packet_of_no_connection_is_reset(w):
    for family in FAMILIES:
        with w.counts("no_connection"):
            verdict, out = w.out.run(f.tcp(w.caller[family], 7, SERVICE[family], PORT, f.ACK,
                                           b"x" * 500, ack=77))
        out = f.Seen(out)
        assert verdict == f.REDIRECT and out.sound() and out.flags == f.RST and out.seq == 77
    assert w.out.run(f.tcp(w.caller[4], 7, SERVICE[4], PORT, f.RST))[0] == f.DROP


def test_a_checksum_left_to_the_device_is_told_by_its_form(w):
    frame = f.tcp(w.caller[4], 7, SERVICE[4], EMPTY)
    half = f.total(f.pseudo(w.caller[4], SERVICE[4], f.TCP, 20))
    frame = frame[:50] + struct.pack("!H", half) + frame[52:]
    _, out = w.out.run(frame)
    assert f.Seen(out).body[16:18] == struct.pack("!H", half)


# Errors about packets.

def test_errors_about_a_packet_reach_who_sent_it(w):
    for family, kind in ((4, 3), (6, 1)):
        port, first = w.opened(family)
        quoted = first.frame[14:14 + (20 if family == 4 else 40) + 8]
        for teller, shown in ((ENDPOINT[family], SERVICE[family]),
                              ("198.18.7.7" if family == 4 else "fd00:7::7",) * 2):
            verdict, out = w.back.run(f.icmp(teller, w.caller[family], kind, 1, quoted))
            out = f.Seen(out)
            assert verdict == f.PASS and out.sound(), (family, verdict)
            assert (out.source, out.to) == (shown, w.caller[family])
            quote = f.Seen(bytes(12) + (b"\x86\xdd" if family == 6 else b"\x08\0") + out.body[8:])
            assert quote.to == SERVICE[family] and quote.source == w.caller[family]
            assert struct.unpack_from("!HH", quote.frame, quote.l4) == (port, PORT)


def test_errors_of_the_pod_reach_the_endpoint(w):
    for family, kind in ((4, 3), (6, 1)):
        port, _ = w.opened(family, make=f.udp)
        _, answer = w.back.run(f.udp(ENDPOINT[family], PLAIN, w.caller[family], port))
        quoted = answer[14:14 + (20 if family == 4 else 40) + 8]
        verdict, out = w.out.run(f.icmp(w.caller[family], SERVICE[family], kind, 3, quoted))
        out = f.Seen(out)
        assert verdict == f.PASS and out.sound() and out.to == ENDPOINT[family]
        quote = f.Seen(bytes(12) + (b"\x86\xdd" if family == 6 else b"\x08\0") + out.body[8:])
        assert (quote.source, quote.to) == (ENDPOINT[family], w.caller[family])
        assert struct.unpack_from("!HH", quote.frame, quote.l4) == (PLAIN, port)


# Fragments, options, extension headers, VLAN.

def test_later_fragments_follow_the_first(w):
    body = f.udp(w.caller[4], next(w.ports), SERVICE[4], PORT, bytes(64))[34:]
    for offset, part in ((0x2000, body[:24]), (0x2003, body[24:48]), (0x0006, body[48:])):
        verdict, out = w.out.run(f.ip(w.caller[4], SERVICE[4], f.UDP, part, ident=99,
                                      offset=offset))
        assert verdict == f.PASS and f.Seen(out).to == ENDPOINT[4], hex(offset)
    body = f.udp(w.caller[6], next(w.ports), SERVICE[6], PORT, bytes(64))[54:]
    for offset, part in ((0x0001, body[:24]), (0x0018, body[24:])):
        extension = struct.pack("!BBHI", f.UDP, 0, offset, 99)
        verdict, out = w.out.run(f.ip(w.caller[6], SERVICE[6], f.UDP, part,
                                      extensions=(44, extension)))
        assert verdict == f.PASS and f.Seen(out).to == ENDPOINT[6], hex(offset)


def test_a_later_fragment_alone_passes_as_it_is(w):
    frame = f.ip(w.caller[4], SERVICE[4], f.UDP, bytes(24), ident=4242, offset=3)
    with w.counts("fragments_passed"):
        assert w.out.run(frame) == (f.PASS, frame)


def test_options_and_extension_headers_are_looked_behind(w):
    body = f.tcp(w.caller[4], next(w.ports), SERVICE[4], PORT)[34:]
    verdict, out = w.out.run(f.ip(w.caller[4], SERVICE[4], f.TCP, body, options=b"\1" * 40))
    out = f.Seen(out)
    assert verdict == f.PASS and out.to == ENDPOINT[4] and out.sound()
    body = f.udp(w.caller[6], next(w.ports), SERVICE[6], PORT)[54:]
    more = struct.pack("!BB6x", 60, 0) + struct.pack("!BB6x", f.UDP, 0)
    verdict, out = w.out.run(f.ip(w.caller[6], SERVICE[6], f.UDP, body, extensions=(0, more)))
    assert verdict == f.PASS and f.Seen(out).to == ENDPOINT[6]


def test_what_is_none_of_ours_passes_as_it_is(w):
    vlan = f.tcp(w.caller[4], 7, SERVICE[4], PORT)
    routed = f.ip(w.caller[6], SERVICE[6], f.UDP, bytes(8),
                  extensions=(43, struct.pack("!BBBB4x", f.UDP, 0, 0, 1)))
    broadcast = f.udp(w.caller[4], 7, SERVICE[4], PORT)
    for frame in (vlan[:12] + b"\x81\0\0\5" + vlan[12:], routed, b"\xff" * 6 + broadcast[6:],
                  bytes(12) + b"\x08\6" + bytes(28),
                  f.tcp(w.caller[4], 7, "10.1.2.3", PORT), f.udp(w.caller[6], 7, "fd00:1::1", 53),
                  f.icmp(w.caller[4], SERVICE[4], 8, 0, bytes(8)),
                  f.ip(w.caller[4], SERVICE[4], 132, bytes(12))):
        assert w.out.run(frame) == (f.PASS, frame), frame.hex()
    port, _ = w.opened(4)
    tagged = f.tcp(ENDPOINT[4], PLAIN, w.caller[4], port, f.SYN | f.ACK)
    tagged = tagged[:12] + b"\x81\0\0\5" + tagged[12:]
    assert w.back.run(tagged) == (f.PASS, tagged)


def test_malformed_packets_pass_as_they_are_and_are_counted(w):
    good = f.tcp(w.caller[4], 7, SERVICE[4], PORT, payload=b"x" * 10)
    good6 = f.tcp(w.caller[6], 7, SERVICE[6], PORT)
    bad = [good[:34], good[:40], good[:-1], good6[:60], good6[:-1],
           good[:14] + b"\x44" + good[15:],  # a header of 16 bytes
           good[:14] + b"\x65" + good[15:],  # version 6
           good[:24] + b"\0\0" + good[26:],  # its checksum
           good[:46] + b"\x10" + good[47:],  # a TCP header of 4 bytes
           f.ip(w.caller[4], SERVICE[4], f.UDP, struct.pack("!HHHH", 7, PORT, 100, 0)),
           f.ip(w.caller[4], SERVICE[4], f.UDP, b"\0" * 7),
           f.ip(w.caller[6], SERVICE[6], f.UDP, b"", extensions=(0, b"\x11"))]
    for frame in bad:
        with w.counts("malformed"):
            assert w.out.run(frame) == (f.PASS, frame), frame.hex()


# Bytes.

def mutated(seed, r):
    frame = bytearray(seed)
    for _ in range(r.choice((1, 1, 2, 3, 8))):
        how = r.randrange(4)
        at = r.randrange(len(frame)) if frame else 0
        if how == 0 and frame:
            frame[at] = r.randrange(256)
        elif how == 1 and frame:
            frame[at] ^= 1 << r.randrange(8)
        elif how == 2:
            del frame[max(14, at):]
        else:
            frame[at:at] = bytes(r.randrange(256) for _ in range(r.choice((1, 4, 8))))
    return bytes(frame)


def check(w, frame, verdict, out):
    """What holds for all packets: those that are not rewritten are as they were; those that are were
    a packet of the caller's to a service, or back, and are as sound as before."""
    assert verdict in (f.PASS, f.DROP, f.REDIRECT), verdict
    if out == frame or verdict == f.DROP:
        return
    before, after = f.Seen(frame), f.Seen(out)
    assert before.six == after.six
    if before.protocol in (f.TCP, f.UDP): # whoever is on the way may tell of an error
        assert {before.source, before.to} & {*SERVICE.values(), *ENDPOINT.values()}, frame.hex()
    if verdict == f.PASS:
        assert len(out) == len(frame)
        assert out[:12] == frame[:12] and before.protocol == after.protocol
    known = {*SERVICE.values(), *ENDPOINT.values(), before.source, before.to, *w.caller.values()}
    assert {after.source, after.to} <= known, (before.source, before.to, after.source, after.to)
    whole = before.six or not struct.unpack_from("!H", frame, 20)[0] & 0x3fff
    if whole and verdict == f.PASS and before.protocol in (f.TCP, f.UDP):
        assert before.sound() == after.sound(), frame.hex()


def test_no_bytes_are_steered_wrongly(w):
    seconds = float(os.environ.get("FUZZ_SECONDS", "10"))
    seed = random.randrange(1 << 32)
    print(f"# seed {seed}")
    r = random.Random(seed)
    seeds = []
    for family in FAMILIES:
        c, s, e = w.caller[family], SERVICE[family], ENDPOINT[family]
        for make in (f.tcp, f.udp):
            port, first = w.opened(family, make=make)
            seeds += [make(c, port, s, PORT), make(e, PLAIN, c, port), make(c, 9, s, EMPTY),
                      f.icmp(e, c, 3 if family == 4 else 1, 1, first.frame[14:90]),
                      make(c, port, s, PORT, payload=bytes(100))]
        seeds.append(f.ip(c, s, f.UDP, bytes(40), ident=7, offset=0x2000) if family == 4 else
                     f.ip(c, s, f.UDP, bytes(40), extensions=(44, b"\x11\0\0\1\0\0\0\7")))
    end, n = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        frame = mutated(r.choice(seeds), r)
        if len(frame) < 14:
            continue
        n += 1
        for program in (w.out, w.back):
            with contextlib.suppress(OSError):
                check(w, frame, *program.run(frame))
    print(f"# {n} packets")


# A full table.

def test_a_full_table_refuses_new_connections_and_keeps_the_old(w):
    port, _ = w.opened(4)
    w.back.run(f.tcp(ENDPOINT[4], PLAIN, w.caller[4], port, f.SYN | f.ACK))
    slots = next(one["max"] for one in w.mesh.json("maps")["maps"] if one["name"] == "conns")
    before = w.counters()["refused_tracking"]
    refused = False
    for n in range(slots + 2):
        source = f"10.{210 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"
        verdict, _ = w.out.run(f.udp(source, 5, SERVICE[4], PORT))
        refused = refused or verdict == f.REDIRECT
    assert refused and w.counters()["refused_tracking"] > before
    verdict, out = w.out.run(f.tcp(w.caller[4], port, SERVICE[4], PORT, f.ACK))
    assert verdict == f.PASS and f.Seen(out).to == ENDPOINT[4]


if __name__ == "__main__":
    mesh.run_tests()

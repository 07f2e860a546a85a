# SPDX-License-Identifier: GPL-2.0
"""Frames as bytes, and programs run on them by BPF_PROG_TEST_RUN: what goes in, what comes out."""
import contextlib
import ctypes
import ipaddress
import os
import struct

BPF_OBJ_GET, BPF_PROG_TEST_RUN, BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD = 7, 10, 13, 15
SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
PASS, DROP, REDIRECT = -1, 2, 7
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
SYN, ACK, RST, FIN, PSH = 2, 16, 4, 1, 8
libc = ctypes.CDLL(None, use_errno=True)


def bpf(command, attributes):
    result = libc.syscall(SYS_BPF, command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), f"bpf({command})")
    return result


def object_get(path):
    name = ctypes.create_string_buffer(path.encode())
    return bpf(BPF_OBJ_GET, ctypes.create_string_buffer(
        struct.pack("QII", ctypes.addressof(name), 0, 0), 16))


def program_get(root, name, device):
    """The program that is pinned for a device, by its link or, on older kernels, by itself."""
    folder = f"/sys/fs/bpf/{root}"
    if not os.path.exists(f"{folder}/{name}_{device}"):
        way = int(name.endswith(("to", "out")))
        return object_get(f"{folder}/filter_{name}_{way}_{device}")
    link = object_get(f"{folder}/{name}_{device}")
    info = ctypes.create_string_buffer(256)
    bpf(BPF_OBJ_GET_INFO_BY_FD, ctypes.create_string_buffer(
        struct.pack("IIQ", link, len(info), ctypes.addressof(info)), 16))
    os.close(link)
    return bpf(BPF_PROG_GET_FD_BY_ID, ctypes.create_string_buffer(
        struct.pack("III", struct.unpack_from("III", info)[2], 0, 0), 16))


class Program:
    """A program on the packets of a device."""

    def __init__(self, root, name, device):
        self.fd = program_get(root, name, device)
        self.context = ctypes.create_string_buffer(192)
        struct.pack_into("I", self.context, 40, device)
        self.out = ctypes.create_string_buffer(1 << 16)

    def run(self, frame):
        """(verdict, frame) as the program leaves it. OSError: shorter than an IP header."""
        data = ctypes.create_string_buffer(frame, len(frame))
        attributes = ctypes.create_string_buffer(struct.pack(
            "IIIIQQIIIIQQIII", self.fd, 0, len(frame), len(self.out), ctypes.addressof(data),
            ctypes.addressof(self.out), 1, 0, len(self.context), 0,
            ctypes.addressof(self.context), 0, 0, 0, 0), 80)
        bpf(BPF_PROG_TEST_RUN, attributes)
        verdict, _, size = struct.unpack_from("iII", attributes, 4)
        return verdict, self.out.raw[:size]

    def close(self):
        os.close(self.fd)


class XdpProgram(Program):
    """A program of a driver; the device has to have one."""

    def __init__(self, root, name, device):
        super().__init__(root, name, device)
        self.device = device

    def run(self, frame):
        self.context = ctypes.create_string_buffer(
            struct.pack("IIIIII", 0, len(frame), 0, self.device, 0, 0), 24)
        return super().run(frame)


def total(data):
    """The sum of 16-bit words as RFC 1071 has it; 0xffff over what holds its own checksum."""
    data += b"\0" * (len(data) % 2)
    n = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while n >> 16:
        n = (n & 0xffff) + (n >> 16)
    return n


def packed(address):
    return ipaddress.ip_address(address).packed


def pseudo(source, to, protocol, length):
    return packed(source) + packed(to) + struct.pack("!IHBB", length, 0, 0, protocol)


def summed(header, at, more):
    """The header with its checksum at `at`, over `more` as well."""
    n = ~total(more + header[:at] + b"\0\0" + header[at + 2:]) & 0xffff
    return header[:at] + struct.pack("!H", n) + header[at + 2:]


def tcp(source, source_port, to, port, flags=SYN, payload=b"", seq=1000, ack=0, options=b""):
    head = struct.pack("!HHIIBBHHH", source_port, port, seq, ack,
                       (20 + len(options)) // 4 << 4, flags, 1024, 0, 0) + options + payload
    return ip(source, to, TCP, summed(head, 16, pseudo(source, to, TCP, len(head))))


def udp(source, source_port, to, port, payload=b"?", checksum=True):
    head = struct.pack("!HHHH", source_port, port, 8 + len(payload), 0) + payload
    if checksum:
        head = summed(head, 6, pseudo(source, to, UDP, len(head)))
    return ip(source, to, UDP, head)


def icmp(source, to, kind, code, quoted):
    head = struct.pack("!BBHI", kind, code, 0, 0) + quoted
    six = ":" in source
    protocol = ICMP6 if six else ICMP
    return ip(source, to, protocol,
              summed(head, 2, pseudo(source, to, protocol, len(head)) if six else b""))


def ip(source, to, protocol, body, options=b"", extensions=b"", ident=1, offset=0):
    """A frame; `extensions`: (first header's number, bytes) for IPv6, `offset`: the field of IPv4."""
    link = b"\x02\0\0\0\0\x01" + b"\x02\0\0\0\0\x02"
    if ":" in source:
        first, more = extensions or (protocol, b"")
        return (link + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(more + body), first, 64) +
                packed(source) + packed(to) + more + body)
    head = struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body),
                       ident, offset, 64, protocol, 0) + packed(source) + packed(to) + options
    return link + b"\x08\0" + summed(head, 10, b"") + body


class Counting:
    """What has a `mesh` whose counters tell what became of packets."""

    def counters(self):
        return self.mesh.status()["counters"]

    @contextlib.contextmanager
    def counts(self, name, n=1):
        before = self.counters()[name]
        yield
        now = self.counters()[name]
        assert now == before + n, f"{name}: {now - before}, not {n}"


class Seen:
    """What a frame says, for comparing."""

    def __init__(self, frame):
        self.frame = frame
        at = 14
        self.six = frame[12:14] == b"\x86\xdd"
        if self.six:
            self.protocol, self.source, self.to = frame[20], frame[22:38], frame[38:54]
            self.l4, self.end = at + 40, at + 40 + struct.unpack_from("!H", frame, 18)[0]
        else:
            self.protocol, self.source, self.to = frame[23], frame[26:30], frame[30:34]
            self.l4 = at + (frame[14] & 15) * 4
            self.end = at + struct.unpack_from("!H", frame, 16)[0]
        self.body = frame[self.l4:self.end]
        self.source, self.to = (str(ipaddress.ip_address(a)) for a in (self.source, self.to))
        if self.protocol in (TCP, UDP) and len(self.body) >= 4:
            self.source_port, self.port = struct.unpack_from("!HH", self.body)
        if self.protocol == TCP and len(self.body) >= 14:
            self.seq, self.ack, _, self.flags = struct.unpack_from("!IIBB", self.body, 4)

    def ways(self):
        return self.source, self.source_port, self.to, self.port

    def sound(self):
        """Whether all checksums are right."""
        if not self.six and total(self.frame[14:self.l4]) != 0xffff:
            return False
        if self.protocol == UDP and self.body[6:8] == b"\0\0":
            return not self.six
        if self.protocol in (TCP, UDP, ICMP6):
            return total(pseudo(self.source, self.to, self.protocol, len(self.body)) +
                         self.body) == 0xffff
        return self.protocol != ICMP or total(self.body) == 0xffff

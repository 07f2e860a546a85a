# SPDX-License-Identifier: GPL-2.0
"""A node of its own on a network of its own: this process becomes the node, in a network namespace
that ends with it. Beside it on the network are `outside`, who calls, and `far`, another node."""
import atexit
import concurrent.futures
import ctypes
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import tempfile

import yaml

import mesh

CLONE_NEWNET = 0x40000000
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
NODE4, NODE6 = "198.18.0.1", "fd00:198::1"
OUTSIDE4, OUTSIDE6 = "198.18.0.10", "fd00:198::10"
FAR4, FAR6 = "198.18.0.20", "fd00:198::20"
libc = ctypes.CDLL(None, use_errno=True)


def inside(netns, function):
    """What a function returns, or raises, in a network namespace: in a thread that ends there."""
    with concurrent.futures.ThreadPoolExecutor(1) as threads:
        threads.submit(enter, netns).result()
        return threads.submit(function).result()


def enter(netns):
    with open(f"/run/netns/{netns}", encoding="utf-8") as f:
        if libc.setns(f.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "setns")


def ethtool(device, command, value):
    """As `ethtool -K DEVICE ...` does."""
    buffer = ctypes.create_string_buffer(struct.pack("II", command, value))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        request = struct.pack("16sP", device.encode(), ctypes.addressof(buffer))
        fcntl.ioctl(s, SIOCETHTOOL, request)
    return True


def take_xdp(device):
    """A veth takes what XDP sends it only while it has a program of its own: one that passes all."""
    passes = struct.pack("<BBhiBBhi", 0xb7, 0, 0, 2, 0x95, 0, 0, 0)  # r0 = XDP_PASS, exit
    code, licence = ctypes.create_string_buffer(passes), ctypes.create_string_buffer(b"GPL")
    program = bpf(5, struct.pack("IIQQ", 6, 2, ctypes.addressof(code), ctypes.addressof(licence)))
    index = socket.if_nametoindex(device)
    return bpf(28, struct.pack("IIII", program, index, 37, 0))  # BPF_LINK_CREATE, BPF_XDP


def bpf(command, attributes):
    buffer = ctypes.create_string_buffer(attributes, 128)
    fd = libc.syscall(321, command, buffer, 128)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf")
    return fd


def ip(*words):
    mesh.run("ip", *words)


def link(name, addresses):
    """A namespace with one device on the network."""
    ip("netns", "add", name)
    ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", name[-8:], "netns", LAN)
    ip("-n", LAN, "link", "set", name[-8:], "master", "lan", "up")
    for device in "lo", "eth0":
        ip("-n", name, "link", "set", device, "up")
    for address in addresses:
        ip("-n", name, "address", "add", address, "dev", "eth0", *(["nodad"] * (":" in address)))
    # A packet whose checksum is left to the device is none that XDP may change.
    inside(name, lambda: ethtool("eth0", ETHTOOL_STXCSUM, 0))


PREFIX = f"t{os.getpid()}-"
LAN, OUTSIDE, FAR = PREFIX + "lan", PREFIX + "outside", PREFIX + "far"


def down():
    for name in FAR, OUTSIDE, LAN:
        mesh.run("ip", "netns", "del", name, check=False)
    shutil.rmtree(os.environ.get("SHUNT_PODS", ""), ignore_errors=True)


def write(path, text):
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def up():
    """From here on this process and its children are the node."""
    atexit.register(down)
    os.environ["SHUNT_PODS"] = tempfile.mkdtemp(prefix="shunt-pods-")
    if libc.unshare(CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    write("/proc/sys/net/ipv4/ip_forward", "1")
    write("/proc/sys/net/ipv6/conf/all/forwarding", "1")
    ip("link", "set", "lo", "up")
    ip("netns", "add", LAN)
    ip("-n", LAN, "link", "add", "lan", "type", "bridge", "mcast_snooping", "0")
    ip("-n", LAN, "link", "set", "lan", "up")
    ip("link", "add", "eth0", "type", "veth", "peer", "name", "node", "netns", LAN)
    ip("-n", LAN, "link", "set", "node", "master", "lan", "up")
    inside(LAN, lambda: take_xdp("node"))
    ip("link", "set", "eth0", "up")
    ip("address", "add", NODE4 + "/24", "dev", "eth0")
    ip("address", "add", NODE6 + "/64", "dev", "eth0", "nodad")
    ip("route", "add", "default", "via", "198.18.0.254")
    ip("route", "add", "default", "via", "fd00:198::254")
    link(OUTSIDE, [OUTSIDE4 + "/24", OUTSIDE6 + "/64"])
    link(FAR, [FAR4 + "/24", FAR6 + "/64"])
    ip("-n", OUTSIDE, "route", "add", "203.0.113.0/24", "via", NODE4)
    ip("-n", FAR, "route", "add", "10.244.0.0/16", "via", NODE4) # the pods, as nodes know of each other
    ip("-n", FAR, "route", "add", "fd00:244::/32", "via", NODE6)
    ip("-n", OUTSIDE, "route", "add", "2001:db8:5::/64", "via", NODE6)


class Node(mesh.Mesh):
    """A mesh whose local pods are on the node "here"."""

    def __init__(self, *args, agent_arguments=(), **more):
        # agents see the namespaces of all nodes on this machine: no two pods may have one address
        more.setdefault("pods_arguments", ("--subnet", str(100 + os.getpid() % 150)))
        super().__init__(*args, agent_arguments=["--node", "here", *agent_arguments], **more)

    def write(self, name, text):
        if name == "pods.yaml":
            pods = list(yaml.safe_load_all(text))
            for pod in pods:
                pod["spec"]["nodeName"] = "here"
            text = yaml.safe_dump_all(pods, sort_keys=False, explicit_start=True)
        super().write(name, text)


def greeting(target, netns=OUTSIDE, timeout=5):
    """[pod, version, peer as the server sees it] of one connection from a namespace."""
    host, _, port = target.rpartition(":")

    def call():
        with socket.create_connection((host.strip("[]"), int(port)), timeout) as s:
            return s.makefile().readline().split()

    return inside(netns, call)


def client(target, netns=OUTSIDE, **options):
    """Runs a client that nothing steers but the node; its tally."""
    out = mesh.run(*mesh.client_arguments(target, {"netns": netns, **options}), timeout=120).stdout
    lines = out.splitlines()
    tally = yaml.safe_load(lines[-1])
    tally["sequence"] = [tuple(line.split()) for line in lines[:-1]]
    return tally


class Callers:
    """What load.Load needs of a mesh, for callers from outside."""

    def __init__(self, m):
        self.folder = m.folder

    @staticmethod
    def spawn(target, **options):
        return subprocess.Popen(mesh.client_arguments(target, {"netns": OUTSIDE, **options}),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                stdin=subprocess.DEVNULL, text=True)

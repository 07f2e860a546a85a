# SPDX-License-Identifier: GPL-2.0
"""Connections through services with both ends in the test's own hands, each in a namespace of its
choice, all in the mesh's cgroup; and servers beside them."""
import contextlib
import ctypes
import os
import socket
import subprocess

import mesh

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
CLOSED = 7  # TCP_CLOSE

SERVICE = """apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}}}
spec:
  hosts: [{name}.test]
  addresses: ["{address}"]
  ports: [{{number: 80, name: tcp, protocol: TCP}}, {{number: 81, name: tcp-own, protocol: TCP}}]
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
  - {{address: "{to}", ports: {{tcp: {tool}, tcp-own: {own}}}}}
---
"""

# way: the service's address, the server's, the namespaces of client and server
WAYS = {
    "loopback": ("10.96.7.1", "127.0.0.1", None, None),
    "loopback6": ("2001:2::7:1", "::1", None, None),
    "veth": ("10.96.7.2", "10.88.0.2", "a", "b"),
    "veth6": ("2001:2::7:2", "fd88::2", "a", "b"),
}
ROUTES = (["ip", "route"], "10.96.7.0/29"), (["ip", "-6", "route"], "2001:2::7:0/112")


@contextlib.contextmanager
def inside(cgroup, netns=None):
    """Sockets that are made meanwhile belong to the cgroup and the namespace, for as long as they
    live; so do processes."""
    with open("/proc/self/cgroup", encoding="ascii") as f:
        own = next(line[3:].strip() for line in f if line.startswith("0::"))
    home = mesh.cgroup2_mount() + own
    with open("/proc/thread-self/ns/net", "rb") as back:
        enter(cgroup)
        try:
            if netns:
                with open(f"/run/netns/{netns}", "rb") as there:
                    setns(there)
            yield
        finally:
            setns(back)
            enter(home)


def enter(cgroup):
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as f:
        f.write(str(os.getpid()))


def setns(file):
    if libc.setns(file.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def disconnect(sock):
    """connect() to no address."""
    if libc.connect(sock.fileno(), bytes(16), 16):
        raise OSError(ctypes.get_errno(), "connect")


def state(sock):
    """Of the kernel's socket, as in TCP_INFO: 1 established, 7 closed."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


def network(name_a, name_b):
    """Two namespaces and a wire: 10.88.0.1 and 10.88.0.2, fd88::1 and fd88::2."""
    for name in (name_a, name_b):
        mesh.run("ip", "netns", "add", name)
        mesh.run("ip", "-n", name, "link", "set", "lo", "up")
    mesh.run("ip", "-n", name_a, "link", "add", "w", "type", "veth", "peer", "name", "w", "netns",
             name_b)
    for name, number in ((name_a, 1), (name_b, 2)):
        mesh.run("ip", "-n", name, "addr", "add", f"10.88.0.{number}/24", "dev", "w")
        mesh.run("ip", "-n", name, "addr", "add", f"fd88::{number}/64", "dev", "w", "nodad")
        mesh.run("ip", "-n", name, "link", "set", "w", "up")


class Ends:
    """A mesh with a service for each way; its pairs of namespaces are a and b, and their twins."""

    def __init__(self, *agent_arguments, text=""):
        self.arguments = agent_arguments
        self.text = text
        self.stack = contextlib.ExitStack()
        self.servers = {}

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def _make(self):
        for command, subnet in ROUTES:
            if not mesh.run(*command, "add", "blackhole", subnet, check=False).returncode:
                self.stack.callback(mesh.run, *command, "del", "blackhole", subnet, check=False)
        self.tool, self.own = mesh.free_port(), mesh.free_port()
        text = "".join(SERVICE.format(name=way, address=address, to=to, tool=self.tool, own=self.own)
                       for way, (address, to, _, _) in WAYS.items())
        self.m = self.stack.enter_context(
            mesh.Mesh(text + self.text, agent_arguments=self.arguments))
        self.stack.callback(self._end_servers)
        self.names = {n: f"{self.m.id}-{n}" for n in ("a", "b", "a2", "b2")}
        for name in self.names.values():
            self.stack.callback(mesh.run, "ip", "netns", "del", name, check=False)
        network(self.names["a"], self.names["b"])

    def _netns(self, way, server):
        name = WAYS[way][3 if server else 2]
        return self.names[name] if name else None

    # A server program.

    def serve(self, way, tool):
        netns = self._netns(way, True)
        if netns in self.servers and self.servers[netns].poll() is None:
            return
        argv = [tool, "--serve", "--cgroup", self.m.cgroup]
        p = subprocess.Popen(argv + (["--netns", netns] if netns else []) + [f"[::]:{self.tool}"],
                             stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        self.servers[netns] = p
        assert p.stdout.readline() == b"ready\n"

    def spawn(self, *argv):
        """A process in the mesh's cgroup, as long as this lives."""
        with inside(self.m.cgroup):
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        self.servers[p.pid] = p

    def target(self, way):
        address = WAYS[way][0]
        return f"[{address}]:80" if ":" in address else f"{address}:80"

    def netns_of(self, way):
        netns = self._netns(way, False)
        return ["--netns", netns] if netns else []

    def assert_servers_live(self):
        for p in self.servers.values():
            assert p.poll() is None, f"a server ended with {p.returncode}"

    def _end_servers(self):
        for p in self.servers.values():
            p.kill()
            p.wait(30)
            p.stdout.close()

    # Both ends in this process.

    def listener(self, way, netns=None):
        address = WAYS[way][1]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(self.m.cgroup, netns or self._netns(way, True)):
            s = socket.socket(family)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, self.own))
        s.listen(16)
        return s

    def dialler(self, way, port=0, netns=None):
        address = WAYS[way][0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with inside(self.m.cgroup, netns or self._netns(way, False)):
            s = socket.socket(family)
        if port:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("", port))
        return s

    def dial(self, way, port=0, netns=None, address=None):
        s = self.dialler(way, port, netns)
        self.connect(s, way, address)
        return s

    def connect(self, sock, way, address=None):
        with inside(self.m.cgroup):
            sock.connect((address or WAYS[way][0], 81))

    @contextlib.contextmanager
    def pair(self, way="loopback"):
        """The client's end and the server's."""
        with self.listener(way) as listener, self.dial(way) as c:
            s, _ = listener.accept()
            with s:
                yield c, s

    @contextlib.contextmanager
    def twins(self):
        """A second network like the first one; dials in both."""
        network(self.names["a2"], self.names["b2"])
        with contextlib.ExitStack() as stack:
            listeners = [stack.enter_context(self.listener("veth", self.names[n]))
                         for n in ("b", "b2")]
            yield Twins(self, listeners)


class Twins:
    def __init__(self, ends, listeners):
        self.ends = ends
        self.listeners = listeners

    def dial_both(self, port):
        """[(client, server)] of each network, by handshakes that run at the same time."""
        clients = [self.ends.dialler("veth", port, self.ends.names[n]) for n in ("a", "a2")]
        with inside(self.ends.m.cgroup):
            for c in clients:
                c.setblocking(False)
                c.connect_ex((WAYS["veth"][0], 81))
        servers = [listener.accept()[0] for listener in self.listeners]
        for c in clients:
            c.setblocking(True)
        return list(zip(clients, servers))

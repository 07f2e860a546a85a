# SPDX-License-Identifier: GPL-2.0
"""A proxy without an agent: the test speaks to it over its control socket."""
import atexit
import contextlib
import functools
import json
import mmap
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

from mesh import BUILD, SHUNT, free_port, wait_for

LISTENER, LISTENER_GONE, SNAPSHOT, DRAIN, HEARTBEAT, STATS, TAKEN, COUNTS = range(1, 9)
STATS_CLIENTS = 2
MESSAGE = struct.Struct("<IIIIq256s")
SERVER = os.path.join(BUILD, "tools", "server")
ADDRESS = "10.9.9.9"  # what clients are said to have dialled


@functools.cache
def blackhole():
    """What goes on as dialled ends here. A route of this process's own, told by its metric."""
    route = ["blackhole", ADDRESS, "metric", str(os.getpid())]
    subprocess.run(["ip", "route", "add", *route], check=True)
    atexit.register(subprocess.run, ["ip", "route", "del", *route], check=False)


def entry(name="web", port=80, protocol="HTTP", versions=None, address=ADDRESS, rules="", policy=""):
    """A host with a subset for each version, whose servers listen on ports of 127.0.0.1."""
    text = f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{name}.test]
  addresses: [{address}]
  ports: [{{number: {port}, name: p, protocol: {protocol}}}]
  resolution: STATIC
  endpoints:
"""
    for version, ports in versions.items():
        for at in ports:
            text += f"  - {{address: 127.0.0.1, ports: {{p: {at}}}, labels: {{version: {version}}}}}\n"
    text += f"""---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}, namespace: default}}
spec:
  host: {name}.test
  subsets:
"""
    for version in versions:
        text += f"  - {{name: {version}, labels: {{version: {version}}}}}\n"
    if policy:
        text += f"  trafficPolicy: {{{policy}}}\n"
    if rules:
        text += f"""---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}, namespace: default}}
spec:
  hosts: [{name}.test]
  http:
{rules}
"""
    return text


def block(text):
    """What the agent would hand over for these objects."""
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as f:
        f.write(text)
        f.flush()
        p = subprocess.run([os.path.join(BUILD, "tools", "block"), f.name], capture_output=True,
                           check=False, timeout=60)
    if p.returncode:
        raise AssertionError(p.stderr.decode())
    return p.stdout


class Proxy:
    """Runs the proxy; what is accepted at `port` was dialled at `dialled`."""

    def __init__(self, text, *options, dialled=f"{ADDRESS}:80", workers=2):
        blackhole()
        first = block(text)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.control = ours
        self.log = tempfile.NamedTemporaryFile("r", suffix=".log")
        os.chmod(self.log.name, 0o666)
        self.process = subprocess.Popen(
            [SHUNT, "proxy", "--control", str(theirs.fileno()), "--destination", dialled,
             "--workers", str(workers), "--access-log", self.log.name, *options],
            pass_fds=[theirs.fileno()])
        theirs.close()
        self.control.settimeout(20)
        try:
            self.take(first)
            self.port = self.listen()
        except BaseException:
            self.process.kill()
            raise

    def send(self, kind, number=0, scope=0, caller="", fd=None, ident=1):
        message = MESSAGE.pack(kind, ident, scope, 0, number, caller.encode())
        socket.send_fds(self.control, [message], [] if fd is None else [fd])

    def receive(self, kind):
        message, fds, _, _ = socket.recv_fds(self.control, MESSAGE.size, 1)
        got, _, _, _, number, _ = MESSAGE.unpack(message)
        assert got == kind, (got, kind)
        return number, fds

    def table(self, text):
        self.take(block(text))

    def take(self, data, error=0):
        """Hands over a block, which is refused with that error."""
        fd = os.memfd_create("block")
        try:
            assert os.write(fd, data) == len(data)
            self.send(SNAPSHOT, fd=fd)
        finally:
            os.close(fd)
        number, _ = self.receive(TAKEN)
        assert number == -error, os.strerror(-number)

    def listen(self, ident=7):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", 0))
            s.listen(4096)
            s.setblocking(False)
            self.send(LISTENER, fd=s.fileno(), scope=1, caller="default/client", ident=ident)
            return s.getsockname()[1]

    def stats(self, number=0):
        self.send(STATS, number=number)
        _, fds = self.receive(COUNTS)
        with os.fdopen(fds[0]) as f:
            return json.load(f)

    def clients(self):
        return self.stats(number=STATS_CLIENTS)["clients"]

    def route(self, **want):
        """The counts of the one route whose fields hold these texts."""
        found = [r for r in self.stats()["routes"] if all(v in r[k] for k, v in want.items())]
        assert len(found) == 1, found
        return found[0]

    def heartbeat(self):
        fd = os.memfd_create("page")
        os.ftruncate(fd, 4096)
        self.send(HEARTBEAT, fd=fd)
        page = mmap.mmap(fd, 4096)
        os.close(fd)
        return page

    def logged(self, part):
        """The line of the access log that holds `part`, once it is there."""
        lines = []

        def found():
            lines.extend(self.log.readlines())
            return next((line for line in lines if part in line), None)
        return wait_for(found, what=f"a line of the log with {part!r}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            status = self.process.wait(10)
        finally:
            self.process.kill()
            self.control.close()
            self.log.close()
        assert status in (0, -signal.SIGKILL), status


@contextlib.contextmanager
def servers(**versions):
    """Test servers, `v1=2` of them; their ports by version."""
    ports, running = {}, []
    try:
        for version, number in versions.items():
            ports[version] = [free_port() for _ in range(number)]
            for port in ports[version]:
                running.append(subprocess.Popen([SERVER, "--name", f"{version}-{port}", "--version",
                                                 version, "--listen", f"127.0.0.1:{port}"]))
        for port in [p for ports_ in ports.values() for p in ports_]:
            wait_for(lambda port=port: answers(port), what="the server")
        yield ports
    finally:
        for p in running:
            p.kill()
            p.wait()


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Upstream:
    """A server of the test's own: `serve(socket)` for each connection, in a thread."""

    def __init__(self, serve):
        self.serve = serve
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.socket.getsockname()[1]
        self.accepted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                s, _ = self.socket.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        with s, contextlib.suppress(OSError):
            self.serve(s)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def read_head(s):
    """Up to the empty line; what came behind it, too."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = s.recv(65536)
        if not more:
            raise ConnectionResetError
        data += more
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode(), rest


def read_all(s):
    data = b""
    while True:
        more = s.recv(65536)
        if not more:
            return data
        data += more


def call(port, path="/", method="GET", headers=None, body=None, host="web.test", timeout=20):
    """One request on a connection of its own: status, headers, body."""
    import http.client
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        c.request(method, path, body=body, headers={"Host": host, **(headers or {})})
        r = c.getresponse()
        return r.status, {k.lower(): v for k, v in r.getheaders()}, r.read()
    finally:
        c.close()


def connect(port):
    s = socket.create_connection(("127.0.0.1", port))
    s.settimeout(20)
    return s


def clock():
    return time.monotonic_ns()

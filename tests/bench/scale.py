# SPDX-License-Identifier: GPL-2.0
"""Rows about size: what a connect, a start and a change cost when there are many services."""
import contextlib
import ctypes
import json
import os
import platform
import re
import socket
import time

import mesh
from figures import Result
from ground import Ground, libc
from peers import Peers

SYS_BPF = {"x86_64": 321, "aarch64": 280}
BPF_ENABLE_STATS = 32
PROGRAMS = ("connect4", "sockops", "sock_release")
FILE_SERVICES = 1000  # a file
DIAL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "dial")
STARTS = 5
SHIFTS = 40

ENTRY = """---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata:
  name: s{n}
spec:
  hosts:
  - s{n}.bench
  addresses:
  - 10.100.{high}.{low}
  ports:
  - number: 80
    name: tcp
    protocol: TCP
  location: MESH_INTERNAL
  resolution: STATIC
  endpoints:
{endpoints}"""

ENDPOINT = """  - address: {address}
    ports:
      tcp: {port}
    labels:
      version: v{version}
"""

RULE = """---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: s{n}}}
spec:
  host: s{n}.bench
  subsets: [{{name: v1, labels: {{version: v1}}}}, {{name: v2, labels: {{version: v2}}}}]
"""

SPLIT = """---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: s{n}}}
spec:
  hosts: [s{n}.bench]
  tcp:
  - route:
    - {{destination: {{host: s{n}.bench, subset: v1}}, weight: {first}}}
    - {{destination: {{host: s{n}.bench, subset: v2}}, weight: {second}}}
"""

SERVICE = """---
apiVersion: v1
kind: Service
metadata:
  name: s{n}
  namespace: default
spec:
  clusterIP: 10.100.{high}.{low}
  ports:
  - name: tcp
    port: 80
    targetPort: 8080
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: s{n}-a
  namespace: default
  labels:
    kubernetes.io/service-name: s{n}
addressType: IPv4
ports:
- name: tcp
  port: 8080
  protocol: TCP
endpoints:
{endpoints}"""

SLICE_ENDPOINT = """- addresses:
  - {address}
  conditions:
    ready: true
"""


def far(n):
    """An address of no host here: it is planned, never called."""
    return f"10.{200 + (n >> 16)}.{n >> 8 & 255}.{n & 255}"


def entries(begin, end, endpoints, ports=None):
    """ServiceEntries; with `ports` each leads to both of them, on loopback."""
    for n in range(begin, end):
        rows = [("127.0.0.1", ports[i % 2]) if ports else (far(n * endpoints + i), 8080)
                for i in range(endpoints)]
        yield ENTRY.format(n=n, high=n >> 8, low=n & 255, endpoints="".join(
            ENDPOINT.format(address=address, port=port, version=1 + i % 2)
            for i, (address, port) in enumerate(rows)))


def slices(begin, end, endpoints):
    for n in range(begin, end):
        yield SERVICE.format(n=n, high=n >> 8, low=n & 255, endpoints="".join(
            SLICE_ENDPOINT.format(address=far(n * endpoints + i)) for i in range(endpoints)))


def splits(begin, end):
    for n in range(begin, end):
        yield RULE.format(n=n) + SPLIT.format(n=n, first=75, second=25)


def write(m, name, services, make, *more):
    for begin in range(0, services, FILE_SERVICES):
        end = min(begin + FILE_SERVICES, services)
        m.write(f"{name}-{begin}.yaml", "".join(make(begin, end, *more)))


class RunStatistics(contextlib.ExitStack):
    """The kernel counts the programs' time for as long as this is open, and no longer."""

    def __enter__(self):
        number = SYS_BPF.get(platform.machine())
        attr = (ctypes.c_uint32 * 32)()  # type 0: run time
        fd = libc.syscall(number, BPF_ENABLE_STATS, attr, ctypes.sizeof(attr)) if number else -1
        if fd < 0:
            raise OSError(f"no BPF run statistics: {os.strerror(ctypes.get_errno())}")
        self.callback(os.close, fd)
        return self


def program_ids(root):
    folder = f"/sys/fs/bpf/{root}"
    return {name: json.loads(mesh.run("bpftool", "-j", "link", "show", "pinned",
                                      f"{folder}/link_{name}").stdout)["prog_id"]
            for name in PROGRAMS}


def run_time(ids):
    """(ns, runs) of each program, so far."""
    times = {}
    for name, number in ids.items():
        p = json.loads(mesh.run("bpftool", "-j", "prog", "show", "id", str(number)).stdout)
        times[name] = p.get("run_time_ns", 0), p.get("run_cnt", 0)
    return times


class World:
    """A mesh with so many services, each a 75/25 split over two live servers."""

    def __init__(self, stack, services, ports):
        self.services = services
        self.mesh = stack.enter_context(mesh.Mesh(agent=False))
        self.places = Ground.places(self.mesh.cgroup)
        write(self.mesh, "entries", services, entries, 2, ports)
        write(self.mesh, "splits", services, splits)
        self.mesh.start_agent()
        self.ids = program_ids(self.mesh.root)

    def dial(self, ground, many):
        """ns of the connect program for each connection to the first `many` services in turn."""
        was = run_time(self.ids)
        ground.run([DIAL, str(many)], self.places, "client")
        now = run_time(self.ids)
        return {name: (now[name][0] - was[name][0]) / max(now[name][1] - was[name][1], 1)
                for name in self.ids}


def connect_flat(ground, stack, rounds):
    """The same ten services are dialled among ten and among 10,000; then all that there are."""
    same = Result("connect_flat", "BPF time of a connect, with 10,000 services / with 10",
                  most=1.05, noise=3)
    spread = Result("connect_flat_all", "the same, when all 10,000 are dialled in turn", noise=5)
    try:
        stack.enter_context(RunStatistics())
    except OSError as e:
        same.note = spread.note = str(e)
        return [same, spread]
    ports = Peers(ground).backends
    few, many = (World(stack, n, ports) for n in (10, 10000))
    costs = []
    for n in range(3 * rounds):  # single runs of a program are short and their times wide
        pair = [(few, 10), (many, 10)]
        costs_now = {w: w.dial(ground, m) for w, m in (pair if n % 2 else reversed(pair))}
        base, other = costs_now[few], costs_now[many]
        costs.append(base)
        same.values.append(other["connect4"] / base["connect4"])
        if n % 3 == 0:
            wide = many.dial(ground, 10000)
            spread.values.append(wide["connect4"] / base["connect4"])
    middle = {name: sorted(c[name] for c in costs)[len(costs) // 2] for name in PROGRAMS}
    same.note = ", ".join(f"{name} {ns:.0f} ns a run" for name, ns in middle.items())
    return [same, spread]


class Ready:
    """Stands for the service manager: hears when the agent says that its plan is in force."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(120)

    def __enter__(self):
        self.socket.bind(self.path)
        os.environ["NOTIFY_SOCKET"] = self.path
        return self

    def wait(self):
        while b"READY=1" not in self.socket.recv(512):
            pass

    def __exit__(self, *_):
        del os.environ["NOTIFY_SOCKET"]
        self.socket.close()
        os.unlink(self.path)


def peak_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) / 1024


def one_start(make, services, endpoints):
    """Seconds from exec to in force in a kernel that has nothing of us, and the peak in MiB."""
    with mesh.Mesh(agent=False) as m, Ready(m.folder) as ready:
        write(m, "services", services, make, endpoints)
        begin = time.monotonic()
        m.start_agent(wait=False)
        ready.wait()
        seconds, mib = time.monotonic() - begin, peak_mib(m.agent.pid)
        hosts = m.status()["hosts"]
        assert hosts == services, f"{hosts} hosts in force, not {services}"
        return seconds, mib


def load_100k(starts):
    results = []
    for name, make, what in (("load_100k", entries, "ServiceEntries"),
                             ("load_100k_slices", slices, "Services and EndpointSlices")):
        bound = {"most": 2} if make is entries else {}
        size = {"most": 150} if make is entries else {}
        took = Result(name, f"10,000 services, 100,000 endpoints from {what}, exec to in force",
                      unit=" s", noise=15, **bound)
        peak = Result(name + "_rss", "the agent's peak", unit=" MiB", noise=5, **size)
        for _ in range(starts):
            seconds, mib = one_start(make, 10000, 10)
            took.values.append(seconds)
            peak.values.append(mib)
        results += [took, peak]
    return results


def run_ms(argv, want=0):
    """From exec to its end; milliseconds."""
    null = [(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)]
    begin = time.monotonic()
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    took = 1000 * (time.monotonic() - begin)
    assert status == want, f"exit {status}: {' '.join(argv)}"
    return took


def shift_latency(shifts):
    """`shunt apply` of a weight that differs from the one in force, again and again."""
    results = []
    for services in (10, 10000):
        r = Result(f"shift_latency_{services}", f"shunt apply of one weight among {services:,} "
                   "services, exec to return", unit=" ms", most=10, noise=15)
        with mesh.Mesh(agent=False) as m:
            write(m, "entries", services, entries, 10)
            m.write("rule.yaml", RULE.format(n=7))
            m.start_agent()
            files = []
            for first in (75, 50):
                files.append(os.path.join(m.folder, f"weight-{first}.yaml"))
                with open(files[-1], "w", encoding="utf-8") as f:
                    f.write(SPLIT.format(n=7, first=first, second=100 - first))
            argv = [mesh.SHUNT, "apply", "--root", m.root, "-f"]
            run_ms(argv + [files[1]])
            was = m.status()["plan"]
            r.values = [run_ms(argv + [files[i % 2]]) for i in range(shifts)]
            now = m.status()
            assert (now["plan"] - was, now["hosts"]) == (shifts, services), now
        results.append(r)
    both = Result("shift_latency", "the slower of both", unit=" ms", most=10, noise=15)
    both.values = max(results, key=lambda r: r.value).values
    return results + [both]


def run(ground, stack, wanted, rounds):
    results = []
    if wanted("connect_flat"):
        results += connect_flat(ground, stack, rounds)
    if wanted("load_100k"):
        results += load_100k(STARTS)
    if wanted("shift_latency"):
        results += shift_latency(SHIFTS)
    return results, []

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The proxy dies, hangs, crashes again and again, is replaced, and is taken over by another agent,
under load: what the kernel steers sees none of it, and a planned change fails no request."""
import contextlib
import ctypes
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time

import builds
import l7
import mesh
import objects
from load import Load
from proxied import DRAIN, Proxy, clock, connect, entry, read_all, read_head, servers
from proxy_test import CALLER, JASON, by_user, fixture, proxies, serving, web

S = 10**9
BACK = 3 * S  # within which a dead proxy is back


def target(m, host):
    return objects.targets(m, host)[0]


def url(m, host):
    return f"http://{target(m, host)}/"


def log(m):
    with open(m.log, encoding="utf-8", errors="replace") as f:
        return f.read()


def children(m):
    """Numbers of its descriptors and threads, of the agent."""
    folder = f"/proc/{m.agent.pid}/"
    return len(os.listdir(folder + "fd")), len(os.listdir(folder + "task"))


class Clients:
    """What people use, each with connections that it keeps: none of their requests may fail.
    With `full` some send as fast as they can."""

    def __init__(self, m, host, full=True):
        self.folder = os.path.join(m.folder, f"clients-{next(mesh.numbers)}")
        os.mkdir(self.folder)
        at = url(m, host)
        self.fresh = Load(m, target(m, host), pod=CALLER, rate=200)
        self.wrk = [l7.beside(m, CALLER, "wrk", "-t1", *more, at)
                    for more in (("-c32", "-d600"), ("-c8", "-d600", "-H", "connection: close"))
                    if full]
        self.hey = l7.beside(m, CALLER, "hey", "-z", "36000s", "-c", "4", "-q", "50", at)
        self.callers = [self._caller(m, at, rate) for rate in (300, 20, 0.7)]
        for path, _ in self.callers:
            mesh.wait_for(lambda path=path: self.rows(path), what="the first answer")

    def _caller(self, m, at, rate):
        path = os.path.join(self.folder, str(rate))
        return path, l7.beside(m, CALLER, sys.executable, l7.HERE + "/l7_caller.py", at, str(rate),
                               path)

    @staticmethod
    def rows(path):
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as f:
            return [line.split() for line in f if line.endswith("\n")]
        return []

    def processes(self):
        return [*self.wrk, self.hey, *(p for _, p in self.callers)]

    def go_on(self, number=100):
        """So many more requests of each that has no pause."""
        before = len(self.rows(self.callers[0][0]))
        self.fresh.wait(number)
        mesh.wait_for(lambda: len(self.rows(self.callers[0][0])) >= before + number, 30)

    def end(self):
        """Asserts that no request of any of them failed."""
        tally = self.fresh.end()
        assert tally["by_status"] == {"200": tally["connections"]}, tally
        for path, p in self.callers:
            p.terminate()
            p.communicate(timeout=30)
            failed = [row for row in self.rows(path) if row[2] != "200"]
            assert not failed, (path, len(failed), failed[:3])
        for p in (*self.wrk, self.hey):
            p.send_signal(signal.SIGINT)
        for p in self.wrk:
            out = p.communicate(timeout=30)[0]
            assert "requests in" in out, out
            assert "Non-2xx" not in out and "Socket errors" not in out, out
        out = self.hey.communicate(timeout=30)[0]
        assert "[200]" in out and "Error" not in out, out

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for p in (*self.processes(), self.fresh.process):
            if p.poll() is None:
                p.kill()
                p.communicate()


# It dies.

def test_killed_under_load(m):
    """Connections that it had accepted are reset; those begun since its end go past it, and to the
    next one within three seconds; nothing waits for longer than that; the kernel's see nothing."""
    with Load(m, target(m, "reviews"), pod=CALLER, rate=300, header=JASON) as jason, \
            Load(m, target(m, "strict"), pod=CALLER, rate=100) as strict, \
            Load(m, target(m, "plain"), pod=CALLER, rate=300) as plain, \
            contextlib.ExitStack() as stack:
        kept = [l7.beside(m, CALLER, "wrk", "-t1", "-c100", "-d600", url(m, "plain")),
                l7.beside(m, CALLER, "wrk", "-t1", "-c200", "-d600", url(m, "reviews"))]
        for p in kept:
            stack.callback(p.kill)
        pid = serving(m)
        jason.wait(300)
        killed = clock()
        os.kill(pid, signal.SIGKILL)
        mesh.wait_for(lambda: pid not in proxies(m))
        dead = clock()
        assert serving(m) != pid
        assert clock() - dead < BACK
        for one in (jason, strict, plain):
            one.wait(100)
        tallies = [one.end() for one in (jason, strict, plain)]
        for p in kept:
            p.send_signal(signal.SIGINT)
        out = kept[0].communicate(timeout=30)[0]
        assert "requests in" in out and "Socket errors" not in out, out
        kept[1].communicate(timeout=30)
    assert tallies[2]["ok"] == tallies[2]["connections"], tallies[2]
    for begin, end, result, *_ in jason.rows() + strict.rows():
        assert end - begin < BACK, (begin - dead, end - begin, result)
    since = [row for row in jason.rows() if row[0] > dead]
    assert {row[2] for row in since} == {"ok"}, since[:5]
    assert {row[2] for row in jason.rows() if row[0] < killed} <= {"ok", "reset"}
    assert min(row[0] for row in since if row[4] == "v2") - dead < BACK
    assert {row[2] for row in strict.rows()} <= {"ok", "reset", "refused"}
    assert strict.rows()[-1][2] == "ok"


def test_stopped_it_is_bypassed_and_then_replaced(m):
    """For ten seconds it may go on; then it is killed, and what it held is reset."""
    pid, at = serving(m), target(m, "reviews")
    with Load(m, target(m, "plain"), pod=CALLER, rate=300) as plain, \
            Load(m, at, pod=CALLER, rate=40, parallel=150, timeout=60000, header=JASON) as jason:
        os.kill(pid, signal.SIGSTOP)
        began = clock()
        mesh.wait_for(lambda: state(m) == "hung", 5)
        mesh.wait_for(lambda: pid not in proxies(m), 20, "it is killed")
        killed = clock()
        assert serving(m) != pid
        jason.wait(100)
        jason_tally, plain_tally = jason.end(), plain.end()
    assert killed - began > 9 * S
    assert plain_tally["ok"] == plain_tally["connections"], plain_tally
    assert jason_tally["ok"] + jason_tally["reset"] == jason_tally["connections"], jason_tally
    later = [row for row in jason.rows() if row[0] > began + 3 * S]
    assert {row[2] for row in later} == {"ok"}, later[:3]
    assert {row[4] for row in later if row[0] < killed} == {"v1"}, later[:3]
    assert max(row[1] for row in jason.rows() if row[0] < killed) - killed < BACK
    assert f"proxy {pid} ended: signal 9 (Killed), as it hung" in log(m)
    assert m.status()["proxy"]["last_exit"] == "signal 9 (Killed)"


def test_one_with_a_worker_that_is_stuck_is_bypassed_until_it_turns(m):
    pid, at = serving(m), target(m, "reviews")
    with Load(m, at, pod=CALLER, rate=40, parallel=150, timeout=60000, header=JASON) as jason:
        with stuck(worker(pid)):
            began = clock()
            mesh.wait_for(lambda: state(m) == "hung", 5)
            mesh.wait_for(lambda: clock() - began > 4 * S)
            turned = clock()
        mesh.wait_for(lambda: state(m) == "running", 3)
        jason.wait(100)
        tally = jason.end()
    assert tally["ok"] == tally["connections"], tally
    rows = jason.rows()
    assert {row[4] for row in rows if began + 3 * S < row[0] < turned} == {"v1"}
    assert rows[-1][4] == "v2" and proxies(m) == [pid]


def worker(pid):
    """The number of a thread of it that waits for events."""
    waits = (232, 281) if os.uname().machine == "x86_64" else (22,)  # epoll_wait, epoll_pwait
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/syscall", encoding="ascii") as f:
            if f.read().split()[0] in map(str, waits):
                return int(thread)
    return None


@contextlib.contextmanager
def stuck(thread):
    """One thread stands still, until the block ends."""
    seize, interrupt, detach = 0x4206, 0x4207, 17
    libc = ctypes.CDLL(None, use_errno=True)

    def trace(what):
        if libc.ptrace(what, thread, None, None):
            raise OSError(ctypes.get_errno(), "ptrace")
    trace(seize)
    trace(interrupt)
    os.waitpid(thread, 0x40000000)  # __WALL
    try:
        yield
    finally:
        trace(detach)


def state(m):
    return m.status()["proxy"]["state"]


def test_one_that_dies_again_and_again(m):
    """It is started again, at the latest after two seconds; whoever waits is told; nothing stays."""
    serving(m)
    mesh.wait_for(lambda: len(proxies(m)) == 1)
    before, restarts = children(m), m.status()["proxy"]["restarts"]
    at, first = target(m, "reviews"), serving(m)
    os.kill(first, signal.SIGSTOP)
    waiting = m.spawn(at, pod=CALLER, http="/", count=1, timeout=30000)
    mesh.wait_for(lambda: queued(m))
    starts, ended = [], {first}
    began = clock()
    os.kill(first, signal.SIGKILL)
    while len(starts) < 6 and clock() - began < 30 * S:
        for pid in set(proxies(m)) - ended:  # at once, before it serves
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            ended.add(pid)
            starts.append(clock())
        time.sleep(0.001)
    gaps = [b - a for a, b in zip(starts, starts[1:])]
    assert max(gaps) < 2.9 * S, gaps
    assert gaps[-1] > 1.5 * S, gaps
    tally = json.loads(waiting.communicate(timeout=5)[0])
    assert tally["reset"] == 1, tally
    serving(m)
    assert m.status()["proxy"]["restarts"] == restarts + len(starts) + 1
    assert len(re.findall(r"ended: signal 9 \(Killed\)$", log(m), re.M)) >= 7
    mesh.wait_for(lambda: children(m) == before, 5, before)


def queued(m):
    """Connections that are established and not accepted, at listeners of the pod."""
    rows = mesh.run("ip", "netns", "exec", m.pods.netns(CALLER), "ss", "-Htln4").stdout.splitlines()
    return sum(int(row.split()[1]) for row in rows if "127.0.0.1" in row)


# It is replaced.

def test_replaced_under_load_without_a_failed_request(m):
    """By a signal to the agent, and by one to the proxy itself."""
    with Clients(m, "reviews") as clients:
        pids = [serving(m)]
        for to_agent, number in ((True, signal.SIGUSR2), (False, signal.SIGTERM)):
            os.kill(m.agent.pid if to_agent else pids[-1], number)
            mesh.wait_for(lambda: set(proxies(m)) - set(pids), 10, "another one")
            mesh.wait_for(lambda: pids[-1] not in proxies(m), 20, "the former one has left")
            pids += proxies(m)
            clients.go_on()
        assert len(set(pids)) == 3, pids
        clients.end()


def test_a_new_agent_takes_over_under_load_without_a_failed_request(m):
    """Ended and started as an upgrade does, with another file as its binary; and killed. Each time
    while a former proxy drains, which has yet another one above it then."""
    other = os.path.join(m.folder, "shunt")
    shutil.copy(mesh.SHUNT, other)
    with Clients(m, "reviews") as clients:
        for end, binary in ((m.stop_agent, other), (m.kill_agent, mesh.SHUNT)):
            former = proxies(m)
            os.kill(m.agent.pid, signal.SIGUSR2)
            mesh.wait_for(lambda: set(proxies(m)) - set(former), 10, "another one")
            former = sorted(set(proxies(m)) | set(former))
            assert not end()
            clients.go_on()
            with using(binary):
                m.start_agent()
            mesh.wait_for(lambda: set(proxies(m)) - set(former), 10, "another one")
            mesh.wait_for(lambda: not set(proxies(m)) & set(former), 20, "the former one has left")
            assert os.readlink(f"/proc/{proxies(m)[0]}/exe") == binary
            assert m.status()["proxy"]["restarts"] == 0
            clients.go_on()
        clients.end()


@contextlib.contextmanager
def using(binary):
    before, mesh.SHUNT = mesh.SHUNT, binary
    try:
        yield
    finally:
        mesh.SHUNT = before


RULE = """
  - match: [{headers: {nobody: {exact: x}}}, {uri: {prefix: /}}]
    route: [{destination: {host: web.test, subset: v1}}]
"""
REQUEST = b"GET / HTTP/1.1\r\nHost: web.test\r\n\r\n"


def test_an_idle_connection_is_ended_by_its_next_answer_or_at_the_end_of_the_drain():
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=RULE)) as p:
        asks, waits = connect(p.port), connect(p.port)
        for s in (asks, waits):
            s.sendall(REQUEST)
            assert "connection: close" not in read_head(s)[0]
        end = clock() + 2 * S
        p.send(DRAIN, number=end)
        mesh.wait_for(lambda: refused(p.port))
        asks.sendall(REQUEST + REQUEST)
        answers = read_all(asks)
        assert answers.count(b"HTTP/1.1 200") == 2 and answers.count(b"connection: close") == 1
        assert waits.recv(1) == b"" and clock() >= end
        for s in (asks, waits):
            s.close()
        assert p.process.wait(5) == 0


def test_an_answer_under_way_when_the_drain_begins_keeps_its_word():
    """Its head has said that the connection stays."""
    with servers(v1=1) as ports, Proxy(entry(versions=ports, rules=RULE)) as p, \
            connect(p.port) as s:
        s.sendall(REQUEST.replace(b"/ ", b"/?size=20000000 ", 1))
        head, rest = read_head(s)
        assert "connection: close" not in head
        length = int(re.search(r"content-length: (\d+)", head)[1]) - len(rest)
        p.send(DRAIN, number=clock() + 20 * S)
        mesh.wait_for(lambda: refused(p.port))
        while length:
            length -= len(s.recv(min(length, 1 << 20)))
        s.sendall(REQUEST)
        assert "connection: close" in read_head(s)[0]


def refused(port):
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return False
    return True


# Pods come and go.

PODS = 100
TIMES = int(os.environ.get("PODS", "1000"))


def guest(number):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"guest-{number}"},
            "status": {"podIP": f"10.250.1.{number + 1}"}}


class Guests:
    """Network namespaces with the addresses of pods, until the block ends."""

    def __init__(self, number=PODS):
        self.number = number
        self.running = []

    def __enter__(self):
        for n in range(self.number):
            script = (f"ip -b - <<E\nlink set lo up\nlink add g0 type veth peer name g1\n"
                      f"addr add {guest(n)['status']['podIP']}/32 dev g0\nlink set g0 up\nE\nread x")
            self.running.append(subprocess.Popen(["unshare", "-n", "sh", "-c", script],
                                                 stdin=subprocess.PIPE))
        return self

    def __exit__(self, *_):
        for p in self.running:
            p.stdin.close()
        for p in self.running:
            p.wait()


def used(m):
    return {row["name"]: row["used"] for row in m.json("maps")["maps"]}


def test_a_thousand_pods_that_come_and_go_leave_nothing():
    """On the release build: how often the agent looks depends on what a look costs."""
    guests = [guest(n) for n in range(PODS)]
    text = objects.text(*web("reviews", by_user("reviews")), *guests)
    with using(builds.release()), mesh.Mesh(text) as m:
        pid, = mesh.wait_for(lambda: proxies(m))
        held = lambda: (children(m), len(os.listdir(f"/proc/{pid}/fd")))
        mesh.wait_for(lambda: used(m)["listeners"] == 1)
        callers, before = used(m)["callers"], held()
        for _ in range(TIMES // PODS):
            with Guests():
                mesh.wait_for(lambda: used(m)["listeners"] == 1 + PODS, 20, "a listener in each")
            mesh.wait_for(lambda: used(m)["listeners"] == 1, 20, "they are gone")
        mesh.wait_for(lambda: held() == before, 5, before)
        assert used(m)["callers"] < callers + PODS  # other namespaces come and go as well
        assert proxies(m) == [pid]


def test_the_agent_may_have_as_many_descriptors_as_the_system_allows():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 256), hard))
    try:
        with mesh.Mesh() as m:
            assert resource.prlimit(m.agent.pid, resource.RLIMIT_NOFILE)[0] >= min(hard, 1 << 20)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_units_capabilities_are_enough():
    """To find pods by their processes, to start the proxy, and to end that of another agent."""
    with open(os.path.join(mesh.TREE, "manifests", "shunt.service"), encoding="ascii") as f:
        lines = re.findall("^CapabilityBoundingSet=.*", f.read(), re.M)
    names = re.findall(r"\bCAP_\w+", " ".join(lines))
    bounds = ",".join(["-all", *("+" + name.removeprefix("CAP_").lower() for name in names)])
    guests = [guest(n) for n in range(5)]
    text = objects.text(*web("reviews", by_user("reviews")), *guests)
    with mesh.Mesh(text, agent=False) as m, Guests(5):
        limited = os.path.join(m.folder, "limited")
        with open(limited, "w", encoding="ascii") as f:
            f.write(f"#!/bin/sh\nexec setpriv --no-new-privs --bounding-set {bounds} "
                    f'{mesh.SHUNT} "$@"\n')
        os.chmod(limited, 0o755)
        with using(limited):
            m.start_agent()
            former = mesh.wait_for(lambda: proxies(m) if state(m) == "running" else None)
            m.kill_agent()
            m.start_agent()
        mesh.wait_for(lambda: proxies(m) and proxies(m) != former and len(proxies(m)) == 1)
        mesh.wait_for(lambda: used(m)["listeners"] == 6, 20, "a listener in each")


if __name__ == "__main__":
    mesh.run_tests()

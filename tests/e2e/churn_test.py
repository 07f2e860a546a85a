#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""As many connections as there are, ended in every way there is, while weights change, endpoints
come and go, the agent is killed and comes back: in the end nothing is held, and the numbers add up.

CONNECTIONS in the environment: how many (100,000).
"""
import contextlib
import itertools
import json
import os
import subprocess
import threading
import time

import mesh
import objects

COUNT = int(os.environ.get("CONNECTIONS", "100000"))
CHURN = os.path.join(mesh.BUILD, "tools", "churn")
SERVER = os.path.join(mesh.BUILD, "tools", "server")
PROCS = 6
# the endpoints' addresses, all on the lo of one namespace; nobody listens on the last one's port
AT = [f"10.244.202.{n}" for n in range(1, 5)]
AT6 = [f"fd00:244:202::{n}" for n in range(1, 3)]
OPEN, SHORT, FULL, NOBODY = 7000, 7001, 7002, 7009
SERVICES = ("split.test", "six.test", "limited.test", "short.test", "refused.test", "silent.test",
            "moved.test")
FULL_LISTENER = """
import socket, sys
full = socket.socket(); full.bind((sys.argv[1], int(sys.argv[2]))); full.listen(0)
fill = []
for _ in range(3):
    c = socket.socket(); c.setblocking(False); c.connect_ex(full.getsockname()); fill.append(c)
print("ready", flush=True)
sys.stdin.read()
"""


def address(number, family=4):
    return f"10.96.202.{number}" if family == 4 else f"fd00:96::202:{number}"


def fixed():
    """The services that stay as they are."""
    def entry(number, at, port, family=4):
        return objects.entry(SERVICES[number - 1], address(number, family),
                             [(a, port, {}) for a in at])

    limited = objects.rule("limited.test", [], objects.limit(20))
    idle = objects.rule("short.test", [], {"connectionPool": {"tcp": {"idleTimeout": "1s"}}})
    return objects.text(entry(2, AT6, OPEN, 6), entry(3, AT, OPEN), limited, entry(4, AT, SHORT),
                        idle, entry(5, AT, NOBODY), entry(6, AT[:1], FULL))


def changing(step):
    """One service whose weights change with each step, and one whose endpoints do."""
    at = [(a, OPEN, {"version": f"v{n % 2 + 1}"}) for n, a in enumerate(AT)]
    split = objects.split("split.test", {"v1": 1 + step % 5, "v2": 3})
    split["metadata"]["annotations"] = {"shunt.io/drain": ("now", "keep", "500ms")[step % 3]}
    moved = objects.entry("moved.test", address(7), [at[step % 4], at[(step + 1) % 4]])
    return objects.text(objects.entry("split.test", address(1), at),
                        objects.rule("split.test", ["v1", "v2"]), split, moved)


@contextlib.contextmanager
def fixture():
    netns = f"churn-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        mesh.run("ip", "netns", "add", netns)
        stack.callback(mesh.run, "ip", "netns", "del", netns)
        mesh.run("ip", "-n", netns, "link", "set", "lo", "up")
        for at in AT:
            mesh.run("ip", "-n", netns, "addr", "add", at + "/32", "dev", "lo")
        for at in AT6:
            mesh.run("ip", "-n", netns, "addr", "add", at + "/128", "dev", "lo", "nodad")
        # ports come free again at once
        for setting in ("tcp_max_tw_buckets=1000", "ip_local_port_range=10000 65000"):
            mesh.run("ip", "netns", "exec", netns, "sysctl", "-qw", "net.ipv4." + setting)
        m = stack.enter_context(mesh.Mesh(fixed(), agent_arguments=["--splice", "on"]))
        m.write("changing.yaml", changing(0))
        mesh.wait_for(lambda: objects.find(m, "split.test"))
        steered = ("bash", "-ec", f"echo $$ > {m.cgroup}/cgroup.procs; exec \"$@\"", "steered")
        serve(stack, netns, steered, SERVER, "--name", "open", "--dual", f"--tcp=[::]:{OPEN}")
        serve(stack, netns, steered, SERVER, "--name", "short", "--dual", f"--tcp=[::]:{SHORT}",
              "--close-after-greeting")
        full = serve(stack, netns, (), "python3", "-c", FULL_LISTENER, AT[0], str(FULL))
        assert full.stdout.readline() == "ready\n"
        yield m, netns


def serve(stack, netns, before, *argv):
    process = subprocess.Popen([*before, "ip", "netns", "exec", netns, *argv],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    stack.callback(process.wait, 10)
    stack.callback(process.kill)
    return process


class Changes:
    """Changes the configuration until it is stopped; once in between the agent is killed."""

    def __init__(self, m):
        self.m = m
        self.steps = 0
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        for step in itertools.count(1):
            if self.stopping.wait(0.3):
                return
            self.m.write("changing.yaml", changing(step))
            self.steps = step
            if step == 10:
                self.m.kill_agent()
                time.sleep(0.5)  # connections go on without it
                self.m.start_agent()

    def stop(self):
        self.stopping.set()
        self.thread.join(120)
        assert not self.thread.is_alive()


def audits(m):
    """Two by two restarts: each looks at one half of the counts."""
    for _ in range(2):
        m.kill_agent()
        m.start_agent()


MAPS = ("flows", "originals", "conns", "splices", "splice_peers", "splice_wants")


def still_held(m):
    """Of whom, and how much."""
    held = {f"{c['host']} {c['subset']}": c["active"] for c in m.json("clusters")["clusters"]
            if c["active"]}
    held.update({f"{e['ipv4']} {e['port']}": e["active"] for e in m.json("endpoints")["endpoints"]
                 if e.get("active")})
    held.update({row["name"]: row["used"] for row in m.json("maps")["maps"]
                 if row["name"] in MAPS and row["used"]})
    return held


def test_every_connection_gives_back_what_it_held(fixed_up):
    m, netns = fixed_up
    targets = [objects.find(m, host)[0] for host in SERVICES]
    changes = Changes(m)
    began = time.monotonic()
    p = subprocess.Popen([CHURN, "--netns", netns, "--cgroup", m.cgroup, "--procs", str(PROCS),
                          "--count", str(COUNT), *targets], stdout=subprocess.PIPE, text=True)
    try:
        out = p.communicate(timeout=60 + COUNT / 100)[0]
    finally:
        p.kill()
        changes.stop()
    assert p.returncode == 0, p.returncode
    tally = json.loads(out)
    print("#", {k: v for k, v in m.status()["counters"].items() if v})
    print(f"# {tally} in {time.monotonic() - began:.0f} s, {changes.steps} changes")
    assert tally["dialled"] >= COUNT and tally["killed"] > COUNT / 2000, tally
    assert changes.steps >= 12, "the agent was not killed in between"
    mesh.wait_for(lambda: not still_held(m), 30, f"all is given back: {still_held(m)}")
    adds_up(m, tally)
    audits(m)
    assert not still_held(m)
    assert m.status()["leaked"] == 0, m.status()["leaked"]


def adds_up(m, tally):
    counters = m.status()["counters"]
    refused = counters["refused_limit"] + counters["refused_no_endpoint"]
    assert counters["steered"] == counters["closed"], counters
    assert counters["steered"] + refused == tally["dialled"], (counters, tally)
    assert counters["refused_limit"] > 0 and counters["connect_failed"] > 0, counters
    assert counters["drained"] > 0, "nothing was moved"
    assert counters["spliced"] > COUNT / 10 and not counters["splice_full"], counters
    for name in ("stale_hold", "refused_unstable", "refused_no_memory", "refused_no_cluster"):
        assert counters[name] == 0, (name, counters)
    rows = m.json("clusters")["clusters"]
    assert sum(c["opened"] for c in rows) == counters["steered"], (rows, counters)
    for c in rows:
        failed = c["traffic"]
        sums = sum(failed[f"connect_{why}"] for why in ("refused", "timed_out", "unreachable"))
        assert c["connected"] == failed["ended"], c
        assert c["connect_failed"] == sums, c
        assert c["opened"] >= c["connected"] + c["connect_failed"], c


if __name__ == "__main__":
    mesh.run_tests()

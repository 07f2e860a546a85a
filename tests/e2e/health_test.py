#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Endpoints that fail are left out by the kernel itself: when, for how long, and when not.

One namespace without a way out is both ends: 10.244.N.M and fd00:244:N::M on its lo are the
endpoints of case N, which lets some of them listen and others not.
"""
import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request

import mesh
import objects

SERVER = """
import socket, sys, threading
def serve(s):
    while True:
        try:
            c, _ = s.accept()
        except OSError:
            return
        def talk(c=c):
            try:
                while True:
                    data = c.recv(65536)
                    if not data:
                        break
                    if data[:4] == b"give":
                        c.sendall(b"x" * int(data.split()[1]))
            except OSError:
                pass
            c.close()
        threading.Thread(target=talk, daemon=True).start()
open_ = {}
print("ready", flush=True)
for line in sys.stdin:
    word, address = line.split()
    if word == "listen":
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, 7000)); s.listen(512)
        threading.Thread(target=serve, args=(s,), daemon=True).start()
        open_[address] = s
    else:
        s = open_.pop(address)
        s.shutdown(socket.SHUT_RDWR)
        s.close()
    print("ok", flush=True)
"""

# Dials so many times, one after the other, in so many threads; who answered, in order.
CALLER = """
import json, socket, sys, threading, time
address, count, threads, stop_after = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
out, lock = [], threading.Lock()
def run():
    for _ in range(count):
        s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
        begin = time.monotonic_ns()
        try:
            s.connect((address, 80))
            result = "ok"
        except ConnectionRefusedError:
            result = "refused"
        except OSError as e:
            result = type(e).__name__
        end = time.monotonic_ns()
        s.close()
        with lock:
            out.append((begin, end, result))
        if stop_after and sum(r != "ok" for _, _, r in out) >= stop_after:
            return
ts = [threading.Thread(target=run) for _ in range(threads)]
[t.start() for t in ts]; [t.join() for t in ts]
print(json.dumps(out))
"""


class Place:
    """The namespace, its server, the mesh; each case has a host and addresses of its own."""

    def __init__(self, m, netns, server):
        self.m, self.netns, self.server = m, netns, server
        self.cases = 0
        self.listening = set()

    def tell(self, word, address):
        self.server.stdin.write(f"{word} {address}\n")
        self.server.stdin.flush()
        assert self.server.stdout.readline() == "ok\n"

    def listen(self, *addresses):
        for address in addresses:
            self.tell("listen", address)
            self.listening.add(address)

    def shut(self, *addresses):
        for address in addresses:
            self.tell("shut", address)
            self.listening.discard(address)

    def run(self, code, *arguments, **more):
        join = f'echo $$ > {self.m.cgroup}/cgroup.procs && exec "$@"'
        return mesh.run("sh", "-c", join, "sh", "ip", "netns", "exec", self.netns, sys.executable,
                        "-c", code, *map(str, arguments), **more).stdout

    def call(self, address, count, threads=1, stop_after=0):
        """(begin, end, result) each; ns"""
        return json.loads(self.run(CALLER, address, count, threads, stop_after))

    def results(self, address, count, **more):
        return [result for _, _, result in sorted(self.call(address, count, **more))]

    def host(self, endpoints, policy=None, family=4, subsets=None, name=None):
        """A service over that many endpoints, none of which listens; its address and theirs."""
        self.cases += 1
        name = name or f"case{self.cases}.test"
        four = family == 4
        vip = f"10.96.210.{self.cases}" if four else f"fd00:96:210::{self.cases:x}"
        at = [f"10.244.{self.cases}.{i + 1}" if four else f"fd00:244:{self.cases:x}::{i + 1:x}"
              for i in range(endpoints)]
        labels = [{"version": subsets[i % len(subsets)]} if subsets else {} for i in range(endpoints)]
        self.m.apply(objects.text(
            objects.entry(name, vip, [(a, 7000, label) for a, label in zip(at, labels)]),
            objects.rule(name, subsets or [], policy)))
        return name, vip, at

    def cluster(self, name, subset=""):
        rows = self.m.json("clusters")["clusters"]
        return next(r for r in rows if r["host"] == name and r["subset"] == subset)

    def endpoint(self, name, address):
        rows = self.m.json("endpoints")["endpoints"]
        return next(r for r in rows if r["host"] == name and address in (r["ipv4"], r["ipv6"]))


@contextlib.contextmanager
def fixture():
    netns = f"health-{os.getpid()}"
    with contextlib.ExitStack() as stack:
        mesh.run("ip", "netns", "add", netns)
        stack.callback(mesh.run, "ip", "netns", "del", netns)
        mesh.run("ip", "-n", netns, "link", "set", "lo", "up")
        mesh.run("ip", "-n", netns, "addr", "add", "10.244.0.0/16", "dev", "lo")
        mesh.run("ip", "-n", netns, "route", "add", "local", "fd00:244::/32", "dev", "lo")
        mesh.run("ip", "netns", "exec", netns, "sysctl", "-qw", "net.ipv6.ip_nonlocal_bind=1")
        # dial-ins to it are taken in and never answered
        mesh.run("ip", "-n", netns, "link", "add", "void", "type", "veth", "peer",
                 "name", "drain")
        for link in ("void", "drain"):
            mesh.run("ip", "-n", netns, "link", "set", link, "up")
        mesh.run("ip", "-n", netns, "addr", "add", "10.245.0.1/24", "dev", "void")
        mesh.run("ip", "-n", netns, "neigh", "add", "10.245.0.9", "lladdr", "02:00:00:00:00:09",
                 "dev", "void")
        m = stack.enter_context(mesh.Mesh(" "))
        server = subprocess.Popen(["ip", "netns", "exec", netns, sys.executable, "-c", SERVER],
                                  stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(server.wait, 10)
        stack.callback(server.kill)
        assert server.stdout.readline() == "ready\n"
        yield Place(m, netns, server)


def outlier(**fields):
    return {"outlierDetection": {"consecutive5xxErrors": 2, "maxEjectionPercent": 100,
                                 "baseEjectionTime": "30s", **fields}}


def failures(results):
    return sum(r != "ok" for r in results)


def test_two_failures_eject_one_of_three_and_it_fails_no_more(p):
    for family in (4, 6):
        name, vip, at = p.host(3, outlier(), family)
        p.listen(*at[:2])
        results = p.results(vip, 200)
        assert failures(results) == 2, results
        row = p.cluster(name)
        assert (row["ejected"], row["ejections"], row["connect_failed"]) == (1, 1, 2), row
        one = p.endpoint(name, at[2])
        assert one["ejections"] == 1 and one["connect_failed"] == 2, one
        assert 25 < one["ejected_until"] - time.time() <= 30, one
        assert not p.endpoint(name, at[0])["ejected_until"]
        p.shut(*at[:2])


def test_eight_callers_see_two_and_those_in_flight(p):
    name, vip, at = p.host(3, outlier())
    p.listen(*at[:2])
    results = p.results(vip, 100, threads=8)
    assert len(results) == 800 and 2 <= failures(results) <= 2 + 8, failures(results)
    assert p.cluster(name)["ejections"] == 1
    assert failures(p.results(vip, 100, threads=8)) == 0


def test_the_default_ten_percent_of_three_ejects_nobody(p):
    policy = {"outlierDetection": {"consecutive5xxErrors": 2}}
    name, vip, at = p.host(3, policy)
    p.listen(*at[:2])
    results = p.results(vip, 200)
    row = p.cluster(name)
    assert row["ejections"] == 0 and row["ejected"] == 0, row
    assert row["ejections_refused"] == failures(results) // 2 > 5, (row, failures(results))


def test_one_of_one_and_two_of_two_are_ejected_only_at_100_percent(p):
    name, vip, _ = p.host(1, outlier())
    assert failures(p.results(vip, 5)) == 5
    row = p.cluster(name)
    # then there is nobody: refused without a packet
    assert (row["ejected"], row["connect_failed"], row["refused_no_endpoint"]) == (1, 2, 3), row
    name, vip, _ = p.host(1, outlier(maxEjectionPercent=99))
    p.results(vip, 5)
    row = p.cluster(name)
    assert (row["ejected"], row["connect_failed"]) == (0, 5), row
    name, vip, _ = p.host(2, outlier())
    p.results(vip, 10)
    row = p.cluster(name)
    assert (row["ejected"], row["connect_failed"], row["refused_no_endpoint"]) == (2, 4, 6), row
    name, vip, _ = p.host(2, outlier(maxEjectionPercent=50))
    p.results(vip, 20)
    row = p.cluster(name)
    assert (row["ejected"], row["ejections"], row["connect_failed"]) == (1, 1, 20), row
    assert row["ejections_refused"] == 9, row


def test_below_min_health_percent_nobody_is_left_out(p):
    name, vip, at = p.host(3, outlier(minHealthPercent=50))
    p.listen(at[0])
    # one of three out: 66 % are left; two of three: 33 %, so that all have their turns again
    results = p.results(vip, 300)
    row = p.cluster(name)
    assert row["ejected"] == 2, row
    assert failures(results) > 100, failures(results)


def test_a_success_between_begins_the_count_anew(p):
    name, vip, at = p.host(1, outlier())
    for _ in range(4):
        assert p.results(vip, 1) == ["refused"]
        p.listen(at[0])
        assert p.results(vip, 1) == ["ok"]
        p.shut(at[0])
    row = p.cluster(name)
    assert (row["connect_failed"], row["ejections"]) == (4, 0), row


def test_local_origin_failures_count_alone_when_they_are_split(p):
    policy = outlier(splitExternalLocalOriginErrors=True, consecutiveLocalOriginFailures=3)
    name, vip, at = p.host(2, policy)
    p.listen(at[0])
    assert failures(p.results(vip, 100)) == 3
    # consecutiveGatewayErrors is the smaller number here, and errors of any kind count there
    name, vip, at = p.host(2, outlier(consecutive5xxErrors=9, consecutiveGatewayErrors=1))
    p.listen(at[0])
    assert failures(p.results(vip, 100)) == 1
    # 0 turns it off
    name, vip, at = p.host(2, outlier(consecutive5xxErrors=0))
    p.listen(at[0])
    assert failures(p.results(vip, 100)) > 20
    assert p.cluster(name)["ejections"] == 0


def next_failure(p, vip, most):
    """When the next connect failed, ns."""
    end = time.monotonic() + most
    while time.monotonic() < end:
        for _, at, result in p.call(vip, 20, stop_after=1):
            if result != "ok":
                return at
    raise AssertionError("it never came back")


def test_back_by_its_time_and_longer_each_time_without_an_agent(p):
    name, vip, at = p.host(2, outlier(baseEjectionTime="1s", interval="60s"))
    p.listen(at[0])
    p.m.kill_agent()
    try:
        failed = [end for _, end, result in p.call(vip, 200) if result != "ok"]
        assert len(failed) == 2, failed
        for times in (1, 2):
            back = next_failure(p, vip, 5)
            assert times <= (back - failed[-1]) / 1e9 < times + 0.9, (times, back - failed[-1])
            failed.append(next_failure(p, vip, 5))
        # it answers when it is back for the third time
        p.listen(at[1])
        assert failures(p.results(vip, 20)) == 0
    finally:
        p.m.start_agent()
    row = p.cluster(name)
    assert (row["ejections"], row["ejected"], row["connect_failed"]) == (3, 1, 6), row
    p.m.wait_for(lambda: not p.endpoint(name, at[1])["ejected_until"], 5)
    p.m.wait_for(lambda: failures(p.results(vip, 20)) == 0 and
                 p.endpoint(name, at[1])["opened"] > 6, 5)


def test_intervals_that_it_was_back_for_make_the_next_ejection_shorter(p):
    name, vip, at = p.host(1, outlier(baseEjectionTime="1.5s", interval="0.5s"))
    for _ in range(3):
        assert failures(p.results(vip, 2)) == 2
        until = p.endpoint(name, at[0])["ejected_until"]
        assert until and until - time.time() <= 1.5, until
        # out for one time base; back for one interval makes up for that ejection
        p.m.wait_for(lambda: time.time() > until + 0.52, 10)
    assert p.cluster(name)["ejections"] == 3


def test_without_the_rule_all_are_back_at_once(p):
    name, vip, at = p.host(1, outlier())
    p.results(vip, 3)
    assert p.cluster(name)["ejected"] == 1
    assert f"left out now: 1 endpoints of {name}" in p.m.shunt("explain", f"{name}:80").stdout
    p.m.apply(objects.text(objects.rule(name, [])))
    p.listen(at[0])
    assert p.results(vip, 3) == ["ok"] * 3
    assert p.cluster(name)["ejected"] == 0


def test_an_endpoint_that_leaves_takes_its_ejection_along(p):
    name, vip, at = p.host(3, outlier(maxEjectionPercent=50))
    p.listen(at[0])
    p.results(vip, 100)
    assert p.cluster(name)["ejected"] == 1
    gone = next(a for a in at[1:] if p.endpoint(name, a)["ejected_until"])
    stays = next(a for a in at[1:] if a != gone)
    p.m.apply(objects.text(objects.entry(name, vip, [(a, 7000, {}) for a in at if a != gone])))
    # one of two may be out; the one that left is not counted
    p.results(vip, 100)
    row = p.cluster(name)
    assert row["ejected"] == 1 and p.endpoint(name, stays)["ejected_until"], row


def events(p, name):
    return [e["kind"] for e in p.m.json("events")["events"] if e["host"] == name]


def test_it_is_told_and_counted(p):
    name, vip, at = p.host(1, outlier(baseEjectionTime="0.1s"))
    before = p.m.status()["counters"]
    p.results(vip, 2)
    p.m.wait_for(lambda: time.time() > (p.endpoint(name, at[0])["ejected_until"] or 0), 5)
    p.listen(at[0])
    p.m.wait_for(lambda: p.results(vip, 1) == ["ok"], 5)
    after = p.m.status()["counters"]
    for counter in ("ejected", "returned"):
        assert after[counter] == before[counter] + 1, (counter, before[counter], after[counter])
    p.m.wait_for(lambda: "returned" in events(p, name), 5)
    kinds = [k for k in events(p, name) if not k.startswith("refused")]
    assert kinds == ["connect_failed"] * 2 + ["ejected", "returned"], kinds
    told = [e for e in p.m.json("events")["events"] if e["host"] == name]
    assert {e["to"] for e in told if e["kind"] in ("ejected", "returned")} == {at[0] + ":7000"}
    assert {e["reason"] for e in told if e["kind"] == "connect_failed"} == {"refused"}
    with urllib.request.urlopen(f"http://127.0.0.1:{p.m.metrics}/metrics", timeout=10) as f:
        text = f.read().decode()
    labels = re.escape(f'{{host="{name}",port="80",subset=""}}')
    for metric, value in {"ejections_total": 1, "ejected": 0, "connect_refused_total": 2}.items():
        assert re.search(f"^shunt_cluster_{metric}{labels} {value}$", text, re.M), metric


# Connects once: seconds, the result, TCP_USER_TIMEOUT and keepalive once connected.
ONE = """
import json, socket, sys, time
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
own = int(sys.argv[2])
if own:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, own)
begin = time.monotonic()
try:
    s.connect((sys.argv[1], 80))
    result = "ok"
except OSError as e:
    result = type(e).__name__
took = time.monotonic() - begin
tcp = lambda o: s.getsockopt(socket.IPPROTO_TCP, o)
print(json.dumps([took, result, tcp(socket.TCP_USER_TIMEOUT),
                  [s.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), tcp(socket.TCP_KEEPIDLE),
                   tcp(socket.TCP_KEEPINTVL), tcp(socket.TCP_KEEPCNT)]]))
"""


def one(p, vip, own=0):
    return json.loads(p.run(ONE, vip, own))


def pool(**tcp):
    return {"connectionPool": {"tcp": tcp}}


def test_connect_timeout_ends_a_connect_that_nobody_answers(p):
    for timeout, least in (("400ms", 0.4), ("1500ms", 1.5)):
        name, vip, _ = p.host(1, {**pool(connectTimeout=timeout), **outlier()})
        p.m.apply(objects.text(objects.entry(name, vip, [("10.245.0.9", 7000, {})])))
        took, result, timeout_after, _ = one(p, vip)
        assert result == "TimeoutError" and least - 0.02 <= took < least + 0.4, (took, result)
        assert timeout_after == 0
        # a shorter one of the socket's own stands
        took, result, timeout_after, _ = one(p, vip, 100)
        assert timeout_after == 100 and result == "TimeoutError", (timeout_after, result)
        row = p.cluster(name)
        assert row["traffic"]["connect_timed_out"] == 2 and row["ejected"] == 1, row


def test_once_connected_the_sockets_own_user_timeout_is_back(p):
    name, vip, at = p.host(1, pool(connectTimeout="400ms"))
    p.listen(at[0])
    assert one(p, vip)[1:3] == ["ok", 0]
    assert one(p, vip, 7000)[1:3] == ["ok", 7000]


def test_keepalive_is_set_as_it_is_asked_for(p):
    name, vip, at = p.host(1, pool(tcpKeepalive={"probes": 4, "time": "77s", "interval": "5s"}))
    p.listen(at[0])
    assert one(p, vip)[3] == [1, 77, 5, 4]
    name, vip, at = p.host(1)
    p.listen(at[0])
    assert one(p, vip)[3][0] == 0


def split(name, weights, guard=None):
    one = objects.split(name, weights)
    if guard:
        one["metadata"]["annotations"] = {"shunt.io/guard": guard}
    return objects.text(one)


def shares(p, name):
    return {r["subset"]: r["opened"] for r in p.m.json("clusters")["clusters"]
            if r["host"] == name and r["subset"]}


GUARD = "connect-failure>10%/100"


def test_a_guard_takes_a_failing_subset_out_until_its_rules_change(p):
    name, vip, at = p.host(3, subsets=["v1", "v2", "v3"])
    weights = {"v1": 50, "v2": 25, "v3": 25}
    p.listen(*at[:2])
    p.m.apply(split(name, weights, GUARD))
    results = p.results(vip, 400)
    assert failures(results) == 11, failures(results)  # more than 10 of 100
    row = p.cluster(name, "v3")
    assert row["guards"] == 1 and abs(row["guarded_since"] - time.time()) < 60, row
    assert "guarded" in events(p, name)
    assert [g["subset"] for g in p.m.status()["guarded"] if g["host"] == name] == ["v3"]
    assert "out of its split by its guard" in p.m.shunt("status").stdout
    assert "left out now: v3, by its guard" in p.m.shunt("explain", f"{name}:80").stdout
    # the others have its turns, in their ratio
    before = shares(p, name)
    p.m.stop_agent()
    assert failures(p.results(vip, 300)) == 0
    p.m.start_agent()
    after = shares(p, name)
    got = {v: after[v] - before[v] for v in after}
    assert got["v3"] == 0 and abs(got["v1"] - 200) <= 2 and abs(got["v2"] - 100) <= 2, got
    # endpoints and other fields change: it stays out
    p.m.apply(objects.text(objects.rule(name, ["v1", "v2", "v3"], pool(maxConnections=500))))
    assert failures(p.results(vip, 40)) == 0 and p.cluster(name, "v3")["guarded_since"]
    # new weights, then a new guard: it has its turns again
    p.m.apply(split(name, {"v1": 50, "v2": 30, "v3": 20}, GUARD))
    assert not p.cluster(name, "v3")["guarded_since"]
    assert failures(p.results(vip, 20)) == 4
    p.m.apply(split(name, {"v1": 50, "v2": 30, "v3": 20}, "connect-failure>50%/10"))
    assert failures(p.results(vip, 100)) == 6
    assert p.cluster(name, "v3")["guards"] == 2
    # without one all is as it was
    p.m.apply(split(name, {"v1": 50, "v2": 30, "v3": 20}))
    assert not p.cluster(name, "v3")["guarded_since"]
    assert failures(p.results(vip, 100)) == 20


def test_failures_below_the_share_do_not_trip_a_guard(p):
    name, vip, at = p.host(20, subsets=["v1", "v2"])
    p.listen(*at[0::2], *at[1:-2:2])  # v2: one of ten is dead
    p.m.apply(split(name, {"v1": 50, "v2": 50}, "connect-failure>30%/100"))
    assert failures(p.results(vip, 600)) > 10
    assert p.cluster(name, "v2")["guards"] == 0


def test_when_all_are_out_the_guard_does_nothing(p):
    name, vip, _ = p.host(2, subsets=["v1", "v2"])
    p.m.apply(split(name, {"v1": 50, "v2": 50}, "connect-failure>50%/10"))
    assert failures(p.results(vip, 60)) == 60
    rows = [p.cluster(name, v) for v in ("v1", "v2")]
    assert [r["guards"] for r in rows] == [1, 1], rows
    assert sum(r["connect_failed"] for r in rows) == 60, rows
    assert abs(rows[0]["opened"] - rows[1]["opened"]) < 14, rows


# Sends and asks for so many bytes, and ends as told.
TRANSFER = """
import socket, struct, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
s.connect((sys.argv[1], 80))
give = int(sys.argv[2])
s.sendall(b"give %-95d" % give)
got = 0
while got < give:
    got += len(s.recv(65536))
if sys.argv[3] == "reset":
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
s.close()
"""


def test_bytes_and_times_of_connections_are_exact(p):
    for family in (4, 6):
        name, vip, at = p.host(1, family=family)
        p.listen(at[0])
        for n, end in ((1, "close"), (100000, "close"), (3000000, "reset")):
            p.run(TRANSFER, vip, n, end)
        p.m.wait_for(lambda: p.cluster(name)["traffic"]["ended"] == 3, 5)
        t = p.cluster(name)["traffic"]
        assert t["bytes_sent"] == 300 and t["bytes_received"] == 3100001, t
        assert t["segments_sent"] >= 9 and t["segments_received"] >= 9, t
        assert t["segments_retransmitted"] == 0 and 0 < t["rtt_min_us"] <= t["rtt_us"] + 1, t
        assert sum(t["lasted"].values()) == 3 and 0 < t["duration_seconds"] < 1, t


if __name__ == "__main__":
    mesh.run_tests()

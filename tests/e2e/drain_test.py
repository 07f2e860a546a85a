#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Live connections whose endpoint goes, whose share shrinks or whose time is over: as many of them
end as have to, when they have to, and no other."""
import collections
import contextlib
import time

import builds
import mesh
import objects
from drains import Caller, apply_split, cluster, drained, timed, wait_still, with_drain

FAMILIES = (0, 1)  # which of a service's addresses is dialled: IPv4, IPv6


@contextlib.contextmanager
def fixture():
    """Two pods of each version of `raw`, and one that only calls."""
    pods = [objects.deployment("raw", v, 2, (7070,), args="--tcp --udp=0.0.0.0:7071")
            for v in ("v1", "v2")]
    pods.append(objects.deployment("caller", "v1", 1))
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        yield m


def apply_entry(m, host, address, pods, drain=None):
    """A service whose endpoints are these pods."""
    at = [(m.pods.by_name[pod]["ipv6" if ":" in address else "ipv4"], 7070, {}) for pod in pods]
    entry = objects.entry(host, address, at)
    rule = objects.rule(host, [], objects.balance("ROUND_ROBIN"))
    route = {"route": [{"destination": {"host": host}}]}
    split = {"apiVersion": objects.NETWORKING, "kind": "VirtualService", "metadata": {"name": host},
             "spec": {"hosts": [host], "tcp": [route]}}
    m.apply(objects.text(entry, rule, with_drain(split, drain) if drain else split))
    return f"[{address}]:80" if ":" in address else f"{address}:80"


# An endpoint goes.

ADDRESSES = {"keep": "10.100.60.1", "within": "10.100.60.2", "now": "10.100.60.3",
             "within6": "fd00:96::601", "now6": "fd00:96::602"}


def test_connections_to_an_endpoint_that_is_gone_stay_unless_asked(m):
    target = apply_entry(m, "keep.test", ADDRESSES["keep"], ["raw-v1-0", "raw-v2-0"])
    before = drained(m)
    with Caller(m, target, 20) as caller:
        assert caller.versions() == {"v1": 10, "v2": 10}
        apply_entry(m, "keep.test", ADDRESSES["keep"], ["raw-v2-0"])
        with Caller(m, target, 4) as other:
            assert other.versions() == {"v2": 4}
        time.sleep(0.7)  # longer than any drain would wait
        assert not caller.ended and drained(m) == before


def test_they_leave_by_and_by_within_the_time_that_is_given(m):
    for name in ("within", "within6"):
        target = apply_entry(m, name + ".test", ADDRESSES[name], ["raw-v1-0", "raw-v2-0"], "2s")
        before = drained(m)
        with Caller(m, target, 80) as caller:
            began = time.monotonic_ns()
            apply_entry(m, name + ".test", ADDRESSES[name], ["raw-v2-0"], "2s")
            caller.wait_ended(40)
            wait_still(m)
            ends = [(e["at"] - began) / 1e9 for e in caller.ended]
            assert len(ends) == 40 and {e["to"] for e in caller.ended} == {"raw-v1-0"}, caller.ended
            assert {e["error"] for e in caller.ended} == {"ECONNABORTED"}, caller.ended
            steps = sum(b - a > 0.03 for a, b in zip([0] + ends, ends))
            assert steps >= 3 and ends[0] < 1 < ends[-1], ("not by and by", ends)
            assert builds.SANITIZED or ends[-1] < 2.5, ends
            assert drained(m) == before + 40
            assert cluster(m, name)["active"] == 40


def test_they_leave_at_once_when_asked(m):
    for name in ("now", "now6"):
        target = apply_entry(m, name + ".test", ADDRESSES[name], ["raw-v1-0", "raw-v2-0"], "now")
        with Caller(m, target, 200, "again") as caller:
            apply_entry(m, name + ".test", ADDRESSES[name], ["raw-v2-0"], "now")
            returned = time.monotonic_ns()
            mesh.wait_for(lambda c=caller: len(c.again) == 100, 10, "all came back")
            wait_still(m)
            assert (caller.ended[-1]["at"] - returned) / 1e9 < 1, caller.ended[-1]
            assert caller.versions() == {"v2": 200}, caller.versions()


def test_sockets_of_udp_leave_a_dead_endpoint_without_being_asked(m):
    target = apply_udp(m, ["raw-v1-0", "raw-v2-0"])
    before = drained(m)
    with Caller(m, target, 20, "udp") as caller:
        assert caller.versions() == {"v1": 10, "v2": 10}, caller.versions()
        apply_udp(m, ["raw-v2-0"])
        caller.wait_ended(10)
        wait_still(m)
        assert {e["to"] for e in caller.ended} == {"raw-v1-0"}, caller.ended
        assert {e["error"] for e in caller.ended} == {"ECONNABORTED"}, caller.ended
        assert drained(m) == before + 10
        assert cluster(m, "udp.test")["active"] == 10


def apply_udp(m, pods):
    entry = objects.entry("udp.test", "10.100.60.9",
                          [(m.pods.by_name[pod]["ipv4"], 7071, {}) for pod in pods])
    entry["spec"]["ports"][0].update(name="udp", protocol="UDP")
    for endpoint in entry["spec"]["endpoints"]:
        endpoint["ports"] = {"udp": 7071}
    m.apply(objects.text(entry, objects.rule("udp.test", [], objects.balance("ROUND_ROBIN"))))
    return "10.100.60.9:80"


def test_a_caller_in_a_pod_is_reached_as_well(m):
    target = apply_entry(m, "pod.test", "10.100.60.4", ["raw-v1-0", "raw-v2-0"], "now")
    with Caller(m, target, 40, pod="caller-v1-0") as caller:
        apply_entry(m, "pod.test", "10.100.60.4", ["raw-v2-0"], "now")
        caller.wait_ended(20)
        wait_still(m)
        assert len(caller.ended) == 20, len(caller.ended)


def test_a_service_that_is_deleted_lets_go_as_it_was_asked_to(m):
    target = apply_entry(m, "deleted.test", "10.100.60.5", ["raw-v1-0", "raw-v2-0"], "now")
    with Caller(m, target, 10) as caller:
        m.shunt("delete", "se", "deleted.test")
        caller.wait_ended(10)


def test_after_a_restart_the_agent_moves_those_whose_endpoint_went_meanwhile(m):
    def objects_of(pods):
        at = [(m.pods.by_name[pod]["ipv4"], 7070, {}) for pod in pods]
        route = {"route": [{"destination": {"host": "restart.test"}}]}
        split = {"apiVersion": objects.NETWORKING, "kind": "VirtualService",
                 "metadata": {"name": "restart"},
                 "spec": {"hosts": ["restart.test"], "tcp": [route]}}
        return objects.text(objects.entry("restart.test", "10.100.60.6", at),
                            objects.rule("restart.test", [], objects.balance("ROUND_ROBIN")),
                            with_drain(split, "now"))

    m.write("restart.yaml", objects_of(["raw-v1-0", "raw-v2-0"]))
    mesh.wait_for(lambda: objects.find(m, "restart.test"))
    with Caller(m, "10.100.60.6:80", 10) as caller:
        m.kill_agent()
        m.write("restart.yaml", objects_of(["raw-v2-0"]))
        time.sleep(0.3)
        assert not caller.ended, "nothing is moved while no agent runs"
        m.start_agent()
        caller.wait_ended(5)
        wait_still(m)
        assert len(caller.ended) == 5, caller.ended


# A share shrinks.

def test_of_a_shift_from_75_to_25_exactly_the_surplus_moves(m):
    for family in FAMILIES:
        host = f"shrink{family}"
        target = apply_split(m, host, {"v1": 75, "v2": 25}, "now")[family]
        before = drained(m)
        with Caller(m, target, 100) as caller:
            assert caller.versions() == {"v1": 75, "v2": 25}
            apply_split(m, host, {"v1": 25, "v2": 75}, "now")
            caller.wait_ended(50)
            wait_still(m)
            assert len(caller.ended) == 50, len(caller.ended)
            assert {e["to"].rsplit("-", 2)[-2] for e in caller.ended} == {"v1"}
            assert drained(m) == before + 50
            assert cluster(m, host, "v1")["traffic"]["drained"] == 50, cluster(m, host, "v1")
            assert cluster(m, host, "v2")["traffic"]["drained"] == 0, cluster(m, host, "v2")


def test_who_comes_back_takes_a_turn_and_is_not_sent_away_again(m):
    target = apply_split(m, "turns", {"v1": 75, "v2": 25}, "1s")[0]
    with Caller(m, target, 100, "again") as caller:
        apply_split(m, "turns", {"v1": 25, "v2": 75}, "1s")
        mesh.wait_for(lambda: len(caller.again) == 50, 10, "those who left came back")
        wait_still(m)
        assert len(caller.ended) == 50, len(caller.ended)
        came = collections.Counter(t["again"].rsplit("-", 2)[-2] for t in caller.again)
        assert abs(came["v1"] - 12.5) < 1, came  # of 50 a quarter


def test_keep_is_the_default_for_weights_too(m):
    target = apply_split(m, "kept", {"v1": 75, "v2": 25})[0]
    with Caller(m, target, 20) as caller:
        apply_split(m, "kept", {"v1": 0, "v2": 100})
        with Caller(m, target, 4) as other:
            assert other.versions() == {"v2": 4}
        time.sleep(0.7)
        assert not caller.ended


# The command.

def test_drain_moves_the_surplus_and_shows_how_far_it_is(m):
    target = apply_split(m, "asked", {"v1": 75, "v2": 25})[0]
    with Caller(m, target, 100) as caller:
        assert "no connection has to move" in m.shunt("drain", "asked", "--now").stdout
        apply_split(m, "asked", {"v1": 25, "v2": 75})
        p = m.shunt("drain", "asked", "v2", "--now")
        assert "no connection has to move" in p.stdout and not caller.ended, p.stdout
        began = time.monotonic()
        lines = m.shunt("drain", "asked", "--within", "1s").stdout.splitlines()
        assert 0.5 < time.monotonic() - began < 5, "it did not wait for the end"
        assert lines[0].startswith("asked.default.svc.cluster.local:80 v1: 75 there, "), lines
        assert lines[-1].endswith(" 50 moved, 0 left"), lines
        caller.wait_ended(50)
        assert len(caller.ended) == 50
        apply_split(m, "asked", {"v1": 0, "v2": 75})
        shown = m.json("drain", "asked", "v1", "--now")
        to = {d["subset"]: d for d in shown["destinations"]}
        assert shown["moved"] == 25 and shown["left"] == 0, shown
        assert to["v1"]["moved"] == 25 and to["v2"]["moved"] == 0, shown
        caller.wait_ended(75)
        kinds = [e["kind"] for e in m.json("events")["events"] if e["dialled"] == target]
        assert kinds.count("drained") == 75, collections.Counter(kinds)


def test_drain_refuses_what_it_does_not_know(m):
    apply_split(m, "known", {"v1": 1})
    for argv, code, text in ((("nowhere",), 1, "no service nowhere"),
                             (("known", "v9"), 1, "subset v9"),
                             (("known", "--now", "--within", "1s"), 2, "exclude"),
                             (("known", "--within", "soon"), 2, "bad value"), ((), 2, "too few")):
        p = m.shunt("drain", *argv, check=False)
        assert p.returncode == code and text in p.stderr, p


# What lasts too long.

def test_idle_connections_end_in_time_and_busy_ones_stay(m):
    for family in FAMILIES:
        host = f"idle{family}"
        target = apply_split(m, host, {"v1": 1}, policy=timed(idleTimeout="2s"))[family]
        before = m.status()["counters"]["expired_idle"]
        began = time.monotonic_ns()
        with Caller(m, target, 20, "talk=8") as caller:
            opened = time.monotonic_ns()
            caller.wait_ended(12)
            for end in caller.ended:
                assert end["number"] >= 8 and end["error"] == "ECONNABORTED", end
                assert (end["at"] - opened) / 1e9 < 3.5 and (end["at"] - began) / 1e9 > 2, end
            assert m.status()["counters"]["expired_idle"] == before + 12
            assert cluster(m, host, "v1")["active"] == 8


def test_connections_end_when_they_have_lasted_long_enough(m):
    policy = timed(maxConnectionDuration="1500ms")
    target = apply_split(m, "aged", {"v1": 1}, policy=policy)[0]
    began = time.monotonic_ns()
    with Caller(m, target, 12, "talk=6", pod="caller-v1-0") as caller:
        opened = time.monotonic_ns()
        caller.wait_ended(12)
        for end in caller.ended:
            assert (end["at"] - opened) / 1e9 < 3 and (end["at"] - began) / 1e9 > 1.5, end
    counters = m.status()["counters"]
    assert counters["expired_duration"] == 12 and counters["drained"] == drained(m)
    m.shunt("delete", "dr", "aged")


if __name__ == "__main__":
    mesh.run_tests()

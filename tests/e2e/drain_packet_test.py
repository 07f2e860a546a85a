#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Live connections by packet, of captured pods and of callers from outside: as many of them end as have
to, of the same tallies as those of sockets. Their callers learn it when they send."""
import collections
import contextlib
import time

import mesh
import node
import objects
from drains import Caller, apply_split, cluster, drained, timed, wait_still, with_drain

CAPTURED = "caller-v1-0"
FAMILIES = (0, 1)  # which of a service's addresses is dialled: IPv4, IPv6


@contextlib.contextmanager
def fixture():
    """Two pods of each version of `raw`, and a captured one that only calls."""
    caller = objects.deployment("caller", "v1", 1)
    caller["spec"]["template"]["metadata"]["annotations"]["shunt.io/capture"] = "tc"
    pods = [objects.deployment("raw", v, 2, (7070,), args="--tcp --udp=0.0.0.0:7071")
            for v in ("v1", "v2")]
    node.up()
    with node.Node(pods=objects.text(caller, *pods), agent_arguments=["--outside", "native"]) as m:
        mesh.wait_for(lambda: len(m.status()["captured"]) == 1, 10, "the caller is captured")
        yield m


def captured(m, target, count, *words):
    """Each of its connections sends a byte now and then, and so learns of its end."""
    return Caller(m, target, count, f"talk={count}", *words, pod=CAPTURED)


def from_outside(m, target, count, *words):
    return Caller(m, target, count, f"talk={count}", *words, netns=node.OUTSIDE)


def active(m, host):
    return {version: cluster(m, host, version)["active"] for version in ("v1", "v2")}


def ends(caller):
    """How many ended of each version, and as what."""
    return (collections.Counter(e["to"].rsplit("-", 2)[-2] for e in caller.ended),
            {e["error"] for e in caller.ended})


def apply_front(m, host, port, weights, policy=None):
    """As apply_split, with a node port; where callers from outside dial it."""
    service = objects.service(host, "raw", target=7070)
    service["spec"]["type"] = "NodePort"
    service["spec"]["ports"][0]["nodePort"] = port
    m.apply(objects.text(service, objects.rule(host, ["v1", "v2"], policy),
                         with_drain(objects.split(host, weights), "now")))
    return [f"{node.NODE4}:{port}", f"[{node.NODE6}]:{port}"]


# A share shrinks.

def test_of_a_shift_from_75_to_25_exactly_the_surplus_moves(m):
    for family in FAMILIES:
        host = f"shrink{family}"
        target = apply_split(m, host, {"v1": 75, "v2": 25}, "now")[family]
        counters = m.status()["counters"]
        with captured(m, target, 100) as caller:
            assert caller.versions() == {"v1": 75, "v2": 25}
            apply_split(m, host, {"v1": 25, "v2": 75}, "now")
            caller.wait_ended(50)
            wait_still(m)
            assert ends(caller) == ({"v1": 50}, {"ECONNRESET"}), caller.ended
            assert active(m, host) == {"v1": 25, "v2": 25}
            after = m.status()["counters"]
            assert after["drained"] == counters["drained"] + 50
            assert after["no_connection"] >= counters["no_connection"] + 50
            assert after["connect_failed"] == counters["connect_failed"]
            assert cluster(m, host, "v1")["traffic"]["drained"] == 50, cluster(m, host, "v1")
            assert cluster(m, host, "v2")["traffic"]["drained"] == 0, cluster(m, host, "v2")
            told = [e for e in m.json("events")["events"] if e["dialled"] == target]
            assert [e["kind"] for e in told] == ["drained"] * 50, told
        mesh.wait_for(lambda h=host: active(m, h) == {"v1": 0, "v2": 0})


def test_who_comes_back_takes_a_turn_and_is_not_sent_away_again(m):
    target = apply_split(m, "turns", {"v1": 75, "v2": 25}, "1s")[0]
    with captured(m, target, 100, "again") as caller:
        began = time.monotonic_ns()
        apply_split(m, "turns", {"v1": 25, "v2": 75}, "1s")
        mesh.wait_for(lambda: len(caller.again) == 50, 10, "those who left came back")
        wait_still(m)
        assert len(caller.ended) == 50, len(caller.ended)
        at = sorted((e["at"] - began) / 1e9 for e in caller.ended)
        assert sum(b - a > 0.03 for a, b in zip([0] + at, at)) >= 3, ("not by and by", at)
        came = collections.Counter(t["again"].rsplit("-", 2)[-2] for t in caller.again)
        assert abs(came["v1"] - 12.5) < 1, came  # of 50 a quarter
        assert active(m, "turns") == caller.versions(), caller.versions()


def test_sockets_and_packets_are_counted_together(m):
    target = apply_split(m, "both", {"v1": 50, "v2": 50})[0]
    with Caller(m, target, 20) as by_socket, captured(m, target, 60) as by_packet:
        assert active(m, "both") == {"v1": 40, "v2": 40}
        before = drained(m)
        apply_split(m, "both", {"v1": 1, "v2": 3})
        out = m.shunt("drain", "both", "--now").stdout
        assert out.splitlines()[-1].endswith(" 20 moved, 0 left"), out
        mesh.wait_for(lambda: len(by_socket.ended) + len(by_packet.ended) == 20)
        assert active(m, "both") == {"v1": 20, "v2": 40} and drained(m) == before + 20


def test_keep_is_the_default(m):
    target = apply_split(m, "kept", {"v1": 75, "v2": 25})[0]
    with captured(m, target, 20) as caller:
        apply_split(m, "kept", {"v1": 0, "v2": 100})
        with captured(m, target, 4) as other:
            assert other.versions() == {"v2": 4}
        time.sleep(0.7)  # longer than any drain would wait
        assert not caller.ended


def test_callers_from_outside_have_the_split_as_well(m):
    for family in FAMILIES:
        host, port = f"front{family}", 30090 + family
        target = apply_front(m, host, port, {"v1": 75, "v2": 25})[family]
        assert [d["hook"] for d in m.status()["outside"]["devices"]] == ["native"]
        before = drained(m)
        with from_outside(m, target, 100) as caller:
            assert caller.versions() == {"v1": 75, "v2": 25}
            apply_front(m, host, port, {"v1": 25, "v2": 75})
            caller.wait_ended(50)
            wait_still(m)
            assert ends(caller) == ({"v1": 50}, {"ECONNRESET"}), caller.ended
            assert active(m, host) == {"v1": 25, "v2": 25} and drained(m) == before + 50


# The command.

def test_drain_moves_the_surplus_of_one_subset_now(m):
    for family in FAMILIES:
        host = f"asked{family}"
        target = apply_split(m, host, {"v1": 75, "v2": 25})[family]
        with captured(m, target, 100) as caller:
            assert "no connection has to move" in m.shunt("drain", host, "--now").stdout
            apply_split(m, host, {"v1": 25, "v2": 75})
            out = m.shunt("drain", host, "v2", "--now").stdout
            assert "no connection has to move" in out and not caller.ended, out
            shown = m.json("drain", host, "v1", "--now")
            assert shown["moved"] == 50 and shown["left"] == 0, shown
            caller.wait_ended(50)
            assert ends(caller)[0] == {"v1": 50}, caller.ended
            assert active(m, host) == {"v1": 25, "v2": 25}


# An endpoint goes.

def apply_entry(m, host, address, pods, drain):
    at = [(m.pods.by_name[pod]["ipv6" if ":" in address else "ipv4"], 7070, {}) for pod in pods]
    split = {"apiVersion": objects.NETWORKING, "kind": "VirtualService", "metadata": {"name": host},
             "spec": {"hosts": [host], "tcp": [{"route": [{"destination": {"host": host}}]}]}}
    m.apply(objects.text(objects.entry(host, address, at), with_drain(split, drain),
                         objects.rule(host, [], objects.balance("ROUND_ROBIN"))))
    return f"[{address}]:80" if ":" in address else f"{address}:80"


def test_connections_to_an_endpoint_that_is_gone_leave_at_once_when_asked(m):
    for address in ("10.100.61.1", "fd00:96::611"):
        target = apply_entry(m, "gone.test", address, ["raw-v1-0", "raw-v2-0"], "now")
        before = drained(m)
        with captured(m, target, 200, "again") as caller:
            assert caller.versions() == {"v1": 100, "v2": 100}
            apply_entry(m, "gone.test", address, ["raw-v2-0"], "now")
            returned = time.monotonic_ns()
            mesh.wait_for(lambda c=caller: len(c.again) == 100, 10, "all came back")
            wait_still(m)
            assert (caller.ended[-1]["at"] - returned) / 1e9 < 1.5, caller.ended[-1]
            assert caller.versions() == {"v2": 200}, caller.versions()
            assert cluster(m, "gone.test")["active"] == 200 and drained(m) == before + 100
        m.shunt("delete", "se", "gone.test")


# What lasts too long.

def idle_ones_end(m, host, target, **where):
    before = m.status()["counters"]["expired_idle"]
    began = time.monotonic()
    with Caller(m, target, 20, "talk=8", **where) as caller:
        mesh.wait_for(lambda: cluster(m, host, "v1")["active"] == 8)
        assert 2 < time.monotonic() - began < 5, time.monotonic() - began
        time.sleep(2.5)  # as long again, and a look of the agent's
        assert cluster(m, host, "v1")["active"] == 8 and not caller.ended, caller.ended
        assert m.status()["counters"]["expired_idle"] == before + 12
        assert cluster(m, host, "v1")["traffic"]["expired"] == 12
    m.shunt("delete", "dr", host)


def test_idle_connections_end_in_time_and_busy_ones_stay(m):
    policy = timed(idleTimeout="2s")
    for family in FAMILIES:
        target = apply_split(m, f"idle{family}", {"v1": 1}, policy=policy)[family]
        idle_ones_end(m, f"idle{family}", target, pod=CAPTURED)
        target = apply_front(m, f"hush{family}", 30094 + family, {"v1": 1}, policy)[family]
        idle_ones_end(m, f"hush{family}", target, netns=node.OUTSIDE)


def test_connections_end_when_they_have_lasted_long_enough(m):
    before = m.status()["counters"]
    policy = timed(maxConnectionDuration="1500ms")
    target = apply_split(m, "aged", {"v1": 1}, policy=policy)[0]
    began = time.monotonic_ns()
    with captured(m, target, 12) as caller:
        opened = time.monotonic_ns()
        caller.wait_ended(12)
        for end in caller.ended:
            assert (end["at"] - opened) / 1e9 < 3.5 and (end["at"] - began) / 1e9 > 1.5, end
    after = m.status()["counters"]
    assert after["expired_duration"] == before["expired_duration"] + 12
    assert after["drained"] == before["drained"]
    m.shunt("delete", "dr", "aged")


if __name__ == "__main__":
    mesh.run_tests()

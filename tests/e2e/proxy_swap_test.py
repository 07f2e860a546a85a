#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Rules that change again and again under load: no request fails, and nothing grows. SWAPS says how
often; `make soak` takes a hundred thousand."""
import contextlib
import json
import os
import struct

import builds
import mesh
import objects
from admin_test import connect, frame
from proxy_death_test import Clients, using
from proxy_test import by_user, proxies, serving, web

SWAPS = int(os.environ.get("SWAPS", "1000"))
GROWTH = 3 << 20  # bytes, from the half of the swaps to their end
ROUND = 20  # swaps after which all is as it was


@contextlib.contextmanager
def rules_for_reviews():
    pods = [objects.deployment("web", version) for version in ("v1", "v2")]
    pods.append(objects.deployment("caller", "v1", ports=(), name="caller"))
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        m.apply(objects.text(*web("reviews", by_user("reviews"))))
        serving(m)
        yield m


def exactly(s, size):
    got = b""
    while len(got) < size:
        more = s.recv(size - len(got))
        assert more, "the agent closed"
        got += more
    return got


def ask(m, **request):
    with connect(m) as s:
        s.sendall(frame(json.dumps(request).encode()))
        size, = struct.unpack(">I", exactly(s, 4))
        reply = json.loads(exactly(s, size))
    assert reply["ok"], reply


def put(m, *parts):
    ask(m, command="apply", files=[{"name": "-", "text": objects.text(*parts)}])


def reviews(number):
    """Weights, a header's destination, rules and their conditions change from one to the next."""
    vs = by_user("reviews")
    http = vs["spec"]["http"]
    http[0]["route"][0]["destination"]["subset"] = ("v1", "v2")[number % 2]
    http[1]["route"] = [{"destination": {"host": "reviews", "subset": v}, "weight": w}
                        for v, w in (("v1", 50 + number % ROUND), ("v2", 50 - number % ROUND))]
    if number % 3 == 0:
        http.insert(0, {"match": [{"uri": {"regex": f"/never/{number % ROUND}/[a-z]+"}}],
                        "route": [{"destination": {"host": "reviews", "subset": "v2"}}],
                        "retries": {"attempts": 3}, "timeout": "10s"})
    return vs


def swap(m, number):
    if number % ROUND == 5:
        put(m, *web("guest", by_user("guest")))
    elif number % ROUND == 15:
        ask(m, command="delete", objects=[
            {"kind": kind, "name": "guest"}
            for kind in ("virtualservice", "destinationrule", "service")])
    elif number % 4 == 1:
        ask(m, command="shift", host="reviews", weights=[
            {"subset": "v1", "weight": number % 100},
            {"subset": "v2", "weight": 100 - number % 100}], route="1")
    else:
        put(m, reviews(number))


def memory(pid):
    """Bytes that are its own."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        fields = dict(line.split(":") for line in f.read().splitlines()[1:])
    return 1024 * sum(int(fields[key].split()[0]) for key in ("Private_Clean", "Private_Dirty"))


def fds(pid):
    """What its descriptors are; not those that go meanwhile."""
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(f"/proc/{pid}/fd/{number}")


def held(m, pid):
    """What may not grow: entries of maps, descriptors of the agent, threads of both, and the
    proxy's descriptors but for those of its load's connections."""
    maps = {row["name"]: row["used"] for row in m.json("maps")["maps"]}
    return {**{name: maps[name]
               for name in ("services", "routes", "clusters", "endpoints", "listeners")},
            "proxy_fds": len([fd for fd in fds(pid) if not fd.startswith("socket:")]),
            "agent_fds": len(os.listdir(f"/proc/{m.agent.pid}/fd")),
            "tasks": sum(len(os.listdir(f"/proc/{of}/task")) for of in (pid, m.agent.pid))}


def under_load(m, swaps, halfway=lambda: None):
    """That many swaps and a few more; returns as it was at half of them."""
    with Clients(m, "reviews", full=False) as clients:
        for number in range(swaps + 1):
            swap(m, number)
            if number == swaps // 2:
                halfway()
        clients.go_on()
        clients.end()
    put(m, reviews(swaps // 2))


def test_swaps_under_load_fail_no_request():
    with rules_for_reviews() as m:
        pid = serving(m)
        under_load(m, 5 * ROUND)
        assert proxies(m) == [pid]


def test_many_swaps_under_load_leave_nothing():
    """On the release build: the other one keeps what is freed."""
    swaps, at_half = SWAPS // (2 * ROUND) * 2 * ROUND, []
    with using(builds.release()), rules_for_reviews() as m:
        pid = serving(m)
        state = lambda: (held(m, pid), memory(m.agent.pid), memory(pid))
        under_load(m, swaps, lambda: at_half.extend(state()))
        mesh.wait_for(lambda: state()[0] == at_half[0], 10, lambda: (at_half, state()))
        _, agent, proxy = state()
        assert agent - at_half[1] < GROWTH and proxy - at_half[2] < GROWTH, (at_half, agent, proxy)
        assert proxies(m) == [pid]


if __name__ == "__main__":
    mesh.run_tests()

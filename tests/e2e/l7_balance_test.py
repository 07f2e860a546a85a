#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Which endpoint takes a request: in turn, at random, by load, or always the same for a key."""
import contextlib
import json
import os

import load
import mesh
import objects
from l7 import REQUESTS, curl, inside, put, routes, to, web

CALLER = "caller-0"
PORTS = range(8080, 8091)
KEYS = 1000


@contextlib.contextmanager
def fixture():
    """Four pods of `four`; one pod of `ring` whose eleven ports are endpoints of their own."""
    pods = [objects.deployment("four", "v1", 4),
            objects.deployment("ring", "v1", ports=tuple(PORTS)),
            objects.deployment("caller", "v1", 4, ports=(), name="caller")]
    with mesh.Mesh(pods=objects.text(*pods)) as m:
        yield m


def four(m, name, *rules, **more):
    """A service over the four, each of whose requests is balanced."""
    parts = web(name, "four", *rules, subsets=more.pop("subsets", ["v1"]), **more)
    parts[0]["metadata"]["annotations"] = REQUESTS
    put(m, *parts)
    return objects.targets(m, name)[0]


def entry(m, host, address, places):
    """A host whose endpoints are ports of pods."""
    at = [(m.pods.by_name[pod]["ipv4"], port, {}) for pod, port in places]
    made = objects.entry(host, address, at)
    made["spec"]["ports"][0]["protocol"] = "HTTP"
    return made, routes(host, {"route": [to(host)]}, **REQUESTS)


# In turn, at random.

def test_a_subset_in_turn_of_a_host_at_random(m):
    target = four(m, "turns", subsets={"v1": objects.balance("ROUND_ROBIN")},
                  policy=objects.balance("RANDOM"))
    tally = m.client(target, pod=CALLER, http="/", count=10000, procs=2, parallel=4)
    load.assert_none_failed(tally)
    picks = list(tally["by_pod"].values())
    # a binomial's deviation is 43; five of them
    assert len(picks) == 4 and all(abs(n - 2500) <= 220 for n in picks), tally
    assert max(picks) - min(picks) > 1, "random as even as this is none"
    put(m, routes("turns", {"route": [to("turns", "v1")]}, **REQUESTS))
    tally = m.client(target, pod=CALLER, http="/", count=1002, procs=3)
    load.assert_none_failed(tally)
    picks = list(tally["by_pod"].values())
    assert len(picks) == 4 and max(picks) - min(picks) <= 1, tally


def open_at(m, pod):
    """The pod's own word of how many connections it has."""
    at = m.pods.by_name[pod]["ipv4"]
    return json.loads(mesh.run("curl", "-s", f"http://{at}:8080/stats").stdout)["connections"]


def test_one_that_holds_its_requests_gets_few_new_ones(m):
    for number, policy in enumerate(("LEAST_CONN", "LEAST_REQUEST", None)):
        host, address = f"least-{number}.test", f"10.100.30.{number + 1}"
        rules = [objects.rule(host, [], objects.balance(policy))] if policy else []

        def with_pods(count, host=host, address=address, rules=tuple(rules)):
            ports = [(f"four-v1-{i}", 8080) for i in range(count)]
            put(m, *entry(m, host, address, ports), *rules)

        with_pods(1)
        before = open_at(m, "four-v1-0")
        held = m.spawn(f"{address}:80", pod=CALLER, http="/hold", count=40, parallel=40,
                       timeout=60000)
        try:
            mesh.wait_for(lambda n=before: open_at(m, "four-v1-0") >= n + 40, what="all are held")
            for count in (2, 3, 4):
                with_pods(count)
                tally = m.client(f"{address}:80", pod=CALLER, http="/", count=400, parallel=4)
                load.assert_none_failed(tally)
                free = [tally["by_pod"].get(f"four-v1-{i}", 0) for i in range(1, count)]
                assert tally["by_pod"].get("four-v1-0", 0) < min(free) / 4, (policy, tally)
        finally:
            held.kill()
            held.communicate()


# The same for a key.

def ringed(m, hash_by, ports):
    put(m, *entry(m, "ring.test", "10.100.31.1", [("ring-v1-0", port) for port in ports]),
        objects.rule("ring.test", [], {"loadBalancer": {"consistentHash": hash_by}}))


def endpoints(m, requests, pod=CALLER):
    """The endpoint that took each; `requests`: (path, headers)."""
    path = os.path.join(m.folder, f"requests-{next(mesh.numbers)}")
    with open(path, "w", encoding="utf-8") as f:
        for number, (target, headers) in enumerate(requests):
            f.write("next\n" if number else "")
            f.writelines(f'header = "{h}"\n' for h in headers)
            f.write(f'silent\nurl = "http://ring.test{target}"\n')
    out = inside(m, pod, "curl", "-K", path, timeout=120)
    found = [part.split('"', 1)[0] for part in out.split('"local":"')[1:]]
    assert len(found) == len(requests), (len(found), out[-500:])
    return found


BY = {
    "header": ({"httpHeaderName": "x-user"}, lambda k: ("/", [f"x-user: user-{k}"])),
    "cookie": ({"httpCookie": {"name": "session", "ttl": "0s"}},
               lambda k: ("/", [f"cookie: a=b; session=s-{k}; c=d"])),
    "query": ({"httpQueryParameterName": "key"}, lambda k: (f"/?a=b&key=k{k}", [])),
}


def moves(m, hash_by, request):
    requests = [request(k) for k in range(KEYS)]
    ringed(m, hash_by, PORTS[:10])
    first = endpoints(m, requests)
    assert endpoints(m, requests) == first, "a key has left its endpoint"
    shares = [first.count(at) for at in set(first)]
    assert len(shares) == 10 and max(shares) < 3 * KEYS / 10, shares
    ringed(m, hash_by, PORTS)
    second = endpoints(m, requests)
    moved = [b for a, b in zip(first, second) if a != b]
    assert 0 < len(moved) <= 0.15 * KEYS, len(moved)
    assert endpoints(m, requests) == second
    return moved


def test_a_header_keeps_its_endpoint_and_few_move_to_a_new_one(m):
    moved = moves(m, *BY["header"])
    new = f"{m.pods.by_name['ring-v1-0']['ipv4']}:{PORTS[10]}"
    assert set(moved) == {new}, set(moved)


def test_a_cookie_keeps_its_endpoint_and_few_move_to_a_new_one(m):
    moves(m, *BY["cookie"])


def test_a_query_parameter_keeps_its_endpoint_by_maglev(m):
    hash_by, request = BY["query"]
    moves(m, {**hash_by, "maglev": {"tableSize": 65537}}, request)


def test_a_caller_keeps_its_endpoint_by_its_address(m):
    ringed(m, {"useSourceIp": True}, PORTS)
    found = {}
    for number in range(4):
        at = endpoints(m, [("/", [])] * 50, pod=f"caller-{number}")
        assert len(set(at)) == 1, at
        found[number] = at[0]
    assert len(set(found.values())) > 1, found


def test_a_cookie_is_made_for_who_has_none_and_then_counts(m):
    ringed(m, {"httpCookie": {"name": "session", "path": "/", "ttl": "3600s"}}, PORTS)
    for _ in range(5):
        got = curl(m, CALLER, "http://ring.test/?n=[1-20]", "-b", "")
        assert len({a.json["local"] for a in got}) == 1, [a.json["local"] for a in got]
        made = [a.headers["set-cookie"] for a in got if "set-cookie" in a.headers]
        assert len(made) == 1 and made[0].startswith("session=") and "Path=/" in made[0] and \
            "Max-Age=3600" in made[0] and "HttpOnly" in made[0], made
    without = endpoints(m, [("/", [])] * 40)
    assert len(set(without)) > 1, without


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The way to the L7 proxy: who is steered there, what it knows of them, and what becomes of
connections while it is dead or hangs."""
import contextlib
import json
import os
import signal
import time

import mesh
import objects

CALLER = "caller-0"
JASON = "end-user: jason"


def by_user(name, **notes):
    """The user jason sees v2, everyone else v1."""
    vs = objects.split(name, {"v1": 1}, protocol="http")
    vs["metadata"]["annotations"] = notes
    vs["spec"]["http"].insert(0, {
        "match": [{"headers": {"end-user": {"exact": "jason"}}}],
        "route": [{"destination": {"host": name, "subset": "v2"}}]})
    return vs


def web(name, *rules, port_name="http"):
    """A service over both versions."""
    return [objects.service(name, "web", port_name=port_name), objects.rule(name, ("v1", "v2")),
            *rules]


@contextlib.contextmanager
def fixture():
    """`reviews` needs the proxy, `strict` does and may not be bypassed, `plain` is the kernel's."""
    pods = [objects.deployment("web", version) for version in ("v1", "v2")]
    pods += [objects.deployment(name, "v1", ports=(), name=name) for name in ("caller", "red")]
    pods[-1]["spec"]["template"]["metadata"]["labels"]["team"] = "red"
    refuse = {"shunt.io/on-proxy-failure": "refuse"}
    parts = [*web("reviews", by_user("reviews")), *web("strict", by_user("strict", **refuse)),
             *web("plain", objects.split("plain", {"v2": 1}), port_name="tcp")]
    with mesh.Mesh(objects.text(*parts), pods=objects.text(*pods)) as m:
        serving(m)
        yield m


def serving(m):
    """The process that takes connections of the pod, which stays the same until it is ended."""
    return mesh.wait_for(lambda: proxies(m) and seen(m, "reviews", header=JASON) == {"v2"} and
                         proxies(m)[0], 3, "the proxy serves")


def proxies(m):
    """Its processes: those of its cgroup."""
    with open(os.path.join(m.cgroup, m.root + "-proxy", "cgroup.procs"), encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]


def call(m, host, pod=CALLER, count=1, **options):
    target = objects.targets(m, host)[options.pop("at", 0)]
    return m.client(target, pod=pod, http="/", count=count, **options)


def seen(m, host, **options):
    return set(call(m, host, **options)["by_version"])


def counters(m, *names):
    found = m.status()["counters"]
    return [found[name] for name in names]


# Requests are told apart.

def test_a_header_decides_where_each_request_goes(m):
    before, = counters(m, "proxied")
    assert call(m, "reviews", count=50, header=JASON)["by_version"] == {"v2": 50}
    assert call(m, "reviews", count=50)["by_version"] == {"v1": 50}
    assert call(m, "reviews", count=50, header="end-user: jane")["by_version"] == {"v1": 50}
    assert counters(m, "proxied") == [before + 150]


def test_callers_on_the_host_are_steered_too(m):
    assert call(m, "reviews", pod=None, count=20, header=JASON)["by_version"] == {"v2": 20}
    assert call(m, "reviews", pod=None, count=20)["by_version"] == {"v1": 20}


def test_both_address_families_and_mapped_addresses(m):
    for at, more in ((0, {}), (1, {}), (0, {"family": "mapped"})):
        for pod in (CALLER, None):
            options = {"pod": pod, "at": at, "count": 10, **more}
            assert call(m, "reviews", header=JASON, **options)["by_version"] == {"v2": 10}, options
            assert call(m, "reviews", **options)["by_version"] == {"v1": 10}, options


def test_the_caller_sees_the_address_it_dialled(m):
    tally = call(m, "reviews", count=20, header=JASON, check_peername=True)
    assert tally["by_version"] == {"v2": 20} and not tally["peername_mismatch"], tally


def test_curl_keeps_one_connection_for_several_users(m):
    address = objects.targets(m, "reviews")[0].rsplit(":", 1)[0]
    url = "http://reviews/?n="
    script = (f"echo $$ > {m.cgroup}/cgroup.procs; exec ip netns exec {m.pods.netns(CALLER)} "
              f"curl -s --resolve reviews:80:{address} '{url}1' "
              f"--next -s -H '{JASON}' --resolve reviews:80:{address} '{url}2' "
              f"--next -s --resolve reviews:80:{address} '{url}3'")
    before, = counters(m, "proxied")
    out = mesh.run("bash", "-c", script).stdout
    versions = [word for word in out.replace('"', " ").split() if word in ("v1", "v2")]
    assert versions == ["v1", "v2", "v1"], out
    assert counters(m, "proxied") == [before + 1]


def test_what_the_kernel_steers_does_not_meet_the_proxy(m):
    before = counters(m, "proxied", "bypassed")
    assert call(m, "plain", count=50)["by_version"] == {"v2": 50}
    assert counters(m, "proxied", "bypassed") == before


def test_what_nobody_steered_there_is_not_forwarded(m):
    """A listener of the proxy that is dialled itself closes: it does not know where to go."""
    def listening():
        rows = mesh.run("ss", "-Htlnp4").stdout.splitlines()
        return [row.split()[3] for row in rows if f"pid={serving(m)}," in row]
    targets = listening()
    assert targets
    for target in targets:
        tally = m.client(target, http="/", count=1)
        assert not tally["ok"], tally


def test_rules_that_ask_who_calls_and_for_a_header(m):
    vs = by_user("team")
    vs["spec"]["http"][0]["match"][0]["sourceLabels"] = {"team": "red"}
    parts = web("team", vs)
    m.apply(objects.text(*parts))
    try:
        assert call(m, "team", pod="red-0", count=10, header=JASON)["by_version"] == {"v2": 10}
        assert call(m, "team", pod="red-0", count=10)["by_version"] == {"v1": 10}
        assert call(m, "team", count=10, header=JASON)["by_version"] == {"v1": 10}
        assert call(m, "team", pod=None, count=10, header=JASON)["by_version"] == {"v1": 10}
    finally:
        m.shunt("delete", "-f", "-", input=objects.text(*parts))


def test_a_namespace_without_a_listener_goes_past_the_proxy(m):
    before = counters(m, "no_listener", "bypassed", "proxied")
    name = m.id + "-nobody"
    target = objects.targets(m, "reviews")[0]
    mesh.run("ip", "netns", "add", name)
    try:
        m.client(target, netns=name, http="/", count=1)
    finally:
        mesh.run("ip", "netns", "delete", name)
    after = counters(m, "no_listener", "bypassed", "proxied")
    assert after == [before[0] + 1, before[1] + 1, before[2]], (before, after)


# A rule that changes.

def test_a_changed_rule_is_followed_at_once(m):
    text = web("swap", by_user("swap"))
    m.apply(objects.text(*text))
    try:
        assert call(m, "swap", count=10, header=JASON)["by_version"] == {"v2": 10}
        for _ in range(5):
            for first, second in (("v1", "v2"), ("v2", "v1")):
                vs = by_user("swap")
                vs["spec"]["http"][0]["route"][0]["destination"]["subset"] = first
                vs["spec"]["http"][1]["route"][0]["destination"]["subset"] = second
                m.apply(objects.text(vs))
                assert call(m, "swap", count=2, header=JASON)["by_version"] == {first: 2}
                assert call(m, "swap", count=2)["by_version"] == {second: 2}
    finally:
        m.shunt("delete", "-f", "-", input=objects.text(*text))


def test_a_port_comes_to_the_proxy_and_leaves_it_without_a_failed_request(m):
    parts = web("turns", objects.split("turns", {"v1": 1}, protocol="http"))
    parts[0] = objects.service("turns", "web", port=81, port_name="http")
    m.apply(objects.text(*parts))
    target = objects.targets(m, "turns", 81)[0]
    client = m.spawn(target, pod=CALLER, http="/", duration=4, parallel=4)
    while client.poll() is None:
        m.apply(objects.text(by_user("turns")))
        m.apply(objects.text(parts[2]))
    out, err = client.communicate(timeout=60)
    tally = json.loads(out.splitlines()[-1])
    assert tally["by_status"] == {"200": tally["connections"]}, (tally, err)
    m.shunt("delete", "-f", "-", input=objects.text(*parts))


# The proxy dies, hangs, comes back.

def test_a_dead_proxy_is_bypassed_at_once(m):
    pid, target = serving(m), objects.targets(m, "reviews")[0]
    before, = counters(m, "bypassed")
    with stopped(m.agent.pid):  # so that it starts no other meanwhile
        os.kill(pid, signal.SIGKILL)
        mesh.wait_for(lambda: not proxies(m), 10, "it is dead")
        tally = m.client(target, pod=CALLER, http="/", count=20, header=JASON)
    assert tally["by_version"] == {"v1": 20}, tally
    assert counters(m, "bypassed") == [before + 20]
    assert serving(m) != pid


def test_it_serves_again_within_three_seconds_and_loses_only_what_it_had_accepted(m):
    pid, target = serving(m), objects.targets(m, "reviews")[0]
    client = m.spawn(target, pod=CALLER, http="/", duration=3, rate=300)
    mesh.wait_for(lambda: seen(m, "reviews") == {"v1"})
    os.kill(pid, signal.SIGKILL)
    died = time.monotonic()
    mesh.wait_for(lambda: pid not in proxies(m))
    assert serving(m) != pid
    assert time.monotonic() - died < 3
    tally = json.loads(client.communicate(timeout=60)[0].splitlines()[-1])
    # what the dead one had accepted ends with it
    assert tally["reset"] + tally["ok"] == tally["connections"] and tally["reset"] <= 3, tally


def test_what_may_not_be_bypassed_is_refused(m):
    assert call(m, "strict", count=5, header=JASON)["by_version"] == {"v2": 5}
    pid = serving(m)
    with stopped(pid):
        before, = counters(m, "refused_no_proxy")
        mesh.wait_for(lambda: call(m, "strict")["refused"] == 1, 20, "refused")
        assert call(m, "strict", count=10)["refused"] == 10
        assert counters(m, "refused_no_proxy")[0] >= before + 10
        kinds = [e["kind"] for e in m.json("events")["events"]]
        assert kinds.count("refused_no_proxy") >= 10, kinds
        assert call(m, "plain", count=10)["by_version"] == {"v2": 10}
        assert call(m, "reviews", count=10, header=JASON)["by_version"] == {"v1": 10}
    mesh.wait_for(lambda: seen(m, "strict", header=JASON) == {"v2"}, 3)
    assert serving(m) == pid


@contextlib.contextmanager
def stopped(pid):
    """Hangs, until the block ends."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_an_established_connection_of_the_kernel_outlives_the_proxy(m):
    target = objects.targets(m, "plain")[0]
    with m.hold(target, pod=CALLER, count=5, http="/") as held:
        os.kill(serving(m), signal.SIGKILL)
        serving(m)
        assert held.process.poll() is None
    assert held.tally["ok"] == 5


# The agent dies, comes back.

def test_the_proxy_goes_on_without_an_agent(m):
    pid = serving(m)
    target = objects.targets(m, "reviews")[0]
    assert m.stop_agent() == 0
    try:
        for header, version in ((JASON, "v2"), ("end-user: jane", "v1")):
            tally = m.client(target, pod=CALLER, http="/", count=20, header=header)
            assert tally["by_version"] == {version: 20}, tally
        assert proxies(m) == [pid]
    finally:
        m.start_agent()


def test_a_new_agent_takes_over_without_a_lost_request(m):
    pid = serving(m)
    target = objects.targets(m, "reviews")[0]
    client = m.spawn(target, pod=CALLER, http="/", header=JASON, duration=4, rate=300)
    m.kill_agent()
    m.start_agent()
    mesh.wait_for(lambda: proxies(m) and pid not in proxies(m), 10, "the former proxy has left")
    out, err = client.communicate(timeout=60)
    tally = json.loads(out.splitlines()[-1])
    assert tally["by_status"] == {"200": tally["connections"]}, (tally, err)
    assert set(tally["by_version"]) == {"v2"}, tally


# Only while it is needed.

def test_without_rules_that_need_it_there_is_no_proxy():
    pods = [objects.deployment("web", version) for version in ("v1", "v2")]
    plain = web("plain", objects.split("plain", {"v2": 1}), port_name="tcp")
    with mesh.Mesh(objects.text(*plain), pods=objects.text(*pods)) as m:
        assert not proxies(m)
        target = objects.targets(m, "plain")[0]
        m.apply(objects.text(*web("more", by_user("more"))))
        more = objects.targets(m, "more")[0]
        assert m.client(more, http="/", count=5, header=JASON)["by_version"] == {"v2": 5}
        assert len(proxies(m)) == 1
        client = m.spawn(more, http="/", duration=3, parallel=2)
        m.shunt("delete", "virtualservice", "more")
        mesh.wait_for(lambda: not proxies(m), 10, "the proxy has left")
        tally = json.loads(client.communicate(timeout=60)[0].splitlines()[-1])
        assert tally["by_status"] == {"200": tally["connections"]}, tally
        assert m.client(target, http="/", count=5)["by_version"] == {"v2": 5}
        m.apply(objects.text(by_user("more")))
        assert proxies(m)
        m.shunt("unload", "--force")
        assert not os.path.exists(os.path.join(m.cgroup, m.root + "-proxy"))


def test_an_agent_that_may_not_have_one_takes_the_bypass():
    pods = [objects.deployment("web", version) for version in ("v1", "v2")]
    parts = web("reviews", by_user("reviews"))
    with mesh.Mesh(objects.text(*parts), pods=objects.text(*pods),
                   agent_arguments=["--proxy", "off"]) as m:
        target = objects.targets(m, "reviews")[0]
        assert m.client(target, http="/", count=5, header=JASON)["by_version"] == {"v1": 5}
        assert not proxies(m) and counters(m, "proxied") == [0]


if __name__ == "__main__":
    mesh.run_tests()

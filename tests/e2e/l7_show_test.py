#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What is seen of the L7 path: counts and turns that outlive its processes, what the commands and
the metrics show of it, and its access log."""
import contextlib
import json
import os
import re
import signal
import subprocess
import time
import urllib.request

import l7
import mesh
import objects
from mesh import wait_for

CALLER = "caller-0"
RULE = "VirtualService/default/reviews spec.http"
HOST = "reviews.default.svc.cluster.local"
FIELDS = re.compile(
    r'\[(?P<start>\S+)\] "(?P<method>\S+) (?P<path>\S+) (?P<protocol>\S+)" (?P<code>\d+) '
    r'(?P<flags>\S+) (?P<details>\S+) - "(?P<transport>[^"]*)" (?P<received>\d+) (?P<sent>\d+) '
    r'(?P<took>\d+) (?P<service_time>\S+) "(?P<forwarded>(?:[^"\\]|\\.)*)" '
    r'"(?P<agent>(?:[^"\\]|\\.)*)" "(?P<id>[^"]*)" "(?P<authority>[^"]*)" "(?P<to>[^"]*)" '
    r'(?P<cluster>\S+) (?P<local>\S+) (?P<dialled>\S+) (?P<caller>\S+) - (?P<route>\S+)\n')


def rules():
    """jason sees v2; /teapot is answered at once; all others are split 3 to 1."""
    return l7.routes(
        "reviews", {"match": [{"uri": {"exact": "/teapot"}}], "directResponse": {"status": 418}},
        {"match": [{"headers": {"end-user": {"exact": "jason"}}}],
         "route": [l7.to("reviews", "v2")]},
        {"route": [l7.to("reviews", "v1", 75), l7.to("reviews", "v2", 25)]}, **l7.REQUESTS)


@contextlib.contextmanager
def fixture():
    pods = [objects.deployment("web", version) for version in ("v1", "v2")]
    pods.append(objects.deployment("caller", "v1", ports=(), name="caller"))
    log = f"/tmp/shunt-access-{os.getpid()}.log"
    arguments = ("--access-log", log, "--l7-memory", "256Mi", "--l7-workers", "2")
    try:
        with mesh.Mesh(objects.text(*l7.web("reviews", "web", rules())), pods=objects.text(*pods),
                       agent_arguments=arguments) as m:
            m.access_log, m.target = log, objects.targets(m, "reviews")[0]
            m.give_hosts()
            serving(m)
            yield m
    finally:
        for path in (log, log + ".1"):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)


def serving(m):
    return wait_for(lambda: m.status()["proxy"]["state"] == "running" and
                    m.status()["proxy"]["pid"], 10, "the proxy serves")


def ask(m, count=1, path="/", **options):
    return m.client(m.target, pod=CALLER, http=path, count=count, **options)


def counted(m):
    """{(rule's index, subset): requests} of the service."""
    row, = [s for s in m.json("services")["services"] if s["host"] == HOST]
    found = {}
    for at, rule in enumerate(row["rules"]):
        for split in rule["splits"] or [rule]:
            found[at, split.get("subset", "")] = split["requests"]
    return found


def more(m, before):
    return {k: n - before.get(k, 0) for k, n in counted(m).items() if n != before.get(k, 0)}


def turns_given(m):
    """So far, to requests that are split."""
    slot, = [t["formatted"]["key"] for t in dump(m, "turn_names")]
    key = [str(b) for b in slot.to_bytes(4, "little")]
    return json.loads(mesh.run("bpftool", "-j", "map", "lookup", "pinned",
                               f"/sys/fs/bpf/{m.root}/proxy_turns", "key", *key).stdout)[
                                   "formatted"]["value"]["next"]


def metrics(m):
    with urllib.request.urlopen(f"http://127.0.0.1:{m.metrics}/metrics", timeout=10) as r:
        return r.read().decode()


def metric(m, name, **labels):
    """The sum of the lines that have these labels."""
    total = 0
    for line in metrics(m).splitlines():
        if line.startswith(name + "{") or line.startswith(name + " "):
            if all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
    return total


# Counts.

def test_requests_are_counted_by_rule_and_destination(m):
    before = counted(m)
    assert ask(m, 100)["by_version"] == {"v1": 75, "v2": 25}
    assert ask(m, 10, header=l7.JASON)["by_version"] == {"v2": 10}
    ask(m, 5, "/teapot")
    assert more(m, before) == {(0, ""): 5, (1, "v2"): 10, (2, "v1"): 75, (2, "v2"): 25}


def test_metrics_have_the_same_counts(m):
    def seen(**labels):
        return metric(m, "shunt_requests_total", host=HOST, **labels)
    before = seen(), seen(subset="v2", code_class="2xx"), seen(code_class="4xx")
    ask(m, 8)
    ask(m, 3, "/teapot")
    assert seen() == before[0] + 11
    assert seen(subset="v2", code_class="2xx") == before[1] + 2
    assert seen(code_class="4xx") == before[2] + 3
    count = metric(m, "shunt_request_duration_seconds_count", host=HOST)
    assert count == metric(m, "shunt_request_duration_seconds_bucket", host=HOST, le="+Inf")
    assert count == seen()
    assert metric(m, "shunt_proxy_up") == 1
    assert metric(m, "shunt_request_sent_bytes_total", host=HOST) > 0


def test_explain_tells_what_the_rule_has_taken(m):
    before = counted(m)
    url = "http://reviews/"
    shown = m.json("explain", url)["decision"]["measured"]
    assert {d["subset"]: d["requests"] for d in shown} == {"v1": before[2, "v1"],
                                                          "v2": before[2, "v2"]}
    text = m.shunt("explain", url).stdout
    assert f"{before[2, 'v1']} to v1, {before[2, 'v2']} to v2" in text


def dump(m, name):
    """The elements of a hash as bpftool prints them."""
    return json.loads(mesh.run("bpftool", "-j", "map", "dump", "pinned",
                               f"/sys/fs/bpf/{m.root}/{name}").stdout)


def test_a_dump_of_the_maps_reads_as_it_is(m):
    before = counted(m)
    names = {r["formatted"]["key"]: r["formatted"]["value"] for r in dump(m, "requests_names")}
    first, = [k for k, n in names.items() if n["rule"] == RULE + "[1]"]
    assert names[first]["host"] == HOST and names[first]["subset"] == "v2"
    total = 0
    for at in range(first, first + names[first]["records"]):
        key = [str(b) for b in at.to_bytes(4, "little")]
        one = json.loads(mesh.run("bpftool", "-j", "map", "lookup", "pinned",
                                  f"/sys/fs/bpf/{m.root}/requests", "key", *key).stdout)
        total += one["formatted"]["value"]["requests"]
    assert total == before[1, "v2"] > 0
    turns = [t["formatted"]["value"]["rule"] for t in dump(m, "turn_names")]
    assert turns == [RULE + "[2]"]


# What outlives what.

def test_counts_and_turns_go_on_after_the_proxy_was_killed(m):
    before = counted(m)
    got = {"v1": 0, "v2": 0}

    def some(n):
        for version, count in ask(m, n)["by_version"].items():
            got[version] += count
    some(33)
    pid = serving(m)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: serving(m) != pid, 5, "the next one serves")
    some(34)
    m.kill_agent()
    some(10)
    m.start_agent()
    serving(m)
    some(23)
    assert got == {"v1": 75, "v2": 25}, got
    assert more(m, before) == {(2, "v1"): 75, (2, "v2"): 25}


def test_two_generations_share_counts_and_turns(m):
    """An old connection stays with the former process while new ones go to the next."""
    before, old, turns = counted(m), serving(m), turns_given(m)
    with l7.Caller(m, CALLER, "http://reviews/", rate=100) as caller:
        m.agent.send_signal(signal.SIGUSR2)
        wait_for(lambda: serving(m) != old, 10, "another process serves")
        beside = ask(m, 40)["by_version"]
        caller.wait(20)
    rows = caller.rows()
    got = {v: beside.get(v, 0) + sum(r[3] == v for r in rows) for v in ("v1", "v2")}
    assert not l7.wrong(rows)
    # the last request of the caller may have been counted and not read
    after = wait_for(lambda: sum(more(m, before).values()) >= sum(got.values()) and more(m, before),
                     5, "all are counted")
    assert sum(after.values()) - sum(got.values()) <= 1, (after, got)
    assert turns_given(m) - turns == sum(after.values())
    assert abs(after[2, "v1"] - sum(after.values()) * 0.75) < 1, after


def test_maps_that_an_older_program_did_not_know_are_made(m):
    proxied = m.status()["counters"]["proxied"]
    m.stop_agent()
    control = ["pinned", f"/sys/fs/bpf/{m.root}/control", "key", "0", "0", "0", "0"]
    value = json.loads(mesh.run("bpftool", "-j", "map", "lookup", *control).stdout)["value"]
    value[16:24] = ["0x00"] * 8  # the build
    mesh.run("bpftool", "map", "update", *control, "value", *value)
    for name in ("requests", "requests_names", "proxy_turns", "turn_names"):
        os.unlink(f"/sys/fs/bpf/{m.root}/{name}")
    assert "another version" in m.shunt("status", check=False).stdout
    m.start_agent()
    serving(m)
    assert m.status()["counters"]["proxied"] == proxied
    assert ask(m, 8)["by_version"] == {"v1": 6, "v2": 2}
    assert counted(m)[2, "v1"] == 6


def test_slots_of_a_rule_that_is_gone_are_given_back(m):
    def used():
        return {r["name"]: r["used"] for r in m.json("maps")["maps"]}
    parts = l7.web("short", "web", l7.routes("short", {
        "route": [l7.to("short", "v1", 1), l7.to("short", "v2", 1)]}, **l7.REQUESTS))
    before = used()
    m.apply(objects.text(*parts))
    assert used()["proxy_turns"] == before["proxy_turns"] + 1
    assert used()["requests_names"] == before["requests_names"] + 2
    m.shunt("delete", "-f", "-", input=objects.text(*parts))
    wait_for(lambda: all(used()[n] == before[n] for n in ("proxy_turns", "requests_names",
                                                          "requests", "turn_names")),
             15, "its slots are free")


def test_rules_beyond_the_room_share_the_slot_named_other(m):
    def used():
        return {r["name"]: r["used"] for r in m.json("maps")["maps"]}

    def many(name):
        return l7.routes(name, *({"match": [{"uri": {"exact": f"/{n}"}}],
                                  "route": [l7.to("reviews", "v1", 99), l7.to("reviews", "v2", 1)]}
                                 for n in range(200)))
    names = [f"h{n}" for n in range(170)]
    parts = [objects.service(name, "web", port_name="http") for name in names]
    text = "\n---\n".join(json.dumps(part) for part in parts + [many(name) for name in names])
    before = counted(m)
    assert "full: " not in m.shunt("status").stdout
    m.apply(text)
    try:
        assert used()["requests"] == 32768
        assert re.findall("full: the map (.*) had", m.shunt("status").stdout) == ["requests",
                                                                                 "proxy_turns"]
        named = {r["formatted"]["value"]["rule"] for r in dump(m, "requests_names")}
        name, at = next((name, at) for name in names for at in range(200)
                        if f"VirtualService/default/{name} spec.http[{at}]" not in named)
        tally = m.client(objects.targets(m, name)[0], pod=CALLER, http=f"/{at}", count=7)
        assert tally["by_version"] == {"v1": 7}, tally
        assert metric(m, "shunt_requests_total", rule="other") == 7
        ask(m, 4)
        assert more(m, before) == {(2, "v1"): 3, (2, "v2"): 1}
    finally:
        m.shunt("delete", "-f", "-", input=text)
    wait_for(lambda: used()["requests_names"] < 100, 20, "there is room again")


# Commands.

def test_status_tells_of_the_proxy(m):
    p = m.status()["proxy"]
    assert p["state"] == "running" and p["answers"] and p["workers"] == 2
    assert p["memory_limit_bytes"] == 256 << 20 and 0 < p["memory_bytes"] < 16 << 20
    with m.hold(m.target, pod=CALLER, http="/", count=3):
        wait_for(lambda: m.status()["proxy"]["connections"] == 3, 5, "its connections")
    assert f"process {p['pid']}" in m.shunt("status").stdout


def test_a_stopped_proxy_holds_nobody_up(m):
    pid = serving(m)
    os.kill(pid, signal.SIGSTOP)
    try:
        begin = time.monotonic()
        assert not m.status()["proxy"]["answers"]
        m.json("clusters")
        m.json("endpoints")
        metrics(m)
        assert time.monotonic() - begin < 5
    finally:
        os.kill(pid, signal.SIGCONT)
    wait_for(lambda: m.status()["proxy"]["answers"], 5, "it answers again")
    proxied = m.status()["counters"]["proxied"]
    wait_for(lambda: ask(m) and m.status()["counters"]["proxied"] > proxied, 5, "it is steered to")


def test_connections_of_the_proxy_are_listed(m):
    with m.hold(m.target, pod=CALLER, http="/", count=2):
        shown = wait_for(lambda: [c for c in m.json("conns")["clients"] if c["state"] == "idle"][1:]
                         and m.json("conns"), 5, "two clients")
        assert shown["clients_total"] == 2
        assert {c["caller"] for c in shown["clients"]} == {"default/" + CALLER}
        assert {c["dialled"] for c in shown["clients"]} == {m.target}
        assert "default/" + CALLER in m.shunt("conns").stdout
    with subprocess.Popen(l7.command(m, CALLER, "curl", "-s", "http://reviews/?ms=20000"),
                          stdout=subprocess.DEVNULL) as slow:
        try:
            one = wait_for(lambda: [c for c in m.json("conns")["clients"] if c["state"] == "sent"],
                           5, "a request under way")[0]
            assert one["cluster"].startswith("outbound|80|v") and one["cluster"].endswith(HOST)
            assert one["to"].endswith(":8080") and one["request_seconds"] > 0
        finally:
            slow.kill()


def test_top_shows_rates(m):
    with l7.Caller(m, CALLER, "http://reviews/", rate=200) as caller:
        caller.wait(1)
        shown = m.json("top", "reviews", "--every", "1s")
    rate = sum(r["requests_per_second"] for r in shown["rules"] if r["rule"] == RULE + "[2]")
    assert 100 < rate <= 260, shown
    assert "REQUESTS/S" in m.shunt("top", "--count", "1", "--every", "100ms").stdout


def test_an_ejected_endpoint_is_shown_until_its_return(m):
    policy = {"outlierDetection": {"consecutive5xxErrors": 2, "baseEjectionTime": "3m",
                                   "maxEjectionPercent": 100}}
    parts = l7.web("fails", "web", policy=policy)
    m.apply(objects.text(*parts))
    try:
        begin = time.time()
        m.client(objects.targets(m, "fails")[0], pod=CALLER, http="/status?code=503", count=8)
        rows = wait_for(lambda: [e for e in m.json("endpoints")["endpoints"]
                                 if e["host"].startswith("fails.") and e["ejected_until"]], 5,
                        "an ejected endpoint")
        for row in rows:
            assert 179 <= row["ejected_until"] - begin <= 200, row
            assert row["ejections"] == 1
        assert "until " in m.shunt("endpoints").stdout
        assert metric(m, "shunt_proxy_endpoint_ejected") == len(rows)
        cluster, = [c for c in m.json("clusters")["clusters"] if c["host"].startswith("fails.")]
        assert cluster["requests"] == 8 and cluster["responses"] == {"5xx": 8}, cluster
    finally:
        m.shunt("delete", "-f", "-", input=objects.text(*parts))


# The access log.

def lines_with(path, part):
    with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as f:
        return [line for line in f if part in line and line.endswith("\n")]
    return []


def logged(m, part, path=None):
    return wait_for(lambda: lines_with(path or m.access_log, part), 5, f"a line with {part}")[-1]


def test_a_line_has_all_fields_in_their_order(m):
    l7.inside(m, CALLER, "curl", "-s", "-H", "X-Forwarded-For: 10.1.2.3", "-H",
              "X-Request-Id: 0-1", "-d", "four", "-A", 'a"b\\c', "http://reviews/fields?x=1")
    f = FIELDS.fullmatch(logged(m, "/fields")).groupdict()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", f["start"])
    assert (f["method"], f["path"], f["protocol"]) == ("POST", "/fields?x=1", "HTTP/1.1")
    assert (f["code"], f["flags"], f["details"]) == ("200", "-", "via_upstream")
    assert f["received"] == "4" and int(f["sent"]) > 100
    assert f["agent"] == 'a\\"b\\\\c' and f["id"] == "0-1" and f["authority"] == "reviews"
    assert f["forwarded"].startswith("10.1.2.3") and f["transport"] == "-"
    assert f["to"].endswith(":8080") and f["local"].split(":")[0].startswith("10.")
    assert f["cluster"].startswith("outbound|80|v") and f["route"] == "spec.http[2]"
    assert f["dialled"] == m.target


def test_a_failed_connect_is_logged_with_its_reason(m):
    entry = objects.service("closed", "web", port_name="http", target=9)
    parts = [entry, l7.routes("closed", {"route": [l7.to("closed")], "retries": {"attempts": 0},
                                    "timeout": "5s"})]
    m.apply(objects.text(*parts))
    m.give_hosts()
    try:
        assert l7.ask(m, CALLER, "http://closed/refused").status == 503
        f = FIELDS.fullmatch(logged(m, "/refused")).groupdict()
        assert f["flags"] == "UF" and f["transport"] == "delayed connect error: Connection refused"
    finally:
        m.shunt("delete", "-f", "-", input=objects.text(*parts))


def test_a_renamed_log_is_followed_and_none_of_its_lines_is_lost(m):
    ask(m, 1, "/before-it")
    logged(m, "/before-it")
    os.rename(m.access_log, m.access_log + ".1")
    wait_for(lambda: os.path.exists(m.access_log), 5, "a new file")
    ask(m, 1, "/after-it")
    logged(m, "/after-it")
    assert not lines_with(m.access_log + ".1", "/after-it")
    os.unlink(m.access_log)
    m.agent.send_signal(signal.SIGHUP)
    wait_for(lambda: os.path.exists(m.access_log), 5, "the file that SIGHUP makes")


@contextlib.contextmanager
def another(*arguments, **more):
    """A mesh of its own, with other options."""
    pods = objects.text(objects.deployment("web", "v1"), objects.deployment("web", "v2"),
                        objects.deployment("caller", "v1", ports=(), name="caller"))
    with mesh.Mesh(objects.text(*l7.web("reviews", "web", rules())), pods=pods,
                   agent_arguments=arguments, **more) as m:
        m.give_hosts()
        serving(m)
        yield m


def test_json_lines_are_json_whatever_a_client_sends():
    path = f"/tmp/shunt-access-json-{os.getpid()}.log"
    agent = b'a"b\\c\xff\xc3\xa9\xed\xa0\x80'
    try:
        with another("--access-log", path, "--access-log-format", "json") as m:
            l7.inside(m, CALLER, "curl", "-s", "-o", "/dev/null", "-A", os.fsdecode(agent),
                      "http://reviews/json")
            line = wait_for(lambda: lines_with(path, "/json"), 5, "the line")[0]
            l7.inside(m, CALLER, "curl", "-s", "-o", "/dev/null", "-A", '"' * 5000, "-H",
                      "x-forwarded-for: " + "x" * 5000, "-H", "x-request-id: " + "\\" * 5000,
                      "http://reviews/long" + "y" * 5000)
            long = wait_for(lambda: lines_with(path, "/long"), 5, "a long line")[0]
        assert len(long) <= 4096 and json.loads(long)["route_name"] == "spec.http[2]"
        f = json.loads(line)
        assert f["user_agent"] == 'a"b\\c\ufffdé\ufffd\ufffd\ufffd'
        assert f["response_code"] == 200 and f["path"] == "/json" and f["method"] == "GET"
        assert f["requested_server_name"] is None and f["x_forwarded_for"] is None
        assert list(f) == [
            "start_time", "route_name", "method", "path", "protocol", "response_code",
            "response_flags", "response_code_details", "connection_termination_details",
            "bytes_received", "bytes_sent", "duration", "upstream_service_time", "x_forwarded_for",
            "user_agent", "request_id", "authority", "upstream_host", "upstream_cluster",
            "upstream_local_address", "downstream_local_address", "downstream_remote_address",
            "requested_server_name", "upstream_transport_failure_reason"]
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)


def test_a_pipe_that_nobody_reads_loses_lines_and_no_request():
    path = f"/tmp/shunt-access-fifo-{os.getpid()}"
    os.mkfifo(path)
    try:
        with another("--access-log", path) as m:
            target = objects.targets(m, "reviews")[0]
            long = "/" + "x" * 1000
            tally = m.client(target, pod=CALLER, http=long, count=4000, parallel=8)
            assert tally["ok"] == 4000 and not tally.get("errors"), tally
            lost = wait_for(lambda: m.status()["proxy"]["log_lines_lost"], 5, "lost lines")
            assert lost == metric(m, "shunt_access_log_lines_lost_total")
            with open(path, "rb", buffering=0) as pipe:
                got = b""
                os.set_blocking(pipe.fileno(), False)

                def read():
                    nonlocal got
                    with contextlib.suppress(BlockingIOError):
                        while more_bytes := os.read(pipe.fileno(), 65536):
                            got += more_bytes
                    return got.count(b"\n") + lost >= 4000
                wait_for(read, 10, "what was kept")
            lines = got.split(b"\n")
            assert lines.pop() == b"" and len(lines) + lost == 4000
            assert all(FIELDS.fullmatch(line.decode() + "\n") for line in lines)
    finally:
        os.unlink(path)


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Pods that are steered by their packets, as no hook sees their sockets: tc on the host's side of
their devices."""
import contextlib
import errno
import hashlib
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile

import l7
import load
import mesh
import node
import objects

CALLER, SERVERS = "caller-v1-0", ["web-v1-0", "web-v1-1", "web-v2-0", "web-v2-1"]


def deployments():
    caller = objects.deployment("caller", "v1", 2, args="--tcp --udp")
    caller["spec"]["template"]["metadata"]["annotations"]["shunt.io/capture"] = "tc"
    return objects.text(caller, *(objects.deployment("web", v, 2, (8080, 8081), args="--tcp --udp")
                                  for v in ("v1", "v2")),
                        *(objects.deployment("page", v) for v in ("v1", "v2")))


@contextlib.contextmanager
def fixture():
    node.up()
    for subnet in ("192.192.0.0/16", "fd00:192::/32"):
        node.ip("-6" if ":" in subnet else "-4", "route", "add", "blackhole", subnet)
    with node.Node(pods=deployments()) as m:
        mesh.wait_for(lambda: len(m.status()["captured"]) == 2, 10, "both callers are captured")
        yield m
        leaves_nothing(m)


def leaves_nothing(m):
    mesh.wait_for(lambda: not active(m), 45, "all reservations are returned")


def active(m):
    """Connections that are counted now, those of UDP apart: nobody says when they end."""
    return {f"{c['host']}/{c['subset']}": c["active"] for c in m.json("clusters")["clusters"]
            if c["active"] and c["host"].split(".")[0] not in ("datagrams", "fragments")}


def tracked(m):
    """Connections that the kernel remembers by their packets, those that are over included."""
    return next((one["used"] for one in m.json("maps")["maps"] if one["name"] == "conns"), 0)


def counters(m):
    return m.status()["counters"]


def web(m, name, weights=None, policy=None, **spec):
    """A service of its own over the servers; its addresses of both families."""
    service = objects.service(name, "web")
    service["spec"].update(spec)
    rules = [objects.split(name, weights)] if weights else []
    m.apply(objects.text(service, objects.rule(name, ["v1", "v2"], policy), *rules))
    return objects.targets(m, name)


def inside(m, function, pod=CALLER):
    """In a pod's network, outside of every cgroup that hooks are on."""
    return node.inside(m.pods.netns(pod), function)


def address_of(target):
    host, _, port = target.rpartition(":")
    return host.strip("[]"), int(port)


def dial(target, kind=socket.SOCK_STREAM, own_port=0):
    host, port = address_of(target)
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind)
    s.bind(("::" if ":" in host else "0.0.0.0", own_port))
    s.settimeout(5)
    s.connect((host, port))
    return s


def tcp_packet(source, to, source_port, port, seq, ack, flags):
    """A TCP header over IPv4 whose checksum is right."""
    header = struct.pack("!HHIIBBHHH", source_port, port, seq, ack, 5 << 4, flags, 1024, 0, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!HH", 6, len(header))
    total = sum(struct.unpack(f"!{(len(pseudo) + len(header)) // 2}H", pseudo + header))
    total = (total & 0xffff) + (total >> 16)
    total = ~(total + (total >> 16)) & 0xffff
    return header[:16] + struct.pack("!H", total) + header[18:]


# Steering.

def test_connections_of_a_captured_pod_are_split_exactly(m):
    for target in web(m, "split", {"v1": 75, "v2": 25}):
        before, known = counters(m), tracked(m)
        tally = m.client(target, pod=CALLER, count=200)
        load.assert_none_failed(tally)
        assert tally["by_version"] == {"v1": 150, "v2": 50}, tally
        after = counters(m)
        assert after["steered"] - before["steered"] == 200, (before, after)
        assert tracked(m) == known + 200, "sockets were steered, not packets"
    leaves_nothing(m)


def test_what_a_caller_sees_is_what_it_dialled(m):
    for target in web(m, "seen"):
        def greeting(target=target):
            with dial(target) as s:
                return s.getpeername()[:2], s.makefile().readline().split()
        (address, port), words = inside(m, greeting)
        assert f"{address}:{port}" == target.replace("[", "").replace("]", ""), (address, words)
        assert words[0] in SERVERS, words


def test_policies_and_affinity_hold_by_packet(m):
    for target in web(m, "even", policy=objects.balance("ROUND_ROBIN")):
        tally = m.client(target, pod=CALLER, count=400)
        assert [tally["by_pod"].get(name) for name in SERVERS] == [100] * 4, tally
    for target in web(m, "random", policy=objects.balance("RANDOM")):
        tally = m.client(target, pod=CALLER, count=10000, parallel=4)
        assert all(abs(tally["by_pod"][name] - 2500) <= 220 for name in SERVERS), tally
    for target in web(m, "sticky", policy={"loadBalancer": {"consistentHash": {
            "useSourceIp": True}}}):
        tally = m.client(target, pod=CALLER, count=50)
        load.assert_none_failed(tally)
        assert len(tally["by_pod"]) == 1, tally


def test_a_subsets_policy_overrides_the_hosts_by_packet(m):
    rule = objects.rule("both", ["v1", "v2"], objects.balance("RANDOM"))
    rule["spec"]["subsets"][0]["trafficPolicy"] = objects.balance("ROUND_ROBIN")
    m.apply(objects.text(objects.service("both", "web"), rule, objects.split("both", {"v1": 100})))
    for target in objects.targets(m, "both"):
        tally = m.client(target, pod=CALLER, count=101)
        counts = [tally["by_pod"][name] for name in SERVERS[:2]]
        assert sorted(counts) == [50, 51], tally


def test_who_holds_its_connections_gets_less_than_a_quarter_by_packet(m):
    one = {"version": "v1"}
    ipv4 = {name: m.pods.by_name[name] for name in SERVERS}
    for family in ("ipv4", "ipv6"):
        at = [(pod[family], 8080, one) for pod in ipv4.values()]
        rule = objects.rule(f"held-{family}.test", [], objects.balance("LEAST_REQUEST"))
        vip = {"ipv4": "10.100.8.1", "ipv6": "fd00:100::81"}[family]

        def put(endpoints, family=family, rule=rule, vip=vip):
            m.apply(objects.text(objects.entry(f"held-{family}.test", vip, endpoints), rule))
            return objects.find(m, f"held-{family}.test")[0]
        with m.hold(put(at[:1]), pod=CALLER, count=40):
            got = m.client(put(at), pod=CALLER, count=400)["by_pod"]
        assert all(4 * got.get(SERVERS[0], 0) < got[name] for name in SERVERS[1:]), got


def test_every_address_of_a_range_is_the_entry_by_packet(m):
    """As dialled, with host bits; what the protocol is called is no matter to bytes."""
    pods = [m.pods.by_name[name] for name in SERVERS]
    for name, cidr, inside_of, outside, family in (
            ("range4.test", "192.192.192.192/24", ("192.192.192.1", "192.192.192.254"),
             "192.192.193.1", "ipv4"),
            ("range6.test", "fd00:192::77/112", ("[fd00:192::1]", "[fd00:192::ffff]"),
             "[fd00:192::1:1]", "ipv6")):
        entry = objects.entry(name, cidr, [(pod[family], 8080, {}) for pod in pods], 27017)
        entry["spec"]["ports"][0]["protocol"] = "MONGO"
        m.apply(objects.text(entry))
        for address in inside_of:
            load.assert_none_failed(m.client(f"{address}:27017", pod=CALLER, count=20))
        before = counters(m)
        assert m.client(f"{outside}:27017", pod=CALLER, count=1)["ok"] == 0
        assert counters(m)["steered"] == before["steered"]


def test_a_service_changes_under_load_by_packet(m):
    """Its selector, the port at its Pods, a Pod's readiness: followed, and no connection fails."""
    def change(target, app="web", **labels):
        service = objects.service("changes", app, target=target)
        service["spec"]["selector"].update(labels)
        m.apply(objects.text(service))

    change(8080)
    for target in objects.targets(m, "changes"):
        with load.Load(m, target, pod=CALLER, http=None) as run:
            for labels, pods in (({"version": "v1"}, SERVERS[:2]), ({"version": "v2"}, SERVERS[2:]),
                                 ({}, SERVERS)):
                change(8080, **labels)
                seen = set(m.client(target, pod=CALLER, count=40)["by_pod"])
                assert seen == set(pods), (labels, seen)
                run.wait(50)
            change(8081)
            load.assert_none_failed(m.client(target, pod=CALLER, count=20))
            run.wait(50)
            change(8080)
            tally = run.end()
        load.assert_none_failed(tally)
        assert set(tally["by_pod"]) == set(SERVERS), tally


def test_a_pod_reaches_itself_through_a_service(m):
    m.apply(objects.text(objects.service("self", "caller"),
                         objects.rule("self", ["v1"], objects.balance("ROUND_ROBIN"))))
    for target in objects.targets(m, "self"):
        tally = m.client(target, pod=CALLER, count=40)
        load.assert_none_failed(tally)
        assert tally["by_pod"] == {CALLER: 20, "caller-v1-1": 20}, tally


def test_streams_come_through_whole(m):
    """Each byte is checked by who gets it; segments are as large as the devices let them be."""
    stream = os.path.join(mesh.BUILD, "tools", "stream")
    m.apply(objects.text(objects.service("stream", "web", target=7100), objects.rule("stream", ["v1"]),
                         objects.split("stream", {"v1": 100})))
    servers = [subprocess.Popen([stream, "--serve", "--netns", m.pods.netns(pod), "[::]:7100"],
                                stdout=subprocess.PIPE, text=True) for pod in SERVERS[:2]]
    try:
        assert [s.stdout.readline() for s in servers] == ["ready\n"] * 2
        for target in objects.targets(m, "stream"):
            mesh.run(stream, "--netns", m.pods.netns(CALLER), "--up", "30000000",
                     "--down", "30000000", target)
    finally:
        for s in servers:
            s.kill()
            s.communicate()


# Towards the proxy.

BY_USER = ({"match": [{"headers": {"end-user": {"exact": "jason"}}}],
            "route": [l7.to("page", "v2")]},
           {"route": [l7.to("page", "v1")]})


def page(m, *rules, **notes):
    """The URLs, of both families, of an HTTP service whose requests the proxy routes."""
    m.apply(objects.text(objects.service("page", "page", port_name="http"),
                         objects.rule("page", ["v1", "v2"]), l7.routes("page", *rules, **notes)))
    return [f"http://{target}/" for target in objects.targets(m, "page")]


def fetch(m, url, *options, pod=CALLER):
    out = mesh.run("ip", "netns", "exec", m.pods.netns(pod),
                   *l7.curl_arguments(*options, "-w", l7.FORMAT, url)).stdout
    return l7.answers(out)


def test_requests_of_a_captured_pod_are_routed(m):
    before = counters(m)
    for url in page(m, *BY_USER):
        assert l7.shares(fetch(m, url + "?n=[1-50]")) == {"v1": 50}
        assert l7.shares(fetch(m, url + "?n=[1-50]", "-H", l7.JASON)) == {"v2": 50}
    after = counters(m)
    assert after["proxied"] - before["proxied"] == 4, (before, after)
    for name in ("no_listener", "no_original", "bypassed"):
        assert after[name] == before[name], name


def test_rules_for_callers_know_who_sends_the_packets(m):
    own = {"match": [{"sourceLabels": {"app": "caller"}}], "fault": {
        "abort": {"httpStatus": 418, "percentage": {"value": 100}}}, "route": [l7.to("page", "v1")]}
    for url in page(m, own, {"route": [l7.to("page", "v2")]}):
        assert [a.status for a in fetch(m, url)] == [418]


DIGEST = """
import hashlib, http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", str(len(body) + 64))
        self.end_headers()
        self.wfile.write(hashlib.sha256(body).hexdigest().encode() + body)
    def log_message(self, *_): pass
class Server(http.server.ThreadingHTTPServer):
    import socket
    address_family = socket.AF_INET6
Server(("::", 8088), Handler).serve_forever()
"""


def test_large_bodies_pass_the_proxy_by_packet_unchanged(m):
    body = random.Random(1).randbytes(3 << 20)
    digest = hashlib.sha256(body).hexdigest()
    netns = m.pods.netns("page-v1-0")
    command = ["ip", "netns", "exec", netns, sys.executable, "-c", DIGEST]
    with subprocess.Popen(command) as server, tempfile.NamedTemporaryFile() as f:
        try:
            f.write(body)
            f.flush()
            mesh.wait_for(lambda: ":8088" in mesh.run("ip", "netns", "exec", netns, "ss", "-Htln").stdout)
            m.apply(objects.text(
                objects.service("digest", "page", port_name="http", target=8088),
                objects.rule("digest", ["v1"]),
                l7.routes("digest", {"route": [l7.to("digest", "v1")], "retries": {"attempts": 1}})))
            for target in objects.targets(m, "digest"):
                before = counters(m)["proxied"]
                out = subprocess.run(["ip", "netns", "exec", m.pods.netns(CALLER), "curl", "-sS",
                                      "--max-time", "60", "--data-binary", "@" + f.name,
                                      f"http://{target}/"], capture_output=True, check=True).stdout
                assert out[:64].decode() == digest and out[64:] == body, (target, len(out), out[:99])
                assert counters(m)["proxied"] == before + 1
        finally:
            server.kill()


def test_without_the_proxy_packets_take_the_bypass(m):
    url = page(m, *BY_USER)[0]
    assert l7.shares(fetch(m, url, "-H", l7.JASON)) == {"v2": 1}
    proxy = m.status()["proxy"]["pid"]
    before = counters(m)
    os.kill(m.agent.pid, signal.SIGSTOP)  # so that it starts no other meanwhile
    try:
        os.kill(proxy, signal.SIGKILL)
        mesh.wait_for(lambda: not os.path.exists(f"/proc/{proxy}/fd/0"), 10, "it is dead")
        assert l7.shares(fetch(m, url, "-H", l7.JASON)) == {"v1": 1}
    finally:
        os.kill(m.agent.pid, signal.SIGCONT)
    assert counters(m)["bypassed"] > before["bypassed"]
    mesh.wait_for(lambda: l7.shares(fetch(m, url, "-H", l7.JASON)) == {"v2": 1})


def test_what_comes_to_a_pods_listener_from_elsewhere_finds_nobody(m):
    url = page(m, *BY_USER)[0]
    assert l7.shares(fetch(m, url)) == {"v1": 1}
    ports = [int(line.split()[3].rpartition(":")[2]) for line in mesh.run(
        "ss", "-Htln", "src", "127.0.0.1").stdout.splitlines()]
    assert ports
    for port in ports:
        def refused(port=port):
            with socket.socket() as s:
                return s.connect_ex((node.NODE4, port))
        assert inside(m, refused) == errno.ECONNREFUSED, port


# Limits and refusals.

def test_a_limit_holds_over_packets_and_is_returned(m):
    for target in web(m, "limited", policy=objects.limit(10)):
        with m.hold(target, pod=CALLER, count=14) as held:
            assert held.tally["ok"] == 10 and held.tally["refused"] == 4, held.tally
            assert m.client(target, pod=CALLER, count=3)["refused"] == 3
            # a caller whose socket is steered counts with those whose packets are
            assert m.client(target, count=3)["refused"] == 3
        leaves_nothing(m)
        load.assert_none_failed(m.client(target, pod=CALLER, count=30))


def test_a_killed_callers_places_are_returned(m):
    target = web(m, "killed", policy=objects.limit(10))[0]
    held = m.hold(target, pod=CALLER, count=10)
    held.kill()
    leaves_nothing(m)
    tally = m.client(target, pod=CALLER, count=20, abort=True)
    load.assert_none_failed(tally)
    leaves_nothing(m)


def test_a_refusal_is_told_at_once(m):
    m.apply(objects.text(objects.service("empty", "nobody")))
    for target in objects.targets(m, "empty"):
        tally = m.client(target, pod=CALLER, count=5)
        assert tally["errors"] == {"ECONNREFUSED": 5}, tally

        def datagram(target=target):
            with dial(target, socket.SOCK_DGRAM) as s:
                s.send(b"?")
                try:
                    return s.recv(10)
                except OSError as e:
                    return e.errno
        service = objects.service("empty", "nobody")
        service["spec"]["ports"][0]["protocol"] = "UDP"
        m.apply(objects.text(service))
        assert inside(m, datagram) == errno.ECONNREFUSED
        m.apply(objects.text(objects.service("empty", "nobody")))


def test_a_forgotten_connection_is_reset(m):
    target = web(m, "stray")[0]
    before = counters(m)["no_connection"]

    def send_stray():
        host, port = address_of(target)
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            raw.settimeout(5)
            raw.connect((host, 0))
            packet = tcp_packet(raw.getsockname()[0], host, 33333, port, 7, 9, 0x10)
            raw.send(packet)
            while True:
                answer = raw.recv(100)[20:]
                if answer[2:4] == struct.pack("!H", 33333):
                    return struct.unpack("!HHIIBB", answer[:14])
    fields = inside(m, send_stray)
    assert fields[2] == 9 and fields[5] == 4, fields
    assert counters(m)["no_connection"] == before + 1


# UDP.

def udp(m, name, weights=None):
    service = objects.service(name, "web")
    service["spec"]["ports"][0]["protocol"] = "UDP"
    rules = []
    if weights:
        route = objects.split(name, weights)
        route["spec"]["tcp"][0]["match"] = [{"port": 80}]
        rules = [objects.rule(name, ["v1", "v2"]), route]
    m.apply(objects.text(service, *rules))
    return objects.targets(m, name)


ports = iter(range(20000, 30000))  # a port that is used again is the same conversation for a while


def ask(target, datagram=b"?"):
    with dial(target, socket.SOCK_DGRAM, next(ports)) as s:
        s.settimeout(5)
        s.send(datagram)
        return s.recv(1000).split()


def test_datagrams_are_split_and_answered_by_the_service(m):
    for target in udp(m, "datagrams", {"v1": 75, "v2": 25}):
        got = inside(m, lambda target=target: [ask(target)[1] for _ in range(100)])
        assert got.count(b"v1") == 75 and got.count(b"v2") == 25, got


def test_datagrams_in_fragments_arrive_whole(m):
    for target in udp(m, "fragments"):
        words = inside(m, lambda target=target: ask(target, bytes(20000)))
        assert words[0].decode() in SERVERS, words


def test_a_conversation_leaves_an_endpoint_that_is_gone(m):
    def put(version):
        one = objects.entry("datagrams.test", "10.100.7.3",
                            [(m.pods.by_name[f"web-{version}-0"]["ipv4"], 8080, {})])
        one["spec"]["ports"][0]["protocol"] = "UDP"
        m.apply(objects.text(one))

    def version():
        s.send(b"?")
        return s.recv(1000).split()[1].decode()
    put("v1")
    with inside(m, lambda: dial("10.100.7.3:80", socket.SOCK_DGRAM, next(ports))) as s:
        s.settimeout(5)
        assert [version() for _ in range(3)] == ["v1"] * 3
        put("v2")
        mesh.wait_for(lambda: version() == "v2", 10, "the endpoint in force answers")
        assert [version() for _ in range(3)] == ["v2"] * 3


# What dies.

def test_connections_go_on_without_the_agent(m):
    target = web(m, "orphans", {"v1": 75, "v2": 25}, objects.limit(50))[0]
    with m.hold(target, pod=CALLER, count=20) as held:
        m.kill_agent()
        tally = m.client(target, pod=CALLER, count=400)
        load.assert_none_failed(tally)
        assert abs(tally["by_version"]["v1"] - 300) <= 1, tally
        assert held.process.poll() is None
        m.start_agent()
        mesh.wait_for(lambda: len(m.status()["captured"]) == 2)
        held_now = [n for name, n in active(m).items() if name.startswith("orphans.")]
        assert sum(held_now) == 20, active(m)
        load.assert_none_failed(m.client(target, pod=CALLER, count=40))
    leaves_nothing(m)
    assert m.status()["leaked"] == 0, m.status()


def test_an_endpoint_that_refuses_is_ejected(m):
    policy = {"outlierDetection": {"consecutive5xxErrors": 2, "baseEjectionTime": "30s",
                                   "maxEjectionPercent": 100}}
    good = m.pods.by_name["web-v1-0"]["ipv4"]
    m.apply(objects.text(objects.entry("sick.test", "10.100.7.1", [(good, 8080, {}), (good, 9, {})]),
                         objects.rule("sick.test", [], policy)))
    tally = m.client("10.100.7.1:80", pod=CALLER, count=100)
    assert tally["refused"] == 2 and tally["ok"] == 98, tally


def test_an_endpoint_that_never_answers_has_failed(m):
    m.apply(objects.text(objects.entry("silent.test", "10.100.7.2", [("198.18.0.99", 80, {})])))
    mesh.run("ip", "neigh", "replace", "198.18.0.99", "lladdr", "02:00:00:00:00:99", "dev", "eth0")
    before = counters(m)["connect_failed"]

    def give_up():
        with socket.socket() as s:
            s.settimeout(0.3)
            try:
                s.connect(("10.100.7.2", 80))
            except TimeoutError:
                return "gave up"
    assert inside(m, give_up) == "gave up"
    assert active(m) == {"silent.test/": 1}, active(m)
    mesh.wait_for(lambda: counters(m)["connect_failed"] == before + 1, 20)
    leaves_nothing(m)


def test_a_flood_of_first_packets_takes_no_connection(m):
    target = web(m, "flooded")[0]
    host, port = address_of(target)
    with m.hold(target, pod=CALLER, count=50) as held:
        def flood():
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
                raw.connect((host, 0))
                own = raw.getsockname()[0]
                for _ in range(40000):
                    with contextlib.suppress(OSError):
                        raw.send(tcp_packet(own, host, random.randrange(1024, 32000), port,
                                            random.getrandbits(32), 0, 2))
        inside(m, flood, "caller-v1-1")
        load.assert_none_failed(m.client(target, pod=CALLER, count=50))
        assert held.process.poll() is None
        assert [c for c in active(m).values() if c >= 50], active(m)


def test_a_plan_that_was_refused_does_not_stay_behind_for_the_next_change_of_the_node(m):
    """The node's devices change, and the plan that is in force is put there again."""
    target = web(m, "stays")[0]
    wrong = objects.text(objects.split("stays", {"v9": 100}))
    p = m.shunt("apply", "--strict", "-f", "-", input=wrong, check=False)
    assert p.returncode == 1, p
    address = ["198.18.7.1/32", "dev", "eth0"]
    node.ip("address", "add", *address)
    mesh.wait_for(lambda: "198.18.7.1" in m.status()["outside"]["addresses"])
    node.ip("address", "del", *address)
    assert m.agent.poll() is None
    load.assert_none_failed(m.client(target, pod=CALLER, count=10))


def test_unload_leaves_nothing(m):
    devices = [one["device"] for one in m.status()["captured"]]
    m.stop_agent()
    m.shunt("unload")
    for device in devices:
        shown = mesh.run("tc", "filter", "show", "dev", device, "ingress").stdout
        assert "from_pod" not in shown, shown
    assert not os.path.exists(f"/sys/fs/bpf/{m.root}")
    m.start_agent()
    mesh.wait_for(lambda: len(m.status()["captured"]) == 2)
    load.assert_none_failed(m.client(web(m, "again")[0], pod=CALLER, count=10))


def test_a_pod_that_goes_gives_its_places_back(m):
    target = web(m, "gone", policy=objects.limit(5))[0]
    device = {one["pod"]: one["device"] for one in m.status()["captured"]}["default/caller-v1-1"]
    with m.hold(target, pod="caller-v1-1", count=5):
        assert m.client(target, pod=CALLER, count=1)["refused"] == 1
        mesh.run("ip", "link", "del", device)
        leaves_nothing(m)
    load.assert_none_failed(m.client(target, pod=CALLER, count=5))


# Which pods.

def test_virtual_machines_and_all_pods_when_asked(m):
    more = ("--subnet", str(int(m.pods.by_name[CALLER]["ipv4"].split(".")[2]) % 200 + 1))
    pods = objects.text(objects.deployment("machine", "v1", ports=()),
                        objects.deployment("plain", "v1", ports=()))
    with node.Node(pods=pods, agent=False, pods_arguments=more) as other:
        mesh.run("ip", "-n", other.pods.netns("machine-v1-0"), "tuntap", "add", "tap0", "mode", "tap")
        for how, wanted in (("auto", {"default/machine-v1-0": "it is a virtual machine"}),
                            ("socket", {}),
                            ("tc", {"default/machine-v1-0": "--capture=tc",
                                    "default/plain-v1-0": "--capture=tc"})):
            other.agent_arguments = ["--node", "here", "--capture", how]
            other.start_agent()
            other.apply(objects.text(objects.entry("any.test", "10.100.7.9", [("10.9.9.9", 1, {})])))
            mesh.wait_for(lambda w=wanted: {c["pod"]: c["because"]
                                            for c in other.status()["captured"]} == w)
            assert all(c["device"] for c in other.status()["captured"]), other.status()["captured"]
            other.stop_agent()


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The pods that all other end-to-end tests stand on, without the agent."""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import urllib.request

import mesh

PREFIX = f"p{os.getpid()}-"

DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: %(name)s}
spec:
  replicas: %(replicas)d
  template:
    metadata:
      labels: {app: %(name)s, version: %(version)s}
      annotations: {%(annotations)s}
    spec:
      containers:
      - name: server
        ports: [{name: main, containerPort: 8080}]
"""


def deployment(name, version, replicas=1, annotations="shunt.io/traffic: enabled"):
    return "---" + DEPLOYMENT % vars()


TEXT = (deployment("web", "v1", 2) +
        deployment("raw", "v2", 1, 'shunt.test/args: "--tcp"') +
        deployment("half", "v1", 1, 'shunt.test/args: "--tcp --half-close"') +
        deployment("brief", "v1", 1, 'shunt.test/args: "--tcp --close-after-greeting"') +
        deployment("dual", "v1", 1, "shunt.test/listen: ipv6") +
        deployment("four", "v1", 1, "shunt.test/families: ipv4"))


@contextlib.contextmanager
def folder():
    path = tempfile.mkdtemp(prefix="shunt-test-")
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextlib.contextmanager
def fixture():
    with folder() as path:
        try:
            yield mesh.Pods(TEXT, PREFIX, path)
        finally:
            mesh.run(mesh.PODS, "down", "--prefix", PREFIX)


def client(target, **options):
    return json.loads(mesh.run(*mesh.client_arguments(target, options)).stdout.splitlines()[-1])


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.loads(answer.read())


def addresses(pods, name):
    return f"{pods.by_name[name]['ipv4']}:8080", f"[{pods.by_name[name]['ipv6']}]:8080"


def raw_socket(pods, name):
    s = socket.create_connection((pods.by_name[name]["ipv4"], 8080), timeout=10)
    stream = s.makefile("rb")
    return s, stream, stream.readline().decode().split()


def test_every_replica_answers_over_both_families_from_the_host(pods):
    for name in ("web-0", "web-1", "dual-0"):
        for target in addresses(pods, name):
            tally = client(target, http="/", count=5, check_peername=True)
            assert tally["ok"] == 5 and tally["by_pod"] == {name: 5}, (target, tally)
            assert tally["peername_mismatch"] == 0, tally


def test_pods_reach_each_other_over_both_families(pods):
    for target in addresses(pods, "web-1"):
        tally = client(target, http="/", count=5, netns=pods.netns("web-0"))
        assert tally["ok"] == 5 and tally["by_version"] == {"v1": 5}, (target, tally)


def test_a_mapped_socket_sees_the_address_it_dialled(pods):
    target = addresses(pods, "web-0")[0]
    tally = client(target, http="/", family="mapped", check_peername=True, nonblocking=True)
    assert tally["ok"] == 1 and tally["peername_mismatch"] == 0, tally


def test_a_pod_of_one_family_has_no_address_of_the_other(pods):
    assert pods.by_name["four-0"]["ipv6"] == "-"
    assert pods.yaml.count("- ip: ") == 2 * len(pods.by_name) - 1


def test_pod_objects_carry_labels_ports_and_annotations_but_not_those_of_the_test(pods):
    for wanted in ("name: raw-0", "version: v2", "containerPort: 8080", "name: main",
                   "shunt.io/traffic: enabled", "type: Ready"):
        assert wanted in pods.yaml, wanted
    assert "shunt.test/" not in pods.yaml


def test_names_of_the_hosts_file_resolve_in_pods_only_and_also_in_running_servers(pods):
    with folder() as path:
        name = os.path.join(path, "hosts")
        with open(name, "w", encoding="utf-8") as f:
            f.write(f"{pods.by_name['web-1']['ipv4']} web.internal web\n")
        pods.hosts(name)
    tally = client("web:8080", http="/", netns=pods.netns("web-0"))
    assert tally["by_pod"] == {"web-1": 1}, tally
    chained = get(f"http://{addresses(pods, 'web-0')[0]}/chain?url=http://web.internal:8080/x")
    assert chained["calls"][0]["body"]["pod"] == "web-1", chained
    with contextlib.suppress(socket.gaierror):
        assert not socket.getaddrinfo("web.internal", 80)


def test_chain_passes_on_trace_headers_and_reports_what_fails(pods):
    web, other = (addresses(pods, name)[0] for name in ("web-0", "web-1"))
    url = f"http://{web}/chain?url=http://{other}/a&url=http://{web}:1/"
    request = urllib.request.Request(url, headers={"x-request-id": "7", "accept": "*/*"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        calls = json.loads(answer.read())["calls"]
    assert calls[0]["status"] == 200 and calls[0]["body"]["path"] == "/a", calls
    assert calls[0]["body"]["headers"]["x-request-id"] == "7", calls
    assert "accept" not in calls[0]["body"]["headers"], calls
    assert "error" in calls[1], calls


def test_hold_keeps_a_connection_open_without_an_answer(pods):
    target = addresses(pods, "web-1")[0]
    tally = client(target, http="/hold", timeout=200)
    assert tally["timeout"] == 1, tally
    mesh.wait_for(lambda: get(f"http://{target}/stats")["connections"] == 1)


def test_a_held_client_shows_its_tally_first_and_lets_go_when_told(pods):
    target = addresses(pods, "raw-0")[0]
    stats = f"http://{addresses(pods, 'web-0')[0]}/"
    options = {"count": 300, "parallel": 10, "procs": 3, "hold": True}
    with mesh.Held(mesh.client_arguments(target, options)) as held:
        assert held.tally["ok"] == 300 and held.tally["by_pod"] == {"raw-0": 300}, held.tally
        assert established(pods, "raw-0") == 300
    mesh.wait_for(lambda: established(pods, "raw-0") == 0)
    with mesh.Held(mesh.client_arguments(target, options)) as held:
        held.kill()
        mesh.wait_for(lambda: established(pods, "raw-0") == 0)
    assert get(stats)["version"] == "v1"


def established(pods, name):
    out = mesh.run("ip", "netns", "exec", pods.netns(name), "ss", "-Htn", "state", "established")
    return len(out.stdout.splitlines())


def test_statuses_and_failures_come_as_asked(pods):
    target = addresses(pods, "web-0")[0]

    def statuses(path, count):
        return client(target, http=path, count=count)["by_status"]

    assert statuses("/status?code=404", 3) == {"404": 3}
    assert statuses("/fail?rate=70", 100) == {"500": 70, "200": 30}
    assert statuses("/fail-first?k=3&id=one", 5) == {"500": 3, "200": 2}
    assert client(target, http="/?ms=150")["elapsed_ms"] >= 150


def test_requests_sent_at_once_are_answered_in_turn(pods):
    with socket.create_connection((pods.by_name["web-0"]["ipv4"], 8080), timeout=10) as s:
        s.sendall(b"GET /a HTTP/1.1\r\n\r\nPOST /b HTTP/1.1\r\ncontent-length: 5\r\n\r\nhello"
                  b"GET /c?ms=20 HTTP/1.1\r\n\r\nGET /d HTTP/1.1\r\nconnection: close\r\n\r\n")
        text = b"".join(iter(lambda: s.recv(65536), b"")).decode()
    places = [text.index(f'"path":"/{path}') for path in "abcd"]
    assert places == sorted(places) and text.count("HTTP/1.1 200") == 4, text


def test_raw_server_speaks_first_and_echoes(pods):
    s, stream, greeting = raw_socket(pods, "raw-0")
    data = os.urandom(3 << 20)
    with s, stream:
        assert greeting == ["raw-0", "v2", "%s:%d" % s.getsockname()], greeting
        writer = os.fork()
        if not writer:
            with contextlib.suppress(BaseException):
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            os._exit(0)
        back = stream.read()
        os.waitpid(writer, 0)
    assert back == data


def test_half_close_server_keeps_sending_after_the_clients_end(pods):
    s, stream, _ = raw_socket(pods, "half-0")
    with s, stream:
        s.shutdown(socket.SHUT_WR)
        assert [stream.readline() for _ in range(3)] == [b"half-0 v1 still\n"] * 3
    mesh.wait_for(lambda: established(pods, "half-0") == 0)


def test_server_that_closes_after_its_greeting(pods):
    s, stream, greeting = raw_socket(pods, "brief-0")
    with s, stream:
        assert greeting[0] == "brief-0" and stream.read() == b""


def test_client_tells_refused_from_unreachable(pods):
    closed = f"{pods.by_name['web-0']['ipv4']}:9"
    assert client(closed, count=3)["refused"] == 3
    tally = client("10.96.0.1:80", timeout=200)
    assert tally["ok"] == 0 and tally["refused"] == 0, tally


def test_client_keeps_its_rate_and_logs_each_connection(pods):
    with folder() as path:
        log = os.path.join(path, "log")
        target = addresses(pods, "raw-0")[0]
        tally = client(target, rate=100, duration=0.5, parallel=4, log=log)
        with open(log, encoding="utf-8") as f:
            lines = [line.split() for line in f]
    assert tally["ok"] == len(lines) == 50, tally
    begins = sorted(int(line[0]) for line in lines)
    assert begins[-1] - begins[0] >= 480_000_000
    assert all(int(line[0]) < int(line[1]) and line[2:] == ["ok", "raw-0", "v2"] for line in lines)


def test_down_leaves_nothing_also_after_an_up_that_was_killed(pods):
    prefix = f"q{os.getpid()}-"
    with folder() as path:
        source = os.path.join(path, "in.yaml")
        with open(source, "w", encoding="utf-8") as f:
            f.write(deployment("gone", "v1", 20))
        up = subprocess.Popen([mesh.PODS, "up", source, "--prefix", prefix],
                              stderr=subprocess.DEVNULL)
        # with five servers up, fifteen are missing
        mesh.wait_for(lambda: os.path.exists(f"/run/shunt-pods/{prefix}/gone-4.pid"), 60)
        up.send_signal(signal.SIGKILL)
        up.wait()
        with open(f"/run/shunt-pods/{prefix}/subnet", encoding="utf-8") as f:
            bridge = "shp" + f.read().strip()
        mesh.run(mesh.PODS, "down", "--prefix", prefix)
        mesh.run(mesh.PODS, "down", "--prefix", prefix)
    left = mesh.run("ip", "netns").stdout + mesh.run("ps", "-eo", "args").stdout
    assert prefix not in left, left
    links = mesh.run("ip", "-o", "link").stdout
    assert bridge + ":" not in links and bridge + "v" not in links, links
    assert bridge + " " not in mesh.run("ip", "route").stdout
    assert not os.path.exists(f"/etc/netns/{prefix}gone-0")
    # the routes are shared, and the set of this file is still up
    assert pods.by_name
    for argv in (("ip", "-4", "route"), ("ip", "-6", "route")):
        assert "blackhole" in mesh.run(*argv).stdout


if __name__ == "__main__":
    mesh.run_tests()

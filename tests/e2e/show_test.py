#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the commands show, as JSON with exactly the documented names, and as it really is."""
import base64
import contextlib
import json
import re
import urllib.error
import urllib.request

import mesh
import objects

COUNTERS = ("steered proxied bypassed no_listener no_original untouched connected closed "
            "refused_limit refused_no_endpoint "
            "refused_no_cluster refused_no_proxy refused_unknown refused_no_memory "
            "refused_unstable connect_failed ejected ejections_refused returned guarded "
            "unknown_caller stale_word stale_hold events_lost affine unknown_source drained "
            "expired_idle expired_duration spliced spliced_bytes splice_passed_bytes splice_full "
            "malformed fragments_passed no_connection no_way moved_port untranslated "
            "refused_tracking evicted_half_open")
COUNTS = "requests responses flags retries regex_limits bytes_received bytes_sent duration_seconds"
KERNEL = "kernel programs cgroup kernel_plan leaked audits older_sockets notes counters"
ROUTE = {"": "name object total destinations",
         "destinations": {"": "host subset port weight share percent policy max_connections "
                              "table_size affinity_seconds unknown endpoints settings",
                          "endpoints": {"": "addresses port name version weight locality "
                                            "dns_name priority share on_node"}}}
PORT = {"": "port name protocol verdict because host_only route rules tls node_port outside_route "
            "branches splice drain guard", "route": ROUTE}
DIAG = {"": "level file line column path text source"}
FINDING = {"": "level path text place"}
CHANGED = {"": "plan results diags", "results": {"": "object id namespace result"}, "diags": DIAG}
WEIGHT = {"": "host subset weight"}

# The names of each answer; names get added, and never go. "": those of the object itself.
NAMES = {
    "status": {"": "agent pid uptime_seconds version root plan config state objects hosts services "
                   "split_routes waiting refused rejected not_in_force not_enforced warnings "
                   "scopes proxy guarded outside drains captured " + KERNEL,
               "proxy": {"": "state pid uptime_seconds restarts last_exit draining off_because "
                             "requests answers connections memory_bytes memory_limit_bytes "
                             "log_lines_lost"},
               "scopes": {"": "scope number closed registry_only pods",
                          "pods": {"": "pod netns"}},
               "counters": {"": COUNTERS}, "refused": DIAG,
               "rejected": {"": "object place path error kept"},
               "not_in_force": {"": "object field place"}, "not_enforced": {"": "object text"},
               "warnings": {"": "place path text"},
               "objects": {"": "Service Pod Endpoints EndpointSlice Namespace VirtualService "
                               "DestinationRule ServiceEntry WorkloadEntry Gateway Sidecar "
                               "Secret Ingress IngressClass Node"}},
    "status of a dead agent": {"": "agent root " + KERNEL, "counters": {"": COUNTERS}},
    "services": {"": "services",
                 "services": {"": "host addresses subnets port protocol verdict because route object id "
                                  "scopes splits branches rules",
                              "splits": {"": "host port subset weight share opened unknown"}}},
    "clusters": {"": "counted clusters",
                 "clusters": {"": "host port protocol subset policy active max_connections opened connected "
                                  "refused_limit refused_no_endpoint connect_failed endpoints "
                                  "unknown scopes proxy_connections pending requests_active "
                                  "retries_active ejected ejections ejections_refused "
                                  "guarded_since guards traffic " + COUNTS,
                              "traffic": {"": "ended bytes_sent bytes_received bytes_spliced "
                                              "segments_sent segments_received "
                                              "segments_retransmitted rtt_us rtt_min_us "
                                              "duration_seconds lasted connect_refused "
                                              "connect_timed_out connect_unreachable reset "
                                              "lost drained expired",
                                          "lasted": {"": "1ms 10ms 100ms 1s 10s 60s 600s 3600s "
                                                         "longer"}}}},
    "endpoints": {"": "endpoints",
                  "endpoints": {"": "host service_port protocol subset ipv4 ipv6 port name version weight "
                                    "priority share active opened connect_failed failures_in_row "
                                    "requests_active ejections ejected_until scopes"}},
    "top": {"": "seconds clusters rules",
            "clusters": {"": "host port protocol subset rule connections_per_second failed_per_second "
                             "active"}},
    "conns": {"": "conns total clients clients_total",
              "conns": {"": "pid comm protocol dialled to cluster age_seconds state plan netns"}},
    "events": {"": "before events", "events": {"": "time kind host dialled to pid comm netns port "
                                                   "subset reason"}},
    "maps": {"": "maps", "maps": {"": "name used max holds path dump"}},
    "get": {"": "objects", "objects": {"": "id namespace yaml file object"}},
    "explain": {"": "host object port request caller steps decision", "port": PORT,
                "caller": {"": "namespace pod scope"},
                "steps": {"": "text object field place outcome"},
                "decision": {"": "verdict because host rule from status location path authority "
                                 "destinations left_out"}},
    "plan": {"": "plan hosts scopes gateways findings", "findings": FINDING,
             "scopes": {"": "scope namespace pods sidecar closed registry_only"},
             "hosts": {"": "host object addresses subnets outside outside_local allocated ports "
                           "visible views domains not_in_force findings",
                       "views": {"": "scopes visible object addresses subnets ports",
                                 "ports": PORT},
                       "ports": PORT, "not_in_force": {"": "object field place"},
                       "findings": FINDING}},
    "validate": {"": "objects errors warnings diags", "diags": DIAG},
    "diff": {"": "objects plan_text plan diags", "diags": DIAG,
             "objects": {"": "id place state line running wanted"},
             "plan": {"": "host port udp scopes rule destination what from to "
                          "open_connections"}},
    "apply": CHANGED, "delete": CHANGED,
    "shift": {**CHANGED, "": "plan results diags object route host before after",
              "before": WEIGHT, "after": WEIGHT},
    "version": {"": "version"}, "load": {"": "root loaded"},
}


def assert_names(answer, names, where):
    """Of the object or of each of the list."""
    for one in answer if isinstance(answer, list) else [answer]:
        assert set(one) == set(names[""].split()), (where, sorted(one))
        for key in names:
            if key and one[key] is not None:
                assert_names(one[key], names[key], f"{where}.{key}")


def shows(m, command, *argv, name=None, **more):
    """The JSON answer, its names held against the list."""
    answer = m.json(command, *argv, **more)
    assert_names(answer, NAMES[name or command], name or command)
    return answer


FULL = {"connectionPool": {"tcp": {"maxConnections": 3}}}


@contextlib.contextmanager
def fixture():
    """`web` is split, `full` takes three connections, `empty` has no endpoint."""
    pods = objects.text(objects.deployment("web", "v1"), objects.deployment("web", "v2"))
    with mesh.Mesh(pods=pods) as m:
        m.write("objects.yaml", objects.text(
            objects.service("full", "web"), objects.rule("full", [], FULL),
            objects.service("empty", "nothing"),
            {"apiVersion": "security.istio.io/v1", "kind": "PeerAuthentication",
             "metadata": {"name": "all"}, "spec": {"mtls": {"mode": "STRICT"}}}))
        m.apply(objects.text(objects.service("web", "web"), objects.rule("web", ["v1", "v2"]),
                             objects.split("web", {"v1": 75, "v2": 25})))
        mesh.wait_for(lambda: objects.find(m, "empty"))
        yield m


def target(m, host):
    return objects.targets(m, host)[0]


def test_every_answer_has_exactly_its_names(m):
    changed = objects.text(objects.split("web", {"v1": 1, "v2": 1}))
    m.client(target(m, "empty"))
    with m.hold(target(m, "web"), count=2, http="/"):
        for command in ("status", "services", "clusters", "endpoints", "conns", "top", "events",
                        "maps", "get", "version"):
            answer = shows(m, command)
            assert command == "version" or any(answer.values()), command
        shows(m, "load", "--cgroup", m.cgroup)
    shows(m, "explain", "web")
    for command in ("plan", "validate"):
        shows(m, command, "-f", m.config)
    p = m.shunt("diff", "-f", "-", "-o", "json", input=changed, check=False)
    assert p.returncode == 1
    assert_names(json.loads(p.stdout), NAMES["diff"], "diff")
    shows(m, "apply", "-f", "-", input=changed)
    shows(m, "shift", "web", "v1=75", "v2=25")
    p = m.shunt("shift", "web", "v1=75", "v2=25", "--over", "1s", "-o", "json")
    names = {**NAMES["shift"], "after": {"": "host subset weight opened"}}
    for line in p.stdout.splitlines():
        assert_names(json.loads(line), names, "shift --over")
    text = objects.text(objects.service("gone", "web"))
    m.apply(text)
    shows(m, "delete", "-f", "-", input=text)


def test_answers_of_what_is_wrong_have_exactly_their_names(m):
    m.write("wrong.yaml", objects.text(
        objects.split("nowhere", {"v1": 1}), objects.split("bad", {"v1": -1}),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": "left-alone", "annotations": {"shunt.io/traffic": "disabled"}}}))
    mesh.wait_for(lambda: m.status()["rejected"])
    status = shows(m, "status")
    assert all(status[k] for k in ("rejected", "not_in_force", "not_enforced", "warnings")), status
    text = m.shunt("status").stdout
    for heading in ("NOT ENFORCED", "rejected", "given, but not in force", "warnings"):
        assert f"\n{heading}:\n" in text, text
    p = m.shunt("validate", "-f", m.config, "-o", "json", check=False)
    assert p.returncode == 1
    assert_names(json.loads(p.stdout), NAMES["validate"], "validate")
    m.remove("wrong.yaml")
    mesh.wait_for(lambda: not m.status()["rejected"])
    shows(m, "plan", "-f", m.config)


def test_conns_lists_a_held_connection_with_caller_and_destination(m):
    at = target(m, "web")

    def held():
        return [c for c in shows(m, "conns")["conns"]
                if c["pid"] == client.process.pid and c["state"] == "connected"]

    with m.hold(at, count=4, http="/") as client:
        for agent in ("alive", "dead"):
            conns = held()
            assert len(conns) == 4, (agent, conns)
            for c in conns:
                assert c["comm"] == "client" and c["dialled"] == at and c["netns"] > 0, c
                assert re.fullmatch(r"web\.default\.svc\.cluster\.local:80 v[12]", c["cluster"]), c
            pods = {p["ipv4"] + ":8080": p["name"] for p in m.pods.by_name.values()}
            assert sorted(pods[c["to"]] for c in conns) == ["web-v1-0"] * 3 + ["web-v2-0"]
            line = next(x for x in m.shunt("conns").stdout.splitlines()
                        if x.startswith(f"{client.process.pid} "))
            assert at in line and "client" in line and "connected" in line, line
            if agent == "alive":
                m.kill_agent()
        rows = shows(m, "maps")["maps"]
        assert {r["name"]: r["used"] for r in rows}["services"], rows
        status = shows(m, "status", name="status of a dead agent")
        assert status["agent"] == "not running" and status["programs"] > 0, status
        assert m.shunt("status").stdout.startswith("agent: not running; programs loaded, plan ")
        m.start_agent()
        assert len(held()) == 4
    mesh.wait_for(lambda: not held())


def test_events_show_refusals_with_reason_and_caller(m):
    with m.hold(target(m, "full"), count=3, http="/"):
        assert m.client(target(m, "full"))["refused"] == 1
    assert m.client(target(m, "empty"))["refused"] == 1
    m.apply(objects.text(objects.split("web", {"v1": 1, "v9": 1})))
    assert m.client(target(m, "web"), count=2, http="/")["refused"] == 1
    m.apply(objects.text(objects.split("web", {"v1": 75, "v2": 25})))

    def kinds():
        return [e["kind"] for e in shows(m, "events")["events"]][-3:]

    wanted = ["refused_limit", "refused_no_endpoint", "refused_no_cluster"]
    mesh.wait_for(lambda: kinds() == wanted, what=f"{wanted}")
    events = m.json("events")["events"][-3:]
    assert [e["host"].split(".")[0] for e in events] == ["full", "empty", "web"], events
    assert [e["dialled"] for e in events] == [target(m, h) for h in ("full", "empty", "web")]
    assert all(e["comm"] == "client" and e["pid"] and not e["to"] for e in events), events
    lines = m.shunt("events").stdout.splitlines()[-3:]
    for line, kind, event in zip(lines, wanted, events):
        assert re.match(rf"\d\d:\d\d:\d\d\.\d\d\d {kind} ", line), line
        assert event["dialled"] in line and f"client[{event['pid']}]" in line, line


def test_explain_names_object_and_element(m):
    steps = shows(m, "explain", "web:80")["steps"]
    step = next(s for s in steps if s["field"] == "spec.tcp[0]")
    assert step["object"] == "VirtualService/default/web" and step["place"], step
    assert any(s["object"] == "DestinationRule/default/web" for s in steps), steps
    full = shows(m, "explain", "--from", "default/client", target(m, "full"))
    assert full["host"] == "full.default.svc.cluster.local"
    place = next(s["place"] for s in full["steps"] if s["object"] == "Service/default/full")
    assert place.startswith(m.config + "/objects.yaml:"), full
    text = m.shunt("explain", "web").stdout
    assert "VirtualService/default/web" in text and "spec.tcp[0] is taken" in text, text
    offline = m.shunt("explain", "-f", m.config, "full").stdout
    assert place in offline, offline
    assert "no TCP port 81" in m.shunt("explain", "web:81").stdout
    for argv in (("nowhere",), ("web:none",), ("-f", m.config, "nowhere")):
        p = m.shunt("explain", *argv, check=False)
        assert p.returncode == 1 and len(p.stderr.splitlines()) == 1, (argv, p)


def test_hosts_has_a_line_for_each_address_of_a_family_that_is_served(m):
    lines = [line.split() for line in m.shunt("hosts").stdout.splitlines()]
    for host in ("web", "full", "empty"):
        addresses = next(s["addresses"] for s in m.json("services")["services"]
                         if s["host"].startswith(host + "."))
        full = f"{host}.default.svc.cluster.local"
        for address in addresses:
            if host == "empty" and ":" in address:
                assert address not in [line[0] for line in lines], lines
                continue
            names = [line[1:] for line in lines if line[0] == address]
            assert names == [[full, f"{host}.default.svc", f"{host}.default", host]], (address, lines)
    elsewhere = m.shunt("hosts", "--from", "other").stdout
    assert " web.default" in elsewhere and not re.search(r" web$", elsewhere, re.M), elsewhere
    assert " full" in m.shunt("hosts", "-f", m.config).stdout


def secret(value):
    """With what kubectl apply leaves behind, too."""
    encoded = base64.b64encode(value.encode()).decode()
    one = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hidden"},
           "type": "Opaque", "data": {"token": encoded}, "stringData": {"plain": value}}
    last = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(one)}
    return objects.text({**one, "metadata": {"name": "hidden", "annotations": last}})


def test_values_of_a_secret_are_never_shown(m):
    values = ("open-sesame-1", "open-sesame-2", "open-sesame-longer")
    applied = m.apply(secret(values[0]))
    shown = [applied, m.shunt("get"), m.shunt("get", "-o", "json"), m.shunt("status"),
             m.shunt("get", "secret", "hidden"), m.shunt("get", "secret", "-o", "json")]
    for value, code in zip(values, (0, 1, 1)):
        for argv in ((), ("-o", "json")):
            p = m.shunt("diff", "-f", "-", *argv, input=secret(value), check=False)
            assert p.returncode == code and bool(p.stdout) == bool(code or argv), p
            shown.append(p)
    text = m.shunt("diff", "-f", "-", input=secret(values[1]), check=False).stdout
    assert text == "Secret/default/hidden: values that are not shown differ\n", text
    shown += [m.apply(secret(values[1])), m.shunt("get", "secret")]
    assert "*** (13 characters)" in shown[-1].stdout, shown[-1]
    with open(m.log, encoding="utf-8") as f:
        everything = f.read() + "".join(p.stdout + p.stderr for p in shown)
    for value in values:
        assert value not in everything
        assert base64.b64encode(value.encode()).decode() not in everything
    m.shunt("delete", "secret", "hidden")


def scrape(m, path="/metrics"):
    with urllib.request.urlopen(f"http://127.0.0.1:{m.metrics}{path}", timeout=10) as reply:
        assert reply.headers["Content-Type"].startswith("text/plain; version=0.0.4"), reply.headers
        return reply.read().decode()


SAMPLE = re.compile(r'([a-z_]+)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)*\})? (-?\d+(?:\.\d+)?)')
ENDINGS = {"counter": [""], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"],
           "summary": ["_sum", "_count"]}


def samples(text):
    """{(name, labels): value} of a text in Prometheus' format, which is checked."""
    found, types, last = {}, {}, None
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# HELP "):
            last = line.split()[2]
            assert last not in types and len(line.split()) > 3, line
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name == last and kind in ENDINGS
            assert name.endswith("_total") == (kind == "counter")
            types[name] = kind
        else:
            match = SAMPLE.fullmatch(line)
            assert match and match[1].removeprefix(last) in ENDINGS[types[last]], line
            assert (match[1], match[2]) not in found, line
            found[match[1], match[2]] = float(match[3])
    return found


def test_metrics_are_prometheus_text_and_equal_status(m):
    m.client(target(m, "web"), count=8, http="/")
    mesh.wait_for(lambda: m.status()["counters"]["closed"] == m.status()["counters"]["connected"])
    found = samples(scrape(m))
    status = m.status()
    for name, value in status["counters"].items():
        assert found[f"shunt_{name}_total", None] == value, name
    assert found["shunt_plan_number", None] == status["plan"]
    assert found["shunt_hosts", None] == status["hosts"] == 3
    assert found["shunt_objects", None] == sum(status["objects"].values())
    assert found["shunt_reservations_leaked_total", None] == status["leaked"] == 0
    names = {"active": "connections_active", "opened": "connections_opened_total",
             "connected": "connections_connected_total", "refused_limit": "refused_limit_total",
             "refused_no_endpoint": "refused_no_endpoint_total",
             "connect_failed": "connect_failed_total"}
    for c in m.json("clusters")["clusters"]:
        labels = f'{{host="{c["host"]}",port="{c["port"]}",subset="{c["subset"]}"}}'
        for field, name in names.items():
            assert found["shunt_cluster_" + name, labels] == c[field], (labels, field)


def test_only_metrics_are_served_there(m):
    for path in ("/", "/metrics/x", "/../etc/passwd"):
        try:
            scrape(m, path)
            raise AssertionError(path)
        except urllib.error.HTTPError as e:
            assert e.code == 404, (path, e)


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The command line: exit statuses, help, wrong use, and objects in and out of force."""
import contextlib
import json
import re
import subprocess

import mesh
import objects

COMMANDS = ("agent load unload validate plan apply delete diff get status services clusters "
            "endpoints conns top events maps shift drain explain hosts completion version help").split()
EXAMPLE = mesh.EXAMPLES + "/echo.yaml"


@contextlib.contextmanager
def fixture():
    """A service `web` with a pod of each version, and no VirtualService."""
    pods = objects.text(objects.deployment("web", "v1"), objects.deployment("web", "v2"))
    with mesh.Mesh(pods=pods) as m:
        m.apply(objects.text(objects.service("web", "web"), objects.rule("web", ["v1", "v2"])))
        yield m


# Whatever gets past the options finds nothing to attach to, and no running default instance.
NOWHERE = {"agent": ("--cgroup", "/nowhere", "--config", "/nowhere", "--state", "/nowhere/state"),
           "load": ("--cgroup", "/nowhere")}


def shunt(*argv, **more):
    """Without a mesh; whatever its exit status."""
    if argv and argv[0] in COMMANDS:
        argv = (argv[0], "--root", "shunt-nobody", *NOWHERE.get(argv[0], ()), *argv[1:])
    return mesh.run(mesh.SHUNT, *argv, check=False, **more)


def split(**weights):
    return objects.text(objects.split("web", weights))


def shares(m, host="web"):
    one = next(s for s in m.json("services", "-A")["services"] if s["host"].startswith(host + "."))
    return {s["subset"]: s["weight"] for s in one["splits"]}


# Without an agent.

def test_help_of_every_command_exits_0_with_an_example():
    text = shunt("help").stdout
    assert re.findall(r"^  (\w+)", text, re.M) == COMMANDS, text
    assert "Example: shunt " in text
    assert shunt("--help").stdout == shunt("-h").stdout == text
    for name in COMMANDS:
        p = shunt("help", name)
        assert p.returncode == 0 and not p.stderr, p
        assert f"usage: shunt {name}" in p.stdout and "example:\n  " in p.stdout, p.stdout
        assert re.search(rf"example:\n  .*shunt {name}\b", p.stdout), p.stdout
        for argv in ((name, "--help"), (name, "-h"), (name, "--no-such", "--help")):
            assert shunt(*argv).stdout == p.stdout, argv
            assert shunt(*argv).returncode == 0, argv


WRONG = (
    (), ("frobnicate",), ("help", "frobnicate"), ("--frobnicate",),
    *((name, "--frobnicate") for name in COMMANDS),
    *((name, "one", "too", "many", "words") for name in COMMANDS
      if name not in ("delete", "shift")),
    *((name, "-o", "yaml") for name in COMMANDS
      if name not in ("agent", "unload", "hosts", "completion", "help")),
    *((name, "--root") for name in COMMANDS), *((name, "--root", "a/b") for name in COMMANDS),
    ("validate",), ("plan",), ("apply",), ("diff",), ("delete",), ("delete", "vs"),
    ("delete", "-f", EXAMPLE, "vs", "echo"), ("validate", "-f"), ("validate", EXAMPLE),
    ("shift",), ("shift", "web"), ("shift", "web", "v1"), ("shift", "web", "v1="),
    ("shift", "web", "=1"), ("shift", "web", "v1=-1"), ("shift", "web", "v1=1.5"),
    ("shift", "web", "v1=9999999"), ("shift", "web", "v1=1", "--over", "soon"),
    ("shift", "web", "v1=1", "--over", "-1s"), ("shift", "web", "v1=1", "--over", "0s"),
    ("shift", "web", "v1=1", "--over", "1000h"), ("explain",), ("completion", "tcsh"),
    ("agent", "--http-split", "random"), ("agent", "--http-split"), ("agent", "--metrics"),
    ("agent", "--metrics", "here"), ("agent", "--metrics", "1.2.3:80"),
    ("agent", "--metrics", "127.0.0.1:66000"), ("agent", "--metrics", ""),
    ("plan", "-f", EXAMPLE, "--http-split", "random"), ("status", "--root", ""),
    ("status", "--root", ".."), ("status", "--root", "a" * 33),
    ("get", "-n", "a/b"), ("apply", "-f", EXAMPLE, "-n", ".."), ("plan", "-f", EXAMPLE, "-n", ""),
)


def test_wrong_use_exits_2_with_one_sentence():
    for argv in WRONG:
        p = shunt(*argv)
        lines = p.stderr.splitlines()
        assert p.returncode == 2 and not p.stdout, (argv, p)
        assert len(lines) == 2 and lines[1].startswith("usage: shunt "), (argv, p.stderr)
        name = f" {argv[0]}" if argv and argv[0] in COMMANDS else ""
        assert lines[0].startswith(f"shunt{name}: "), (argv, lines)


def test_a_split_per_request_is_the_proxys_where_nothing_else_is_said():
    assert "proxy because" not in shunt("plan", "-f", EXAMPLE).stdout
    p = shunt("plan", "-f", EXAMPLE, "--http-split=request")
    assert p.returncode == 0 and "proxy because" in p.stdout and "--http-split=request" in p.stdout, p


def test_what_needs_an_agent_says_that_there_is_none():
    for argv in (("apply", "-f", EXAMPLE), ("delete", "vs", "x"), ("get",), ("services",),
                 ("clusters",), ("endpoints",), ("events",), ("events", "-f"),
                 ("shift", "web", "v1=1"), ("explain", "web"), ("hosts",), ("conns",), ("maps",),
                 ("status",)):
        p = shunt(*argv)
        assert p.returncode == 1, (argv, p)
        assert len((p.stdout + p.stderr).splitlines()) == 1, (argv, p)
        assert "no agent" in p.stderr or "nothing" in p.stderr + p.stdout, (argv, p)
    assert shunt("diff", "-f", EXAMPLE).returncode == 3
    p = shunt("unload")
    assert p.returncode == 0 and "nothing was loaded" in p.stdout, p


def test_version_is_the_same_everywhere():
    version = json.loads(shunt("version", "-o", "json").stdout)["version"]
    for argv in (("version",), ("--version",)):
        p = shunt(*argv)
        assert (p.returncode, p.stdout) == (0, f"shunt {version}\n"), p


def complete(script, *words):
    """What bash offers for the last word."""
    line = " ".join(f"'{w}'" for w in words)
    code = (f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _shunt\n"
            'printf "%s\\n" "${COMPREPLY[@]}"')
    return mesh.run("bash", "--norc", "-c", code, cwd=mesh.EXAMPLES).stdout.split()


def test_completion_is_bash_and_completes():
    script = shunt("completion").stdout
    assert shunt("completion", "bash").stdout == script
    assert mesh.run("bash", "-n", input=script).stderr == ""
    assert complete(script, "shunt", "") == COMMANDS
    assert complete(script, "shunt", "ev") == ["events"]
    assert complete(script, "shunt", "shift", "--o") == ["--output", "--over"]
    assert "--frobnicate" not in complete(script, "shunt", "load", "-")
    assert complete(script, "shunt", "apply", "-f", "echo-5") == ["echo-50-50.yaml"]


def test_validate_exits_by_errors_and_strictly_by_warnings():
    good = objects.text(objects.service("web", "web"))
    warned = good + split(v1=1)
    for argv, text, status in (((), good, 0), ((), warned, 0), (("--strict",), warned, 1),
                               (("--strict",), good, 0), ((), split(v1=-1), 1),
                               (("--lenient",), warned + "  bogus: 1\n", 0),
                               ((), warned + "  bogus: 1\n", 1)):
        p = shunt("validate", "-f", "-", *argv, input=text)
        assert p.returncode == status, (argv, text, p)
        assert re.fullmatch(r"\d+ objects?, \d+ errors?, \d+ warnings?\n", p.stdout), p.stdout
        q = shunt("validate", "-o", "json", "-f", "-", *argv, input=text)
        out = json.loads(q.stdout)
        assert (q.returncode == 1) == (out["errors"] > 0), (argv, text, out)


# With an agent.

def test_apply_tells_created_unchanged_configured_and_delete_deleted(m):
    title = "virtualservice.networking.istio.io/web"
    for text, result in ((split(v1=75, v2=25), "created"), (split(v1=75, v2=25), "unchanged"),
                         (split(v1=50, v2=50), "configured")):
        assert m.apply(text).stdout == f"{title} {result}\n"
    assert shares(m) == {"v1": 1, "v2": 1}
    assert m.shunt("delete", "vs", "web").stdout == f"{title} deleted\n"
    assert shares(m) == {"": 1}
    m.apply(split(v1=1))
    assert m.shunt("delete", "-f", "-", input=split(v2=7)).stdout == f"{title} deleted\n"
    for argv in (("vs", "web"), ("vs", "web", "-o", "json")):
        p = m.shunt("delete", *argv, check=False)
        assert p.returncode == 1, p
    p = m.shunt("delete", "frob", "web", check=False)
    assert p.returncode == 1 and '"frob"' in p.stderr, p


def test_apply_is_whole_or_nothing(m):
    before = m.status()["plan"], m.shunt("get", "-A").stdout
    good = objects.text(objects.service("whole", "web"), objects.split("web", {"v1": 1}))
    for bad in (split(v1=-1).replace("name: web", "name: other", 1), "kind: [\n",
                objects.text(objects.split("web", {"v2": 1}))):
        p = m.apply(good + bad, check=False)
        assert p.returncode == 1 and "nothing was applied" in p.stderr, p
        assert (m.status()["plan"], m.shunt("get", "-A").stdout) == before


def test_a_strict_apply_with_findings_is_refused(m):
    before = m.status()["plan"], m.shunt("get", "-A").stdout
    text = objects.text(objects.split("web", {"v1": 1, "v9": 1}))
    p = m.shunt("apply", "--strict", "-f", "-", input=text, check=False)
    assert p.returncode == 1 and "v9" in p.stderr and "nothing was changed" in p.stderr, p
    assert (m.status()["plan"], m.shunt("get", "-A").stdout) == before
    assert m.apply(text).returncode == 0
    m.shunt("delete", "vs", "web")


def test_diff_exits_0_1_and_3(m):
    m.apply(split(v1=3, v2=1))
    same = m.shunt("diff", "-f", "-", check=False, input=split(v1=3, v2=1))
    assert (same.returncode, same.stdout) == (0, ""), same
    p = m.shunt("diff", "-f", "-", check=False, input=split(v1=1, v2=1))
    assert p.returncode == 1, p
    assert "\n-      weight: 3\n+      weight: 1\n" in p.stdout, p.stdout
    assert "75% (3/4) → 50% (1/2)" in p.stdout.partition("\nshares:\n")[2], p.stdout
    assert m.shunt("diff", "-f", "-", check=False, input="kind: [\n").returncode == 3
    assert m.shunt("diff", "-f", "/nowhere", check=False).returncode == 3
    assert shares(m) == {"v1": 3, "v2": 1}
    m.shunt("delete", "vs", "web")


def test_what_get_prints_apply_takes_as_unchanged(m):
    m.apply(split(v1=3, v2=1))
    m.shunt("apply", "-n", "other", "-f", "-", input=objects.text(
        objects.service("far", "far"), objects.entry("out.example.com", "10.96.1.9", [])))
    for argv in ((), ("-A",), ("-n", "other"), ("vs",), ("-n", "default", "svc", "web")):
        text = m.shunt("get", *argv).stdout
        if "kind: Pod" in text:
            text = "---\n".join(t for t in text.split("---\n") if "kind: Pod" not in t)
        results = m.apply(text).stdout.splitlines()
        assert results and all(r.endswith(" unchanged") for r in results), (argv, results)
    m.shunt("delete", "vs", "web")
    m.shunt("delete", "-n", "other", "svc", "far")
    m.shunt("delete", "-n", "other", "se", "out.example.com")


def test_kinds_have_short_names_and_namespaces_hold(m):
    texts = objects.text(objects.split("web", {"v1": 1}),
                         objects.entry("se.example.com", "10.96.1.10", []),
                         {"apiVersion": objects.NETWORKING, "kind": "WorkloadEntry",
                          "metadata": {"name": "vm"}, "spec": {"address": "10.0.0.9"}})
    m.apply(texts)
    for words, count in ((("vs", "virtualservice", "VirtualServices"), 1),
                         (("dr", "DestinationRule"), 1), (("se", "serviceentries"), 1),
                         (("we", "WorkloadEntry"), 1), (("svc", "Service", "services"), 1),
                         (("gw", "gateway"), 0), (("sc", "sidecar"), 0)):
        for word in words:
            assert len(m.json("get", word)["objects"]) == count, word
    m.shunt("apply", "-n", "other", "-f", "-", input=objects.text(objects.service("web", "web")))
    for argv, hosts in (((), {"default", "other"}), (("-n", "other"), {"other"}),
                        (("-n", "nowhere"), set()), (("-A",), {"default", "other"}),
                        (("-n", "other", "-A"), {"default", "other"})):
        found = {s["host"].split(".")[1] for s in m.json("services", *argv)["services"]}
        assert found - {"example"} == hosts, (argv, found)
        got = {o["namespace"] for o in m.json("get", "svc", *argv)["objects"]}
        assert got == hosts, (argv, got)
    p = m.shunt("get", "vs", "nothing", check=False)
    assert p.returncode == 1 and "nothing" in p.stderr, p
    assert m.shunt("get", "frob", check=False).returncode == 1
    for argv in (("vs", "web"), ("se", "se.example.com"), ("we", "vm"), ("-n", "other", "svc",
                                                                          "web")):
        assert m.shunt("delete", *argv).stdout.endswith(" deleted\n")


# Weights that move.

def weights(m):
    got = m.json("get", "vs", "web")["objects"][0]["object"]["spec"]["tcp"][0]["route"]
    return {d["destination"].get("subset"): d["weight"] for d in got}


def test_shift_sets_exactly_the_weights(m):
    m.apply(split(v1=75, v2=25))
    p = m.shunt("shift", "web", "v1=30", "v2=70")
    assert "was: v1 75.0%, v2 25.0%" in p.stdout and "now: v1 30.0%, v2 70.0%" in p.stdout
    assert weights(m) == {"v1": 30, "v2": 70} and shares(m) == {"v1": 3, "v2": 7}
    target = objects.targets(m, "web")[0]
    assert m.client(target, http="/", count=100)["by_version"] == {"v1": 30, "v2": 70}
    m.shunt("shift", "web.default.svc.cluster.local", "web/v2=30")
    assert weights(m) == {"v1": 30, "v2": 30}
    for argv in (("web", "v9=1"), ("nowhere", "v1=1"), ("web", "v1=1", "--route", "7"),
                 ("web", "v1=0", "v2=0"), ("web", "-n", "other", "v1=1"),
                 ("web", "elsewhere/v1=1")):
        p = m.shunt("shift", *argv, check=False)
        assert p.returncode == 1 and p.stderr, (argv, p)
        assert weights(m) == {"v1": 30, "v2": 30}
    m.shunt("delete", "vs", "web")


def test_shift_to_a_new_subset_leaves_a_missing_weight_0(m):
    one = objects.split("web", {"v1": 0, "v2": 100})
    del one["spec"]["tcp"][0]["route"][0]["weight"]
    rule = objects.rule("web", ["v1", "v2", "v3"])
    rule["spec"]["subsets"][2]["labels"]["version"] = "v2"
    m.apply(objects.text(rule, one))
    p = m.shunt("shift", "web", "v3=100")
    assert "now: v1 0.0%, v2 50.0%, v3 50.0%" in p.stdout, p.stdout
    assert shares(m) == {"v2": 1, "v3": 1}
    m.shunt("delete", "vs", "web")
    m.apply(objects.text(objects.rule("web", ["v1", "v2"])))


def test_shift_over_time_ends_exactly_at_the_weights(m):
    m.apply(split(v1=100, v2=0))
    p = m.shunt("shift", "web", "v1=1", "v2=2", "--over", "2s")
    # what was counted before the shift is not counted as its effect
    assert p.stdout == "v1 66.7%, v2 33.3%\nv1 33.3%, v2 66.7%\n", p.stdout
    assert weights(m) == {"v1": 1, "v2": 2}
    lines = m.shunt("shift", "web", "v2=0", "--over", "1s", "-o", "json").stdout.splitlines()
    steps = [json.loads(line) for line in lines]
    assert [w["weight"] for w in steps[-1]["after"]] == [1, 0], steps
    assert weights(m) == {"v1": 1, "v2": 0}
    m.apply(split(v1=1))
    m.shunt("shift", "web", "v1=60", "v2=40", "--over", "1s")
    assert weights(m) == {"v1": 60, "v2": 40}
    m.shunt("delete", "vs", "web")


def test_shift_over_time_that_is_interrupted_stops_where_it_is(m):
    m.apply(split(v1=100, v2=0))
    with subprocess.Popen([mesh.SHUNT, "shift", "--root", m.root, "web", "v1=0", "v2=100",
                           "--over", "1h"], stdout=subprocess.PIPE) as p:
        mesh.wait_for(lambda: weights(m)["v2"], what="the first step")
        p.terminate()
    assert weights(m) == {"v1": 950, "v2": 50}
    m.shunt("delete", "vs", "web")


if __name__ == "__main__":
    mesh.run_tests()

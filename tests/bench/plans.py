# SPDX-License-Identifier: GPL-2.0
"""Rows about configuration: what reading, planning and changing 10,000 hosts' rules costs."""
import os
import tempfile
import time

import mesh
import rules
from figures import Result
from scale import run_ms

VALIDATIONS = 7
CHANGES = 40


def validate_once(folder):
    """Seconds and MiB at the peak of `shunt validate`."""
    begin = time.monotonic()
    null = [(os.POSIX_SPAWN_OPEN, n, "/dev/null", os.O_WRONLY, 0) for n in (1, 2)]
    argv = [mesh.SHUNT, "validate", "-f", folder]
    pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    took = time.monotonic() - begin
    assert os.waitstatus_to_exitcode(status) == 0, f"exit {status}: {' '.join(argv)}"
    return took, usage.ru_maxrss / 1024


def validate_10k(runs):
    took = Result("validate_10k", "validate 10,000 VirtualServices of 10.5 routes and as many "
                  "DestinationRules", unit=" s", most=1.5, noise=15)
    peak = Result("validate_10k_rss", "its peak", unit=" MiB", most=200, noise=5)
    growth = Result("validate_growth", "time for 10,000 hosts / for 1,000", most=11, noise=15)
    with tempfile.TemporaryDirectory(prefix="shunt-bench-") as folder:
        few, many = os.path.join(folder, "few"), os.path.join(folder, "many")
        for path, hosts in ((few, 1000), (many, 10000)):
            os.mkdir(path)
            took.note = f"{rules.write(path, hosts, rules.rules) / 1e6:.0f} MB of YAML"
        for _ in range(runs):
            base = validate_once(few)[0]
            seconds, mib = validate_once(many)
            took.values.append(seconds)
            peak.values.append(mib)
            growth.values.append(seconds / base)
    return [took, peak, growth]


def changes_ms(hosts, changes, proxy="off"):
    """ms of `shunt diff` and of `shunt apply`, each of one VirtualService whose weights differ."""
    diffs, applies = [], []
    with mesh.Mesh(agent=False, agent_arguments=["--proxy", proxy]) as m:
        rules.write(m.config, hosts, rules.services)
        applied = os.path.join(m.folder, "applied")
        os.mkdir(applied)
        rules.write(applied, hosts, rules.rules)
        m.start_agent()
        mesh.run(mesh.SHUNT, "apply", "--root", m.root, "-f", applied, timeout=300)
        files = []
        for first in (75, 50):
            files.append(os.path.join(m.folder, f"weight-{first}.yaml"))
            with open(files[-1], "w", encoding="utf-8") as f:
                f.write(rules.virtual_service(9, first))
        for n in range(changes):
            argv = ["--root", m.root, "-f", files[1 - n % 2]]
            diffs.append(run_ms([mesh.SHUNT, "diff"] + argv, 1))
            applies.append(run_ms([mesh.SHUNT, "apply"] + argv))
        assert m.status()["hosts"] == hosts, m.status()
    return diffs, applies


def plan_10k(changes):
    diff = Result("plan_10k_diff", "shunt diff of one VirtualService among 10,000, exec to return",
                  unit=" ms", most=20, noise=15)
    apply = Result("plan_10k_apply", "shunt apply of it: planned, in force, and kept", unit=" ms",
                   most=20, noise=15)
    both = Result("plan_10k", "the slower of both", unit=" ms", most=20, noise=15)
    growth = Result("plan_growth", "the same, among 10,000 / among 1,000", most=11, noise=15)
    few = changes_ms(1000, changes)
    diff.values, apply.values = changes_ms(10000, changes)
    slower = max((diff, apply), key=lambda r: r.value)
    both.values = slower.values
    base = sorted(few[(diff, apply).index(slower)])[changes // 2]
    growth.values = [ms / base for ms in slower.values]
    proxied = Result("plan_10k_proxied", "the apply with the proxy, which gets the part of one host",
                     unit=" ms", most=20, noise=15)
    proxied.values = changes_ms(10000, changes // 4, "on")[1]
    return [diff, apply, both, growth, proxied]


def run(_ground, _stack, wanted, _rounds):
    results = []
    if wanted("validate_10k"):
        results += validate_10k(VALIDATIONS)
    if wanted("plan_10k"):
        results += plan_10k(CHANGES)
    return results, []

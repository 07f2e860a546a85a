#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Nothing on the path needs the agent: it dies, connections go on exactly, it comes back, and
`unload` leaves nothing."""
import contextlib
import json
import os
import re
import socket

import mesh

TARGET = "10.96.211.1:80"
WEIGHTS = {"v1": 3, "v2": 1}


def objects():
    text = mesh.example("echo.yaml").replace("75", "3").replace("25", "1")
    return text.replace("  selector:\n    app: echo\n  ports:",
                        "  clusterIP: 10.96.211.1\n  selector:\n    app: echo\n  ports:", 1)


@contextlib.contextmanager
def fixture():
    with mesh.Mesh(objects()) as m:
        yield m


def off_by(tally):
    total = sum(WEIGHTS.values())
    return max(abs(tally["by_version"].get(v, 0) - tally["ok"] * w / total)
               for v, w in WEIGHTS.items())


def read_log(path):
    with open(path, encoding="utf-8") as f:
        return [line.split() for line in f]


def our_objects(root):
    """Programs, links and maps that are pinned below this root or were."""
    pins = f"/sys/fs/bpf/{root}"
    return os.listdir(pins) if os.path.isdir(pins) else []


def nr_links():
    with open(os.path.join(mesh.TREE, "user/datapath/load.h"), encoding="utf-8") as f:
        return int(re.search(r"#define NR_LINKS (\d+)", f.read())[1])


def ids(kind):
    return {row["id"]: row for row in json.loads(mesh.run("bpftool", "-j", kind, "show").stdout)}


def test_killed_under_load_not_one_connection_fails(m):
    log = os.path.join(m.folder, "load.log")
    load = m.spawn(TARGET, duration=60, parallel=4, procs=2, log=log, http="/")
    mesh.wait_for(lambda: os.path.exists(log) and len(read_log(log)) > 200, 20, "load")
    m.kill_agent()
    dead_from = len(read_log(log))
    mesh.wait_for(lambda: len(read_log(log)) > dead_from + 2000, 30, "load beside a dead agent")
    m.start_agent()
    back_from = len(read_log(log))
    mesh.wait_for(lambda: len(read_log(log)) > back_from + 500, 30, "load after adoption")
    load.terminate()
    load.communicate(timeout=30)
    rows = read_log(log)
    assert [r for r in rows if r[2] != "ok"] == [], "failed connections"
    count = {"ok": len(rows), "by_version": {}}
    for row in rows:
        count["by_version"][row[4]] = count["by_version"].get(row[4], 0) + 1
    # what was in flight when the load was ended has a place in the order and no line in the log
    assert off_by(count) < 1 + 8, count


def test_the_split_is_exact_while_the_agent_is_dead_and_goes_on_where_it_was(m):
    order = [v for _, v in m.client(TARGET, count=101, print_sequence=True, http="/")["sequence"]]
    m.kill_agent()
    order += [v for _, v in m.client(TARGET, count=102, print_sequence=True, http="/")["sequence"]]
    m.start_agent()
    order += [v for _, v in m.client(TARGET, count=103, print_sequence=True, http="/")["sequence"]]
    # every window of one round has each version exactly as often as its weight says
    for i in range(len(order) - 3):
        assert order[i:i + 4].count("v1") == 3, (i, order[i:i + 4])


def test_established_connections_outlive_the_agent(m):
    with m.hold(TARGET, count=20, http="/") as held:
        m.kill_agent()
        assert held.process.poll() is None
        m.start_agent()
        active = sum(c["active"] for c in m.json("clusters")["clusters"])
        assert active == 20, active
    mesh.wait_for(lambda: sum(c["active"] for c in m.json("clusters")["clusters"]) == 0, 10)


def test_status_says_how_many_sockets_are_older_than_the_programs():
    with mesh.Mesh(objects(), agent=False) as m:
        before = socket.create_server(("127.0.0.1", 0))
        clients = [socket.create_connection(before.getsockname()) for _ in range(3)]
        m.start_agent()
        older = m.status()["older_sockets"]
        assert older >= 6, older  # both ends of each
        for c in clients:
            c.close()
        before.close()


def test_a_second_agent_on_the_same_root_is_refused(m):
    p = m.shunt("agent", "--config", m.config, "--state", m.state, "--cgroup", m.cgroup,
                "--metrics", "127.0.0.1:0", check=False)
    assert p.returncode == 1
    assert str(m.agent.pid) in p.stderr, p.stderr


def test_unload_is_refused_while_an_agent_runs(m):
    p = m.shunt("unload", check=False)
    assert p.returncode == 1 and "--force" in p.stderr, p.stderr
    assert our_objects(m.root)


def attached(root):
    """Id -> name of the programs that links of this root hold. Other tests have their own."""
    folder = f"/sys/fs/bpf/{root}"
    names = ids("prog")
    links = [json.loads(mesh.run("bpftool", "-j", "link", "show", "pinned", f"{folder}/{n}").stdout)
             for n in our_objects(root) if n.startswith("link_")]
    return {link["prog_id"]: names[link["prog_id"]].get("name") for link in links}


def pinned_maps(root):
    folder = f"/sys/fs/bpf/{root}"
    shown = [mesh.run("bpftool", "-j", "map", "show", "pinned", f"{folder}/{n}", check=False)
             for n in our_objects(root)]
    return {json.loads(p.stdout)["id"] for p in shown if not p.returncode}


def test_load_without_an_agent_then_unload_leaves_nothing():
    with mesh.Mesh("", agent=False) as m:
        m.shunt("load", "--cgroup", m.cgroup)
        programs, maps = attached(m.root), pinned_maps(m.root)
        assert len(programs) == nr_links(), programs
        assert {"connect4", "connect6", "tcp_life", "sock_release"} <= set(programs.values())
        assert len(maps) > 20, maps
        m.shunt("load", "--cgroup", m.cgroup)  # adopts: no second set
        assert attached(m.root) == programs and pinned_maps(m.root) == maps
        m.shunt("unload")
        assert our_objects(m.root) == []
        mesh.wait_for(lambda: not programs.keys() & ids("prog").keys(), 10, "programs are gone")
        mesh.wait_for(lambda: not maps & ids("map").keys(), 10, "maps are gone")
        p = m.shunt("unload", check=False)
        assert p.returncode == 0 and "nothing was loaded" in p.stdout + p.stderr


@contextlib.contextmanager
def memory_cgroup(limit):
    """A cgroup with that many bytes of memory; v1 or v2, whichever has the controller."""
    for mount, file in (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
                        (mesh.cgroup2_mount(), "memory.max")):
        path = os.path.join(mount, f"shunt-memory-{os.getpid()}")
        with contextlib.suppress(OSError):
            os.mkdir(path)
            if os.path.exists(os.path.join(path, file)):
                with open(os.path.join(path, file), "w", encoding="ascii") as f:
                    f.write(str(limit))
                try:
                    yield path
                finally:
                    mesh.wait_for(lambda: not open(path + "/cgroup.procs").read(), 10)
                    os.rmdir(path)
                return
            os.rmdir(path)
    raise mesh.Skip("no memory controller")


def test_a_memory_limit_on_the_agent_is_none_on_the_nodes_connections():
    """The maps take 50 MB and each connection a record; neither is charged to who loads."""
    with memory_cgroup(32 << 20) as limited, mesh.Mesh("", agent=False) as m:
        release = os.path.join(os.path.dirname(mesh.SHUNT), "..", "shunt")
        shunt = release if os.path.exists(release) else mesh.SHUNT  # ASan needs more by itself
        mesh.run("sh", "-c", f'echo $$ > {limited}/cgroup.procs && exec "$@"', "sh", shunt, "load",
                 "--root", m.root, "--cgroup", m.cgroup)
        assert len([n for n in our_objects(m.root) if n.startswith("link_")]) == nr_links()
        mesh.run(shunt, "unload", "--root", m.root)


def test_unload_with_connections_open_leaves_them_alone():
    with mesh.Mesh(objects()) as m:
        held = m.hold(TARGET, count=5, http="/")
        m.shunt("unload", "--force")
        assert our_objects(m.root) == []
        assert held.process.poll() is None
        held.close()


if __name__ == "__main__":
    mesh.run_tests()

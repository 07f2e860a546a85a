#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What the agent cannot take it refuses with a sentence, and the last good plan keeps running."""
import contextlib
import glob
import os
import re
import shutil
import sys
import tempfile

import mesh
import objects

NOBODY = 65534
GOOD = "10.96.240.1:80"


def good(host="good.example.com", address="10.96.240.1", **weights):
    weights = weights or {"v1": 1, "v2": 1}
    return objects.text(
        objects.entry(host, address, [("127.0.0.1", 9, {"version": "v1"}),
                                      ("127.0.0.1", 10, {"version": "v2"})]),
        objects.rule(host, ["v1", "v2"]), objects.split(host, weights))


@contextlib.contextmanager
def fixture():
    """A mesh whose folder has a good file, and which steers by it."""
    with mesh.Mesh(good()) as m:
        yield m


def shares(m, host="good.example.com"):
    return [{s["subset"]: s["weight"] for s in one["splits"]}
            for one in m.json("services")["services"] if one["host"] == host]


def assert_runs(m, host="good.example.com", **weights):
    """By this agent's plan, and in the kernel: the connection is steered, though nobody listens."""
    assert m.agent.poll() is None, "the agent ended"
    assert shares(m, host) == [weights or {"v1": 1, "v2": 1}]
    before = m.status()["counters"]["steered"]
    m.client(GOOD, count=2)
    assert m.status()["counters"]["steered"] == before + 2


def files_rejected(m):
    return {r["place"].split(".yaml")[0].rsplit("/", 1)[1] for r in m.status()["rejected"]}


@contextlib.contextmanager
def hostile_files():
    with tempfile.TemporaryDirectory(prefix="shunt-test-") as folder:
        mesh.run(sys.executable, os.path.join(mesh.TREE, "tests", "e2e", "hostile.py"), folder)
        yield {status: sorted(glob.glob(f"{folder}/{status}/*.yaml")) for status in (0, 1)}


def place(m, path, name=None):
    """Puts a file into the folder at once."""
    new = os.path.join(m.config, ".new")
    shutil.copy(path, new)
    os.rename(new, os.path.join(m.config, name or os.path.basename(path)))


def test_hostile_files_in_the_folder_are_listed_and_change_nothing(m):
    with hostile_files() as paths:
        names = {os.path.basename(path).removesuffix(".yaml") for path in paths[1]}
        for path in paths[1]:
            place(m, path)
        mesh.wait_for(lambda: names <= files_rejected(m), 60, "each file is listed")
        assert_runs(m)
        for path in paths[1]:
            os.unlink(os.path.join(m.config, os.path.basename(path)))
    mesh.wait_for(lambda: not m.status()["rejected"], 30, "nothing is listed")
    assert_runs(m)


def test_a_file_that_turns_hostile_keeps_its_last_good_version(m):
    host = "victim.example.com"
    with hostile_files() as paths:
        by_name = {os.path.basename(path).removesuffix(".yaml"): path for path in paths[1]}
        for name in ("NUL bytes", "an alias bomb", "bytes that are no UTF-8", "noise",
                     "an open quote", "a quoted scalar of 10 MB", "100,000 lists in flow",
                     "64 MiB and one"):
            m.write("victim.yaml", good(host, "10.96.240.2", v1=1))
            mesh.wait_for(lambda: shares(m, host) == [{"v1": 1}] and not m.status()["rejected"])
            place(m, by_name[name], "victim.yaml")
            mesh.wait_for(lambda: files_rejected(m) == {"victim"}, what=f"{name} is listed")
            assert shares(m, host) == [{"v1": 1}], name
            assert_runs(m)
    m.remove("victim.yaml")
    mesh.wait_for(lambda: not shares(m, host))


# A route of weights that add up to 10,000 takes 157 of the 65,536 schedule blocks.
TOO_MANY = 65536 // 157 + 1


def large(count):
    """So many services that share endpoints, each with a split of its own."""
    parts = [objects.entry("many.example.com", "10.96.241.0", [("10.9.9.1", 1, {"version": "v1"}),
                                                               ("10.9.9.2", 1,
                                                                {"version": "v2"})])]
    entry = parts[0]
    names = [f"h{i}.example.com" for i in range(count)]
    parts = [{**entry, "metadata": {"name": name}, "spec": {
        **entry["spec"], "hosts": [name], "addresses": [f"10.96.{242 + i // 250}.{i % 250 + 1}"]}}
             for i, name in enumerate(names)]
    parts += [objects.rule(name, ["v1", "v2"]) for name in names]
    parts += [objects.split(name, {"v1": 1, "v2": 9999}) for name in names]
    return objects.text(*parts)


def test_a_plan_past_a_maps_capacity_is_refused_whole(m):
    before = m.status()
    text = large(TOO_MANY)
    p = m.apply(text, check=False)
    limit = "needs more schedule records than the 65536 of the kernel maps"
    assert p.returncode == 1 and re.search(rf"ServiceEntry/default/h\d+\S*: port 80 {limit}",
                                           p.stderr), p.stderr[-2000:]
    assert m.status()["objects"] == before["objects"]
    assert_runs(m)
    m.write("large.yaml", text)
    status = mesh.wait_for(lambda: m.status()["waiting"] and m.status(), 30)
    assert limit in status["refused"][0]["text"], status["refused"]
    assert re.match("ServiceEntry/default/h", status["refused"][0]["path"]), status["refused"]
    assert status["objects"] == before["objects"] and status["plan"] == status["kernel_plan"]
    assert "refused plan" in m.shunt("status").stdout
    assert_runs(m)
    m.write("large.yaml", large(TOO_MANY // 2))
    mesh.wait_for(lambda: not m.status()["waiting"] and shares(m, "h0.example.com"), 30)
    assert m.status()["refused"] == []
    m.remove("large.yaml")
    mesh.wait_for(lambda: not shares(m, "h0.example.com"), 30)
    assert_runs(m)


def test_an_apply_before_anything_is_in_force_keeps_what_the_kernel_does():
    limit = "needs more schedule records than the 65536 of the kernel maps"
    with mesh.Mesh(good()) as m:
        other = objects.text(objects.entry("other.example.com", "10.96.240.9", []))
        m.apply(objects.text(objects.entry("applied.example.com", "10.96.240.8", [])))
        assert m.stop_agent() == 0
        m.write("large.yaml", large(TOO_MANY))
        m.start_agent()
        assert m.status()["waiting"]
        steered = m.status()["counters"]["steered"]
        p = m.apply(other, check=False)
        assert p.returncode == 1 and limit in p.stderr, p.stderr[-2000:]
        m.client(GOOD, count=2)
        assert m.status()["counters"]["steered"] == steered + 2
        m.remove("large.yaml")
        mesh.wait_for(lambda: not m.status()["waiting"], 30)
        assert_runs(m)


def assert_one_sentence(p, *words):
    assert p.returncode == 1 and not p.stdout, p
    assert len(p.stderr.splitlines()) == 1 and all(word in p.stderr for word in words), p.stderr


def test_without_root_load_and_agent_say_so(m):
    with tempfile.TemporaryDirectory(prefix="shunt-test-") as folder:
        os.chmod(folder, 0o755)
        binary = shutil.copy(mesh.SHUNT, folder)
        root = m.root + "-u"
        for command, words in ((("load",), "root"), (("unload",), "root"),
                               (("agent", "--config", folder, "--state", folder + "/state"),
                                "root")):
            p = mesh.run(binary, *command, "--root", root, check=False, user=NOBODY, group=NOBODY,
                         extra_groups=[], cwd="/")
            assert_one_sentence(p, words)
    assert_runs(m)


def test_what_is_no_cgroup2_folder_is_refused(m):
    root = m.root + "-c"
    for cgroup in ("/tmp", "/nowhere", "/dev/null"):
        for command in (("load",), ("agent", "--config", "/nowhere", "--state", m.folder + "/s")):
            p = mesh.run(mesh.SHUNT, *command, "--root", root, "--cgroup", cgroup, check=False)
            assert_one_sentence(p, cgroup)
            assert not os.path.exists(f"/sys/fs/bpf/{root}")
    mesh.run(mesh.SHUNT, "unload", "--root", root)  # the lock of an agent that did not start
    assert_runs(m)


# The state folder.

class StateMesh(mesh.Mesh):
    """Without an agent at first; its state folder lies on a small disk."""

    def __init__(self):
        super().__init__(agent=False)

    def _make(self):
        super()._make()
        mesh.run("mount", "-t", "tmpfs", "-o", "size=256k,mode=700", "shunt-test", self.state)

    def _end_folder(self):
        if self.folder and os.path.ismount(self.state):
            mesh.run("umount", "-l", self.state)
        super()._end_folder()


def state_files(m):
    return sorted(os.listdir(os.path.join(m.state, "objects")))


def fill(m):
    path = os.path.join(m.state, "fill")
    with open(path, "wb", buffering=0) as f, contextlib.suppress(OSError):
        while True:
            f.write(b"x" * 4096)
    return path


def test_a_full_disk_refuses_an_apply_and_keeps_what_is_in_force():
    with StateMesh() as m:
        m.start_agent()
        m.apply(good())
        files, before = state_files(m), m.status()["plan"]
        filled = fill(m)
        new = objects.text(objects.service("one", "one"), objects.service("two", "two"))
        for argv, text in ((("apply", "-f", "-"), new), (("apply", "-f", "-"), good(v1=1)),
                           (("shift", "good.example.com", "v1=9", "v2=1"), None)):
            p = m.shunt(*argv, check=False, input=text)
            assert p.returncode == 1 and "No space left" in p.stderr, (argv, p)
            assert m.status()["plan"] == before and state_files(m) == files, argv
            assert_runs(m)
        m.kill_agent()
        m.start_agent()
        assert state_files(m) == files
        assert_runs(m)
        os.unlink(filled)
        m.apply(good(v1=1, v2=3))
        assert_runs(m, v1=1, v2=3)
        fill(m)
        assert m.shunt("delete", "vs", "good.example.com").stdout.endswith(" deleted\n")


def test_a_state_folder_that_cannot_be_written_refuses_an_apply():
    with StateMesh() as m:
        m.start_agent()
        m.apply(good())
        mesh.run("mount", "-o", "remount,ro", m.state)
        p = m.apply(good(v1=1), check=False)
        assert p.returncode == 1 and "Read-only file system" in p.stderr, p
        assert_runs(m)
        p = m.shunt("delete", "vs", "good.example.com", check=False)
        assert p.returncode == 1 and "Read-only file system" in p.stderr, p
        m.kill_agent()
        m.start_agent()
        assert_runs(m)
        assert m.stop_agent() == 0
        mesh.run("mount", "-o", "remount,rw", m.state)


def test_an_agent_whose_state_folder_cannot_be_made_says_so_and_ends():
    with mesh.Mesh(agent=False) as m:
        os.rmdir(m.state)
        with open(m.state, "wb"):
            pass
        m.start_agent(wait=False)
        assert m.agent.wait(30) == 1
        with open(m.log, encoding="utf-8") as f:
            lines = f.read().splitlines()
        assert len(lines) == 1 and m.state in lines[0] and "Not a directory" in lines[0], lines


def test_a_corrupt_state_file_is_listed_while_the_others_go_on():
    with mesh.Mesh() as m:
        m.apply(good())
        m.apply(good("more.example.com", "10.96.240.3", v2=1))
        assert m.stop_agent() == 0
        inner = os.path.join(m.state, "objects")
        name = "VirtualService.default.more.example.com.json"
        assert name in os.listdir(inner)
        for text in (b"", b"{", b"\0" * 4096, b"[]", b'{"kind": "VirtualService"}', b"\xff\xfe"):
            with open(os.path.join(inner, name), "wb") as f:
                f.write(text)
            m.start_agent()
            rejected = m.status()["rejected"]
            assert rejected and all(r["place"].startswith(f"{inner}/{name}")
                                    for r in rejected), (text, rejected)
            assert_runs(m)
            assert shares(m, "more.example.com") == [{"": 1}]
            assert m.stop_agent() == 0
        with open(os.path.join(m.state, "addresses"), "wb") as f:
            f.write(b"\xff\0nonsense\n" * 100)
        m.start_agent()
        m.apply(good("more.example.com", "10.96.240.3", v2=1))
        assert shares(m, "more.example.com") == [{"v2": 1}] and m.status()["rejected"] == []
        assert_runs(m)


def test_a_config_folder_may_come_later():
    with mesh.Mesh(agent=False) as m:
        os.rmdir(m.config)
        m.start_agent()
        assert m.status()["services"] == 0
        os.mkdir(m.config)
        m.write("good.yaml", good())
        mesh.wait_for(lambda: shares(m))
        assert_runs(m)


if __name__ == "__main__":
    mesh.run_tests()

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The config folder is followed: whole files only, faults kept out, changes under load unnoticed."""
import contextlib
import os
import signal

import yaml

import load
import mesh
import objects


@contextlib.contextmanager
def fixture():
    """Two pods of each version of the app `web`."""
    with mesh.Mesh(pods=objects.text(*(objects.deployment("web", v, 2, (8080, 9090))
                                       for v in ("v1", "v2")))) as m:
        yield m


def host_text(host, weights):
    return objects.text(objects.service(host, "web"), objects.rule(host, ["v1", "v2"]),
                        objects.split(host, weights))


def versions(m, target):
    """The versions of twelve connections, {version: number}."""
    return m.client(target, http="/", count=12)["by_version"]


def wait_target(m, host):
    return mesh.wait_for(lambda: objects.find(m, host), what=f"{host} is in force")[0]


def wait_versions(m, target, wanted):
    mesh.wait_for(lambda: versions(m, target) == wanted, what=f"{target} is split {wanted}")


def wait_gone(m, host):
    mesh.wait_for(lambda: not objects.find(m, host), what=f"{host} is gone")


def synchronize(m):
    """Returns when all that happened to the folder before has been looked at."""
    m.write("last.yaml", objects.text(objects.service("last", "web")))
    wait_target(m, "last")
    m.remove("last.yaml")
    wait_gone(m, "last")


def test_a_half_written_file_never_takes_effect(m):
    m.write("half.yaml", host_text("half", {"v1": 1}))
    target = wait_target(m, "half")
    text = host_text("half", {"v2": 50, "v1": 50})
    # cut here it is well-formed and would send all to v2
    end = text.index("- destination", text.index("v2", text.index("VirtualService")))
    with open(os.path.join(m.config, "half.yaml"), "w", encoding="utf-8") as f:
        for part in (text[:end], text[end:-30]):
            f.write(part)
            f.flush()
            # the agent reads all files again, this one too were it not for its writer
            m.agent.send_signal(signal.SIGHUP)
            synchronize(m)
            assert versions(m, target) == {"v1": 12}
        f.write(text[-30:])
    wait_versions(m, target, {"v1": 6, "v2": 6})
    assert m.status()["rejected"] == []
    m.remove("half.yaml")
    wait_gone(m, "half")


def test_a_new_file_counts_when_it_is_closed(m):
    with open(os.path.join(m.config, "fresh.yaml"), "w", encoding="utf-8") as f:
        f.write(objects.text(objects.service("fresh", "web")))
        f.flush()
        synchronize(m)
        assert not objects.find(m, "fresh")
    wait_target(m, "fresh")
    m.remove("fresh.yaml")
    wait_gone(m, "fresh")


def publish(m, number, files):
    """As a ConfigMap's volume changes: a new folder, then one rename of the link to it."""
    folder = os.path.join(m.config, f"..{number}")
    os.mkdir(folder)
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    link = os.path.join(m.config, "..data")
    os.symlink(f"..{number}", link + "_tmp")
    os.rename(link + "_tmp", link)
    for name in files:
        if not os.path.lexists(os.path.join(m.config, name)):
            os.symlink(f"..data/{name}", os.path.join(m.config, name))


def test_a_volumes_link_that_moves_is_followed_under_load(m):
    more = objects.text(objects.service("volume-more", "web"))
    publish(m, 1, {"volume.yaml": host_text("volume", {"v1": 1}), "more.yaml": more})
    target = wait_target(m, "volume")
    wait_target(m, "volume-more")
    with load.Load(m, target) as run:
        for number in range(2, 8):
            version = ("v1", "v2")[number % 2]
            publish(m, number, {"volume.yaml": host_text("volume", {version: 1})})
            os.unlink(os.path.join(m.config, f"..{number - 1}", "volume.yaml"))
            wait_versions(m, target, {version: 12})
        load.assert_none_failed(run.end())
    # more.yaml leads nowhere since the first move
    wait_gone(m, "volume-more")
    for name in ("volume.yaml", "more.yaml", "..data"):
        os.unlink(os.path.join(m.config, name))
    wait_gone(m, "volume")


def line_of(text, kind, nth=1):
    """Of the first key of the nth object of that kind."""
    at = -1
    for _ in range(nth):
        at = text.index(f"kind: {kind}", at + 1)
    return text[:at].count("\n")


def test_a_faulty_object_keeps_its_last_good_version_while_others_go_on(m):
    def text(first, second):
        return host_text("good", first) + host_text("bad", second)

    m.write("both.yaml", text({"v1": 1}, {"v1": 1}))
    good, bad = wait_target(m, "good"), wait_target(m, "bad")
    faulty = text({"v2": 1}, {"v2": -7})
    m.write("both.yaml", faulty)
    wait_versions(m, good, {"v2": 12})
    assert versions(m, bad) == {"v1": 12}
    rejected = m.status()["rejected"]
    assert [r["object"] for r in rejected] == ["VirtualService/default/bad"], rejected
    path, line, _ = rejected[0]["place"].rsplit(":", 2)
    assert path == os.path.join(m.config, "both.yaml") and rejected[0]["kept"], rejected
    assert faulty.splitlines()[int(line) - 1].endswith("-7"), rejected
    assert f"both.yaml:{line}" in m.shunt("status").stdout
    m.write("both.yaml", text({"v1": 1}, {"v2": 1}))
    wait_versions(m, bad, {"v2": 12})
    assert m.status()["rejected"] == [] and versions(m, good) == {"v1": 12}
    m.remove("both.yaml")
    wait_gone(m, "bad")


def test_a_faulty_object_that_never_was_good_is_absent_and_listed(m):
    text = host_text("new", {"v1": 1, "v2": -1})
    m.write("new.yaml", text)
    target = wait_target(m, "new")
    assert set(m.client(target, http="/", count=100)["by_version"]) == {"v1", "v2"}
    rejected = m.status()["rejected"]
    assert [(r["object"], r["kept"]) for r in rejected] == [("VirtualService/default/new", False)]
    m.remove("new.yaml")
    wait_gone(m, "new")
    assert m.status()["rejected"] == []


def test_a_file_that_is_no_yaml_keeps_what_it_was(m):
    m.write("noise.yaml", host_text("noise", {"v1": 1}))
    target = wait_target(m, "noise")
    m.write("noise.yaml", "kind: [VirtualService\n")
    mesh.wait_for(lambda: m.status()["rejected"])
    synchronize(m)
    assert versions(m, target) == {"v1": 12}
    place = m.status()["rejected"][0]["place"]
    assert place.startswith(os.path.join(m.config, "noise.yaml:")), place
    m.remove("noise.yaml")
    wait_gone(m, "noise")


def test_a_removed_or_renamed_file_takes_its_objects_along(m):
    m.write("rest.yaml", objects.text(objects.service("stays", "web")))
    m.write("goes.yaml", objects.text(objects.rule("stays", ["v1", "v2"]),
                                      objects.split("stays", {"v1": 1})))
    target = wait_target(m, "stays")
    wait_versions(m, target, {"v1": 12})
    path = os.path.join(m.config, "goes.yaml")
    for away, back in ((path + ".off", path), (os.path.join(m.folder, "goes"), path)):
        os.rename(path, away)
        mesh.wait_for(lambda: set(versions(m, target)) == {"v1", "v2"})
        assert m.status()["objects"]["VirtualService"] == 0
        os.rename(away, back)
        wait_versions(m, target, {"v1": 12})
    os.unlink(path)
    mesh.wait_for(lambda: m.status()["objects"]["VirtualService"] == 0)
    m.remove("rest.yaml")
    wait_gone(m, "stays")


def test_a_save_as_vim_does_it_is_never_a_removal(m):
    path = os.path.join(m.config, "vim.yaml")
    m.write("vim.yaml", host_text("vim", {"v1": 2, "v2": 1}))
    target = wait_target(m, "vim")
    wait_versions(m, target, {"v1": 8, "v2": 4})
    with load.Load(m, target) as run:
        for number in range(5):
            os.rename(path, path + "~")
            run.wait(20)
            with open(path, "w", encoding="utf-8") as f:
                f.write(host_text("vim", {"v1": 2, "v2": 1}))
                run.wait(100)
            os.unlink(path + "~")
            synchronize(m)
            assert target in objects.find(m, "vim"), number
        load.assert_none_failed(run.end())
    rows = run.rows()
    assert {row[2] for row in rows} == {"ok"}, rows[:3]
    versions_seen = [row[4] for row in rows]
    assert all(sorted(versions_seen[i:i + 3]) == ["v1", "v1", "v2"]
               for i in range(0, len(rows) - 3, 3)), versions_seen[:30]
    m.remove("vim.yaml")
    wait_gone(m, "vim")


def test_an_object_of_the_folder_is_changed_only_there(m):
    text = host_text("owned", {"v1": 1})
    m.write("owned.yaml", text)
    target = wait_target(m, "owned")
    wait_versions(m, target, {"v1": 12})
    place = f"{m.config}/owned.yaml:{line_of(text, 'VirtualService')}"
    other = objects.split("owned", {"v2": 1})
    new = objects.service("beside", "web")
    for argv, given in ((("apply", "-f", "-"), objects.text(new, other)),
                        (("delete", "-f", "-"), objects.text(other)),
                        (("delete", "vs", "owned"), None),
                        (("shift", "owned", "v1=1", "v2=1"), None)):
        p = m.shunt(*argv, check=False, input=given)
        assert p.returncode == 1 and place in p.stdout + p.stderr, (place, p)
        assert versions(m, target) == {"v1": 12}
    assert not objects.find(m, "beside")
    m.remove("owned.yaml")
    wait_gone(m, "owned")


# Services and pods that change in the config folder.

def change_pods(m, changes):
    """Writes pods.yaml with `changes`: {name: function of the pod}."""
    pods = list(yaml.safe_load_all(m.pods.yaml))
    for pod in pods:
        changes.get(pod["metadata"]["name"], lambda _: None)(pod)
    m.write("pods.yaml", objects.text(*pods))


def not_ready(pod):
    pod["status"]["conditions"][0]["status"] = "False"


def now_v1(pod):
    pod["metadata"]["labels"]["version"] = "v1"


def now_other(pod):
    pod["metadata"]["labels"]["app"] = "other"


def test_pods_and_services_that_change_under_load_are_followed(m):
    subset = objects.text(objects.rule("followed", ["v1", "v2"]),
                          objects.split("followed", {"v1": 1}))
    m.write("followed.yaml", objects.text(objects.service("followed", "web")) + subset)
    target = mesh.wait_for(lambda: objects.find(m, "followed"))[0]

    def reached():
        return set(m.client(target, http="/", count=40)["by_pod"])

    def service(app, **more):
        return lambda: m.write("followed.yaml", objects.text(
            objects.service("followed", app, **more)) + subset)

    steps = (
        (lambda: change_pods(m, {"web-v1-0": not_ready}), {"web-v1-1"}),
        (lambda: change_pods(m, {"web-v1-0": not_ready, "web-v2-0": now_v1}),
         {"web-v1-1", "web-v2-0"}),
        (lambda: change_pods(m, {"web-v1-0": now_other}), {"web-v1-1"}),
        (service("other"), {"web-v1-0"}),
        (service("web"), {"web-v1-1"}),
        (lambda: change_pods(m, {}), {"web-v1-0", "web-v1-1"}))
    with load.Load(m, target) as run:
        for change, wanted in steps:
            change()
            mesh.wait_for(lambda w=wanted: reached() == w, what=f"only {wanted} is reached")
            run.wait(20)
        load.assert_none_failed(run.end())


def test_another_target_port_under_load_is_followed(m):
    def write(port):
        m.write("ported.yaml", objects.text(objects.service("ported", "web", target=port)))

    def port_reached():
        with m.hold(target, http="/"):
            conns = [c for c in m.json("conns")["conns"] if c["state"] == "connected"]
            return {c["to"].rsplit(":")[-1] for c in conns if c["dialled"] == target}

    write(8080)
    target = mesh.wait_for(lambda: objects.find(m, "ported"))[0]
    assert port_reached() == {"8080"}
    with load.Load(m, target) as run:
        for port in (9090, 8080, 9090):
            write(port)
            mesh.wait_for(lambda p=port: port_reached() == {str(p)}, what=f"port {port} is reached")
            run.wait(20)
        load.assert_none_failed(run.end())


if __name__ == "__main__":
    mesh.run_tests()

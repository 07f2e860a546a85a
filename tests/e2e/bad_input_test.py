#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Whatever stands in a file, `validate` ends soon, in little memory, and says where it is wrong."""
import contextlib
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

import builds
import mesh

SECONDS = 20 if builds.SANITIZED else 5
MEMORY = 256 << 10  # KiB
NOBODY = 65534


@contextlib.contextmanager
def fixture():
    """A folder of its own, with the hostile texts in it."""
    with tempfile.TemporaryDirectory(prefix="shunt-test-") as folder:
        mesh.run(sys.executable, os.path.join(mesh.TREE, "tests", "e2e", "hostile.py"), folder)
        yield folder


def validate(*paths, **more):
    """AssertionError past the time; its status is no signal."""
    argv = [mesh.SHUNT, "validate"]
    for path in paths:
        argv += ["-f", path]
    p = subprocess.run(argv, capture_output=True, timeout=SECONDS, check=False, **more)
    err = p.stderr.decode("utf-8", "replace")
    assert p.returncode in (0, 1), (paths, p.returncode, err[-3000:])
    return p.returncode, p.stdout.decode(), err


def hostile(folder):
    """[(path, status)]"""
    found = [(path, status) for status in (0, 1)
             for path in sorted(glob.glob(f"{folder}/{status}/*.yaml"))]
    assert len(found) > 50
    return found


def test_hostile_texts_end_soon_with_a_place(folder):
    for path, wanted in hostile(folder):
        status, _, err = validate(path)
        assert status == wanted, (path, status, err[:1000])
        if wanted:
            first = err.splitlines()[0]
            assert re.match(rf"{re.escape(path)}(:\d+:\d+)?: error: ", first), first
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", err), (path, err[:1000])


def test_memory_stays_bounded(folder):
    binary = builds.release()
    for path, wanted in hostile(folder):
        with open(os.devnull, "wb") as null:
            # not subprocess, which would reap the child without telling what it used
            pid = os.posix_spawn(binary, [binary, "validate", "-f", path], os.environ,
                                 file_actions=[(os.POSIX_SPAWN_DUP2, null.fileno(), fd)
                                               for fd in (1, 2)])
            _, status, usage = os.wait4(pid, 0)
        assert os.waitstatus_to_exitcode(status) == wanted, (path, status)
        assert usage.ru_maxrss <= MEMORY, f"{path}: {usage.ru_maxrss} KiB"


def test_a_text_cut_anywhere_ends_soon(folder):
    with open(os.path.join(mesh.EXAMPLES, "host-canary.yaml"), "rb") as f:
        text = f.read()
    cut = os.path.join(folder, "cut")
    os.mkdir(cut)
    for length in range(0, len(text), 7):
        with open(os.path.join(cut, f"{length:05}.yaml"), "wb") as f:
            f.write(text[:length])
    status, _, err = validate(cut)
    assert status == 1 and "given twice" in err
    for path in sorted(os.listdir(cut))[::11]:
        validate(os.path.join(cut, path))
    shutil.rmtree(cut)


THREE_A = """apiVersion: v1
kind: Service
metadata: {name: a}
spec:
  ports:
  - {name: a, port: seventy}
  - {name: b, port: 70000}
"""
THREE_B = """apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: b}
spec:
  hosts: [b]
  http:
  - timeot: 1s
    route: [{destination: {host: b}}]
"""


def test_all_mistakes_of_all_files_are_told_at_once(folder):
    inner = os.path.join(folder, "three")
    os.mkdir(inner)
    paths = [os.path.join(inner, name) for name in ("a.yaml", "b.yaml")]
    for path, text in zip(paths, (THREE_A, THREE_B)):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
    for given in (paths, [inner]):
        status, out, err = validate(*given)
        assert status == 1 and out.endswith(" 3 errors, 0 warnings\n"), (out, err)
        places = re.findall(r"^(\S+:\d+:\d+): error: .*\n  (.*)\n  ( *)\^$", err, re.M)
        assert [(place.rsplit("/", 1)[1], source, len(caret)) for place, source, caret in places] \
            == [("a.yaml:6:21", "  - {name: a, port: seventy}", 20),
                ("a.yaml:7:21", "  - {name: b, port: 70000}", 20),
                ("b.yaml:7:5", "  - timeot: 1s", 4)], err
        assert "did you mean timeout?" in err, err
    shutil.rmtree(inner)


@contextlib.contextmanager
def odd_files(folder):
    """{what it is: path} of what is no regular file that can be read."""
    names = {what: os.path.join(folder, what + ".yaml")
             for what in ("fifo", "socket", "loop", "dangling", "device")}
    os.mkfifo(names["fifo"])
    os.symlink("loop.yaml", names["loop"])
    os.symlink("nowhere", names["dangling"])
    os.symlink("/dev/zero", names["device"])
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(names["socket"])
        yield names
    for path in names.values():
        os.unlink(path)


def test_what_is_no_file_is_refused_instead_of_waited_for(folder):
    with odd_files(folder) as names:
        everything = {**names, "terminal": "/dev/tty", "random": "/dev/urandom",
                      "nothing": os.path.join(folder, "nothing.yaml"), "null": "/dev/null"}
        for what, path in everything.items():
            status, _, err = validate(path)
            assert status == 1 and f"{path}: error: cannot be read: " in err, (what, err)
        status, out, err = validate(folder)
        assert status == 1 and out.startswith("0 objects, 5 errors"), (out, err)
        for command in ("apply", "diff", "delete"):
            for what in ("fifo", "device"):
                p = mesh.run(mesh.SHUNT, command, "--root", "shunt-nobody", "-f", names[what],
                             check=False, timeout=SECONDS)
                assert p.returncode == (3 if command == "diff" else 1), p
                assert p.stderr == f"shunt {command}: {names[what]}: no regular file\n", p


def test_a_folder_without_files_has_no_objects(folder):
    empty = os.path.join(folder, "empty")
    os.makedirs(os.path.join(empty, "inner.yaml"))
    for name in ("notes.txt", ".hidden.yaml"):
        with open(os.path.join(empty, name), "w", encoding="utf-8") as f:
            f.write("kind: [")
    assert validate(empty) == (0, "0 objects, 0 errors, 0 warnings\n", "")
    shutil.rmtree(empty)


def test_an_unreadable_file_is_told_beside_the_mistakes_of_others(folder):
    inner = os.path.join(folder, "inner")
    os.mkdir(inner)
    secret, other = os.path.join(inner, "a.yaml"), os.path.join(inner, "b.yaml")
    for path, mode in ((secret, 0o600), (other, 0o644)):
        with open(path, "w", encoding="utf-8") as f:
            f.write(THREE_A)
        os.chmod(path, mode)
    os.chmod(folder, 0o755)
    binary = os.path.join(inner, "shunt")
    shutil.copy(mesh.SHUNT, binary)
    p = mesh.run(binary, "validate", "-f", inner, check=False, user=NOBODY, group=NOBODY,
                 extra_groups=[], cwd="/")
    assert p.returncode == 1 and "0 objects, 3 errors" in p.stdout, p
    assert f"{secret}: error: cannot be read: Permission denied\n" in p.stderr, p.stderr
    assert f"{other}:6:21: error: " in p.stderr and f"{other}:7:21: error: " in p.stderr, p.stderr
    shutil.rmtree(inner)


if __name__ == "__main__":
    mesh.run_tests()

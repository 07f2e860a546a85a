#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The admin socket: for root alone, and no client keeps the agent from answering the others."""
import contextlib
import json
import os
import socket
import stat
import struct
import time

import mesh
import objects

WITHIN = 1.0  # seconds, for an answer beside whatever others do
NOBODY = 65534
FRAME_MAX = 64 << 20


@contextlib.contextmanager
def fixture():
    with mesh.Mesh() as m:
        m.apply(objects.text(
            objects.entry("here.example.com", "10.96.230.1",
                          [("10.0.0.1", 80, {"version": "v1"}), ("10.0.0.2", 80,
                                                                 {"version": "v2"})]),
            objects.rule("here.example.com", ["v1", "v2"]),
            objects.split("here.example.com", {"v1": 1, "v2": 1})))
        yield m


def connect(m):
    s = socket.socket(socket.AF_UNIX)
    s.connect(f"/run/{m.root}.sock")  # blocks while the queue is full
    s.settimeout(30)
    return s


def frame(body):
    return struct.pack(">I", len(body)) + body


def receive(s):
    """All until the end, as a message; None: it ended without one."""
    got = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := s.recv(1 << 16):
            got += chunk
    if not got:
        return None
    assert struct.unpack(">I", got[:4])[0] == len(got) - 4, got[:100]
    return json.loads(got[4:])


def ask(m, body):
    """What is answered to these bytes."""
    with connect(m) as s:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            s.sendall(body)
        return receive(s)


def memory(m):
    """The agent's, in KiB."""
    with open(f"/proc/{m.agent.pid}/status", encoding="utf-8") as f:
        return int(next(line for line in f if line.startswith("VmRSS:")).split()[1])


def assert_answers(m):
    start = time.monotonic()
    reply = ask(m, frame(b'{"command": "status"}'))
    took = time.monotonic() - start
    assert reply and reply["ok"] and reply["pid"] == m.agent.pid, reply
    assert took < WITHIN, f"answered after {took:.2f} s"


def as_nobody(run):
    """What `run` raises or returns in a child that is no root; as text."""
    ours, theirs = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            text = repr(run())
        except Exception as e:  # pylint: disable=broad-except
            text = type(e).__name__
        os.write(theirs, text.encode())
        os._exit(0)
    os.close(theirs)
    with open(ours, encoding="utf-8") as f:
        text = f.read()
    os.waitpid(pid, 0)
    return text


def test_the_socket_is_for_root_alone(m):
    path = f"/run/{m.root}.sock"
    st = os.stat(path)
    assert stat.S_ISSOCK(st.st_mode) and stat.S_IMODE(st.st_mode) == 0o600 and st.st_uid == 0, st
    body = frame(b'{"command": "status"}')
    assert as_nobody(lambda: ask(m, body)) == "PermissionError"
    os.chmod(path, 0o666)  # the agent looks at who asks, too
    try:
        assert as_nobody(lambda: ask(m, body)) == "None"
    finally:
        os.chmod(path, 0o600)
    assert_answers(m)


def test_what_is_no_message_gets_an_error_and_the_end(m):
    before = memory(m)
    for body in (b"\xff\xff\xff\xff", struct.pack(">I", FRAME_MAX + 1), b"GET / HTTP/1.1\r\n\r\n",
                 b"\xff" * 100000, frame(b""), frame(b"{"), frame(b"[]"), frame(b"null"),
                 frame(b"\x00" * 1000), frame(b"[" * 100000), frame(b'{"command": "\xff"}'),
                 frame(b'{"command": "status", "command": "status"}')):
        reply = ask(m, body)
        assert reply and not reply["ok"] and reply["error"], (body[:40], reply)
        assert_answers(m)
    assert memory(m) < before + (32 << 10)


VALUES = (None, True, -1, 1e300, "", "x", "\u0000", "\u2028" * 5000, [], [None], [[]], {},
          {"x": []}, [{"kind": "vs", "name": "x"}], [{"name": "x", "text": 5}],
          [{"name": "x", "text": "kind: ["}], [{"subset": "v1", "weight": 1 << 62}],
          [{"subset": 1, "weight": []}], [{"host": {}, "subset": "v1", "weight": 1}])
KEYS = ("namespace", "files", "objects", "kind", "name", "host", "weights", "route", "target",
        "lenient", "strict", "dry")


def test_requests_with_wrong_members_get_an_answer(m):
    before = m.shunt("get").stdout
    for command in ("apply", "delete", "diff", "get", "explain", "hosts", "status", "services",
                    "clusters", "endpoints", "events", "shift", "no-such", "", None, 5, []):
        for value in VALUES:
            request = {"command": command, **{key: value for key in KEYS}}
            reply = ask(m, frame(json.dumps(request).encode()))
            assert isinstance(reply, dict) and isinstance(reply["ok"], bool), (request, reply)
        for value in VALUES:
            request = {"command": command, "host": "here.example.com", "weights": value,
                       "dry": True}
            assert isinstance(ask(m, frame(json.dumps(request).encode())), dict), request
    assert m.shunt("get").stdout == before
    assert m.agent.poll() is None


def test_half_a_message_and_silence_ends_without_holding_up_others(m):
    before = memory(m)
    body = frame(b'{"command": "status", "x": "' + b"y" * (8 << 20) + b'"}')
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(connect(m)) for _ in range(4)]
        for s, part in zip(silent, (body[:-1], body[:4], body[:2], b"")):
            s.sendall(part)
        assert_answers(m)
        assert memory(m) < before + (64 << 10)
        for s in silent:
            assert receive(s) is None
        assert_answers(m)


def test_a_message_in_small_parts_is_answered(m):
    with connect(m) as s:
        for byte in frame(b'{"command": "status"}'):
            s.sendall(bytes([byte]))
            assert_answers(m)
        assert receive(s)["ok"]


def test_a_hundred_idle_clients_keep_nobody_out(m):
    before = memory(m)
    with contextlib.ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connect(m))
        for _ in range(5):
            assert_answers(m)
        assert m.json("status")["pid"] == m.agent.pid
        assert memory(m) < before + (16 << 10)
    assert_answers(m)


def test_followers_are_bounded_and_stay_beside_idle_clients(m):
    follow = frame(b'{"command": "events", "follow": true}')
    with contextlib.ExitStack() as stack:
        followers = [stack.enter_context(connect(m)) for _ in range(9)]
        for s in followers:
            s.sendall(follow)
        firsts = [json.loads(s.recv(1 << 16)[4:]) for s in followers]
        assert [f["ok"] for f in firsts] == [True] * 8 + [False], firsts
        for _ in range(40):
            stack.enter_context(connect(m))
        assert_answers(m)
        for s in followers[:8]:
            s.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                raise AssertionError(f"ended or told: {s.recv(10)}")
    assert_answers(m)


def test_the_agent_is_the_one_it_was(m):
    assert m.agent.poll() is None
    assert len(m.json("get")["objects"]) == 3 and m.stop_agent() == 0


if __name__ == "__main__":
    mesh.run_tests()

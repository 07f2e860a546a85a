# SPDX-License-Identifier: GPL-2.0
"""Servers of pods: what ours were asked, those whose answers a test gives, and httpbin."""
import collections
import contextlib
import ctypes
import http.client
import os
import socket
import subprocess
import threading
import time
import urllib.parse

import mesh
import objects

HTTPBIN = ("from httpbin import app\n"
           "from werkzeug.serving import WSGIRequestHandler, run_simple\n"
           "WSGIRequestHandler.protocol_version = 'HTTP/1.1'\n"
           "run_simple('0.0.0.0', 8080, app, threaded=True)\n")


class Log:
    """What the server of a pod was asked, as its --log has it."""

    def __init__(self, path):
        self.path = path

    def deployment(self, app, version="v1", **more):
        return objects.deployment(app, version, args=f"--log {self.path}", **more)

    @property
    def rows(self):
        """(ns, attempt, status, path, query) of each request."""
        rows = []
        with open(self.path, encoding="utf-8") as f:
            for line in f:
                ns, attempt, status, _, target = line.split()
                at = urllib.parse.urlsplit(target)
                query = dict(urllib.parse.parse_qsl(at.query))
                rows.append((int(ns), attempt, int(status), at.path, query))
        return rows

    def attempts(self):
        """{id: [attempt…]}, each in the order in which they came."""
        found = collections.defaultdict(list)
        for _, attempt, _, _, query in self.rows:
            found[query.get("id")].append(attempt)
        return found

    def clear(self):
        with contextlib.suppress(FileNotFoundError):
            os.truncate(self.path, 0)


# Servers whose answers the test gives, in a pod's network namespace.

CLONE_NEWNET = 0x40000000


def listen_in(netns, port):
    """A socket that listens in a network namespace; the thread that makes it ends there."""
    made = []

    def make():
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/run/netns/{netns}", "rb") as f:
            if libc.setns(f.fileno(), CLONE_NEWNET):
                made.append(OSError(ctypes.get_errno(), "setns"))
                return
        made.append(socket.create_server(("0.0.0.0", port), backlog=1024))
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


class Server:
    """Plays a pod's server: `answer(head)` gives the bytes for each request, when it likes.

    `accepted` counts connections, `most` is the largest number that clients had open at once,
    `heads` what they asked, each with its time in ns.
    """

    def __init__(self, m, pod, answer, port=8080):
        self.answer = answer
        self.lock = threading.Lock()
        self.socket = listen_in(m.pods.netns(pod), port)
        self.open = []
        self.heads = []
        self.accepted = self.most = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def _lasts(s):
        try:
            return bool(s.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                s, _ = self.socket.accept()
                with self.lock:
                    self.accepted += 1
                    self.open = [other for other in self.open if self._lasts(other)] + [s]
                    self.most = max(self.most, len(self.open))
                threading.Thread(target=self._serve, args=(s,), daemon=True).start()

    def _serve(self, s):
        data = b""
        with s, contextlib.suppress(OSError):
            while True:
                while b"\r\n\r\n" not in data:
                    more = s.recv(65536)
                    if not more:
                        return
                    data += more
                head, data = data.split(b"\r\n\r\n", 1)
                with self.lock:
                    self.heads.append((time.monotonic_ns(), head.decode()))
                s.sendall(self.answer(head.decode()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def response(status=200, body=b"{}", **headers):
    lines = [f"HTTP/1.1 {status} As-Asked", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextlib.contextmanager
def httpbin(m, pod):
    """The real one serves in the pod, which has no server of ours."""
    process = subprocess.Popen(["ip", "netns", "exec", m.pods.netns(pod), "/usr/bin/python3", "-c",
                                HTTPBIN], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    try:
        mesh.wait_for(lambda: process.poll() is None and serves(m, pod), 30, "httpbin serves")
        yield
    finally:
        process.kill()
        process.wait()


def serves(m, pod, port=8080, path="/status/200"):
    c = http.client.HTTPConnection(m.pods.by_name[pod]["ipv4"], port, timeout=5)
    with contextlib.suppress(OSError), contextlib.closing(c):
        c.request("GET", path)
        return c.getresponse().status == 200
    return False

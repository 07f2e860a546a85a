# SPDX-License-Identifier: GPL-2.0
"""Callers that hold connections and tell when one ends, and services that drain."""
import collections
import contextlib
import json
import os
import subprocess
import sys
import threading

import mesh
import objects

WORKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "drain_worker.py")


class Caller:
    """drain_worker.py beside the test, or in a pod; what it told so far. In a `netns` it is in none of
    the mesh's cgroups."""

    def __init__(self, m, target, count, *words, pod=None, netns=None):
        address, _, port = target.rpartition(":")
        argv = [sys.executable, WORKER, address.strip("[]"), port, str(count), *words]
        if pod or netns:
            argv = ["ip", "netns", "exec", netns or m.pods.netns(pod), *argv]
        if not netns:
            join = f'echo $$ > {m.cgroup}/cgroup.procs && exec "$@"'
            argv = ["sh", "-c", join, "sh", *argv]
        self.process = subprocess.Popen(argv, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line, "the caller has no connections"
        self.to = json.loads(line)["to"]
        self.ended, self.again = [], []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            told = json.loads(line)
            (self.again if "again" in told else self.ended).append(told)

    def versions(self):
        """How many connections there are to each version now."""
        live = dict(enumerate(self.to))
        for told in self.ended:
            live.pop(told["number"])
        live.update({told["number"]: told["again"] for told in self.again})
        return collections.Counter(pod.rsplit("-", 2)[-2] for pod in live.values())

    def wait_ended(self, count, timeout=10):
        mesh.wait_for(lambda: len(self.ended) >= count, timeout, f"{count} connections ended")

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(20)
        self.reader.join(20)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def with_drain(o, drain):
    o["metadata"]["annotations"] = {"shunt.io/drain": drain}
    return o


def apply_split(m, host, weights, drain=None, policy=None):
    """A service over `raw` with a split of its own; its addresses."""
    split = objects.split(host, weights)
    m.apply(objects.text(objects.service(host, "raw", target=7070),
                         objects.rule(host, ["v1", "v2"], policy),
                         with_drain(split, drain) if drain else split))
    return objects.targets(m, host)


def cluster(m, host, subset=""):
    rows = m.json("clusters")["clusters"]
    return next(r for r in rows if r["host"].split(".")[0] == host.split(".")[0]
                and r["subset"] == subset)


def drained(m):
    return m.status()["counters"]["drained"]


def wait_still(m):
    mesh.wait_for(lambda: not any(d["moving"] for d in m.status()["drains"]), 20, "drains are over")


def timed(**fields):
    return {"connectionPool": {"tcp": fields}}

# SPDX-License-Identifier: GPL-2.0
"""Scenarios of the L7 path: rules, pods that call each other, and clients that people use."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile

import yaml

import mesh
import objects

HERE = os.path.dirname(os.path.abspath(__file__))
REQUESTS = {"shunt.io/split": "request"}
JASON = "end-user: jason"


# Objects.

def routes(host, *http, hosts=None, **notes):
    """A VirtualService whose http rules are given, as YAML texts or as objects."""
    rules = [yaml.safe_load(rule) if isinstance(rule, str) else rule for rule in http]
    return {"apiVersion": objects.NETWORKING, "kind": "VirtualService",
            "metadata": {"name": host, **({"annotations": notes} if notes else {})},
            "spec": {"hosts": hosts or [host], "http": rules}}


def to(host, subset=None, weight=None):
    """A route's destination."""
    at = {"host": host, **({"subset": subset} if subset else {})}
    return {"destination": at, **({"weight": weight} if weight is not None else {})}


def web(name, app, *rules, subsets=("v1", "v2"), policy=None, target=8080):
    """An HTTP service, its subsets and its rules."""
    return [objects.service(name, app, port_name="http", target=target),
            objects.rule(name, subsets, policy), *rules]


def task(name):
    return mesh.example(f"tasks/{name}.yaml")


@contextlib.contextmanager
def bookinfo(**more):
    """The four services, whose pods call each other by name and are steered; all traffic to v1."""
    text = mesh.example("bookinfo.yaml")
    with mesh.Mesh(pods=text, **more) as m:
        m.apply(text)
        m.give_hosts()
        for pod in m.pods.by_name.values():
            with open(os.path.join(m.cgroup, "cgroup.procs"), "w", encoding="ascii") as f:
                f.write(pod["pid"])
        yield m


def put(m, *parts):
    """Objects or texts, in force and known by name; clients in pods meet the proxy from then on."""
    m.apply("---\n".join(p if isinstance(p, str) else objects.text(p) for p in parts))
    m.give_hosts()


def counted(m, host, name=None):
    """What the clusters of a host have counted; `name`: only a response flag of it."""
    rows = [c for c in m.json("clusters")["clusters"] if c["host"].split(".")[0] == host]
    if name:
        return sum(row["flags"].get(name, 0) for row in rows)
    return {key: sum(row[key] for row in rows) for key in ("requests", "retries", "active")}


# Clients, steered as processes of a pod.

def command(m, pod, *argv):
    into = f"echo $$ > {m.cgroup}/cgroup.procs; exec \"$@\""
    return ["bash", "-c", into, "in-pod", "ip", "netns", "exec", m.pods.netns(pod), *argv]


def inside(m, pod, *argv, **more):
    """Runs a program in a pod to its end; what it printed."""
    return mesh.run(*command(m, pod, *argv), **more).stdout


def beside(m, pod, *argv):
    """The same beside the test; see printed()."""
    return subprocess.Popen(command(m, pod, *argv), stdin=subprocess.DEVNULL, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def printed(process, timeout=120):
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, (process.returncode, err[-2000:])
    return out


class Answer:
    """What curl got: `status`, `headers` by lower-case name, `body`, `seconds`, `connects`."""

    def __init__(self, fields, headers, body):
        self.status = fields["response_code"]
        self.seconds = fields["time_total"]
        self.connects = fields["num_connects"]
        self.headers = {k: v[-1] for k, v in headers.items()}
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def version(self):
        return self.json["version"]


END = "\x1e"
FORMAT = END + "%{json}" + END + "%{header_json}" + END


def curl_arguments(*options, headers=()):
    given = [word for header in headers for word in ("-H", header)]
    return ["curl", "-sS", "--max-time", "60", *given, *options]


def answers(out):
    """In the order in which they came."""
    parts = out.split(END)[:-1]
    got = []
    for body, fields, headers in zip(parts[::3], parts[1::3], parts[2::3]):
        fields = json.loads(fields)
        if fields["filename_effective"]:
            with open(fields["filename_effective"], encoding="utf-8") as f:
                body = f.read()
        got.append(Answer(fields, json.loads(headers), body))
    return got


def curl(m, pod, url, *options, headers=()):
    """All answers; a URL with [1-100] asks for a hundred on one connection."""
    return answers(inside(m, pod, *curl_arguments(*options, "-w", FORMAT, url, headers=headers)))


def parallel(m, pod, url, count, headers=()):
    """So many requests at once, each on a connection of its own; a function that waits for their
    answers."""
    folder = tempfile.mkdtemp(dir=m.folder)
    options = ["-Z", "--parallel-immediate", "--parallel-max", str(count), "--no-progress-meter"]
    process = beside(m, pod, *curl_arguments(*options, "-o", folder + "/#1", "-w", FORMAT,
                                             f"{url}?n=[1-{count}]", headers=headers))
    return lambda: answers(printed(process))


def many(m, pod, urls, connections, fields):
    """Asks for all URLs, which may have a [range], so many of them at once, and keeps connections;
    rows of these fields (curl's words), as texts. Bodies are dropped."""
    path = os.path.join(m.folder, f"urls-{next(mesh.numbers)}")
    with open(path, "w", encoding="utf-8") as f:
        f.writelines(f'url = "{url}"\noutput = "/dev/null"\n' for url in urls)
    line = " ".join(f"%{{{field}}}" for field in fields) + "\n"
    out = inside(m, pod, *curl_arguments("-Z", "--parallel-max", str(connections), "-w", line, "-K",
                                         path, "--no-progress-meter"), timeout=120)
    return [row.split(" ") for row in out.splitlines()]


def ask(m, pod, url, *options, headers=()):
    """The one answer."""
    got = curl(m, pod, url, *options, headers=headers)
    assert len(got) == 1, got
    return got[0]


def shares(got):
    """{version: number}, of answers that are all good."""
    assert all(a.status == 200 for a in got), [a.status for a in got if a.status != 200][:5]
    versions = [a.version for a in got]
    return {v: versions.count(v) for v in sorted(set(versions))}


def exact_in_windows(versions, version, share, window=100):
    """Any `window` consecutive requests have `share` of them at the version, off by at most 1."""
    for at in range(len(versions) - window + 1):
        n = versions[at:at + window].count(version)
        assert abs(n - share) <= 1, (at, n, share)


# Many requests on one connection, with the time of each.

class Caller:
    """A process of the pod that asks at a rate, on one connection, until ended; see caller.py."""

    def __init__(self, m, pod, url, rate=200, headers=()):
        self.path = os.path.join(m.folder, f"caller-{next(mesh.numbers)}")
        self.process = beside(m, pod, sys.executable, os.path.join(HERE, "l7_caller.py"), url,
                              str(rate), self.path, *headers)
        self.wait(1)

    def rows(self):
        """(begin ns, end ns, status, version, number of the connection), in order."""
        with contextlib.suppress(FileNotFoundError), open(self.path, encoding="utf-8") as f:
            lines = [line.split() for line in f if line.endswith("\n")]
            return [(int(b), int(e), int(s), v, int(c)) for b, e, s, v, c in lines]
        return []

    def wait(self, number):
        """Until that many more answers are there."""
        wanted = len(self.rows()) + number
        mesh.wait_for(lambda: len(self.rows()) >= wanted or self.process.poll() is not None, 30,
                      f"{wanted} answers")
        assert self.process.poll() is None, self.process.communicate()[1][-2000:]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=30)


def wrong(rows):
    return [row for row in rows if row[2] != 200]

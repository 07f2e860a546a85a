# SPDX-License-Identifier: GPL-2.0
"""Ways from a client to the server, measured under a load one after the other, many times."""
import dataclasses
import re
import time

from figures import Path, Result, uncertainty
from ground import cpu_busy, cpu_used
from peers import Absent

FOREIGN = 0.15  # cores kept busy by others: above it a sample is taken again, a few times
AGAIN = 2
ROUNDS_LEAST = 6
SECONDS = 90  # a load ends by then, certain or not


class Fault(Exception):
    """A sample that does not count: something failed in it."""


@dataclasses.dataclass
class Load:
    """What a client does, how its output is read, and which of its figures are compared."""
    name: str
    argv: object  # of a way
    read: object  # the output: units done, seconds, and other figures by name; may raise Fault
    seconds: float = SECONDS


@dataclasses.dataclass
class Row:
    """A ratio of two ways under a load, or of a way and the better one of several."""
    name: str
    load: str
    path: str
    against: str  # "haproxy nginx": the better of the two
    what: str
    measure: str = "rates"
    least: float = None
    most: float = None
    noise: float = 10  # uncertainty in percent at which the value is meaningless

    @property
    def ways(self):
        return [self.path, *self.against.split()]

    def judge(self, paths, absent):
        result = Result(self.name, self.what, least=self.least, most=self.most, noise=self.noise)
        missing = [absent[n] for n in self.ways if n in absent]
        better = max if self.measure == "rates" else min
        if missing:
            result.note = "; ".join(missing)
        else:
            own, *others = [paths[n].samples(self.measure) for n in self.ways]
            result.values = [a / better(b) for a, *b in zip(own, *others)]
        return result


def wrk(url, connections, *options):
    return ["wrk", "-t1", f"-c{connections}", "-d1s", "--timeout", "5s", *options, url]


def wrk_read(out):
    """Requests of a run and its seconds."""
    for fault in ("Socket errors: connect [1-9].*", "Non-2xx.*", "Socket errors:.*timeout [1-9].*"):
        found = re.search(fault, out)
        if found:
            raise Fault(found[0].strip())
    found = re.search(r"(\d+) requests in ([\d.]+)(m?)s", out)
    return int(found[1]), float(found[2]) / (1000 if found[3] else 1), {}


class Way:
    """A target, and the cgroups in which client, server and proxy do their part."""

    def __init__(self, target, places, servers=()):
        self.target = target
        self.places = places
        self.servers = servers  # ports, where it is the client that serves them

    def sample(self, ground, load, path):
        """One run of the load; taken again while others disturb it."""
        for tried in range(AGAIN + 1):
            own = [cpu_used(p) for p in self.places.values()]
            busy, begin = cpu_busy(), time.monotonic()
            out = ground.run(load.argv(self), self.places, "client")
            wall, busy = time.monotonic() - begin, cpu_busy() - busy
            own = [cpu_used(p) - was for p, was in zip(self.places.values(), own)]
            foreign = max(busy - sum(own), 0) / wall
            done, seconds, figures = load.read(out)
            if foreign <= FOREIGN or tried == AGAIN:
                break
        path.rates.append(done / seconds)
        path.cpu.append(1e6 * sum(own) / done)
        path.proxy_cpu.append(1e6 * own[list(self.places).index("proxy")] / done)
        path.foreign.append(foreign)
        for name, value in figures.items():
            path.figures.setdefault(name, []).append(value)


class Ways:
    """Ways by name, made when first wanted; one that cannot be had has its reason instead."""

    def __init__(self, ground, make):
        self.ground = ground
        self.make = make  # name: a function that returns a Way
        self.by_name, self.absent = {}, {}

    def get(self, names):
        for name in names:
            if name in self.by_name or name in self.absent:
                continue
            try:
                self.by_name[name] = self.make[name]()
            except (Absent, RuntimeError, AssertionError) as e:
                self.absent[name] = " ".join(str(e).split())
        return [name for name in names if name in self.by_name]

    def measure(self, load, names, rounds, until):
        """Rounds in which each way has its turn, in one order and then in the other."""
        names = self.get(names)
        paths = {name: Path(load.name, name) for name in names}
        end = time.monotonic() + load.seconds
        for n in range(rounds):
            for name in names if n % 2 == 0 else reversed(names):
                try:
                    self.by_name[name].sample(self.ground, load, paths[name])
                except (Fault, AssertionError) as e:
                    self.absent[name] = f"{load.name}: " + " ".join(str(e).split())[-150:]
                    del self.by_name[name]
            names = [name for name in names if name in self.by_name]
            if n + 1 >= ROUNDS_LEAST and (until(paths) or time.monotonic() > end):
                break
        return paths

    def rows(self, load, rows, rounds):
        """The results of these rows, which are all about this load, and what each way did."""
        names = [name for name in self.make if any(name in row.ways for row in rows)]

        def sure(paths):
            results = [row.judge(paths, self.absent) for row in rows]
            return all(uncertainty(r.values) <= r.noise / 2 for r in results if r.values)
        paths = self.measure(load, names, rounds, sure)
        return [row.judge(paths, self.absent) for row in rows], list(paths.values())

    def all_rows(self, loads, rows, rounds):
        results, paths = [], []
        for load in loads:
            mine = [row for row in rows if row.load == load.name]
            if mine:
                some, ways = self.rows(load, mine, rounds)
                results += some
                paths += ways
        return results, paths

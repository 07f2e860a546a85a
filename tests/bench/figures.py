# SPDX-License-Identifier: GPL-2.0
"""Samples, what they amount to, and how a result stands to its bound."""
import dataclasses
import json
import math
import statistics


def spread(values):
    """Median absolute deviation, in percent of the median."""
    middle = statistics.median(values)
    return 100 * statistics.median(abs(v - middle) for v in values) / middle if middle else 0.0


def uncertainty(values):
    """Half the width of a 95 % interval of the median, in percent of it; inf: too few to say."""
    if len(values) < 4:
        return math.inf
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return 100 * 1.57 * (high - low) / math.sqrt(len(values)) / statistics.median(values)


@dataclasses.dataclass
class Result:
    """One line of the table: samples of a ratio or of a quantity, and the bound it has to keep."""
    name: str
    what: str
    values: list = dataclasses.field(default_factory=list)
    unit: str = ""
    least: float = None  # bound from below
    most: float = None   # bound from above
    noise: float = 10.0  # the uncertainty, in percent, above which a ratio means nothing,
    # unless the whole interval lies on one side of the bound
    note: str = ""       # why there is no value, or what else to know

    @property
    def value(self):
        return statistics.median(self.values) if self.values else None

    @property
    def bound(self):
        return self.least if self.least is not None else self.most

    @property
    def close(self):
        """The bound lies within the noise."""
        return abs(self.value - self.bound) <= self.value * uncertainty(self.values) / 100

    @property
    def noisy(self):
        return (uncertainty(self.values) > self.noise and
                (self.bound is None or self.close))

    @property
    def verdict(self):
        """"ok", "short", "close", "noisy", "none": no value, "-": no bound"""
        if not self.values:
            return "none"
        if self.noisy:
            return "noisy"
        if self.bound is None:
            return "-"
        if self.close:
            return "close"
        kept = self.value >= self.bound if self.least is not None else self.value <= self.bound
        return "ok" if kept else "short"

    def bound_text(self):
        if self.least is not None:
            return f">= {self.least:g}{self.unit}"
        return f"<= {self.most:g}{self.unit}" if self.most is not None else "-"

    def cells(self):
        if not self.values:
            return [self.name, "-", self.bound_text(), "-", "-", "none", self.note or self.what]
        sure = uncertainty(self.values)
        note = f"{self.what}; {self.note}" if self.note else self.what
        return [self.name, "-" if self.noisy else f"{self.value:.3g}{self.unit}",
                self.bound_text(), f"{spread(self.values):.1f} %",
                "?" if math.isinf(sure) else f"±{sure:.1f} %", self.verdict, note]

    def line(self):
        if not self.values:
            return f"no ratio {self.name}: {self.note}"
        if self.noisy:
            return (f"no ratio {self.name}: {len(self.values)} samples leave ±"
                    f"{uncertainty(self.values):.0f} %, more than the {self.noise:g} % "
                    "at which it means something")
        return f"ratio {self.name} {self.value:.4g}"

    def facts(self):
        return {"name": self.name, "what": self.what, "value": self.value, "unit": self.unit,
                "least": self.least, "most": self.most, "verdict": self.verdict,
                "note": self.note, "samples": [round(v, 6) for v in self.values]}


@dataclasses.dataclass
class Path:
    """What one way to the server did under one load: units a second, and CPU for each of them."""
    load: str
    name: str
    rates: list = dataclasses.field(default_factory=list)
    cpu: list = dataclasses.field(default_factory=list)        # µs, client and server and all
    proxy_cpu: list = dataclasses.field(default_factory=list)  # µs, of the proxy alone
    foreign: list = dataclasses.field(default_factory=list)    # cores that others kept busy
    figures: dict = dataclasses.field(default_factory=dict)    # others, by name: "p50", µs

    def samples(self, measure):
        return self.figures[measure] if measure in self.figures else getattr(self, measure)

    def cells(self):
        if not self.rates:
            return [self.load, self.name, "-", "-", "-", "-", "-", "-"]
        proxy = statistics.median(self.proxy_cpu)
        return [self.load, self.name, f"{statistics.median(self.rates):,.0f}/s",
                f"{spread(self.rates):.1f} %", f"{statistics.median(self.cpu):.2f} µs",
                f"{proxy:.2f} µs" if proxy else "-", f"{statistics.median(self.foreign):.2f}",
                " ".join(f"{n} {statistics.median(v):.0f} µs" for n, v in self.figures.items())]

    def facts(self):
        return {"load": self.load, "path": self.name, "rates": self.rates, "cpu_us": self.cpu,
                "proxy_cpu_us": self.proxy_cpu, "foreign_cores": self.foreign, **self.figures}


def table(head, rows):
    widths = [max(len(str(row[i])) for row in [head] + rows) for i in range(len(head))]
    for row in [head] + rows:
        print("  ".join(str(c).ljust(w) for c, w in zip(row, widths)).rstrip())


def print_all(results, paths):
    if paths:
        table(["load", "path", "median", "MAD", "CPU each", "proxy", "others' cores", "latency"],
              [p.cells() for p in paths])
        print()
    table(["name", "value", "bound", "MAD", "95 %", "verdict", "what"],
          [r.cells() for r in results])
    print()
    for r in results:
        print(r.line())


def write_json(file, facts, results, paths):
    with open(file, "w", encoding="utf-8") as f:
        json.dump({**facts, "rows": [r.facts() for r in results],
                   "paths": [p.facts() for p in paths]}, f, indent=1)
        f.write("\n")

#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The proxy under ThreadSanitizer: workers, orders and load at once, and not one data race."""
import glob
import http.client
import os
import sys
import tempfile
import threading

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SHUNT_TSAN", os.path.join(TREE, "build", "tsan"))
os.environ["SHUNT_BUILD"] = BUILD  # before the imports that look at it

# pylint: disable=wrong-import-position
import proxy_alone_test as alone
from mesh import run_tests
from proxied import DRAIN, LISTENER_GONE, STATS, COUNTS, Proxy, clock, entry, servers
from runner import Skip

ALONE = ("keep_alive_and_pipelining", "retries", "limits", "outliers_are_left_out",
         "upgrade_is_a_tunnel", "goes_on_without_its_agent")
POLICY = ("connectionPool: {tcp: {maxConnections: 6}, http: {http1MaxPendingRequests: 1000, "
          "maxRequestsPerConnection: 7}}, loadBalancer: {simple: ROUND_ROBIN}, "
          "outlierDetection: {consecutive5xxErrors: 3, interval: 50ms, baseEjectionTime: 50ms, "
          "maxEjectionPercent: 50}")
RULES = """
  - match: [{uri: {regex: "/(bad|worse)"}}]
    route: [{destination: {host: web.test, subset: v1}}]
    retries: {attempts: 2, retryOn: 5xx}
    timeout: 2s
  - match: [{uri: {prefix: /}}]
    route:
    - destination: {host: web.test, subset: v1}
      weight: %d
      headers: {request: {set: {x-a: '%%REQ(host)%%'}}}
    - {destination: {host: web.test, subset: v2}, weight: %d}
"""


def without_races(test):
    """The test, whose proxies write what they find into files of their own."""
    def run():
        if not os.path.exists(os.path.join(BUILD, "shunt")):
            raise Skip(f"no build with TSAN=1 in {BUILD}")
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TSAN_OPTIONS"] = f"log_path={folder}/race exitcode=0"
            test()
            reports = [open(f, encoding="utf-8", errors="replace").read()
                       for f in glob.glob(f"{folder}/race.*")]
            assert not reports, "\n".join(reports)[:6000]
    return run


class Load(threading.Thread):
    """Requests on connections that are kept and on some that are not, until it is ended."""

    def __init__(self, port, number):
        super().__init__()
        self.port, self.number, self.failed, self.over = port, number, [], False
        self.start()

    def run(self):
        c = None
        asked = 0
        while not self.over:
            c = c or http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
            path = "/bad?status=503" if asked % 10 == self.number else f"/{asked}"
            try:
                c.request("GET", path, headers={"Host": "web.test", "x-b": "c"})
                r = c.getresponse()
                r.read()
                if r.status not in (200, 503):
                    self.failed.append(r.status)
            except (OSError, http.client.HTTPException) as e:
                self.failed.append(e)
            asked += 1
            if self.failed or asked % (5 + self.number) == 0:
                c.close()
                c = None
        if c:
            c.close()


def orders(p, ports, times):
    """All that an agent may say, over and over."""
    page = p.heartbeat()
    for i in range(times):
        some = {v: at[:1 + (i + j) % 2] for j, (v, at) in enumerate(ports.items())}
        p.table(entry(versions=some, rules=RULES % (50 + i, 50 - i), policy=POLICY))
        p.listen(ident=100 + i)
        p.send(STATS, number=i % 3)
        _, fds = p.receive(COUNTS)
        for fd in fds:
            os.close(fd)
        p.send(LISTENER_GONE, ident=100 + i)
    assert int.from_bytes(page[:8], "little")


def load_and_orders():
    with servers(v1=2, v2=2) as ports:
        with Proxy(entry(versions=ports, rules=RULES % (50, 50), policy=POLICY), workers=4) as p:
            loads = [Load(p.port, i) for i in range(6)]
            try:
                orders(p, ports, 30)
            finally:
                for load in loads:
                    load.over = True
                for load in loads:
                    load.join()
            failed = [f for load in loads for f in load.failed]
            assert not failed, failed[:3]
            p.send(DRAIN, number=clock() + 5 * 10**9)
            assert p.process.wait(10) == 0


test_load_and_orders = without_races(load_and_orders)
for name in ALONE:
    setattr(sys.modules[__name__], f"test_{name}", without_races(getattr(alone, f"test_{name}")))

if __name__ == "__main__":
    run_tests()

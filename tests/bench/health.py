# SPDX-License-Identifier: GPL-2.0
"""The row about health: how soon after its first refused SYN nobody is sent to an endpoint."""
import os
import subprocess
import tempfile

import mesh
import objects
from figures import Result

RUNS = 20
CALLERS = 8
CONNECTIONS = 2000
SERVER = os.path.join(os.path.dirname(mesh.CLIENT), "server")
ONE_ERROR = {"outlierDetection": {"consecutive5xxErrors": 1, "maxEjectionPercent": 100}}


def serve(stack, port):
    argv = [SERVER, "--tcp", f"127.0.0.1:{port}", "--close-after-greeting"]
    p = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    stack.callback(p.wait)
    stack.callback(p.kill)
    mesh.wait_for(lambda: mesh.run(mesh.CLIENT, f"127.0.0.1:{port}", check=False).returncode == 0)


def ejection_ms(m, vip, log):
    """From the first connect that was refused to the first after which none was; ms."""
    m.client(f"{vip}:80", parallel=CALLERS, count=CONNECTIONS, log=log)
    with open(log, encoding="ascii") as f:
        calls = sorted((int(line.split()[0]), line.split()[2]) for line in f)
    refused = [begin for begin, result in calls if result == "refused"]
    assert 1 <= len(refused) <= CALLERS, f"{len(refused)} of {len(calls)} were refused"
    after = next(begin for begin, _ in calls if begin > refused[-1])
    return (after - refused[0]) / 1e6


def run(_ground, stack, wanted, _rounds):
    if not wanted("ejection_ms"):
        return [], []
    took = Result("ejection_ms", f"first refused SYN to a pick without that endpoint, by {CALLERS} "
                  "callers at once", unit=" ms", most=10, noise=50)
    ports = [mesh.free_port() for _ in range(3)]
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="shunt-bench-"))
    m = stack.enter_context(mesh.Mesh(" "))
    for port in ports[:2]:
        serve(stack, port)
    for n in range(RUNS):
        name, vip = f"health{n}.bench", f"10.100.7.{n + 1}"
        m.apply(objects.text(objects.entry(name, vip, [("127.0.0.1", p, {}) for p in ports]),
                             objects.rule(name, [], ONE_ERROR)))
        took.values.append(ejection_ms(m, vip, os.path.join(folder, f"{n}.log")))
    return [took], []

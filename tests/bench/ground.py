# SPDX-License-Identifier: GPL-2.0
"""The ground a measurement stands on: cores, cgroups, routes, processes, and their clean-up."""
import contextlib
import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import subprocess
import tempfile

import mesh

SERVICES = "10.100.0.0/16"  # inside of what the tests use, so that a route of our own fits
LOCK = "/run/shunt-bench.lock"
PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None, use_errno=True)

# A proxy stands beside its client, as a sidecar does.
BESIDE = {"client": 1, "proxy": 1, "server": 0}
# It has a core to itself, so that its own speed is what is seen.
ALONE = {"client": 0, "proxy": 1, "server": 0}


def foremost(pid="self"):
    """This process comes before whatever else the machine does, and so do those of its session."""
    if pid == "self":
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # its children and threads inherit it
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as f:
        f.write("-20")  # with autogroups it is the session that counts


def enter(cgroup, core):
    """Runs in the child: it is placed before it is the program, and does not outlive the bench."""
    with open(os.path.join(cgroup, "cgroup.procs"), "w", encoding="ascii") as f:
        f.write(str(os.getpid()))
    os.sched_setaffinity(0, {core})
    os.setsid()
    foremost()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def cpu_used(cgroup):
    """Seconds, of all that ever ran in it."""
    with open(os.path.join(cgroup, "cpu.stat"), encoding="ascii") as f:
        return int(f.readline().split()[1]) / 1e6


def cpu_busy():
    """Seconds that all cores were busy, for anyone and any machine beside us."""
    with open("/proc/stat", encoding="ascii") as f:
        user, nice, system, _, _, irq, softirq, steal = map(int, f.readline().split()[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Ground:
    """Cgroups without programs, where peers and the unmeshed client run; a folder; a route."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.cores = BESIDE

    def __enter__(self):
        try:
            self._make()
        except BaseException:
            self.stack.close()
            raise
        return self

    def __exit__(self, *_):
        self.stack.close()

    def _make(self):
        self.lock = self.stack.enter_context(open(LOCK, "w", encoding="ascii"))
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit("bench: another one runs, and two would measure each other") from None
        self.stack.callback(os.unlink, LOCK)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(soft, 20000), hard), hard))
        self.folder = self.stack.enter_context(tempfile.TemporaryDirectory(prefix="shunt-bench-"))
        os.chmod(self.folder, 0o755)  # workers that drop to another user find their files
        self._route()
        self.root = os.path.join(mesh.cgroup2_mount(), f"shunt-bench-{os.getpid()}")
        self.stack.callback(self._end_cgroups)
        self.plain = self.places(self.root)

    def _route(self):
        """A service address that nobody steers must not leave the machine."""
        p = mesh.run("ip", "route", "add", "blackhole", SERVICES, check=False)
        if p.returncode and "File exists" not in p.stderr:
            raise SystemExit("bench: " + p.stderr.strip())
        self.stack.callback(mesh.run, "ip", "route", "del", "blackhole", SERVICES, check=False)

    @staticmethod
    def places(parent):
        """A cgroup for each role below `parent`."""
        places = {role: os.path.join(parent, role) for role in BESIDE}
        for place in [parent, *places.values()]:
            os.makedirs(place, exist_ok=True)
        return places

    def spawn(self, argv, places, role, ready=None):
        """Starts a process that lives as long as the ground; returns when it is `ready`: a
        function, or the port on loopback that accepts."""
        fd, log = tempfile.mkstemp(".log", os.path.basename(argv[0]) + "-", self.folder)
        with open(fd, "w", encoding="utf-8") as out:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 preexec_fn=lambda: enter(places[role], self.cores[role]))
        self.stack.callback(self._end, p)

        def is_ready():
            if p.poll() is not None:
                with open(log, encoding="utf-8", errors="replace") as f:
                    raise RuntimeError(f"{argv[0]} ended: " + " ".join(f.read().split())[-300:])
            return ready() if callable(ready) else accepts(ready)
        mesh.wait_for(is_ready, 20, f"{argv[0]} accepts")
        return p

    @contextlib.contextmanager
    def seated(self, cores):
        """What is started meanwhile runs on these cores."""
        was, self.cores = self.cores, cores
        try:
            yield
        finally:
            self.cores = was

    def seat(self, role):
        """What a process that is to run as `role` calls before it is the program."""
        core = self.cores[role]

        def sit():
            os.sched_setaffinity(0, {core})
            os.setsid()
            foremost()
        return sit

    def run(self, argv, places, role, timeout=60, check=True):
        """Runs a program to its end, as `role`; what it printed."""
        return mesh.run(*argv, timeout=timeout, check=check,
                        preexec_fn=lambda: enter(places[role], self.cores[role])).stdout

    @staticmethod
    def _end(p):
        if p.poll() is None:
            p.kill()
        p.wait(30)

    def _end_cgroups(self):
        for path, _, _ in os.walk(self.root, topdown=False):
            mesh.wait_for(lambda p=path: self._rmdir(p), 10, f"{path} is empty")

    @staticmethod
    def _rmdir(path):
        with open(os.path.join(path, "cgroup.procs"), encoding="ascii") as f:
            for pid in f.read().split():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
        try:
            os.rmdir(path)
        except OSError as e:
            if e.errno != errno.EBUSY:
                raise
            return False
        return True

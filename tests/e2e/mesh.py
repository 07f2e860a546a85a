# SPDX-License-Identifier: GPL-2.0
"""Scratch meshes for end-to-end tests: pods in network namespaces, an agent, clients."""
import atexit
import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from runner import Skip, run_tests, show_on_failure  # pylint: disable=unused-import

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("SHUNT_BUILD") or os.path.join(TREE, "build"))
SHUNT = os.path.join(BUILD, "shunt")
CLIENT = os.path.join(BUILD, "tools", "client")
DATAGRAMS = os.path.join(BUILD, "tools", "datagrams")
PODS = os.path.join(TREE, "scripts", "pods")
EXAMPLES = os.path.join(TREE, "manifests", "examples")
os.environ["SHUNT_BUILD"] = BUILD

numbers = itertools.count()
living = []


def example(name):
    with open(os.path.join(EXAMPLES, name), encoding="utf-8") as f:
        return f.read()


def wait_for(predicate, timeout=10, what=None):
    """Calls it until it returns something true, which is returned; AssertionError past the bound."""
    end = time.monotonic() + timeout
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            name = what or getattr(predicate, "__name__", "condition")
            raise AssertionError(f"not within {timeout} s: {name}; last: {value!r}")
        time.sleep(0.01)


def run(*argv, check=True, timeout=60, **more):
    """Runs a program to its end; with `check` its failure fails the test, with what it printed."""
    p = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **more)
    if check and p.returncode:
        raise AssertionError(f"exit {p.returncode}: {' '.join(argv)}\n{p.stdout}{p.stderr}")
    return p


def cgroup2_mount():
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            before, _, after = line.partition(" - ")
            if after.split()[0] == "cgroup2":
                return before.split()[4]
    raise Skip("no cgroup2 mount")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def client_arguments(target, options, program=CLIENT):
    """count=5, hold=True, http="/x", header=["a: b"] -> the client's options."""
    argv = [program]
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        if value is True:
            argv.append(option)
        elif value not in (None, False):
            for one in value if isinstance(value, list) else [value]:
                argv += [option, str(one)]
    return argv + [target]


class Held:
    """A client process that keeps its connections open."""

    def __init__(self, argv):
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("client: " + self.process.communicate()[1])
        self.tally = json.loads(line)

    def close(self):
        if self.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        self._end()

    def kill(self):
        """As when the kernel or an operator kills it: nothing of its own runs."""
        self.process.kill()
        self._end()

    def _end(self):
        self.process.wait(60)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Pods:
    """The pods of a YAML text; `by_name` has a dict for each."""

    FIELDS = ("name", "namespace", "netns", "ipv4", "ipv6", "pid")

    def __init__(self, text, prefix, folder, *arguments):
        self.prefix = prefix
        source = os.path.join(folder, "deployments.yaml")
        with open(source, "w", encoding="utf-8") as f:
            f.write(text)
        run(PODS, "up", source, "--prefix", prefix, "--dir", folder, *arguments)
        with open(os.path.join(folder, "pods.yaml"), encoding="utf-8") as f:
            self.yaml = f.read()
        rows = [line.split() for line in run(PODS, "list", "--prefix", prefix).stdout.splitlines()]
        self.by_name = {row[0]: dict(zip(self.FIELDS, row)) for row in rows}

    def netns(self, name):
        return self.by_name[name]["netns"]

    def hosts(self, path, *arguments):
        run(PODS, "hosts", path, "--prefix", self.prefix, *arguments)

    def down(self):
        run(PODS, "down", "--prefix", self.prefix)


class Mesh:
    """One agent with its own root, cgroup, folders and pods. The servers live outside the cgroup.

    `text` goes into the config folder as objects.yaml; its Deployments become pods, whose objects
    go into pods.yaml. With agent=False the agent is not started.
    """

    def __init__(self, text="", pods=None, agent=True, steer_servers=False,
                 agent_arguments=(), pods_arguments=()):
        self.id = f"t{os.getpid()}-{next(numbers)}"
        self.root = "shunt-" + self.id
        self.text = text
        self.deployments = pods if pods is not None else text
        self.start = agent
        self.steer_servers = steer_servers
        self.agent_arguments = list(agent_arguments)
        self.pods_arguments = list(pods_arguments)
        self.cgroup = self.pods = self.agent = self.folder = None
        self.held = []

    def __enter__(self):
        atexit.register(self.close)
        living.append(self)
        try:
            self._make()
        except BaseException:
            self.show_log()
            self.close()
            raise
        return self

    def __exit__(self, kind, *_):
        if kind and not issubclass(kind, Skip):
            self.show_log()
        self.close()

    def _make(self):
        self.folder = tempfile.mkdtemp(prefix="shunt-test-")
        self.config = os.path.join(self.folder, "config")
        self.state = os.path.join(self.folder, "state")
        self.log = os.path.join(self.folder, "agent.log")
        os.mkdir(self.config)
        os.mkdir(self.state)
        self.cgroup = os.path.join(cgroup2_mount(), "shunt-test-" + self.id)
        os.mkdir(self.cgroup)
        if self.steer_servers:
            os.mkdir(os.path.join(self.cgroup, "servers"))
            self.pods_arguments += ["--cgroup", os.path.join(self.cgroup, "servers")]
        if "kind: Deployment" in self.deployments:
            self.pods = Pods(self.deployments, self.id + "-", self.folder, *self.pods_arguments)
            self.write("pods.yaml", self.pods.yaml)
        if self.text:
            self.write("objects.yaml", self.text)
        if self.start:
            self.start_agent()

    # The agent.

    def start_agent(self, wait=True, **more):
        """Returns when it answers; its first plan is in force then, if its objects are valid."""
        self.metrics = free_port()
        argv = [SHUNT, "agent", "--root", self.root, "--cgroup", self.cgroup, "--config",
                self.config, "--state", self.state, "--metrics", f"127.0.0.1:{self.metrics}"]
        with open(self.log, "a", encoding="utf-8") as log:
            self.agent = subprocess.Popen(argv + self.agent_arguments, stdin=subprocess.DEVNULL,
                                          stdout=log, stderr=log, **more)
        if wait:
            wait_for(self._agent_answers, 30, "the agent answers")

    def _agent_answers(self):
        if self.agent.poll() is not None:
            raise AssertionError(f"the agent ended with {self.agent.returncode}")
        p = self.shunt("status", "-o", "json", check=False)
        # without an agent it shows what the kernel has, and that is no failure
        return p.returncode == 0 and json.loads(p.stdout).get("pid") == self.agent.pid

    def stop_agent(self):
        """SIGTERM; its exit status."""
        self.agent.terminate()
        return self.agent.wait(30)

    def kill_agent(self):
        self.agent.kill()
        self.agent.wait(30)

    def show_log(self):
        with contextlib.suppress(OSError, TypeError, AttributeError):
            with open(self.log, encoding="utf-8", errors="replace") as f:
                for line in f.readlines()[-100:]:
                    print("# agent:", line, end="")

    # The command line and the config folder.

    def shunt(self, *args, check=True, **more):
        return run(SHUNT, args[0], "--root", self.root, *args[1:], check=check, **more)

    def json(self, *args, **more):
        return json.loads(self.shunt(*args, "-o", "json", **more).stdout)

    def status(self):
        return self.json("status")

    def apply(self, text, check=True):
        """Returns when it is in force."""
        return self.shunt("apply", "-f", "-", check=check, input=text)

    def write(self, name, text):
        """As a careful operator does: whole, by a rename."""
        path = os.path.join(self.config, name)
        with open(path + ".new", "w", encoding="utf-8") as f:
            f.write(text)
        os.rename(path + ".new", path)

    def remove(self, name):
        os.unlink(os.path.join(self.config, name))

    def give_hosts(self, *args):
        """Gives every pod the names of all services."""
        path = os.path.join(self.folder, "hosts")
        with open(path, "w", encoding="utf-8") as f:
            f.write(self.shunt("hosts", *args).stdout)
        self.pods.hosts(path)

    # Clients; all of them run in the mesh's cgroup.

    def _client(self, target, pod, options, program=CLIENT):
        if pod:
            options = {"netns": self.pods.netns(pod), **options}
        return client_arguments(target, {"cgroup": self.cgroup, **options}, program)

    def client(self, target, pod=None, timeout=120, program=CLIENT, **options):
        """Runs a client to its end, on the host or in a pod; its tally. With print_sequence=True
        also "sequence", a list of (pod, version)."""
        argv = self._client(target, pod, options, program)
        out = run(*argv, timeout=timeout).stdout.splitlines()
        tally = json.loads(out[-1])
        tally["sequence"] = [tuple(line.split()) for line in out[:-1]]
        return tally

    def datagrams(self, target, pod=None, **options):
        """The same by UDP."""
        return self.client(target, pod, program=DATAGRAMS, **options)

    def hold(self, target, pod=None, program=CLIENT, **options):
        """A client that keeps its connections open until closed; see Held."""
        held = Held(self._client(target, pod, {"hold": True, **options}, program))
        self.held.append(held)
        return held

    def spawn(self, target, pod=None, **options):
        """A client that runs beside the test; its Popen, to be read with communicate()."""
        return subprocess.Popen(self._client(target, pod, options), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    wait_for = staticmethod(wait_for)

    # The end.

    def close(self):
        """Leaves nothing behind, whatever state it is called in; each step is tried."""
        if self not in living:
            return
        living.remove(self)
        faults = []
        for step in (self._end_clients, self._unload, self._end_agent, self._end_pods,
                     self._end_cgroup, self._end_folder):
            try:
                step()
            except Exception as e:  # pylint: disable=broad-except
                faults.append(f"{step.__name__}: {e}")
        atexit.unregister(self.close)
        if faults:
            raise AssertionError("clean-up: " + "; ".join(faults))

    def _end_clients(self):
        for held in self.held:
            held.kill()

    def _unload(self):
        if self.agent:
            self.shunt("unload", "--force")

    def _end_agent(self):
        if self.agent and self.agent.poll() is None:
            self.kill_agent()

    def _end_pods(self):
        if self.cgroup:
            run(PODS, "down", "--prefix", self.id + "-")

    def _cgroups(self):
        """Inner ones first."""
        return [path for path, _, _ in os.walk(self.cgroup, topdown=False)]

    def _cgroup_pids(self):
        pids = []
        for path in self._cgroups():
            with open(os.path.join(path, "cgroup.procs"), encoding="utf-8") as f:
                pids += [int(pid) for pid in f.read().split()]
        return pids

    def _end_cgroup(self):
        if not self.cgroup or not os.path.isdir(self.cgroup):
            return
        for pid in self._cgroup_pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not self._cgroup_pids(), 10, "the cgroup is empty")
        for path in self._cgroups():
            wait_for(lambda p=path: self._removed(p), 10, f"{path} is free")

    @staticmethod
    def _removed(path):
        """The last process of a cgroup holds it a little longer than it is listed there."""
        try:
            os.rmdir(path)
        except OSError as e:
            if e.errno != errno.EBUSY:
                raise
            return False
        return True

    def _end_folder(self):
        if self.folder:
            shutil.rmtree(self.folder)


def show_logs():
    for mesh in living:
        mesh.show_log()


show_on_failure.append(show_logs)

# SPDX-License-Identifier: GPL-2.0
"""Rows about plain Services: Shunt beside the rules that kube-proxy writes for nftables.

Each way has a network namespace of its own, as connection tracking slows whatever shares one with
rules that translate addresses. The client calls one Service of many, with two local endpoints.
"""
import os
import shutil

import mesh
import scale
from ground import Ground
from peers import Absent, program
from ways import Load, Row, Way, Ways, wrk, wrk_read

SIZES = (10, 1000, 10000)
LEAST = {10: 1.0, 1000: 1.1, 10000: 1.1}
HERE = "10.103.0.1"  # the address of the namespace
PORTS = (8081, 8082)

ROWS = [Row(f"kube_conn_{n}", f"services-{n}", f"shunt-{n}", f"kube-{n}",
            f"connections/s among {n:,} Services against kube-proxy's nftables rules",
            least=LEAST[n], noise=5) for n in SIZES]

SERVER = """daemon off; master_process off; pid {folder}/kube-{name}.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; multi_accept on; }}
http {{
	access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
	fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
	server {{
		listen {here}:{first} backlog=4096; listen {here}:{second} backlog=4096;
		location / {{ return 200 "hello\\n"; }}
	}}
}}
"""

# As kube-proxy 1.31 writes them: one look-up in a map, a chain for the Service, one for each endpoint;
# what it does with hairpins and with callers from outside the cluster stands there, too.
TABLE = """table ip kube-proxy {{
	chain mark-for-masquerade {{ meta mark set mark or 0x4000; }}
	chain masquerading {{
		meta mark & 0x4000 == 0 return
		meta mark set mark xor 0x4000
		masquerade fully-random
	}}
{chains}
	map service-ips {{
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = {{ {elements} }}
	}}
	set cluster-ips {{ type ipv4_addr; elements = {{ {addresses} }}; }}
	map no-endpoint-services {{ type ipv4_addr . inet_proto . inet_service : verdict; }}
	chain services {{ ip daddr . meta l4proto . th dport vmap @service-ips; }}
	chain cluster-ips-check {{ ip daddr @cluster-ips reject; }}
	chain service-endpoints-check {{
		ip daddr . meta l4proto . th dport vmap @no-endpoint-services
	}}
	chain filter-output {{
		type filter hook output priority 0;
		ct state new jump service-endpoints-check
	}}
	chain filter-input {{
		type filter hook input priority 0;
		ct state new jump service-endpoints-check
	}}
	chain filter-output-post-dnat {{
		type filter hook output priority -90;
		ct state new jump cluster-ips-check
	}}
	chain nat-output {{ type nat hook output priority -100; jump services; }}
	chain nat-prerouting {{ type nat hook prerouting priority -100; jump services; }}
	chain nat-postrouting {{ type nat hook postrouting priority 100; jump masquerading; }}
}}
"""

CHAINS = """	chain endpoint-{n}-0 {{
		ip saddr {one} jump mark-for-masquerade
		meta l4proto tcp dnat to {first}
	}}
	chain endpoint-{n}-1 {{
		ip saddr {one} jump mark-for-masquerade
		meta l4proto tcp dnat to {second}
	}}
	chain service-{n} {{
		ip daddr {address} tcp dport 80 ip saddr != 10.0.0.0/8 jump mark-for-masquerade
		numgen random mod 2 vmap {{ 0 : goto endpoint-{n}-0, 1 : goto endpoint-{n}-1 }}
	}}
"""


def address(n):
    return f"10.100.{n >> 8}.{n & 255}"


def ends(n, called):
    """Its two endpoints: live ones of the Service that is called, else of no host."""
    if n == called:
        return [(HERE, port) for port in PORTS]
    return [(scale.far(2 * n + i), 8080) for i in range(2)]


def table(services, called):
    chains = []
    for n in range(services):
        (one, first), (two, second) = ends(n, called)
        chains.append(CHAINS.format(n=n, address=address(n), one="10.255.255.255",
                                    first=f"{one}:{first}", second=f"{two}:{second}"))
    return TABLE.format(
        chains="".join(chains), addresses=", ".join(map(address, range(services))),
        elements=", ".join(f"{address(n)} . tcp . 80 : goto service-{n}" for n in range(services)))


def entries(services, called):
    for n in range(services):
        yield scale.ENTRY.format(n=n, high=n >> 8, low=n & 255, endpoints="".join(
            scale.ENDPOINT.format(address=a, port=port, version=1) for a, port in ends(n, called)))


class Namespaces:
    """One for each way, with the server in it."""

    def __init__(self, ground):
        self.ground = ground

    def make(self, name, places):
        """Its name; the server's process ends with the ground."""
        netns = f"sb{os.getpid()}-{name}"
        stack = self.ground.stack
        mesh.run("ip", "netns", "add", netns)
        stack.callback(mesh.run, "ip", "netns", "del", netns, check=False)
        mesh.run("ip", "-n", netns, "link", "set", "lo", "up")
        mesh.run("ip", "-n", netns, "addr", "add", f"{HERE}/32", "dev", "lo")
        # kube-proxy's rules see a packet only when there is a way for it
        mesh.run("ip", "-n", netns, "route", "add", "10.100.0.0/16", "dev", "lo", "src", HERE)
        config = os.path.join(self.ground.folder, f"kube-{name}.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(SERVER.format(folder=self.ground.folder, name=name, here=HERE,
                                  first=PORTS[0], second=PORTS[1]))
        self.ground.spawn(["ip", "netns", "exec", netns, program("nginx"), "-p",
                           self.ground.folder, "-c", config], places, "server",
                          ready=lambda: not mesh.run(
                              "ip", "netns", "exec", netns, "curl", "-s", "-o", "/dev/null",
                              f"http://{HERE}:{PORTS[1]}/", check=False).returncode)
        return netns


class NetnsWay(Way):
    """Its client runs in the namespace."""

    def __init__(self, target, places, netns):
        super().__init__(target, places)
        self.netns = netns


def kube(ground, namespaces, services):
    if not shutil.which("nft"):
        raise Absent("nft is not installed (scripts/deps bench)")
    called = services // 2
    netns = namespaces.make(f"k{services}", ground.plain)
    path = os.path.join(ground.folder, f"kube-{services}.nft")
    with open(path, "w", encoding="utf-8") as f:
        f.write(table(services, called).replace("; ", "\n").replace(";}", "\n}"))
    mesh.run("ip", "netns", "exec", netns, "nft", "-f", path, timeout=120)
    return NetnsWay(f"{address(called)}:80", ground.plain, netns)


def shunt(stack, namespaces, services):
    called = services // 2
    m = stack.enter_context(mesh.Mesh(agent=False))
    places = Ground.places(m.cgroup)
    netns = namespaces.make(f"s{services}", places)
    texts = list(entries(services, called))
    for begin in range(0, services, scale.FILE_SERVICES):
        m.write(f"entries-{begin}.yaml", "".join(texts[begin:begin + scale.FILE_SERVICES]))
    m.start_agent()
    return NetnsWay(f"{address(called)}:80", places, netns)


def loads():
    for n in SIZES:
        yield Load(f"services-{n}", lambda way: [
            "ip", "netns", "exec", way.netns,
            *wrk(f"http://{way.target}/", 16, "-H", "Connection: close")], wrk_read)


def run(ground, stack, wanted, rounds):
    """The results of the wanted rows, and what each way did."""
    rows = [row for row in ROWS if wanted(row.name)]
    if not rows:
        return [], []
    namespaces = Namespaces(ground)
    make = {}
    for n in SIZES:
        make[f"kube-{n}"] = lambda n=n: kube(ground, namespaces, n)
        make[f"shunt-{n}"] = lambda n=n: shunt(stack, namespaces, n)
    ways = Ways(ground, make)
    return ways.all_rows(loads(), rows, rounds)

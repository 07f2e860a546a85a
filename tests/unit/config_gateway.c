// SPDX-License-Identifier: GPL-2.0
/* Gateway and Sidecar into their structures. */
#include "config_read.h"

TEST(gateway_is_decoded)
{
	struct config_read r = config_read(
		HEAD("Gateway") "spec:\n"
				"  selector: {istio: ingressgateway}\n"
				"  servers:\n"
				"  - name: web\n"
				"    port: {number: 443, name: https-web, protocol: https}\n"
				"    hosts: [./Shop.Example.com, 'ns/*.b.c', '*']\n"
				"    tls: {mode: SIMPLE, credentialName: shop}\n"
				"  - port: {number: 0, name: local, protocol: HTTP}\n"
				"    bind: unix:///run/a.sock\n"
				"    hosts: [a.b]\n");
	const struct gateway *g;
	const struct gateway_server *s;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	g = &r.objects[0]->gateway;
	CU_ASSERT_STRING_EQUAL(labels_get(&g->selector, "istio"), "ingressgateway");
	CU_ASSERT_EQUAL_FATAL(g->nr_servers, 2);
	s = g->servers;
	CU_ASSERT_STRING_EQUAL(s[0].name, "web");
	CU_ASSERT_STRING_EQUAL(s[0].bind, "");
	CU_ASSERT_STRING_EQUAL(s[0].port_name, "https-web");
	CU_ASSERT_STRING_EQUAL(s[0].protocol_text, "HTTPS");
	CU_ASSERT_EQUAL(s[0].protocol, PROTOCOL_HTTPS);
	CU_ASSERT_EQUAL(s[0].port, 443);
	CU_ASSERT_STRING_EQUAL(s[0].path, "spec.servers[0]");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s[0].tls);
	CU_ASSERT_EQUAL_FATAL(s[0].nr_hosts, 3);
	CU_ASSERT_STRING_EQUAL(s[0].hosts[0].namespace, "default");
	CU_ASSERT_STRING_EQUAL(s[0].hosts[0].host, "shop.example.com");
	CU_ASSERT_STRING_EQUAL(s[0].hosts[1].namespace, "ns");
	CU_ASSERT_STRING_EQUAL(s[0].hosts[1].host, "*.b.c");
	CU_ASSERT_STRING_EQUAL(s[0].hosts[2].namespace, "*");
	CU_ASSERT_EQUAL(s[0].hosts[2].place.line, 9);
	CU_ASSERT_STRING_EQUAL(s[1].bind, "unix:///run/a.sock");
	CU_ASSERT_EQUAL(s[1].port, 0);
	CU_ASSERT_PTR_NULL(s[1].tls);
	config_read_free(&r);
}

TEST(sidecar_egress_is_decoded)
{
	struct config_read r = config_read(
		HEAD("Sidecar") "spec:\n"
				"  workloadSelector: {labels: {app: a}}\n"
				"  egress:\n"
				"  - port: {number: 80, protocol: HTTP, name: web}\n"
				"    bind: 127.0.0.2\n"
				"    captureMode: NONE\n"
				"    hosts: [./A.b, ~prod/*, '~/c.d']\n"
				"  - hosts: ['*/*']\n"
				"  outboundTrafficPolicy:\n"
				"    mode: ALLOW_ANY\n"
				"    egressProxy: {host: out, port: {number: 443}, subset: v1}\n");
	const struct sidecar *s;
	const struct sidecar_host *hosts;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	s = &r.objects[0]->sidecar;
	CU_ASSERT_STRING_EQUAL(labels_get(&s->selector, "app"), "a");
	CU_ASSERT(s->has_egress && !s->has_ingress);
	CU_ASSERT_EQUAL_FATAL(s->nr_egress, 2);
	CU_ASSERT_EQUAL(s->egress[0].port, 80);
	CU_ASSERT_EQUAL(s->egress[0].protocol, PROTOCOL_HTTP);
	CU_ASSERT_EQUAL(s->egress[0].capture, CAPTURE_NONE);
	CU_ASSERT_STRING_EQUAL(s->egress[0].bind, "127.0.0.2");
	CU_ASSERT_EQUAL_FATAL(s->egress[0].nr_hosts, 3);
	hosts = s->egress[0].hosts;
	CU_ASSERT_EQUAL(s->egress[0].nr_wild, 1);
	CU_ASSERT_STRING_EQUAL(hosts[0].namespace, "prod");
	CU_ASSERT_STRING_EQUAL(hosts[1].namespace, "default");
	CU_ASSERT_STRING_EQUAL(hosts[1].host, "a.b");
	CU_ASSERT(hosts[0].exclude && !hosts[1].exclude && hosts[2].exclude);
	CU_ASSERT_STRING_EQUAL(hosts[2].namespace, "*");
	CU_ASSERT_STRING_EQUAL(hosts[2].host, "c.d");
	CU_ASSERT_EQUAL(s->egress[1].port, 0);
	CU_ASSERT_EQUAL(s->outbound, OUTBOUND_ALLOW_ANY);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->egress_proxy);
	CU_ASSERT_STRING_EQUAL(s->egress_proxy->host, "out.default.svc.cluster.local");
	CU_ASSERT_EQUAL(s->egress_proxy->port, 443);
	config_read_free(&r);
}

TEST(sidecar_ingress_is_decoded)
{
	struct config_read r = config_read(
		HEAD("Sidecar") "spec:\n"
				"  inboundConnectionPool: {tcp: {maxConnections: 7}}\n"
				"  ingress:\n"
				"  - port: {number: 443, protocol: TLS}\n"
				"    defaultEndpoint: '[::1]:8443'\n"
				"    tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}\n"
				"    connectionPool: {tcp: {maxConnections: 3}}\n"
				"  - port: {number: 80}\n");
	const struct sidecar *s;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	s = &r.objects[0]->sidecar;
	CU_ASSERT(!s->has_egress && s->has_ingress);
	CU_ASSERT_EQUAL(s->outbound, OUTBOUND_UNSET);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->inbound_pool);
	CU_ASSERT_EQUAL(s->inbound_pool->tcp->max_connections, 7);
	CU_ASSERT_EQUAL_FATAL(s->nr_ingress, 2);
	CU_ASSERT_STRING_EQUAL(s->ingress[0].default_endpoint, "[::1]:8443");
	CU_ASSERT_PTR_NOT_NULL(s->ingress[0].tls);
	CU_ASSERT_EQUAL(s->ingress[0].connection_pool->tcp->max_connections, 3);
	CU_ASSERT_STRING_EQUAL(s->ingress[1].default_endpoint, "");
	CU_ASSERT_EQUAL(s->ingress[1].protocol, PROTOCOL_AUTO);
	CU_ASSERT_PTR_NULL(s->ingress[1].connection_pool);
	config_read_free(&r);
}

TEST(sidecar_policy_without_a_mode_is_registry_only)
{
	struct config_read r =
		config_read(HEAD("Sidecar") "spec: {outboundTrafficPolicy: {}}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->sidecar.outbound, OUTBOUND_REGISTRY_ONLY);
	CU_ASSERT_EQUAL(r.diags.nr_warnings, 1);
	config_read_free(&r);
}

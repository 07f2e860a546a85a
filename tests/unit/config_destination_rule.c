// SPDX-License-Identifier: GPL-2.0
/* DestinationRule into its structure: every block as written, and the defaults of what was not. */
#include "config_read.h"

#define MS INT64_C(1000000)

static const struct destination_rule *rule_of(const struct config_read *r)
{
	CU_ASSERT_EQUAL_FATAL(r->nr, 1);
	CU_ASSERT_EQUAL(r->objects[0]->nr_later, 0);
	return &r->objects[0]->destination_rule;
}

TEST(bookinfo_subsets_are_decoded)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
								   "  host: reviews\n"
								   "  subsets:\n"
								   "  - name: v1\n"
								   "    labels: {version: v1}\n"
								   "  - name: v2\n"
								   "    labels:\n"
								   "      version: v2\n"
								   "      tier: back\n");
	const struct destination_rule *rule = rule_of(&r);

	CU_ASSERT_STRING_EQUAL(rule->host, "reviews.default.svc.cluster.local");
	CU_ASSERT_PTR_NULL(rule->policy);
	CU_ASSERT(!rule->has_workload_selector);
	CU_ASSERT_EQUAL_FATAL(rule->nr_subsets, 2);
	CU_ASSERT_STRING_EQUAL(rule->subsets[0].name, "v1");
	CU_ASSERT_STRING_EQUAL(labels_get(&rule->subsets[0].labels, "version"), "v1");
	CU_ASSERT_EQUAL(rule->subsets[1].labels.nr, 2);
	CU_ASSERT_PTR_NULL(rule->subsets[0].policy);
	CU_ASSERT_EQUAL(rule->subsets[1].place.line, 9);
	config_read_free(&r);
}

TEST(policies_of_rule_subset_and_port_are_kept_apart)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
		"  host: reviews\n"
		"  workloadSelector: {matchLabels: {app: web}}\n"
		"  trafficPolicy:\n"
		"    loadBalancer: {simple: LEAST_CONN}\n"
		"    portLevelSettings:\n"
		"    - port: {number: 80}\n"
		"      connectionPool: {tcp: {maxConnections: 7}}\n"
		"  subsets:\n"
		"  - name: v1\n"
		"    trafficPolicy:\n"
		"      connectionPool: {tcp: {maxConnections: 100}}\n"
		"      loadBalancer: {simple: UNSPECIFIED}\n");
	const struct destination_rule *rule = rule_of(&r);
	const struct traffic_policy *policy = rule->policy;

	CU_ASSERT(rule->has_workload_selector);
	CU_ASSERT_STRING_EQUAL(labels_get(&rule->workload_selector, "app"), "web");
	CU_ASSERT_EQUAL(policy->load_balancer->simple, LB_LEAST_REQUEST);
	CU_ASSERT_EQUAL(policy->load_balancer->place.line, 8);
	CU_ASSERT_PTR_NULL(policy->connection_pool);
	CU_ASSERT_EQUAL_FATAL(policy->nr_ports, 1);
	CU_ASSERT_EQUAL(policy->ports[0].port, 80);
	CU_ASSERT_EQUAL(policy->ports[0].policy.connection_pool->tcp->max_connections, 7);
	CU_ASSERT_PTR_NULL(policy->ports[0].policy.load_balancer);
	policy = rule->subsets[0].policy;
	CU_ASSERT_EQUAL(policy->connection_pool->tcp->max_connections, 100);
	CU_ASSERT_PTR_NULL(policy->connection_pool->http);
	CU_ASSERT_EQUAL(policy->load_balancer->simple, LB_UNSET);
	config_read_free(&r);
}

TEST(hash_warmup_and_locality_are_kept)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
		"  host: reviews\n"
		"  trafficPolicy:\n"
		"    outlierDetection: {}\n"
		"    loadBalancer:\n"
		"      consistentHash:\n"
		"        httpCookie:\n"
		"          name: session\n"
		"          path: /a\n"
		"          ttl: 500us\n"
		"          attributes: [{name: SameSite, value: Lax}, {name: Secure}]\n"
		"        maglev: {tableSize: 65537}\n"
		"      localityLbSetting:\n"
		"        distribute: [{from: us/a/*, to: {us/a/*: 80, eu: 20}}]\n"
		"        failoverPriority: [rack]\n"
		"      warmup: {duration: 30s, minimumPercent: 2.5}\n");
	const struct load_balancer *balancer = rule_of(&r)->policy->load_balancer;
	const struct consistent_hash *hash = balancer->hash;
	const struct locality_setting *locality = balancer->locality;

	CU_ASSERT_EQUAL(hash->key, HASH_COOKIE);
	CU_ASSERT_STRING_EQUAL(hash->name, "session");
	CU_ASSERT_STRING_EQUAL(hash->cookie_path, "/a");
	CU_ASSERT_EQUAL(hash->cookie_ttl, MS / 2);
	CU_ASSERT_EQUAL_FATAL(hash->cookie_attributes.nr, 2);
	CU_ASSERT_STRING_EQUAL(hash->cookie_attributes.at[0].value, "Lax");
	CU_ASSERT_STRING_EQUAL(hash->cookie_attributes.at[1].value, "");
	CU_ASSERT(hash->maglev);
	CU_ASSERT_EQUAL(hash->table_size, 65537);
	CU_ASSERT_EQUAL(hash->place.line, 9);
	CU_ASSERT(locality->enabled && !locality->zone_aware);
	CU_ASSERT_EQUAL_FATAL(locality->nr_distribute, 1);
	CU_ASSERT_STRING_EQUAL(locality->distribute[0].from, "us/a/*");
	CU_ASSERT_EQUAL_FATAL(locality->distribute[0].nr_to, 2);
	CU_ASSERT_STRING_EQUAL(locality->distribute[0].to[1].locality, "eu");
	CU_ASSERT_EQUAL(locality->distribute[0].to[1].weight, 20);
	CU_ASSERT_STRING_EQUAL(locality->failover_priority[0], "rack");
	CU_ASSERT_EQUAL(balancer->warmup->duration, 30000 * MS);
	CU_ASSERT_EQUAL(balancer->warmup->minimum_percent, 2.5);
	CU_ASSERT_EQUAL(balancer->warmup->aggression, 1);
	config_read_free(&r);
}

TEST(hash_keys_and_zones_are_told_apart)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
		"  host: reviews\n"
		"  subsets:\n"
		"  - name: header\n"
		"    trafficPolicy:\n"
		"      loadBalancer: {consistentHash: {httpHeaderName: x-user}}\n"
		"  - name: query\n"
		"    trafficPolicy:\n"
		"      loadBalancer: {consistentHash: {httpQueryParameterName: u}}\n"
		"  - name: address\n"
		"    trafficPolicy:\n"
		"      loadBalancer:\n"
		"        consistentHash:\n"
		"          useSourceIp: true\n"
		"          ringHash: {minimumRingSize: 2048}\n"
		"        warmupDurationSecs: 1.5s\n"
		"        zoneAwareLbSetting: {enabled: false, minClusterSize: 6}\n");
	const struct destination_rule *rule = rule_of(&r);
	const struct load_balancer *last = rule->subsets[2].policy->load_balancer;
	const struct consistent_hash *hash = rule->subsets[0].policy->load_balancer->hash;

	CU_ASSERT_EQUAL(hash->key, HASH_HEADER);
	CU_ASSERT_STRING_EQUAL(hash->name, "x-user");
	CU_ASSERT_EQUAL(hash->cookie_ttl, -1);
	CU_ASSERT(!hash->maglev && !hash->table_size);
	hash = rule->subsets[1].policy->load_balancer->hash;
	CU_ASSERT_EQUAL(hash->key, HASH_QUERY);
	CU_ASSERT_STRING_EQUAL(hash->name, "u");
	CU_ASSERT_EQUAL(last->hash->key, HASH_SOURCE_IP);
	CU_ASSERT_STRING_EQUAL(last->hash->name, "");
	CU_ASSERT_EQUAL(last->hash->table_size, 2048);
	CU_ASSERT_EQUAL(last->warmup->duration, 1500 * MS);
	CU_ASSERT_EQUAL(last->warmup->minimum_percent, 10);
	CU_ASSERT(last->locality->zone_aware && !last->locality->enabled);
	CU_ASSERT_EQUAL(last->locality->min_cluster_size, 6);
	config_read_free(&r);
}

TEST(connection_pools_are_kept)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
		"  host: reviews\n"
		"  trafficPolicy:\n"
		"    connectionPool:\n"
		"      tcp:\n"
		"        maxConnections: 3\n"
		"        connectTimeout: 30ms\n"
		"        maxConnectionDuration: 1h\n"
		"        idleTimeout: 0s\n"
		"        tcpKeepalive: {probes: 3, time: 1s, interval: 2s}\n"
		"      http:\n"
		"        http1MaxPendingRequests: 1\n"
		"        http2MaxRequests: 2\n"
		"        maxRequestsPerConnection: 3\n"
		"        maxRetries: 4\n"
		"        maxConcurrentStreams: 5\n"
		"        idleTimeout: 6s\n"
		"        h2UpgradePolicy: DO_NOT_UPGRADE\n"
		"        useClientProtocol: true\n"
		"        http2KeepAlive: {interval: 7s, timeout: 8s}\n");
	const struct connection_pool *pool = rule_of(&r)->policy->connection_pool;
	const struct tcp_pool *tcp = pool->tcp;
	const struct http_pool *http = pool->http;

	CU_ASSERT_EQUAL(tcp->max_connections, 3);
	CU_ASSERT_EQUAL(tcp->connect_timeout, 30 * MS);
	CU_ASSERT_EQUAL(tcp->max_connection_duration, 3600000 * MS);
	CU_ASSERT(tcp->has_idle_timeout && !tcp->idle_timeout);
	CU_ASSERT_EQUAL(tcp->keepalive->probes, 3);
	CU_ASSERT_EQUAL(tcp->keepalive->time, 1000 * MS);
	CU_ASSERT_EQUAL(tcp->keepalive->interval, 2000 * MS);
	CU_ASSERT_EQUAL(http->max_pending_requests, 1);
	CU_ASSERT_EQUAL(http->max_requests, 2);
	CU_ASSERT_EQUAL(http->max_requests_per_connection, 3);
	CU_ASSERT_EQUAL(http->max_retries, 4);
	CU_ASSERT_EQUAL(http->max_concurrent_streams, 5);
	CU_ASSERT_EQUAL(http->idle_timeout, 6000 * MS);
	CU_ASSERT_EQUAL(http->h2_upgrade, H2_DO_NOT_UPGRADE);
	CU_ASSERT(http->use_client_protocol);
	CU_ASSERT_EQUAL(http->h2_keepalive_interval, 7000 * MS);
	CU_ASSERT_EQUAL(http->h2_keepalive_timeout, 8000 * MS);
	CU_ASSERT_EQUAL(pool->place.line, 7);
	CU_ASSERT_EQUAL(tcp->place.line, 8);
	CU_ASSERT_EQUAL(http->place.line, 14);
	config_read_free(&r);
}

TEST(outlier_detection_has_its_defaults)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
		"  host: reviews\n"
		"  trafficPolicy:\n"
		"    outlierDetection: {maxEjectionPercent: 0}\n"
		"  subsets:\n"
		"  - name: v1\n"
		"    trafficPolicy:\n"
		"      outlierDetection:\n"
		"        consecutive5xxErrors: 0\n"
		"        consecutiveGatewayErrors: 4\n"
		"        consecutiveLocalOriginFailures: 2\n"
		"        splitExternalLocalOriginErrors: true\n"
		"        interval: 1s\n"
		"        baseEjectionTime: 2s\n"
		"        maxEjectionPercent: 100\n"
		"        minHealthPercent: 50\n"
		"        outlierDetectionHttpErrorCodes: [429, 503]\n");
	const struct destination_rule *rule = rule_of(&r);
	const struct outlier_detection *outlier = rule->policy->outlier_detection;

	CU_ASSERT(!outlier->has_5xx && !outlier->has_gateway && !outlier->has_local_origin);
	CU_ASSERT_EQUAL(outlier->interval, 10000 * MS);
	CU_ASSERT_EQUAL(outlier->base_ejection_time, 30000 * MS);
	CU_ASSERT_EQUAL(outlier->max_ejection_percent, 10);
	CU_ASSERT_EQUAL(outlier->place.line, 7);
	outlier = rule->subsets[0].policy->outlier_detection;
	CU_ASSERT(outlier->has_5xx && outlier->has_gateway && outlier->has_local_origin);
	CU_ASSERT_EQUAL(outlier->consecutive_5xx, 0);
	CU_ASSERT_EQUAL(outlier->consecutive_gateway, 4);
	CU_ASSERT_EQUAL(outlier->consecutive_local_origin, 2);
	CU_ASSERT(outlier->split_local_origin);
	CU_ASSERT_EQUAL(outlier->interval, 1000 * MS);
	CU_ASSERT_EQUAL(outlier->base_ejection_time, 2000 * MS);
	CU_ASSERT_EQUAL(outlier->max_ejection_percent, 100);
	CU_ASSERT_EQUAL(outlier->min_health_percent, 50);
	CU_ASSERT_EQUAL_FATAL(outlier->nr_http_error_codes, 2);
	CU_ASSERT_EQUAL(outlier->http_error_codes[0], 429);
	config_read_free(&r);
}

TEST(tls_tunnel_proxy_protocol_and_budget_are_kept)
{
	struct config_read r = config_read(HEAD("DestinationRule")
		"spec:\n"
		"  host: reviews\n"
		"  trafficPolicy:\n"
		"    tls:\n"
		"      mode: MUTUAL\n"
		"      clientCertificate: /c.pem\n"
		"      privateKey: /k.pem\n"
		"      sni: a.b\n"
		"      subjectAltNames: [c.d]\n"
		"    tunnel: {protocol: POST, targetHost: a.b, targetPort: 443}\n"
		"    retryBudget: {}\n"
		"  subsets:\n"
		"  - name: v1\n"
		"    trafficPolicy:\n"
		"      proxyProtocol: {version: V2}\n"
		"      tls: {mode: ISTIO_MUTUAL}\n"
		"      retryBudget:\n"
		"        {percent: 0.5, budgetInterval: 1ms, minRetryConcurrency: 1}\n");
	const struct destination_rule *rule = rule_of(&r);
	const struct traffic_policy *policy = rule->policy;

	CU_ASSERT_EQUAL(policy->tls->mode, CLIENT_TLS_MUTUAL);
	CU_ASSERT_STRING_EQUAL(policy->tls->client_certificate, "/c.pem");
	CU_ASSERT_STRING_EQUAL(policy->tls->private_key, "/k.pem");
	CU_ASSERT_STRING_EQUAL(policy->tls->credential_name, "");
	CU_ASSERT_STRING_EQUAL(policy->tls->sni, "a.b");
	CU_ASSERT_STRING_EQUAL(policy->tls->subject_alt_names[0], "c.d");
	CU_ASSERT_EQUAL(policy->tls->place.line, 7);
	CU_ASSERT(policy->tunnel->post);
	CU_ASSERT_STRING_EQUAL(policy->tunnel->target_host, "a.b");
	CU_ASSERT_EQUAL(policy->tunnel->target_port, 443);
	CU_ASSERT_PTR_NULL(policy->proxy_protocol);
	CU_ASSERT_EQUAL(policy->retry_budget->percent, 20);
	CU_ASSERT_EQUAL(policy->retry_budget->min_concurrency, 3);
	policy = rule->subsets[0].policy;
	CU_ASSERT_EQUAL(policy->tls->mode, CLIENT_TLS_ISTIO_MUTUAL);
	CU_ASSERT(policy->proxy_protocol->v2);
	CU_ASSERT_EQUAL(policy->retry_budget->percent, 0.5);
	CU_ASSERT_EQUAL(policy->retry_budget->interval, MS);
	CU_ASSERT_EQUAL(policy->retry_budget->min_concurrency, 1);
	CU_ASSERT_PTR_NULL(policy->tunnel);
	config_read_free(&r);
}

// SPDX-License-Identifier: GPL-2.0
/* DestinationRule into its structure: which blocks are set. */
#include "config_read.h"

TEST(bookinfo_subsets_are_decoded)
{
	struct config_read r = config_read(HEAD("DestinationRule") "spec:\n"
								   "  host: reviews\n"
								   "  subsets:\n"
								   "  - name: v1\n"
								   "    labels: {version: v1}\n"
								   "  - name: v2\n"
								   "    labels:\n"
								   "      version: v2\n"
								   "      tier: back\n");
	const struct destination_rule *rule;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	rule = &r.objects[0]->destination_rule;
	CU_ASSERT_STRING_EQUAL(rule->host, "reviews.default.svc.cluster.local");
	CU_ASSERT(!rule->has_policy);
	CU_ASSERT_EQUAL_FATAL(rule->nr_subsets, 2);
	CU_ASSERT_STRING_EQUAL(rule->subsets[0].name, "v1");
	CU_ASSERT_STRING_EQUAL(labels_get(&rule->subsets[0].labels, "version"), "v1");
	CU_ASSERT_EQUAL(rule->subsets[1].labels.nr, 2);
	CU_ASSERT(!rule->subsets[0].has_policy);
	CU_ASSERT_EQUAL(rule->subsets[1].place.line, 9);
	config_read_free(&r);
}

TEST(policy_blocks_are_decoded)
{
	struct config_read r = config_read(
		HEAD("DestinationRule") "spec:\n"
					"  host: reviews\n"
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
	const struct destination_rule *rule;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	rule = &r.objects[0]->destination_rule;
	CU_ASSERT(rule->has_policy);
	CU_ASSERT(rule->policy.policy.has_load_balancer);
	CU_ASSERT_EQUAL(rule->policy.policy.simple, LB_LEAST_REQUEST);
	CU_ASSERT(!rule->policy.policy.has_connection_pool);
	CU_ASSERT_EQUAL_FATAL(rule->policy.nr_ports, 1);
	CU_ASSERT_EQUAL(rule->policy.ports[0].port, 80);
	CU_ASSERT_EQUAL(rule->policy.ports[0].policy.max_connections, 7);
	CU_ASSERT(!rule->policy.ports[0].policy.has_load_balancer);
	CU_ASSERT_EQUAL_FATAL(rule->nr_subsets, 1);
	CU_ASSERT(rule->subsets[0].has_policy);
	CU_ASSERT(rule->subsets[0].policy.policy.has_connection_pool);
	CU_ASSERT_EQUAL(rule->subsets[0].policy.policy.max_connections, 100);
	CU_ASSERT_EQUAL(rule->subsets[0].policy.policy.simple, LB_UNSET);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	config_read_free(&r);
}

TEST(blocks_not_in_force_leave_the_rest_in_force)
{
	struct config_read r = config_read(
		HEAD("DestinationRule") "spec:\n"
					"  host: reviews\n"
					"  trafficPolicy:\n"
					"    loadBalancer: {consistentHash: {useSourceIp: true}}\n"
					"    connectionPool:\n"
					"      tcp: {maxConnections: 3, connectTimeout: 30ms}\n"
					"      http: {http1MaxPendingRequests: 1}\n"
					"    outlierDetection: {interval: 1s}\n"
					"    tls: {mode: SIMPLE}\n");
	static const char *const want[] = {
		"spec.trafficPolicy.loadBalancer.consistentHash",
		"spec.trafficPolicy.connectionPool.tcp.connectTimeout",
		"spec.trafficPolicy.connectionPool.http",
		"spec.trafficPolicy.outlierDetection",
		"spec.trafficPolicy.tls",
	};
	const struct traffic_policy *policy;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	policy = &r.objects[0]->destination_rule.policy.policy;
	CU_ASSERT(!policy->has_load_balancer);
	CU_ASSERT_EQUAL(policy->max_connections, 3);
	CU_ASSERT_EQUAL_FATAL(r.objects[0]->nr_later, 5);
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_STRING_EQUAL(r.objects[0]->later[i].path, want[i]);
	config_read_free(&r);
}

TEST(tls_disable_is_in_force)
{
	struct config_read r = config_read(
		HEAD("DestinationRule") "spec: {host: a, trafficPolicy: {tls: {mode: DISABLE}}}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	config_read_free(&r);
}

TEST(export_to_everyone_is_in_force_and_less_is_not)
{
	struct config_read all =
		config_read(HEAD("DestinationRule") "spec: {host: a, exportTo: ['*']}\n");
	struct config_read own =
		config_read(HEAD("DestinationRule") "spec: {host: a, exportTo: ['.']}\n");

	CU_ASSERT_EQUAL_FATAL(all.nr, 1);
	CU_ASSERT_EQUAL(all.objects[0]->nr_later, 0);
	CU_ASSERT_EQUAL_FATAL(own.nr, 1);
	CU_ASSERT_STRING_EQUAL(own.objects[0]->later[0].path, "spec.exportTo");
	config_read_free(&all);
	config_read_free(&own);
}

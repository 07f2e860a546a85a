// SPDX-License-Identifier: GPL-2.0
/* trafficPolicy: which blocks are set, and what of them is in force. */
#include <string.h>
#include "config/checks.h"
#include "config/policy.h"

bool is_set(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type != NODE_NULL;
}

static const struct word h2_upgrade[] = {{"DEFAULT"}, {"DO_NOT_UPGRADE"}, {"UPGRADE"}, {0}};

static const struct field keepalive_fields[] = {
	{"interval", FIELD_DURATION, .flags = FIELD_REQUIRED},
	{"timeout", FIELD_DURATION, .flags = FIELD_REQUIRED},
	{0},
};
static const struct message keepalive = {keepalive_fields};

static void check_http_pool(struct decoder *d, const struct node *n, void *into)
{
	const char *upgrade = text_of(n, "h2UpgradePolicy");
	const char *client = text_of(n, "useClientProtocol");

	(void)into;
	if (upgrade && client && !strcmp(upgrade, "UPGRADE") && !strcmp(client, "true"))
		decode_error_key(d, n, "useClientProtocol",
				 "stands beside h2UpgradePolicy UPGRADE, want only one of them");
}

static const struct field http_pool_fields[] = {
	{"h2UpgradePolicy", FIELD_WORD, .words = h2_upgrade},
	{"http1MaxPendingRequests", FIELD_INTEGER, INT32_RANGE},
	{"http2KeepAlive", FIELD_MESSAGE, .message = &keepalive},
	{"http2MaxRequests", FIELD_INTEGER, INT32_RANGE},
	{"idleTimeout", FIELD_DURATION},
	{"maxConcurrentStreams", FIELD_INTEGER, INT32_RANGE},
	{"maxRequestsPerConnection", FIELD_INTEGER, INT32_RANGE},
	{"maxRetries", FIELD_INTEGER, INT32_RANGE},
	{"useClientProtocol", FIELD_BOOL},
	{0},
};
static const struct message http_pool = {http_pool_fields, .check = check_http_pool};

static const struct field tcp_keepalive_fields[] = {
	{"interval", FIELD_DURATION},
	{"probes", FIELD_INTEGER},
	{"time", FIELD_DURATION},
	{0},
};
static const struct message tcp_keepalive = {tcp_keepalive_fields};

static const struct field tcp_pool_fields[] = {
	{"connectTimeout", FIELD_DURATION, .flags = FIELD_LATER},
	{"idleTimeout", FIELD_DURATION, .flags = FIELD_LATER | FIELD_ZERO},
	{"maxConnectionDuration", FIELD_DURATION, .flags = FIELD_LATER},
	{"maxConnections", FIELD_INTEGER, INT32_RANGE, INTO(struct tcp_pool, max_connections)},
	{"tcpKeepalive", FIELD_MESSAGE, .message = &tcp_keepalive, .flags = FIELD_LATER},
	{0},
};
static const struct message tcp_pool = {tcp_pool_fields};

static void check_pool(struct decoder *d, const struct node *n, void *into)
{
	struct connection_pool *pool = into;

	if (!is_set(n, "tcp") && !is_set(n, "http"))
		decode_error(d, n, "is empty, want tcp or http");
	if (pool)
		pool->place = n->place;
}

static const struct field pool_fields[] = {
	{"http", FIELD_MESSAGE, .message = &http_pool, .flags = FIELD_LATER},
	{"tcp", FIELD_MESSAGE, .message = &tcp_pool, INTO_MADE(struct connection_pool, tcp)},
	{0},
};
const struct message connection_pool = {pool_fields, .check = check_pool};

static void check_errors(struct decoder *d, const struct node *n, void *into)
{
	const char *local = text_of(n, "consecutiveLocalOriginFailures");
	const char *split = text_of(n, "splitExternalLocalOriginErrors");
	const char *legacy = text_of(n, "consecutiveErrors");

	(void)into;
	if (local && strcmp(local, "0") && (!split || strcmp(split, "true")))
		decode_error_key(d, n, "consecutiveLocalOriginFailures",
				 "has no effect alone, want splitExternalLocalOriginErrors: true");
	if (legacy && strcmp(legacy, "0"))
		decode_warning_key(d, n, "consecutiveErrors",
				   "has no effect any more, want consecutive5xxErrors");
}

static const struct field outlier_fields[] = {
	{"baseEjectionTime", FIELD_DURATION},
	{"consecutive5xxErrors", FIELD_INTEGER},
	{"consecutiveErrors", FIELD_INTEGER, .min = INT32_MIN, .max = INT32_MAX},
	{"consecutiveGatewayErrors", FIELD_INTEGER},
	{"consecutiveLocalOriginFailures", FIELD_INTEGER},
	{"interval", FIELD_DURATION},
	{"maxEjectionPercent", FIELD_INTEGER, .max = 100},
	{"minHealthPercent", FIELD_INTEGER, .max = 100},
	{"outlierDetectionHttpErrorCodes", FIELD_INTEGER, FIELD_LIST, .min = 100, .max = 599},
	{"splitExternalLocalOriginErrors", FIELD_BOOL},
	{0},
};
static const struct message outlier_detection = {outlier_fields, .check = check_errors};

static const struct field port_number_fields[] = {
	{"number", FIELD_INTEGER, PORT_RANGE, INTO_REQUIRED(struct port_policy, port)},
	{0},
};
static const struct message policy_port = {port_number_fields};

#define POLICY_BLOCKS(s, in)                                                                       \
	{"connectionPool", FIELD_MESSAGE, .message = &connection_pool,                             \
	 INTO_MADE(s, in connection_pool)},                                                        \
		{"loadBalancer", FIELD_MESSAGE, .message = &load_balancer,                         \
		 INTO_MADE(s, in load_balancer)},                                                  \
		{"outlierDetection", FIELD_MESSAGE, .message = &outlier_detection,                 \
		 .flags = FIELD_LATER},                                                            \
	{                                                                                          \
		"tls", FIELD_MESSAGE, .message = &client_tls                                       \
	}

static bool has_block(const struct node *n)
{
	return is_set(n, "connectionPool") || is_set(n, "loadBalancer") ||
	       is_set(n, "outlierDetection") || is_set(n, "tls");
}

static void check_port_level(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!has_block(n))
		decode_error(d, n,
			     "sets nothing, want loadBalancer, connectionPool, "
			     "outlierDetection or tls");
}

static const struct field port_level_fields[] = {
	{"port", FIELD_MESSAGE, .message = &policy_port, SAME_REQUIRED},
	POLICY_BLOCKS(struct port_policy, policy.),
	{0},
};
static const struct message port_level = {port_level_fields, sizeof(struct port_policy),
					  check_port_level};

static const struct word tunnel_protocols[] = {{""}, {"CONNECT"}, {"POST"}, {0}};
static const struct field tunnel_fields[] = {
	{"protocol", FIELD_WORD, .words = tunnel_protocols},
	{"targetHost", .flags = FIELD_REQUIRED, .check = check_wild_host},
	{"targetPort", FIELD_INTEGER, PORT_RANGE, .flags = FIELD_REQUIRED},
	{0},
};
static const struct message tunnel = {tunnel_fields};

static const struct word proxy_versions[] = {{"V1"}, {"V2"}, {0}};
static const struct field proxy_protocol_fields[] = {
	{"version", FIELD_WORD, .words = proxy_versions},
	{0},
};
static const struct message proxy_protocol = {proxy_protocol_fields};

static const struct field retry_budget_fields[] = {
	{"budgetInterval", FIELD_DURATION, .flags = FIELD_ZERO},
	{"minRetryConcurrency", FIELD_INTEGER},
	{"percent", FIELD_NUMBER, .max = 100, .want = "a number from 0 to 100"},
	{0},
};
static const struct message retry_budget = {retry_budget_fields};

static void check_policy(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!has_block(n) && !is_set(n, "portLevelSettings") && !is_set(n, "tunnel") &&
	    !is_set(n, "proxyProtocol") && !is_set(n, "retryBudget"))
		decode_error(d, n,
			     "sets nothing, want loadBalancer, connectionPool or another block");
	if (is_set(n, "tunnel") && is_set(n, "proxyProtocol"))
		decode_error_key(d, n, "proxyProtocol",
				 "stands beside tunnel, want only one of them");
}

static const struct field policy_fields[] = {
	POLICY_BLOCKS(struct traffic_policy, ),
	{"portLevelSettings", FIELD_MESSAGE, .message = &port_level,
	 INTO_LIST(struct traffic_policy, ports), .at_most = 4096},
	{"proxyProtocol", FIELD_MESSAGE, .message = &proxy_protocol, .flags = FIELD_LATER},
	{"retryBudget", FIELD_MESSAGE, .message = &retry_budget, .flags = FIELD_LATER},
	{"tunnel", FIELD_MESSAGE, .message = &tunnel, .flags = FIELD_LATER},
	{0},
};
const struct message traffic_policy = {policy_fields, .check = check_policy};

// SPDX-License-Identifier: GPL-2.0
/* trafficPolicy: its blocks, each kept whole, and what they may not say together. */
#include <ctype.h>
#include <string.h>
#include "config/checks.h"
#include "config/names.h"
#include "config/policy.h"

#define SECOND INT64_C(1000000000)

bool is_set(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type != NODE_NULL;
}

bool is_given(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	if (!n || n->type == NODE_NULL)
		return false;
	if (n->type == NODE_LIST || n->type == NODE_MAP)
		return n->nr;
	return n->length;
}

bool is_true(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type == NODE_BOOL && tolower((unsigned char)*n->text) == 't';
}

void text_fill(const char **text)
{
	if (!*text)
		*text = "";
}

static void outlier_fill(const struct node *n, struct outlier_detection *outlier)
{
	outlier->has_5xx = is_set(n, "consecutive5xxErrors");
	outlier->has_gateway = is_set(n, "consecutiveGatewayErrors");
	outlier->has_local_origin = is_set(n, "consecutiveLocalOriginFailures");
	if (!outlier->interval)
		outlier->interval = 10 * SECOND;
	if (!outlier->base_ejection_time)
		outlier->base_ejection_time = 30 * SECOND;
	if (!outlier->max_ejection_percent)
		outlier->max_ejection_percent = 10;
	outlier->place = n->key_place;
}

static void check_outlier(struct decoder *d, const struct node *n, void *into)
{
	struct outlier_detection *outlier = into;
	const char *legacy = text_of(n, "consecutiveErrors");

	outlier_fill(n, outlier);
	if (outlier->consecutive_local_origin && !outlier->split_local_origin)
		decode_error_key(d, n, "consecutiveLocalOriginFailures",
				 "has no effect alone, want splitExternalLocalOriginErrors: true");
	if (legacy && strcmp(legacy, "0"))
		decode_warning_key(d, n, "consecutiveErrors",
				   "has no effect any more, want consecutive5xxErrors");
}

static const struct field outlier_fields[] = {
	{"baseEjectionTime", FIELD_DURATION, INTO(struct outlier_detection, base_ejection_time)},
	{"consecutive5xxErrors", FIELD_INTEGER, INTO(struct outlier_detection, consecutive_5xx)},
	{"consecutiveErrors", FIELD_INTEGER, .min = INT32_MIN, .max = INT32_MAX},
	{"consecutiveGatewayErrors", FIELD_INTEGER,
	 INTO(struct outlier_detection, consecutive_gateway)},
	{"consecutiveLocalOriginFailures", FIELD_INTEGER,
	 INTO(struct outlier_detection, consecutive_local_origin)},
	{"interval", FIELD_DURATION, INTO(struct outlier_detection, interval)},
	{"maxEjectionPercent", FIELD_INTEGER, .max = 100,
	 INTO(struct outlier_detection, max_ejection_percent)},
	{"minHealthPercent", FIELD_INTEGER, .max = 100,
	 INTO(struct outlier_detection, min_health_percent)},
	{"outlierDetectionHttpErrorCodes", FIELD_INTEGER,
	 INTO_LIST(struct outlier_detection, http_error_codes), .min = 100, .max = 599},
	{"splitExternalLocalOriginErrors", FIELD_BOOL,
	 INTO(struct outlier_detection, split_local_origin)},
	{0},
};
static const struct message outlier_detection = {outlier_fields, .check = check_outlier};

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
		 INTO_MADE(s, in outlier_detection)},                                              \
	{                                                                                          \
		"tls", FIELD_MESSAGE, .message = &client_tls, INTO_MADE(s, in tls)                 \
	}

static bool has_block(const struct node *n)
{
	return is_set(n, "connectionPool") || is_set(n, "loadBalancer") ||
	       is_set(n, "outlierDetection") || is_set(n, "tls");
}

/* Who never ejects an endpoint has nothing to fail over from. */
static void check_failover(struct decoder *d, const struct node *n)
{
	static const char *const settings[] = {"localityLbSetting", "zoneAwareLbSetting"};
	static const char *const ways[] = {"failover", "failoverPriority"};

	for (size_t i = 0; i < 4 && !is_set(n, "outlierDetection"); i++) {
		const struct node *setting = node_get(node_get(n, "loadBalancer"), settings[i / 2]);

		if (is_given(setting, ways[i % 2]) && !is_given(setting, "distribute"))
			decode_warning_key(d, setting, ways[i % 2],
					   "has no effect without outlierDetection, want it beside "
					   "loadBalancer");
	}
}

static void check_port_level(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!has_block(n))
		decode_error(d, n,
			     "sets nothing, want loadBalancer, connectionPool, "
			     "outlierDetection or tls");
	check_failover(d, n);
}

static const struct field port_level_fields[] = {
	{"port", FIELD_MESSAGE, .message = &policy_port, SAME_REQUIRED},
	POLICY_BLOCKS(struct port_policy, policy.),
	{0},
};
static const struct message port_level = {port_level_fields, sizeof(struct port_policy),
					  check_port_level};

static void check_tunnel_protocol(struct decoder *d, const struct node *n, void *into)
{
	struct tunnel *tunnel = into;

	tunnel->post = !strcmp(n->text, "POST");
	if (n->length && !tunnel->post && strcmp(n->text, "CONNECT"))
		decode_error(d, n, "%s is not known, want CONNECT or POST", quoted(d, n));
}

static void check_tunnel_host(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_fqdn(n->text) && !name_is_address(n->text))
		decode_error(d, n, "%s is no host, want a DNS name or an address", quoted(d, n));
}

static void check_tunnel(struct decoder *d, const struct node *n, void *into)
{
	struct tunnel *tunnel = into;

	(void)d;
	tunnel->place = n->key_place;
}

static const struct field tunnel_fields[] = {
	{"protocol", .check = check_tunnel_protocol},
	{"targetHost", INTO_REQUIRED(struct tunnel, target_host), .check = check_tunnel_host},
	{"targetPort", FIELD_INTEGER, PORT_RANGE, INTO_REQUIRED(struct tunnel, target_port)},
	{0},
};
static const struct message tunnel = {tunnel_fields, .check = check_tunnel};

static void check_proxy_protocol(struct decoder *d, const struct node *n, void *into)
{
	struct proxy_protocol *protocol = into;
	const char *version = text_of(n, "version");

	(void)d;
	protocol->v2 = version && !strcmp(version, "V2");
	protocol->place = n->key_place;
}

static const struct word proxy_versions[] = {{"V1"}, {"V2"}, {0}};
static const struct field proxy_protocol_fields[] = {
	{"version", FIELD_WORD, .words = proxy_versions},
	{0},
};
static const struct message proxy_protocol = {proxy_protocol_fields, .check = check_proxy_protocol};

static void check_retry_budget(struct decoder *d, const struct node *n, void *into)
{
	struct retry_budget *budget = into;

	(void)d;
	if (!is_set(n, "percent"))
		budget->percent = 20;
	if (!budget->min_concurrency)
		budget->min_concurrency = 3;
	budget->place = n->key_place;
}

static const struct field retry_budget_fields[] = {
	{"budgetInterval", FIELD_DURATION, INTO_WITH(struct retry_budget, interval, FIELD_FINE)},
	{"minRetryConcurrency", FIELD_INTEGER, INTO(struct retry_budget, min_concurrency)},
	{"percent", FIELD_NUMBER, .max = 100, INTO(struct retry_budget, percent),
	 .want = "a number from 0 to 100"},
	{0},
};
static const struct message retry_budget = {retry_budget_fields, .check = check_retry_budget};

static void check_policy(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!has_block(n) && !is_given(n, "portLevelSettings") && !is_set(n, "tunnel") &&
	    !is_set(n, "proxyProtocol") && !is_set(n, "retryBudget"))
		decode_error(d, n,
			     "sets nothing, want loadBalancer, connectionPool or another block");
	if (is_set(n, "tunnel") && is_set(n, "proxyProtocol"))
		decode_error_key(d, n, "proxyProtocol",
				 "stands beside tunnel, want only one of them");
	check_failover(d, n);
}

static const struct field policy_fields[] = {
	POLICY_BLOCKS(struct traffic_policy, ),
	{"portLevelSettings", FIELD_MESSAGE, .message = &port_level,
	 INTO_LIST(struct traffic_policy, ports), .at_most = 4096},
	{"proxyProtocol", FIELD_MESSAGE, .message = &proxy_protocol,
	 INTO_MADE(struct traffic_policy, proxy_protocol)},
	{"retryBudget", FIELD_MESSAGE, .message = &retry_budget,
	 INTO_MADE(struct traffic_policy, retry_budget)},
	{"tunnel", FIELD_MESSAGE, .message = &tunnel, INTO_MADE(struct traffic_policy, tunnel)},
	{0},
};
const struct message traffic_policy = {policy_fields, .check = check_policy};

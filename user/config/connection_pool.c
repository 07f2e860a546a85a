// SPDX-License-Identifier: GPL-2.0
/* connectionPool: limits and timers of the connections to a host, of TCP and of HTTP. */
#include <string.h>
#include "config/policy.h"

static const struct word h2_upgrade[] = {
	{"DEFAULT", H2_DEFAULT},
	{"DO_NOT_UPGRADE", H2_DO_NOT_UPGRADE},
	{"UPGRADE", H2_UPGRADE},
	{0},
};

static const struct field keepalive_fields[] = {
	{"interval", FIELD_DURATION, INTO_REQUIRED(struct http_pool, h2_keepalive_interval)},
	{"timeout", FIELD_DURATION, INTO_REQUIRED(struct http_pool, h2_keepalive_timeout)},
	{0},
};
static const struct message keepalive = {keepalive_fields};

static void check_http_pool(struct decoder *d, const struct node *n, void *into)
{
	const char *upgrade = text_of(n, "h2UpgradePolicy");
	struct http_pool *pool = into;

	if (upgrade && !strcmp(upgrade, "UPGRADE") && is_true(n, "useClientProtocol"))
		decode_error_key(d, n, "useClientProtocol",
				 "stands beside h2UpgradePolicy UPGRADE, want only one of them");
	if (pool)
		pool->place = n->key_place;
}

static const struct field http_pool_fields[] = {
	{"h2UpgradePolicy", FIELD_WORD, .words = h2_upgrade, INTO(struct http_pool, h2_upgrade)},
	{"http1MaxPendingRequests", FIELD_INTEGER, INT32_RANGE,
	 INTO(struct http_pool, max_pending_requests)},
	{"http2KeepAlive", FIELD_MESSAGE, .message = &keepalive, INTO_SAME},
	{"http2MaxRequests", FIELD_INTEGER, INT32_RANGE, INTO(struct http_pool, max_requests)},
	{"idleTimeout", FIELD_DURATION, INTO(struct http_pool, idle_timeout)},
	{"maxConcurrentStreams", FIELD_INTEGER, INT32_RANGE,
	 INTO(struct http_pool, max_concurrent_streams)},
	{"maxRequestsPerConnection", FIELD_INTEGER, INT32_RANGE,
	 INTO(struct http_pool, max_requests_per_connection)},
	{"maxRetries", FIELD_INTEGER, INT32_RANGE, INTO(struct http_pool, max_retries)},
	{"useClientProtocol", FIELD_BOOL, INTO(struct http_pool, use_client_protocol)},
	{0},
};
static const struct message http_pool = {http_pool_fields, .check = check_http_pool};

static const struct field tcp_keepalive_fields[] = {
	{"interval", FIELD_DURATION, INTO(struct tcp_keepalive, interval)},
	{"probes", FIELD_INTEGER, INTO(struct tcp_keepalive, probes)},
	{"time", FIELD_DURATION, INTO(struct tcp_keepalive, time)},
	{0},
};
static const struct message tcp_keepalive = {tcp_keepalive_fields};

static void check_tcp_pool(struct decoder *d, const struct node *n, void *into)
{
	struct tcp_pool *pool = into;

	(void)d;
	if (!pool)
		return;
	pool->has_idle_timeout = is_set(n, "idleTimeout");
	pool->place = n->key_place;
}

static const struct field tcp_pool_fields[] = {
	{"connectTimeout", FIELD_DURATION, INTO(struct tcp_pool, connect_timeout)},
	{"idleTimeout", FIELD_DURATION, INTO_WITH(struct tcp_pool, idle_timeout, FIELD_ZERO)},
	{"maxConnectionDuration", FIELD_DURATION, INTO(struct tcp_pool, max_connection_duration)},
	{"maxConnections", FIELD_INTEGER, INT32_RANGE, INTO(struct tcp_pool, max_connections)},
	{"tcpKeepalive", FIELD_MESSAGE, .message = &tcp_keepalive,
	 INTO_MADE(struct tcp_pool, keepalive)},
	{0},
};
static const struct message tcp_pool = {tcp_pool_fields, .check = check_tcp_pool};

static void check_pool(struct decoder *d, const struct node *n, void *into)
{
	struct connection_pool *pool = into;

	if (!is_set(n, "tcp") && !is_set(n, "http"))
		decode_error(d, n, "is empty, want tcp or http");
	if (pool)
		pool->place = n->key_place;
}

static const struct field pool_fields[] = {
	{"http", FIELD_MESSAGE, .message = &http_pool, INTO_MADE(struct connection_pool, http)},
	{"tcp", FIELD_MESSAGE, .message = &tcp_pool, INTO_MADE(struct connection_pool, tcp)},
	{0},
};
const struct message connection_pool = {pool_fields, .check = check_pool};

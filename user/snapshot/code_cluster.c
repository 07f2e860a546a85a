// SPDX-License-Identifier: GPL-2.0
/* A destination of requests as bytes. */
#include "snapshot/codes.h"

#define PERCENT_MAX 100
#define PROXY_PROTOCOL_MAX 2
#define LEAST_ENDPOINT 27 /* bytes of the shortest one */

static void outlier_code(struct coder *c, struct table_outlier *x)
{
	x->consecutive_5xx = code_u32(c, x->consecutive_5xx);
	x->consecutive_gateway = code_u32(c, x->consecutive_gateway);
	x->consecutive_local = code_u32(c, x->consecutive_local);
	x->split_local = code_bool(c, x->split_local);
	x->interval = code_time(c, x->interval, 1);
	x->base_ejection_time = code_time(c, x->base_ejection_time, 1);
	x->max_ejection_percent = (uint32_t)code_int(c, x->max_ejection_percent, 1, 0, PERCENT_MAX);
	x->min_health_percent = (uint32_t)code_int(c, x->min_health_percent, 1, 0, PERCENT_MAX);
	code_u16s(c, &x->codes, &x->nr_codes);
}

static void budget_code(struct coder *c, struct table_retry_budget *x)
{
	x->millionths = code_millionths(c, x->millionths);
	x->min_concurrency = code_u32(c, x->min_concurrency);
	x->interval = code_time(c, x->interval, 0);
}

static void warmup_code(struct coder *c, struct table_warmup *x)
{
	x->duration = code_time(c, x->duration, 1);
	x->minimum_millionths = code_millionths(c, x->minimum_millionths);
	x->aggression_thousandths =
		(uint32_t)code_int(c, x->aggression_thousandths, 4, 1, UINT32_MAX);
}

static void keepalive_code(struct coder *c, struct table_keepalive *x)
{
	x->probes = code_u32(c, x->probes);
	x->time = code_time(c, x->time, 0);
	x->interval = code_time(c, x->interval, 0);
}

static void endpoint_code(struct coder *c, struct table_endpoint *x)
{
	code_bytes(c, x->address.byte, sizeof(x->address.byte));
	x->port = code_u16(c, x->port);
	x->weight = code_u32(c, x->weight);
	x->locality = code_text(c, x->locality);
	x->priority = (uint8_t)code_int(c, x->priority, 1, 0, UINT8_MAX);
}

static void endpoints_code(struct coder *c, struct table_cluster *x)
{
	uint64_t sum = 0;

	code_list(c, struct table_endpoint, x->endpoints, x->nr_endpoints, LEAST_ENDPOINT,
		  endpoint_code);
	for (size_t i = 0; i < x->nr_endpoints; i++)
		sum += x->endpoints[i].weight;
	c->bad |= sum > UINT32_MAX;
}

static void limits_code(struct coder *c, struct table_cluster *x)
{
	x->max_connections = code_u32(c, x->max_connections);
	x->max_pending = code_u32(c, x->max_pending);
	x->max_requests = code_u32(c, x->max_requests);
	x->max_requests_per_connection = code_u32(c, x->max_requests_per_connection);
	x->max_retries = code_u32(c, x->max_retries);
	x->place.state = code_u32(c, x->place.state);
	x->place.generation = code_u32(c, x->place.generation);
	code_optional(c, struct table_retry_budget, x->retry_budget, budget_code);
	x->connect_timeout = code_time(c, x->connect_timeout, 1);
	x->idle_timeout = code_time(c, x->idle_timeout, 0);
	x->max_connection_duration = code_time(c, x->max_connection_duration, 0);
}

void code_cluster(struct coder *c, struct table_cluster *x)
{
	x->name = code_text(c, x->name);
	x->host = code_text(c, x->host);
	x->subset = code_text(c, x->subset);
	x->port = code_u16(c, x->port);
	x->unknown = code_text(c, x->unknown);
	x->balancer = code_enum(c, x->balancer, BALANCE_ORIGINAL);
	x->hash = code_enum(c, x->hash, TABLE_HASH_QUERY);
	x->hash_name = code_text(c, x->hash_name);
	x->cookie_path = code_text(c, x->cookie_path);
	x->cookie_ttl = code_time(c, x->cookie_ttl, -1);
	code_header_values(c, &x->cookie_attributes);
	x->hash_size = (uint32_t)code_int(c, x->hash_size, 4, 0, TABLE_HASH_SIZE_MAX);
	code_optional(c, struct table_warmup, x->warmup, warmup_code);
	limits_code(c, x);
	code_optional(c, struct table_keepalive, x->keepalive, keepalive_code);
	code_optional(c, struct table_outlier, x->outlier, outlier_code);
	endpoints_code(c, x);
	x->proxy_protocol = (uint8_t)code_int(c, x->proxy_protocol, 1, 0, PROXY_PROTOCOL_MAX);
	x->needs_tls = code_bool(c, x->needs_tls);
}

// SPDX-License-Identifier: GPL-2.0
/* Destinations for the proxy: their policy with all defaults filled in, their endpoints, their
 * name. */
#include <string.h>
#include "agent/snapshot.h"
#include "snapshot/codes.h"

#define SECOND INT64_C(1000000000)
#define CONNECT_TIMEOUT (10 * SECOND)
#define IDLE_TIMEOUT (3600 * SECOND)
#define RING_SIZE 1024
#define MAGLEV_SIZE 65537
#define CONSECUTIVE_ERRORS 5

/* ---- the balancer ---- */

static enum table_balancer balancer_of(const struct load_balancer *lb)
{
	static const enum table_balancer simple[] = {
		[LB_UNSET] = BALANCE_LEAST_REQUEST,	[LB_LEAST_REQUEST] = BALANCE_LEAST_REQUEST,
		[LB_ROUND_ROBIN] = BALANCE_ROUND_ROBIN, [LB_RANDOM] = BALANCE_RANDOM,
		[LB_PASSTHROUGH] = BALANCE_ORIGINAL,
	};

	if (!lb)
		return BALANCE_LEAST_REQUEST;
	if (!lb->hash)
		return simple[lb->simple];
	return lb->hash->maglev ? BALANCE_MAGLEV : BALANCE_RING;
}

static void balancer_set(struct table_cluster *out, const struct load_balancer *lb)
{
	static const enum table_hash keys[] = {
		[HASH_NONE] = TABLE_HASH_NONE,	   [HASH_HEADER] = TABLE_HASH_HEADER,
		[HASH_COOKIE] = TABLE_HASH_COOKIE, [HASH_SOURCE_IP] = TABLE_HASH_SOURCE,
		[HASH_QUERY] = TABLE_HASH_QUERY,
	};
	const struct consistent_hash *hash = lb ? lb->hash : NULL;
	uint64_t size;

	out->balancer = balancer_of(lb);
	out->hash_name = out->cookie_path = "";
	out->cookie_ttl = -1;
	if (!hash)
		return;
	size = hash->table_size ? hash->table_size : hash->maglev ? MAGLEV_SIZE : RING_SIZE;
	out->hash_size = size < TABLE_HASH_SIZE_MAX ? (uint32_t)size : TABLE_HASH_SIZE_MAX;
	out->hash = keys[hash->key];
	out->hash_name = hash->name ? hash->name : "";
	out->cookie_path = hash->cookie_path ? hash->cookie_path : "";
	if (hash->key != HASH_COOKIE)
		return;
	out->cookie_ttl = hash->cookie_ttl;
	out->cookie_attributes = hash->cookie_attributes;
}

static const struct table_warmup *warmup_of(struct arena *a, const struct load_balancer *lb)
{
	const struct warmup *w = lb ? lb->warmup : NULL;
	struct table_warmup *out;
	double aggression = w ? w->aggression * 1000 : 0, percent = w ? w->minimum_percent : 0;

	if (!w || w->duration <= 0)
		return NULL;
	out = arena_alloc(a, sizeof(*out));
	out->duration = w->duration;
	out->minimum_millionths = percent < 0 ? 0 : percent > 100 ? 1000000
								  : (uint32_t)(percent * 10000);
	out->aggression_thousandths = aggression < 1 ? 1
				      : aggression > UINT32_MAX ? UINT32_MAX : (uint32_t)aggression;
	return out;
}

/* ---- limits ---- */

static const struct table_keepalive *keepalive_of(struct arena *a, const struct tcp_keepalive *k)
{
	struct table_keepalive *out;

	if (!k)
		return NULL;
	out = arena_alloc(a, sizeof(*out));
	*out = (struct table_keepalive){k->probes, k->time, k->interval};
	return out;
}

static void pool_set(struct arena *a, struct table_cluster *out, const struct connection_pool *pool)
{
	const struct tcp_pool *tcp = pool ? pool->tcp : NULL;
	const struct http_pool *http = pool ? pool->http : NULL;

	out->connect_timeout = tcp && tcp->connect_timeout ? tcp->connect_timeout : CONNECT_TIMEOUT;
	out->idle_timeout = tcp && tcp->has_idle_timeout ? tcp->idle_timeout : IDLE_TIMEOUT;
	if (tcp) {
		out->max_connections = tcp->max_connections;
		out->max_connection_duration = tcp->max_connection_duration;
		out->keepalive = keepalive_of(a, tcp->keepalive);
	}
	if (!http)
		return;
	if (http->idle_timeout)
		out->idle_timeout = http->idle_timeout;
	out->max_pending = http->max_pending_requests;
	out->max_requests = http->max_requests;
	out->max_requests_per_connection = http->max_requests_per_connection;
	out->max_retries = http->max_retries;
}

static const struct table_retry_budget *budget_of(struct arena *a, const struct retry_budget *b)
{
	struct table_retry_budget *out;
	double percent = b ? b->percent : 0;

	if (!b)
		return NULL;
	out = arena_alloc(a, sizeof(*out));
	out->millionths = percent < 0 ? 0 : percent > 100 ? 1000000 : (uint32_t)(percent * 10000);
	out->min_concurrency = b->min_concurrency;
	out->interval = b->interval;
	return out;
}

static const struct table_outlier *outlier_of(struct arena *a, const struct outlier_detection *o)
{
	struct table_outlier *out;

	if (!o)
		return NULL;
	out = arena_alloc(a, sizeof(*out));
	out->consecutive_5xx = o->has_5xx ? o->consecutive_5xx : CONSECUTIVE_ERRORS;
	out->consecutive_gateway = o->has_gateway ? o->consecutive_gateway : 0;
	out->split_local = o->split_local_origin;
	if (o->split_local_origin)
		out->consecutive_local =
			o->has_local_origin ? o->consecutive_local_origin : CONSECUTIVE_ERRORS;
	out->interval = o->interval;
	out->base_ejection_time = o->base_ejection_time;
	out->max_ejection_percent = o->max_ejection_percent;
	out->min_health_percent = o->min_health_percent;
	out->codes = o->http_error_codes;
	out->nr_codes = o->nr_http_error_codes;
	return out;
}

/* ---- endpoints ---- */

/* The weights of large ones become smaller together, until their sum fits. */
static void weights_fit(struct table_cluster *out)
{
	uint64_t sum = 0;
	unsigned shift = 0;

	for (size_t i = 0; i < out->nr_endpoints; i++)
		sum += out->endpoints[i].weight;
	while (sum >> shift > UINT32_MAX - out->nr_endpoints)
		shift++;
	for (size_t i = 0; shift && i < out->nr_endpoints; i++)
		out->endpoints[i].weight = (out->endpoints[i].weight >> shift) + 1;
}

/* IPv4 goes first; who has a name alone is left out, and who is to get nothing. */
static void endpoints_set(struct arena *a, struct table_cluster *out, const struct plan_cluster *c)
{
	out->endpoints = arena_alloc(a, c->nr_endpoints * sizeof(out->endpoints[0]));
	for (size_t i = 0; i < c->nr_endpoints; i++) {
		const struct plan_endpoint *e = &c->endpoints[i];

		if ((!e->has_ipv4 && !e->has_ipv6) || !e->share)
			continue;
		out->endpoints[out->nr_endpoints++] = (struct table_endpoint){
			.address = e->has_ipv4 ? e->ipv4 : e->ipv6,
			.port = e->port,
			.weight = e->share,
			.locality = e->locality,
			.priority = e->priority,
		};
	}
	weights_fit(out);
}

/* State is kept by it, so it says nothing that may change while the destination is the same. */
static const char *name_of(struct arena *a, const struct plan_cluster *c)
{
	return arena_printf(a, "outbound|%u|%s|%s%s%s", c->port, c->subset, c->host,
			    *c->apart ? "@" : "", c->apart);
}

static void cluster_set(struct arena *a, struct table_cluster *out, const struct plan_cluster *c)
{
	const struct traffic_policy *set = &c->full.blocks;

	out->name = name_of(a, c);
	out->host = c->host;
	out->subset = c->subset;
	out->port = c->port;
	out->unknown = c->unknown ? c->unknown : "";
	out->needs_tls = c->needs_tls;
	if (set->proxy_protocol)
		out->proxy_protocol = set->proxy_protocol->v2 ? 2 : 1;
	balancer_set(out, set->load_balancer);
	out->warmup = warmup_of(a, set->load_balancer);
	pool_set(a, out, set->connection_pool);
	out->retry_budget = budget_of(a, set->retry_budget);
	out->outlier = outlier_of(a, set->outlier_detection);
	endpoints_set(a, out, c);
}

/* ---- each once ---- */

struct variant {
	struct table_cluster *cluster;
	uint8_t *bytes;
	size_t size;
};
/* Of one name: routes differ in what they hash, the rest is the same. */
struct variants {
	VEC(struct variant) list;
};

static struct variant bytes_of(const struct table_cluster *cluster)
{
	struct coder c = {.max = SIZE_MAX};
	struct table_cluster copy = *cluster;

	code_cluster(&c, &copy);
	return (struct variant){.bytes = c.out, .size = c.nr};
}

static struct table_cluster *variant_find(const struct variants *all, const struct variant *v)
{
	const struct variant *it;

	vec_each (&all->list, it)
		if (it->size == v->size && !memcmp(it->bytes, v->bytes, v->size))
			return it->cluster;
	return NULL;
}

static struct variants *variants_of(struct snapshot_clusters *all, const char *name)
{
	struct variants *out = strmap_get(&all->by_name, name);

	if (!out) {
		out = arena_alloc(all->arena, sizeof(*out));
		strmap_put(&all->by_name, name, out);
	}
	return out;
}

struct table_cluster *snapshot_cluster(struct snapshot_clusters *all, const struct plan_cluster *c)
{
	struct table_cluster new = {0}, *found;
	struct variants *variants;
	struct variant v;

	cluster_set(all->arena, &new, c);
	variants = variants_of(all, new.name);
	v = bytes_of(&new);
	found = variant_find(variants, &v);
	if (found) {
		free(v.bytes);
		return found;
	}
	v.cluster = &all->at[all->nr++];
	*v.cluster = new;
	vec_push(&variants->list, v);
	return v.cluster;
}

void snapshot_clusters_free(struct snapshot_clusters *all)
{
	struct strmap_entry *e;

	strmap_each (&all->by_name, e) {
		struct variants *variants = e->value;
		struct variant *it;

		vec_each (&variants->list, it)
			free(it->bytes);
		vec_free(&variants->list);
	}
	strmap_free(&all->by_name);
}

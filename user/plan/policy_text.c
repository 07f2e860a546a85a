// SPDX-License-Identifier: GPL-2.0
/* The policy of a cluster as words for people: what differs from the default. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/text.h"

static void time_print(const char *what, int64_t ns, FILE *out)
{
	char time[32];

	if (ns)
		fprintf(out, "%s %s, ", what, duration_print(ns, time));
}

static void count_print(const char *what, uint64_t n, FILE *out)
{
	if (n)
		fprintf(out, "%s %" PRIu64 ", ", what, n);
}

const char *drain_print(const struct plan_drain *drain, char out[32])
{
	if (drain->how == DRAIN_WITHIN)
		return duration_print(drain->within, out);
	return strcpy(out, drain->how == DRAIN_NOW ? "now" : "keep");
}

static void keepalive_print(const struct tcp_keepalive *k, FILE *out)
{
	char time[32];

	fputs("keepalive", out);
	if (k->time)
		fprintf(out, " after %s", duration_print(k->time, time));
	if (k->interval)
		fprintf(out, " each %s", duration_print(k->interval, time));
	if (k->probes)
		fprintf(out, " %u times", k->probes);
	fputs(", ", out);
}

static void balancer_print(const struct load_balancer *lb, FILE *out)
{
	static const char *const keys[] = {
		[HASH_NONE] = "nothing", [HASH_HEADER] = "header", [HASH_COOKIE] = "cookie",
		[HASH_SOURCE_IP] = "source address", [HASH_QUERY] = "query parameter"};
	const struct consistent_hash *h = lb->hash;

	if (h) {
		fprintf(out, "hash by %s%s%s (%s", keys[h->key], *h->name ? " " : "", h->name,
			h->maglev ? "maglev" : "ring");
		if (h->table_size)
			fprintf(out, " %" PRIu64, h->table_size);
		fputs("), ", out);
	}
	if (lb->warmup)
		time_print("warm-up", lb->warmup->duration, out);
	if (!lb->locality)
		return;
	if (!lb->locality->enabled)
		fputs("localities off, ", out);
	else if (lb->locality->nr_distribute)
		fprintf(out, "distributed over localities, ");
	else
		fprintf(out, "%s, ", lb->locality->zone_aware ? "zone aware" : "locality failover");
}

static void pool_print(const struct connection_pool *pool, FILE *out)
{
	const struct tcp_pool *tcp = pool->tcp;
	const struct http_pool *http = pool->http;

	if (tcp) {
		time_print("connect timeout", tcp->connect_timeout, out);
		time_print("idle", tcp->idle_timeout, out);
		time_print("connection age", tcp->max_connection_duration, out);
		if (tcp->keepalive)
			keepalive_print(tcp->keepalive, out);
	}
	if (!http)
		return;
	count_print("max pending", http->max_pending_requests, out);
	count_print("max requests", http->max_requests, out);
	count_print("requests per connection", http->max_requests_per_connection, out);
	count_print("max retries", http->max_retries, out);
	count_print("max streams", http->max_concurrent_streams, out);
	time_print("http idle", http->idle_timeout, out);
	if (http->h2_upgrade == H2_UPGRADE)
		fputs("h2 upgrade, ", out);
	if (http->use_client_protocol)
		fputs("client protocol, ", out);
}

static void outlier_print(const struct outlier_detection *o, FILE *out)
{
	char base[32], interval[32];

	fputs("ejects after ", out);
	if (!o->has_5xx || o->consecutive_5xx)
		fprintf(out, "%u 5xx ", o->has_5xx ? o->consecutive_5xx : 5);
	if (o->has_gateway && o->consecutive_gateway)
		fprintf(out, "%u gateway errors ", o->consecutive_gateway);
	if (o->split_local_origin)
		fprintf(out, "%u local errors ",
			o->has_local_origin ? o->consecutive_local_origin : 5);
	fprintf(out, "for %s, at most %u%%, swept each %s, ",
		duration_print(o->base_ejection_time, base), o->max_ejection_percent,
		duration_print(o->interval, interval));
	if (o->min_health_percent)
		fprintf(out, "min health %u%%, ", o->min_health_percent);
}

const char *client_tls_name(enum client_tls_mode mode)
{
	static const char *const names[] = {
		[CLIENT_TLS_DISABLE] = "DISABLE", [CLIENT_TLS_SIMPLE] = "SIMPLE",
		[CLIENT_TLS_MUTUAL] = "MUTUAL", [CLIENT_TLS_ISTIO_MUTUAL] = "ISTIO_MUTUAL"};

	return names[mode];
}

static void tls_print(const struct client_tls *tls, FILE *out)
{
	fprintf(out, "tls %s", client_tls_name(tls->mode));
	if (*tls->sni)
		fprintf(out, " sni %s", tls->sni);
	fputs(", ", out);
}

char *policy_text(const struct plan_policy *p)
{
	const struct traffic_policy *b = &p->blocks;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (b->load_balancer)
		balancer_print(b->load_balancer, out);
	if (b->connection_pool)
		pool_print(b->connection_pool, out);
	if (b->outlier_detection)
		outlier_print(b->outlier_detection, out);
	if (b->tls)
		tls_print(b->tls, out);
	if (b->tunnel)
		fprintf(out, "tunnel to %s:%u, ", b->tunnel->target_host, b->tunnel->target_port);
	if (b->proxy_protocol)
		fprintf(out, "proxy protocol %s, ", b->proxy_protocol->v2 ? "V2" : "V1");
	if (b->retry_budget)
		fprintf(out, "retry budget %g%%, ", b->retry_budget->percent);
	fclose(out);
	if (size > 2)
		text[size - 2] = '\0';
	return text;
}

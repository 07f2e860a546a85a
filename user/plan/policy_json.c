// SPDX-License-Identifier: GPL-2.0
/* The policy of a cluster for programs: the blocks that are set, with where each was said. */
#include "plan/host.h"
#include "plan/text.h"

static void put(json_t *to, const char *key, json_t *value)
{
	json_object_set_new(to, key, value);
}

static void put_count(json_t *to, const char *key, uint64_t n)
{
	if (n)
		put(to, key, json_integer((json_int_t)n));
}

static void put_text(json_t *to, const char *key, const char *text)
{
	if (text && *text)
		put(to, key, json_string(text));
}

static json_t *json_of_hash(const struct consistent_hash *h)
{
	static const char *const keys[] = {
		[HASH_NONE] = "none", [HASH_HEADER] = "header", [HASH_COOKIE] = "cookie",
		[HASH_SOURCE_IP] = "source_ip", [HASH_QUERY] = "query_parameter"};
	json_t *out = json_pack("{s:s, s:s}", "key", keys[h->key], "algorithm",
				h->maglev ? "maglev" : "ring");
	char time[32];

	put_text(out, "name", h->name);
	put_count(out, "table_size", h->table_size);
	if (h->key != HASH_COOKIE)
		return out;
	put_text(out, "cookie_path", h->cookie_path);
	if (h->cookie_ttl >= 0)
		put(out, "cookie_ttl", json_string(duration_print(h->cookie_ttl, time)));
	return out;
}

static json_t *json_of_locality(const struct locality_setting *l)
{
	json_t *out = json_pack("{s:b, s:b}", "enabled", l->enabled, "zone_aware", l->zone_aware);
	json_t *list;

	put_count(out, "min_cluster_size", l->min_cluster_size);
	list = json_array();
	for (size_t i = 0; i < l->nr_distribute; i++) {
		json_t *to = json_object();

		for (size_t j = 0; j < l->distribute[i].nr_to; j++)
			put(to, l->distribute[i].to[j].locality,
			    json_integer(l->distribute[i].to[j].weight));
		json_array_append_new(list, json_pack("{s:s, s:o}", "from", l->distribute[i].from,
						      "to", to));
	}
	put(out, "distribute", list);
	list = json_array();
	for (size_t i = 0; i < l->nr_failover; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "from", l->failover[i].from,
						      "to", l->failover[i].to));
	put(out, "failover", list);
	put(out, "failover_priority", json_of_texts(l->failover_priority, l->nr_failover_priority));
	return out;
}

static json_t *json_of_balancer(const struct load_balancer *lb)
{
	json_t *out = json_object();

	if (lb->hash)
		put(out, "consistent_hash", json_of_hash(lb->hash));
	if (lb->locality)
		put(out, "locality", json_of_locality(lb->locality));
	if (lb->warmup) {
		json_put_time(out, "warmup", lb->warmup->duration);
		put(out, "warmup_minimum_percent", json_real(lb->warmup->minimum_percent));
		put(out, "warmup_aggression", json_real(lb->warmup->aggression));
	}
	return out;
}

static json_t *json_of_keepalive(const struct tcp_keepalive *k)
{
	json_t *out = json_object();

	put_count(out, "probes", k->probes);
	json_put_time(out, "time", k->time);
	json_put_time(out, "interval", k->interval);
	return out;
}

static json_t *json_of_pool(const struct connection_pool *pool)
{
	const struct tcp_pool *tcp = pool->tcp;
	const struct http_pool *http = pool->http;
	json_t *out = json_object();

	if (tcp) {
		put_count(out, "max_connections", tcp->max_connections);
		json_put_time(out, "connect_timeout", tcp->connect_timeout);
		json_put_time(out, "max_connection_duration", tcp->max_connection_duration);
		if (tcp->has_idle_timeout)
			put(out, "idle_timeout", json_integer(tcp->idle_timeout / 1000000));
		if (tcp->keepalive)
			put(out, "tcp_keepalive", json_of_keepalive(tcp->keepalive));
	}
	if (!http)
		return out;
	put_count(out, "http1_max_pending_requests", http->max_pending_requests);
	put_count(out, "http2_max_requests", http->max_requests);
	put_count(out, "max_requests_per_connection", http->max_requests_per_connection);
	put_count(out, "max_retries", http->max_retries);
	put_count(out, "max_concurrent_streams", http->max_concurrent_streams);
	json_put_time(out, "http_idle_timeout", http->idle_timeout);
	json_put_time(out, "http2_keep_alive_interval", http->h2_keepalive_interval);
	json_put_time(out, "http2_keep_alive_timeout", http->h2_keepalive_timeout);
	put(out, "h2_upgrade", json_boolean(http->h2_upgrade == H2_UPGRADE));
	put(out, "use_client_protocol", json_boolean(http->use_client_protocol));
	return out;
}

static json_t *json_of_outlier(const struct outlier_detection *o)
{
	json_t *out = json_object(), *codes = json_array();

	put(out, "consecutive_5xx_errors", json_integer(o->has_5xx ? o->consecutive_5xx : 5));
	put(out, "consecutive_gateway_errors",
	    json_integer(o->has_gateway ? o->consecutive_gateway : 0));
	put(out, "split_local_origin", json_boolean(o->split_local_origin));
	if (o->split_local_origin)
		put(out, "consecutive_local_origin_failures",
		    json_integer(o->has_local_origin ? o->consecutive_local_origin : 5));
	json_put_time(out, "interval", o->interval);
	json_put_time(out, "base_ejection_time", o->base_ejection_time);
	put(out, "max_ejection_percent", json_integer(o->max_ejection_percent));
	put(out, "min_health_percent", json_integer(o->min_health_percent));
	for (size_t i = 0; i < o->nr_http_error_codes; i++)
		json_array_append_new(codes, json_integer(o->http_error_codes[i]));
	put(out, "http_error_codes", codes);
	return out;
}

static json_t *json_of_tls(const struct client_tls *tls)
{
	json_t *out = json_pack("{s:s}", "mode", client_tls_name(tls->mode));

	put_text(out, "client_certificate", tls->client_certificate);
	put_text(out, "private_key", tls->private_key);
	put_text(out, "ca_certificates", tls->ca_certificates);
	put_text(out, "ca_crl", tls->ca_crl);
	put_text(out, "credential_name", tls->credential_name);
	put_text(out, "sni", tls->sni);
	put(out, "subject_alt_names", json_of_texts(tls->subject_alt_names, tls->nr_subject_alt_names));
	put(out, "insecure_skip_verify", json_boolean(tls->insecure_skip_verify));
	return out;
}

static json_t *json_of_budget(const struct retry_budget *b)
{
	json_t *out = json_pack("{s:f, s:i}", "percent", b->percent, "min_retry_concurrency",
				b->min_concurrency);

	json_put_time(out, "budget_interval", b->interval);
	return out;
}

json_t *json_of_source(const struct plan_source *s)
{
	if (!s->object)
		return json_null();
	return json_pack("{s:s, s:s, s:o}", "object", s->object->id, "field",
			 s->field ? s->field : "", "place", json_of_place(&s->place));
}

/* A block with where it was said; `value` is taken over. */
static void put_block(json_t *to, const struct plan_policy *p, enum policy_block block,
		      const char *key, json_t *value)
{
	put(value, "from", json_of_source(&p->from[block]));
	put(to, key, value);
}

json_t *json_of_policy(const struct plan_policy *p)
{
	const struct traffic_policy *b = &p->blocks;
	json_t *out = json_object();

	if (b->load_balancer)
		put_block(out, p, BLOCK_LOAD_BALANCER, "load_balancer",
			  json_of_balancer(b->load_balancer));
	if (b->connection_pool)
		put_block(out, p, BLOCK_CONNECTION_POOL, "connection_pool",
			  json_of_pool(b->connection_pool));
	if (b->outlier_detection)
		put_block(out, p, BLOCK_OUTLIER_DETECTION, "outlier_detection",
			  json_of_outlier(b->outlier_detection));
	if (b->tls)
		put_block(out, p, BLOCK_TLS, "tls", json_of_tls(b->tls));
	if (b->tunnel)
		put_block(out, p, BLOCK_TUNNEL, "tunnel",
			  json_pack("{s:s, s:s, s:i}", "protocol",
				    b->tunnel->post ? "POST" : "CONNECT", "target_host",
				    b->tunnel->target_host, "target_port", b->tunnel->target_port));
	if (b->proxy_protocol)
		put_block(out, p, BLOCK_PROXY_PROTOCOL, "proxy_protocol",
			  json_pack("{s:s}", "version", b->proxy_protocol->v2 ? "V2" : "V1"));
	if (b->retry_budget)
		put_block(out, p, BLOCK_RETRY_BUDGET, "retry_budget",
			  json_of_budget(b->retry_budget));
	return out;
}

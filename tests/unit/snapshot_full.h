/* SPDX-License-Identifier: GPL-2.0 */
/* A table and a part in which everything is given, for the tests of blocks; all of it is static. */
#ifndef SNAPSHOT_FULL_H
#define SNAPSHOT_FULL_H

#include "snapshot/table.h"

static uint16_t full_codes[] = {500, 503};
static const struct table_outlier full_outlier = {
	.consecutive_5xx = 5, .consecutive_gateway = 3, .consecutive_local = 2, .split_local = true,
	.interval = 10, .base_ejection_time = 30, .max_ejection_percent = 100,
	.min_health_percent = 50, .codes = full_codes, .nr_codes = 2,
};
static const struct table_warmup full_warmup = {60, 100000, 1500};
static const struct table_keepalive full_keepalive = {3, 10, 20};
static struct header_value full_attributes[] = {{"SameSite", "Lax"}, {"Secure", ""}};
static const struct table_retry_budget full_budget = {200000, 3, 1000};
static struct table_endpoint full_endpoints[] = {
	{{{[10] = 0xff, 0xff, 10, 0, 0, 1}}, 8080, 1, "region/zone"},
	{{{0x20, 0x01, [15] = 1}}, 8080, 3, "", 1},
};
static struct table_cluster full_clusters[] = {
	{
		.name = "outbound|80|v1|a.default.svc.cluster.local",
		.host = "a.default.svc.cluster.local", .subset = "v1", .port = 80, .unknown = "",
		.balancer = BALANCE_MAGLEV, .hash = TABLE_HASH_COOKIE, .hash_name = "user",
		.cookie_path = "/", .cookie_ttl = 0, .cookie_attributes = {full_attributes, 2},
		.hash_size = 65537, .warmup = &full_warmup, .max_connections = 1,
		.max_pending = 2, .max_requests = 3, .max_requests_per_connection = 4,
		.max_retries = 5, .place = {3, 4}, .retry_budget = &full_budget, .connect_timeout = 6,
		.idle_timeout = 7, .max_connection_duration = 8, .keepalive = &full_keepalive,
		.outlier = &full_outlier,
		.endpoints = full_endpoints, .nr_endpoints = 2, .proxy_protocol = 2,
		.needs_tls = true,
	},
	{
		.name = "", .host = "", .subset = "", .unknown = "no subset v2", .hash_name = "",
		.cookie_path = "", .cookie_ttl = -1, .connect_timeout = 1,
	},
};

static struct named_match full_headers[] = {{"end-user", {MATCH_EXACT, "jason"}},
					    {"x", {MATCH_PRESENT, ""}}};
static struct named_match full_without[] = {{"y", {MATCH_ABSENT, ""}}};
static struct named_match full_query[] = {{"q", {MATCH_REGEX, "[0-9]+"}}};
static struct http_match full_matches[] = {
	{
		.name = "m", .stat_prefix = "stat", .uri = {MATCH_PREFIX, "/api"},
		.scheme = {MATCH_EXACT, "http"}, .method = {MATCH_EXACT, "GET"},
		.authority = {MATCH_PREFIX, "a"}, .ignore_uri_case = true,
		.headers = {full_headers, 2}, .without_headers = {full_without, 1},
		.query = {full_query, 1},
	},
	{
		.name = "", .stat_prefix = "", .uri = {MATCH_ELEMENTS, "/b"},
		.scheme.text = "", .method.text = "", .authority.text = "",
	},
};

static struct header_value full_set[] = {{"a", "1"}, {"b", ""}}, full_add[] = {{"c", "%REQ(d)%"}};
static const char *full_remove[] = {"e", "f"};
static const struct http_headers full_changes = {
	.request = {{full_set, 2}, {full_add, 1}, {full_remove, 2}},
	.response = {{full_add, 1}, {0}, {full_remove, 1}},
};
static struct string_match full_origins[] = {{MATCH_REGEX, ".*"}};
static const struct http_cors full_cors = {
	full_origins, 1, {full_remove, 1}, {full_remove, 2}, {full_remove, 1}, 60, true, true, true};
static const struct http_retries full_retries = {
	.attempts = 3, .per_try_timeout = 1, .backoff = 25,
	.on = RETRY_5XX | RETRY_STATUS_CODES | RETRY_UNAVAILABLE, .status_codes = full_codes,
	.nr_status_codes = 2, .remote_localities = true, .any_host = true,
};
static const struct http_delay full_delay = {7, 1};
static const struct http_abort full_abort = {503, "UNAVAILABLE", 1000000};
static const struct http_fault full_fault = {&full_delay, &full_abort};
static const struct http_rewrite full_rewrite = {"/", "b", NULL, NULL};
static const struct http_rewrite full_rewrite_regex = {NULL, NULL, "a", "\\0"};
static const struct http_redirect full_redirect = {"/x", NULL, "c", "https", 8443,
						   REDIRECT_PORT_REQUEST, 308};
static const struct http_response full_response = {418, "a\0b", 3};

static struct table_split full_splits[] = {
	{.weight = 3, .cluster = &full_clusters[0], .slot = {8, 4}, .headers = &full_changes},
	{.weight = 1, .cluster = &full_clusters[1]},
};
static struct table_split full_one[] = {{.weight = 1, .cluster = &full_clusters[1]}};
static struct table_mirror full_mirrors[] = {
	{.cluster = &full_clusters[0], .millionths = 500000, .slot = {12, 1}}};
static const uint8_t full_schedule[] = {0, 0, 1, 0};
static struct table_rule full_rules[] = {
	{
		.name = "first", .source = "VirtualService/default/a spec.http[0]",
		.matches = full_matches, .nr_matches = 2, .splits = full_splits, .nr_splits = 2,
		.total = 4, .schedule = full_schedule, .rewrite = &full_rewrite,
		.fault = &full_fault, .retries = &full_retries, .cors = &full_cors,
		.headers = &full_changes, .mirrors = full_mirrors, .nr_mirrors = 1, .timeout = 9,
	},
	{.name = "", .source = "", .redirect = &full_redirect, .rewrite = &full_rewrite_regex},
	{.name = "", .source = "", .direct_response = &full_response},
};
static const struct table_rule full_bytes = {
	.name = "default", .source = "", .splits = full_one, .nr_splits = 1, .total = 1};
static const char *full_domains[] = {"a.default.svc.cluster.local", "*.a", "[2001::1]"};
static uint32_t full_scopes[] = {7, 9};
static struct table_port full_ports[] = {
	{
		.host = "a.default.svc.cluster.local", .port = 80, .protocol = TABLE_SNIFFED,
		.everyone = true, .scopes = full_scopes, .nr_scopes = 2, .domains = full_domains,
		.nr_domains = 3, .rules = full_rules, .nr_rules = 3, .bytes = &full_bytes,
	},
	{.host = "", .hidden = true, .scopes = full_scopes, .nr_scopes = 1},
};
static struct table_entry full_entries[] = {
	{{{[10] = 0xff, 0xff, 10, 9, 0, 1}}, 80, 0, 0},
	{{{[10] = 0xff, 0xff, 10, 9, 0, 1}}, 80, 9, 1},
};
static const struct table_part full_part = {
	.host = "a.default.svc.cluster.local",
	.clusters = full_clusters, .nr_clusters = 2,
	.ports = full_ports, .nr_ports = 2,
	.entries = full_entries, .nr_entries = 2,
};

static struct table_scope full_table_scopes[] = {{7, true, false}, {9, true, true}};
static struct table_ref full_refs[] = {{.id = 3, .bytes = "bytes", .size = 5}, {.id = UINT64_MAX}};
static const struct table full_table = {
	.number = 42,
	.scopes = full_table_scopes, .nr_scopes = 2,
	.parts = full_refs, .nr_parts = 2,
};

#endif

// SPDX-License-Identifier: GPL-2.0
/* `top`: how much goes where, from the difference of two looks at all counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/table.h"

/* A destination's row as a whole, or a rule's requests to it. */
struct row {
	json_t *facts; /* what it is, and its rates */
	double weight; /* rows with more come first */
};
struct rows {
	VEC(struct row) list;
};

static char *row_key(const json_t *it)
{
	return xasprintf("%s\n%s\n%lld\n%s\n%s", member_text(it, "rule"), member_text(it, "host"),
			 (long long)member_number(it, "port"), member_text(it, "protocol"),
			 member_text(it, "subset"));
}

/* The same row of another look; NULL: it was not there. */
static const json_t *row_find(const struct strmap *of, const json_t *it)
{
	char *key = row_key(it);
	const json_t *found = strmap_get(of, key);

	free(key);
	return found;
}

static void rows_index(const json_t *list, struct strmap *out)
{
	json_t *it;
	size_t i;

	json_array_foreach(list, i, it) {
		char *key = row_key(it);

		strmap_put(out, key, it);
		free(key);
	}
}

/* What is counted a second; a slot that began anew counts from 0. */
static double rate(const json_t *now, const json_t *before, const char *key, double seconds)
{
	json_int_t n = member_number(now, key), then = before ? member_number(before, key) : 0;

	return (double)(n >= then ? n - then : n) / seconds;
}

static double class_rate(const json_t *now, const json_t *before, const char *class, double seconds)
{
	return rate(json_object_get(now, "responses"),
		    before ? json_object_get(before, "responses") : NULL, class, seconds);
}

static json_t *row_facts(const json_t *it)
{
	return json_pack("{s:s,s:i,s:s,s:s}", "host", member_text(it, "host"), "port",
			 (int)member_number(it, "port"), "subset", member_text(it, "subset"),
			 "rule", member_text(it, "rule"));
}

static void rate_set(json_t *facts, const char *key, double value)
{
	json_object_set_new(facts, key, json_real(value));
}

static void cluster_row(struct rows *rows, const json_t *now, const json_t *before, double seconds)
{
	struct row r = {.facts = row_facts(now), .weight = rate(now, before, "opened", seconds)};

	rate_set(r.facts, "connections_per_second", r.weight);
	rate_set(r.facts, "failed_per_second", rate(now, before, "failed", seconds));
	json_object_set_new(r.facts, "protocol", json_string(member_text(now, "protocol")));
	json_object_set_new(r.facts, "active", json_integer(member_number(now, "active")));
	vec_push(&rows->list, r);
}

static void rule_row(struct rows *rows, const json_t *now, const json_t *before, double seconds)
{
	struct row r = {.facts = row_facts(now), .weight = rate(now, before, "requests", seconds)};
	double took = json_number_value(json_object_get(now, "duration_seconds")) -
		      (before ? json_number_value(json_object_get(before, "duration_seconds")) : 0);

	rate_set(r.facts, "requests_per_second", r.weight);
	rate_set(r.facts, "errors_4xx_per_second", class_rate(now, before, "4xx", seconds));
	rate_set(r.facts, "errors_5xx_per_second", class_rate(now, before, "5xx", seconds));
	rate_set(r.facts, "retries_per_second", rate(now, before, "retries", seconds));
	rate_set(r.facts, "received_bytes_per_second",
		 rate(now, before, "bytes_received", seconds));
	rate_set(r.facts, "sent_bytes_per_second", rate(now, before, "bytes_sent", seconds));
	rate_set(r.facts, "mean_seconds",
		 r.weight && took > 0 ? took / (r.weight * seconds) : 0);
	vec_push(&rows->list, r);
}

static int busiest_first(const void *a, const void *b)
{
	double x = ((const struct row *)a)->weight, y = ((const struct row *)b)->weight;

	return (x < y) - (x > y);
}

/* "reviews" is reviews.default.svc.cluster.local as well as all that begin so. */
static bool is_wanted(const struct options *o, const json_t *it)
{
	const char *host = member_text(it, "host");
	size_t length = o->nr_rest ? strlen(o->rest[0]) : 0;

	return !length ||
	       (!strncmp(host, o->rest[0], length) && (!host[length] || host[length] == '.'));
}

static void rows_make(const struct options *o, const json_t *now, const json_t *before,
		      const char *list, double seconds, struct rows *out)
{
	struct strmap index = {0};
	const json_t *it;
	size_t i;

	rows_index(json_object_get(before, list), &index);
	json_array_foreach(json_object_get(now, list), i, it) {
		if (!is_wanted(o, it))
			continue;
		if (!strcmp(list, "rules"))
			rule_row(out, it, row_find(&index, it), seconds);
		else
			cluster_row(out, it, row_find(&index, it), seconds);
	}
	strmap_free(&index);
	if (out->list.nr)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), busiest_first);
}

static json_t *rows_json(const struct rows *rows)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rows->list.nr; i++)
		json_array_append(list, rows->list.at[i].facts);
	return list;
}

static void rows_free(struct rows *rows)
{
	for (size_t i = 0; i < rows->list.nr; i++)
		json_decref(rows->list.at[i].facts);
	vec_free(&rows->list);
}

static double real(const json_t *it, const char *key)
{
	return json_number_value(json_object_get(it, key));
}

static void names_add(struct table *t, const json_t *it)
{
	const char *host = member_text(it, "host");

	table_add(t, "%s", *host ? host : "(none)");
	table_add(t, "%lld%s", (long long)member_number(it, "port"),
		  strcmp(member_text(it, "protocol"), "udp") ? "" : "/udp");
	table_add(t, "%s", member_text(it, "subset"));
}

static void clusters_print(const struct rows *rows)
{
	struct table t;

	table_start(&t, "HOST PORT SUBSET CONNECTIONS/S FAILED/S ACTIVE");
	for (size_t i = 0; i < rows->list.nr; i++) {
		const json_t *it = rows->list.at[i].facts;

		names_add(&t, it);
		table_add(&t, "%.1f", real(it, "connections_per_second"));
		table_add(&t, "%.1f", real(it, "failed_per_second"));
		table_add(&t, "%lld", (long long)member_number(it, "active"));
	}
	table_print(&t, stdout);
}

static void rules_print(const struct rows *rows)
{
	struct table t;

	if (!rows->list.nr)
		return;
	putchar('\n');
	table_start(&t, "HOST PORT SUBSET REQUESTS/S 4XX/S 5XX/S RETRIES/S MEAN_MS IN_KB/S "
			"OUT_KB/S RULE");
	for (size_t i = 0; i < rows->list.nr; i++) {
		const json_t *it = rows->list.at[i].facts;

		names_add(&t, it);
		table_add(&t, "%.1f", real(it, "requests_per_second"));
		table_add(&t, "%.1f", real(it, "errors_4xx_per_second"));
		table_add(&t, "%.1f", real(it, "errors_5xx_per_second"));
		table_add(&t, "%.1f", real(it, "retries_per_second"));
		table_add(&t, "%.2f", real(it, "mean_seconds") * 1000);
		table_add(&t, "%.1f", real(it, "received_bytes_per_second") / 1000);
		table_add(&t, "%.1f", real(it, "sent_bytes_per_second") / 1000);
		table_add(&t, "%s", member_text(it, "rule"));
	}
	table_print(&t, stdout);
}

static void look_show(const struct options *o, const json_t *now, const json_t *before)
{
	double seconds = real(now, "time") - real(before, "time");
	struct rows clusters = {0}, rules = {0};

	seconds = seconds > 0 ? seconds : 1;
	rows_make(o, now, before, "clusters", seconds, &clusters);
	rows_make(o, now, before, "rules", seconds, &rules);
	if (o->json) {
		json_show(json_pack("{s:f,s:o,s:o}", "seconds", seconds, "clusters",
				    rows_json(&clusters), "rules", rows_json(&rules)));
	} else {
		if (isatty(STDOUT_FILENO))
			fputs("\033[H\033[2J", stdout);
		clusters_print(&clusters);
		rules_print(&rules);
	}
	fflush(stdout);
	rows_free(&clusters);
	rows_free(&rules);
}

int cli_top(const struct options *o)
{
	unsigned long left = o->count ? o->count : o->json ? 1 : 0;
	const struct timespec pause = {(time_t)(o->every_ms / 1000),
				       (long)(o->every_ms % 1000) * 1000000};
	json_t *before = NULL, *now;
	int status = call_agent(o, "top", call_request(o, "top"), &before);

	while (!status) {
		nanosleep(&pause, NULL);
		status = call_agent(o, "top", call_request(o, "top"), &now);
		if (status)
			break;
		look_show(o, now, before);
		json_decref(before);
		before = now;
		if (left && !--left)
			break;
	}
	json_decref(before);
	return status;
}

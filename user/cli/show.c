// SPDX-License-Identifier: GPL-2.0
/* `services`, `clusters` and `endpoints`: what the agent answers, as columns. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/call.h"
#include "cli/cli.h"
#include "cli/table.h"

/* Asks `command`; with -o json also shows. 0 and the list, EXIT_ value, or -1 when it is shown. */
static int list_ask(const struct options *o, const char *command, json_t **reply, json_t **list)
{
	int status = call_agent(o, command, call_request(o, command), reply);

	if (status)
		return status;
	if (o->json) {
		call_show(*reply);
		return -1;
	}
	*list = json_object_get(*reply, command);
	return 0;
}

/* "v1 75% (76), v2 25% (25)": the share that is wanted, and what there was of `count`. */
static char *split_text(const json_t *splits, const char *count)
{
	char *text = NULL;
	const json_t *it;
	size_t i, length;
	FILE *out = open_memstream(&text, &length);

	json_array_foreach(splits, i, it) {
		const char *subset = member_text(it, "subset");
		double share = json_number_value(json_object_get(it, "share"));
		bool unknown = json_is_string(json_object_get(it, "unknown"));
		char percent[16];

		fprintf(out, "%s%s %s (%lld)%s", i ? ", " : "",
			*subset ? subset : member_text(it, "host"), percent_print(share, percent),
			(long long)member_number(it, count), unknown ? " unknown" : "");
	}
	fclose(out);
	return text;
}

/* "53", "53/udp" */
static void port_add(struct table *t, const json_t *it, const char *port)
{
	table_add(t, "%lld%s", (long long)member_number(it, port),
		  strcmp(member_text(it, "protocol"), "udp") ? "" : "/udp");
}

static void service_row(struct table *t, const json_t *it, const char *route, const char *split)
{
	const char *because = member_text(it, "because");

	table_add(t, "%s", member_text(it, "host"));
	port_add(t, it, "port");
	table_add(t, "%s%s%s%s", member_text(it, "verdict"), *because ? " (" : "", because,
		  *because ? ")" : "");
	table_add(t, "%s", route);
	table_add(t, "%s", split);
	table_add(t, "%s", member_text(it, "scopes"));
}

/* Where the proxy walks rules, each of them with its requests. */
static void rules_add(struct table *t, const json_t *it)
{
	const json_t *rule;
	size_t i;

	json_array_foreach(json_object_get(it, "rules"), i, rule) {
		const json_t *splits = json_object_get(rule, "splits");
		char *split = json_array_size(splits)
				      ? split_text(splits, "requests")
				      : xasprintf("answered (%lld)",
						  (long long)member_number(rule, "requests"));

		service_row(t, it, member_text(rule, "name"), split);
		free(split);
	}
}

/* A row for each subnet that has a route of its own. */
static void branches_add(struct table *t, const json_t *it)
{
	const json_t *branch;
	size_t i;

	json_array_foreach(json_object_get(it, "branches"), i, branch) {
		char *split = split_text(json_object_get(branch, "splits"), "opened");
		char *route = xasprintf("%s (%s)", member_text(branch, "route"),
					member_text(branch, "subnet"));

		service_row(t, it, route, split);
		free(route);
		free(split);
	}
}

int cli_services(const struct options *o)
{
	json_t *reply, *list;
	const json_t *it;
	struct table t;
	size_t i;
	int status = list_ask(o, "services", &reply, &list);

	if (status)
		return status < 0 ? 0 : status;
	table_start(&t, "HOST PORT VERDICT ROUTE SPLIT SCOPES");
	json_array_foreach(list, i, it) {
		char *split = split_text(json_object_get(it, "splits"), "opened");

		if (json_array_size(json_object_get(it, "rules")))
			rules_add(&t, it);
		else
			service_row(&t, it, member_text(it, "route"), split);
		branches_add(&t, it);
		free(split);
	}
	table_print(&t, stdout);
	json_decref(reply);
	return 0;
}

static void numbers_add(struct table *t, const json_t *it, const char *const *names)
{
	for (; *names; names++)
		table_add(t, "%lld", (long long)member_number(it, *names));
}

/* "5/100"; "5/-" without a limit. */
static void limit_add(struct table *t, json_int_t n, json_int_t most)
{
	if (most)
		table_add(t, "%lld/%lld", (long long)n, (long long)most);
	else
		table_add(t, "%lld/-", (long long)n);
}

static void cluster_row(struct table *t, const json_t *it)
{
	static const char *const kernel[] = {"opened", "connected", "refused_limit",
					     "refused_no_endpoint", "connect_failed", NULL};
	static const char *const proxy[] = {"requests", NULL};
	static const char *const more[] = {"retries", "pending", NULL};
	static const char *const bytes[] = {"bytes_sent", "bytes_received", NULL};
	static const char *const last[] = {"ejected", "endpoints", NULL};

	table_add(t, "%s", member_text(it, "host"));
	port_add(t, it, "port");
	table_add(t, "%s", member_text(it, "subset"));
	table_add(t, "%s", json_is_string(json_object_get(it, "unknown")) ? "unknown"
									  : member_text(it, "policy"));
	limit_add(t, member_number(it, "active"), member_number(it, "max_connections"));
	numbers_add(t, it, kernel);
	numbers_add(t, it, proxy);
	table_add(t, "%lld", (long long)member_number(json_object_get(it, "responses"), "5xx"));
	numbers_add(t, it, more);
	table_add(t, "%lld", (long long)member_number(json_object_get(it, "flags"), "UO"));
	numbers_add(t, json_object_get(it, "traffic"), bytes);
	numbers_add(t, it, last);
	table_add(t, "%s", json_is_real(json_object_get(it, "guarded_since")) ? "out" : "-");
	table_add(t, "%s", member_text(it, "scopes"));
}

int cli_clusters(const struct options *o)
{
	json_t *reply, *list;
	const json_t *it;
	struct table t;
	size_t i;
	int status = list_ask(o, "clusters", &reply, &list);

	if (status)
		return status < 0 ? 0 : status;
	table_start(&t, "HOST PORT SUBSET POLICY ACTIVE/MAX OPENED CONNECTED REFUSED_LIMIT "
			"NO_ENDPOINT FAILED REQUESTS 5XX RETRIES PENDING OVERFLOW SENT RECEIVED EJECTED "
			"ENDPOINTS GUARD SCOPES");
	json_array_foreach(list, i, it)
		cluster_row(&t, it);
	table_print(&t, stdout);
	puts("Counts and maxima are per node.");
	json_decref(reply);
	return 0;
}

/* "until 12:30:05 (2)": by the clock here, and how often so far. */
static void ejected_add(struct table *t, const json_t *it)
{
	double until = json_number_value(json_object_get(it, "ejected_until"));
	time_t seconds = (time_t)until;
	char text[16];
	struct tm tm;

	if (!until) {
		table_add(t, "-");
		return;
	}
	localtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%H:%M:%S", &tm);
	table_add(t, "until %s (%lld)", text, (long long)member_number(it, "ejections"));
}

int cli_endpoints(const struct options *o)
{
	static const char *const numbers[] = {"active", "opened", "connect_failed",
					      "requests_active", NULL};
	json_t *reply, *list;
	const json_t *it;
	struct table t;
	size_t i;
	int status = list_ask(o, "endpoints", &reply, &list);

	if (status)
		return status < 0 ? 0 : status;
	table_start(&t, "HOST PORT SUBSET ADDRESS TARGET_PORT NAME ACTIVE OPENED FAILED REQUESTS "
			"EJECTED SCOPES");
	json_array_foreach(list, i, it) {
		const char *ipv4 = member_text(it, "ipv4"), *ipv6 = member_text(it, "ipv6");

		table_add(&t, "%s", member_text(it, "host"));
		port_add(&t, it, "service_port");
		table_add(&t, "%s", member_text(it, "subset"));
		table_add(&t, "%s%s%s", ipv4, *ipv4 && *ipv6 ? "," : "", ipv6);
		table_add(&t, "%lld", (long long)member_number(it, "port"));
		table_add(&t, "%s", member_text(it, "name"));
		numbers_add(&t, it, numbers);
		ejected_add(&t, it);
		table_add(&t, "%s", member_text(it, "scopes"));
	}
	table_print(&t, stdout);
	json_decref(reply);
	return 0;
}

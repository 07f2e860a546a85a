// SPDX-License-Identifier: GPL-2.0
/* Routes for people: a line a destination. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"
#include "plan/text.h"

#define ENDPOINTS_SHOWN 8
#define SECOND INT64_C(1000000000)

const char *policy_name(enum policy policy)
{
	switch (policy) {
	case POLICY_LEAST_REQUEST:
		return "least_request";
	case POLICY_ROUND_ROBIN:
		return "round_robin";
	case POLICY_RANDOM:
		return "random";
	case POLICY_SOURCE_HASH:
		return "source_hash";
	case POLICY_PASSTHROUGH:
		return "passthrough";
	}
	return "unknown";
}

const char *verdict_name(enum verdict verdict)
{
	switch (verdict) {
	case VERDICT_KERNEL:
		return "kernel";
	case VERDICT_PROXY:
		return "proxy";
	case VERDICT_UNTOUCHED:
		return "untouched";
	}
	return "unknown";
}

const char *share_print(uint32_t weight, uint32_t total, char out[32])
{
	uint32_t a = weight, b = total;

	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	snprintf(out, 32, "%u/%u", weight / a, total / a);
	return out;
}

const char *percent_print(double share, char out[16])
{
	int nr = snprintf(out, 16, "%.2f", 100 * share);

	while (nr > 0 && out[nr - 1] == '0')
		nr--;
	if (nr > 0 && out[nr - 1] == '.')
		nr--;
	snprintf(out + nr, (size_t)(16 - nr), "%%");
	return out;
}

/* ---- destinations ---- */

/* What sets it apart from others of its destination. */
static void nearness_print(const struct plan_endpoint *e, FILE *out)
{
	if (e->weight != 1 && e->share == e->weight)
		fprintf(out, " (weight %u)", e->weight);
	if (e->priority)
		fprintf(out, " (priority %u)", e->priority);
	if (e->share != e->weight)
		fprintf(out, " (share %u)", e->share);
}

static void endpoints_print(const struct plan_cluster *c, FILE *out)
{
	char text[INET_TEXT + 8];

	if (!c->nr_endpoints) {
		fprintf(out, "no ready endpoint%s",
			c->policy == POLICY_PASSTHROUGH ? "" : ": refused");
		return;
	}
	fprintf(out, "%zu endpoint%s ", c->nr_endpoints, c->nr_endpoints == 1 ? "" : "s");
	for (size_t i = 0; i < c->nr_endpoints && i < ENDPOINTS_SHOWN; i++) {
		const struct plan_endpoint *e = &c->endpoints[i];

		if (e->has_ipv4)
			fprintf(out, " %s", inet_print_port(&e->ipv4, e->port, text));
		if (e->has_ipv6)
			fprintf(out, "%s%s", e->has_ipv4 ? "+" : " ",
				inet_print_port(&e->ipv6, e->port, text));
		nearness_print(e, out);
	}
	if (c->nr_endpoints > ENDPOINTS_SHOWN)
		fprintf(out, " and %zu more", c->nr_endpoints - ENDPOINTS_SHOWN);
}

/* "v1 → :9080", with the host when it is another one's */
static char *destination_name(const struct plan_cluster *c, const char *host)
{
	bool own = !strcmp(c->host, host);

	return xasprintf("%s%s→ %s:%u", c->subset, *c->subset ? " " : "", own ? "" : c->host,
			 c->port);
}

/* Columns, not bytes: the arrow has three bytes. */
static size_t columns(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void split_print(const struct plan_split *s, const struct plan_route *r, const char *name,
			size_t width, const char *indent, FILE *out)
{
	const struct plan_cluster *c = s->cluster;
	char share[32], percent[16], time[32], *policy;

	fprintf(out, "%s%6s  %-7s %s%*s  ", indent,
		percent_print((double)s->weight / r->total, percent),
		share_print(s->weight, r->total, share), name, (int)(width - columns(name)), "");
	if (c->unknown) {
		fprintf(out, "refused: %s\n", c->unknown);
		return;
	}
	fprintf(out, "%s  ", policy_name(c->policy));
	if (c->affinity)
		fprintf(out, "affinity %s  ", duration_print(c->affinity * SECOND, time));
	if (c->max_connections)
		fprintf(out, "max %u connections per node  ", c->max_connections);
	policy = policy_text(&c->full);
	if (*policy)
		fprintf(out, "%s  ", policy);
	free(policy);
	endpoints_print(c, out);
	fputc('\n', out);
	if (s->headers)
		headers_print(s->headers, "              ", out);
}

void route_print(const struct plan_route *r, const char *host, const char *indent, FILE *out)
{
	char *names[SHUNT_MAX_SPLIT];
	size_t width = 0;

	for (size_t i = 0; i < r->nr_splits; i++) {
		names[i] = destination_name(r->splits[i].cluster, host);
		if (columns(names[i]) > width)
			width = columns(names[i]);
	}
	for (size_t i = 0; i < r->nr_splits; i++) {
		split_print(&r->splits[i], r, names[i], width, indent, out);
		free(names[i]);
	}
}

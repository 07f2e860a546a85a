// SPDX-License-Identifier: GPL-2.0
/* The plan for people: a block a host, a line a port, a line a destination. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

#define ENDPOINTS_SHOWN 8

const char *policy_name(enum policy policy)
{
	switch (policy) {
	case POLICY_LEAST_REQUEST:
		return "least_request";
	case POLICY_ROUND_ROBIN:
		return "round_robin";
	case POLICY_RANDOM:
		return "random";
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

bool id_in_namespace(const char *id, const char *namespace)
{
	const char *slash = strchr(id, '/');
	size_t length;

	if (!namespace)
		return true;
	length = strlen(namespace);
	return slash && !strncmp(slash + 1, namespace, length) && slash[1 + length] == '/';
}

/* ---- destinations ---- */

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
			size_t width, FILE *out)
{
	const struct plan_cluster *c = s->cluster;
	char share[32], percent[16];

	fprintf(out, "    %6s  %-7s %s%*s  ",
		percent_print((double)s->weight / r->total, percent),
		share_print(s->weight, r->total, share), name, (int)(width - columns(name)), "");
	if (c->unknown) {
		fprintf(out, "refused: %s\n", c->unknown);
		return;
	}
	fprintf(out, "%s  ", policy_name(c->policy));
	if (c->max_connections)
		fprintf(out, "max %u connections per node  ", c->max_connections);
	endpoints_print(c, out);
	fputc('\n', out);
}

static void route_print(const struct plan_route *r, const char *host, FILE *out)
{
	char *names[SHUNT_MAX_SPLIT];
	size_t width = 0;

	for (size_t i = 0; i < r->nr_splits; i++) {
		names[i] = destination_name(r->splits[i].cluster, host);
		if (columns(names[i]) > width)
			width = columns(names[i]);
	}
	for (size_t i = 0; i < r->nr_splits; i++) {
		split_print(&r->splits[i], r, names[i], width, out);
		free(names[i]);
	}
}

/* ---- ports and hosts ---- */

static void port_print(const struct plan_port *port, const char *host, FILE *out)
{
	const struct plan_route *r = &port->route;

	fprintf(out, "  :%u %s  %s", port->port, protocol_name(port->protocol),
		verdict_name(port->verdict));
	if (port->verdict == VERDICT_UNTOUCHED)
		fprintf(out, " (passthrough)");
	if (*port->because)
		fprintf(out, " because %s", port->because);
	if (r->nr_splits)
		fprintf(out, "   route %s%s%s", r->object, *r->object ? " " : "", r->name);
	if (port->host_only)
		fprintf(out, "   from the host only");
	fputc('\n', out);
	route_print(r, host, out);
}

static void place_print(const struct place *place, FILE *out)
{
	if (place->file && place->line)
		fprintf(out, " (%s:%u)", place->file, place->line);
	fputc('\n', out);
}

static void findings_print(const struct diags *findings, const char *indent, FILE *out)
{
	static const char *const levels[] = {
		[DIAG_ERROR] = "error", [DIAG_WARNING] = "warning", [DIAG_NOTICE] = "notice"};

	for (size_t i = 0; i < findings->list.nr; i++) {
		const struct diag *d = &findings->list.at[i];

		fprintf(out, "%s%s: %s%s%s", indent, levels[d->level], d->path ? d->path : "",
			d->path ? ": " : "", d->text);
		place_print(&d->place, out);
	}
}

static void host_print(const struct plan_host *h, FILE *out)
{
	char text[INET_TEXT];

	fprintf(out, "%s", h->host);
	for (size_t i = 0; i < h->nr_addresses; i++)
		fprintf(out, "%s%s", i ? " " : "  ", inet_print(&h->addresses[i], text));
	fprintf(out, "%s\n", h->allocated ? " (allocated)" : "");
	for (size_t i = 0; i < h->nr_ports; i++)
		port_print(&h->ports[i], h->host, out);
	for (size_t i = 0; i < h->nr_laters; i++) {
		fprintf(out, "    not in force: %s %s", h->later_ids[i], h->laters[i]->path);
		place_print(&h->laters[i]->place, out);
	}
	findings_print(&h->findings, "    ", out);
}

void plan_print(const struct plan *p, const char *namespace, FILE *out)
{
	size_t nr;
	struct plan_host **hosts = plan_sorted(p, &nr);
	bool first = true;

	for (size_t i = 0; i < nr; i++) {
		if (!id_in_namespace(hosts[i]->id, namespace))
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		host_print(hosts[i], out);
	}
	free(hosts);
	if (!first && p->findings.list.nr)
		fputc('\n', out);
	findings_print(&p->findings, "", out);
}

// SPDX-License-Identifier: GPL-2.0
/* The plan for people: a block a host, a line a port, a line a destination. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/gateway.h"
#include "plan/host.h"
#include "plan/text.h"

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

/* What sets it apart from others of its destination. */
static void nearness_print(const struct plan_endpoint *e, FILE *out)
{
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
	char share[32], percent[16], *policy;

	fprintf(out, "%s%6s  %-7s %s%*s  ", indent,
		percent_print((double)s->weight / r->total, percent),
		share_print(s->weight, r->total, share), name, (int)(width - columns(name)), "");
	if (c->unknown) {
		fprintf(out, "refused: %s\n", c->unknown);
		return;
	}
	fprintf(out, "%s  ", policy_name(c->policy));
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

/* ---- rules ---- */

void rule_print(const struct plan_rule *r, size_t number, const char *host, const char *indent,
		FILE *out)
{
	char *inside = xasprintf("%s   ", indent);

	fprintf(out, "%s%zu. ", indent, number);
	for (size_t i = 0; i < r->nr_matches; i++) {
		char *text = match_text(&r->matches[i].http);

		fprintf(out, "%s%s", i ? ", or " : "", text);
		free(text);
	}
	fprintf(out, "%s   route %s%s%s", r->nr_matches ? "" : "always",
		r->from.object ? r->from.object->id : "", r->from.object ? " " : "", r->name);
	if (r->delegate.object)
		fprintf(out, " from %s %s", r->delegate.object->id, r->delegate.field);
	fputc('\n', out);
	actions_print(r, inside, out);
	route_print(&r->route, host, inside, out);
	free(inside);
}

void sni_print(const struct plan_sni *s, size_t number, const char *host, const char *indent,
	       FILE *out)
{
	char *inside = xasprintf("%s   ", indent);

	fprintf(out, "%s%zu. server name", indent, number);
	for (size_t i = 0; i < s->nr_hosts; i++)
		fprintf(out, "%s %s", i ? " or" : "", s->hosts[i]);
	fprintf(out, "   route %s %s\n", s->from.object->id, s->from.field);
	route_print(&s->route, host, inside, out);
	free(inside);
}

static void snis_print(const struct plan_port *port, const char *host, const char *indent, FILE *out)
{
	for (size_t i = 0; i < port->nr_snis; i++)
		sni_print(&port->snis[i], i + 1, host, indent, out);
}

/* ---- ports and hosts ---- */

static void bytes_print(const struct plan_port *port, const char *host, const char *indent,
			FILE *out)
{
	char *inside = xasprintf("%s   ", indent);

	if (*plan_bytes_object(port)) {
		fprintf(out, "%swhat is no http   route %s %s\n", indent, port->bytes.object,
			port->bytes.name);
		route_print(&port->bytes, host, inside, out);
	}
	free(inside);
}

/* What the kernel does while no proxy takes the connections. */
static void failure_print(const struct plan_port *port, const char *indent, FILE *out)
{
	fprintf(out, "%swithout the proxy: ", indent);
	if (port->on_failure == FAILURE_REFUSE || !port->route.nr_splits)
		fprintf(out, "refused%s%s\n", *port->refuse_because ? ", " : "",
			port->refuse_because);
	else
		fprintf(out, "bypass by route %s%s%s\n", port->route.object,
			*port->route.object ? " " : "", port->route.name);
}

static void port_print(const struct plan_port *port, const char *host, const char *indent, FILE *out)
{
	char *inside = xasprintf("%s  ", indent);

	fprintf(out, "%s:%u %s  %s", indent, port->port, protocol_name(port->protocol),
		verdict_name(port->verdict));
	if (port->verdict == VERDICT_UNTOUCHED)
		fprintf(out, " (passthrough)");
	if (*port->because)
		fprintf(out, " because %s", port->because);
	if (port->route.nr_splits && port->verdict != VERDICT_PROXY)
		fprintf(out, "   route %s%s%s", port->route.object, *port->route.object ? " " : "",
			port->route.name);
	if (port->host_only)
		fprintf(out, "   from the host only");
	fputc('\n', out);
	for (size_t i = 0; plan_port_walked(port) && i < port->nr_rules; i++)
		rule_print(&port->rules[i], i + 1, host, inside, out);
	if (port->verdict == VERDICT_PROXY) {
		snis_print(port, host, inside, out);
		bytes_print(port, host, inside, out);
		failure_print(port, inside, out);
		if (!port->nr_rules && !port->nr_snis)
			route_print(&port->route, host, inside, out);
	} else {
		route_print(&port->route, host, inside, out);
	}
	free(inside);
}

static void addresses_list(const struct inet *at, size_t nr, FILE *out)
{
	char text[INET_TEXT];

	for (size_t i = 0; i < nr; i++)
		fprintf(out, " %s", inet_print(&at[i], text));
}

/* Another object has the host for them, or other addresses. */
static bool is_of_another(const struct plan_host *h, const struct plan_view *v)
{
	size_t nr = h->nr_addresses;

	return strcmp(v->id, h->id) || v->nr_addresses != nr ||
	       (nr && memcmp(v->addresses, h->addresses, nr * sizeof(h->addresses[0])));
}

static void view_print(const struct plan_host *h, const struct plan_view *v, FILE *out)
{
	fputs("  from", out);
	for (size_t i = 0; i < v->nr_scopes; i++)
		fprintf(out, "%s %s", i ? "," : "", v->scopes[i]);
	fputs(v->visible ? ":" : ": it is not there", out);
	if (v->visible && is_of_another(h, v)) {
		fprintf(out, " %s", v->id);
		addresses_list(v->addresses, v->nr_addresses, out);
	}
	fputc('\n', out);
	for (size_t i = 0; i < v->nr_ports && v->visible; i++)
		port_print(&v->ports[i], h->host, "    ", out);
}

static void views_print(const struct plan_host *h, FILE *out)
{
	if (!h->visible)
		fprintf(out, "  from everyone else: it is not there\n");
	for (size_t i = 0; i < h->nr_ports && h->visible; i++)
		port_print(&h->ports[i], h->host, "  ", out);
	for (size_t i = 0; i < h->nr_views; i++)
		view_print(h, &h->views[i], out);
}

/* What the callers of one scope see. */
static void from_print(const struct plan_host *h, const struct plan_scope *scope, FILE *out)
{
	const struct plan_port *ports;
	size_t nr;

	plan_view_of(h, scope, &ports, &nr);
	for (size_t i = 0; i < nr; i++)
		port_print(&ports[i], h->host, "  ", out);
}

static void place_print(const struct place *place, FILE *out)
{
	if (place->file && place->line)
		fprintf(out, " (%s:%u)", place->file, place->line);
	fputc('\n', out);
}

void findings_print(const struct diags *findings, const char *indent, FILE *out)
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

static void host_print(const struct plan_host *h, const struct plan_filter *filter, FILE *out)
{
	const struct plan_view *own = filter->from ? view_find(h, filter->scope) : NULL;

	fprintf(out, "%s%s", h->host, (own ? own->nr_addresses : h->nr_addresses) ? " " : "");
	if (own)
		addresses_list(own->addresses, own->nr_addresses, out);
	else
		addresses_list(h->addresses, h->nr_addresses, out);
	fputs(h->allocated ? " (allocated)" : "", out);
	fprintf(out, "%s%s\n", own && is_of_another(h, own) ? "  " : "",
		own && is_of_another(h, own) ? own->id : "");
	if (filter->from)
		from_print(h, filter->scope, out);
	else
		views_print(h, out);
	for (size_t i = 0; i < h->nr_laters; i++) {
		fprintf(out, "    not in force: %s %s", h->later_ids[i], h->laters[i]->path);
		place_print(&h->laters[i]->place, out);
	}
	findings_print(&h->findings, "    ", out);
}

bool filter_takes(const struct plan_filter *filter, const struct plan_host *h)
{
	const struct plan_port *ports;
	size_t nr;

	const struct plan_view *own = filter->from ? view_find(h, filter->scope) : NULL;

	return id_in_namespace(own ? own->id : h->id, filter->namespace) &&
	       (!filter->from || plan_view_of(h, filter->scope, &ports, &nr));
}

void plan_print(const struct plan *p, const struct plan_filter *filter, FILE *out)
{
	size_t nr;
	struct plan_host **hosts = plan_sorted(p, &nr);
	bool first = true;

	for (size_t i = 0; i < nr; i++) {
		if (!filter_takes(filter, hosts[i]))
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		host_print(hosts[i], filter, out);
	}
	free(hosts);
	first = refusals_print(p, filter, first, out);
	if (!filter->from)
		first = gateways_print(p->gateways, filter->namespace, first, out);
	if (!first && p->findings.list.nr)
		fputc('\n', out);
	findings_print(&p->findings, "", out);
}

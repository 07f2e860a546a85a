// SPDX-License-Identifier: GPL-2.0
/* The plan for people: a block a host, a line a port, a line a destination. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/gateway.h"
#include "plan/host.h"

bool id_in_namespace(const char *id, const char *namespace)
{
	const char *slash = strchr(id, '/');
	size_t length;

	if (!namespace)
		return true;
	length = strlen(namespace);
	return slash && !strncmp(slash + 1, namespace, length) && slash[1 + length] == '/';
}

static void addresses_list(const struct inet *at, size_t nr, FILE *out)
{
	char text[INET_TEXT];

	for (size_t i = 0; i < nr; i++)
		fprintf(out, " %s", inet_print(&at[i], text));
}

static void subnets_list(const struct subnet *at, size_t nr, FILE *out)
{
	char text[INET_TEXT];

	for (size_t i = 0; i < nr; i++)
		fprintf(out, " %s", inet_print_cidr(&at[i].address, at[i].prefix, text));
}

/* Where callers from outside of the node find it, beside its node ports. */
static void outside_print(const struct plan_host *h, FILE *out)
{
	if (!h->nr_outside && !h->outside_local)
		return;
	fputs("  from outside", out);
	addresses_list(h->outside, h->nr_outside, out);
	fprintf(out, "%s\n", h->outside_local ? ": to endpoints on the node alone" : "");
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
		subnets_list(v->subnets, v->nr_subnets, out);
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

	fprintf(out, "%s%s", h->host,
		(own ? own->nr_addresses + own->nr_subnets : h->nr_addresses + h->nr_subnets)
			? " " : "");
	addresses_list(own ? own->addresses : h->addresses,
		       own ? own->nr_addresses : h->nr_addresses, out);
	subnets_list(own ? own->subnets : h->subnets, own ? own->nr_subnets : h->nr_subnets, out);
	fputs(h->allocated ? " (allocated)" : "", out);
	fprintf(out, "%s%s\n", own && is_of_another(h, own) ? "  " : "",
		own && is_of_another(h, own) ? own->id : "");
	outside_print(h, out);
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

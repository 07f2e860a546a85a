// SPDX-License-Identifier: GPL-2.0
/* What changes from one plan to another: rules, shares, limits and endpoints, fact by fact. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/facts.h"
#include "plan/gateway.h"
#include "plan/host.h"

typedef void difference(const struct fact *from, const struct fact *to, void *arg);

static size_t facts_differ(const struct facts *a, const struct facts *b, difference *each,
			   void *arg)
{
	struct strmap_entry *e;
	size_t nr = 0;

	strmap_each(&b->map, e) {
		const struct fact *new = e->value, *old = strmap_get(&a->map, e->key);

		if (old && !strcmp(old->value, new->value))
			continue;
		each(old, new, arg);
		nr++;
	}
	strmap_each(&a->map, e) {
		if (strmap_get(&b->map, e->key))
			continue;
		each(e->value, NULL, arg);
		nr++;
	}
	return nr;
}

static size_t host_diff(const struct plan_host *from, const struct plan_host *to,
			difference *each, void *arg)
{
	struct facts a, b;
	size_t nr;

	facts_of_host(from, &a);
	facts_of_host(to, &b);
	nr = facts_differ(&a, &b, each, arg);
	facts_free(&a);
	facts_free(&b);
	return nr;
}

static struct fact fact_of_service(const struct plan_host *h)
{
	return (struct fact){.host = h->host, .scopes = "", .rule = "", .destination = "",
			     .what = "service", .value = h->id};
}

static size_t gateways_diff(const struct plan *from, const struct plan *to, difference *each,
			    void *arg)
{
	json_t *old, *new;
	struct facts a, b;
	size_t nr;

	if (from->gateways == to->gateways)
		return 0;
	old = gateways_json(from->gateways, NULL);
	new = gateways_json(to->gateways, NULL);
	facts_of_json(old, "gateways", &a);
	facts_of_json(new, "gateways", &b);
	nr = facts_differ(&a, &b, each, arg);
	facts_free(&a);
	facts_free(&b);
	json_decref(old);
	json_decref(new);
	return nr;
}

/* A host of either plan, or of both where they differ. */
struct pair {
	const struct plan_host *from, *to;
};
struct pairs {
	VEC(struct pair) list;
};

static int pair_order(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	return strcmp((x->from ? x->from : x->to)->host, (y->from ? y->from : y->to)->host);
}

/* Most hosts are shared between the plans, and settled by their pointers alone. */
static void pairs_find(const struct plan *from, const struct plan *to, struct pairs *out)
{
	struct strmap_entry *e;

	strmap_each(&from->hosts, e) {
		struct pair p = {e->value, strmap_get_beside(&to->hosts, &from->hosts, e)};

		if (p.from != p.to)
			vec_push(&out->list, p);
	}
	strmap_each(&to->hosts, e) {
		struct pair p = {NULL, e->value};

		if (!strmap_get_beside(&from->hosts, &to->hosts, e))
			vec_push(&out->list, p);
	}
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), pair_order);
}

static size_t plan_differ(const struct plan *from, const struct plan *to, difference *each,
			  void *arg)
{
	struct pairs pairs = {0};
	struct pair *p;
	size_t found = 0;

	pairs_find(from, to, &pairs);
	vec_each(&pairs.list, p) {
		struct fact one = fact_of_service(p->from ? p->from : p->to);

		if (p->from && p->to) {
			found += host_diff(p->from, p->to, each, arg);
			continue;
		}
		each(p->from ? &one : NULL, p->to ? &one : NULL, arg);
		found++;
	}
	vec_free(&pairs.list);
	return found + gateways_diff(from, to, each, arg);
}

/* ---- for people and for programs ---- */

struct printing {
	FILE *out;
	json_t *list;
	const struct plan_live *live;
};

/* Connections that are open now to the destination that a fact is about; -1: not known. */
static int64_t connections_of(const struct printing *p, const struct fact *f)
{
	const struct plan_cluster *c = f->cluster;

	if (!p->live || !c || c->unknown)
		return -1;
	return p->live->count(c, p->live->arg);
}

static void difference_print(const struct fact *from, const struct fact *to, void *arg)
{
	const struct fact *f = to ? to : from;
	const struct printing *p = arg;
	int64_t open = connections_of(p, from ? from : to);

	fprintf(p->out, "%c %s", from ? to ? '~' : '-' : '+', f->host);
	if (f->port)
		fprintf(p->out, ":%u%s", f->port, f->udp ? "/udp" : "");
	if (*f->scopes)
		fprintf(p->out, " from %s", f->scopes);
	if (*f->rule)
		fprintf(p->out, " rule %s", f->rule);
	if (*f->destination)
		fprintf(p->out, " → %s", f->destination);
	fprintf(p->out, "  %s: %s", f->what, from ? from->value : to->value);
	if (from && to)
		fprintf(p->out, " → %s", to->value);
	if (open > 0)
		fprintf(p->out, "  (%" PRId64 " open connection%s)", open, open == 1 ? "" : "s");
	fputc('\n', p->out);
}

size_t plan_diff_print(const struct plan *from, const struct plan *to, const struct plan_live *live,
		       FILE *out)
{
	struct printing p = {.out = out, .live = live};

	return plan_differ(from, to, difference_print, &p);
}

static void difference_json(const struct fact *from, const struct fact *to, void *arg)
{
	const struct fact *f = to ? to : from;
	const struct printing *p = arg;
	int64_t open = connections_of(p, from ? from : to);

	json_array_append_new(
		p->list, json_pack("{s:s, s:i, s:b, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o}", "host",
				   f->host, "port", f->port, "udp", f->udp, "scopes", f->scopes, "rule", f->rule,
				   "destination", f->destination, "what", f->what, "from",
				   from ? from->value : NULL, "to", to ? to->value : NULL,
				   "open_connections", open < 0 ? json_null() : json_integer(open)));
}

json_t *plan_diff_json(const struct plan *from, const struct plan *to, const struct plan_live *live)
{
	struct printing p = {.list = json_array(), .live = live};

	plan_differ(from, to, difference_json, &p);
	return p.list;
}

// SPDX-License-Identifier: GPL-2.0
/* The gateways of a plan: which workloads there are, and what stands at each. */
#include <stdlib.h>
#include <string.h>
#include "plan/listener.h"

/* ---- memory ---- */

struct plan_gateways *gateways_get(struct plan_gateways *g)
{
	if (g)
		g->refs++;
	return g;
}

static void gateway_free(struct plan_gateway *g)
{
	struct plan_listener *l;
	struct plan_server *s;

	vec_each(&g->listeners, l) {
		vec_each(&l->servers, s) {
			vhosts_free(&s->vhosts);
			vec_free(&s->snis);
		}
		vec_free(&l->servers);
		vhosts_free(&l->vhosts);
	}
	vec_free(&g->listeners);
	host_put(g->part);
	free(g);
}

void gateways_put(struct plan_gateways *g)
{
	if (!g || --g->refs)
		return;
	for (size_t i = 0; i < g->list.nr; i++)
		gateway_free(g->list.at[i]);
	vec_free(&g->list);
	host_put(g->part);
	strmap_free(&g->hosts);
	strmap_free(&g->secrets);
	free(g);
}

static struct plan_host *part_new(const char *name)
{
	struct plan_host *part = xcalloc(1, sizeof(*part));

	part->refs = 1;
	part->arena = arena_new();
	part->host = arena_strdup(part->arena, name);
	part->id = part->host;
	return part;
}

/* ---- workloads ---- */

static int age_order(const void *a, const void *b)
{
	return object_order(*(struct object *const *)a, *(struct object *const *)b);
}

void objects_of(const struct strmap *kind, struct objects *out)
{
	struct strmap_entry *e;

	memset(out, 0, sizeof(*out));
	strmap_each(kind, e)
		vec_push(&out->list, (struct object *)e->value);
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), age_order);
}

static bool labels_equal(const struct labels *a, const struct labels *b)
{
	return a->nr == b->nr && labels_contain(a, b);
}

static int label_order(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* Copies the selector in the order of its keys: the objects that it came from may go. */
static void labels_take(struct plan_gateway *g, const struct labels *selector)
{
	struct arena *a = g->part->arena;
	struct label *at = arena_alloc(a, (selector->nr + 1) * sizeof(*at));
	const char *key = selector->nr ? "" : "all gateways";

	for (size_t i = 0; i < selector->nr; i++) {
		at[i].key = arena_strdup(a, selector->at[i].key);
		at[i].value = arena_strdup(a, selector->at[i].value);
	}
	if (selector->nr > 1)
		qsort(at, selector->nr, sizeof(*at), label_order);
	for (size_t i = 0; i < selector->nr; i++)
		key = arena_printf(a, "%s%s%s=%s", key, i ? "," : "", at[i].key, at[i].value);
	g->labels.at = at;
	g->labels.nr = selector->nr;
	g->key = key;
}

static const struct object *pod_of(const struct config_set *set, const struct labels *labels)
{
	const struct object *first = NULL;
	struct strmap_entry *e;

	if (!labels->nr)
		return NULL;
	strmap_each(&set->kinds[KIND_POD], e)
		if (labels_contain(&((struct object *)e->value)->labels, labels) &&
		    (!first || object_order(e->value, first) < 0))
			first = e->value;
	return first;
}

/* `namespace`: of the object that asked for the workload first. */
static void workload_add(struct plan_gateways *all, const struct config_set *set,
			 const struct labels *selector, const char *namespace)
{
	struct plan_gateway *g;

	for (size_t i = 0; i < all->list.nr; i++)
		if (labels_equal(&all->list.at[i]->labels, selector))
			return;
	g = xcalloc(1, sizeof(*g));
	g->part = part_new("gateway");
	labels_take(g, selector);
	g->pod = pod_of(set, selector);
	g->namespace = arena_strdup(g->part->arena, g->pod ? g->pod->namespace : namespace);
	vec_push(&all->list, g);
}

static int key_order(const void *a, const void *b)
{
	const struct plan_gateway *const *x = a, *const *y = b;

	return strcmp((*x)->key, (*y)->key);
}

static void workloads_find(struct plan_gateways *all, const struct config_set *set,
			   const struct objects *gateways, const struct objects *ingresses)
{
	struct object *const *o;

	vec_each(&gateways->list, o)
		if ((*o)->gateway.selector.nr)
			workload_add(all, set, &(*o)->gateway.selector, (*o)->namespace);
	if (ingresses->list.nr)
		workload_add(all, set, &ingress_selector, ROOT_NAMESPACE);
	if (!all->list.nr && gateways->list.nr)
		workload_add(all, set, &gateways->list.at[0]->gateway.selector,
			     gateways->list.at[0]->namespace);
	if (all->list.nr > 1)
		qsort(all->list.at, all->list.nr, sizeof(all->list.at[0]), key_order);
}

/* ---- one workload ---- */

static void closed_tell(struct edge *e)
{
	const struct object *o = e->p.owner;

	host_find(&e->p, DIAG_NOTICE, &o->place, o, "",
		  "the listeners of %s%s are not opened in this version",
		  e->out->labels.nr ? "gateway " : "", e->out->key);
}

static void gateway_plan(struct edge *e, const struct objects *gateways)
{
	const struct plan_gateway *g = e->out;
	struct strmap clusters = {0};
	struct object *const *o;

	e->scope = (struct plan_scope){
		.key = g->key, .namespace = g->namespace, .labels = g->labels};
	e->p.host = g->part;
	e->p.caller = &e->scope;
	e->p.clusters = &clusters;
	e->p.owner = NULL;
	if (g->pod)
		host_use(&e->p, (struct object *)g->pod);
	vec_each(&gateways->list, o) {
		if (!labels_contain(&g->labels, &(*o)->gateway.selector))
			continue;
		if (!e->p.owner)
			e->p.owner = *o;
		host_use(&e->p, *o);
		gateway_servers_add(e, *o);
	}
	if (labels_contain(&g->labels, &ingress_selector) && e->ingresses->list.nr) {
		if (!e->p.owner)
			e->p.owner = e->ingresses->list.at[0];
		ingress_servers_add(e);
	}
	listeners_route(e);
	closed_tell(e);
	strmap_free(&clusters);
	host_end(g->part);
}

/* ---- all of them ---- */

static void workloads_plan(struct edge *e, const struct objects *gateways)
{
	for (size_t i = 0; i < e->all->list.nr; i++) {
		e->out = e->all->list.at[i];
		gateway_plan(e, gateways);
		gateway_hosts_note(e->all, e->out);
	}
}

void gateways_build(struct plan *plan, const struct config_set *set, const struct plan_index *x,
		    struct addresses *addresses)
{
	struct plan_gateways *all = xcalloc(1, sizeof(*all));
	struct edge e = {.p = {.set = set, .index = x, .addresses = addresses}, .all = all};
	struct objects gateways, services, ingresses;
	struct strmap bound;

	all->refs = 1;
	all->part = part_new("gateways");
	e.p.host = all->part;
	objects_of(&set->kinds[KIND_GATEWAY], &gateways);
	objects_of(&set->kinds[KIND_VIRTUAL_SERVICE], &services);
	ingresses_find(&e.p, &ingresses);
	bindings_find(&services, &bound);
	bindings_check(&e.p, &services);
	workloads_find(all, set, &gateways, &ingresses);
	e.bound = &bound;
	e.ingresses = &ingresses;
	workloads_plan(&e, &gateways);
	bindings_free(&bound);
	vec_free(&gateways.list);
	vec_free(&services.list);
	vec_free(&ingresses.list);
	host_end(all->part);
	plan->gateways = all;
	if (!all->list.nr && !all->part->findings.list.nr) {
		gateways_put(all);
		plan->gateways = NULL;
	}
}

/* ---- what was found ---- */

static void findings_take(const struct diags *from, struct strmap *told, struct diags *out)
{
	const struct diag *d;

	vec_each(&from->list, d) {
		char *key = xasprintf("%s: %s", d->path, d->text);

		if (!strmap_put(told, key, out))
			diag_add(out, d->level, &d->place, d->path, "%s", d->text);
		free(key);
	}
}

void gateways_tell(const struct plan_gateways *g, struct diags *out)
{
	struct strmap told = {0};

	if (!g)
		return;
	findings_take(&g->part->findings, &told, out);
	for (size_t i = 0; i < g->list.nr; i++)
		findings_take(&g->list.at[i]->part->findings, &told, out);
	strmap_free(&told);
}

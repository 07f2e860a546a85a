// SPDX-License-Identifier: GPL-2.0
/* Scopes: which there are, by counting workloads, and the Sidecar of each. */
#include <stdlib.h>
#include <string.h>
#include "plan/index.h"
#include "plan/scope.h"
#include "plan/visible.h"

/* ---- one scope ---- */

static size_t count_of(const char *text, char c)
{
	size_t nr = 0;

	for (; *text; text++)
		nr += *text == c;
	return nr;
}

/* "default{app=web,version=v2}": neither names nor values hold any of the signs between them. */
struct plan_scope *scope_new(const char *key)
{
	size_t size = strlen(key) + 1, nr = count_of(key, '=');
	struct plan_scope *s = xcalloc(1, sizeof(*s) + nr * sizeof(struct label) + 2 * size);
	char *copy, *at;

	s->labels.at = (struct label *)(s + 1);
	copy = (char *)(s->labels.at + nr);
	s->key = memcpy(copy, key, size);
	at = memcpy(copy + size, key, size);
	s->namespace = strsep(&at, "{");
	if (!strcmp(s->namespace, "*"))
		s->namespace = "";
	while (s->labels.nr < nr) {
		struct label *l = &s->labels.at[s->labels.nr++];

		l->key = strsep(&at, "=");
		l->value = strsep(&at, ",}");
	}
	return s;
}

void scope_free(struct plan_scope *s)
{
	free(s);
}

struct plan_scope *scope_copy(const struct plan_scope *from)
{
	struct plan_scope *s = scope_new(from->key);

	s->sidecar = from->sidecar;
	s->closed = from->closed;
	s->registry_only = from->registry_only;
	s->nr_pods = from->nr_pods;
	return s;
}

/* ---- counting workloads ---- */

const struct labels *workload_labels(const struct object *o)
{
	return o->kind == KIND_WORKLOAD_ENTRY ? &o->workload.labels : &o->labels;
}

static void workload_count(struct scope_index *s, const struct object *o, int by)
{
	char *key = asked_key(s, o);

	if (*key)
		count_change(&s->counts, key, by);
	free(key);
}

static void everyone_count(struct scope_index *s, const struct config_set *set)
{
	static const enum kind workloads[] = {KIND_POD, KIND_WORKLOAD_ENTRY};
	const struct strmap_entry *e;

	strmap_free(&s->counts);
	for (size_t i = 0; i < 2; i++)
		strmap_each(&set->kinds[workloads[i]], e)
			workload_count(s, e->value, 1);
	s->stale = false;
	s->moved = true;
}

static void object_change(struct scope_index *s, const struct object *o, int by)
{
	if (o->kind != KIND_POD && o->kind != KIND_WORKLOAD_ENTRY) {
		asked_change(s, o, by);
		return;
	}
	s->moved = true;
	if (!s->stale)
		workload_count(s, o, by);
}

void scope_index_add(struct scope_index *s, struct object *o)
{
	if (o->kind == KIND_SIDECAR)
		bag_add(&s->sidecars, o->namespace, o);
	object_change(s, o, 1);
}

void scope_index_remove(struct scope_index *s, struct object *o)
{
	if (o->kind == KIND_SIDECAR)
		bag_remove(&s->sidecars, o->namespace, o);
	object_change(s, o, -1);
}

/* ---- the scopes that come of it ---- */

/* The oldest Sidecar of a namespace with labels that `l` satisfies, or with none. */
static struct object *sidecar_in(const struct scope_index *s, const char *namespace,
				 const struct labels *l)
{
	const struct bag *bag = strmap_get(&s->sidecars, namespace);
	struct object *o, *first = NULL;

	bag_each(bag, o) {
		const struct labels *selector = &o->sidecar.selector;

		if (!selector->nr != !l || (l && !labels_contain(l, selector)))
			continue;
		if (!first || object_order(o, first) < 0)
			first = o;
	}
	return first;
}

static void sidecar_set(const struct scope_index *s, struct plan_scope *scope)
{
	const struct object *o;

	if (!*scope->namespace || asked_gateway(s, &scope->labels))
		return;
	o = sidecar_in(s, scope->namespace, &scope->labels);
	if (!o)
		o = sidecar_in(s, scope->namespace, NULL);
	if (!o)
		o = sidecar_in(s, ROOT_NAMESPACE, NULL);
	scope->sidecar = o;
	scope->closed = o && sidecar_is_closed(&o->sidecar);
	scope->registry_only = o && o->sidecar.outbound == OUTBOUND_REGISTRY_ONLY;
}

static int scope_order(const void *a, const void *b)
{
	return strcmp((*(struct plan_scope *const *)a)->key,
		      (*(struct plan_scope *const *)b)->key);
}

static void scopes_list(const struct scope_index *s, struct scope_list *out)
{
	const struct strmap_entry *e;

	memset(out, 0, sizeof(*out));
	strmap_each(&s->counts, e) {
		struct plan_scope *scope = scope_new(e->key);

		scope->nr_pods = (uintptr_t)e->value;
		sidecar_set(s, scope);
		vec_push(&out->list, scope);
	}
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), scope_order);
}

void scope_index_follow(struct scope_index *s, const struct config_set *set,
			struct scope_list *went, struct scope_list *came)
{
	struct scope_list old = s->now;
	size_t at = 0;

	memset(went, 0, sizeof(*went));
	memset(came, 0, sizeof(*came));
	if (s->stale)
		everyone_count(s, set);
	if (!s->moved)
		return;
	s->moved = false;
	scopes_list(s, &s->now);
	for (size_t i = 0; i < s->now.list.nr; i++) {
		struct plan_scope *new = s->now.list.at[i];

		while (at < old.list.nr && scope_order(&old.list.at[at], &new) < 0)
			vec_push(&went->list, old.list.at[at++]);
		if (at < old.list.nr && !scope_order(&old.list.at[at], &new)) {
			if (old.list.at[at]->sidecar == new->sidecar) {
				scope_free(old.list.at[at++]);
				continue;
			}
			vec_push(&went->list, old.list.at[at++]);
		}
		vec_push(&came->list, new);
	}
	while (at < old.list.nr)
		vec_push(&went->list, old.list.at[at++]);
	vec_free(&old.list);
}

bool scope_index_use(const struct scope_index *s, const struct object *sidecar)
{
	for (size_t i = 0; i < s->now.list.nr; i++)
		if (s->now.list.at[i]->sidecar == sidecar)
			return true;
	return false;
}

void scope_index_free(struct scope_index *s)
{
	asked_free(s);
	bags_free(&s->sidecars);
	strmap_free(&s->counts);
	for (size_t i = 0; i < s->now.list.nr; i++)
		scope_free(s->now.list.at[i]);
	vec_free(&s->now.list);
}

/* ---- of a plan ---- */

static bool is_closer(const struct plan_scope *a, const struct plan_scope *b)
{
	if (!*a->namespace != !*b->namespace)
		return *a->namespace;
	return a->labels.nr > b->labels.nr;
}

/*
 * Of the scopes that it fits: a namespace that counts stands in the keys of all its workloads, and
 * the others have part of the labels of its own one, which is there because it is.
 */
const struct plan_scope *plan_scope_of(const struct plan *p, const struct object *pod)
{
	const struct plan_scope *best = NULL;
	const struct strmap_entry *e;

	strmap_each(&p->scopes, e) {
		const struct plan_scope *s = e->value;

		if (*s->namespace && strcmp(s->namespace, pod->namespace))
			continue;
		if (labels_contain(workload_labels(pod), &s->labels) &&
		    (!best || is_closer(s, best)))
			best = s;
	}
	return best;
}

// SPDX-License-Identifier: GPL-2.0
/* What rules ask about callers, counted as rules come and go, and what a workload has of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/index.h"
#include "plan/locality.h"
#include "plan/scope.h"

/* Labels that rules ask for; those with the same first label hang together. */
struct asked {
	struct asked *next;
	size_t nr_rules;
	struct labels labels;
};

/* ---- counting rules ---- */

bool count_change(struct strmap *map, const char *key, int by)
{
	uintptr_t nr = (uintptr_t)strmap_get(map, key) + (uintptr_t)(intptr_t)by;

	if (nr)
		strmap_put(map, key, (void *)nr);
	else
		strmap_remove(map, key);
	return !nr || (nr == 1 && by > 0);
}

static bool labels_equal(const struct labels *a, const struct labels *b)
{
	return a->nr == b->nr && labels_contain(a, b);
}

static struct asked *asked_new(const struct labels *from)
{
	size_t size = sizeof(struct asked) + from->nr * sizeof(struct label);
	struct asked *a;
	char *at;

	for (size_t i = 0; i < from->nr; i++)
		size += strlen(from->at[i].key) + strlen(from->at[i].value) + 2;
	a = xcalloc(1, size);
	a->labels.at = (struct label *)(a + 1);
	a->labels.nr = from->nr;
	at = (char *)(a->labels.at + from->nr);
	for (size_t i = 0; i < from->nr; i++) {
		a->labels.at[i].key = at;
		at = stpcpy(at, from->at[i].key) + 1;
		a->labels.at[i].value = at;
		at = stpcpy(at, from->at[i].value) + 1;
	}
	return a;
}

/* The label that comes first by its key: whoever asks for the same labels has the same. */
static const struct label *first_of(const struct labels *l)
{
	const struct label *first = l->at;

	for (size_t i = 1; i < l->nr; i++)
		if (strcmp(l->at[i].key, first->key) < 0)
			first = &l->at[i];
	return first;
}

/* `namespace` "*": of any. No labels ask for nothing. */
static bool selector_change(struct strmap *map, const char *namespace, const struct labels *labels,
			    int by)
{
	char key[INDEX_KEY];
	struct asked *first, *a, **link;

	if (!labels->nr)
		return false;
	first = strmap_get(map, index_key_label(key, namespace, first_of(labels)));
	for (link = &first; *link && !labels_equal(&(*link)->labels, labels);)
		link = &(*link)->next;
	a = *link;
	if (!a)
		a = *link = asked_new(labels);
	a->nr_rules += (size_t)by;
	if (a->nr_rules > 1 || (a->nr_rules && by < 0))
		return false;
	if (!a->nr_rules) {
		*link = a->next;
		free(a);
	}
	if (first)
		strmap_put(map, key, first);
	else
		strmap_remove(map, key);
	return true;
}

static void namespace_change(struct scope_index *s, const char *namespace, int by)
{
	s->stale |= count_change(&s->namespaces, namespace, by);
}

static void export_change(struct scope_index *s, const struct object *o, int by)
{
	for (size_t i = 0; i < o->export_to.nr_namespaces; i++)
		namespace_change(s, o->export_to.namespaces[i], by);
}

struct key_change {
	struct scope_index *index;
	int by;
};

static void key_change(void *arg, const char *key)
{
	struct key_change *c = arg;

	c->index->stale |= count_change(&c->index->keys, key, c->by);
}

/* ---- what each kind asks ---- */

static void sources_change(struct scope_index *s, const struct vs_route *routes, size_t nr, int by)
{
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < routes[i].nr_matches; j++) {
			const struct route_match *m = &routes[i].matches[j];

			if (*m->source_namespace)
				namespace_change(s, m->source_namespace, by);
			s->stale |= selector_change(&s->selectors, "*", &m->source_labels, by);
		}
}

/* Sidecars without labels in the root namespace are for all. */
static bool is_everywhere(const struct object *sidecar)
{
	return !sidecar->sidecar.selector.nr && !strcmp(sidecar->namespace, ROOT_NAMESPACE);
}

static void sidecar_change(struct scope_index *s, const struct object *o, int by)
{
	const struct bag *bag = strmap_get(&s->sidecars, o->namespace);

	s->moved = true;
	s->stale |= !bag || (bag->nr == 1 && by > 0); /* its first or last */
	namespace_change(s, o->namespace, by);
	s->stale |= selector_change(&s->selectors, o->namespace, &o->sidecar.selector, by);
	if (!is_everywhere(o))
		return;
	s->nr_everywhere += (size_t)by;
	s->stale = true;
}

void asked_change(struct scope_index *s, const struct object *o, int by)
{
	const struct virtual_service *vs = &o->virtual_service;
	struct key_change keys = {s, by};

	locality_keys(o, key_change, &keys);
	switch (o->kind) {
	case KIND_VIRTUAL_SERVICE:
		if (!vs->mesh)
			return;
		sources_change(s, vs->http, vs->nr_http, by);
		sources_change(s, vs->tls, vs->nr_tls, by);
		sources_change(s, vs->tcp, vs->nr_tcp, by);
		break;
	case KIND_DESTINATION_RULE:
		namespace_change(s, o->namespace, by);
		s->stale |= selector_change(&s->selectors, o->namespace,
					    &o->destination_rule.workload_selector, by);
		break;
	case KIND_SERVICE_ENTRY: /* its own namespace prefers it to others with its hosts */
		namespace_change(s, o->namespace, by);
		break;
	case KIND_SIDECAR:
		sidecar_change(s, o, by);
		break;
	case KIND_GATEWAY:
		s->stale |= selector_change(&s->gateways, "*", &o->gateway.selector, by);
		break;
	default:
		break;
	}
	export_change(s, o, by);
}

/* ---- workloads ---- */

struct wanted {
	VEC(struct label) list;
};

/* The labels of every selector at `namespace` and the label that `l` satisfies. */
static void asked_take(const struct strmap *map, const char *namespace, const struct label *first,
		       const struct labels *l, struct wanted *out)
{
	char key[INDEX_KEY];
	const struct asked *a = strmap_get(map, index_key_label(key, namespace, first));

	for (; a; a = a->next)
		for (size_t i = 0; labels_contain(l, &a->labels) && i < a->labels.nr; i++)
			vec_push(&out->list, a->labels.at[i]);
}

static int label_order(const void *a, const void *b)
{
	return strcmp(((const struct label *)a)->key, ((const struct label *)b)->key);
}

/* A workload is asked whether it is a gateway only where a Sidecar could be for it. */
static bool has_sidecars(const struct scope_index *s, const char *namespace)
{
	return s->nr_everywhere || strmap_get(&s->sidecars, namespace);
}

static void wanted_find(const struct scope_index *s, const char *namespace, const struct labels *l,
			struct wanted *out)
{
	bool gateways = s->gateways.nr && has_sidecars(s, namespace);
	size_t nr = 0;

	memset(out, 0, sizeof(*out));
	for (size_t i = 0; s->keys.nr && i < l->nr; i++)
		if (strmap_get(&s->keys, l->at[i].key))
			vec_push(&out->list, l->at[i]);
	for (size_t i = 0; (s->selectors.nr || gateways) && i < l->nr; i++) {
		asked_take(&s->selectors, namespace, &l->at[i], l, out);
		asked_take(&s->selectors, "*", &l->at[i], l, out);
		if (gateways)
			asked_take(&s->gateways, "*", &l->at[i], l, out);
	}
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), label_order);
	for (size_t i = 0; i < out->list.nr; i++)
		if (!nr || label_order(&out->list.at[nr - 1], &out->list.at[i]))
			out->list.at[nr++] = out->list.at[i];
	out->list.nr = nr;
}

char *asked_key(const struct scope_index *s, const struct object *workload)
{
	bool counts = s->nr_everywhere || strmap_get(&s->namespaces, workload->namespace);
	struct wanted wanted;
	struct label *l;
	size_t size;
	char *key;
	FILE *out;

	wanted_find(s, workload->namespace, workload_labels(workload), &wanted);
	if (!wanted.list.nr)
		return xstrdup(counts ? workload->namespace : "");
	out = open_memstream(&key, &size);
	if (!out)
		abort();
	fputs(counts ? workload->namespace : "*", out);
	vec_each(&wanted.list, l)
		fprintf(out, "%c%s=%s", i_l ? ',' : '{', l->key, l->value);
	fputc('}', out);
	fclose(out);
	vec_free(&wanted.list);
	return key;
}

bool asked_gateway(const struct scope_index *s, const struct labels *l)
{
	for (size_t i = 0; i < l->nr; i++) {
		char key[INDEX_KEY];
		const struct asked *a =
			strmap_get(&s->gateways, index_key_label(key, "*", &l->at[i]));

		for (; a; a = a->next)
			if (labels_contain(l, &a->labels))
				return true;
	}
	return false;
}

void asked_free(struct scope_index *s)
{
	struct strmap *const selectors[] = {&s->selectors, &s->gateways};
	struct strmap_entry *e;

	for (size_t i = 0; i < 2; i++) {
		strmap_each(selectors[i], e)
			for (struct asked *a = e->value, *next; a; a = next) {
				next = a->next;
				free(a);
			}
		strmap_free(selectors[i]);
	}
	strmap_free(&s->namespaces);
	strmap_free(&s->keys);
}

// SPDX-License-Identifier: GPL-2.0
/* What each scope sees of a host, with scopes that see the same put together. */
#include <stdlib.h>
#include <string.h>
#include "plan/ports.h"
#include "plan/visible.h"

/* One way to see the host; the first is everyone's when everyone sees it. */
struct sight {
	struct plan_view view;
	VEC(const char *) scopes;
};
struct sights {
	VEC(struct sight) list;
	struct strmap places; /* all that is seen, as text -> index + 1 */
};

static char *text_of(const struct object *owner, const struct ports *ports)
{
	json_t *list = json_array();
	char *text;

	json_array_append_new(list, json_string(owner->id));
	for (size_t i = 0; i < ports->nr; i++)
		json_array_append_new(list, json_of_port(&ports->at[i]));
	text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	return text;
}

/* In an arena of its own: most of what is built here is there already. */
static char *text_build(struct planner *p, size_t *nr_ports)
{
	struct arena *own = p->host->arena;
	struct ports ports;
	char *text;

	p->host->arena = arena_new();
	ports_build(p, &ports);
	text = text_of(p->owner, &ports);
	*nr_ports = ports.nr;
	arena_free(p->host->arena);
	p->host->arena = own;
	return text;
}

static struct sight *sight_push(struct sights *s, const char *text, const struct sight *new)
{
	vec_push(&s->list, *new);
	strmap_put(&s->places, text, (void *)s->list.nr);
	return &s->list.at[s->list.nr - 1];
}

static struct sight *sight_add(struct planner *p, struct sights *s, const char *text)
{
	struct sight new = {.view = {.visible = true, .id = p->owner->id}};
	struct addresses_given given = addresses_given(p);
	struct ports ports;

	ports_build(p, &ports);
	new.view.ports = ports.at;
	new.view.nr_ports = ports.nr;
	new.view.addresses = given.at;
	new.view.nr_addresses = given.nr;
	new.view.subnets = subnets_given(p, &new.view.nr_subnets);
	return sight_push(s, text, &new);
}

static struct sight *sight_find(struct planner *p, struct sights *s, const char *text)
{
	size_t place = (size_t)strmap_get(&s->places, text);

	return place ? &s->list.at[place - 1] : sight_add(p, s, text);
}

/* Callers that may reach known hosts only are refused where others take the bypass. */
static bool is_refused_more(const struct plan_host *h, const struct plan_scope *scope)
{
	for (size_t i = 0; scope->registry_only && i < h->nr_ports; i++)
		if (h->ports[i].verdict == VERDICT_PROXY &&
		    h->ports[i].on_failure == FAILURE_BYPASS)
			return true;
	return false;
}

/* NULL: the caller needs no view, it sees what everyone does, or when it is closed nothing. */
static struct sight *sight_of(struct planner *p, struct sights *s, const struct asks *asks)
{
	const struct plan_host *h = p->host;
	bool closed = p->caller->closed;
	bool asked = asks_of(asks, p->caller) || is_refused_more(h, p->caller);
	struct sight *out = NULL;
	size_t nr_ports;
	char *text;

	if (!closed && !asked)
		return NULL;
	p->owner = host_dialled(p, h->host);
	if (!p->owner)
		return NULL;
	if (h->visible && !asked && asks_see_all(p, asks, h->host))
		return &s->list.at[0];
	text = text_build(p, &nr_ports);
	if (nr_ports || !closed)
		out = sight_find(p, s, text);
	free(text);
	return h->visible && !closed && out == s->list.at ? NULL : out;
}

static void everyone_add(struct planner *p, struct sights *s)
{
	const struct plan_host *h = p->host;
	struct ports ports = {.at = h->ports, .nr = h->nr_ports};
	struct sight everyone = {.view = {.visible = true,
					  .id = h->id,
					  .ports = h->ports,
					  .nr_ports = h->nr_ports,
					  .addresses = h->addresses,
					  .nr_addresses = h->nr_addresses,
					  .subnets = h->subnets,
					  .nr_subnets = h->nr_subnets}};
	char *text;

	text = text_of(p->owner, &ports);
	sight_push(s, text, &everyone);
	free(text);
}

static void views_take(struct planner *p, struct sights *s)
{
	struct plan_host *h = p->host;
	struct sight *it;

	h->views = arena_alloc(h->arena, s->list.nr * sizeof(h->views[0]));
	vec_each(&s->list, it) {
		struct plan_view *v = &h->views[h->nr_views];
		size_t size = it->scopes.nr * sizeof(v->scopes[0]);

		if (!it->scopes.nr)
			continue;
		*v = it->view;
		v->scopes = arena_alloc(h->arena, size);
		memcpy(v->scopes, it->scopes.at, size);
		v->nr_scopes = it->scopes.nr;
		h->nr_views++;
	}
}

/* A host that asks nothing looks the same to all but those whose Sidecar may hide or refuse it. */
static bool may_differ(const struct planner *p, const struct asks *asks)
{
	const struct scope_list *scopes = &p->index->scopes.now;

	for (size_t i = 0; i < scopes->list.nr; i++)
		if (scopes->list.at[i]->closed || asks_of(asks, scopes->list.at[i]) ||
		    is_refused_more(p->host, scopes->list.at[i]))
			return true;
	return false;
}

void views_build(struct planner *p, const struct asks *asks)
{
	const struct scope_list *scopes = &p->index->scopes.now;
	struct sights s = {0};
	struct sight *it;

	if (!may_differ(p, asks))
		return;
	if (p->host->visible)
		everyone_add(p, &s);
	for (size_t i = 0; i < scopes->list.nr; i++) {
		struct planner caller = *p;

		caller.caller = scopes->list.at[i];
		it = sight_of(&caller, &s, asks);
		if (it)
			vec_push(&it->scopes, arena_strdup(p->host->arena, caller.caller->key));
	}
	views_take(p, &s);
	vec_each(&s.list, it)
		vec_free(&it->scopes);
	vec_free(&s.list);
	strmap_free(&s.places);
}

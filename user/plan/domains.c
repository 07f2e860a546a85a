// SPDX-License-Identifier: GPL-2.0
/* The names that a host answers to, those of its aliases too, and what an alias stands for. */
#include <string.h>
#include "plan/named.h"
#include "plan/visible.h"

const char *alias_name(const struct object *o)
{
	return o->kind == KIND_SERVICE ? o->service.external_name : NULL;
}

const char *alias_target(const struct planner *p)
{
	const char *name = alias_name(p->owner);

	for (int i = 0; name && i < ALIASES_DEEP; i++) {
		const struct object *o = host_owner(p, name);

		if (!o || !alias_name(o))
			return o ? name : NULL;
		name = alias_name(o);
	}
	return NULL;
}

struct names {
	VEC(const char *) list;
};

static void name_add(struct planner *p, struct names *out, bool headless, const char *name)
{
	vec_push(&out->list, name);
	if (headless)
		vec_push(&out->list, arena_printf(p->host->arena, "*.%s", name));
}

/* A short name, unless it is the whole name of another host. */
static void short_add(struct planner *p, struct names *out, bool headless, const char *host,
		      size_t length)
{
	const char *name = arena_strndup(p->host->arena, host, length);

	if (!strmap_get(&p->index->entries, name))
		name_add(p, out, headless, name);
}

static void names_add(struct planner *p, struct names *out, const char *host, bool headless)
{
	size_t domain = strlen("." CLUSTER_DOMAIN), svc = strlen(".svc"), length = strlen(host);

	name_add(p, out, headless, host);
	name_add(p, out, headless, arena_printf(p->host->arena, "%s.", host));
	if (length <= domain + svc || strcmp(host + length - domain - svc, ".svc." CLUSTER_DOMAIN))
		return;
	short_add(p, out, headless, host, length - domain);
	short_add(p, out, headless, host, length - domain - svc);
}

static int alias_order(const void *a, const void *b)
{
	return object_order(*(struct object *const *)a, *(struct object *const *)b);
}

static void aliases_add(struct planner *p, struct names *out, const char *host, bool headless,
			int deep)
{
	const struct bag *bag = strmap_get(&p->index->aliases, host);
	VEC(struct object *) sorted = {0};
	struct object *o, **alias;
	char name[INDEX_KEY];

	bag_each(bag, o)
		vec_push(&sorted, o);
	if (sorted.nr > 1)
		qsort(sorted.at, sorted.nr, sizeof(sorted.at[0]), alias_order);
	vec_each(&sorted, alias) {
		host_use(p, *alias);
		names_add(p, out, arena_strdup(p->host->arena, service_host(*alias, name)),
			  headless);
		if (deep)
			aliases_add(p, out, name, headless, deep - 1);
	}
	vec_free(&sorted);
}

static void addresses_add(struct planner *p, struct names *out)
{
	char text[INET_TEXT];

	for (size_t i = 0; i < p->host->nr_addresses; i++) {
		const struct inet *at = &p->host->addresses[i];

		vec_push(&out->list, arena_printf(p->host->arena, inet_is_v4(at) ? "%s" : "[%s]",
						  inet_print(at, text)));
	}
}

/* Other hosts of its VirtualService that nobody has: the same rules are for them. */
static void routed_add(struct planner *p, struct names *out)
{
	struct object *vs = routes_owner(p, p->host->host, NULL);

	if (!vs || !vs->virtual_service.nr_http)
		return;
	for (size_t i = 0; i < vs->virtual_service.nr_hosts; i++) {
		const char *name = vs->virtual_service.hosts[i];

		if (host_covers(name, p->host->host) || owner_first(p, name))
			continue;
		host_use(p, vs);
		vec_push(&out->list, name);
	}
}

void domains_set(struct planner *p)
{
	bool headless = p->owner->kind == KIND_SERVICE && p->owner->service.headless;
	struct names names = {0};
	struct plan_host *h = p->host;

	if (alias_name(p->owner))
		return; /* they are its target's */
	names_add(p, &names, h->host, headless);
	if (!is_named(p->owner)) {
		addresses_add(p, &names);
		aliases_add(p, &names, h->host, headless, ALIASES_DEEP - 1);
		routed_add(p, &names);
	}
	h->domains = arena_alloc(h->arena, names.list.nr * sizeof(h->domains[0]));
	memcpy(h->domains, names.list.at, names.list.nr * sizeof(h->domains[0]));
	h->nr_domains = names.list.nr;
	vec_free(&names.list);
}

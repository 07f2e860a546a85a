// SPDX-License-Identifier: GPL-2.0
/* One host's part of the plan: who has it, what everyone sees of it, and who sees it otherwise. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/asks.h"
#include "plan/named.h"
#include "plan/visible.h"

const char *service_host(const struct object *service, char out[INDEX_KEY])
{
	snprintf(out, INDEX_KEY, "%s.%s.svc." CLUSTER_DOMAIN, service->name, service->namespace);
	return out;
}

const struct service_port *owner_ports(const struct object *owner, size_t *nr)
{
	if (owner->kind == KIND_SERVICE) {
		*nr = owner->service.nr_ports;
		return owner->service.ports;
	}
	*nr = owner->service_entry.nr_ports;
	return owner->service_entry.ports;
}

const struct inet *owner_addresses(const struct object *owner, size_t *nr)
{
	if (owner->kind == KIND_SERVICE) {
		*nr = owner->service.headless || owner->service.external_name
			      ? 0
			      : owner->service.nr_addresses;
		return owner->service.addresses;
	}
	*nr = owner->service_entry.nr_addresses;
	return owner->service_entry.addresses;
}

const struct subnet *owner_subnets(const struct object *owner, size_t *nr)
{
	bool entry = owner->kind == KIND_SERVICE_ENTRY;

	*nr = entry ? owner->service_entry.nr_subnets : 0;
	return entry ? owner->service_entry.subnets : NULL;
}

void host_use(struct planner *p, struct object *o)
{
	if (strmap_get(&p->host->held, o->id))
		return;
	strmap_put(&p->host->held, o->id, o);
	vec_push(&p->host->used, object_get(o));
}

/* Several ports can run into the same thing; it is said once. */
static bool is_told(struct plan_host *h, const char *path, const char *text)
{
	char *key = xasprintf("%s: %s", path, text);
	bool told = strmap_put(&h->told, key, h);

	free(key);
	return told;
}

void host_find(struct planner *p, enum diag_level level, const struct place *place,
	       const struct object *o, const char *field, const char *format, ...)
{
	char *path = *field ? xasprintf("%s: %s", o->id, field) : xstrdup(o->id);
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	if (!is_told(p->host, path, text))
		diag_add(&p->host->findings, level, place, path, "%s", text);
	free(text);
	free(path);
}

/* ---- the host ---- */

static void host_begin(struct planner *p, const char *host)
{
	struct plan_host *h = xcalloc(1, sizeof(*h));

	h->refs = 1;
	h->arena = arena_new();
	h->host = arena_strdup(h->arena, host);
	h->id = p->owner->id;
	p->host = h;
	host_use(p, (struct object *)p->owner);
}

static void laters_set(struct plan_host *h)
{
	size_t nr = 0;

	for (size_t i = 0; i < h->used.nr; i++)
		nr += h->used.at[i]->nr_later;
	h->laters = arena_alloc(h->arena, nr * sizeof(h->laters[0]));
	h->later_ids = arena_alloc(h->arena, nr * sizeof(h->later_ids[0]));
	for (size_t i = 0; i < h->used.nr; i++) {
		const struct object *o = h->used.at[i];

		for (size_t j = 0; j < o->nr_later; j++) {
			h->laters[h->nr_laters] = &o->later[j];
			h->later_ids[h->nr_laters++] = o->id;
		}
	}
}

struct object *host_dialled(const struct planner *p, const char *host)
{
	struct object *o = owner_dialled(p, host);

	return o ? o : named_dialled(p, host);
}

/* What everyone sees; of a host that is not for everyone nothing. */
static void everyone_build(struct planner *p)
{
	struct ports ports = {0};

	if (p->host->visible)
		ports_build(p, &ports);
	p->host->ports = ports.at;
	p->host->nr_ports = ports.nr;
}

/* Of an alias also what it stands for, to which a Sidecar can have another say. */
static void host_ask(struct planner *p, struct asks *asks)
{
	const struct object *o = p->owner;
	const char *host = p->host->host;

	memset(asks, 0, sizeof(*asks));
	for (int i = 0; o && i <= ALIASES_DEEP; i++) {
		asks_find(p, host, asks);
		host = alias_name(o);
		o = host ? owner_first(p, host) : NULL;
		asks->uneven |= host != NULL;
	}
	asks->uneven |= is_named(p->owner); /* the port is opened by its name alone */
	p->host->asks = asks_any(asks);
}

struct plan_host *host_build(struct planner *from, const char *host)
{
	struct planner p = {.set = from->set, .index = from->index, .addresses = from->addresses};
	struct addresses_given given;
	struct asks asks;
	bool visible;

	p.owner = host_dialled(&p, host);
	visible = p.owner;
	if (!visible)
		p.owner = owner_first(&p, host);
	if (!p.owner)
		p.owner = named_first(&p, host);
	if (!p.owner)
		return NULL;
	host_begin(&p, host);
	p.host->visible = visible;
	given = addresses_given(&p);
	p.host->addresses = given.at;
	p.host->nr_addresses = given.nr;
	p.host->allocated = given.allocated;
	p.host->subnets = subnets_given(&p, &p.host->nr_subnets);
	outside_set(&p);
	domains_set(&p);
	everyone_build(&p);
	host_ask(&p, &asks);
	views_build(&p, &asks);
	asks_free(&asks);
	if (is_named(p.owner))
		named_tell(&p);
	else
		routes_check(&p);
	laters_set(p.host);
	host_end(p.host);
	return p.host;
}

void host_end(struct plan_host *h)
{
	strmap_free(&h->told);
	strmap_free(&h->held);
}

struct plan_host *host_get(struct plan_host *h)
{
	h->refs++;
	return h;
}

void host_put(struct plan_host *h)
{
	if (--h->refs)
		return;
	for (size_t i = 0; i < h->used.nr; i++)
		object_put(h->used.at[i]);
	vec_free(&h->used);
	host_end(h);
	diags_free(&h->findings);
	arena_free(h->arena);
	free(h);
}

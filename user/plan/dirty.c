// SPDX-License-Identifier: GPL-2.0
/* From objects that differ to the hosts to build anew; too many is slow, too few is wrong. */
#include <string.h>
#include "plan/dirty.h"
#include "plan/ports.h"
#include "plan/visible.h"

/* ---- what differs ---- */

/* Copies of a map keep its order, so that equal positions settle nearly all without a lookup. */
static bool at_same_place(const struct strmap *m, size_t i, const void *value)
{
	return i < m->nr_entries && m->entries[i].key && m->entries[i].value == value;
}

static void changes_of_kind(const struct strmap *from, const struct strmap *to,
			    struct changes *out)
{
	struct strmap_entry *e;

	strmap_each(to, e) {
		struct change c = {.new = e->value};

		if (at_same_place(from, e - to->entries, e->value))
			continue;
		c.old = strmap_get_beside(from, to, e);
		if (c.old != c.new)
			vec_push(&out->list, c);
	}
	strmap_each(from, e) {
		struct change c = {.old = e->value};

		if (!at_same_place(to, e - from->entries, e->value) && !strmap_get_beside(to, from, e))
			vec_push(&out->list, c);
	}
}

void changes_find(const struct config_set *from, const struct config_set *to, struct changes *out)
{
	memset(out, 0, sizeof(*out));
	for (int kind = 0; kind < NR_KINDS; kind++)
		if (!from->sharers[kind] || from->sharers[kind] != to->sharers[kind])
			changes_of_kind(&from->kinds[kind], &to->kinds[kind], out);
}

/* ---- what that reaches ---- */

/* A host and its aliases, which are planned as it is, to any depth: a name is added once. */
static void name_add(struct dirty *d, const char *host)
{
	const struct bag *bag = strmap_get(&d->index->aliases, host);
	char alias[INDEX_KEY];
	struct object *o;

	if (strmap_put(&d->hosts, host, d))
		return;
	bag_each(bag, o)
		name_add(d, service_host(o, alias));
}

static void host_add(struct dirty *d, const char *host)
{
	struct strmap_entry *e;

	if (host[0] == '*')
		strmap_each(d->known, e)
			if (host_covers(host, e->key))
				name_add(d, e->key);
	name_add(d, host);
}

static void routed_add(struct dirty *d, const struct object *vs)
{
	for (size_t i = 0; i < vs->virtual_service.nr_hosts; i++)
		host_add(d, vs->virtual_service.hosts[i]);
}

/* The hosts of a VirtualService, and of those that delegate to it. */
static void routes_add(struct dirty *d, const struct object *vs)
{
	char key[INDEX_KEY];
	const struct bag *bag = strmap_get(&d->index->delegates,
					   index_key_name(key, vs->namespace, vs->name));
	struct object *o;

	routed_add(d, vs);
	bag_each(bag, o)
		routed_add(d, o);
}

static void users_add(struct dirty *d, const char *host)
{
	const struct bag *bag = strmap_get(&d->index->destinations, host);
	struct object *o;

	bag_each(bag, o)
		routes_add(d, o);
}

/* A host and those that route to it. */
static void destination_add(struct dirty *d, const char *host)
{
	struct strmap_entry *e;

	host_add(d, host);
	users_add(d, host);
	if (host[0] == '*')
		strmap_each(&d->index->destinations, e)
			if (host_covers(host, e->key))
				users_add(d, e->key);
}

/* A host that is somebody's is no name of the others that its VirtualServices have. */
static void owned_add(struct dirty *d, const char *host)
{
	const struct bag *bag = strmap_get(&d->index->routes, host);
	struct object *o;

	destination_add(d, host);
	bag_each(bag, o)
		routed_add(d, o);
}

static void owner_add(struct dirty *d, const struct object *o)
{
	char host[INDEX_KEY];

	if (o->kind == KIND_SERVICE) {
		owned_add(d, service_host(o, host));
		return;
	}
	for (size_t i = 0; i < o->service_entry.nr_hosts; i++)
		owned_add(d, o->service_entry.hosts[i]);
}

/* Of an alias also what it stands for, which answers to its name. */
static void service_add(struct dirty *d, const struct object *o)
{
	owner_add(d, o);
	for (int i = 0; o && alias_name(o) && i < ALIASES_DEEP; i++) {
		host_add(d, alias_name(o));
		o = service_of(d->set, alias_name(o));
	}
}

/* A host that is the short name of another one takes that name from it. */
static void short_name_add(struct dirty *d, const char *host)
{
	static const char *const rest[] = {".svc." CLUSTER_DOMAIN, "." CLUSTER_DOMAIN};
	char whole[INDEX_KEY];

	for (size_t i = 0; i < 2; i++) {
		snprintf(whole, sizeof(whole), "%s%s", host, rest[i]);
		if (strmap_get(d->known, whole))
			host_add(d, whole);
	}
}

static void claim_add(struct dirty *d, const char *key)
{
	const struct bag *bag = strmap_get(&d->index->claims, key);
	struct object *o;

	bag_each(bag, o)
		owner_add(d, o);
}

static void addresses_add(struct dirty *d, const struct inet *addresses, size_t nr)
{
	char key[INDEX_KEY];

	for (size_t i = 0; i < nr; i++)
		claim_add(d, index_key_address(key, &addresses[i]));
}

/* Others that state what it states. */
static void claims_add(struct dirty *d, const struct object *o)
{
	const struct k8s_service *s = &o->service;
	const struct service_entry *entry = &o->service_entry;
	char key[INDEX_KEY];

	if (o->kind == KIND_SERVICE_ENTRY) {
		addresses_add(d, entry->addresses, entry->nr_addresses);
		for (size_t i = 0; i < entry->nr_subnets; i++)
			claim_add(d, index_key_subnet(key, &entry->subnets[i]));
		return;
	}
	addresses_add(d, s->addresses, s->nr_addresses);
	addresses_add(d, s->external_addresses, s->nr_external_addresses);
	for (size_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].node_port)
			claim_add(d, index_key_node_port(key, &s->ports[i]));
}

/*
 * A ServiceEntry's host that a Service takes over, or gives back, changes what the entry claims for
 * its other hosts.
 */
static void entries_add(struct dirty *d, const char *host)
{
	const struct bag *bag = strmap_get(&d->index->entries, host);
	struct object *o;

	bag_each(bag, o) {
		owner_add(d, o);
		claims_add(d, o);
	}
}

static void slice_add(struct dirty *d, const struct object *o)
{
	struct object named = {
		.kind = KIND_SERVICE, .name = o->slice.service, .namespace = o->namespace};

	owner_add(d, &named);
}

static void joins_add(struct dirty *d, const char *key)
{
	const struct bag *bag = strmap_get(&d->index->joins, key);
	struct object *o;

	bag_each(bag, o)
		slice_add(d, o);
}

static void selectors_add(struct dirty *d, const char *namespace, const struct labels *labels)
{
	struct object *o;
	char key[INDEX_KEY];

	for (size_t i = 0; i < labels->nr; i++) {
		const struct bag *bag =
			strmap_get(&d->index->selectors,
				   index_key_label(key, namespace, &labels->at[i]));

		bag_each(bag, o)
			if (labels_contain(labels, selector_of(o)))
				owner_add(d, o);
	}
}

static void pod_add(struct dirty *d, const struct object *o)
{
	char key[INDEX_KEY];

	selectors_add(d, o->namespace, &o->labels);
	joins_add(d, index_key_name(key, o->namespace, o->name));
	for (size_t i = 0; i < o->pod.nr_addresses; i++)
		joins_add(d, index_key_address(key, &o->pod.addresses[i]));
}

static bool has_owner_in(const struct plan_host *h, const char *namespace)
{
	for (size_t i = 0; i < h->nr_views; i++)
		if (id_in_namespace(h->views[i].id, namespace))
			return true;
	return id_in_namespace(h->id, namespace);
}

/* What its annotations say is for all Services in it, and seen by those that route to them. */
static void namespace_add(struct dirty *d, const struct object *o)
{
	const struct strmap_entry *e;

	strmap_each(d->known, e)
		if (has_owner_in(e->value, o->name))
			destination_add(d, e->key);
}

static void entry_add(struct dirty *d, const struct object *o)
{
	owner_add(d, o);
	claims_add(d, o);
	for (size_t i = 0; i < o->service_entry.nr_hosts; i++) {
		entries_add(d, o->service_entry.hosts[i]);
		short_name_add(d, o->service_entry.hosts[i]);
	}
}

static void all_add(struct dirty *d)
{
	const struct strmap_entry *e;

	strmap_each(d->known, e)
		host_add(d, e->key);
}

static void node_add(struct dirty *d, const struct object *o)
{
	const struct bag *bag = strmap_get(&d->index->nodes, o->name);
	struct object *on_it;

	bag_each(bag, on_it)
		dirty_add(d, on_it);
	/* where callers are decides for every host */
	if (d->set->node && !strcmp(d->set->node, o->name))
		all_add(d);
}

void dirty_add(struct dirty *d, const struct object *o)
{
	char host[INDEX_KEY];

	switch (o->kind) {
	case KIND_SERVICE:
		service_add(d, o);
		claims_add(d, o);
		entries_add(d, service_host(o, host));
		break;
	case KIND_SERVICE_ENTRY:
		entry_add(d, o);
		break;
	case KIND_VIRTUAL_SERVICE:
		routes_add(d, o);
		break;
	case KIND_DESTINATION_RULE:
		destination_add(d, o->destination_rule.host);
		break;
	case KIND_ENDPOINTS:
	case KIND_ENDPOINT_SLICE:
		slice_add(d, o);
		break;
	case KIND_POD:
		pod_add(d, o);
		break;
	case KIND_WORKLOAD_ENTRY:
		selectors_add(d, o->namespace, &o->workload.labels);
		break;
	case KIND_NAMESPACE:
		namespace_add(d, o);
		break;
	case KIND_NODE:
		node_add(d, o);
		break;
	default:
		break;
	}
}

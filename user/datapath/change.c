/* SPDX-License-Identifier: GPL-2.0 */
/* One port of one host on its way into the kernel: what it needs is taken, or given back. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include "datapath/change.h"

/* The installed port of that name; else an adopted one that has one of the addresses. */
static struct installed *find_installed(struct datapath *dp, const char *name,
					const struct plan_host *host, const struct plan_port *port)
{
	struct installed *in = strmap_get(&dp->installed, name);
	struct service_key key = {.port = port->port, .protocol = IPPROTO_TCP};

	key.scope = port->host_only ? SCOPE_HOST : SCOPE_ALL;
	for (size_t i = 0; !in && i < host->nr_addresses; i++) {
		struct key_ref *k;

		memcpy(key.address, host->addresses[i].byte, 16);
		k = key_ref_find(dp, &key);
		if (k && k->owner && !k->owner->name)
			in = k->owner;
	}
	return in;
}

static struct installed *claim(struct datapath *dp, const struct plan_host *host,
			       const struct plan_port *port, struct change *c)
{
	char name[PORT_NAME];
	struct installed *in;

	snprintf(name, sizeof(name), "%s|%u", host->host, port->port);
	in = find_installed(dp, name, host, port);
	c->fresh = !in;
	if (!in) {
		in = xcalloc(1, sizeof(*in));
		in->slot = SLOT_NONE;
	}
	c->claimed = !c->fresh && !in->name;
	if (!in->name) {
		in->name = xstrdup(name);
		strmap_put(&dp->installed, name, in);
	}
	return in;
}

/* References for one cluster and its endpoints; what was taken before a failure is undone by
 * the caller, who sees it in nr_endpoints and state. */
static int resolve_cluster(struct datapath *dp, const struct plan_split *split, struct change *c,
			   const struct slots **full)
{
	struct cluster *cluster = &c->clusters[c->route.nr_clusters];
	const struct plan_cluster *plan = split->cluster;
	struct cluster_ref *ref = cluster_ref_take(dp, plan->host, plan->port, plan->subset);

	*full = &dp->cluster_state_slots;
	if (!ref)
		return -ENOSPC;
	encode_cluster(plan, split->weight, cluster);
	cluster->state = ref->slot;
	cluster->generation = ref->generation;
	cluster->nr_endpoints = 0;
	c->route.nr_clusters++;
	*full = &dp->endpoint_state_slots;
	for (size_t i = 0; i < plan->nr_endpoints; i++) {
		struct endpoint *e = &c->endpoints[c->nr_endpoints];
		struct endpoint_ref *taken;

		encode_endpoint(&plan->endpoints[i], e);
		taken = endpoint_ref_take(dp, e, cluster->state);
		if (!taken)
			return -ENOSPC;
		e->state = taken->slot;
		e->generation = taken->generation;
		cluster->nr_endpoints++;
		c->nr_endpoints++;
	}
	return 0;
}

static int resolve(struct datapath *dp, struct change *c, const struct slots **full)
{
	size_t endpoints = 0;

	for (size_t i = 0; i < c->plan->nr_splits; i++)
		endpoints += c->plan->splits[i].cluster->nr_endpoints;
	c->clusters = xcalloc(c->plan->nr_splits, sizeof(*c->clusters));
	c->endpoints = xcalloc(endpoints, sizeof(*c->endpoints));
	for (size_t i = 0; i < c->plan->nr_splits; i++) {
		int err = resolve_cluster(dp, &c->plan->splits[i], c, full);

		if (err)
			return err;
	}
	return 0;
}

void change_drop_refs(struct datapath *dp, const struct cluster *clusters, uint32_t n,
		      const struct endpoint *endpoints)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < clusters[i].nr_endpoints; j++)
			endpoint_ref_drop(dp, endpoints++, clusters[i].state);
		cluster_ref_drop(dp, clusters[i].state);
	}
}

/* The same destinations with the same weights: the position goes on. */
static bool same_split(const struct datapath *dp, const struct change *c)
{
	const struct route *old = &c->in->route;

	if (c->in->slot == SLOT_NONE || old->nr_clusters != c->route.nr_clusters ||
	    !old->schedule_length)
		return false;
	for (uint32_t i = 0; i < old->nr_clusters; i++) {
		const struct cluster *was = &dp->clusters[old->first_cluster + i];

		if (was->state != c->clusters[i].state || was->weight != c->clusters[i].weight ||
		    was->generation != c->clusters[i].generation)
			return false;
	}
	return true;
}

static bool same_cluster(const struct datapath *dp, const struct cluster *was,
			 const struct cluster *want, const struct endpoint *endpoints)
{
	struct cluster placed = *want;

	placed.first_endpoint = was->first_endpoint;
	return !memcmp(was, &placed, sizeof(placed)) &&
	       !memcmp(&dp->endpoints[was->first_endpoint], endpoints,
		       want->nr_endpoints * sizeof(*endpoints));
}

static bool same_records(const struct datapath *dp, const struct change *c)
{
	const struct endpoint *endpoints = c->endpoints;
	const struct route *old = &c->in->route;

	if (c->in->slot == SLOT_NONE || old->nr_clusters != c->route.nr_clusters ||
	    old->kind != c->route.kind)
		return false;
	for (uint32_t i = 0; i < old->nr_clusters; i++) {
		if (!same_cluster(dp, &dp->clusters[old->first_cluster + i], &c->clusters[i],
				  endpoints))
			return false;
		endpoints += c->clusters[i].nr_endpoints;
	}
	return true;
}

static int take(struct slots *s, uint32_t n, uint32_t *first, const struct slots **full)
{
	uint32_t got = slots_take(s, n);

	*full = s;
	if (got == SLOT_NONE)
		return -ENOSPC;
	*first = got;
	return 0;
}

static int take_turn(struct datapath *dp, struct change *c, const struct slots **full)
{
	int err;

	if (c->plan->nr_splits < 2)
		return 0;
	c->route.schedule_length = c->plan->total;
	if (same_split(dp, c)) {
		c->route.turn = c->in->route.turn;
		c->route.schedule = c->in->route.schedule;
		return 0;
	}
	err = take(&dp->schedule_slots, schedule_blocks(c->plan->total), &c->route.schedule, full);
	if (err)
		return err;
	err = take(&dp->turn_slots, 1, &c->route.turn, full);
	if (err)
		slots_undo(&dp->schedule_slots, c->route.schedule, schedule_blocks(c->plan->total));
	c->new_turn = !err;
	return err;
}

/* Endpoint ranges, one a cluster; on failure those taken are given back. */
static int take_endpoints(struct datapath *dp, struct change *c, const struct slots **full)
{
	for (uint32_t i = 0; i < c->route.nr_clusters; i++) {
		struct cluster *cluster = &c->clusters[i];
		int err = take(&dp->endpoint_slots, cluster->nr_endpoints, &cluster->first_endpoint,
			       full);

		if (!err)
			continue;
		while (i-- > 0)
			slots_undo(&dp->endpoint_slots, c->clusters[i].first_endpoint,
				   c->clusters[i].nr_endpoints);
		return err;
	}
	return 0;
}

static void undo_turn(struct datapath *dp, struct change *c)
{
	if (!c->new_turn)
		return;
	slots_undo(&dp->schedule_slots, c->route.schedule,
		   schedule_blocks(c->route.schedule_length));
	slots_undo(&dp->turn_slots, c->route.turn, 1);
}

static void undo_endpoints(struct datapath *dp, struct change *c)
{
	for (uint32_t i = 0; i < c->route.nr_clusters; i++)
		slots_undo(&dp->endpoint_slots, c->clusters[i].first_endpoint,
			   c->clusters[i].nr_endpoints);
}

static int take_records(struct datapath *dp, struct change *c, const struct slots **full)
{
	int err = take_turn(dp, c, full);

	if (err)
		return err;
	err = take_endpoints(dp, c, full);
	if (err)
		goto turn;
	err = take(&dp->cluster_slots, c->route.nr_clusters, &c->route.first_cluster, full);
	if (err)
		goto endpoints;
	err = take(&dp->route_slots, 1, &c->slot, full);
	if (!err)
		return 0;
	slots_undo(&dp->cluster_slots, c->route.first_cluster, c->route.nr_clusters);
endpoints:
	undo_endpoints(dp, c);
turn:
	undo_turn(dp, c);
	return err;
}

/* An address may be written twice. */
static bool is_wanted(const struct change *c, const struct service_key *key)
{
	for (size_t i = 0; i < c->keys.nr; i++)
		if (!memcmp(&c->keys.at[i].key, key, sizeof(*key)))
			return true;
	return false;
}

static int want_key(struct datapath *dp, struct change *c, const struct inet *address,
		    uint16_t port, uint32_t scope, bool gate, const struct slots **full)
{
	struct wanted_key want = {.gate = gate};
	struct key_ref *k;

	memcpy(want.key.address, address->byte, 16);
	want.key.port = port;
	want.key.protocol = IPPROTO_TCP;
	want.key.scope = scope;
	if (is_wanted(c, &want.key))
		return 0;
	k = key_ref_find(dp, &want.key);
	want.fresh = !k;
	if (k)
		want.slot = k->slot;
	else if (take(&dp->service_slots, 1, &want.slot, full))
		return -ENOSPC;
	vec_push(&c->keys, want);
	return 0;
}

static int want_keys(struct datapath *dp, struct change *c, const struct plan_host *host,
		     const struct plan_port *port, const struct slots **full)
{
	int err = 0;

	*full = &dp->route_slots;
	if (port->host_only && dp->gate == SLOT_NONE)
		return -ENOSPC;
	for (size_t i = 0; i < host->nr_addresses && !err; i++) {
		const struct inet *a = &host->addresses[i];

		err = want_key(dp, c, a, port->port, port->host_only ? SCOPE_HOST : SCOPE_ALL,
			       false, full);
		if (!err && port->host_only)
			err = want_key(dp, c, a, port->port, SCOPE_ALL, true, full);
	}
	return err;
}

static void undo_keys(struct datapath *dp, struct change *c)
{
	struct wanted_key *k;

	vec_each(&c->keys, k)
		if (k->fresh)
			slots_undo(&dp->service_slots, k->slot, 1);
}

int change_prepare(struct datapath *dp, const struct plan_host *host, const struct plan_port *port,
		   uint32_t plan_number, struct change *out, const struct slots **full)
{
	int err;

	memset(out, 0, sizeof(*out));
	out->in = claim(dp, host, port, out);
	out->plan = &port->route;
	out->slot = SLOT_NONE;
	out->route.kind = ROUTE_STEER;
	out->route.plan = plan_number;
	err = want_keys(dp, out, host, port, full);
	if (!err)
		err = resolve(dp, out, full);
	if (!err && same_records(dp, out)) {
		change_drop_refs(dp, out->clusters, out->route.nr_clusters, out->endpoints);
		out->same = true;
		return 0;
	}
	if (!err)
		err = take_records(dp, out, full);
	if (err)
		change_undo(dp, out);
	return err;
}

void change_undo(struct datapath *dp, struct change *c)
{
	undo_keys(dp, c);
	if (!c->same && c->slot != SLOT_NONE) {
		undo_turn(dp, c);
		undo_endpoints(dp, c);
		slots_undo(&dp->cluster_slots, c->route.first_cluster, c->route.nr_clusters);
		slots_undo(&dp->route_slots, c->slot, 1);
	}
	if (!c->same)
		change_drop_refs(dp, c->clusters, c->route.nr_clusters, c->endpoints);
	if (c->fresh || c->claimed) {
		strmap_remove(&dp->installed, c->in->name);
		free(c->in->name);
		c->in->name = NULL; /* adopted again: a plan that does not want it removes it */
	}
	if (c->fresh)
		free(c->in);
	change_free(c);
}

void change_free(struct change *c)
{
	free(c->clusters);
	free(c->endpoints);
	vec_free(&c->keys);
	c->clusters = NULL;
	c->endpoints = NULL;
}

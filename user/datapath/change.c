/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to some callers: what it needs is taken, or given back. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "datapath/change.h"

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

int change_resolve(struct datapath *dp, struct change *c, const struct slots **full)
{
	const struct plan_route *plan = c->plan;
	size_t endpoints = 0;

	if (!plan)
		return 0;
	for (size_t i = 0; i < plan->nr_splits; i++)
		endpoints += plan->splits[i].cluster->nr_endpoints;
	c->clusters = xcalloc(plan->nr_splits, sizeof(*c->clusters));
	c->endpoints = xcalloc(endpoints, sizeof(*c->endpoints));
	for (size_t i = 0; i < plan->nr_splits; i++) {
		int err = resolve_cluster(dp, &plan->splits[i], c, full);

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

	if (c->route.nr_clusters < 2)
		return 0;
	c->route.schedule_length = c->plan->total;
	if (c->before) {
		c->route.turn = c->before->route.turn;
		c->route.schedule = c->before->route.schedule;
		return 0;
	}
	err = take(&dp->schedule_slots, schedule_blocks(c->route.schedule_length),
		   &c->route.schedule, full);
	if (err)
		return err;
	err = take(&dp->turn_slots, 1, &c->route.turn, full);
	if (err)
		slots_undo(&dp->schedule_slots, c->route.schedule,
			   schedule_blocks(c->route.schedule_length));
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
	if (!c->route.schedule_length || c->before)
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

int change_take_records(struct datapath *dp, struct change *c, const struct slots **full)
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

static struct wanted_key *want_key(struct change *c, const struct inet *address, uint16_t port,
				   uint32_t scope)
{
	struct wanted_key want = {.slot = SLOT_NONE};

	memcpy(want.key.address, address->byte, 16);
	want.key.port = port;
	want.key.protocol = IPPROTO_TCP;
	want.key.scope = scope;
	vec_push(&c->keys, want);
	return &c->keys.at[c->keys.nr - 1];
}

int change_take_key(struct datapath *dp, struct change *c, const struct inet *address,
		    uint16_t port, uint32_t scope, const struct slots **full)
{
	struct wanted_key *want = want_key(c, address, port, scope);
	const struct key_ref *k = key_ref_find(dp, &want->key);

	if (k)
		want->slot = k->slot;
	else if (take(&dp->service_slots, 1, &want->slot, full))
		return -ENOSPC;
	want->fresh = !k;
	return 0;
}

void change_want_passing(struct change *c, const struct inet *address, uint16_t port,
			 uint32_t scope)
{
	want_key(c, address, port, scope)->passing = true;
}

void changes_take_passing(struct datapath *dp, struct changes *changes)
{
	struct wanted_key *want;
	struct change *c;

	vec_each(&changes->list, c)
		vec_each(&c->keys, want) {
			if (!want->passing)
				continue;
			want->slot = slots_take(&dp->service_slots, 1);
			want->fresh = want->slot != SLOT_NONE;
		}
}

static void undo_keys(struct datapath *dp, struct change *c)
{
	struct wanted_key *k;

	vec_each(&c->keys, k)
		if (k->fresh)
			slots_undo(&dp->service_slots, k->slot, 1);
}

void change_undo(struct datapath *dp, struct change *c)
{
	undo_keys(dp, c);
	if (c->slot != SLOT_NONE) {
		undo_turn(dp, c);
		undo_endpoints(dp, c);
		slots_undo(&dp->cluster_slots, c->route.first_cluster, c->route.nr_clusters);
		slots_undo(&dp->route_slots, c->slot, 1);
	}
	if (!c->in)
		change_drop_refs(dp, c->clusters, c->route.nr_clusters, c->endpoints);
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

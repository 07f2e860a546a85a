/* SPDX-License-Identifier: GPL-2.0 */
/* What one port of a host is to some callers: what it needs is taken, or given back. */
#include <errno.h>
#include <string.h>
#include "datapath/change.h"

static void drop_endpoints(struct datapath *dp, struct endpoint_ref *const *refs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (refs[i])
			endpoint_ref_drop(dp, refs[i]->slot);
}

/* One reference a record; on failure none is left. */
static int take_endpoints(struct datapath *dp, const struct plan_cluster *plan, uint32_t cluster,
			  bool joins, struct endpoint_ref **refs)
{
	for (size_t i = 0; i < plan->nr_endpoints; i++) {
		const struct plan_endpoint *e = &plan->endpoints[i];

		if (!e->share || (!e->has_ipv4 && !e->has_ipv6))
			continue;
		refs[i] = endpoint_ref_take(dp, e, cluster, joins);
		if (!refs[i]) {
			drop_endpoints(dp, refs, i);
			return -ENOSPC;
		}
	}
	for (size_t i = 0; i < plan->nr_endpoints; i++)
		if (refs[i] && plan->endpoints[i].has_ipv4 && plan->endpoints[i].has_ipv6)
			refs[i]->refs++; /* it has two records */
	return 0;
}

/* References for one cluster and its endpoints, behind those of the clusters before it. */
static int resolve_cluster(struct datapath *dp, const struct plan_split *split, struct change *c,
			   struct pool *pools, struct endpoint *endpoints, const struct slots **full)
{
	struct cluster *cluster = &c->clusters[c->route.nr_clusters];
	const struct plan_cluster *plan = split->cluster;
	struct cluster_ref *ref = cluster_ref_take(dp, plan->host, plan->port, c->protocol,
						  plan->subset);
	struct endpoint_ref **refs;
	int err;

	*full = &dp->cluster_state_slots;
	if (!ref)
		return -ENOSPC;
	encode_cluster(plan, split->weight, cluster);
	cluster->state = ref->slot;
	cluster->generation = ref->generation;
	c->route.nr_clusters++;
	*full = &dp->endpoint_state_slots;
	refs = xcalloc(plan->nr_endpoints, sizeof(*refs));
	err = take_endpoints(dp, plan, ref->slot, ref->came != dp->syncs, refs);
	if (!err)
		encode_pools(plan, refs, cluster, pools, endpoints);
	free(refs);
	return err;
}

int change_resolve(struct datapath *dp, struct change *c, const struct slots **full)
{
	const struct plan_route *plan = c->plan;
	size_t nr_pools = 0, nr_records = 0;
	struct endpoint *endpoints;
	struct pool *pools;

	if (!plan)
		return 0;
	for (size_t i = 0; i < plan->nr_splits; i++)
		encode_count(plan->splits[i].cluster, &nr_pools, &nr_records);
	c->clusters = xcalloc(plan->nr_splits, sizeof(*c->clusters));
	c->pools = pools = xcalloc(nr_pools, sizeof(*c->pools));
	c->endpoints = endpoints = xcalloc(nr_records, sizeof(*c->endpoints));
	for (size_t i = 0; i < plan->nr_splits; i++) {
		int err = resolve_cluster(dp, &plan->splits[i], c, pools, endpoints, full);

		if (err)
			return err;
		pools += 2 * c->clusters[i].nr_levels;
		endpoints += c->clusters[i].nr_endpoints;
	}
	return 0;
}

void change_drop_refs(struct datapath *dp, const struct cluster *clusters, uint32_t n,
		      const struct endpoint *endpoints)
{
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < clusters[i].nr_endpoints; j++)
			endpoint_ref_drop(dp, (endpoints++)->state);
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

static void undo_pools(struct datapath *dp, struct change *c, uint32_t n)
{
	const struct pool *pools = c->pools;

	for (uint32_t i = 0; i < n; i++) {
		pools_undo(dp, &c->clusters[i], pools);
		pools += 2 * c->clusters[i].nr_levels;
	}
}

static int take_pools(struct datapath *dp, struct change *c, const struct slots **full)
{
	struct pool *pools = c->pools;

	for (uint32_t i = 0; i < c->route.nr_clusters; i++) {
		int err = pools_take(dp, &c->clusters[i], pools, full);

		if (err) {
			undo_pools(dp, c, i);
			return err;
		}
		pools += 2 * c->clusters[i].nr_levels;
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

int change_take_records(struct datapath *dp, struct change *c, const struct slots **full)
{
	int err = take_turn(dp, c, full);

	if (err)
		return err;
	err = take_pools(dp, c, full);
	if (err)
		goto turn;
	err = take(&dp->cluster_slots, c->route.nr_clusters, &c->route.first_cluster, full);
	if (err)
		goto pools;
	err = take(&dp->route_slots, 1, &c->slot, full);
	if (!err)
		return 0;
	slots_undo(&dp->cluster_slots, c->route.first_cluster, c->route.nr_clusters);
pools:
	undo_pools(dp, c, c->route.nr_clusters);
turn:
	undo_turn(dp, c);
	return err;
}

static struct wanted_key *want_key(struct change *c, const struct service_key *key)
{
	const struct wanted_key want = {.key = *key, .slot = SLOT_NONE};

	vec_push(&c->keys, want);
	return &c->keys.at[c->keys.nr - 1];
}

int change_take_key(struct datapath *dp, struct change *c, const struct service_key *key,
		    const struct slots **full)
{
	struct wanted_key *want = want_key(c, key);
	const struct key_ref *k = key_ref_find(dp, key);

	if (k)
		want->slot = k->slot;
	else if (take(&dp->service_slots, 1, &want->slot, full))
		return -ENOSPC;
	want->fresh = !k;
	return 0;
}

void change_want_passing(struct change *c, const struct service_key *key)
{
	want_key(c, key)->passing = true;
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
		undo_pools(dp, c, c->route.nr_clusters);
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
	free(c->pools);
	free(c->endpoints);
	vec_free(&c->keys);
	c->clusters = NULL;
	c->pools = NULL;
	c->endpoints = NULL;
}

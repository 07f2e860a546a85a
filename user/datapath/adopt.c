/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What is in force when an agent starts: read back from the maps, so that routes keep their
 * positions, clusters their counts, and no slot is given out that something points at.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <search.h>
#include <string.h>
#include "datapath/kernel.h"
#include "datapath/range.h"

static int key_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct service_key));
}

struct key_ref *key_ref_find(struct datapath *dp, const struct service_key *key)
{
	struct key_ref **found = tfind(key, &dp->key_tree, key_compare);

	return found ? *found : NULL;
}

struct key_ref *key_ref_add(struct datapath *dp, const struct service_key *key, uint32_t slot,
			    struct installed *owner)
{
	struct key_ref *k = xcalloc(1, sizeof(*k));

	k->key = *key;
	k->slot = slot;
	k->owner = owner;
	if (*(struct key_ref **)tsearch(k, &dp->key_tree, key_compare) != k)
		abort(); /* the caller looked first */
	dp->outside_keys += key->scope == SCOPE_OUTSIDE;
	return k;
}

void key_ref_remove(struct datapath *dp, struct key_ref *k)
{
	tdelete(k, &dp->key_tree, key_compare);
	dp->outside_keys -= k->key.scope == SCOPE_OUTSIDE;
	free(k);
}

static bool route_is_sane(const struct route *r)
{
	if (r->first_cluster > SHUNT_MAX_CLUSTERS ||
	    r->nr_clusters > SHUNT_MAX_CLUSTERS - r->first_cluster)
		return false;
	return !r->schedule_length ||
	       (r->turn < SHUNT_MAX_TURNS && r->schedule_length <= SHUNT_MAX_WEIGHT_SUM &&
		r->schedule <= SHUNT_MAX_SCHEDULE_BLOCKS - schedule_blocks(r->schedule_length));
}

static void adopt_cluster(struct datapath *dp, const struct cluster *c)
{
	struct cluster_ref *ref = cluster_ref_adopt(dp, c->state);

	if (ref)
		ref->refs++;
	pools_adopt(dp, c);
}

/* What hangs on a route record, shared by the keys that point at it. */
static struct installed *adopt_route(struct datapath *dp, uint32_t slot, struct installed **seen)
{
	const struct route *r = &dp->routes[slot];
	struct installed *in = seen[slot];

	if (in)
		return in;
	in = seen[slot] = xcalloc(1, sizeof(*in));
	in->route = *r;
	in->slot = slot;
	slots_mark(&dp->route_slots, slot, 1);
	vec_push(&dp->adopted, in);
	if (r->schedule_length) {
		slots_mark(&dp->turn_slots, r->turn, 1);
		slots_mark(&dp->schedule_slots, r->schedule, schedule_blocks(r->schedule_length));
	}
	slots_mark(&dp->cluster_slots, r->first_cluster, r->nr_clusters);
	for (uint32_t i = 0; i < r->nr_clusters; i++)
		adopt_cluster(dp, &dp->clusters[r->first_cluster + i]);
	return in;
}

static int adopt_key(struct datapath *dp, const struct service_key *key, uint32_t slot,
		     struct installed **seen)
{
	struct installed *in;
	struct key_ref *k;
	uint32_t route;

	if (slot >= SHUNT_MAX_SERVICES)
		return -EPROTO;
	slots_reach(&dp->service_slots, slot + 1);
	route = (uint32_t)dp->services[slot].word;
	if (route >= SHUNT_MAX_ROUTES)
		return -EPROTO;
	slots_reach(&dp->route_slots, route + 1);
	if (!route_is_sane(&dp->routes[route]))
		return -EPROTO;
	slots_mark(&dp->service_slots, slot, 1);
	in = adopt_route(dp, route, seen);
	k = key_ref_add(dp, key, slot, in);
	vec_push(&in->keys, k);
	return 0;
}

static void rest(struct slots *s, uint32_t slot, uint64_t now)
{
	slots_mark(s, slot, 1);
	slots_rest(s, slot, 1, now);
}

/* A block of a schedule or chart says nothing of its own: all free ones below the last used rest. */
static void rest_below(struct slots *s, uint64_t now)
{
	for (uint32_t i = 0, n = s->nr_used; n && i < s->max; i++) {
		if (slots_used(s, i))
			n--;
		else
			rest(s, i, now);
	}
}

/* A record has been written once when this member of it is not 0. */
#define WRITTEN(type, member)                                                                     \
	static bool type##_written(const void *record)                                            \
	{                                                                                         \
		return ((const struct type *)record)->member;                                     \
	}

WRITTEN(service, key.port)
WRITTEN(route, generation)
WRITTEN(turn, next)
WRITTEN(cluster, generation)
WRITTEN(pool, nr)
WRITTEN(endpoint, generation)
WRITTEN(cluster_state, generation)
WRITTEN(endpoint_state, generation)

struct written {
	enum map_id id;
	struct slots *slots;
	bool (*is)(const void *record);
};

/* What is within reach does not tell what was written: all of the map is looked at, and let go. */
static int rest_written(struct datapath *dp, const struct written *w, uint64_t now)
{
	const char *record;
	void *all;
	int err = map_mmap(dp->fds[w->id], w->id, 0, &all);

	if (err)
		return err;
	record = all;
	for (uint32_t i = 0; i < w->slots->max; i++, record += map_infos[w->id].record)
		if (w->is(record) && !slots_used(w->slots, i))
			rest(w->slots, i, now);
	map_munmap(w->id, all);
	return 0;
}

/* Nothing names them now, but they may have readers still. */
static int rest_unused(struct datapath *dp)
{
	const struct written all[] = {
		{MAP_SERVICE_SLOTS, &dp->service_slots, service_written},
		{MAP_ROUTES, &dp->route_slots, route_written},
		{MAP_TURNS, &dp->turn_slots, turn_written},
		{MAP_CLUSTERS, &dp->cluster_slots, cluster_written},
		{MAP_POOLS, &dp->pool_slots, pool_written},
		{MAP_ENDPOINTS, &dp->endpoint_slots, endpoint_written},
		{MAP_CLUSTER_STATE, &dp->cluster_state_slots, cluster_state_written},
		{MAP_ENDPOINT_STATE, &dp->endpoint_state_slots, endpoint_state_written},
	};
	uint64_t now = now_ns();
	int err = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all) && !err; i++)
		err = rest_written(dp, &all[i], now);
	rest_below(&dp->schedule_slots, now);
	rest_below(&dp->chart_slots, now);
	return err;
}

/* Endpoints that only live connections name. */
static int adopt_orphans(struct datapath *dp)
{
	struct endpoint_state *all;
	int err = map_mmap(dp->fds[MAP_ENDPOINT_STATE], MAP_ENDPOINT_STATE, 0, (void **)&all);

	if (err)
		return err;
	for (uint32_t i = 0; i < SHUNT_MAX_ENDPOINT_STATES; i++)
		if (all[i].active && !slots_used(&dp->endpoint_state_slots, i))
			endpoint_ref_orphan(dp, i);
	map_munmap(MAP_ENDPOINT_STATE, all);
	return 0;
}

static void adopt_names(struct datapath *dp)
{
	uint32_t slot, next, *previous = NULL;

	while (!bpf_map_get_next_key(dp->fds[MAP_CLUSTER_NAMES], previous, &next)) {
		slot = next;
		previous = &slot;
		cluster_ref_adopt(dp, slot);
	}
	cluster_refs_retire_unused(dp);
}

static int adopt_services(struct datapath *dp, struct installed **seen)
{
	struct service_key key, next, *previous = NULL;
	uint32_t slot;
	int err = 0;

	while (!err && !bpf_map_get_next_key(dp->fds[MAP_SERVICES], previous, &next)) {
		key = next;
		previous = &key;
		if (!bpf_map_lookup_elem(dp->fds[MAP_SERVICES], &key, &slot))
			err = adopt_key(dp, &key, slot, seen);
	}
	return err;
}

/* An agent that died between an insert and its count left another number. */
static int adopt_subnets(struct datapath *dp, struct installed **seen)
{
	struct subnet_key key, next, *previous = NULL;
	struct service_key service;
	uint32_t slot, n = 0;
	int err = 0;

	while (!err && !bpf_map_get_next_key(dp->fds[MAP_SERVICE_SUBNETS], previous, &next)) {
		key = next;
		previous = &key;
		if (bpf_map_lookup_elem(dp->fds[MAP_SERVICE_SUBNETS], &key, &slot))
			continue;
		service = range_service_key(&key);
		err = adopt_key(dp, &service, slot, seen);
		n++;
	}
	if (!dp->readonly)
		__atomic_store_n(&dp->control->subnets, n, __ATOMIC_RELEASE);
	return err;
}

int adopt(struct datapath *dp, char **why)
{
	struct installed **seen = xcalloc(SHUNT_MAX_ROUTES, sizeof(*seen));
	int err = adopt_services(dp, seen);

	if (!err)
		err = adopt_subnets(dp, seen);
	free(seen);
	scopes_adopt(dp);
	if (!err)
		err = callers_adopt(dp);
	if (err) {
		*why = xasprintf("the maps of root %s contradict each other: run `shunt unload "
				 "--root %s` and start again",
				 dp->root, dp->root);
		return err;
	}
	adopt_names(dp);
	requests_adopt(dp);
	if (!dp->readonly)
		members_adopt(dp);
	err = adopt_orphans(dp);
	if (!err && !dp->readonly)
		err = rest_unused(dp);
	if (err)
		*why = xasprintf("the maps of root %s cannot be mapped: %s", dp->root,
				 strerror(-err));
	return err;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* One port of one host on its way into the kernel: written, pointed at, and what it replaced let go. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "datapath/change.h"

static void write_schedule(struct datapath *dp, const struct change *c)
{
	struct schedule *to = &dp->schedules[c->route.schedule];

	memcpy(to, c->plan->schedule, c->plan->total);
	dp->turns[c->route.turn].next = 0;
}

void change_write(struct datapath *dp, const struct change *c)
{
	const struct endpoint *endpoints = c->endpoints;
	struct route route = c->route;

	if (c->same)
		return;
	for (uint32_t i = 0; i < c->route.nr_clusters; i++) {
		memcpy(&dp->endpoints[c->clusters[i].first_endpoint], endpoints,
		       c->clusters[i].nr_endpoints * sizeof(*endpoints));
		endpoints += c->clusters[i].nr_endpoints;
	}
	memcpy(&dp->clusters[c->route.first_cluster], c->clusters,
	       c->route.nr_clusters * sizeof(*c->clusters));
	if (c->new_turn)
		write_schedule(dp, c);
	route.generation = dp->routes[c->slot].generation + 1;
	dp->routes[c->slot] = route;
}

static uint64_t word_of(const struct datapath *dp, uint32_t route)
{
	return (uint64_t)dp->routes[route].generation << 32 | route;
}

/* The key leaves its last owner's list, which may outlive it. */
static void key_take(struct key_ref *k, const struct installed *from)
{
	struct installed *last = k->owner;

	if (!last || last == from)
		return;
	for (size_t i = 0; i < last->keys.nr; i++)
		if (last->keys.at[i] == k)
			last->keys.at[i--] = last->keys.at[--last->keys.nr];
}

static int point_key(struct datapath *dp, struct change *c, const struct wanted_key *want)
{
	uint64_t word = word_of(dp, want->gate ? dp->gate : c->in->slot);
	struct service *service = &dp->services[want->slot];
	struct key_ref *k = key_ref_find(dp, &want->key);

	if (k) {
		if (want->fresh) /* another host of this plan wanted it too, and came first */
			slots_undo(&dp->service_slots, want->slot, 1);
		__atomic_store_n(&dp->services[k->slot].word, word, __ATOMIC_RELEASE);
		key_take(k, c->in);
	} else {
		service->key = want->key;
		__atomic_store_n(&service->word, word, __ATOMIC_RELEASE);
		if (bpf_map_update_elem(dp->fds[MAP_SERVICES], &want->key, &want->slot, BPF_ANY))
			return -errno;
		k = key_ref_add(dp, &want->key, want->slot, c->in);
	}
	k->owner = c->in;
	vec_push(&c->in->keys, k);
	return 0;
}

int change_point(struct datapath *dp, struct change *c)
{
	struct wanted_key *want;
	int err;

	if (!c->same) {
		c->in->slot = c->slot;
		c->in->route = dp->routes[c->slot];
	}
	c->in->keys.nr = 0;
	vec_each(&c->keys, want) {
		err = point_key(dp, c, want);
		if (err)
			return err;
	}
	return 0;
}

bool turn_is_shared(const struct datapath *dp, const struct route *r, const struct installed *in)
{
	for (size_t i = 0; i < dp->adopted.nr; i++) {
		const struct installed *other = dp->adopted.at[i];

		if (other && other != in && other->route.schedule_length &&
		    other->route.turn == r->turn)
			return true;
	}
	return false;
}

void route_rest(struct datapath *dp, const struct route *r, uint32_t slot, bool keep_turn)
{
	uint64_t now = now_ns();

	for (uint32_t i = 0; i < r->nr_clusters; i++) {
		const struct cluster *c = &dp->clusters[r->first_cluster + i];

		slots_rest(&dp->endpoint_slots, c->first_endpoint, c->nr_endpoints, now);
		change_drop_refs(dp, c, 1, &dp->endpoints[c->first_endpoint]);
	}
	slots_rest(&dp->cluster_slots, r->first_cluster, r->nr_clusters, now);
	slots_rest(&dp->route_slots, slot, 1, now);
	if (r->schedule_length && !keep_turn) {
		slots_rest(&dp->turn_slots, r->turn, 1, now);
		slots_rest(&dp->schedule_slots, r->schedule, schedule_blocks(r->schedule_length),
			   now);
	}
}

void change_finish(struct datapath *dp, struct change *c, const struct route *old,
		   uint32_t old_slot)
{
	bool kept = (c->route.schedule_length && !c->new_turn) || turn_is_shared(dp, old, c->in);

	if (!c->same && old_slot != SLOT_NONE)
		route_rest(dp, old, old_slot, kept);
}

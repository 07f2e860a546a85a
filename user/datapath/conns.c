/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that are steered packet by packet, as the agent sees them. */
#include "datapath/conns.h"
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "datapath/kernel.h"

int conns_open(struct datapath *dp)
{
	int err = 0;

	if (dp->conns || dp->fds[MAP_CONNS] < 0 || dp->fds[MAP_TRACKING] < 0)
		return 0;
	err = map_mmap(dp->fds[MAP_TRACKING], MAP_TRACKING, !dp->readonly, (void **)&dp->tracking);
	if (!err)
		err = map_mmap(dp->fds[MAP_CONNS], MAP_CONNS, !dp->readonly, (void **)&dp->conns);
	return err;
}

void conns_close(struct datapath *dp)
{
	map_munmap(MAP_CONNS, dp->conns);
	map_munmap(MAP_TRACKING, dp->tracking);
}

uint32_t conns_slots(const struct datapath *dp)
{
	uint32_t fresh = dp->conns ? __atomic_load_n(&dp->tracking->fresh, __ATOMIC_RELAXED) : 0;

	return fresh < SHUNT_MAX_CONNS ? fresh : SHUNT_MAX_CONNS;
}

static uint32_t flags_of(const struct conn *c)
{
	return __atomic_load_n(&c->flags, __ATOMIC_RELAXED);
}

uint64_t conns_of_zone(const struct datapath *dp, uint32_t zone)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < conns_slots(dp); i++)
		n += dp->conns[i].zone == zone && !(flags_of(&dp->conns[i]) & CONN_CLOSED);
	return n;
}

/* That their endpoints no longer answer is no fault of theirs. */
void conns_abandon(struct datapath *dp, uint32_t zone)
{
	for (uint32_t i = 0; i < conns_slots(dp); i++) {
		struct conn *c = &dp->conns[i];

		if (c->zone != zone || flags_of(c) & CONN_FREED)
			continue;
		__atomic_fetch_or(&c->flags, CONN_FAILED, __ATOMIC_SEQ_CST);
		__atomic_store_n(&c->last, 0, __ATOMIC_RELAXED);
	}
}

static void move_one(struct datapath *dp, struct conn *c, uint64_t hold)
{
	uint64_t move = active_one(hold ^ HOLD_EPOCH) - active_one(hold);
	uint32_t slot = hold & HOLD_CLUSTER_MASK, endpoint = c->endpoint;
	uint32_t generation = (hold >> HOLD_GENERATION_SHIFT) & HOLD_GENERATION_MASK;
	uint32_t endpoint_generation = c->steered ? c->endpoint_generation : 0;
	__u64 expected = hold;

	if (!__atomic_compare_exchange_n(&c->hold, &expected, hold ^ HOLD_EPOCH, false,
					 __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return;
	if (slot < dp->cluster_state_slots.reach && dp->cluster_state[slot].generation == generation)
		__atomic_fetch_add(&dp->cluster_state[slot].active, move, __ATOMIC_SEQ_CST);
	if (endpoint_generation && endpoint < dp->endpoint_state_slots.reach &&
	    dp->endpoint_state[endpoint].generation == endpoint_generation)
		__atomic_fetch_add(&dp->endpoint_state[endpoint].active, move, __ATOMIC_SEQ_CST);
}

uint64_t conns_move(struct datapath *dp)
{
	uint64_t epoch = dp->control->epoch & 1 ? HOLD_EPOCH : 0, moved = 0;

	for (uint32_t i = 0; i < conns_slots(dp); i++) {
		uint64_t hold = __atomic_load_n(&dp->conns[i].hold, __ATOMIC_SEQ_CST);

		if (!(hold & HOLD_HELD) || (hold & HOLD_EPOCH) == epoch)
			continue;
		moved++;
		move_one(dp, &dp->conns[i], hold);
	}
	return moved;
}

static struct flow flow_of(const struct conn *c)
{
	struct flow f = {
		.hold = c->hold,
		.since = c->since,
		.netns = c->netns,
		.layout = SHUNT_LAYOUT,
		.plan = c->plan,
		.endpoint = c->endpoint,
		.endpoint_generation = c->endpoint_generation,
		.service = c->service,
		.to_port = c->to_port,
		.phase = c->flags & CONN_ANSWERED ? FLOW_CONNECTED : FLOW_CONNECTING,
		.steered = c->steered,
	};

	memcpy(f.to, c->to, sizeof(f.to));
	return f;
}

uint64_t conns_each(const struct datapath *dp, size_t max,
		    void (*each)(const struct flow *flow, void *arg), void *arg)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < conns_slots(dp); i++) {
		const struct conn *c = &dp->conns[i];
		struct flow flow;

		if (flags_of(c) & CONN_CLOSED || !(c->hold & HOLD_HELD))
			continue;
		flow = flow_of(c);
		if (n++ < max)
			each(&flow, arg);
	}
	return n;
}

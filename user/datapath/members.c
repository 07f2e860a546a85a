/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which endpoints a cluster has, as the list that the kernel walks when it ejects one: through
 * `endpoints` of its state and `next` of theirs. Each step is the store of one word, and a slot
 * that left the list is used again only a second later, so a walk always comes to an end.
 */
#include "datapath/kernel.h"

static void store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* The next pick finds that somebody's time is over, and counts anew who is out. */
static void recount(struct datapath *dp, uint32_t cluster, bool ejected)
{
	__u64 *returns = &dp->cluster_state[cluster].returns;

	if (ejected || __atomic_load_n(returns, __ATOMIC_RELAXED))
		__atomic_store_n(returns, 1, __ATOMIC_RELAXED);
}

static bool is_ejected(const struct datapath *dp, const struct endpoint_ref *r)
{
	return __atomic_load_n(&dp->endpoint_state[r->slot].ejected_until, __ATOMIC_RELAXED);
}

/* Behind `before`, which is in the list; NULL: as its first. */
static void list_put(struct cluster_ref *c, struct endpoint_ref *r,
		     struct endpoint_ref *before)
{
	r->member = true;
	r->before = before;
	r->after = before ? before->after : c->first;
	if (r->after)
		r->after->before = r;
	*(before ? &before->after : &c->first) = r;
}

static uint32_t *link_to(struct datapath *dp, const struct endpoint_ref *r)
{
	return r->before ? &dp->endpoint_state[r->before->slot].next :
			   &dp->cluster_state[r->cluster].endpoints;
}

void member_add(struct datapath *dp, struct endpoint_ref *r)
{
	struct cluster_ref *c = r->member ? NULL : dp->by_slot[r->cluster];

	if (!c)
		return;
	list_put(c, r, NULL);
	store(&dp->endpoint_state[r->slot].next, r->after ? r->after->slot + 1 : 0);
	store(link_to(dp, r), r->slot + 1);
	recount(dp, r->cluster, is_ejected(dp, r));
}

void member_remove(struct datapath *dp, struct endpoint_ref *r)
{
	struct cluster_ref *c = r->member ? dp->by_slot[r->cluster] : NULL;

	if (!c)
		return;
	store(link_to(dp, r), r->after ? r->after->slot + 1 : 0);
	if (r->after)
		r->after->before = r->before;
	*(r->before ? &r->before->after : &c->first) = r->after;
	r->member = false;
	recount(dp, r->cluster, false);
}

bool datapath_endpoint_at(struct datapath *dp, uint32_t cluster, uint32_t endpoint,
			  struct inet *address, uint16_t *port)
{
	const struct cluster_ref *c = cluster < SHUNT_MAX_CLUSTER_STATES ? dp->by_slot[cluster] :
									   NULL;
	const struct endpoint_ref *r = c ? c->first : NULL;

	while (r && r->slot != endpoint)
		r = r->after;
	if (!r || !endpoint_address(r, address))
		return false;
	*port = r->port;
	return true;
}

/* ---- after a restart ---- */

/* Those of a cluster that records name keep their places in its list; others leave it. */
static void adopt_list(struct datapath *dp, struct cluster_ref *c)
{
	struct cluster_state *state = &dp->cluster_state[c->slot];
	struct endpoint_ref *last = NULL;
	uint32_t *link = &state->endpoints;

	for (uint32_t at = *link; at && at <= SHUNT_MAX_ENDPOINT_STATES;) {
		struct endpoint_ref *r = dp->endpoint_by_slot[at - 1];
		uint32_t next;

		slots_reach(&dp->endpoint_state_slots, at);
		next = dp->endpoint_state[at - 1].next;
		if (r && r->refs && r->cluster == c->slot && !r->member) {
			list_put(c, r, last);
			last = r;
			link = &dp->endpoint_state[at - 1].next;
		} else {
			store(link, next);
			recount(dp, c->slot, false);
			if (r && r->member)
				break; /* a circle: nothing that an agent leaves behind */
		}
		at = next;
	}
}

void members_adopt(struct datapath *dp)
{
	for (uint32_t i = 0; i < SHUNT_MAX_CLUSTER_STATES; i++)
		if (dp->by_slot[i])
			adopt_list(dp, dp->by_slot[i]);
	for (uint32_t i = 0; i < SHUNT_MAX_ENDPOINT_STATES; i++)
		if (dp->endpoint_by_slot[i] && dp->endpoint_by_slot[i]->refs)
			member_add(dp, dp->endpoint_by_slot[i]);
}

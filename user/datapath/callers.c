/* SPDX-License-Identifier: GPL-2.0 */
/* Which network namespace is of which scope, and how it comes from one to another. */
#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "datapath/capture.h"
#include "datapath/kernel.h"

static struct caller_ref *caller_find(struct datapath *dp, uint64_t netns)
{
	struct caller_ref *c;

	vec_each(&dp->caller_refs, c)
		if (c->netns == netns)
			return c;
	return NULL;
}

static void store(struct datapath *dp, const struct caller_ref *c, uint64_t word)
{
	if (dp->callers[c->slot].word == word)
		return;
	__atomic_store_n(&dp->callers[c->slot].word, word, __ATOMIC_RELEASE);
	dp->moved = true;
}

/*
 * What a caller is while all that scopes have of their own is the new plan's and what is everyone's
 * still the old one's. A closed scope never looks at what is everyone's, so who comes into one is
 * served at once, and who leaves one stays until that is new. Into a scope that is open callers
 * move now, as they shall find what it has of its own as soon as what is everyone's is new; but
 * what they are refused is what was refused. Who becomes one of all waits.
 */
static uint64_t word_meanwhile(uint64_t old, uint64_t new)
{
	const uint64_t refuse = CALLER_REFUSE_UNKNOWN << CALLER_SHIFT;

	if (new >> CALLER_SHIFT & CALLER_CLOSED)
		return new;
	if (old >> CALLER_SHIFT & CALLER_CLOSED || (uint32_t)new == SCOPE_ALL)
		return old;
	return (new & ~refuse) | (old & refuse);
}

static uint64_t mark_of(const struct caller_ref *c)
{
	return (c->captured ? CALLER_CAPTURED << CALLER_SHIFT : 0) |
	       (c->splices ? CALLER_SPLICE << CALLER_SHIFT : 0);
}

/* Like a service: the record first, then the element that names its slot, once; from then on only
 * the word changes. */
int caller_put(struct datapath *dp, uint64_t netns, uint64_t word)
{
	struct caller_ref *known = caller_find(dp, netns);
	struct caller_ref fresh = {.netns = netns, .next = word};
	int err;

	if (known) {
		known->next = word | mark_of(known);
		known->leaves = false;
		if (!dp->moving)
			store(dp, known, known->next);
		return 0;
	}
	fresh.slot = slots_take(&dp->caller_slots, 1);
	if (fresh.slot == SLOT_NONE)
		return -ENOSPC;
	memset(&dp->callers[fresh.slot], 0, sizeof(dp->callers[fresh.slot]));
	dp->callers[fresh.slot].netns = netns;
	__atomic_store_n(&dp->callers[fresh.slot].word, dp->moving ? SCOPE_ALL : word,
			 __ATOMIC_RELEASE);
	if (bpf_map_update_elem(dp->fds[MAP_SCOPES], &netns, &fresh.slot, BPF_NOEXIST)) {
		err = -errno;
		slots_undo(&dp->caller_slots, fresh.slot, 1);
		return err;
	}
	vec_push(&dp->caller_refs, fresh);
	dp->moved = true;
	return 0;
}

static void caller_remove(struct datapath *dp, struct caller_ref *c)
{
	if (bpf_map_delete_elem(dp->fds[MAP_SCOPES], &c->netns) && errno != ENOENT)
		log_error("a caller could not be deleted: %s", strerror(errno));
	slots_rest(&dp->caller_slots, c->slot, 1, now_ns());
	dp->nr_captured -= c->captured;
	*c = dp->caller_refs.at[--dp->caller_refs.nr];
	dp->moved = true;
}

/* ---- in a sync ---- */

/* A program that has read a word reads services after it: those of before the move have ended
 * before what they may read changes. */
static void let_end(struct datapath *dp)
{
	if (dp->moved)
		grace_period();
	dp->moved = false;
}

void callers_place(struct datapath *dp, const struct plan *plan)
{
	dp->moving = true;
	if (dp->move)
		dp->move(plan, dp->move_arg);
	dp->moving = false;
}

void callers_arrive(struct datapath *dp, bool fresh)
{
	struct caller_ref *c;

	dp->moved = false;
	vec_each(&dp->caller_refs, c) {
		uint64_t word = word_meanwhile(dp->callers[c->slot].word, c->next);

		if (!c->leaves && scope_is_fresh(dp, (uint32_t)word) == fresh)
			store(dp, c, word);
	}
	let_end(dp);
}

static bool scope_stays(const struct datapath *dp, uint32_t number)
{
	return number < SCOPE_FIRST ||
	       (number < SHUNT_MAX_SCOPES && dp->by_number[number] &&
		dp->by_number[number]->wanted == dp->syncs);
}

/* A namespace that nobody moved may not stay in a scope whose number another will get. */
void callers_settle(struct datapath *dp)
{
	for (size_t i = dp->caller_refs.nr; i-- > 0;) {
		struct caller_ref *c = &dp->caller_refs.at[i];

		if (!scope_stays(dp, (uint32_t)c->next))
			c->next = CALLER_NOBODY << CALLER_SHIFT | mark_of(c);
		if (c->leaves)
			caller_remove(dp, c);
		else
			store(dp, c, c->next);
	}
	let_end(dp);
}

/* ---- for the agent ---- */

void datapath_follow(struct datapath *dp, void (*move)(const struct plan *plan, void *arg),
		     void *arg)
{
	dp->move = move;
	dp->move_arg = arg;
}

int datapath_scope_set(struct datapath *dp, uint64_t netns, const struct plan_scope *scope)
{
	const struct scope_ref *s = scope ? scope_ref_find(dp, scope->key) : NULL;

	if (scope && !s)
		return -ENOENT;
	return caller_put(dp, netns, s ? s->number | s->flags << CALLER_SHIFT : SCOPE_ALL);
}

int datapath_scope_nobody(struct datapath *dp, uint64_t netns)
{
	return caller_put(dp, netns, CALLER_NOBODY << CALLER_SHIFT);
}

int datapath_captured_set(struct datapath *dp, uint64_t netns, bool captured)
{
	const uint64_t mark = CALLER_CAPTURED << CALLER_SHIFT;
	struct caller_ref *c = caller_find(dp, netns);
	int err;

	if (!c && captured) {
		err = caller_put(dp, netns, CALLER_NOBODY << CALLER_SHIFT);
		if (err)
			return err;
		c = caller_find(dp, netns);
	}
	if (!c || c->captured == captured)
		return 0;
	c->captured = captured;
	dp->nr_captured = captured ? dp->nr_captured + 1 : dp->nr_captured - 1;
	if (captured)
		scopes_ask(dp);
	c->next = (c->next & ~mark) | mark_of(c);
	store(dp, c, (dp->callers[c->slot].word & ~mark) | mark_of(c));
	if (!captured)
		scopes_ask(dp);
	return 0;
}

/* Programs look at who calls once any caller asks; that some did is told until the next load. */
int datapath_splice_set(struct datapath *dp, uint64_t netns, bool splices)
{
	const uint64_t mark = CALLER_SPLICE << CALLER_SHIFT;
	struct caller_ref *c = caller_find(dp, netns);

	if (!c || c->splices == splices)
		return c || !splices ? 0 : -ENOENT;
	c->splices = splices;
	c->next = (c->next & ~mark) | mark_of(c);
	store(dp, c, (dp->callers[c->slot].word & ~mark) | mark_of(c));
	if (splices)
		__atomic_fetch_or(&dp->control->splice, SPLICE_CALLERS, __ATOMIC_RELAXED);
	return 0;
}

bool datapath_captured(struct datapath *dp, uint64_t netns)
{
	const struct caller_ref *c = caller_find(dp, netns);

	return c && c->captured;
}

/* Word by word: who reads half of an old one takes its caller for another, once. */
static void address_store(uint8_t out[16], const struct inet *address)
{
	static const struct inet none;
	uint64_t half;

	address = address ? address : &none;
	for (int i = 0; i < 16; i += 8) {
		memcpy(&half, address->byte + i, sizeof(half));
		__atomic_store_n((uint64_t *)(void *)(out + i), half, __ATOMIC_RELAXED);
	}
}

void datapath_caller_addresses(struct datapath *dp, uint64_t netns, const struct inet *addresses,
			       size_t nr)
{
	const struct caller_ref *c = caller_find(dp, netns);
	const struct inet *first[2] = {NULL, NULL};

	for (size_t i = nr; i-- > 0;)
		first[!inet_is_v4(&addresses[i])] = &addresses[i];
	if (!c)
		return;
	address_store(dp->callers[c->slot].ipv4, first[0]);
	address_store(dp->callers[c->slot].ipv6, first[1]);
}

void datapath_scope_remove(struct datapath *dp, uint64_t netns)
{
	struct caller_ref *c = caller_find(dp, netns);

	if (!c)
		return;
	c->leaves = true;
	if (!dp->moving)
		caller_remove(dp, c);
}

void datapath_caller_each(struct datapath *dp,
			  void (*each)(const struct caller_reading *r, void *arg), void *arg)
{
	for (size_t i = dp->caller_refs.nr; i-- > 0;) {
		const struct caller_ref *c = &dp->caller_refs.at[i];
		uint64_t word = dp->callers[c->slot].word;
		struct caller_reading r = {.netns = c->netns, .scope = (uint32_t)word};

		r.nobody = word >> CALLER_SHIFT & CALLER_NOBODY;
		if (r.scope != SCOPE_HOST)
			each(&r, arg);
	}
}

/* ---- adoption ---- */

int callers_adopt(struct datapath *dp)
{
	uint64_t netns, next, *previous = NULL, now = now_ns();

	while (!bpf_map_get_next_key(dp->fds[MAP_SCOPES], previous, &next)) {
		struct caller_ref c = {.netns = next};

		netns = next;
		previous = &netns;
		if (bpf_map_lookup_elem(dp->fds[MAP_SCOPES], &netns, &c.slot))
			continue;
		if (c.slot >= SHUNT_MAX_CALLERS)
			return -EPROTO;
		c.next = dp->callers[c.slot].word;
		c.captured = c.next >> CALLER_SHIFT & CALLER_CAPTURED;
		c.splices = c.next >> CALLER_SHIFT & CALLER_SPLICE;
		dp->nr_captured += c.captured;
		slots_mark(&dp->caller_slots, c.slot, 1);
		vec_push(&dp->caller_refs, c);
	}
	for (uint32_t i = 0; i < SHUNT_MAX_CALLERS; i++)
		if (!slots_used(&dp->caller_slots, i) && dp->callers[i].netns) {
			slots_mark(&dp->caller_slots, i, 1);
			slots_rest(&dp->caller_slots, i, 1, now);
		}
	return 0;
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections that are steered packet by packet: opened and closed. The protocol stands in
 * shunt/track.h. Live connections are never given up for new ones: closed ones are, oldest
 * first, and so are TCP ones that nobody has answered.
 */
#ifndef BPF_TRACK_H
#define BPF_TRACK_H

#include "conn.h"
#include "conn_original.h"

/* Most packets tell their way alone when they came: it is looked at before the record is taken for idle. */
__noinline int learn_last(struct conn *c)
{
	struct conn_key key;
	struct conn_way *way;

	if (!c)
		return 0;
	conn_key_caller(c, &key);
	way = way_of(&key);
	if (way && (__s64)(way->last - c->last) > 0)
		c->last = way->last;
	conn_key_endpoint(c, &key);
	way = way_of(&key);
	if (way && (__s64)(way->last - c->last) > 0)
		c->last = way->last;
	return 0;
}

/* ---- closing ---- */

/* What its packets counted by themselves. */
__noinline int conn_sum(struct conn *c)
{
	struct conn_key key;
	struct conn_way *way;

	if (!c)
		return 0;
	conn_key_endpoint(c, &key);
	way = way_of(&key);
	if (way) {
		__sync_fetch_and_add(&c->bytes[1], way->bytes);
		__sync_fetch_and_add(&c->packets[1], way->packets);
	}
	conn_key_caller(c, &key);
	way = way_of(&key);
	if (way) {
		__sync_fetch_and_add(&c->bytes[0], way->bytes);
		__sync_fetch_and_add(&c->packets[0], way->packets);
	}
	return 0;
}

/* Returns the reservation, once. What is late is translated until the slot is freed. */
__noinline int conn_close(struct conn *c, __u32 slot)
{
	__u64 hold, word;
	__u32 old;

	if (!c)
		return 0;
	old = __sync_fetch_and_or(&c->flags, CONN_CLOSED);
	if (old & CONN_CLOSED)
		return 0;
	if (!(old & CONN_ANSWERED) && is_tcp(c)) {
		struct tracking *t = track_counts();

		if (t)
			__sync_fetch_and_add(&t->half, -1);
	}
	conn_sum(c);
	hold = __sync_lock_test_and_set(&c->hold, 0);
	if (hold & HOLD_HELD)
		outcome_ended(c, hold);
	if (c->steered == FLOW_TO_PROXY)
		conn_original_forget(c);
	word = (__u64)c->generation << CONN_GENERATION_SHIFT | slot;
	bpf_map_push_elem(&conns_closed, &word, BPF_EXIST); /* full: the oldest is forgotten */
	return 0;
}

static __always_inline __u32 track_tick(void)
{
	return bpf_ktime_get_coarse_ns() >> 30; /* a little over a second */
}

static __always_inline void slot_free(__u32 slot, __u32 tick)
{
	__u64 word = (__u64)tick << CONN_GENERATION_SHIFT | slot;
	struct tracking *t = track_counts();

	bpf_map_push_elem(&conns_free, &word, BPF_EXIST);
	if (t)
		__sync_fetch_and_add(&t->used, -1);
}

__noinline int key_drop(const struct conn *c, int answers)
{
	struct conn_key4 key4;
	struct conn_key key;

	if (!c)
		return 0;
	if (answers)
		conn_key_endpoint(c, &key);
	else
		conn_key_caller(c, &key);
	if (!key_is_ip4(&key))
		return bpf_map_delete_elem(&conn_keys6, &key);
	key4_of(&key, &key4);
	return bpf_map_delete_elem(&conn_keys4, &key4);
}

static __always_inline void count_ipv6(const struct conn *c, __u32 one)
{
	struct tracking *t = track_counts();
	struct addr a;

	__builtin_memcpy(a.byte, c->from, 16);
	if (t && !addr_is_ip4(&a))
		__sync_fetch_and_add(&t->ipv6, one);
}

/* The keys go first; whoever has read them before still reads the record, as the slot rests. */
__noinline int conn_free(struct conn *c, __u32 slot)
{
	if (!c || __sync_fetch_and_or(&c->flags, CONN_FREED) & CONN_FREED)
		return 0;
	conn_close(c, slot);
	key_drop(c, 1);
	key_drop(c, 0);
	count_ipv6(c, -1);
	slot_free(slot, track_tick());
	return 0;
}

/* ---- opening ---- */

/* The oldest that is still there: most may have been given up for their time already. */
static __always_inline void evict_closed(void)
{
	for (int i = 0; i < TRACK_TRIES; i++) {
		struct conn *c;
		__u64 word;

		if (bpf_map_pop_elem(&conns_closed, &word))
			return;
		c = conn_of_word(word);
		if (!c || *(volatile __u32 *)&c->flags & CONN_FREED)
			continue;
		conn_free(c, word & CONN_SLOT_MASK);
		return;
	}
}

/* -1: all are in use, or rest. */
__noinline int slot_take(__u32 *out)
{
	struct tracking *t = track_counts();
	__u32 tick = track_tick();
	__u64 word;

	if (!t || !out)
		return -1;
	if (*(volatile __u32 *)&t->used > conns_max - conns_max / TRACK_SPARE) {
		evict_closed();
		evict_closed();
	}
	if (*(volatile __u32 *)&t->fresh < conns_max) {
		*out = __sync_fetch_and_add(&t->fresh, 1);
		if (*out < conns_max)
			goto taken;
	}
	if (bpf_map_peek_elem(&conns_free, &word) ||
	    (__u32)(tick - (word >> CONN_GENERATION_SHIFT)) < 2)
		return -1;
	if (bpf_map_pop_elem(&conns_free, &word))
		return -1;
	if ((__u32)(tick - (word >> CONN_GENERATION_SHIFT)) < 2) { /* somebody was faster */
		bpf_map_push_elem(&conns_free, &word, BPF_EXIST);
		return -1;
	}
	*out = word & CONN_SLOT_MASK;
taken:
	__sync_fetch_and_add(&t->used, 1);
	return 0;
}

/* The oldest of those that nobody has answered, when there are too many of them. */
__noinline int half_push(__u64 word)
{
	struct tracking *t = track_counts();
	struct conn *c;
	__u64 oldest;

	if (!t)
		return 0;
	__sync_fetch_and_add(&t->half, 1);
	for (int i = 0; i < TRACK_TRIES; i++) {
		if (!bpf_map_push_elem(&conns_half, &word, BPF_ANY))
			return 0;
		if (bpf_map_pop_elem(&conns_half, &oldest))
			continue;
		c = conn_of_word(oldest);
		if (!c || *(volatile __u32 *)&c->flags & (CONN_ANSWERED | CONN_CLOSED))
			continue;
		if (*(volatile __u32 *)&t->half < SHUNT_MAX_HALF_OPEN) {
			bpf_map_push_elem(&conns_half, &oldest, BPF_EXIST);
			continue;
		}
		COUNT(evicted_half_open);
		conn_free(c, oldest & CONN_SLOT_MASK);
	}
	return 0;
}

static __always_inline int key_put4(const struct conn_key *key, const struct nat *n, __u64 word,
				    __u64 last)
{
	struct conn_way4 way = {.way.word = word, .way.last = last};
	struct packet old = {.from_port = key->from_port, .to_port = key->to_port};
	struct conn_key4 key4;
	struct nat_sums sums;
	__u64 both;

	key4_of(key, &key4);
	__builtin_memcpy(old.from.byte, key->from, 16);
	__builtin_memcpy(old.to.byte, key->to, 16);
	nat_sums(&old, n, &sums);
	both = (__u64)sums.addresses + sums.ports;
	way.l3_sum = sums.addresses;
	way.l4_sum = (both & 0xffffffff) + (both >> 32);
	way.from = n->from.word[3];
	way.to = n->to.word[3];
	way.from_port = n->from_port;
	way.to_port = n->to_port;
	return bpf_map_update_elem(&conn_keys4, &key4, &way, BPF_NOEXIST);
}

static __always_inline int key_put6(const struct conn_key *key, const struct nat *n, __u64 word,
				    __u64 last)
{
	struct conn_way6 way = {.way.word = word, .way.last = last};

	__builtin_memcpy(way.from, n->from.byte, 16);
	__builtin_memcpy(way.to, n->to.byte, 16);
	way.from_port = n->from_port;
	way.to_port = n->to_port;
	return bpf_map_update_elem(&conn_keys6, key, &way, BPF_NOEXIST);
}

/* The key of one direction, with what becomes of its packets. -EEXIST: another connection has it. */
__noinline int key_put(const struct conn *c, __u64 word)
{
	struct conn_key key;
	struct nat n;

	if (!c)
		return -1;
	if (word & CONN_ANSWERS)
		conn_key_endpoint(c, &key);
	else
		conn_key_caller(c, &key);
	conn_nat(c, word, &n);
	return key_is_ip4(&key) ? key_put4(&key, &n, word, c->last) :
				  key_put6(&key, &n, word, c->last);
}

/*
 * The endpoint's direction, which must be this connection's alone: when the caller has its port in use
 * towards the same endpoint under another name, it gets another one there.
 */
__noinline int key_put_endpoint(struct conn *c, __u64 word)
{
	if (!c)
		return -1;
	for (int i = 0; i < TRACK_TRIES; i++) {
		if (!key_put(c, word | CONN_ANSWERS)) {
			if (i && c->as_port != c->from_port)
				COUNT(moved_port);
			return 0;
		}
		c->as_port = CONN_PORT_FIRST + pick_below(bpf_get_prandom_u32(), CONN_PORTS);
	}
	return -1;
}

static __always_inline void conn_fill(struct conn *c, const struct dial *dial, __u16 from_port,
				      const struct decision *d, __u32 zone, __u32 plan)
{
	c->since = bpf_ktime_get_coarse_ns();
	c->last = c->since;
	c->netns = dial->netns;
	c->zone = zone;
	c->plan = plan;
	c->service = dial->key;
	__builtin_memcpy(c->from, dial->from.byte, 16);
	__builtin_memcpy(c->to, dial->to.byte, 16);
	c->from_port = from_port;
	c->to_port = dial->to_port;
	c->steered = d->steered;
	c->endpoint = d->endpoint;
	c->endpoint_generation = d->endpoint_generation;
	c->bytes[0] = c->bytes[1] = 0;
	c->packets[0] = c->packets[1] = 0;
	__sync_lock_test_and_set(&c->flags, 0);
	__sync_lock_test_and_set(&c->hold, d->hold);
}

/*
 * Makes a filled record known under both keys; `as` and `as_port` are in it. -1: no port is free at
 * its endpoint, or another packet of the same connection was first; the reservation is returned
 * and the slot given back.
 */
__noinline int conn_publish(struct conn *c, __u32 slot, __u64 *out)
{
	__u64 word, hold;

	if (!c || !out)
		return -1;
	word = (__u64)c->generation << CONN_GENERATION_SHIFT | slot;
	*out = word;
	if (!key_put_endpoint(c, word)) {
		if (!key_put(c, word)) {
			if (is_tcp(c))
				half_push(word);
			count_ipv6(c, 1);
			return 0;
		}
		key_drop(c, 1);
	}
	hold = __sync_lock_test_and_set(&c->hold, 0);
	if (hold & HOLD_HELD)
		outcome_ended(c, hold);
	__sync_fetch_and_or(&c->flags, CONN_CLOSED | CONN_FREED);
	slot_free(slot, track_tick());
	return -1;
}

/* A record for a new connection; nobody knows of it until conn_publish. NULL: none is free. */
static __always_inline struct conn *conn_take(__u32 *slot)
{
	struct conn *c;

	if (slot_take(slot))
		return NULL;
	c = bpf_map_lookup_elem(&conns, slot);
	if (!c)
		return NULL;
	__sync_lock_test_and_set(&c->flags, CONN_CLOSED | CONN_FREED);
	__sync_fetch_and_add(&c->generation, 1);
	return c;
}

/* One that was not published after all: nobody has seen its slot. */
static __always_inline void conn_give_back(__u32 slot)
{
	slot_free(slot, track_tick() - 2);
}

#endif

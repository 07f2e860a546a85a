/* SPDX-License-Identifier: GPL-2.0 */
/* Connections that are steered packet by packet: their maps, and how a packet finds its own. */
#ifndef BPF_CONN_H
#define BPF_CONN_H

#include <shunt/track.h>
#include "decide.h"
#include "late_maps.h"
#include "nat.h"
#include "outcome.h"
#include "packet.h"

/* How many slots `conns` has: a program that is only tested may have more. */
const volatile __u32 conns_max = SHUNT_MAX_CONNS;

/* One part in so many of the slots is kept free by giving up closed connections. */
#define TRACK_SPARE 8
#define TRACK_TRIES 8

static __always_inline struct tracking *track_counts(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tracking, &zero);
}

/* ---- finding ---- */

static __always_inline void conn_key_of(const struct packet *p, __u32 zone, struct conn_key *key)
{
	__builtin_memcpy(key->from, p->from.byte, 16);
	__builtin_memcpy(key->to, p->to.byte, 16);
	key->from_port = p->from_port;
	key->to_port = p->to_port;
	key->zone = zone;
	key->protocol = p->protocol;
	__builtin_memset(key->zero, 0, sizeof(key->zero));
}

/* That of a packet the other way: of what an ICMP error quotes. */
static __always_inline void conn_key_back(const struct packet *p, __u32 zone, struct conn_key *key)
{
	conn_key_of(p, zone, key);
	__builtin_memcpy(key->from, p->to.byte, 16);
	__builtin_memcpy(key->to, p->from.byte, 16);
	key->from_port = p->to_port;
	key->to_port = p->from_port;
}

static __always_inline void conn_key_caller(const struct conn *c, struct conn_key *key)
{
	__builtin_memcpy(key->from, c->from, 16);
	__builtin_memcpy(key->to, c->service.address, 16);
	key->from_port = c->from_port;
	key->to_port = c->service.port;
	key->zone = c->zone;
	key->protocol = c->service.protocol;
	__builtin_memset(key->zero, 0, sizeof(key->zero));
}

static __always_inline void conn_key_endpoint(const struct conn *c, struct conn_key *key)
{
	conn_key_caller(c, key);
	__builtin_memcpy(key->from, c->to, 16);
	__builtin_memcpy(key->to, c->as, 16);
	key->from_port = c->to_port;
	key->to_port = c->as_port;
}

static __always_inline int bytes16_equal(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline int key_is_ip4(const struct conn_key *key)
{
	struct addr a, b;

	__builtin_memcpy(a.byte, key->from, 16);
	__builtin_memcpy(b.byte, key->to, 16);
	return addr_is_ip4(&a) && addr_is_ip4(&b);
}

static __always_inline void key4_of(const struct conn_key *key, struct conn_key4 *out)
{
	out->from = *(const __be32 *)(key->from + 12);
	out->to = *(const __be32 *)(key->to + 12);
	out->from_port = key->from_port;
	out->to_port = key->to_port;
	out->zone = key->zone;
	out->protocol = key->protocol;
	__builtin_memset(out->zero, 0, sizeof(out->zero));
}

/* What is counted of a direction, which is how its value begins; NULL: no connection has it. */
static __always_inline struct conn_way *way_of(const struct conn_key *key)
{
	struct conn_key4 key4;

	if (!key_is_ip4(key))
		return bpf_map_lookup_elem(&conn_keys6, key);
	key4_of(key, &key4);
	return bpf_map_lookup_elem(&conn_keys4, &key4);
}

/* Whether the record is that of the key: its hash element may be another's by now. */
static __always_inline int conn_has(const struct conn *c, const struct conn_key *key, int answers)
{
	if (c->zone != key->zone || c->service.protocol != key->protocol)
		return 0;
	if (answers)
		return c->to_port == key->from_port && c->as_port == key->to_port &&
		       bytes16_equal(c->to, key->from) && bytes16_equal(c->as, key->to);
	return c->from_port == key->from_port && c->service.port == key->to_port &&
	       bytes16_equal(c->from, key->from) && bytes16_equal(c->service.address, key->to);
}

static __always_inline struct conn *conn_of_word(__u64 word)
{
	__u32 slot = word & CONN_SLOT_MASK;
	struct conn *c = bpf_map_lookup_elem(&conns, &slot);

	return c && c->generation == word >> CONN_GENERATION_SHIFT ? c : NULL;
}

/* NULL: none. *word says which direction it is. */
static __always_inline struct conn *conn_find(const struct conn_key *key, __u64 *word)
{
	for (int i = 0; i < FIND_TRIES; i++) {
		struct conn_way *found = way_of(key);
		struct conn *c;

		if (!found)
			return NULL;
		*word = *(volatile __u64 *)&found->word;
		c = conn_of_word(*word);
		if (c && conn_has(c, key, (*word & CONN_ANSWERS) != 0))
			return c;
		COUNT(stale_word);
	}
	return NULL;
}

/* What becomes of a packet of the connection's in this direction. */
static __always_inline void conn_nat(const struct conn *c, __u64 word, struct nat *n)
{
	if (word & CONN_ANSWERS) {
		__builtin_memcpy(n->from.byte, c->service.address, 16);
		__builtin_memcpy(n->to.byte, c->from, 16);
		n->from_port = c->service.port;
		n->to_port = c->from_port;
	} else {
		__builtin_memcpy(n->from.byte, c->as, 16);
		__builtin_memcpy(n->to.byte, c->to, 16);
		n->from_port = c->as_port;
		n->to_port = c->to_port;
	}
}

#endif

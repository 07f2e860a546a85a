/* SPDX-License-Identifier: GPL-2.0 */
/* Which route a connection takes: everyone's, or that of its caller's scope. */
#ifndef BPF_FIND_H
#define BPF_FIND_H

#include "caller.h"
#include "maps.h"
#include "tell.h"

/*
 * A service's word: its route's slot, and in the upper half that route's generation, which is never
 * 0; so small numbers mean something else. Functions that are not static are verified once, however
 * many ways lead to them.
 */
#define WORD_NONE 0ULL
#define WORD_UNSTABLE 1ULL /* what was read never held still */

/* What becomes of a connection for which there is no route. */
enum miss {
	MISS_PASS,
	MISS_REFUSE,   /* its caller knows its services, and this is none */
	MISS_UNSTABLE, /* what was read never held still */
};

static __always_inline int key_equal(const struct service_key *a, const struct service_key *b)
{
	const __u64 *x = (const void *)a, *y = (const void *)b;

	return x[0] == y[0] && x[1] == y[1] && x[2] == y[2];
}

/* NULL: the slot has gone on to another route, or it is no word. */
static __always_inline const struct route *route_of(__u64 word)
{
	__u32 index = word, generation = word >> 32;
	struct route *route;

	if (!generation)
		return NULL;
	route = bpf_map_lookup_elem(&routes, &index);
	return route && route->generation == generation ? route : NULL;
}

/* The word in force for a key. A record of another key or generation is one that was recycled while
 * we read: look again. */
static __always_inline __u64 find_exact(const struct service_key *key)
{
	for (int i = 0; i < FIND_TRIES; i++) {
		__u32 *slot = bpf_map_lookup_elem(&services, key), index;
		struct service *service;
		__u64 word;

		if (!slot)
			return WORD_NONE;
		index = *slot;
		service = bpf_map_lookup_elem(&service_slots, &index);
		if (service && key_equal(&service->key, key)) {
			word = *(volatile __u64 *)&service->word;
			if (route_of(word))
				return word;
		}
		COUNT(stale_word);
	}
	return WORD_UNSTABLE;
}

/* ---- subnets ---- */

static __always_inline int subnet_has(const struct service_key *subnet,
				      const struct service_key *key)
{
	const __be64 *x = (const void *)subnet->address, *y = (const void *)key->address;
	__u64 high = bpf_be64_to_cpu(x[0] ^ y[0]), low = bpf_be64_to_cpu(x[1] ^ y[1]);
	__u32 bits = subnet->host_bits;

	if (subnet->port != key->port || subnet->protocol != key->protocol ||
	    subnet->scope != key->scope)
		return 0;
	if (bits < 64)
		return !high && !(low >> bits);
	return bits >= 128 || !(high >> (bits - 64));
}

/* Of the longest subnet that has the address and at least *host_bits; it has *host_bits then. */
static __always_inline __u64 find_subnet(const struct service_key *key, __u32 *host_bits)
{
	struct subnet_key subnet = {
		.prefix = SUBNET_BEFORE + 128 - *host_bits,
		.scope = key->scope,
		.port = key->port,
		.protocol = key->protocol,
	};

	__builtin_memcpy(subnet.address, key->address, 16);
	for (int i = 0; i < FIND_TRIES; i++) {
		__u32 *slot = bpf_map_lookup_elem(&service_subnets, &subnet), index;
		struct service *service;
		__u64 word;

		if (!slot)
			return WORD_NONE;
		index = *slot;
		service = bpf_map_lookup_elem(&service_slots, &index);
		if (service && subnet_has(&service->key, key)) {
			word = *(volatile __u64 *)&service->word;
			*host_bits = service->key.host_bits;
			if (route_of(word))
				return word;
		}
		COUNT(stale_word);
	}
	return WORD_UNSTABLE;
}

/* Of the address itself, else of the longest subnet; from those with *host_bits on. In 6.1 a look-up
 * takes no key from memory of a caller. */
__noinline __u64 service_word(const struct service_key *of, __u32 subnets, __u32 *host_bits)
{
	struct service_key key;
	__u64 word;

	if (!of || !host_bits)
		return WORD_NONE;
	key = *of;
	if (!*host_bits) {
		word = find_exact(&key);
		if (word || !subnets)
			return word;
	}
	return find_subnet(&key, host_bits);
}

/* ---- who calls ---- */

/* What control says of looking. */
struct look {
	__u32 callers; /* CALLERS_* */
	__u32 subnets; /* 0: there are none */
};

static __always_inline struct look how_to_look(void)
{
	struct look look = {0};
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	if (c) {
		look.callers = *(volatile __u32 *)&c->callers;
		look.subnets = *(volatile __u32 *)&c->subnets;
	}
	return look;
}

static __always_inline void tell_unknown(const struct dial *dial, __u32 how)
{
	COUNT(unknown_caller);
	if (how & CALLERS_FOLLOWED)
		tell(dial, EVENT_UNKNOWN_CALLER, 0);
}

/* Of the address, or of the subnet with just so many host bits. */
static __always_inline __u64 find_same(const struct service_key *key, __u32 host_bits)
{
	__u32 bits = host_bits;
	__u64 word = service_word(key, host_bits, &bits);

	return bits == host_bits ? word : WORD_NONE;
}

/*
 * The caller's own route for a service that differs by caller, else everyone's. Where some scope
 * differs everyone has an element too, so a longer subnet of its own there is none.
 */
static __always_inline __u64 find_own(struct dial *dial, __u64 caller, __u64 everyones,
				      __u32 host_bits)
{
	__u64 own;

	if (caller >> CALLER_SHIFT & CALLER_NOBODY)
		COUNT(unknown_caller);
	if ((__u32)caller == SCOPE_ALL)
		return everyones;
	dial->key.scope = caller;
	own = find_same(&dial->key, host_bits);
	if (own)
		return own;
	dial->key.scope = SCOPE_ALL; /* none, or it stopped to differ while we looked */
	return find_same(&dial->key, host_bits);
}

/* What is no service of the caller's may stand in a subnet that is one. */
#define FIND_LEVELS 4

/* `caller`: the word of one that is known; else 0. */
static __always_inline __u64 find_levels(struct dial *dial, __u64 caller, int known, __u32 subnets)
{
	int closed = caller >> CALLER_SHIFT & CALLER_CLOSED;
	__u64 word = WORD_NONE;
	__u32 host_bits = 0;

	for (int i = 0; i < FIND_LEVELS; i++) {
		const struct route *route;

		dial->key.scope = closed ? (__u32)caller : SCOPE_ALL;
		word = service_word(&dial->key, subnets, &host_bits);
		route = route_of(word);
		if (route && route->flags & ROUTE_SCOPED && known && !closed) {
			word = find_own(dial, caller, word, host_bits);
			route = route_of(word);
		}
		if (!route || route->kind != ROUTE_UNKNOWN || !subnets || ++host_bits > 128)
			break;
	}
	return word;
}

/* Asks who calls first, as most connections do without. The word; WORD_NONE: see *miss. */
__noinline __u64 find_by_caller(struct dial *dial, __u32 callers, __u32 subnets, __u32 *miss)
{
	__u64 caller = 0;
	enum known known;

	if (!dial || !miss)
		return WORD_NONE;
	known = find_caller(dial->netns, &caller);
	if (known == KNOWN_UNSTABLE)
		return WORD_UNSTABLE;
	if (known == KNOWN_NOT)
		tell_unknown(dial, callers);
#ifndef DIALLED_BY_PACKET
	if (caller >> CALLER_SHIFT & CALLER_CAPTURED)
		return WORD_NONE;
#endif
	if (caller >> CALLER_SHIFT & CALLER_REFUSE_UNKNOWN)
		*miss = MISS_REFUSE;
	return find_levels(dial, caller, known == KNOWN, subnets);
}

/* By who calls only where that matters. */
static __always_inline __u64 find_first(struct dial *dial, struct look look, __u32 *miss)
{
	const struct route *route;
	__u32 host_bits = 0;
	__u64 word;

	if (!(look.callers & CALLERS_FIRST)) {
		word = find_exact(&dial->key);
		if (!word && look.subnets)
			word = service_word(&dial->key, 1, &host_bits);
		route = route_of(word);
		if (!route || (!(route->flags & ROUTE_SCOPED) &&
			       (!look.subnets || route->kind != ROUTE_UNKNOWN)))
			return word;
	}
	return find_by_caller(dial, look.callers, look.subnets, miss);
}

/* NULL: *miss says what becomes of the connection. */
static __always_inline const struct route *find_scoped(struct dial *dial, enum miss *miss)
{
	struct look look = how_to_look();
	const struct route *route;
	__u32 why = MISS_PASS;
	__u64 word;

	for (int i = 0; i < FIND_TRIES; i++) {
		word = find_first(dial, look, &why);
		*miss = why;
		route = route_of(word);
		if (route || word == WORD_NONE)
			return route;
		COUNT(stale_word);
	}
	*miss = MISS_UNSTABLE;
	return NULL;
}

#endif

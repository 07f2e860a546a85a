/* SPDX-License-Identifier: GPL-2.0 */
/* Which route a connection takes: everyone's, or that of its caller's scope. */
#ifndef BPF_FIND_H
#define BPF_FIND_H

#include "maps.h"
#include "tell.h"

/* How often a record that was recycled while it was read is looked up again. */
#define FIND_TRIES 4

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

/* The route in force for a key; NULL: none. A record of another key or generation is one that was
 * recycled while we read: look again. */
static __always_inline const struct route *find_route(const struct service_key *key,
						       enum miss *miss)
{
	for (int i = 0; i < FIND_TRIES; i++) {
		__u32 *slot = bpf_map_lookup_elem(&services, key), index;
		struct service *service;
		struct route *route;
		__u64 word;

		if (!slot)
			return NULL;
		index = *slot;
		service = bpf_map_lookup_elem(&service_slots, &index);
		if (service && key_equal(&service->key, key)) {
			word = *(volatile __u64 *)&service->word;
			index = word;
			route = bpf_map_lookup_elem(&routes, &index);
			if (route && route->generation == word >> 32)
				return route;
		}
		COUNT(stale_word);
	}
	*miss = MISS_UNSTABLE;
	return NULL;
}

enum known { KNOWN_NOT, KNOWN, KNOWN_UNSTABLE };

/* The word of the caller's namespace into *word. */
static __always_inline enum known find_caller(struct bpf_sock_addr *ctx, __u64 *word)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);

	for (int i = 0; i < FIND_TRIES; i++) {
		__u32 *slot = bpf_map_lookup_elem(&scopes, &cookie), index;
		struct caller *caller;

		if (!slot)
			return KNOWN_NOT;
		index = *slot;
		caller = bpf_map_lookup_elem(&callers, &index);
		if (caller && caller->netns == cookie) {
			*word = *(volatile __u64 *)&caller->word;
			return KNOWN;
		}
		COUNT(stale_word);
	}
	return KNOWN_UNSTABLE;
}

static __always_inline __u32 control_callers(void)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? *(volatile __u32 *)&c->callers : 0;
}

static __always_inline void tell_unknown(struct bpf_sock_addr *ctx, const struct dial *dial,
					 __u32 how)
{
	COUNT(unknown_caller);
	if (how & CALLERS_FOLLOWED)
		tell(ctx, dial, EVENT_UNKNOWN_CALLER, 0);
}

/* The caller's own route for a service that differs by caller, else everyone's. */
static __always_inline const struct route *find_own(struct dial *dial, __u64 word,
						     const struct route *everyones,
						     enum miss *miss)
{
	const struct route *own;

	if (word >> CALLER_SHIFT & CALLER_NOBODY)
		COUNT(unknown_caller);
	if ((__u32)word == SCOPE_ALL)
		return everyones;
	dial->key.scope = word;
	own = find_route(&dial->key, miss);
	if (own || *miss == MISS_UNSTABLE)
		return own;
	dial->key.scope = SCOPE_ALL; /* none, or it stopped to differ while we looked */
	return find_route(&dial->key, miss);
}

/* Asks who calls first. A function of its own, as most connections do without. */
static __noinline const struct route *find_by_caller(struct bpf_sock_addr *ctx, struct dial *dial,
						     __u32 how, enum miss *miss)
{
	const struct route *route;
	__u64 word = 0;
	enum known known = find_caller(ctx, &word);

	if (known == KNOWN_UNSTABLE) {
		*miss = MISS_UNSTABLE;
		return NULL;
	}
	if (known == KNOWN_NOT)
		tell_unknown(ctx, dial, how);
	if (word >> CALLER_SHIFT & CALLER_REFUSE_UNKNOWN)
		*miss = MISS_REFUSE;
	dial->key.scope = word >> CALLER_SHIFT & CALLER_CLOSED ? (__u32)word : SCOPE_ALL;
	route = find_route(&dial->key, miss);
	if (route && route->flags & ROUTE_SCOPED && known == KNOWN &&
	    !(word >> CALLER_SHIFT & CALLER_CLOSED))
		return find_own(dial, word, route, miss);
	return route;
}

/* NULL: *miss says what becomes of the connection. */
static __always_inline const struct route *find_scoped(struct bpf_sock_addr *ctx,
							struct dial *dial, enum miss *miss)
{
	__u32 how = control_callers();
	const struct route *route;

	if (!(how & CALLERS_FIRST)) {
		route = find_route(&dial->key, miss);
		if (!route || !(route->flags & ROUTE_SCOPED))
			return route;
	}
	return find_by_caller(ctx, dial, how, miss);
}

#endif

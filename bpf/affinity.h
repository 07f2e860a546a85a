/* SPDX-License-Identifier: GPL-2.0 */
/* Choices that go by the caller's address: its hash, or the endpoint it had last. */
#ifndef BPF_AFFINITY_H
#define BPF_AFFINITY_H

#include <shunt/affinity.h>
#include "tell.h"

#define NS_PER_SECOND 1000000000ULL

static __always_inline int address_is_set(const struct addr *a)
{
	return a->word[0] || a->word[1] || a->word[2] || a->word[3];
}

/*
 * A socket that is not bound has no address yet: then that of its namespace counts. The agent may
 * change it meanwhile, which is seen as another caller once.
 */
static __noinline void know_source(struct dial *dial)
{
	__u64 netns = dial->netns;
	struct caller *caller;
	struct control *how;
	__u32 *slot, index, zero = 0;

	if (address_is_set(&dial->from))
		return;
	slot = bpf_map_lookup_elem(&scopes, &netns);
	index = slot ? *slot : SHUNT_MAX_CALLERS;
	caller = bpf_map_lookup_elem(&callers, &index);
	if (caller && caller->netns == netns)
		__builtin_memcpy(&dial->from, dial->ipv6 ? caller->ipv6 : caller->ipv4, 16);
	if (address_is_set(&dial->from))
		return;
	COUNT(unknown_source);
	how = bpf_map_lookup_elem(&control, &zero);
	if (!slot && how && *(volatile __u32 *)&how->callers & CALLERS_FOLLOWED)
		tell(dial, EVENT_UNKNOWN_CALLER, 0);
}

/* It may be chosen for this caller. */
static __always_inline int still_serves(const struct endpoint *endpoint, __u32 state, int ipv6)
{
	struct addr a;

	if (!endpoint || endpoint->state != state)
		return 0;
	__builtin_memcpy(&a, endpoint->address, 16);
	return addr_is_ip4(&a) == !ipv6 && !read_out(endpoint, bpf_ktime_get_ns());
}

struct kept_walk {
	__u32 first, state, ipv6, found;
};

static long find_kept(__u32 i, void *arg)
{
	struct kept_walk *w = arg;

	if (!still_serves(read_endpoint(w->first + i), w->state, w->ipv6))
		return 0;
	w->found = w->first + i;
	return 1;
}

/* Where the endpoint of the word stands now; PICK_NONE: it is gone, or ejected. */
static __always_inline __u32 kept_endpoint(const struct cluster *cluster, __u64 word, int ipv6)
{
	struct kept_walk w = {.first = cluster->first_endpoint, .state = affinity_state(word),
			      .ipv6 = ipv6, .found = PICK_NONE};
	__u32 slot = affinity_endpoint(word);

	if (slot - w.first < cluster->nr_endpoints &&
	    still_serves(read_endpoint(slot), w.state, ipv6))
		return slot;
	pick_loop(cluster->nr_endpoints, find_kept, &w);
	return w.found;
}

static __always_inline void affinity_key_init(struct affinity_key *key, const struct dial *dial,
					       const struct cluster *cluster)
{
	key->cluster = cluster->state;
	key->generation = cluster->generation;
	__builtin_memcpy(key->address, &dial->from, 16);
}

/* The one that the caller had, when that was no longer ago than the cluster says. */
static __noinline __u32 affinity_find(const struct dial *dial, const struct cluster *cluster)
{
	__u64 *kept, word, seconds = bpf_ktime_get_ns() / NS_PER_SECOND;
	struct affinity_key key;
	__u32 slot;

	affinity_key_init(&key, dial, cluster);
	kept = address_is_set(&dial->from) ? bpf_map_lookup_elem(&affinity, &key) : NULL;
	if (!kept)
		return PICK_NONE;
	word = *(volatile __u64 *)kept;
	if (seconds > affinity_seconds(word) + cluster->affinity)
		return PICK_NONE;
	slot = kept_endpoint(cluster, word, dial->ipv6);
	if (slot == PICK_NONE)
		return slot;
	*(volatile __u64 *)kept = affinity_word(affinity_state(word), slot, seconds);
	COUNT(affine);
	return slot;
}

static __noinline void affinity_keep(const struct dial *dial, const struct cluster *cluster,
				     __u32 slot)
{
	const struct endpoint *endpoint = read_endpoint(slot);
	struct affinity_key key;
	__u64 word;

	if (!endpoint || !address_is_set(&dial->from))
		return;
	affinity_key_init(&key, dial, cluster);
	word = affinity_word(endpoint->state, slot, bpf_ktime_get_ns() / NS_PER_SECOND);
	bpf_map_update_elem(&affinity, &key, &word, BPF_ANY);
}

#endif

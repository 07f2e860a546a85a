/* SPDX-License-Identifier: GPL-2.0 */
/* Who calls, by the cookie of its network namespace. */
#ifndef BPF_CALLER_H
#define BPF_CALLER_H

#include "maps.h"

/* How often a record that was recycled while it was read is looked up again. */
#define FIND_TRIES 4

enum known { KNOWN_NOT, KNOWN, KNOWN_UNSTABLE };

/* The word of the caller's namespace into *word. */
static __always_inline enum known find_caller(__u64 cookie, __u64 *word)
{
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

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Packets in fragments: only the first has ports, the later ones follow it. */
#ifndef BPF_FRAGMENT_H
#define BPF_FRAGMENT_H

#include "track.h"

static __always_inline void fragment_key_of(const struct packet *p, __u32 zone,
					    struct fragment_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->from, p->from.byte, 16);
	__builtin_memcpy(key->to, p->to.byte, 16);
	key->id = p->id;
	key->zone = zone;
	key->protocol = p->protocol;
}

__noinline int fragment_keep(const struct packet *p, __u32 zone, __u64 word)
{
	struct fragment_key key;

	if (!p)
		return 0;
	fragment_key_of(p, zone, &key);
	bpf_map_update_elem(&fragments, &key, &word, BPF_ANY);
	return 0;
}

/* The connection of a later fragment; an element of the map may be another packet's by now. */
static __always_inline struct conn *fragment_find(const struct packet *p, __u32 zone, __u64 *word)
{
	struct fragment_key key;
	struct conn *c;
	__u64 *found;

	fragment_key_of(p, zone, &key);
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found)
		return NULL;
	*word = *(volatile __u64 *)found;
	c = conn_of_word(*word);
	if (!c || c->zone != zone)
		return NULL;
	if (*word & CONN_ANSWERS ? !bytes16_equal(c->to, p->from.byte) :
				   !bytes16_equal(c->service.address, p->to.byte))
		return NULL;
	return c;
}

#endif

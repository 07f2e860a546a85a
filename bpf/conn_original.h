/* SPDX-License-Identifier: GPL-2.0 */
/* What a captured pod's connection to the proxy dialled, from its first packet to the accept; see original.h. */
#ifndef BPF_CONN_ORIGINAL_H
#define BPF_CONN_ORIGINAL_H

#include "conn.h"

/* As the proxy's end of the connection knows it. -1: there has been no agent yet. */
static __always_inline int original_key_of(const struct conn *c, struct original_key *key)
{
	__u32 zero = 0;
	struct control *node = bpf_map_lookup_elem(&control, &zero);

	if (!node)
		return -1;
	__builtin_memset(key, 0, sizeof(*key));
	__builtin_memcpy(key->source, c->as, 16);
	key->netns = node->host;
	key->source_port = c->as_port;
	key->port = c->to_port;
	return 0;
}

/* The connection has ended; there is something left when the proxy's end never came to be. */
static __noinline int conn_original_forget(const struct conn *c)
{
	struct original_key key;

	if (!original_key_of(c, &key))
		bpf_map_delete_elem(&originals, &key);
	return 0;
}

#endif

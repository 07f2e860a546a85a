/* SPDX-License-Identifier: GPL-2.0 */
/* What the packets of a known connection tell about it. */
#ifndef BPF_FOLLOW_H
#define BPF_FOLLOW_H

#include "track.h"

static __always_inline void conn_answered(struct conn *c)
{
	struct tracking *t = track_counts();

	if (is_tcp(c) && t)
		__sync_fetch_and_add(&t->half, -1);
	outcome_answered(c);
}

static __always_inline __u32 flags_of_packet(const struct packet *p, int answers)
{
	__u32 flags = 0;

	if (p->protocol != IPPROTO_TCP)
		return answers ? CONN_ANSWERED : 0;
	if (answers && (p->flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		flags |= CONN_ANSWERED;
	if (p->flags & TCP_FIN)
		flags |= answers ? CONN_FIN_ENDPOINT : CONN_FIN_CALLER;
	if (p->flags & TCP_RST)
		flags |= CONN_RESET;
	return flags;
}

/* It is the first to say so. */
__noinline int conn_change(struct conn *c, __u64 word, __u32 flags)
{
	int answers = (word & CONN_ANSWERS) != 0;
	__u32 old;

	if (!c)
		return 0;
	old = __sync_fetch_and_or(&c->flags, flags);
	if (old & CONN_CLOSED)
		return 0;
	if (flags & ~old & CONN_ANSWERED)
		conn_answered(c);
	else if (flags & ~old & CONN_RESET && answers && !(old & CONN_ANSWERED))
		outcome_failed(c, FAILURE_REFUSED);
	if (flags & CONN_RESET || ((old | flags) & CONN_FINS) == CONN_FINS)
		conn_close(c, word & CONN_SLOT_MASK);
	return 0;
}

/* What a packet of the connection's tells about it. */
static __always_inline void conn_packet(struct conn *c, __u64 word, const struct packet *p,
					__u32 length)
{
	int answers = (word & CONN_ANSWERS) != 0;
	__u32 flags = flags_of_packet(p, answers);

	__sync_fetch_and_add(&c->bytes[answers], length);
	__sync_fetch_and_add(&c->packets[answers], 1);
	*(volatile __u64 *)&c->last = bpf_ktime_get_coarse_ns();
	if (flags & ~*(volatile __u32 *)&c->flags)
		conn_change(c, word, flags);
}

/* What a packet has to tell the record. */
__noinline int conn_touch(__u64 word, __u32 flags)
{
	struct conn *c = conn_of_word(word);

	if (!c)
		return 0;
	*(volatile __u64 *)&c->last = bpf_ktime_get_coarse_ns();
	if (flags & ~*(volatile __u32 *)&c->flags)
		conn_change(c, word, flags);
	return 0;
}

/* Of the element `way` that has the key: whether it was another's by the time it was read. */
static __always_inline int way_moved(const struct conn_way *way, const struct conn_way *again,
				     __u64 word)
{
	return way != again || *(volatile __u64 *)&way->word != word;
}

static __always_inline struct conn_way *way_find4(const struct conn_key *key, struct nat *n,
						   __u64 *word)
{
	struct conn_key4 key4;
	struct conn_way4 *way;

	key4_of(key, &key4);
	way = bpf_map_lookup_elem(&conn_keys4, &key4);
	if (!way)
		return NULL;
	*word = *(volatile __u64 *)&way->way.word;
	addr_of_ip4(&n->from, way->from);
	addr_of_ip4(&n->to, way->to);
	n->from_port = way->from_port;
	n->to_port = way->to_port;
	return way_moved(&way->way, bpf_map_lookup_elem(&conn_keys4, &key4), *word) ? NULL :
										    &way->way;
}

static __always_inline struct conn_way *way_find6(const struct conn_key *key, struct nat *n,
						   __u64 *word)
{
	struct conn_way6 *way = bpf_map_lookup_elem(&conn_keys6, key);

	if (!way)
		return NULL;
	*word = *(volatile __u64 *)&way->way.word;
	__builtin_memcpy(n->from.byte, way->from, 16);
	__builtin_memcpy(n->to.byte, way->to, 16);
	n->from_port = way->from_port;
	n->to_port = way->to_port;
	return way_moved(&way->way, bpf_map_lookup_elem(&conn_keys6, key), *word) ? NULL : &way->way;
}

/* What becomes of a packet, without a look at the record. NULL: no connection has it. */
static __always_inline struct conn_way *way_find(const struct conn_key *key, struct nat *n,
						  __u64 *word)
{
	return key_is_ip4(key) ? way_find4(key, n, word) : way_find6(key, n, word);
}

/* conn_packet, for one that opens nothing: it looks at the record only when it has news for it. */
static __always_inline void way_packet(struct conn_way *way, __u64 word, const struct packet *p,
				       __u32 length)
{
	__u32 flags = flags_of_packet(p, (word & CONN_ANSWERS) != 0);

	__sync_fetch_and_add(&way->bytes, length);
	__sync_fetch_and_add(&way->packets, 1);
	*(volatile __u64 *)&way->last = bpf_ktime_get_coarse_ns();
	if (!(flags & ~*(volatile __u32 *)&way->flags))
		return;
	__sync_fetch_and_or(&way->flags, flags);
	conn_touch(word, flags);
}

#endif

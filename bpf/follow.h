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
	__u64 now = bpf_ktime_get_coarse_ns();

	__sync_fetch_and_add(&c->bytes[answers], length);
	__sync_fetch_and_add(&c->packets[answers], 1);
	if ((__s64)(now - *(volatile __u64 *)&c->last) > (__s64)CONN_LAST_NS)
		*(volatile __u64 *)&c->last = now;
	if (flags & ~*(volatile __u32 *)&c->flags)
		conn_change(c, word, flags);
}

/* What a packet has to tell the record, now and then. */
__noinline int conn_touch(__u64 word, __u64 now, __u32 flags)
{
	struct conn *c = conn_of_word(word);

	if (!c)
		return 0;
	*(volatile __u64 *)&c->last = now;
	if (flags & ~*(volatile __u32 *)&c->flags)
		conn_change(c, word, flags);
	return 0;
}

/*
 * The same in one, without a look at the record, for a packet that opens nothing: -1: no connection
 * has it. Whether the element was another's by the time it was read the second look tells.
 */
static __always_inline int conn_follow(const struct conn_key *key, const struct packet *p,
				       __u32 length, struct nat *n, __u64 *word)
{
	struct conn_way *way = bpf_map_lookup_elem(&conn_keys, key);
	__u32 flags;
	__u64 now;

	if (!way)
		return -1;
	*word = *(volatile __u64 *)&way->word;
	__builtin_memcpy(n->from.byte, way->from, 16);
	__builtin_memcpy(n->to.byte, way->to, 16);
	n->from_port = way->from_port;
	n->to_port = way->to_port;
	if (bpf_map_lookup_elem(&conn_keys, key) != way || *(volatile __u64 *)&way->word != *word)
		return -1;
	now = bpf_ktime_get_coarse_ns();
	flags = flags_of_packet(p, (*word & CONN_ANSWERS) != 0);
	__sync_fetch_and_add(&way->bytes, length);
	__sync_fetch_and_add(&way->packets, 1);
	if ((__s64)(now - *(volatile __u64 *)&way->last) > (__s64)CONN_LAST_NS ||
	    flags & ~*(volatile __u32 *)&way->flags) {
		*(volatile __u64 *)&way->last = now;
		__sync_fetch_and_or(&way->flags, flags);
		conn_touch(*word, now, flags);
	}
	return 0;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Packets of a captured pod's connections: found, also by fragments and ICMP errors, and rewritten. */
#ifndef BPF_TRANSLATE_H
#define BPF_TRANSLATE_H

#include "answer.h"
#include "fragment.h"
#include "follow.h"

#define NO_WORD (~0ULL)
#define NOT_KNOWN 100 /* no TC_ACT_* */

/* What is known of the packet at hand, an element for each of the two programs: too much for the
 * stack. Neither is interrupted by itself on its CPU. */
struct steering {
	struct packet packet;
	struct packet inner; /* quoted in an error */
	struct nat in, out;  /* what that gets, and what the error itself does */
	struct dial dial;
	struct route route; /* a copy */
	struct decision decision;
	__u32 slot; /* in conns, of the new connection */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct steering);
} steerings SEC(".maps");

static __always_inline struct steering *steering_of(int to_pod)
{
	__u32 at = to_pod;

	return bpf_map_lookup_elem(&steerings, &at);
}

static __always_inline void skb_read(struct __sk_buff *skb, struct packet *p)
{
	__u32 want = skb->len < PACKET_HEAD ? skb->len : PACKET_HEAD;
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	if (data + want > end) {
		bpf_skb_pull_data(skb, want);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
	}
	packet_read(data, end, skb->len, p);
}

static __always_inline void skb_read_inner(struct __sk_buff *skb, const struct packet *p,
					   struct packet *inner)
{
	packet_read_inner((void *)(long)skb->data, (void *)(long)skb->data_end, p, inner);
}

static __always_inline int hairpin(const struct conn *c)
{
	return bytes16_equal(c->to, c->from);
}

/* A pod that reaches itself never sees its own address come in: its packets turn round here, and are
 * none that go out to it. */
static __always_inline int onward(struct __sk_buff *skb, const struct conn *c)
{
	return hairpin(c) ? answer_back(skb) : TC_ACT_UNSPEC;
}

static __always_inline int untranslated(void)
{
	COUNT(untranslated);
	return TC_ACT_SHOT;
}

/* ---- packets of a connection that is known ---- */

static __always_inline int opens(const struct packet *p)
{
	return p->protocol != IPPROTO_TCP ||
	       (p->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* A TC_ACT_*. */
__noinline int translate(struct __sk_buff *skb, struct packet *p, __u64 word)
{
	struct conn *c = conn_of_word(word);
	struct nat n;

	if (!p || !c)
		return TC_ACT_SHOT;
	conn_packet(c, word, p, skb->len - p->l3);
	if (p->fragment)
		fragment_keep(p, c->zone, word);
	conn_nat(c, word, &n);
	return skb_nat(skb, p, &n) ? untranslated() : onward(skb, c);
}

/* A TC_ACT_*, or NOT_KNOWN: no connection has this packet, which opens none. */
__noinline int follow(struct __sk_buff *skb, struct packet *p, int to_pod)
{
	struct conn_key key;
	struct conn_way *way;
	struct nat n;
	__u64 word;

	if (!p)
		return TC_ACT_SHOT;
	conn_key_of(p, skb->ifindex, &key);
	way = way_find(&key, &n, &word);
	if (!way)
		return NOT_KNOWN;
	way_packet(way, word, p, skb->len - p->l3);
	if (to_pod && !(word & CONN_ANSWERS))
		return TC_ACT_UNSPEC;
	if (p->fragment)
		fragment_keep(p, skb->ifindex, word);
	if (skb_nat(skb, p, &n))
		return untranslated();
	return to_pod || !bytes16_equal(n.to.byte, p->from.byte) ? TC_ACT_UNSPEC : answer_back(skb);
}

/* NO_WORD: none; a connection that is over, whose port is used again, makes room. */
__noinline __u64 find_word(struct packet *p, __u32 zone)
{
	struct conn_key key;
	struct conn *c;
	__u64 word;

	if (!p)
		return NO_WORD;
	conn_key_of(p, zone, &key);
	c = conn_find(&key, &word);
	if (!c)
		return NO_WORD;
	if (c->flags & CONN_CLOSED && !(word & CONN_ANSWERS) && opens(p)) {
		conn_free(c, word & CONN_SLOT_MASK);
		return NO_WORD;
	}
	return word;
}

__noinline int translate_later(struct __sk_buff *skb, struct packet *p, int to_pod)
{
	struct conn *c;
	struct nat n;
	__u64 word;

	if (!p)
		return TC_ACT_SHOT;
	c = fragment_find(p, skb->ifindex, &word);
	if (!c || (to_pod && !(word & CONN_ANSWERS))) {
		COUNT(fragments_passed);
		return TC_ACT_UNSPEC;
	}
	conn_nat(c, word, &n);
	if (skb_nat(skb, p, &n))
		return untranslated();
	return to_pod ? TC_ACT_UNSPEC : onward(skb, c);
}

/*
 * An error about a packet that went the other way. Its own source is changed only where that is
 * the address which the connection hides: a router's stays.
 */
static __noinline int translate_error(struct __sk_buff *skb, struct steering *s, int to_pod)
{
	struct packet *p = &s->packet;
	struct conn_key key;
	struct conn *c;
	__u64 word;

	skb_read_inner(skb, p, &s->inner);
	if (s->inner.kind != PACKET_FLOW)
		return TC_ACT_UNSPEC;
	conn_key_back(&s->inner, skb->ifindex, &key);
	c = conn_find(&key, &word);
	if (!c || (to_pod && !(word & CONN_ANSWERS)))
		return TC_ACT_UNSPEC;
	conn_nat(c, word, &s->out); /* as a packet that answers the quoted one would be */
	s->in.from = s->out.to;
	s->in.to = s->out.from;
	s->in.from_port = s->out.to_port;
	s->in.to_port = s->out.from_port;
	if (!bytes16_equal(p->from.byte, key.from))
		s->out.from = p->from;
	if (!bytes16_equal(p->to.byte, key.to))
		s->out.to = p->to;
	if (skb_nat_error(skb, p, &s->out, &s->inner, &s->in))
		return untranslated();
	return to_pod ? TC_ACT_UNSPEC : onward(skb, c);
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of a packet at a device of the node: callers from outside reach their endpoint, and its
 * answers come back as the service's. An endpoint behind another device sees the caller as it is, and
 * its answers leave the node by this one, where they are translated. An endpoint that is reached by a
 * device of the node, on another machine, would answer past us: it sees the node's address.
 */
#ifndef BPF_NORTH_SOUTH_H
#define BPF_NORTH_SOUTH_H

#include "come.h"

static __always_inline enum passage passage_of(const struct conn *c)
{
	return bytes16_equal(c->as, c->from) ? ONWARD : ACROSS;
}

/* A new connection may have the caller's port of one that is over. */
static __always_inline int is_reopened(const struct conn *c, __u64 word, const struct packet *p)
{
	return c->flags & CONN_CLOSED && !(word & CONN_ANSWERS) && is_syn(p);
}

static __noinline struct conn *conn_at(struct passing *w)
{
	struct conn_key key;

	conn_key_of(&w->packet, 0, &key);
	return conn_find(&key, &w->word);
}

/* Into w->nat, too. */
static __noinline struct conn_way *way_at(struct passing *w)
{
	struct conn_key key;

	conn_key_of(&w->packet, 0, &key);
	return way_find(&key, &w->nat, &w->word);
}

/* As passage_of: an endpoint elsewhere knows the caller by another address. */
static __always_inline enum passage passage_of_way(const struct passing *w)
{
	const struct packet *p = &w->packet;
	const struct nat *n = &w->nat;

	if (w->word & CONN_ANSWERS)
		return bytes16_equal(n->to.byte, p->to.byte) ? ONWARD : ACROSS;
	return bytes16_equal(n->from.byte, p->from.byte) ? ONWARD : ACROSS;
}

static __always_inline int begins_tcp(const struct packet *p)
{
	return p->protocol == IPPROTO_TCP && is_syn(p);
}

static __always_inline enum passage flow_in(void *ctx, void *data, void *end, struct passing *w,
					    struct counted *counted)
{
	enum passage verdict = AS_IS;
	struct conn *c;

	counted->way = begins_tcp(&w->packet) ? NULL : way_at(w);
	if (counted->way) {
		if (w->packet.fragment)
			fragment_keep(&w->packet, 0, w->word);
		return passage_of_way(w);
	}
	c = conn_at(w);
	if (c && is_reopened(c, w->word, &w->packet)) {
		conn_free(c, w->word & CONN_SLOT_MASK);
		c = NULL;
	}
	if (!c) {
		c = come_to_service(ctx, data, end, w, &verdict);
		if (!c)
			return verdict;
		if (conn_publish(c, w->slot, &w->word)) {
			COUNT(refused_tracking);
			return DISCARD;
		}
		sweep_arm();
	}
	if (w->packet.fragment)
		fragment_keep(&w->packet, 0, w->word);
	conn_nat(c, w->word, &w->nat);
	counted->conn = c;
	return passage_of(c);
}

/* A fragment that is not the first goes where that went. */
static __noinline enum passage later_either(struct passing *w)
{
	struct conn *c = fragment_find(&w->packet, 0, &w->word);

	if (!c)
		return AS_IS;
	conn_nat(c, w->word, &w->nat);
	return passage_of(c);
}

/*
 * An error is about a packet that went the other way. It goes to whoever sent that, who has to
 * find in it what he sent. Who tells of it stays, unless it is the endpoint, which the caller
 * does not know.
 */
static __noinline enum passage error_either(struct passing *w)
{
	struct packet *p = &w->packet;
	struct conn_key key;
	struct conn *c;

	if (w->inner.kind != PACKET_FLOW)
		return AS_IS;
	conn_key_back(&w->inner, 0, &key);
	if (!bytes16_equal(p->to.byte, key.to))
		return AS_IS; /* not to whoever sent what it quotes */
	c = conn_find(&key, &w->word);
	if (!c)
		return AS_IS;
	conn_nat(c, w->word, &w->nat);
	w->inner_nat.from = w->nat.to;
	w->inner_nat.from_port = w->nat.to_port;
	w->inner_nat.to = w->nat.from;
	w->inner_nat.to_port = w->nat.from_port;
	if (!(w->word & CONN_ANSWERS) || !bytes16_equal(p->from.byte, c->to)) {
		w->nat.from = p->from;
		return ONWARD;
	}
	return passage_of(c);
}

static __always_inline enum passage passage_in(void *ctx, void *data, void *end,
					       struct passing *w, struct counted *counted)
{
	const struct packet *p = &w->packet;

	if (p->tags || p->kind == PACKET_OTHER)
		return AS_IS;
	if (p->kind == PACKET_BAD) {
		COUNT(malformed);
		return AS_IS;
	}
	if (p->kind == PACKET_ERROR)
		return error_either(w);
	return p->kind == PACKET_LATER ? later_either(w) : flow_in(ctx, data, end, w, counted);
}

/* What comes in at a device of the node. What goes on into the kernel is for it to drop, if it is not
 * for this machine; what goes across is not. */
static __always_inline enum passage passing_in(void *ctx, void *data, void *end,
					       struct passing *w, struct counted *counted)
{
	enum passage passage;

	counted->conn = NULL;
	counted->way = NULL;
	passage = passage_in(ctx, data, end, w, counted);
	return passage == ACROSS && !is_for_node(data, end, w) ? AS_IS : passage;
}

/* What leaves by it: answers of endpoints that know the caller. */
static __always_inline enum passage passing_out(struct passing *w, struct counted *counted)
{
	const struct packet *p = &w->packet;

	counted->conn = NULL;
	counted->way = NULL;
	if (p->tags)
		return AS_IS;
	if (p->kind == PACKET_ERROR)
		return error_either(w);
	if (p->kind == PACKET_LATER)
		return later_either(w);
	if (p->kind != PACKET_FLOW)
		return AS_IS;
	counted->way = way_at(w);
	if (!counted->way || !(w->word & CONN_ANSWERS))
		return AS_IS;
	if (p->fragment)
		fragment_keep(p, 0, w->word);
	return ONWARD;
}

static __noinline int passing_count(struct passing *w, struct counted *counted)
{
	if (counted->way)
		way_packet(counted->way, w->word, &w->packet, w->packet.length);
	else if (counted->conn)
		conn_packet(counted->conn, w->word, &w->packet, w->packet.length);
	return 0;
}

#endif

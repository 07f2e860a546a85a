/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What becomes of a packet at a device of the node: callers from outside reach their endpoint, and its
 * answers come back as the service's. An endpoint behind another device sees the caller as it is, and
 * its answers leave the node by this one, where they are translated. An endpoint that is reached by a
 * device of the node, on another machine, would answer past us: it sees the node's address.
 */
#ifndef BPF_NORTH_SOUTH_H
#define BPF_NORTH_SOUTH_H

#define DIALLED_BY_PACKET
#include "follow.h"
#include "fragment.h"
#include "sweep.h"

enum passage {
	AS_IS,	 /* nothing of ours */
	DISCARD, /* counted */
	TURN_BACK, /* the same, and a caller by TCP is told */
	ONWARD,	 /* translated, and the kernel routes it */
	ACROSS,	 /* translated, with an address of the node as source: the kernel would not take it from
		  * outside, so it goes out at once */
};

#define AF_INET 2
#define AF_INET6 10

/* A packet on its way through one program. */
struct passing {
	struct packet packet;
	struct nat nat;	      /* what the packet gets */
	struct packet inner;  /* quoted, of PACKET_ERROR */
	struct nat inner_nat; /* what that gets */
	struct dial dial;
	struct decision decision;
	struct bpf_fib_lookup fib;
	__u64 word; /* of its connection */
	__u32 slot; /* of a connection that nobody knows of yet */
	__u32 device; /* at which it is */
};

/* What a packet counts in, once it is known that it goes: the way where it is known by that alone. */
struct counted {
	struct conn_way *way;
	struct conn *conn;
};

/* Of each program its own, as they interrupt each other: more than the stack holds. Not pinned. */
enum { AT_XDP, AT_IN, AT_OUT, NR_PASSINGS };
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NR_PASSINGS);
	__type(key, __u32);
	__type(value, struct passing);
} passings SEC(".maps");

static __always_inline int is_syn(const struct packet *p)
{
	return (p->flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) == TCP_SYN;
}

/* Where the kernel would route a packet from `from` to `to`, into w->fib; BPF_FIB_LKUP_RET_*. */
static __always_inline long look_route(void *ctx, struct passing *w, const struct addr *from,
				       const struct addr *to)
{
	struct bpf_fib_lookup *fib = &w->fib;

	__builtin_memset(fib, 0, sizeof(*fib));
	fib->ifindex = w->device;
	fib->l4_protocol = w->packet.protocol;
	if (w->packet.ipv6) {
		fib->family = AF_INET6;
		__builtin_memcpy(fib->ipv6_src, from, 16);
		__builtin_memcpy(fib->ipv6_dst, to, 16);
	} else {
		fib->family = AF_INET;
		fib->ipv4_src = from->word[3];
		fib->ipv4_dst = to->word[3];
	}
	return bpf_fib_lookup(ctx, fib, sizeof(*fib), 0);
}

static __always_inline struct node_device *node_device_of(__u32 index)
{
	struct node_device_key key = {.prefix = 32, .index = index};

	return bpf_map_lookup_elem(&node_devices, &key);
}

/* A device that listens to all sees frames for other machines, too: the kernel would drop them. */
static __always_inline int is_for_node(void *data, void *end, const struct passing *w)
{
	struct node_device *device = node_device_of(w->device);
	struct ethhdr *eth = data;
	__u16 *own;

	if (!device || !packet_has(eth, end))
		return 1;
	own = (__u16 *)device->link;
	if (!(own[0] | own[1] | own[2]))
		return 1;
	return own[0] == *(__u16 *)eth->h_dest && own[1] == *(__u16 *)(eth->h_dest + 2) &&
	       own[2] == *(__u16 *)(eth->h_dest + 4);
}

/* ---- new connections ---- */

/* The address of the node for a caller whose endpoint is behind the device. 0: it has none. */
static __always_inline int stand_in(const struct packet *p, const struct node_device *out,
				    struct conn *c)
{
	struct addr own;

	if (p->ipv6)
		__builtin_memcpy(own.byte, out->ipv6, 16);
	else
		addr_of_ip4(&own, *(__be32 *)out->ipv4);
	if (!own.word[3])
		return 0;
	__builtin_memcpy(c->as, own.byte, 16);
	c->as_port = CONN_PORT_FIRST + pick_below(bpf_get_prandom_u32(), CONN_PORTS);
	return 1;
}

/* As whom its endpoint sees the caller. 0: there is no way to it. */
static __always_inline int show_caller(void *ctx, struct passing *w, struct conn *c)
{
	const struct packet *p = &w->packet;
	struct node_device *out;
	long found;

	__builtin_memcpy(c->as, p->from.byte, 16);
	c->as_port = p->from_port;
	found = look_route(ctx, w, &p->from, &w->dial.to);
	if (found == BPF_FIB_LKUP_RET_BLACKHOLE || found == BPF_FIB_LKUP_RET_UNREACHABLE ||
	    found == BPF_FIB_LKUP_RET_PROHIBIT)
		return 0;
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH &&
	    found != BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return 1; /* on the node itself; or it does not forward, and the kernel will tell */
	out = node_device_of(w->fib.ifindex);
	return out ? stand_in(p, out, c) : 1;
}

/* It was decided, and nobody has seen it. */
static __always_inline void take_back(__u32 slot, const struct decision *d)
{
	unreserve(d->hold, d->endpoint, d->endpoint_generation);
	COUNT(closed);
	conn_give_back(slot);
}

/* A connection to be published; NULL: *verdict says what becomes of the packet. */
static __always_inline struct conn *open_conn(void *ctx, struct passing *w,
					       const struct route *route,
					       enum passage *verdict)
{
	struct decision *d = &w->decision;
	struct conn *c;

	*verdict = DISCARD;
	c = conn_take(&w->slot);
	if (!c) {
		COUNT(refused_tracking);
		return NULL;
	}
	if (decide_end(&w->dial, route, d) != STEER) {
		conn_give_back(w->slot);
		*verdict = TURN_BACK;
		return NULL;
	}
	if (d->steered != FLOW_TO_ENDPOINT) {
		take_back(w->slot, d);
		*verdict = AS_IS;
		return NULL;
	}
	if (!show_caller(ctx, w, c)) {
		COUNT(no_way);
		take_back(w->slot, d);
		return NULL;
	}
	conn_fill(c, &w->dial, w->packet.from_port, d, 0, route->plan);
	return c;
}

static __always_inline void dial_of(const struct packet *p, struct dial *dial)
{
	__builtin_memset(dial, 0, sizeof(*dial));
	__builtin_memcpy(dial->key.address, p->to.byte, 16);
	dial->key.port = p->to_port;
	dial->key.protocol = p->protocol;
	dial->key.scope = SCOPE_OUTSIDE;
	dial->from = p->from;
	dial->ipv6 = p->ipv6;
}

/* A service for callers from outside; else it is the node's own traffic. */
static __noinline struct conn *come_to_service(void *ctx, void *data, void *end,
					       struct passing *w, enum passage *verdict)
{
	const struct route *route;
	__u64 word;

	*verdict = AS_IS;
	dial_of(&w->packet, &w->dial);
	word = find_exact(&w->dial.key);
	route = route_of(word);
	if (!route && word != WORD_NONE) {
		COUNT(refused_unstable);
		*verdict = DISCARD;
	}
	if (!route || route->kind == ROUTE_UNTOUCHED || route->kind == ROUTE_UNKNOWN)
		return NULL;
	if (!is_for_node(data, end, w)) {
		*verdict = AS_IS;
		return NULL;
	}
	if (!packet_head_sound(data, end, &w->packet)) {
		COUNT(malformed);
		return NULL;
	}
	if (w->packet.protocol == IPPROTO_TCP && !is_syn(&w->packet)) {
		COUNT(no_connection);
		*verdict = TURN_BACK;
		return NULL;
	}
	return open_conn(ctx, w, route, verdict);
}

/* ---- packets ---- */

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

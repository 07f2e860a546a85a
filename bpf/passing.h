/* SPDX-License-Identifier: GPL-2.0 */
/* A packet at a device of the node, on its way through one program. */
#ifndef BPF_PASSING_H
#define BPF_PASSING_H

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

#endif

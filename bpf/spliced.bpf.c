/* SPDX-License-Identifier: GPL-2.0 */
/* A walk over the sockets that are spliced: which of them have read all that was queued to them. */
#include "addr.h"
#include "maps.h"
#include "socket.h"

char _license[] SEC("license") = "GPL";

struct bpf_iter_meta;
struct bpf_map;
struct bpf_iter__sockmap {
	union {
		struct bpf_iter_meta *meta;
		__u64 : 64;
	};
	union {
		struct bpf_map *map;
		__u64 : 64;
	};
	union {
		void *key;
		__u64 : 64;
	};
	union {
		struct sock *sk;
		__u64 : 64;
	};
} __attribute__((preserve_access_index));

#define USER_DATA_FLAGS 7UL /* SK_USER_DATA_*, in the lowest bits of the pointer */

/* Of the walk alone, never pinned. */
RECORDS(rows, struct spliced, SHUNT_MAX_SPLICES);
RECORDS(seen, __u64, 1); /* sockets */

/* All of a list that is read is taken off it; one that is read in part stays. */
static __always_inline int is_queued(const struct sock *sk)
{
	__u64 psock = (__u64)sk->sk_user_data & ~USER_DATA_FLAGS;
	const struct sk_psock *queue = (const struct sk_psock *)psock;
	struct list_head *first = NULL;

	if (!psock || bpf_core_read(&first, sizeof(first), &queue->ingress_msg.next))
		return 0;
	return first != __builtin_preserve_access_index(&queue->ingress_msg);
}

static __always_inline void addresses_of(const struct sock *sk, struct spliced *row)
{
	struct addr a;

	if (sk->__sk_common.skc_family != FAMILY_IPV4) {
		BPF_CORE_READ_INTO(&row->address, sk, __sk_common.skc_v6_rcv_saddr);
		BPF_CORE_READ_INTO(&row->peer, sk, __sk_common.skc_v6_daddr);
		return;
	}
	addr_of_ip4(&a, sk->__sk_common.skc_rcv_saddr);
	__builtin_memcpy(row->address, a.byte, 16);
	addr_of_ip4(&a, sk->__sk_common.skc_daddr);
	__builtin_memcpy(row->peer, a.byte, 16);
}

SEC("iter/sockmap")
int list_spliced(struct bpf_iter__sockmap *ctx)
{
	struct sock *sk = ctx->sk;
	__u64 *key = ctx->key;
	__u32 zero = 0, index;
	struct spliced *row;
	__u64 *met;

	met = bpf_map_lookup_elem(&seen, &zero);
	if (!sk || !key || !met)
		return 0;
	index = __sync_fetch_and_add(met, 1);
	row = bpf_map_lookup_elem(&rows, &index);
	if (!row)
		return 0;
	row->cookie = *key;
	row->netns = sk->__sk_common.skc_net.net->ns.inum;
	row->device = sk->__sk_common.skc_bound_dev_if;
	row->family = sk->__sk_common.skc_family;
	row->port = sk->__sk_common.skc_num;
	row->peer_port = bpf_ntohs(sk->__sk_common.skc_dport);
	row->queued = is_queued(sk);
	addresses_of(sk, row);
	return 0;
}

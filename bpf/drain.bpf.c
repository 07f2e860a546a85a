/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live connections that have to go. Walks over all sockets that carry a flow count them and choose
 * some, who then carry HOLD_LEAVING; walks over the sockets of one network namespace end those.
 * What is chosen is counted at once, and exactly once: the word of the hold changes by exchange.
 */
#include <bpf/bpf_core_read.h>
#include <linux/in.h>
#include "drain.h"
#include "event.h"
#include "hold.h"
#include "iter.h"

char _license[] SEC("license") = "GPL";

#define FAMILY_IPV6 10

/* Since 6.5. The agent loads those who call it only where it is. */
extern int bpf_sock_destroy(struct sock_common *sk) __ksym __weak;

RECORDS(leaving, struct leaving, DRAIN_LEAVING); /* those that the last walk chose */

__u64 nr_leaving = 0;	/* of them; those for whom there was no room are chosen next time */
__u64 nr_chosen = 0;	/* of them, those that no walk before had chosen */

/* The hold of a connection to an endpoint; 0: there is none. */
static __always_inline __u64 held(const struct flow *flow)
{
	__u64 hold = *(volatile __u64 *)&flow->hold;

	return hold & HOLD_HELD && flow->steered == FLOW_TO_ENDPOINT ? hold : 0;
}

static __always_inline void key_of(struct drain_key *key, const struct flow *flow, __u64 hold)
{
	key->service = flow->service;
	key->cluster = hold & HOLD_CLUSTER_MASK;
	key->endpoint = flow->endpoint;
}

static __always_inline int is_connecting(const struct flow *flow)
{
	return flow->phase != FLOW_CONNECTED && flow->service.protocol == IPPROTO_TCP;
}

SEC("iter/bpf_sk_storage_map")
int tally_flows(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct flow *flow = ctx->value;
	struct drain_key key;
	__u64 hold;

	if (!flow)
		return 0;
	hold = held(flow);
	if (!hold || hold & HOLD_LEAVING)
		return 0;
	key_of(&key, flow, hold);
	tally(&key, is_connecting(flow));
	return 0;
}

/* The room that the next one has, if there is any. */
static __always_inline struct leaving *room(void)
{
	__u32 index = nr_leaving;

	return bpf_map_lookup_elem(&leaving, &index);
}

static __always_inline void list_leaving(struct leaving *row, const struct flow *flow,
					 struct sock *sk)
{
	struct sock_common *common = &sk->__sk_common;

	row->netns = flow->netns;
	row->cookie = bpf_get_socket_cookie(sk);
	row->family = common->skc_family;
	row->protocol = flow->service.protocol;
	row->local_port = common->skc_num;
	row->remote_port = __builtin_bswap16(common->skc_dport);
	row->device = common->skc_bound_dev_if;
	if (row->family == FAMILY_IPV6) {
		bpf_core_read(row->local, 16, &common->skc_v6_rcv_saddr);
		bpf_core_read(row->remote, 16, &common->skc_v6_daddr);
	} else {
		*(__be32 *)row->local = common->skc_rcv_saddr;
		*(__be32 *)row->remote = common->skc_daddr;
	}
	nr_leaving++;
}

/* `kind`: the event it is told as. One that was chosen before and is still there is listed anew. */
static __always_inline void choose(struct flow *flow, __u64 hold, struct sock *sk, int kind)
{
	struct leaving *row = room();

	if (!row)
		return;
	if (!(hold & HOLD_LEAVING)) {
		if (__sync_val_compare_and_swap(&flow->hold, hold, hold | HOLD_LEAVING) != hold)
			return;
		count_leaving(hold, kind);
		tell_flow(flow, hold & HOLD_CLUSTER_MASK, kind, 0);
		nr_chosen++;
	}
	list_leaving(row, flow, sk);
}

SEC("iter/bpf_sk_storage_map")
int choose_surplus(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct flow *flow = ctx->value;
	struct drain_order *order;
	struct sock *sk = ctx->sk;
	struct drain_key key;
	__u64 hold;

	if (!flow || !sk)
		return 0;
	hold = held(flow);
	if (!hold)
		return 0;
	if (!(hold & HOLD_LEAVING)) {
		key_of(&key, flow, hold);
		order = order_for(&key, is_connecting(flow));
		if (!order)
			return 0;
		order->left--;
	}
	choose(flow, hold, sk, EVENT_DRAINED);
	return 0;
}

/* How long nothing has gone either way; ns. */
static __always_inline __u64 idle_for(struct sock *sk, __u32 hz)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	__u32 now = bpf_jiffies64();
	__s32 sent = now - BPF_CORE_READ(tcp, lsndtime);
	__s32 received = now - BPF_CORE_READ(tcp, inet_conn.icsk_ack.lrcvtime);
	__s32 idle = sent < received ? sent : received;

	return idle > 0 ? idle * 1000000000ULL / hz : 0;
}

/* The event that it is told as; 0: it may go on. */
static __always_inline int has_expired(const struct flow *flow, __u32 cluster, struct sock *sk)
{
	__u64 most = limit_of(cluster, RULES_DURATION), idle = limit_of(cluster, RULES_IDLE);
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	if (most && bpf_ktime_get_ns() - flow->since >= most)
		return EVENT_EXPIRED_DURATION;
	/* What goes from socket to socket past TCP is not seen here: such a one is never idle. */
	if (idle && c && c->hz && idle_for(sk, c->hz) >= idle &&
	    !bpf_sk_storage_get(&splice_of, sk, 0, 0))
		return EVENT_EXPIRED_IDLE;
	return 0;
}

SEC("iter/bpf_sk_storage_map")
int choose_expired(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct flow *flow = ctx->value;
	struct sock *sk = ctx->sk;
	__u64 hold;
	int kind;

	if (!flow || !sk)
		return 0;
	hold = held(flow);
	if (!hold || flow->phase != FLOW_CONNECTED || flow->service.protocol != IPPROTO_TCP)
		return 0;
	kind = has_expired(flow, hold & HOLD_CLUSTER_MASK, sk);
	if (kind || hold & HOLD_LEAVING)
		choose(flow, hold, sk, kind);
	return 0;
}

static __always_inline int leaves(const struct flow *flow)
{
	return flow && held(flow) & HOLD_LEAVING;
}

/* Its close is seen by who watches that, and its reservation returned there. */
SEC("iter/tcp")
int end_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *sk = ctx->sk_common;

	if (sk && leaves(bpf_sk_storage_get(&flows, sk, 0, 0)))
		bpf_sock_destroy(sk);
	return 0;
}

/* The socket stays, connected to nobody, and nobody sees that: its reservation is returned here. */
SEC("iter/udp")
int end_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *sk = ctx->udp_sk;
	struct flow *flow = sk ? bpf_sk_storage_get(&flows, sk, 0, 0) : NULL;

	if (!leaves(flow) || bpf_sock_destroy((struct sock_common *)sk))
		return 0;
	release(flow);
	return 0;
}

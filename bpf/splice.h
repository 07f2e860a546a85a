/* SPDX-License-Identifier: GPL-2.0 */
/* How the two ends of a connection find each other while it is established; see shunt/splice.h. */
#ifndef BPF_SPLICE_H
#define BPF_SPLICE_H

#include "addr.h"
#include "caller.h"
#include "maps.h"
#include "original.h"
#include "socket.h"
#include "splice_mode.h"
#include "traffic.h"

#define NO_PEER (~0ULL) /* no socket has this cookie */

/* What a hold says of who it counts for. */
#define HELD_BY (~(HOLD_HELD | HOLD_ARMED | HOLD_EPOCH | HOLD_LEAVING))

/* 127.0.0.0/8 and ::1 */
static __always_inline int is_own(const struct addr *a)
{
	if (addr_is_ip4(a))
		return a->byte[12] == 127;
	return !a->word[0] && !a->word[1] && !a->word[2] && a->word[3] == bpf_htonl(1);
}

/* `accepted`: the context is that of the server's end. */
static __always_inline void splice_key_of(struct bpf_sock_ops *ops, int accepted,
					  struct splice_key *key)
{
	struct addr local, remote;

	__builtin_memset(key, 0, sizeof(*key));
	local_address(ops, &local);
	remote_address(ops, &remote);
	__builtin_memcpy(key->source, accepted ? remote.byte : local.byte, 16);
	__builtin_memcpy(key->to, accepted ? local.byte : remote.byte, 16);
	if (is_own(&local) || is_own(&remote))
		key->netns = bpf_get_netns_cookie(ops);
	key->source_port = accepted ? bpf_ntohl(ops->remote_port) : ops->local_port;
	key->to_port = accepted ? ops->local_port : bpf_ntohl(ops->remote_port);
}

/* NULL: of MPTCP, whose data does not pass the socket's own calls. */
static __always_inline struct tcp_sock *splice_sock(struct bpf_sock_ops *ops)
{
	struct bpf_sock *sk = ops->sk;

	if (!sk || bpf_skc_to_mptcp_sock(sk))
		return NULL;
	return bpf_skc_to_tcp_sock(sk);
}

static __noinline int want_put(struct bpf_sock_ops *ops, __u64 hold, __u32 met)
{
	struct splice_want want = {.hold = hold, .met = met};
	struct tcp_sock *tcp = splice_sock(ops);
	struct splice_end *last;
	struct splice_key key;
	struct bpf_sock *sk = ops->sk;

	if (!tcp || !sk)
		return 0;
	last = bpf_sk_storage_get(&splice_of, sk, 0, 0);
	if (last) { /* it connects again, and what was queued to it last time may still be there */
		last->peer = NO_PEER;
		last->at = 0;
		return 0;
	}
	want.mark = want.mark_too = bpf_get_socket_cookie(ops);
	want.at = (__u64)tcp;
	want.sequence = tcp->write_seq;
	splice_key_of(ops, 0, &key);
	return bpf_map_update_elem(&splice_wants, &key, &want, BPF_ANY);
}

static __always_inline int caller_asks(__u64 netns)
{
	__u64 word = 0;

	return find_caller(netns, &word) == KNOWN && word >> CALLER_SHIFT & CALLER_SPLICE;
}

static __always_inline int cluster_asks(__u64 hold)
{
	__u32 slot = hold & HOLD_CLUSTER_MASK;
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &slot);

	return state && *(volatile __u32 *)&state->rules & RULES_SPLICE;
}

static __always_inline int splice_asked(const struct flow *flow, __u32 mode)
{
	if (mode & SPLICE_ALL || flow->splice == FLOW_SPLICE)
		return FLOW_SPLICE;
	if (flow->splice == FLOW_SPLICE_SERVER) {
		if (flow->hold & HOLD_HELD && cluster_asks(flow->hold))
			return FLOW_SPLICE;
		return mode & SPLICE_CALLERS ? FLOW_SPLICE_SERVER : FLOW_SPLICE_NOT;
	}
	return mode & SPLICE_CALLERS && caller_asks(flow->netns) ? FLOW_SPLICE : FLOW_SPLICE_NOT;
}

/* The client's SYN is about to go. */
static __always_inline void splice_ask(struct bpf_sock_ops *ops, struct flow *flow)
{
	__u32 mode = splice_mode();

	if (!flow || (!(flow->hold & HOLD_HELD) && flow->steered != FLOW_TO_PROXY &&
		      flow->splice != FLOW_SPLICE_SERVER))
		return;
	flow->splice = splice_begins(mode) ? splice_asked(flow, mode) : FLOW_SPLICE_NOT;
	if (flow->splice)
		want_put(ops, flow->hold & HELD_BY,
			 flow->splice == FLOW_SPLICE_SERVER ? SPLICE_SERVER : 0);
}

static __noinline int want_met(struct bpf_sock_ops *ops)
{
	struct splice_want *want;
	struct splice_key key;

	splice_key_of(ops, 1, &key);
	want = bpf_map_lookup_elem(&splice_wants, &key);
	if (!want)
		return 0;
	if (!(want->met & SPLICE_SERVER) || caller_asks(bpf_get_netns_cookie(ops)))
		__sync_fetch_and_or(&want->met, SPLICE_MET);
	return 0;
}

/* A SYN has come to a listener: there is no socket yet, but now the client's peer will be here. */
static __always_inline void splice_meet(struct bpf_sock_ops *ops)
{
	if (!ops->is_fullsock && splice_begins(splice_mode()))
		want_met(ops);
}

static __noinline int client_enter(struct bpf_sock_ops *ops)
{
	__u64 cookie = bpf_get_socket_cookie(ops);
	struct splice_end end = {0};
	struct splice_want *want;
	struct splice_key key;
	struct bpf_sock *sk;

	splice_key_of(ops, 0, &key);
	want = bpf_map_lookup_elem(&splice_wants, &key);
	if (!want || want->mark != cookie)
		return 0;
	if (!(*(volatile __u32 *)&want->met & SPLICE_MET)) {
		bpf_map_delete_elem(&splice_wants, &key);
		return 0;
	}
	end.hold = want->hold;
	sk = ops->sk;
	if (!sk || !bpf_sk_storage_get(&splice_of, sk, &end, BPF_SK_STORAGE_GET_F_CREATE))
		return 0;
	if (bpf_sock_hash_update(ops, &splices, &cookie, BPF_ANY))
		COUNT(splice_full);
	else
		__sync_fetch_and_or(&want->met, SPLICE_JOINED);
	return 0;
}

/* The client is established, before its peer is. */
static __always_inline void splice_enter(struct bpf_sock_ops *ops, const struct flow *flow)
{
	if (flow && flow->splice)
		client_enter(ops);
}

/* The client's end has closed before it was established. */
static __noinline int splice_forget(struct bpf_sock_ops *ops)
{
	struct splice_key key;

	splice_key_of(ops, 0, &key);
	return bpf_map_delete_elem(&splice_wants, &key);
}

/* The socket is what the want says it is, and the connection is this one. */
static __always_inline int splice_is_of(const struct splice_want *want, __u32 next)
{
	const struct sock *client = (const struct sock *)want->at;
	__u64 cookie = 0;

	if (want->mark != want->mark_too || !(want->met & SPLICE_JOINED) ||
	    want->sequence + 1 != next)
		return 0;
	bpf_core_read(&cookie, sizeof(cookie), &client->__sk_common.skc_cookie.counter);
	return cookie == want->mark;
}

static __noinline int server_join(struct bpf_sock_ops *ops)
{
	__u64 cookie = bpf_get_socket_cookie(ops);
	struct splice_peer peer = {.cookie = cookie};
	struct splice_end end = {.accepted = 1};
	struct splice_want *found, want;
	struct splice_key key;
	struct tcp_sock *tcp;
	struct bpf_sock *sk;

	splice_key_of(ops, 1, &key);
	found = bpf_map_lookup_elem(&splice_wants, &key);
	if (!found)
		return 0;
	want = *found;
	tcp = splice_sock(ops);
	if (!tcp || !splice_is_of(&want, ops->rcv_nxt))
		return 0;
	peer.mark = peer.mark_too = want.mark;
	peer.at = (__u64)tcp;
	end.peer = want.mark;
	end.at = want.at;
	end.hold = want.hold;
	sk = ops->sk;
	bpf_map_delete_elem(&splice_wants, &key);
	if (!sk || !bpf_sk_storage_get(&splice_of, sk, &end, BPF_SK_STORAGE_GET_F_CREATE))
		return 0;
	if (bpf_sock_hash_update(ops, &splices, &cookie, BPF_ANY) ||
	    bpf_map_update_elem(&splice_peers, &want.mark, &peer, BPF_ANY)) {
		COUNT(splice_full);
		return 0;
	}
	COUNT(spliced);
	return 0;
}

/* What the client has not looked for, as it never sent; either end may be the last. */
static __noinline int peer_forget(struct bpf_sock *sk, struct splice_end *end)
{
	__u64 client;

	if (!end || (!end->accepted && end->peer))
		return 0;
	client = end->accepted ? end->peer : bpf_get_socket_cookie(sk);
	return bpf_map_delete_elem(&splice_peers, &client);
}

/* The last descriptor of a socket is closed: it sends no more. */
static __always_inline void splice_leave(struct bpf_sock *sk)
{
	struct splice_end *end = bpf_sk_storage_get(&splice_of, sk, 0, 0);
	struct traffic *t;

	if (!end)
		return;
	peer_forget(sk, end);
	if (!end->bytes || !end->hold)
		return;
	t = traffic_of(end->hold);
	if (t)
		__sync_fetch_and_add(end->accepted ? &t->spliced_received : &t->spliced_sent,
				     end->bytes);
}

/* A connection is accepted: of whatever server, hence the look at the mode first. */
static __always_inline void splice_join(struct bpf_sock_ops *ops)
{
	if (splice_begins(splice_mode()))
		server_join(ops);
}

#endif

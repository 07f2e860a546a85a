/* SPDX-License-Identifier: GPL-2.0 */
/* Whether the L7 proxy can take a connection, and where it listens for this caller. */
#ifndef BPF_PROXY_H
#define BPF_PROXY_H

#include "begin.h"
#include "maps.h"

/* The socket is gone with the process; a process that hangs no longer writes the page. */
static __always_inline int proxy_serves(void)
{
	__u32 zero = 0;
	struct bpf_sock *sk = bpf_map_lookup_elem(&proxy_alive, &zero);
	__u64 *beat;

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	beat = bpf_map_lookup_elem(&heartbeat, &zero);
	return beat && (__s64)(bpf_ktime_get_ns() - *(volatile __u64 *)beat) < PROXY_HUNG_NS;
}

/* In host order; 0: it does not listen there, or the socket is bound to a device that loopback
 * cannot be reached by. */
static __always_inline __u16 proxy_port(struct bpf_sock_addr *ctx, int ipv6)
{
	__u64 netns = bpf_get_netns_cookie(ctx);
	__u64 *word = bpf_map_lookup_elem(&listeners, &netns);

	if (!word || !ctx->sk || ctx->sk->bound_dev_if)
		return 0;
	return listener_port(*(volatile __u64 *)word, netns, ipv6);
}

/* What the proxy dials is never steered: it has decided already. */
static __always_inline int is_proxy(void)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c && c->proxy == bpf_get_current_cgroup_id();
}

/* Aims at the proxy's listener in the caller's own network namespace. 0: it cannot take it. */
static __noinline int to_proxy(struct bpf_sock_addr *ctx, struct dial *dial,
			       const struct route *route)
{
	struct flow *flow;
	__u16 port;

	if (!proxy_serves())
		return 0;
	port = proxy_port(ctx, dial->ipv6);
	if (!port) {
		COUNT(no_listener);
		return 0;
	}
	flow = ctx->sk ? bpf_sk_storage_get(&flows, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE) : NULL;
	if (!flow)
		return 0;
	if (dial->ipv6) {
		__builtin_memset(&dial->to, 0, sizeof(dial->to));
		dial->to.word[3] = bpf_htonl(1);
	} else {
		addr_of_ip4(&dial->to, bpf_htonl(0x7f000001));
	}
	dial->to_port = port;
	flow_begin(flow, dial, route, FLOW_TO_PROXY);
	COUNT(proxied);
	return 1;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Connections of a socket to the L7 proxy, at its listener in the socket's network namespace. */
#ifndef BPF_SOCKET_PROXY_H
#define BPF_SOCKET_PROXY_H

#include "begin.h"
#include "proxy.h"

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

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Connections of a captured pod to the L7 proxy. The pod's listener stands in the namespace of the
 * host, on loopback, where packets from elsewhere never come: so these go to an address of the host,
 * where nothing listens, and the listener is found for them.
 */
#ifndef BPF_POD_PROXY_H
#define BPF_POD_PROXY_H

#include <linux/in.h>
#include "conn_original.h"
#include "proxy.h"

static __always_inline __u16 pod_listener(const struct captured *pod, int ipv6)
{
	__u64 netns = pod->netns, *word = bpf_map_lookup_elem(&listeners, &netns);

	return word ? listener_port(*(volatile __u64 *)word, netns, ipv6) : 0;
}

/* Where the proxy is for the pod, into *dial. 0: it cannot take the connection. */
static __noinline int pod_to_proxy(const struct captured *pod, struct dial *dial)
{
	const __u8 *at = dial->ipv6 ? pod->ipv6 : pod->ipv4;
	struct addr a;
	__u16 port;

	if (!proxy_serves())
		return 0;
	__builtin_memcpy(a.byte, at, 16);
	port = pod_listener(pod, dial->ipv6);
	if (!port || !(a.word[0] | a.word[1] | a.word[2] | a.word[3])) {
		COUNT(no_listener);
		return 0;
	}
	dial->to = a;
	dial->to_port = port;
	return 1;
}

static __noinline int conn_original_keep(const struct conn *c)
{
	struct original original = {};
	struct original_key key;

	__builtin_memcpy(original.address, c->service.address, 16);
	original.port = c->service.port;
	if (original_key_of(c, &key) || bpf_map_update_elem(&originals, &key, &original, BPF_ANY))
		COUNT(no_original);
	return 0;
}

/*
 * Who gets a new connection that comes to the port of a pod's listener at an address of the host: that
 * listener, if it is one that was steered so, by a packet of the pod's.
 */
static __always_inline int give_to_listener(struct bpf_sk_lookup *ctx)
{
	struct original_key key = {};
	__u32 zero = 0, at = ctx->local_port;
	struct control *node;
	struct bpf_sock *sk;
	struct addr a;

	node = bpf_map_lookup_elem(&control, &zero);
	if (ctx->protocol != IPPROTO_TCP || !node)
		return SK_PASS;
	if (ctx->family == FAMILY_IPV4) {
		addr_of_ip4(&a, ctx->remote_ip4);
	} else {
		a.word[0] = ctx->remote_ip6[0];
		a.word[1] = ctx->remote_ip6[1];
		a.word[2] = ctx->remote_ip6[2];
		a.word[3] = ctx->remote_ip6[3];
		at |= POD_LISTENER_IPV6;
	}
	__builtin_memcpy(key.source, a.byte, 16);
	key.netns = node->host;
	key.source_port = bpf_ntohs(ctx->remote_port);
	key.port = ctx->local_port;
	if (!bpf_map_lookup_elem(&originals, &key))
		return SK_PASS;
	sk = bpf_map_lookup_elem(&pod_listeners, &at);
	if (!sk)
		return SK_PASS;
	bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return SK_PASS;
}

#endif

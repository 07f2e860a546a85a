/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a connection to the proxy dialled, from the client's socket to the accepted one. The client
 * has no source port before its SYN, and the proxy's end does not exist before the handshake ends.
 */
#ifndef BPF_ORIGINAL_H
#define BPF_ORIGINAL_H

#include <linux/in.h>
#include "addr.h"
#include "maps.h"

static __always_inline void local_address(struct bpf_sock_ops *ops, struct addr *out)
{
	if (ops->family == FAMILY_IPV4) {
		addr_of_ip4(out, ops->local_ip4);
		return;
	}
	out->word[0] = ops->local_ip6[0];
	ctx_barrier();
	out->word[1] = ops->local_ip6[1];
	ctx_barrier();
	out->word[2] = ops->local_ip6[2];
	ctx_barrier();
	out->word[3] = ops->local_ip6[3];
	ctx_barrier();
}

static __always_inline void remote_address(struct bpf_sock_ops *ops, struct addr *out)
{
	if (ops->family == FAMILY_IPV4) {
		addr_of_ip4(out, ops->remote_ip4);
		return;
	}
	out->word[0] = ops->remote_ip6[0];
	ctx_barrier();
	out->word[1] = ops->remote_ip6[1];
	ctx_barrier();
	out->word[2] = ops->remote_ip6[2];
	ctx_barrier();
	out->word[3] = ops->remote_ip6[3];
	ctx_barrier();
}

static __always_inline void key_of_client(struct bpf_sock_ops *ops, struct original_key *key)
{
	struct addr a;

	__builtin_memset(key, 0, sizeof(*key));
	local_address(ops, &a);
	__builtin_memcpy(key->source, a.byte, 16);
	key->netns = bpf_get_netns_cookie(ops);
	key->source_port = ops->local_port;
	key->port = bpf_ntohl(ops->remote_port);
}

static __always_inline void original_keep(struct bpf_sock_ops *ops, const struct flow *flow)
{
	struct original original = {.port = flow->service.port};
	struct original_key key;

	__builtin_memcpy(original.address, flow->service.address, 16);
	key_of_client(ops, &key);
	if (bpf_map_update_elem(&originals, &key, &original, BPF_ANY))
		COUNT(no_original);
}

/* The client's end has closed; there is something left when the proxy's end never came to be. */
static __always_inline void original_forget(struct bpf_sock_ops *ops)
{
	struct original_key key;

	key_of_client(ops, &key);
	bpf_map_delete_elem(&originals, &key);
}

static __always_inline int is_loopback(const struct addr *a)
{
	if (addr_is_ip4(a))
		return a->word[3] == bpf_htonl(0x7f000001);
	return !a->word[0] && !a->word[1] && !a->word[2] && a->word[3] == bpf_htonl(1);
}

/* Packets of captured pods come to the proxy at an address of the host. */
static __always_inline int some_captured(void)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c && c->callers & CALLERS_CAPTURED;
}

/* Any server's new connection passes here, hence the look at its address first. */
static __always_inline void original_accept(struct bpf_sock_ops *ops)
{
	struct original_key key = {0};
	struct original *found, original;
	struct bpf_sock *sk;
	struct addr a;

	local_address(ops, &a);
	if (!is_loopback(&a) && !some_captured())
		return;
	remote_address(ops, &a);
	__builtin_memcpy(key.source, a.byte, 16);
	key.netns = bpf_get_netns_cookie(ops);
	key.source_port = bpf_ntohl(ops->remote_port);
	key.port = ops->local_port;
	found = bpf_map_lookup_elem(&originals, &key);
	sk = ops->sk;
	if (!found || !sk)
		return;
	original = *found;
	if (!bpf_sk_storage_get(&original_of, sk, &original, BPF_SK_STORAGE_GET_F_CREATE))
		COUNT(no_original);
	bpf_map_delete_elem(&originals, &key);
}

#endif

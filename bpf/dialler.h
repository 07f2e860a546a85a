/* SPDX-License-Identifier: GPL-2.0 */
/* What a socket's hooks have in common: who dials, and how a call is refused. */
#ifndef BPF_DIALLER_H
#define BPF_DIALLER_H

#include <asm-generic/errno.h>
#include <linux/in.h>
#include "decide.h"

/* Ping sockets and others dial, too. */
static __always_inline int is_dialled(struct bpf_sock_addr *ctx)
{
	return ctx->protocol == IPPROTO_TCP || ctx->protocol == IPPROTO_UDP;
}

static __always_inline void dial_init(struct bpf_sock_addr *ctx, struct dial *dial)
{
	__builtin_memset(dial, 0, sizeof(*dial));
	dial->netns = bpf_get_netns_cookie(ctx);
	dial->key.port = bpf_ntohs(ctx->user_port);
	dial->key.protocol = ctx->protocol;
	dial->key.scope = SCOPE_ALL;
}

/* When dial->ipv6 is known. A socket that is not bound has no address yet. */
static __always_inline void dial_from(struct bpf_sock_addr *ctx, struct dial *dial)
{
	struct bpf_sock *sk = ctx->sk;

	if (!sk)
		return;
	if (dial->ipv6) {
		dial->from.word[0] = sk->src_ip6[0];
		dial->from.word[1] = sk->src_ip6[1];
		dial->from.word[2] = sk->src_ip6[2];
		dial->from.word[3] = sk->src_ip6[3];
	} else if (sk->src_ip4) {
		addr_of_ip4(&dial->from, sk->src_ip4);
	}
}

/* A program of type sock_addr lets the call go on with 1 and ends it with 0 and a return value. */
static __always_inline int refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return 0;
}

/* What the hook says, and where the socket goes instead of what it dialled. */
static __always_inline int reply_ip4(struct bpf_sock_addr *ctx, enum verdict verdict,
				     const struct dial *dial)
{
	if (verdict == REFUSE)
		return refuse();
	if (verdict == STEER) {
		ctx->user_ip4 = dial->to.word[3];
		ctx->user_port = bpf_htons(dial->to_port);
	}
	return 1;
}

static __always_inline int reply_ip6(struct bpf_sock_addr *ctx, enum verdict verdict,
				     const struct dial *dial)
{
	if (verdict == REFUSE)
		return refuse();
	if (verdict == STEER) {
		addr_to_ip6(ctx, &dial->to);
		ctx->user_port = bpf_htons(dial->to_port);
	}
	return 1;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of both families as 16 bytes, to and from the contexts of the socket hooks. */
#ifndef BPF_ADDR_H
#define BPF_ADDR_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FAMILY_IPV4 2 /* AF_INET, of a header that BPF programs cannot include */

/* Keeps the compiler from merging accesses to ctx fields, which the verifier refuses. */
#define ctx_barrier() asm volatile("" ::: "memory")

struct addr {
	union {
		__u8 byte[16];
		__be32 word[4];
	};
};

static __always_inline void addr_of_ip4(struct addr *a, __be32 ip)
{
	a->word[0] = 0;
	a->word[1] = 0;
	a->word[2] = bpf_htonl(0xffff);
	a->word[3] = ip;
}

static __always_inline int addr_is_ip4(const struct addr *a)
{
	return !a->word[0] && !a->word[1] && a->word[2] == bpf_htonl(0xffff);
}

static __always_inline void addr_of_ip6(struct addr *a, struct bpf_sock_addr *ctx)
{
	a->word[0] = ctx->user_ip6[0];
	ctx_barrier();
	a->word[1] = ctx->user_ip6[1];
	ctx_barrier();
	a->word[2] = ctx->user_ip6[2];
	ctx_barrier();
	a->word[3] = ctx->user_ip6[3];
	ctx_barrier();
}

static __always_inline void addr_to_ip6(struct bpf_sock_addr *ctx, const struct addr *a)
{
	ctx->user_ip6[0] = a->word[0];
	ctx_barrier();
	ctx->user_ip6[1] = a->word[1];
	ctx_barrier();
	ctx->user_ip6[2] = a->word[2];
	ctx_barrier();
	ctx->user_ip6[3] = a->word[3];
	ctx_barrier();
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * getsockopt(SO_ORIGINAL_DST) of the proxy: what the client of an accepted socket dialled. Attached
 * to the proxy's own cgroup, as it costs every getsockopt there.
 */
#include <asm-generic/errno-base.h>
#include "addr.h"
#include "maps.h"

char _license[] SEC("license") = "GPL";

#define LEVEL_IPV4 0 /* SOL_IP, SOL_IPV6 */
#define LEVEL_IPV6 41
#define ORIGINAL_DST 80 /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST */
#define FAMILY_IPV4 2
#define FAMILY_IPV6 10

/* struct sockaddr_in and sockaddr_in6 */
struct sockaddr4 {
	__u16 family;
	__be16 port;
	__be32 address;
	__u8 zero[8];
};
struct sockaddr6 {
	__u16 family;
	__be16 port;
	__be32 flow;
	__u8 address[16];
	__u32 scope;
};

static __always_inline int answer4(struct bpf_sockopt *ctx, const struct original *original)
{
	struct sockaddr4 *out = ctx->optval;
	struct addr a;

	__builtin_memcpy(a.byte, original->address, 16);
	if (!addr_is_ip4(&a))
		return -ENOENT;
	if ((void *)(out + 1) > ctx->optval_end)
		return -EINVAL;
	__builtin_memset(out, 0, sizeof(*out));
	out->family = FAMILY_IPV4;
	out->port = bpf_htons(original->port);
	out->address = a.word[3];
	ctx->optlen = sizeof(*out);
	return 0;
}

static __always_inline int answer6(struct bpf_sockopt *ctx, const struct original *original)
{
	struct sockaddr6 *out = ctx->optval;

	if ((void *)(out + 1) > ctx->optval_end)
		return -EINVAL;
	__builtin_memset(out, 0, sizeof(*out));
	out->family = FAMILY_IPV6;
	out->port = bpf_htons(original->port);
	__builtin_memcpy(out->address, original->address, 16);
	ctx->optlen = sizeof(*out);
	return 0;
}

/* -ENOENT also where connection tracking knows an answer: that is the listener itself. */
SEC("cgroup/getsockopt")
int original_dst(struct bpf_sockopt *ctx)
{
	struct original *original;
	int err = -ENOENT;

	if (ctx->optname != ORIGINAL_DST ||
	    (ctx->level != LEVEL_IPV4 && ctx->level != LEVEL_IPV6)) {
		if (ctx->optlen > 4096) /* more than programs are shown: the kernel's answer stands */
			ctx->optlen = 0;
		return 1;
	}
	original = ctx->sk ? bpf_sk_storage_get(&original_of, ctx->sk, 0, 0) : NULL;
	if (original)
		err = ctx->level == LEVEL_IPV4 ? answer4(ctx, original) : answer6(ctx, original);
	bpf_set_retval(err);
	return 1;
}

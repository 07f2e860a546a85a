/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Socket options of the proxy: what the client of an accepted socket dialled, and a place among the
 * connections of a cluster for one that it opens. Attached to the proxy's own cgroup, as they cost
 * every getsockopt and setsockopt there.
 */
#include <asm-generic/errno.h>
#include "addr.h"
#include "hold.h"
#include "maps.h"

char _license[] SEC("license") = "GPL";

#define LEVEL_IPV4 0 /* SOL_IP, SOL_IPV6 */
#define LEVEL_IPV6 41
#define ORIGINAL_DST 80 /* SO_ORIGINAL_DST and IP6T_SO_ORIGINAL_DST */
#define FAMILY_IPV6 10

#define LONGEST 4096 /* bytes of an option that programs are shown */

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

/* Of what is longer than programs are shown: the kernel's own bytes stand. */
static __always_inline void pass_long(struct bpf_sockopt *ctx)
{
	if (ctx->optlen > LONGEST)
		ctx->optlen = 0;
}

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
		pass_long(ctx);
		return 1;
	}
	original = ctx->sk ? bpf_sk_storage_get(&original_of, ctx->sk, 0, 0) : NULL;
	if (original)
		err = ctx->level == LEVEL_IPV4 ? answer4(ctx, original) : answer6(ctx, original);
	bpf_set_retval(err);
	return 1;
}

/* The place goes with the socket, as that of a caller who is steered: see shunt/flow.h. */
static __always_inline int place_take(struct bpf_sock *sk, const struct proxy_place *place)
{
	__u64 epoch = hold_epoch();
	struct cluster_state *state;
	__u32 slot = place->state;
	struct flow *flow;

	state = bpf_map_lookup_elem(&cluster_state, &slot);
	if (!state || !place->generation || state->generation != place->generation)
		return -ESTALE;
	flow = bpf_sk_storage_get(&flows, sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!flow)
		return -ENOMEM;
	if (*(volatile __u64 *)&flow->hold & HOLD_HELD)
		return -EALREADY;
	if (!reserve(state, place->max, active_one(epoch)))
		return -EUSERS;
	__sync_fetch_and_add(&state->opened, 1);
	flow->layout = SHUNT_LAYOUT;
	flow->steered = FLOW_AS_DIALLED;
	flow->phase = FLOW_PLACED;
	flow->since = bpf_ktime_get_ns();
	flow->pid = bpf_get_current_pid_tgid() >> 32;
	__sync_lock_test_and_set(&flow->hold,
				 HOLD_HELD | epoch | slot |
					 (__u64)(place->generation & HOLD_GENERATION_MASK)
						 << HOLD_GENERATION_SHIFT);
	return 0;
}

SEC("cgroup/setsockopt")
int take_place(struct bpf_sockopt *ctx)
{
	const struct proxy_place *place = ctx->optval;
	int err = -EINVAL;

	if (ctx->level != PLACE_LEVEL || ctx->optname != PLACE_TAKE) {
		pass_long(ctx);
		return 1;
	}
	if ((void *)(place + 1) <= ctx->optval_end && ctx->sk)
		err = place_take(ctx->sk, place);
	ctx->optlen = -1; /* the kernel knows no such option */
	if (!err)
		return 1;
	bpf_set_retval(err);
	return 0;
}

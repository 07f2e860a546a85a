/* SPDX-License-Identifier: GPL-2.0 */
/* connect(): the one moment at which a connection is steered; and getpeername(), which shows the
 * address that was dialled. */
#include "steer.h"

char _license[] SEC("license") = "GPL";

static __always_inline void dial_init(struct dial *dial, __u32 user_port)
{
	__builtin_memset(dial, 0, sizeof(*dial));
	dial->key.port = bpf_ntohs(user_port);
	dial->key.protocol = IPPROTO_TCP;
	dial->key.scope = SCOPE_ALL;
}

/* A program of type sock_addr lets the call go on with 1 and ends it with 0 and a return value. */
static __always_inline int refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return 0;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct dial dial;
	struct addr a;
	int verdict;

	if (ctx->protocol != IPPROTO_TCP)
		return 1;
	dial_init(&dial, ctx->user_port);
	addr_of_ip4(&a, ctx->user_ip4);
	__builtin_memcpy(dial.key.address, a.byte, 16);
	verdict = steer(ctx, &dial);
	if (verdict == REFUSE)
		return refuse();
	if (verdict == REWRITE) {
		ctx->user_ip4 = dial.to.word[3];
		ctx->user_port = bpf_htons(dial.to_port);
	}
	return 1;
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct dial dial;
	struct addr a;
	int verdict;

	if (ctx->protocol != IPPROTO_TCP)
		return 1;
	dial_init(&dial, ctx->user_port);
	addr_of_ip6(&a, ctx);
	__builtin_memcpy(dial.key.address, a.byte, 16);
	dial.ipv6 = !addr_is_ip4(&a);
	verdict = steer(ctx, &dial);
	if (verdict == REFUSE)
		return refuse();
	if (verdict == REWRITE) {
		addr_to_ip6(ctx, &dial.to);
		ctx->user_port = bpf_htons(dial.to_port);
	}
	return 1;
}

/* The flow of a socket whose address was rewritten; NULL: the address stands as it is. */
static __always_inline struct flow *steered_flow(struct bpf_sock_addr *ctx)
{
	struct flow *flow = ctx->sk ? bpf_sk_storage_get(&flows, ctx->sk, 0, 0) : NULL;

	return flow && flow->steered ? flow : NULL;
}

SEC("cgroup/getpeername4")
int getpeername4(struct bpf_sock_addr *ctx)
{
	struct flow *flow = steered_flow(ctx);

	if (flow) {
		ctx->user_ip4 = *(__be32 *)(flow->service.address + 12);
		ctx->user_port = bpf_htons(flow->service.port);
	}
	return 1;
}

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	struct flow *flow = steered_flow(ctx);
	struct addr dialled;

	if (flow) {
		__builtin_memcpy(dialled.byte, flow->service.address, 16);
		addr_to_ip6(ctx, &dialled);
		ctx->user_port = bpf_htons(flow->service.port);
	}
	return 1;
}

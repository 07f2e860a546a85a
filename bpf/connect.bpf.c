/* SPDX-License-Identifier: GPL-2.0 */
/* connect(): the one moment at which a connection is steered; and getpeername(), which shows the
 * address that was dialled. */
#include "dialler.h"
#include "steer.h"

char _license[] SEC("license") = "GPL";

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	struct dial dial;
	struct addr a;

	if (!is_dialled(ctx))
		return 1;
	dial_init(ctx, &dial);
	addr_of_ip4(&a, ctx->user_ip4);
	__builtin_memcpy(dial.key.address, a.byte, 16);
	dial_from(ctx, &dial);
	return reply_ip4(ctx, steer(ctx, &dial), &dial);
}

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	struct dial dial;
	struct addr a;

	if (!is_dialled(ctx))
		return 1;
	dial_init(ctx, &dial);
	addr_of_ip6(&a, ctx);
	__builtin_memcpy(dial.key.address, a.byte, 16);
	dial.ipv6 = !addr_is_ip4(&a);
	dial_from(ctx, &dial);
	return reply_ip6(ctx, steer(ctx, &dial), &dial);
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

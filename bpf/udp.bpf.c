/* SPDX-License-Identifier: GPL-2.0 */
/* Datagrams that name their destination, and what they are answered by. */
#include "dialler.h"
#include "udp.h"

char _license[] SEC("license") = "GPL";

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	struct dial dial;
	struct addr a;

	dial_init(ctx, &dial);
	if (!dial.key.port || dial.key.protocol != IPPROTO_UDP)
		return 1; /* none: a connected socket that sends options with it */
	addr_of_ip4(&a, ctx->user_ip4);
	__builtin_memcpy(dial.key.address, a.byte, 16);
	return reply_ip4(ctx, steer_datagram(ctx, &dial), &dial);
}

/* IPv4 destinations of an IPv6 socket come by sendmsg4. */
SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	struct dial dial;
	struct addr a;

	dial_init(ctx, &dial);
	if (!dial.key.port || dial.key.protocol != IPPROTO_UDP)
		return 1;
	addr_of_ip6(&a, ctx);
	__builtin_memcpy(dial.key.address, a.byte, 16);
	dial.ipv6 = 1;
	return reply_ip6(ctx, steer_datagram(ctx, &dial), &dial);
}

SEC("cgroup/recvmsg4")
int recvmsg4(struct bpf_sock_addr *ctx)
{
	struct service_key shown;
	struct addr from;

	addr_of_ip4(&from, ctx->user_ip4);
	if (shown_source(ctx, &from, bpf_ntohs(ctx->user_port), &shown)) {
		ctx->user_ip4 = *(__be32 *)(shown.address + 12);
		ctx->user_port = bpf_htons(shown.port);
	}
	return 1;
}

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	struct service_key shown;
	struct addr from;

	addr_of_ip6(&from, ctx);
	if (shown_source(ctx, &from, bpf_ntohs(ctx->user_port), &shown)) {
		__builtin_memcpy(from.byte, shown.address, 16);
		addr_to_ip6(ctx, &from);
		ctx->user_port = bpf_htons(shown.port);
	}
	return 1;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* As packets_test.bpf.c, of callers from outside by XDP. */
#include "../../bpf/outside.h"
#include "packets_input.h"

char _license[] SEC("license") = "GPL";

struct packets_input input = {}; /* user side writes it before it runs */
__u64 wrong = 0;		 /* packets that were not rewritten */

/* The packet of the next connection over the one that is there. */
static __noinline int put(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packets_head *h = data + 26;
	__u32 at = input.at;

	if ((void *)(h + 1) > end)
		return -1;
	if (++input.of_train >= input.train) {
		input.of_train = 0;
		input.at = (at + input.step) % input.connections;
	}
	*h = input.head;
	h->from = bpf_htonl(PACKETS_CALLERS + at / PACKETS_PORTS);
	h->to = input.service;
	h->from_port = bpf_htons(PACKETS_FIRST_PORT + at % PACKETS_PORTS);
	h->to_port = bpf_htons(input.service_port);
	return 0;
}

/* Without this the measured packet could be one that just passes. */
static __noinline int look(struct xdp_md *ctx, int verdict)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct packets_head *h = data + 26;

	if (verdict != XDP_PASS || (void *)(h + 1) > end || h->to == input.service)
		wrong++;
	return XDP_PASS;
}

SEC("xdp")
int comes(struct xdp_md *ctx)
{
	return driver_gets(ctx);
}

SEC("tc")
int goes(struct __sk_buff *skb)
{
	return node_sends(skb);
}

SEC("xdp")
int none(struct xdp_md *ctx)
{
	return put(ctx) ? XDP_DROP : look(ctx, XDP_PASS);
}

SEC("xdp")
int gets(struct xdp_md *ctx)
{
	return put(ctx) ? XDP_DROP : look(ctx, driver_gets(ctx));
}

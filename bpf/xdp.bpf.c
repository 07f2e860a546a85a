/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Callers from outside of the node: XDP, where the driver can; tc, which has what XDP leaves to it, and
 * the answers. A packet that XDP passes untouched meets the same connection there.
 */
#include "outside.h"

char _license[] SEC("license") = "GPL";

SEC("xdp")
int outside_xdp(struct xdp_md *ctx)
{
	return driver_gets(ctx);
}

SEC("tc")
int outside_in(struct __sk_buff *skb)
{
	return node_gets(skb);
}

SEC("tc")
int outside_out(struct __sk_buff *skb)
{
	return node_sends(skb);
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The host's side of the device of a pod whose sockets no hook sees, and of its way to the proxy. */
#define DIALLED_BY_PACKET
#include "pod.h"

char _license[] SEC("license") = "GPL";

SEC("tc")
int from_pod(struct __sk_buff *skb)
{
	return pod_sends(skb);
}

SEC("tc")
int to_pod(struct __sk_buff *skb)
{
	return pod_gets(skb);
}

SEC("sk_lookup")
int pod_listener_of(struct bpf_sk_lookup *ctx)
{
	return give_to_listener(ctx);
}

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packets of another connection each time a test run repeats: so what is measured is one packet of very
 * many, and not what entering the kernel for it costs.
 */
#define DIALLED_BY_PACKET
#include "../../bpf/pod.h"
#include "packets_input.h"

char _license[] SEC("license") = "GPL";

struct packets_input input = {}; /* user side writes it before it runs */
struct packets_head sent = {};	 /* programs alone; not on their stack, which is full */
__u64 wrong = 0;		 /* packets that were not rewritten, or not to where they should go */

/* The packet of the next connection over the one that is there. */
static __noinline int put(struct __sk_buff *skb, int answer)
{
	struct packets_head *h = &sent;
	__u32 at = input.at, i = at / PACKETS_PORTS, port = at % PACKETS_PORTS;

	if (++input.of_train >= input.train) {
		input.of_train = 0;
		input.at = (at + input.step) % input.connections;
	}
	*h = input.head;
	if (answer) {
		h->from = input.to;
		h->to = bpf_htonl(PACKETS_CALLERS + i);
		h->from_port = bpf_htons(input.to_port);
		h->to_port = bpf_htons(PACKETS_FIRST_PORT + port);
	} else {
		h->from = bpf_htonl(PACKETS_CALLERS + i);
		h->to = input.service;
		h->from_port = bpf_htons(PACKETS_FIRST_PORT + port);
		h->to_port = bpf_htons(input.service_port);
	}
	return bpf_skb_store_bytes(skb, 26, h, sizeof(*h), 0);
}

/* Without this the measured packet could be one that just passes. */
static __noinline int look(struct __sk_buff *skb, int verdict)
{
	__be32 now[2];

	if (verdict != TC_ACT_UNSPEC || bpf_skb_load_bytes(skb, 26, now, sizeof(now)) ||
	    (now[0] == sent.from && now[1] == sent.to))
		wrong++;
	return TC_ACT_UNSPEC;
}

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

SEC("tc")
int none(struct __sk_buff *skb)
{
	return put(skb, 0) ? TC_ACT_SHOT : look(skb, TC_ACT_UNSPEC);
}

SEC("tc")
int sends(struct __sk_buff *skb)
{
	return put(skb, 0) ? TC_ACT_SHOT : look(skb, pod_sends(skb));
}

SEC("tc")
int gets(struct __sk_buff *skb)
{
	return put(skb, 1) ? TC_ACT_SHOT : look(skb, pod_gets(skb));
}

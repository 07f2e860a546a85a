/* SPDX-License-Identifier: GPL-2.0 */
/* Tried at load on a connection of our own: is what is redirected counted as the reader's memory? */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} ends SEC(".maps");

SEC("sk_msg")
int to_second(struct sk_msg_md *msg)
{
	return bpf_msg_redirect_map(msg, &ends, 1, BPF_F_INGRESS);
}

/* SPDX-License-Identifier: GPL-2.0 */
/* The decision as the kernel builds it, fed with inputs from a map; pick_test.c compares. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "pick_input.h"

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PICK_INPUTS);
	__type(key, __u32);
	__type(value, struct pick_input);
} inputs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PICK_INPUTS);
	__type(key, __u32);
	__type(value, struct pick_output);
} outputs SEC(".maps");

/* The user side fills these once; slots beyond them wrap around, there and here. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PICK_BLOCKS);
	__type(key, __u32);
	__type(value, struct schedule);
} blocks SEC(".maps");

static __always_inline const struct schedule *read_schedule(__u32 slot)
{
	slot %= PICK_BLOCKS;
	return bpf_map_lookup_elem(&blocks, &slot);
}

static __always_inline __u64 read_active(__u32 slot)
{
	return active_of_slot(slot);
}

#include "pick.h"

static long pick_one(__u32 index, void *unused)
{
	struct pick_input *in = bpf_map_lookup_elem(&inputs, &index);
	struct pick_output *out = bpf_map_lookup_elem(&outputs, &index);

	(void)unused;
	if (!in || !out)
		return 1;
	out->cluster = pick_cluster(&in->route, in->turn);
	out->endpoint = pick_endpoint(&in->cluster, in->ipv6, in->next, in->random);
	return 0;
}

SEC("tc")
int pick_all(struct __sk_buff *skb)
{
	(void)skb;
	return bpf_loop(PICK_INPUTS, pick_one, NULL, 0) == PICK_INPUTS ? 0 : 1;
}

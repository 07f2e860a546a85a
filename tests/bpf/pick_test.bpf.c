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

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pick_records);
} records SEC(".maps");

static __always_inline struct pick_records *all_records(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&records, &zero);
}

#define READ(type_, name_, of_)                                                                   \
	static __always_inline const struct type_ *name_(__u32 slot)                              \
	{                                                                                         \
		struct pick_records *r = all_records();                                           \
                                                                                                  \
		return r ? &r->of_[slot % PICK_BLOCKS] : NULL;                                    \
	}

READ(schedule, read_schedule, schedules)
READ(chart, read_chart, charts)
READ(pool, read_pool, pools)
READ(endpoint, read_endpoint, endpoints)

static __always_inline __u64 read_active(const struct endpoint *e)
{
	return active_of_slot(e->state);
}

static __always_inline int read_out(const struct endpoint *e, __u64 now)
{
	return out_of_slot(e->state, now);
}

#define pick_loop(n, each, arg) bpf_loop(n, each, arg, 0)

#include "pick.h"

static long pick_one(__u32 index, void *unused)
{
	struct pick_input *in = bpf_map_lookup_elem(&inputs, &index);
	struct pick_output *out = bpf_map_lookup_elem(&outputs, &index);

	(void)unused;
	if (!in || !out)
		return 1;
	out->cluster = pick_cluster(&in->route, in->turn);
	out->endpoint = pick_endpoint(&in->cluster, &in->next, in->random, in->now, in->ipv6);
	out->next = in->next;
	return 0;
}

SEC("tc")
int pick_all(struct __sk_buff *skb)
{
	(void)skb;
	return bpf_loop(PICK_INPUTS, pick_one, NULL, 0) == PICK_INPUTS ? 0 : 1;
}

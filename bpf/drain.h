/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Live connections that have to go, be they of sockets or of packets: the walks over both count into
 * the same tallies, and take from the same orders.
 */
#ifndef BPF_DRAIN_H
#define BPF_DRAIN_H

#include <shunt/drain.h>
#include <shunt/rules.h>
#include "maps.h"
#include "traffic.h"

/* The maps below are the walks' own, never pinned. Clusters that are looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_CLUSTER_STATES);
	__type(key, __u32);
	__type(value, __u8);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DRAIN_TALLIES);
	__type(key, struct drain_key);
	__type(value, struct drain_tally);
} tallies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DRAIN_TALLIES);
	__type(key, struct drain_key);
	__type(value, struct drain_order);
} orders SEC(".maps");

__u64 watch_all = 0; /* 1: `watched` does not count */
__u64 nr_untold = 0; /* connections of kinds that `tallies` had no room for */

static __always_inline void tally(const struct drain_key *key, int connecting)
{
	struct drain_tally *of, none = {0};

	if (!watch_all && !bpf_map_lookup_elem(&watched, &key->cluster))
		return;
	of = bpf_map_lookup_elem(&tallies, key);
	if (!of) {
		bpf_map_update_elem(&tallies, key, &none, BPF_NOEXIST);
		of = bpf_map_lookup_elem(&tallies, key);
	}
	if (!of)
		nr_untold++;
	else if (connecting)
		of->connecting++;
	else
		of->connected++;
}

/* The order that it has to go by; NULL: it stays. */
static __always_inline struct drain_order *order_for(const struct drain_key *key, int connecting)
{
	struct drain_order *order = bpf_map_lookup_elem(&orders, key);

	return order && order->left && (!connecting || order->connecting) ? order : NULL;
}

/* `kind`: the event that it is told as. */
static __always_inline void count_leaving(__u64 hold, int kind)
{
	struct traffic *of = traffic_of(hold);

	if (kind == EVENT_DRAINED)
		COUNT(drained);
	else if (kind == EVENT_EXPIRED_IDLE)
		COUNT(expired_idle);
	else
		COUNT(expired_duration);
	if (of && kind == EVENT_DRAINED)
		__sync_fetch_and_add(&of->drained, 1);
	else if (of)
		__sync_fetch_and_add(&of->expired, 1);
}

/* What a cluster's RULES_IDLE or RULES_DURATION is, ns; 0: it has none. */
static __always_inline __u64 limit_of(__u32 cluster, __u32 rule)
{
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &cluster);
	struct cluster_rules *rules = bpf_map_lookup_elem(&cluster_rules, &cluster);

	if (!state || !rules || !(state->rules & rule))
		return 0;
	return rule == RULES_IDLE ? rules->idle_timeout : rules->max_duration;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Every map that outlives the programs: key -> value, who writes, who reads. All are pinned. */
#ifndef BPF_MAPS_H
#define BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <shunt/affinity.h>
#include <shunt/counters.h>
#include <shunt/endpoint.h>
#include <shunt/flow.h>
#include <shunt/limits.h>
#include <shunt/node.h>
#include <shunt/proxy.h>
#include <shunt/requests.h>
#include <shunt/rules.h>
#include <shunt/service.h>
#include <shunt/session.h>
#include <shunt/splice.h>
#include <shunt/traffic.h>

/* Records that the agent writes through a mapping and the programs read by slot. */
#define RECORDS(name_, type_, max_)                                                               \
	struct {                                                                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                 \
		__uint(map_flags, BPF_F_MMAPABLE);                                                \
		__uint(max_entries, max_);                                                        \
		__type(key, __u32);                                                               \
		__type(value, type_);                                                             \
	} name_ SEC(".maps")

/* what is dialled -> slot in service_slots; the agent inserts and deletes, never updates */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SHUNT_MAX_SERVICES);
	__type(key, struct service_key);
	__type(value, __u32);
} services SEC(".maps");

/* the subnets among what is dialled -> slot in service_slots; the agent inserts and deletes */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_SERVICES);
	__type(key, struct subnet_key);
	__type(value, __u32);
} service_subnets SEC(".maps");

RECORDS(service_slots, struct service, SHUNT_MAX_SERVICES); /* agent -> connect */
RECORDS(routes, struct route, SHUNT_MAX_ROUTES);	    /* agent -> connect */
RECORDS(schedules, struct schedule, SHUNT_MAX_SCHEDULE_BLOCKS); /* agent -> connect */
RECORDS(turns, struct turn, SHUNT_MAX_TURNS);		    /* connect counts */
RECORDS(clusters, struct cluster, SHUNT_MAX_CLUSTERS);	    /* agent -> connect */
RECORDS(pools, struct pool, SHUNT_MAX_POOLS);		    /* agent -> connect */
RECORDS(charts, struct chart, SHUNT_MAX_CHART_BLOCKS);	    /* agent -> connect */
RECORDS(endpoints, struct endpoint, SHUNT_MAX_ENDPOINTS);   /* agent -> connect */
RECORDS(cluster_state, struct cluster_state, SHUNT_MAX_CLUSTER_STATES);	   /* programs count */
RECORDS(endpoint_state, struct endpoint_state, SHUNT_MAX_ENDPOINT_STATES); /* programs count */
RECORDS(cluster_rules, struct cluster_rules, SHUNT_MAX_CLUSTER_STATES); /* agent -> programs */
RECORDS(traffic, struct traffic, SHUNT_MAX_CLUSTER_STATES);		/* programs count */
RECORDS(control, struct control, 1);			    /* agent -> all programs */

/* caller of a cluster -> the endpoint it keeps, see shunt/affinity.h; connect reads and writes */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SHUNT_MAX_AFFINITY);
	__type(key, struct affinity_key);
	__type(value, __u64);
} affinity SEC(".maps");

/* slot in cluster_state -> who that is; the agent writes, people read */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_CLUSTER_STATES);
	__type(key, __u32);
	__type(value, struct cluster_name);
} cluster_names SEC(".maps");

/* netns cookie -> slot in callers; the agent inserts and deletes, never updates */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_CALLERS);
	__type(key, __u64);
	__type(value, __u32);
} scopes SEC(".maps");

RECORDS(callers, struct caller, SHUNT_MAX_CALLERS); /* agent -> connect */

/* scope -> what it stands for; the agent writes, people read */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_SCOPES);
	__type(key, __u32);
	__type(value, struct scope_name);
} scope_names SEC(".maps");

/* socket -> its flow; connect writes, sockops and release return the reservation */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct flow);
} flows SEC(".maps");

/* UDP socket -> its conversations; for sendmsg and recvmsg alone */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct udp_sessions);
} udp_sessions SEC(".maps");

/* netns cookie -> the proxy's ports there, see listener_word; the agent writes, connect reads */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_LISTENERS);
	__type(key, __u64);
	__type(value, __u64);
} listeners SEC(".maps");

/* a listening socket that only the proxy holds, gone when it is; agent -> connect */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} proxy_alive SEC(".maps");

RECORDS(heartbeat, __u64, 1); /* CLOCK_MONOTONIC ns when the proxy last turned; it writes */

RECORDS(requests, struct requests, SHUNT_MAX_REQUESTS);	      /* the proxy counts */
RECORDS(proxy_turns, struct proxy_turn, SHUNT_MAX_PROXY_TURNS); /* the proxy counts */

/* first record in requests -> who that is; the agent writes, people read */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_REQUESTS);
	__type(key, __u32);
	__type(value, struct requests_name);
} requests_names SEC(".maps");

/* slot in proxy_turns -> whose turns they are; the agent writes, people read */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_PROXY_TURNS);
	__type(key, __u32);
	__type(value, struct turn_name);
} turn_names SEC(".maps");

/* connection on its way to the proxy -> what was dialled; from the client's SYN to the accept */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_ORIGINALS);
	__type(key, struct original_key);
	__type(value, struct original);
} originals SEC(".maps");

/* socket that the proxy accepted -> what its client dialled; sockops writes, getsockopt reads */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct original);
} original_of SEC(".maps");

/* device -> what it lends to callers from outside; the agent writes, XDP and tc read */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SHUNT_MAX_NODE_DEVICES);
	__type(key, struct node_device_key);
	__type(value, struct node_device);
} node_devices SEC(".maps");

/* client's cookie -> the socket that accepted it; from the accept to what the client sends first */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SHUNT_MAX_SPLICE_WANTS);
	__type(key, __u64);
	__type(value, struct splice_peer);
} splice_peers SEC(".maps");

/* connection to be spliced -> its client; from the client's SYN to the accept */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, SHUNT_MAX_SPLICE_WANTS);
	__type(key, struct splice_key);
	__type(value, struct splice_want);
} splice_wants SEC(".maps");

/* socket -> its peer, of those that are spliced; sockops writes, sk_msg reads */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct splice_end);
} splice_of SEC(".maps");

/* cookie of a socket -> itself; sockops enters it, its close takes it out */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, SHUNT_MAX_SPLICES);
	__type(key, __u64);
	__type(value, __u64);
} splices SEC(".maps");

/* every way out, per CPU */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct counters);
} counters SEC(".maps");

/* refusals and failures as they happen; the agent reads */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, SHUNT_EVENTS_BYTES);
} events SEC(".maps");

/*
 * Each CPU has its own record, but a program can be preempted or interrupted by another one on its
 * CPU between load and store: only an atomic add loses nothing.
 */
#define COUNT(field_) COUNT_MANY(field_, 1)
#define COUNT_MANY(field_, many_)                                                                 \
	do {                                                                                      \
		__u32 zero_ = 0;                                                                  \
		struct counters *c_ = bpf_map_lookup_elem(&counters, &zero_);                     \
		if (c_)                                                                           \
			__sync_fetch_and_add(&c_->field_, many_);                                 \
	} while (0)

#endif

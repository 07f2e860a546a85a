/* SPDX-License-Identifier: GPL-2.0 */
/*
 * connectTimeout and tcpKeepalive of a cluster on its sockets. The first is TCP_USER_TIMEOUT until
 * the connection is established, and the socket's own again from then on; below the second that the
 * kernel waits for an answer to the first SYN its timer has to be set as well.
 */
#ifndef BPF_TIMEOUTS_H
#define BPF_TIMEOUTS_H

#include <linux/in.h>
#include <shunt/flow.h>
#include "maps.h"

/* Of linux/tcp.h and asm-generic/socket.h, which do not go with bpf_helpers.h on every system. */
#define OPTION_KEEPALIVE 9 /* SO_KEEPALIVE of LEVEL_SOCKET */
#define LEVEL_SOCKET 1
#define OPTION_KEEP_IDLE 4 /* TCP_KEEPIDLE and so on */
#define OPTION_KEEP_INTERVAL 5
#define OPTION_KEEP_COUNT 6
#define OPTION_USER_TIMEOUT 18

#define SYN_TIMER_MS 1000 /* TCP_TIMEOUT_INIT */

/* The rules of a flow's cluster, where it has any of `which`. */
static __always_inline struct cluster_rules *timeouts_of(const struct flow *flow, __u32 which)
{
	__u32 slot = *(volatile __u64 *)&flow->hold & HOLD_CLUSTER_MASK;
	struct cluster_state *state = bpf_map_lookup_elem(&cluster_state, &slot);

	if (!state || !(state->rules & which))
		return NULL;
	return bpf_map_lookup_elem(&cluster_rules, &slot);
}

static __always_inline void set_option(struct bpf_sock_ops *ops, int level, int option, int value)
{
	if (value)
		bpf_setsockopt(ops, level, option, &value, sizeof(value));
}

/* At TCP_CONNECT_CB. A shorter time of the socket's own stands. */
static __always_inline void timeouts_begin(struct bpf_sock_ops *ops, struct flow *flow)
{
	struct cluster_rules *rules = timeouts_of(flow, RULES_CONNECT_TIMEOUT);
	int own = 0, wanted = rules ? (int)rules->connect_timeout : 0;

	flow->connect_timeout = 0;
	if (!wanted ||
	    bpf_getsockopt(ops, IPPROTO_TCP, OPTION_USER_TIMEOUT, &own, sizeof(own)) ||
	    (own && own <= wanted))
		return;
	flow->user_timeout = own;
	if (!bpf_setsockopt(ops, IPPROTO_TCP, OPTION_USER_TIMEOUT, &wanted, sizeof(wanted)))
		flow->connect_timeout = wanted;
}

/* At TIMEOUT_INIT, for the timer of the first SYN. */
static __always_inline void timeouts_first(struct bpf_sock_ops *ops, const struct flow *flow)
{
	__u32 zero = 0, ms = flow->connect_timeout;
	struct control *c;

	if (!ms || ms >= SYN_TIMER_MS)
		return;
	c = bpf_map_lookup_elem(&control, &zero);
	if (c && c->hz)
		ops->reply = (ms * c->hz + 999) / 1000;
}

/* When it is established, or has failed: a socket that failed can connect again. What the
 * application has set meanwhile stands. */
static __always_inline void timeouts_restore(struct bpf_sock_ops *ops, struct flow *flow)
{
	int own = flow->user_timeout, ours = flow->connect_timeout, now = 0;

	if (!ours)
		return;
	flow->connect_timeout = 0;
	if (!bpf_getsockopt(ops, IPPROTO_TCP, OPTION_USER_TIMEOUT, &now, sizeof(now)) && now == ours)
		bpf_setsockopt(ops, IPPROTO_TCP, OPTION_USER_TIMEOUT, &own, sizeof(own));
}

/* At ACTIVE_ESTABLISHED. */
static __always_inline void timeouts_keepalive(struct bpf_sock_ops *ops, const struct flow *flow)
{
	struct cluster_rules *rules = timeouts_of(flow, RULES_KEEPALIVE);

	if (!rules)
		return;
	set_option(ops, IPPROTO_TCP, OPTION_KEEP_IDLE, rules->keepalive_time);
	set_option(ops, IPPROTO_TCP, OPTION_KEEP_INTERVAL, rules->keepalive_interval);
	set_option(ops, IPPROTO_TCP, OPTION_KEEP_COUNT, rules->keepalive_probes);
	set_option(ops, LEVEL_SOCKET, OPTION_KEEPALIVE, 1);
}

#endif

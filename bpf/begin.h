/* SPDX-License-Identifier: GPL-2.0 */
/* What every steered connection's record says from the start, wherever it goes. */
#ifndef BPF_BEGIN_H
#define BPF_BEGIN_H

#include "dial.h"
#include "maps.h"

/* `steered`: FLOW_TO_*, or FLOW_AS_DIALLED. The hold is the caller's to write, and its last. */
static __always_inline void flow_begin(struct flow *flow, const struct dial *dial,
				       const struct route *route, int steered)
{
	flow->layout = SHUNT_LAYOUT;
	flow->plan = route->plan;
	flow->since = bpf_ktime_get_ns();
	flow->netns = dial->netns;
	flow->service = dial->key;
	__builtin_memcpy(flow->to, dial->to.byte, 16);
	flow->to_port = dial->to_port;
	flow->phase = FLOW_CONNECTING;
	flow->steered = steered;
	flow->splice = route->flags & ROUTE_SPLICE ? FLOW_SPLICE : FLOW_SPLICE_NOT;
	flow->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(flow->comm, sizeof(flow->comm));
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Events at connect: what happened to whom, for the agent and for people. */
#ifndef BPF_TELL_H
#define BPF_TELL_H

#include "addr.h"
#include "maps.h"

struct dial {
	struct service_key key; /* its address as dialled; v4-mapped counts as IPv4 */
	int ipv6;
	struct addr to; /* out: where it goes */
	__u16 to_port;
};

static __always_inline void tell(struct bpf_sock_addr *ctx, const struct dial *dial, int kind,
				 __u32 cluster)
{
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		COUNT(events_lost);
		return;
	}
	__builtin_memset(e, 0, sizeof(*e));
	e->time = bpf_ktime_get_ns();
	e->netns = bpf_get_netns_cookie(ctx);
	e->service = dial->key;
	e->cluster = cluster;
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->kind = kind;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
}

#endif

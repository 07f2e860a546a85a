/* SPDX-License-Identifier: GPL-2.0 */
/* Events at the beginning of a connection: what happened to whom, for the agent and for people. */
#ifndef BPF_TELL_H
#define BPF_TELL_H

#include "dial.h"
#include "event.h"

/* A socket's hook runs in the task that dials; a packet's does not, and says DIALLED_BY_PACKET. */
#ifndef DIALLED_BY_PACKET
static __always_inline void tell_task(struct event *e)
{
	e->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
}
#else
static __always_inline void tell_task(struct event *e)
{
	(void)e;
}
#endif

static __always_inline void tell(const struct dial *dial, int kind, __u32 cluster)
{
	struct event *e = event_begin(kind, cluster);

	if (!e)
		return;
	e->netns = dial->netns;
	e->service = dial->key;
	tell_task(e);
	bpf_ringbuf_submit(e, 0);
}

#endif

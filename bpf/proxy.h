/* SPDX-License-Identifier: GPL-2.0 */
/* Whether the L7 proxy can take connections, and which are its own. */
#ifndef BPF_PROXY_H
#define BPF_PROXY_H

#include "maps.h"

/* The socket is gone with the process; a process that hangs no longer writes the page. */
static __always_inline int proxy_serves(void)
{
	__u32 zero = 0;
	struct bpf_sock *sk = bpf_map_lookup_elem(&proxy_alive, &zero);
	__u64 *beat;

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	beat = bpf_map_lookup_elem(&heartbeat, &zero);
	return beat && (__s64)(bpf_ktime_get_ns() - *(volatile __u64 *)beat) < PROXY_HUNG_NS;
}

/* What the proxy dials is never steered: it has decided already. */
static __always_inline int is_proxy(void)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c && c->proxy == bpf_get_current_cgroup_id();
}

#endif

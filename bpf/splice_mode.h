/* SPDX-License-Identifier: GPL-2.0 */
/* What the agent says of splicing to all programs. */
#ifndef BPF_SPLICE_MODE_H
#define BPF_SPLICE_MODE_H

#include "maps.h"

static __always_inline __u32 splice_mode(void)
{
	__u32 zero = 0;
	struct control *c = bpf_map_lookup_elem(&control, &zero);

	return c ? *(volatile __u32 *)&c->splice : 0;
}

static __always_inline int splice_begins(__u32 mode)
{
	return (mode & (SPLICE_BOUNDED | SPLICE_PASS)) == SPLICE_BOUNDED;
}

#endif

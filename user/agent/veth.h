/* SPDX-License-Identifier: GPL-2.0 */
/* The host's ends of pods' devices: which network namespace each leads to. */
#ifndef AGENT_VETH_H
#define AGENT_VETH_H

#include "base/vec.h"

struct veth {
	unsigned index;
	int nsid; /* by which the host knows the namespace of its other end */
};
struct veths {
	VEC(struct veth) list;
};

/* Those of the caller's network namespace whose other end is in another one; -errno. */
int veths_read(struct veths *out);
/* By which the caller's network namespace knows the one at `path`; -1: it does not. */
int veth_nsid(const char *path);

#endif

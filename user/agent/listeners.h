/* SPDX-License-Identifier: GPL-2.0 */
/* Where the proxy is reached: a listener in the network namespace of the host and of each pod. */
#ifndef AGENT_LISTENERS_H
#define AGENT_LISTENERS_H

#include <stdbool.h>
#include <stdint.h>
#include "base/vec.h"

struct agent;
struct proxy_child;

struct listener_place {
	uint64_t netns; /* cookie */
	int fds[2];	/* 127.0.0.1, ::1; -1: none there. Kept, so that what waits in their queues
			 * outlives a proxy */
	uint16_t ports[2];
	uint32_t ids[2]; /* by which proxies know them; 0: nobody was told */
	uint32_t scope;
	bool captured; /* it stands in the host's namespace, for the packets of a pod */
	char *caller; /* "default/client"; "" the host */
	uint64_t tried; /* number of a scan, when it was last opened */
	bool wanted;
};
struct listeners {
	VEC(struct listener_place) list;
	uint64_t own; /* cookie of the host's namespace */
	uint32_t last_id;
};

/* -errno */
int listeners_open(struct agent *a);
/* Opens where pods have come, closes where they went, and tells the proxy who calls. */
void listeners_follow(struct agent *a);
/* Tells a new proxy of all of them. */
void listeners_tell(struct agent *a, struct proxy_child *c);
/* Resets what waits in their queues: there is no proxy that will accept it. */
void listeners_refuse(struct agent *a);
/* Connections are steered to these from here on, */
void listeners_point(struct agent *a);
/* and to none of an agent before this one. */
void listeners_forget(struct agent *a);
/* Closes all; nothing is steered to them any more. */
void listeners_close(struct agent *a);
/* Frees what is known, and leaves them to the proxy. */
void listeners_free(struct agent *a);

#endif

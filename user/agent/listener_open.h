/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens listeners in network namespaces. A socket belongs to the cgroup that it was made in, and
 * the proxy's getsockopt program looks at that: so a child joins the proxy's cgroup, goes from
 * namespace to namespace, and sends back what it opened.
 */
#ifndef AGENT_LISTENER_OPEN_H
#define AGENT_LISTENER_OPEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agent;

/* On 127.0.0.1 and ::1; port 0 and descriptor -1: none there. */
struct listener_pair {
	uint64_t netns; /* cookie of the callers' */
	uint16_t ports[2];
	bool captured;
	int fds[2];
};

/* Where listeners shall be, and for whom. */
struct listener_wish {
	uint64_t netns; /* cookie of the callers' */
	char *path;	/* file of the namespace to listen in */
	bool captured;	/* that is the host's: the callers come packet by packet */
};

/* `take` owns the descriptors. Namespaces that went meanwhile are left out; what is wrong with all of
 * them is said. */
void listener_pairs_open(struct agent *a, const struct listener_wish *wishes, size_t nr,
			 void (*take)(struct agent *a, const struct listener_pair *pair));
/* Of the network namespace that the process is in; -errno. */
int netns_cookie_own(uint64_t *cookie);

#endif

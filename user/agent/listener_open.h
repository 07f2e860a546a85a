/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Opens listeners in network namespaces. A socket belongs to the cgroup that it was made in, and
 * the proxy's getsockopt program looks at that: so a child joins the proxy's cgroup, goes from
 * namespace to namespace, and sends back what it opened.
 */
#ifndef AGENT_LISTENER_OPEN_H
#define AGENT_LISTENER_OPEN_H

#include <stddef.h>
#include <stdint.h>

struct agent;

/* On 127.0.0.1 and ::1; port 0 and descriptor -1: none there. */
struct listener_pair {
	uint64_t netns; /* cookie */
	uint16_t ports[2];
	int fds[2];
};

/* In the namespaces of these files; `take` owns the descriptors. Those that went meanwhile are left
 * out; what is wrong with all of them is said. */
void listener_pairs_open(struct agent *a, char *const *paths, size_t nr,
			 void (*take)(struct agent *a, const struct listener_pair *pair));
/* Of the network namespace that the process is in; -errno. */
int netns_cookie_own(uint64_t *cookie);

#endif

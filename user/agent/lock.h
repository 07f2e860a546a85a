/* SPDX-License-Identifier: GPL-2.0 */
/* One agent a root: a lock on /run/ROOT.lock, which names its owner. */
#ifndef AGENT_LOCK_H
#define AGENT_LOCK_H

#include <stdbool.h>
#include <sys/types.h>

struct lock {
	int fd;
	pid_t owner; /* who holds it, when taking it gave -EBUSY; 0: not known */
	char path[64];
};

/* 0, -EBUSY when an agent holds it, or -errno. */
int lock_take(const char *root, struct lock *out);
/* Ends the agent that holds it (SIGTERM) and waits up to 30 s for the lock; -ETIMEDOUT. */
int lock_take_over(const char *root, struct lock *out);
/* With `remove`, the file goes too. */
void lock_drop(struct lock *l, bool remove);

#endif

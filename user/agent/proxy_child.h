/* SPDX-License-Identifier: GPL-2.0 */
/* One process of the L7 proxy, from its start to its exit, and what is said to it. */
#ifndef AGENT_PROXY_CHILD_H
#define AGENT_PROXY_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/loop.h"
#include "proxy/control.h"

#define PROXY_DELAY_FIRST_MS 100
#define PROXY_DELAY_MOST_MS 2000 /* so that it serves within 3 s of its end */
#define PROXY_STEADY_NS 10000000000LL /* after one that ran so long the delay is the first again */
#define PROXY_LEAVE_MS 500 /* till what was steered to one that has to leave is accepted */

struct agent;

struct proxy_child {
	struct agent *a;
	pid_t pid;
	int pidfd, control;
	struct loop_source *exit, *messages;
	int64_t started;
	int64_t drain_end; /* when it is killed; 0: it was not told to drain */
	unsigned hung;	   /* looks at it in a row that found it hung */
	uint32_t taken;	   /* id of the table it has */
	unsigned unanswered; /* questions, see asks.h */
	bool serves;
	bool hangs; /* and was killed for that */
	struct proxy_child *next; /* draining */
};

/* -errno */
int proxy_child_start(struct agent *a, struct proxy_child **out);
/* `passed` -1: none; it stays the caller's. */
void proxy_child_tell(struct proxy_child *c, const struct control_message *m, int passed);
/* The last table of the agent, a memfd with its block. */
void proxy_child_tell_table(struct proxy_child *c, int table);
/* Waits till it has that, so that the kernel steers nothing to it that it does not know; not for
 * one that hangs, as nothing is steered to that. */
void proxy_child_wait(struct proxy_child *c);
/* The process goes on. */
void proxy_child_free(struct proxy_child *c);

/* The processes of the proxy's cgroup; a descriptor or -errno. */
int proxy_procs_open(struct agent *a, int flags);
int64_t monotonic_ns(void);

#endif

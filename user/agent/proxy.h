/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Supervision of the L7 proxy: a process of its own while the plan needs it, started again when it
 * ends. It outlives the agent, and the next agent takes over from it with a new one.
 */
#ifndef AGENT_PROXY_H
#define AGENT_PROXY_H

#include "agent/listeners.h"
#include "base/loop.h"
#include "proxy/control.h"

struct agent;
struct proxy_child;

struct agent_proxy {
	struct listeners listeners;
	struct proxy_child *child; /* NULL: none runs */
	struct loop_source *restart, *leave;
	uint64_t delay_ms; /* before the next start */
	int snapshot;	   /* memfd of the last table; -1: none */
	uint32_t snapshot_id;
	bool *dialled;	   /* port numbers that connections were steered here for, see snapshot_of */
	bool wanted;	   /* the plan needs it */
	bool idle;	   /* it does not, and nothing is left of it */
};

/* Before the first plan. -errno */
int agent_proxy_open(struct agent *a);
void agent_proxy_close(struct agent *a); /* the process goes on */
/* The plan is in force: a proxy that it does not need ends soon. */
void agent_proxy_settle(struct agent *a);
/* Connections are steered to it. */
bool agent_proxy_serves(const struct agent *a);
/* To the process, if one runs; `passed` -1: none, it stays the caller's. */
void agent_proxy_tell(struct agent *a, const struct control_message *m, int passed);

#endif

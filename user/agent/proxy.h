/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Supervision of the L7 proxy: a process of its own while the plan needs it, started again when it
 * ends or hangs. A planned restart starts the next one beside it, and the former one drains. It
 * outlives the agent, and the next agent takes over from it with a new one.
 */
#ifndef AGENT_PROXY_H
#define AGENT_PROXY_H

#include <jansson.h>
#include <sys/types.h>
#include "agent/listeners.h"
#include "base/loop.h"
#include "proxy/control.h"

struct agent;
struct parts;
struct proxy_child;

struct agent_proxy {
	struct listeners listeners;
	struct proxy_child *child;    /* the newest; NULL: none runs */
	struct proxy_child *former;   /* serves until `child` does; NULL: none */
	struct proxy_child *draining; /* those that serve nobody new */
	struct loop_source *restart, *leave, *watch;
	int64_t others_end; /* CLOCK_MONOTONIC ns, when those of an earlier agent are killed; 0: none */
	uint64_t delay_ms;  /* before the next start */
	unsigned restarts;
	char last_exit[64]; /* "signal 9 (Killed)"; "" none has ended unasked */
	struct parts *parts;  /* what it is told; NULL: nothing */
	uint32_t snapshot_id; /* number of the last table */
	bool wanted;	      /* the plan needs it */
	bool idle;	      /* it does not, and nothing is left of it */
	bool dead;	      /* none runs, and the next one starts when `restart` expires */
};

enum agent_proxy_state {
	AGENT_PROXY_OFF,      /* the plan does not need it, or it may not run */
	AGENT_PROXY_STARTING, /* and none serves meanwhile */
	AGENT_PROXY_RUNNING,
	AGENT_PROXY_HUNG, /* nothing is steered to it; it is killed if that goes on */
	AGENT_PROXY_DEAD, /* the next one starts soon */
};

/* What `status` tells. */
struct agent_proxy_facts {
	enum agent_proxy_state state;
	pid_t pid;	       /* of the one that serves or starts; 0: none */
	int64_t started;       /* CLOCK_MONOTONIC ns; 0: none runs */
	unsigned restarts;     /* after an end that nobody asked for, since the agent started */
	const char *last_exit; /* why the last of these was, "" none; lives as long as the agent */
	unsigned draining;     /* former ones that still end what they have, of this agent */
};

/* Before the first plan. -errno */
int agent_proxy_open(struct agent *a);
void agent_proxy_close(struct agent *a); /* the process goes on */
/* The plan is in force: a proxy that it does not need ends soon. */
void agent_proxy_settle(struct agent *a);
/* Connections are steered to it. */
bool agent_proxy_serves(const struct agent *a);
/* A new process takes over from the one that serves, which ends what it has. */
void agent_proxy_replace(struct agent *a);
void agent_proxy_facts(const struct agent *a, struct agent_proxy_facts *out);
const char *agent_proxy_state_name(enum agent_proxy_state state); /* "running" */
/* {"state", "pid", "uptime_seconds", "restarts", "last_exit", "draining"} */
json_t *agent_proxy_json(const struct agent *a);
/* To whoever accepts connections; `passed` -1: none, it stays the caller's. */
void agent_proxy_tell(struct agent *a, const struct control_message *m, int passed);

/* ---- of its processes, from proxy_child.c and proxy_watch.c ---- */

/* Tells it all of the last table. */
void agent_proxy_tell_all(struct agent *a, struct proxy_child *c);
/* It serves, so the one before it drains. */
void agent_proxy_served(struct agent *a, struct proxy_child *c);
/* Its process is gone; `status` as of waitpid. */
void agent_proxy_ended(struct agent *a, struct proxy_child *c, int status);
/* Of an agent before this one; they are sent this signal. */
void agent_proxy_signal_others(struct agent *a, int signal);

#endif

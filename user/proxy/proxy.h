/* SPDX-License-Identifier: GPL-2.0 */
/* The process of the L7 path: its workers, and the thread that the agent talks to. */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "proxy/listener.h"
#include "proxy/worker.h"

struct proxy_options {
	int control;		 /* a SOCK_SEQPACKET socket, see control.h */
	unsigned workers;	 /* 0: one for each CPU it may run on */
	size_t memory;		 /* bytes for connections and buffers; 0: the default */
	uint32_t uid, gid;	 /* to become; 0: stay */
	uint32_t head_timeout;	 /* ms, in which a request's head has to come; 0: the default */
	uint32_t idle_timeout;	 /* ms, between two requests; 0: the default */
	const char *access_log;	 /* NULL: none, till the agent passes one */
	bool log_json;
	const char *destination; /* "10.0.0.1:80", of all that is accepted: for tests; NULL */
};

enum proxy_stage {
	PROXY_SERVES,
	PROXY_DRAINS, /* accepts nothing more; what is open ends with its next answer */
	PROXY_ENDS,   /* what is idle is told so, and the process exits soon */
};

struct proxy {
	int control;	/* -1: the agent is gone */
	int alive;	/* a listener that nobody dials: the kernel sees when it is gone; -1: none */
	atomic_bool logging; /* there is an access log */
	bool log_json;
	atomic_int log_next; /* where it goes as soon as its thread looks; -1: where it went before */
	int log_wake;	     /* an eventfd */
	struct memory memory;
	int64_t head_timeout, idle_timeout; /* ns */
	struct worker *workers;
	unsigned nr_workers;
	struct listener *listeners;
	struct lasting lasting;
	struct snapshot *snapshots; /* the one in force first */
	bool fixed;		    /* what is accepted was dialled at: */
	struct inet fixed_address;
	uint16_t fixed_port;
	_Atomic(atomic_int_least64_t *) heartbeat; /* the agent's page; NULL: none */
	atomic_int stage;   /* enum proxy_stage; it only rises */
	int64_t drain_end;
	int64_t leave_end; /* when it drains without being told; 0: no signal has come */
	struct listing *listing; /* under way; NULL: none */
};

/* Runs until it is told to end; 0 or -errno, which has been said. */
int proxy_run(const struct proxy_options *o);

/* ---- for the workers ---- */

static inline enum proxy_stage proxy_stage(const struct proxy *p)
{
	return atomic_load_explicit(&p->stage, memory_order_relaxed);
}
static inline bool proxy_draining(const struct proxy *p)
{
	return proxy_stage(p) != PROXY_SERVES;
}
/* Where an accepted connection wanted to go; -errno. */
int proxy_destination(const struct proxy *p, int fd, struct inet *address, uint16_t *port);
unsigned proxy_clients(const struct proxy *p); /* connections that are open */
/* Sets the atomic_bool at this offset of every other worker, and wakes it. */
void proxy_wake_others(const struct worker *w, size_t offset);

#endif

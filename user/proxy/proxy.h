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
	const char *access_log;	 /* NULL: none */
	const char *destination; /* "10.0.0.1:80", of all that is accepted: for tests; NULL */
};

struct proxy {
	int control;	/* -1: the agent is gone */
	int access_log; /* -1: none */
	struct memory memory;
	struct worker *workers;
	unsigned nr_workers;
	struct listener *listeners;
	struct lasting lasting;
	struct snapshot *snapshots; /* the one in force first */
	bool fixed;		    /* what is accepted was dialled at: */
	struct inet fixed_address;
	uint16_t fixed_port;
	_Atomic(atomic_int_least64_t *) heartbeat; /* the agent's page; NULL: none */
	atomic_bool draining;
	int64_t drain_end;
};

/* Runs until it is told to end; 0 or -errno, which has been said. */
int proxy_run(const struct proxy_options *o);

/* ---- for the workers ---- */

static inline bool proxy_draining(const struct proxy *p)
{
	return atomic_load_explicit(&p->draining, memory_order_relaxed);
}
/* Where an accepted connection wanted to go; -errno. */
int proxy_destination(const struct proxy *p, int fd, struct inet *address, uint16_t *port);
/* Sets the atomic_bool at this offset of every other worker, and wakes it. */
void proxy_wake_others(const struct worker *w, size_t offset);

#endif

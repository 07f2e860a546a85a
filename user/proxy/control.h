/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What agent and proxy say to each other: messages over a SOCK_SEQPACKET socket, each one struct
 * and at most one descriptor beside it.
 */
#ifndef PROXY_CONTROL_H
#define PROXY_CONTROL_H

#include <stdint.h>

enum control_kind {
	/* agent to proxy */
	CONTROL_LISTENER = 1,  /* id, scope, caller, address; descriptor: a listening TCP socket */
	CONTROL_LISTENER_GONE, /* id: no more is accepted there, what is open goes on; number: id of
				* the one that has its socket now, 0: none */
	CONTROL_SNAPSHOT,      /* id; descriptor: a block (snapshot/block.h); answered by TAKEN */
	CONTROL_DRAIN,	   /* number: CLOCK_MONOTONIC ns at which the process ends at the latest */
	CONTROL_HEARTBEAT, /* descriptor: a page whose first 64-bit word gets CLOCK_MONOTONIC ns */
	CONTROL_STATS, /* id; number: enum control_stats; answered by COUNTS */
	/* proxy to agent */
	/* id of the snapshot; number: 0 or -errno, -ENOENT: a part that it does not bring is not there */
	CONTROL_TAKEN,
	CONTROL_COUNTS, /* id; number: 0 or -errno; descriptor: a memfd with what was asked for */
	CONTROL_LEAVING, /* it was asked to end, and serves until it is told to drain */
	/* agent to proxy, before the first table */
	CONTROL_REQUESTS, /* descriptor: the map `requests` */
	CONTROL_TURNS,	  /* descriptor: the map `proxy_turns` */
	/* at any time */
	CONTROL_LOG, /* descriptor: where the access log goes from now on */
};

enum control_stats {
	STATS_COUNTS,  /* JSON text */
	STATS_SLOTS,   /* of those two maps, see shared.h */
	STATS_CLIENTS, /* JSON text */
};

struct control_message {
	uint32_t kind;
	uint32_t id;
	uint32_t scope; /* of the callers that connect there */
	uint32_t unused;
	int64_t number;
	char caller[240]; /* "default/client", ends with NUL */
	uint8_t address[16]; /* the callers', as struct inet; all zero: not known */
};
_Static_assert(sizeof(struct control_message) == 280, "both sides read the same bytes");

/* `passed` -1: none; it stays the caller's. 0 or -errno. */
int control_send(int socket, const struct control_message *m, int passed);
/* 1: one message, and *passed belongs to the caller, -1 when there was none. 0: the peer is gone.
 * -errno; -EBADMSG: not a message. */
int control_receive(int socket, struct control_message *m, int *passed);

#endif

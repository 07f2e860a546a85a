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
	CONTROL_LISTENER = 1,  /* id, scope, caller; descriptor: a listening TCP socket */
	CONTROL_LISTENER_GONE, /* id: no more is accepted there, what is open goes on */
	CONTROL_SNAPSHOT,      /* id; descriptor: a block (snapshot/block.h); answered by TAKEN */
	CONTROL_DRAIN,	   /* number: CLOCK_MONOTONIC ns at which the process ends at the latest */
	CONTROL_HEARTBEAT, /* descriptor: a page whose first 64-bit word gets CLOCK_MONOTONIC ns */
	CONTROL_STATS,	   /* id; answered by COUNTS */
	/* proxy to agent */
	CONTROL_TAKEN,	/* id of the snapshot; number: 0 or -errno */
	CONTROL_COUNTS, /* id; descriptor: a memfd with JSON text */
};

struct control_message {
	uint32_t kind;
	uint32_t id;
	uint32_t scope; /* of the callers that connect there */
	uint32_t unused;
	int64_t number;
	char caller[256]; /* "default/client", ends with NUL */
};
_Static_assert(sizeof(struct control_message) == 280, "both sides read the same bytes");

/* `passed` -1: none; it stays the caller's. 0 or -errno. */
int control_send(int socket, const struct control_message *m, int passed);
/* 1: one message, and *passed belongs to the caller, -1 when there was none. 0: the peer is gone.
 * -errno; -EBADMSG: not a message. */
int control_receive(int socket, struct control_message *m, int *passed);

#endif

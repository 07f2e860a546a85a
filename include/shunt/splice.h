/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two local ends of one connection, joined: what one sends goes to the other's queue, past TCP.
 *
 * The sockets stand in `splices` under their cookies, which never come again: nothing can reach
 * another socket than the one that was meant, whatever is closed and opened meanwhile. The client
 * leaves a splice_want at its SYN; a listener of this kernel that gets the SYN marks it met; the
 * client enters `splices` when it is; and the accepted socket, which enters as well, leaves the
 * client a splice_peer. The first two maps forget what is old, so nothing can pile up in them; a
 * reader that finds its element recycled sees that by the marks at both ends of the value.
 */
#ifndef SHUNT_SPLICE_H
#define SHUNT_SPLICE_H

#include <linux/types.h>

/* control.splice */
#define SPLICE_BOUNDED 1 /* this kernel counts what is queued as the reader's: found out at load */
#define SPLICE_ALL 2	 /* every steered connection, asked for or not */
#define SPLICE_PASS 4	 /* none begins, and those that are joined go on by TCP */
#define SPLICE_CALLERS 16 /* some callers ask for it: see CALLER_SPLICE */
#define SPLICE_UNTRIED 8 /* it could not be found out */

/* A connection before it is established, as both of its ends know it. */
struct splice_key {
	__u64 netns; /* of a loopback address, which repeats in every namespace; else 0 */
	__u8 source[16];
	__u8 to[16];
	__u16 source_port;
	__u16 to_port;
	__u32 zero;
};
_Static_assert(sizeof(struct splice_key) == 48, "hash keys must have no padding");

/* Its client. */
struct splice_want {
	__u64 mark;	/* its cookie */
	__u64 at;	/* its struct tcp_sock */
	__u64 hold;	/* generation << 32 | cluster_state slot, as in flow.h; 0: no cluster */
	__u32 sequence; /* of its SYN: what tells apart connections of equal addresses */
	__u32 met;	/* SPLICE_MET, SPLICE_JOINED, SPLICE_SERVER: a word of its own */
	__u64 mark_too;
};
_Static_assert(sizeof(struct splice_want) == 40, "no padding");
#define SPLICE_MET 1	/* its SYN has come to a listener of this kernel */
#define SPLICE_JOINED 2 /* it is in `splices` */
#define SPLICE_SERVER 4 /* only if its server asks */

/* Left to a client, whose cookie is the key, by the socket that accepted its connection. */
struct splice_peer {
	__u64 mark; /* the client's cookie */
	__u64 cookie;
	__u64 at;
	__u64 mark_too;
};
_Static_assert(sizeof(struct splice_peer) == 32, "no padding");

/* What a joined socket carries. */
struct splice_end {
	__u64 peer; /* cookie; 0: the peer is not accepted yet */
	__u64 at;   /* the peer's struct tcp_sock, to be read only with its cookie checked */
	__u64 hold; /* as in splice_want */
	__u64 bytes; /* sent past TCP */
	__u32 accepted; /* 1: the server's end */
	__u32 zero;
};
_Static_assert(sizeof(struct splice_end) == 40, "no padding");

/* What a walk over `splices` tells of a socket. */
struct spliced {
	__u64 cookie;
	__u8 address[16]; /* v4-mapped, too */
	__u8 peer[16];
	__u16 port;
	__u16 peer_port;
	__u32 netns;  /* inode of its network namespace */
	__u32 device; /* index; 0: not bound to any */
	__u16 family;
	__u8 queued; /* 1: it has not read all that was sent to it past TCP */
	__u8 zero;
};
_Static_assert(sizeof(struct spliced) == 56, "no padding");

#endif

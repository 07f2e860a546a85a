/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The conversations of a UDP socket that is not connected: which endpoint it talks to for which
 * service. Kept with the socket, and with it they go.
 */
#ifndef SHUNT_SESSION_H
#define SHUNT_SESSION_H

#include <linux/bpf.h>
#include <linux/types.h>

/* Services that one socket talks to at a time; the next one takes the place of the one that was
 * quiet for the longest. */
#define UDP_SESSIONS 8
/* One that was quiet for so long is over: the next datagram may go elsewhere. */
#define UDP_SESSION_IDLE_NS 30000000000ULL

struct udp_session {
	__u8 service[16]; /* as dialled */
	__u8 to[16];
	__u16 service_port; /* 0: none */
	__u16 to_port;
	__u32 endpoint; /* endpoint_state slot, and its generation */
	__u32 endpoint_generation;
	__u32 zero;
	__u64 used; /* CLOCK_MONOTONIC ns of the last datagram, either way */
};
_Static_assert(sizeof(struct udp_session) == 56, "no padding");

/* Several threads may send and receive on one socket. */
struct udp_sessions {
	struct bpf_spin_lock lock;
	__u32 zero;
	struct udp_session list[UDP_SESSIONS];
};
_Static_assert(sizeof(struct udp_sessions) == 8 + UDP_SESSIONS * 56, "no padding");

#endif

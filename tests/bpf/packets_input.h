/* SPDX-License-Identifier: GPL-2.0 */
/* The connections whose packets are measured: callers, and ports of each. */
#ifndef PACKETS_INPUT_H
#define PACKETS_INPUT_H

#include <linux/types.h>

#define PACKETS_CALLERS 0x0ac80000 /* 10.200.0.0 on */
#define PACKETS_PORTS 1000
#define PACKETS_FIRST_PORT 20000

/* What of an IPv4 packet's headers tells its connection: at byte 26 of its frame. */
struct packets_head {
	__be32 from, to;
	__be16 from_port, to_port;
	__be32 seq, ack;
	__u8 offset, flags;
	__be16 window, check, urgent;
};

struct packets_input {
	__u32 at, step, connections;
	__u32 train, of_train; /* packets of one connection, one after the other; those there were */
	__be32 service, to; /* what is dialled, and the endpoint */
	__u16 service_port, to_port; /* host order */
	struct packets_head head;
};

#endif

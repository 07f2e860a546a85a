/* SPDX-License-Identifier: GPL-2.0 */
/* Who dials what, and where that goes; the same for sockets and for packets. */
#ifndef BPF_DIAL_H
#define BPF_DIAL_H

#include <shunt/service.h>
#include "addr.h"

struct dial {
	struct service_key key; /* its address as dialled; v4-mapped counts as IPv4 */
	__u64 netns; /* cookie of the caller's network namespace; 0: from outside */
	struct addr from; /* the caller's address; all zero: not known */
	int ipv6;
	struct addr to; /* out: where it goes */
	__u16 to_port;
};

#endif

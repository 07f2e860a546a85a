/* SPDX-License-Identifier: GPL-2.0 */
/* What goes before all else on a connection, to tell a server whose it is (the PROXY protocol). */
#ifndef PROXY_PROXY_PROTOCOL_H
#define PROXY_PROXY_PROTOCOL_H

#include <stddef.h>
#include "base/inet.h"

#define PROXY_PROTOCOL_MOST 108 /* bytes of the longest one */

struct proxy_origin { /* of a connection that was steered here */
	struct inet source, dialled;
	uint16_t source_port, dialled_port;
};

/* Its length; version 1 or 2. `o` NULL: nobody's but ours. */
size_t proxy_protocol_put(unsigned version, const struct proxy_origin *o,
			  char out[PROXY_PROTOCOL_MOST]);

#endif

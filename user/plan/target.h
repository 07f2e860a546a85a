/* SPDX-License-Identifier: GPL-2.0 */
/* What a user calls the other end of a connection: a name, an address or a URL. */
#ifndef PLAN_TARGET_H
#define PLAN_TARGET_H

#include "plan/plan.h"

struct target {
	char *host;    /* or the address; the caller frees */
	unsigned port; /* 0: not given */
	bool has_transport, udp; /* "/udp" or "/tcp" was given; else TCP comes first */
	bool is_address;
	struct inet address;
};

/*
 * "HOST", "HOST:PORT", "ADDRESS", "[IPV6]:PORT", each with "/udp" or "/tcp" behind it if need be, or
 * "SCHEME://HOST[:PORT][/PATH]", where http, https, ws and wss give the port that is left out. False:
 * it is none of these, and nothing is to be freed.
 */
bool target_parse(const char *text, struct target *out);
/* The port that `t` means, in order of TCP, then UDP; NULL: none. */
const struct plan_port *target_port(const struct target *t, const struct plan_port *ports, size_t nr);
/* The host with that node port, and the port; NULL: none. */
const struct plan_host *node_port_host(const struct plan *p, const struct target *t,
				       const struct plan_port **port);
/* The host of which `caller` (NULL: everyone) knows a server at an address that passes as dialled;
 * NULL: none. */
const struct plan_host *server_host(const struct plan *p, const struct target *t,
				    const struct plan_scope *caller);
/* The host that `t` means, seen from `namespace`; NULL: none. */
const struct plan_host *target_host(const struct plan *p, const struct config_set *set,
				    const struct target *t, const char *namespace);
#endif

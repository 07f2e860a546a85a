/* SPDX-License-Identifier: GPL-2.0 */
/* Callers from outside of the node: where they are steered, and how. */
#ifndef DATAPATH_OUTSIDE_H
#define DATAPATH_OUTSIDE_H

#include <net/if.h>
#include <stdbool.h>
#include "base/inet.h"
#include "base/vec.h"

struct datapath;

/* Which program meets a packet first. tc has what XDP hands on, and the answers. */
enum outside_hook {
	OUTSIDE_OFF,
	OUTSIDE_AUTO, /* XDP in the driver, else tc */
	OUTSIDE_NATIVE,
	OUTSIDE_GENERIC,
	OUTSIDE_TC,
};
/* "auto"; and back: false when it is none. */
extern const char *const outside_hook_names[];
bool outside_hook_find(const char *name, enum outside_hook *out);

struct outside_device {
	unsigned index;
	char name[IF_NAMESIZE];
	bool has_ipv4, has_ipv6;
	struct inet ipv4, ipv6; /* what it lends to callers */
	uint8_t link[6]; /* its own link address; zeros: it has none */
	enum outside_hook hook; /* in force */
	const char *because;	/* why it is another than was asked for, or "" */
};
struct outside_devices {
	VEC(struct outside_device) list;
};

/*
 * From here on callers from outside are steered where they come in at these devices, and at no
 * others; `wanted` is OUTSIDE_AUTO or which hook it has to be. Sets `hook` and `because` of each; what
 * one of them refuses is logged once and does not keep the others.
 */
void datapath_outside(struct datapath *dp, struct outside_devices *devices,
		      enum outside_hook wanted);
/* At no device, whatever an agent before this one had. */
void datapath_outside_off(struct datapath *dp);
/* Whether any service of the plan in force is for callers from outside, or one was: their connections
 * go on. */
bool datapath_outside_wanted(const struct datapath *dp);
/* Where node ports are from the next sync on, which looks at all hosts if these are others. */
void datapath_node_addresses(struct datapath *dp, const struct inet *addresses, size_t nr);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The machine's own devices and addresses, which callers from outside come in at. */
#ifndef AGENT_NODE_H
#define AGENT_NODE_H

#include <jansson.h>
#include "base/inet.h"
#include "base/loop.h"
#include "base/vec.h"
#include "datapath/outside.h"

struct agent;

struct node_watch {
	int netlink;
	struct loop_source *source, *later;
	struct outside_devices devices;
	VEC(struct inet) addresses; /* at which node ports are there */
};

/* Reads them, and follows them from here on; before the first plan. -errno */
int node_start(struct agent *a);
void node_stop(struct agent *a);
/* A plan is in force: callers from outside are steered if any of its services is for them. */
void node_settle(struct agent *a);
json_t *node_json(const struct agent *a);
/* "eth0,eth1", "192.0.2.1,fd00::1": what is wrong with the list, NULL: nothing. */
const char *node_devices_wrong(const char *text);
const char *node_addresses_wrong(const char *text);

#endif

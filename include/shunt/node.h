/* SPDX-License-Identifier: GPL-2.0 */
/* The node's devices, at which callers from outside come in. */
#ifndef SHUNT_NODE_H
#define SHUNT_NODE_H

#include <linux/types.h>

/* Of an LPM trie: its values never tear, and a device's addresses change under readers. */
struct node_device_key {
	__u32 prefix; /* 32 */
	__u32 index;
};
_Static_assert(sizeof(struct node_device_key) == 8, "no padding");

/* What it lends to callers whose server is on another machine; all zero: none. */
struct node_device {
	__u8 ipv4[4];
	__u8 ipv6[16];
};
_Static_assert(sizeof(struct node_device) == 20, "no padding");

/* Ports that stand for callers at those addresses; beyond what the kernel gives out itself. */
#define NODE_PORT_FIRST 61001
#define NODE_PORTS 4000

#endif

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

struct node_device {
	__u8 ipv4[4]; /* what it lends to callers whose server is on another machine; all zero: none */
	__u8 ipv6[16];
	__u8 link[6]; /* its own link address; all zero: it has none */
	__u8 zero[2];
};
_Static_assert(sizeof(struct node_device) == 28, "no padding");

#endif

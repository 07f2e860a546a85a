/* SPDX-License-Identifier: GPL-2.0 */
/* How an endpoint of a cluster is chosen. */
#ifndef SHUNT_POLICY_H
#define SHUNT_POLICY_H

enum policy {
	POLICY_LEAST_REQUEST = 0, /* the fewer live connections of two picked at random */
	POLICY_ROUND_ROBIN = 1,
	POLICY_RANDOM = 2,
	POLICY_PASSTHROUGH = 3, /* the address that was dialled */
	POLICY_SOURCE_HASH = 4, /* Maglev by the caller's address */
};

#endif

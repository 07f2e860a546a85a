/* SPDX-License-Identifier: GPL-2.0 */
/* Where connections are dialled to: an address or a subnet, and a port of a protocol. */
#ifndef DATAPATH_RANGE_H
#define DATAPATH_RANGE_H

#include <stdbool.h>
#include <stdint.h>
#include "base/inet.h"
#include "plan/plan.h"
#include <shunt/service.h>

struct port_id {
	uint16_t number;
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP */
};
struct port_id port_id_of(const struct plan_port *port);

struct range {
	struct inet address;
	uint8_t host_bits; /* at its end, that may be any; 0: one address */
	uint16_t node_port; /* that is dialled there; 0: the port of the service */
};
struct range range_of_address(const struct inet *address);
struct range range_of_subnet(const struct subnet *subnet);
bool range_equal(const struct range *a, const struct range *b);
/* Whether all of `inner` is in `outer`. */
bool range_has(const struct range *outer, const struct range *inner);

struct service_key range_key(const struct range *range, struct port_id port, uint32_t scope);
/* The key of `service_subnets` for one that has host bits. */
struct subnet_key range_subnet_key(const struct service_key *key);
struct service_key range_service_key(const struct subnet_key *key);

#endif

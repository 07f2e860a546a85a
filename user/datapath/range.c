/* SPDX-License-Identifier: GPL-2.0 */
/* Places and their keys in the maps; subnets of both families count the bits of 16 bytes. */
#include <netinet/in.h>
#include <string.h>
#include "datapath/range.h"

#define ADDRESS_BITS 128
#define IPV4_BITS 32

struct port_id port_id_of(const struct plan_port *port)
{
	return (struct port_id){
		.number = port->port,
		.protocol = port->protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP,
	};
}

struct range range_of_address(const struct inet *address)
{
	return (struct range){.address = *address};
}

struct range range_of_subnet(const struct subnet *subnet)
{
	unsigned bits = inet_is_v4(&subnet->address) ? IPV4_BITS : ADDRESS_BITS;

	return (struct range){.address = subnet->address, .host_bits = bits - subnet->prefix};
}

bool range_equal(const struct range *a, const struct range *b)
{
	return a->host_bits == b->host_bits && a->node_port == b->node_port &&
	       inet_equal(&a->address, &b->address);
}

bool range_has(const struct range *outer, const struct range *inner)
{
	unsigned bits = ADDRESS_BITS - outer->host_bits, whole = bits / 8, rest = bits % 8;
	uint8_t mask = 0xff << (8 - rest);

	if (outer->host_bits < inner->host_bits || outer->node_port != inner->node_port ||
	    memcmp(outer->address.byte, inner->address.byte, whole))
		return false;
	return !rest || !((outer->address.byte[whole] ^ inner->address.byte[whole]) & mask);
}

struct service_key range_key(const struct range *range, struct port_id port, uint32_t scope)
{
	struct service_key key = {
		.port = range->node_port ? range->node_port : port.number,
		.protocol = port.protocol,
		.host_bits = range->host_bits,
		.scope = scope,
	};

	memcpy(key.address, range->address.byte, sizeof(key.address));
	return key;
}

struct subnet_key range_subnet_key(const struct service_key *key)
{
	struct subnet_key out = {
		.prefix = SUBNET_BEFORE + ADDRESS_BITS - key->host_bits,
		.scope = key->scope,
		.port = key->port,
		.protocol = key->protocol,
	};

	memcpy(out.address, key->address, sizeof(out.address));
	return out;
}

struct service_key range_service_key(const struct subnet_key *key)
{
	struct service_key out = {
		.port = key->port,
		.protocol = key->protocol,
		.host_bits = SUBNET_BEFORE + ADDRESS_BITS - key->prefix,
		.scope = key->scope,
	};

	memcpy(out.address, key->address, sizeof(out.address));
	return out;
}

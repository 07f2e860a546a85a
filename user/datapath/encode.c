/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of a plan as records of the maps. */
#include <string.h>
#include "datapath/kernel.h"

void encode_endpoint(const struct plan_endpoint *e, struct endpoint *out)
{
	memset(out, 0, sizeof(*out));
	if (e->has_ipv4)
		memcpy(out->ipv4, e->ipv4.byte + 12, 4);
	if (e->has_ipv6)
		memcpy(out->ipv6, e->ipv6.byte, 16);
	out->port = e->port;
	out->weight = e->weight;
}

void encode_cluster(const struct plan_cluster *c, uint32_t weight, struct cluster *out)
{
	memset(out, 0, sizeof(*out));
	out->max_connections = c->max_connections;
	out->weight = weight;
	out->policy = c->policy;
	out->flags = c->unknown ? CLUSTER_UNKNOWN : 0;
	out->port = c->port;
	out->nr_endpoints = c->nr_endpoints;
	for (size_t i = 0; i < c->nr_endpoints; i++) {
		out->nr_ipv4 += c->endpoints[i].has_ipv4;
		out->nr_ipv6 += c->endpoints[i].has_ipv6;
	}
	out->skip_ipv6 = c->nr_endpoints - out->nr_ipv6;
}

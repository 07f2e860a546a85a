/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of a plan as records of the maps. */
#include <math.h>
#include <string.h>
#include "datapath/chart.h"
#include "datapath/kernel.h"

#define NO_LEVEL 255

static bool has_family(const struct plan_endpoint *e, int ipv6)
{
	return ipv6 ? e->has_ipv6 : e->has_ipv4;
}

static void encode_endpoint(const struct plan_endpoint *e, int ipv6, const struct endpoint_ref *ref,
			    struct endpoint *out)
{
	memset(out, 0, sizeof(*out));
	memcpy(out->address, ipv6 ? e->ipv6.byte : e->ipv4.byte, 16);
	out->port = e->port;
	out->weight = e->share;
	out->state = ref->slot;
	out->generation = ref->generation;
	out->since = ref->since;
}

/* Level of each priority that has endpoints of the family; how many levels those are. */
static uint8_t levels_of(const struct plan_cluster *c, int ipv6, uint8_t level[UINT8_MAX + 1])
{
	uint8_t nr = 0, last = 0;

	memset(level, NO_LEVEL, UINT8_MAX + 1);
	for (size_t i = 0; i < c->nr_endpoints; i++) {
		const struct plan_endpoint *e = &c->endpoints[i];

		if (!e->share || !has_family(e, ipv6))
			continue;
		level[e->priority] = 0;
		last = e->priority > last ? e->priority : last;
	}
	for (size_t i = 0; i <= last; i++) {
		if (level[i] == NO_LEVEL)
			continue;
		level[i] = nr < SHUNT_MAX_LEVELS ? nr : SHUNT_MAX_LEVELS - 1;
		nr += nr < SHUNT_MAX_LEVELS;
	}
	return nr;
}

void encode_count(const struct plan_cluster *c, size_t *nr_pools, size_t *nr_records)
{
	uint8_t level[UINT8_MAX + 1], ipv4 = levels_of(c, 0, level), ipv6 = levels_of(c, 1, level);

	*nr_pools += 2 * (ipv4 > ipv6 ? ipv4 : ipv6);
	for (size_t i = 0; i < c->nr_endpoints; i++)
		if (c->endpoints[i].share)
			*nr_records += c->endpoints[i].has_ipv4 + c->endpoints[i].has_ipv6;
}

static void encode_pool(const struct plan_cluster *c, struct endpoint_ref *const *refs, int ipv6,
			const uint8_t level[UINT8_MAX + 1], uint8_t wanted, struct pool *pool,
			struct endpoint *endpoints)
{
	for (size_t i = 0; i < c->nr_endpoints; i++) {
		const struct plan_endpoint *e = &c->endpoints[i];

		if (e->share && has_family(e, ipv6) && level[e->priority] == wanted)
			encode_endpoint(e, ipv6, refs[i], &endpoints[pool->nr++]);
	}
	pool->chart_length = chart_length(c->policy, c->table_size, endpoints, pool->nr);
	pool->chart = SLOT_NONE;
}

void encode_pools(const struct plan_cluster *c, struct endpoint_ref *const *refs,
		  struct cluster *cluster, struct pool *pools, struct endpoint *endpoints)
{
	uint8_t level[2][UINT8_MAX + 1], nr[2];

	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		nr[ipv6] = levels_of(c, ipv6, level[ipv6]);
	cluster->flags |= (nr[0] ? CLUSTER_IPV4 : 0) | (nr[1] ? CLUSTER_IPV6 : 0);
	cluster->nr_levels = nr[0] > nr[1] ? nr[0] : nr[1];
	for (uint8_t i = 0; i < 2 * cluster->nr_levels; i++) {
		int ipv6 = i % 2;

		pools[i] = (struct pool){0};
		encode_pool(c, refs, ipv6, level[ipv6], i / 2, &pools[i],
			    endpoints + cluster->nr_endpoints);
		cluster->nr_endpoints += pools[i].nr;
	}
	for (uint32_t i = 0; cluster->warmup && i < cluster->nr_endpoints; i++)
		if (endpoints[i].since && endpoints[i].since + cluster->warmup > cluster->warm)
			cluster->warm = endpoints[i].since + cluster->warmup;
}

/* In fixed point, as the kernel has no other: see bpf/pick_warm.h. */
static void encode_warmup(const struct plan_cluster *c, struct cluster *out)
{
	const struct load_balancer *lb = c->full.blocks.load_balancer;
	const struct warmup *w = lb ? lb->warmup : NULL;
	double least, power;

	if (!w || w->duration <= 0 ||
	    (c->policy != POLICY_LEAST_REQUEST && c->policy != POLICY_ROUND_ROBIN))
		return;
	least = w->minimum_percent / 100 * 65536;
	power = w->aggression > 0 ? 4096 / w->aggression : 4096;
	out->warmup = (uint64_t)w->duration;
	out->warmup_least = least < 1 ? 1 : least > UINT16_MAX ? UINT16_MAX : (uint16_t)lround(least);
	out->warmup_power = power > 65536 ? 65536 : (uint32_t)lround(power);
}

void encode_cluster(const struct plan_cluster *c, uint32_t weight, struct cluster *out)
{
	const struct outlier_detection *outlier = c->full.blocks.outlier_detection;

	memset(out, 0, sizeof(*out));
	out->max_connections = c->max_connections;
	out->weight = weight;
	out->policy = c->policy;
	out->flags = c->unknown ? CLUSTER_UNKNOWN : 0;
	out->port = c->port;
	out->affinity = c->affinity;
	if (outlier)
		out->min_health = outlier->min_health_percent;
	encode_warmup(c, out);
	out->first_pool = out->first_endpoint = SLOT_NONE;
}

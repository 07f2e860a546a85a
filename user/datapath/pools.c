// SPDX-License-Identifier: GPL-2.0
/* The pools of a cluster in the maps, with their charts and endpoints. */
#include <errno.h>
#include <string.h>
#include "datapath/chart.h"
#include "datapath/kernel.h"

static uint32_t nr_pools(const struct cluster *c)
{
	return 2 * c->nr_levels;
}

static int take(struct slots *s, uint32_t n, uint32_t *first, const struct slots **full)
{
	*full = s;
	*first = slots_take(s, n);
	return *first == SLOT_NONE ? -ENOSPC : 0;
}

static void undo(struct slots *s, uint32_t first, uint32_t n)
{
	if (first != SLOT_NONE)
		slots_undo(s, first, n);
}

/* A place of a chart is 16 bits. */
static bool is_too_long(const struct pool *pool, const struct slots **full)
{
	static const struct slots most = {.what = "endpoints of one weighted or hashed destination",
					  .max = SHUNT_MAX_CHARTED};

	*full = &most;
	return pool->chart_length && pool->nr > SHUNT_MAX_CHARTED;
}

int pools_take(struct datapath *dp, struct cluster *c, struct pool *pools,
	       const struct slots **full)
{
	int err = take(&dp->endpoint_slots, c->nr_endpoints, &c->first_endpoint, full);
	uint32_t first = c->first_endpoint;

	if (!err)
		err = take(&dp->pool_slots, nr_pools(c), &c->first_pool, full);
	for (uint32_t i = 0; !err && i < nr_pools(c); i++) {
		pools[i].first = first;
		first += pools[i].nr;
		err = is_too_long(&pools[i], full) ? -ENOSPC :
		      take(&dp->chart_slots, chart_blocks(pools[i].chart_length), &pools[i].chart,
			   full);
	}
	if (err)
		pools_undo(dp, c, pools);
	return err;
}

void pools_undo(struct datapath *dp, const struct cluster *c, const struct pool *pools)
{
	undo(&dp->endpoint_slots, c->first_endpoint, c->nr_endpoints);
	undo(&dp->pool_slots, c->first_pool, nr_pools(c));
	for (uint32_t i = 0; i < nr_pools(c); i++)
		undo(&dp->chart_slots, pools[i].chart, chart_blocks(pools[i].chart_length));
}

void pools_write(struct datapath *dp, const struct cluster *c, const struct pool *pools,
		 const struct endpoint *endpoints)
{
	memcpy(&dp->endpoints[c->first_endpoint], endpoints,
	       c->nr_endpoints * sizeof(*endpoints));
	for (uint32_t i = 0; i < nr_pools(c); i++) {
		const struct pool *pool = &pools[i];

		if (pool->chart_length)
			chart_fill(c->policy, endpoints, pool->nr, pool->chart_length,
				   &dp->charts[pool->chart]);
		endpoints += pool->nr;
		dp->pools[c->first_pool + i] = *pool;
	}
}

void pools_rest(struct datapath *dp, const struct cluster *c, uint64_t now)
{
	for (uint32_t i = 0; i < nr_pools(c); i++) {
		const struct pool *pool = &dp->pools[c->first_pool + i];

		slots_rest(&dp->chart_slots, pool->chart, chart_blocks(pool->chart_length), now);
	}
	slots_rest(&dp->pool_slots, c->first_pool, nr_pools(c), now);
	slots_rest(&dp->endpoint_slots, c->first_endpoint, c->nr_endpoints, now);
}

static bool is_within(uint32_t first, uint32_t n, uint32_t max)
{
	return first <= max && n <= max - first;
}

void pools_adopt(struct datapath *dp, const struct cluster *c)
{
	if (!is_within(c->first_endpoint, c->nr_endpoints, SHUNT_MAX_ENDPOINTS) ||
	    !is_within(c->first_pool, nr_pools(c), SHUNT_MAX_POOLS))
		return;
	slots_mark(&dp->endpoint_slots, c->first_endpoint, c->nr_endpoints);
	slots_mark(&dp->pool_slots, c->first_pool, nr_pools(c));
	for (uint32_t i = 0; i < nr_pools(c); i++) {
		const struct pool *pool = &dp->pools[c->first_pool + i];

		slots_mark(&dp->chart_slots, pool->chart, chart_blocks(pool->chart_length));
	}
	for (uint32_t i = 0; i < c->nr_endpoints; i++)
		endpoint_ref_adopt(dp, &dp->endpoints[c->first_endpoint + i], c->state);
}

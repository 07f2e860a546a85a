// SPDX-License-Identifier: GPL-2.0
/* The pools of a cluster in real maps: families, priorities, who is new, and what is too much. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "scratch.h"

#define MOST 8

/* One host with one port and one destination. */
struct sample {
	struct plan plan;
	struct plan_host host;
	struct plan_port port;
	struct plan_split split;
	struct plan_cluster cluster;
	struct plan_endpoint endpoints[MOST];
	struct inet address;
};

static void sample_init(struct sample *s, uint32_t number, size_t nr)
{
	memset(s, 0, sizeof(*s));
	inet_parse("10.96.0.79", &s->address);
	s->cluster = (struct plan_cluster){.host = "a.test", .subset = "", .port = 80,
					   .endpoints = s->endpoints, .nr_endpoints = nr};
	s->split = (struct plan_split){1, &s->cluster};
	s->port = (struct plan_port){.port = 80,
				     .route = {.splits = &s->split, .nr_splits = 1, .total = 1}};
	s->host = (struct plan_host){.host = "a.test", .id = "ServiceEntry/default/a",
				     .addresses = &s->address, .nr_addresses = 1,
				     .ports = &s->port, .nr_ports = 1, .visible = true};
	for (size_t i = 0; i < nr; i++) {
		struct plan_endpoint *e = &s->endpoints[i];
		char text[INET_TEXT];

		snprintf(text, sizeof(text), "10.244.0.%zu", i + 1);
		inet_parse(text, &e->ipv4);
		snprintf(text, sizeof(text), "fd00:244::%zu", i + 1);
		inet_parse(text, &e->ipv6);
		e->has_ipv4 = true;
		e->port = 8080;
		e->share = 1;
	}
	s->plan.number = number;
	strmap_put(&s->plan.hosts, s->host.host, &s->host);
}

static int sync_to(struct sample *s, struct diags *diags)
{
	struct diags own = {0};
	int err = datapath_sync(dp, &s->plan, diags ? diags : &own);

	diags_free(&own);
	return err;
}

/* Its service is the first one that there is. */
static const struct cluster *in_force(void)
{
	return &dp->clusters[dp->routes[(uint32_t)dp->services[0].word].first_cluster];
}

static const struct pool *pool_of(unsigned level, int ipv6)
{
	return &dp->pools[in_force()->first_pool + 2 * level + ipv6];
}

static const struct endpoint *endpoint_of(unsigned level, int ipv6, uint32_t i)
{
	return &dp->endpoints[pool_of(level, ipv6)->first + i];
}

TEST(both_addresses_of_an_endpoint_have_one_state)
{
	struct sample a, b;
	uint32_t state;

	up();
	sample_init(&a, 1, 2);
	CU_ASSERT_EQUAL_FATAL(sync_to(&a, NULL), 0);
	CU_ASSERT_EQUAL(pool_of(0, 0)->nr, 2);
	CU_ASSERT_EQUAL(pool_of(0, 1)->nr, 0);
	CU_ASSERT_EQUAL(in_force()->flags, CLUSTER_IPV4);
	state = endpoint_of(0, 0, 1)->state;
	sample_init(&b, 2, 2);
	b.endpoints[1].has_ipv6 = true; /* it got another address: it is who it was */
	CU_ASSERT_EQUAL_FATAL(sync_to(&b, NULL), 0);
	CU_ASSERT_EQUAL(pool_of(0, 1)->nr, 1);
	CU_ASSERT_EQUAL(in_force()->flags, CLUSTER_IPV4 | CLUSTER_IPV6);
	CU_ASSERT_EQUAL(endpoint_of(0, 0, 1)->state, state);
	CU_ASSERT_EQUAL(endpoint_of(0, 1, 0)->state, state);
	CU_ASSERT_EQUAL(dp->endpoint_state_slots.nr_used, 2);
	down();
	strmap_free(&a.plan.hosts);
	strmap_free(&b.plan.hosts);
}

/* Whoever has none of its own there begins with the next. */
TEST(levels_are_those_that_a_family_has)
{
	struct sample a;

	up();
	sample_init(&a, 1, 5);
	a.endpoints[0].priority = 9;
	a.endpoints[1].priority = 2;
	a.endpoints[2].priority = 2;
	a.endpoints[2].has_ipv6 = true;
	a.endpoints[3].priority = 200;
	a.endpoints[3].has_ipv4 = false;
	a.endpoints[3].has_ipv6 = true;
	a.endpoints[4].share = 0;
	CU_ASSERT_EQUAL_FATAL(sync_to(&a, NULL), 0);
	CU_ASSERT_EQUAL(in_force()->nr_levels, 2);
	CU_ASSERT_EQUAL(in_force()->nr_endpoints, 5);
	CU_ASSERT_EQUAL(pool_of(0, 0)->nr, 2);
	CU_ASSERT_EQUAL(pool_of(1, 0)->nr, 1);
	CU_ASSERT_EQUAL(pool_of(0, 1)->nr, 1);
	CU_ASSERT_EQUAL(pool_of(1, 1)->nr, 1);
	CU_ASSERT_EQUAL(endpoint_of(1, 0, 0)->address[15], 1);
	down();
	strmap_free(&a.plan.hosts);
}

TEST(who_joins_others_is_new_also_after_a_restart)
{
	struct sample a, b, c;
	char *why = NULL;
	uint64_t since;

	up();
	sample_init(&a, 1, 2);
	CU_ASSERT_EQUAL_FATAL(sync_to(&a, NULL), 0);
	CU_ASSERT_EQUAL(endpoint_of(0, 0, 0)->since, 0);
	sample_init(&b, 2, 3);
	CU_ASSERT_EQUAL_FATAL(sync_to(&b, NULL), 0);
	since = endpoint_of(0, 0, 2)->since;
	CU_ASSERT(since > 0 && since <= now_ns());
	CU_ASSERT_EQUAL(endpoint_of(0, 0, 1)->since, 0);
	datapath_close(dp);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
	sample_init(&c, 3, 4);
	CU_ASSERT_EQUAL_FATAL(sync_to(&c, NULL), 0);
	CU_ASSERT_EQUAL(endpoint_of(0, 0, 2)->since, since);
	CU_ASSERT(endpoint_of(0, 0, 3)->since > since);
	CU_ASSERT_EQUAL(endpoint_of(0, 0, 0)->since, 0);
	down();
	strmap_free(&a.plan.hosts);
	strmap_free(&b.plan.hosts);
	strmap_free(&c.plan.hosts);
}

TEST(tables_that_do_not_fit_are_refused_and_nothing_has_changed)
{
	struct diags diags = {0};
	struct sample a, b;
	uint32_t endpoints, pools;

	up();
	sample_init(&a, 1, 2);
	a.cluster.policy = POLICY_SOURCE_HASH;
	a.cluster.table_size = 100000;
	CU_ASSERT_EQUAL_FATAL(sync_to(&a, NULL), 0);
	CU_ASSERT_EQUAL(pool_of(0, 0)->chart_length, 100003);
	CU_ASSERT_EQUAL(dp->chart_slots.nr_used, 1563);
	endpoints = dp->endpoint_slots.nr_used;
	pools = dp->pool_slots.nr_used;
	sample_init(&b, 2, 2);
	b.cluster.policy = POLICY_SOURCE_HASH;
	b.cluster.table_size = 8388608;
	CU_ASSERT_EQUAL(sync_to(&b, &diags), -ENOSPC);
	CU_ASSERT_EQUAL_FATAL(diags.list.nr, 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(diags.list.at[0].text, "more chart records than the 131072"));
	CU_ASSERT_EQUAL(dp->control->plan, 1);
	CU_ASSERT_EQUAL(dp->chart_slots.nr_used, 1563);
	CU_ASSERT(dp->endpoint_slots.nr_used == endpoints && dp->pool_slots.nr_used == pools);
	down();
	diags_free(&diags);
	strmap_free(&a.plan.hosts);
	strmap_free(&b.plan.hosts);
}

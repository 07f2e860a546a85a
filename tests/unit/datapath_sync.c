/* SPDX-License-Identifier: GPL-2.0 */
/* Plans made by hand, put into real maps and read back; needs root, as all tests do. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "scratch.h"

/* One host with one port, split over `n` subsets with given weights and `m` endpoints each. */
struct sample {
	struct plan plan;
	struct plan_host host;
	struct plan_port port;
	struct plan_split splits[4];
	struct plan_cluster clusters[4];
	struct plan_endpoint *endpoints;
	struct inet address;
	uint8_t schedule[SHUNT_MAX_WEIGHT_SUM];
};

static const char *const subsets[] = {"v1", "v2", "v3", "v4"};

static void sample_init(struct sample *s, uint32_t number, size_t n, const uint32_t *weights,
			uint32_t m)
{
	memset(s, 0, sizeof(*s));
	inet_parse("10.96.0.77", &s->address);
	s->endpoints = xcalloc(n * m, sizeof(*s->endpoints));
	for (size_t i = 0; i < n; i++) {
		s->clusters[i] = (struct plan_cluster){.host = "a.default.svc.cluster.local",
						       .subset = subsets[i], .port = 80,
						       .endpoints = s->endpoints + i * m,
						       .nr_endpoints = m};
		s->splits[i] = (struct plan_split){weights[i], &s->clusters[i]};
		s->port.route.total += weights[i];
	}
	for (size_t i = 0; i < n * m; i++) {
		struct plan_endpoint *e = &s->endpoints[i];

		inet_parse("10.244.0.1", &e->ipv4);
		e->ipv4.byte[13] = i >> 16;
		e->ipv4.byte[14] = i >> 8;
		e->ipv4.byte[15] = i;
		e->has_ipv4 = true;
		e->port = 8080;
		e->weight = e->share = 1;
	}
	for (uint32_t i = 0; i < s->port.route.total; i++)
		s->schedule[i] = i % n;
	s->port.port = 80;
	s->port.route.splits = s->splits;
	s->port.route.nr_splits = n;
	s->port.route.schedule = n > 1 ? s->schedule : NULL;
	s->host = (struct plan_host){.host = "a.default.svc.cluster.local",
				     .id = "Service/default/a", .addresses = &s->address,
				     .nr_addresses = 1, .ports = &s->port, .nr_ports = 1,
				     .visible = true};
	s->plan.number = number;
	strmap_put(&s->plan.hosts, s->host.host, &s->host);
}

static void sample_free(struct sample *s)
{
	strmap_free(&s->plan.hosts);
	free(s->endpoints);
}

/* The route in force for the sample's address, as a program would find it. */
static const struct route *route_in_force(void)
{
	struct service_key key = {.port = 80, .protocol = 6};
	struct inet a;
	uint32_t slot;

	inet_parse("10.96.0.77", &a);
	memcpy(key.address, a.byte, 16);
	if (bpf_map_lookup_elem(dp->fds[MAP_SERVICES], &key, &slot))
		return NULL;
	return &dp->routes[(uint32_t)dp->services[slot].word];
}

TEST(same_weights_keep_the_position_and_others_start_anew)
{
	uint32_t two[] = {3, 1}, other[] = {1, 1};
	struct sample a, b, c;
	struct diags diags = {0};
	uint32_t turn;

	up();
	sample_init(&a, 1, 2, two, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	turn = route_in_force()->turn;
	dp->turns[turn].next = 41;
	sample_init(&b, 2, 2, two, 3);
	CU_ASSERT_EQUAL(datapath_sync(dp, &b.plan, &diags), 0);
	CU_ASSERT_EQUAL(route_in_force()->turn, turn);
	CU_ASSERT_EQUAL(route_in_force()->plan, 2);
	CU_ASSERT_EQUAL(dp->turns[turn].next, 41);
	sample_init(&c, 3, 2, other, 3);
	CU_ASSERT_EQUAL(datapath_sync(dp, &c.plan, &diags), 0);
	CU_ASSERT_NOT_EQUAL(route_in_force()->turn, turn);
	CU_ASSERT_EQUAL(dp->turns[route_in_force()->turn].next, 0);
	down();
	sample_free(&a);
	sample_free(&b);
	sample_free(&c);
}

TEST(an_agent_that_starts_adopts_position_and_counts)
{
	uint32_t weights[] = {3, 1};
	struct sample a, b;
	struct diags diags = {0};
	uint32_t turn, state;
	char *why = NULL;

	up();
	sample_init(&a, 1, 2, weights, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	turn = route_in_force()->turn;
	state = dp->clusters[route_in_force()->first_cluster].state;
	dp->turns[turn].next = 7;
	dp->cluster_state[state].opened = 5;
	datapath_close(dp);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
	sample_init(&b, 2, 2, weights, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &b.plan, &diags), 0);
	CU_ASSERT_EQUAL(route_in_force()->plan, 1); /* nothing differs: nothing was written */
	CU_ASSERT_EQUAL(route_in_force()->turn, turn);
	CU_ASSERT_EQUAL(dp->turns[turn].next, 7);
	CU_ASSERT_EQUAL(dp->cluster_state[state].opened, 5);
	down();
	sample_free(&a);
	sample_free(&b);
}

TEST(what_does_not_fit_is_refused_before_the_first_write)
{
	uint32_t one[] = {1, 1};
	struct sample small, huge;
	struct diags diags = {0};
	const struct route *before;
	uint32_t used;

	up();
	sample_init(&small, 1, 2, one, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &small.plan, &diags), 0);
	before = route_in_force();
	used = dp->endpoint_slots.nr_used;
	sample_init(&huge, 2, 2, one, SHUNT_MAX_ENDPOINTS / 2 + 1);
	CU_ASSERT_EQUAL(datapath_sync(dp, &huge.plan, &diags), -ENOSPC);
	CU_ASSERT_EQUAL(diags.nr_errors, 1);
	CU_ASSERT_STRING_EQUAL(diags.list.at[0].path, "Service/default/a");
	CU_ASSERT_PTR_EQUAL(route_in_force(), before);
	CU_ASSERT_EQUAL(dp->endpoint_slots.nr_used, used);
	CU_ASSERT_EQUAL(dp->control->plan, 1);
	diags_free(&diags);
	down();
	sample_free(&small);
	sample_free(&huge);
}

TEST(what_was_adopted_goes_with_the_first_good_plan_even_after_a_refused_one)
{
	uint32_t one[] = {1, 1};
	struct sample small, huge;
	struct plan empty = {.number = 3};
	struct diags diags = {0};
	char *why = NULL;

	up();
	sample_init(&small, 1, 2, one, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &small.plan, &diags), 0);
	datapath_close(dp);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
	sample_init(&huge, 2, 2, one, SHUNT_MAX_ENDPOINTS / 2 + 1);
	CU_ASSERT_EQUAL(datapath_sync(dp, &huge.plan, &diags), -ENOSPC);
	CU_ASSERT_PTR_NOT_NULL(route_in_force());
	CU_ASSERT_EQUAL(datapath_sync(dp, &empty, &diags), 0);
	CU_ASSERT_PTR_NULL(route_in_force());
	diags_free(&diags);
	down();
	sample_free(&small);
	sample_free(&huge);
}

TEST(slots_that_were_all_written_once_are_no_limit_after_a_restart)
{
	uint32_t weights[] = {3, 1};
	struct sample a, b;
	struct diags diags = {0};
	char *why = NULL;

	up();
	sample_init(&a, 1, 2, weights, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	slots_reach(&dp->route_slots, SHUNT_MAX_ROUTES);
	for (uint32_t i = 0; i < SHUNT_MAX_ROUTES; i++)
		if (!dp->routes[i].generation)
			dp->routes[i].generation = 1;
	datapath_close(dp);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
	sample_init(&b, 2, 2, weights, 3);
	CU_ASSERT_EQUAL(datapath_sync(dp, &b.plan, &diags), 0);
	CU_ASSERT_EQUAL(diags.nr_errors, 0);
	CU_ASSERT_EQUAL(route_in_force()->plan, 2);
	down();
	sample_free(&a);
	sample_free(&b);
}

TEST(an_address_that_stands_twice_is_one_service)
{
	uint32_t one[] = {1};
	struct plan empty = {.number = 3};
	struct inet twice[2];
	struct sample a, b;
	struct diags diags = {0};

	up();
	sample_init(&a, 1, 1, one, 1);
	twice[0] = twice[1] = a.address;
	a.host.addresses = twice;
	a.host.nr_addresses = 2;
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	sample_init(&b, 2, 1, one, 2);
	b.host.addresses = twice;
	b.host.nr_addresses = 2;
	CU_ASSERT_EQUAL(datapath_sync(dp, &b.plan, &diags), 0);
	CU_ASSERT_EQUAL(route_in_force()->plan, 2);
	CU_ASSERT_EQUAL(datapath_sync(dp, &empty, &diags), 0);
	CU_ASSERT_PTR_NULL(route_in_force());
	down();
	sample_free(&a);
	sample_free(&b);
}

TEST(two_hosts_that_want_one_address_share_no_memory)
{
	uint32_t one[] = {1};
	struct plan empty = {.number = 3};
	struct sample a, b;
	struct diags diags = {0};

	up();
	sample_init(&a, 1, 1, one, 1);
	sample_init(&b, 1, 1, one, 1);
	b.host.host = "b.default.svc.cluster.local";
	strmap_put(&a.plan.hosts, b.host.host, &b.host);
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	CU_ASSERT_PTR_NOT_NULL(route_in_force());
	CU_ASSERT_EQUAL(datapath_sync(dp, &empty, &diags), 0);
	CU_ASSERT_PTR_NULL(route_in_force());
	down();
	sample_free(&a);
	sample_free(&b);
}

TEST(slots_come_back_after_they_rested)
{
	uint32_t weights[] = {2, 1};
	struct sample a, b;
	struct diags diags = {0};
	uint32_t endpoints, routes;
	int wait;

	up();
	sample_init(&a, 1, 2, weights, 4);
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	endpoints = dp->endpoint_slots.nr_used;
	routes = dp->route_slots.nr_used;
	sample_init(&b, 2, 2, weights, 3);
	CU_ASSERT_EQUAL(datapath_sync(dp, &b.plan, &diags), 0);
	CU_ASSERT_EQUAL(dp->endpoint_slots.nr_used, endpoints + 6);
	while ((wait = datapath_reclaim(dp)) >= 0)
		usleep(wait * 1000);
	CU_ASSERT_EQUAL(dp->endpoint_slots.nr_used, 6);
	CU_ASSERT_EQUAL(dp->route_slots.nr_used, routes);
	CU_ASSERT_EQUAL(dp->endpoint_state_slots.nr_used, 6);
	down();
	sample_free(&a);
	sample_free(&b);
}

TEST(an_empty_plan_leaves_no_service)
{
	uint32_t one[] = {1};
	struct sample a;
	struct plan empty = {.number = 2};
	struct diags diags = {0};

	up();
	sample_init(&a, 1, 1, one, 1);
	CU_ASSERT_EQUAL(datapath_sync(dp, &a.plan, &diags), 0);
	CU_ASSERT_PTR_NOT_NULL(route_in_force());
	CU_ASSERT_EQUAL(datapath_sync(dp, &empty, &diags), 0);
	CU_ASSERT_PTR_NULL(route_in_force());
	down();
	sample_free(&a);
}

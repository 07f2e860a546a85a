/* SPDX-License-Identifier: GPL-2.0 */
/* What a host is to whom, put into real maps and read back; needs root, as all tests do. */
#include <bpf/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "scratch.h"

static void again(void)
{
	char *why = NULL;

	datapath_close(dp);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
}

/* Two subsets and three ways to split between them, for one host with one port. */
struct sample {
	struct plan_endpoint endpoints[2];
	struct plan_cluster clusters[2];
	struct plan_split splits[3][2];
	uint8_t schedule[4];
	struct plan_port ports[3];
	struct inet address;
	struct plan_host host;
	struct plan_view views[2];
	struct plan plan;
};
enum { THREE_TO_ONE, ONE_TO_THREE, TWO_TO_TWO };

static void sample_init(struct sample *s, uint32_t number)
{
	static const uint32_t weights[3][2] = {{3, 1}, {1, 3}, {2, 2}};
	static const char *const subsets[] = {"v1", "v2"}, *const at[] = {"10.244.0.1", "10.244.0.2"};

	memset(s, 0, sizeof(*s));
	inet_parse("10.96.0.78", &s->address);
	for (int i = 0; i < 2; i++) {
		inet_parse(at[i], &s->endpoints[i].ipv4);
		s->endpoints[i].has_ipv4 = true;
		s->endpoints[i].port = 8080;
		s->endpoints[i].share = 1;
		s->clusters[i] = (struct plan_cluster){.host = "a.default.svc.cluster.local",
						       .subset = subsets[i], .port = 80,
						       .endpoints = &s->endpoints[i],
						       .nr_endpoints = 1};
	}
	for (int i = 0; i < 3; i++) {
		struct plan_port *port = &s->ports[i];

		for (int j = 0; j < 2; j++)
			s->splits[i][j] = (struct plan_split){weights[i][j], &s->clusters[j]};
		*port = (struct plan_port){.port = 80,
					   .route = {.splits = s->splits[i], .nr_splits = 2,
						     .total = 4, .schedule = s->schedule}};
	}
	s->host = (struct plan_host){.host = "a.default.svc.cluster.local",
				     .id = "Service/default/a", .addresses = &s->address,
				     .nr_addresses = 1, .ports = &s->ports[THREE_TO_ONE],
				     .nr_ports = 1, .visible = true, .views = s->views};
	s->plan.number = number;
	strmap_put(&s->plan.hosts, s->host.host, &s->host);
}

static void scope_add(struct sample *s, struct plan_scope *scope)
{
	strmap_put(&s->plan.scopes, scope->key, scope);
}

/* `ports` NULL: it is not there for them. */
static void view_add(struct sample *s, struct plan_port *ports, const char **scopes, size_t nr)
{
	s->views[s->host.nr_views++] = (struct plan_view){
		.scopes = scopes, .nr_scopes = nr, .visible = ports, .ports = ports,
		.nr_ports = ports ? 1 : 0, .addresses = &s->address, .nr_addresses = ports ? 1 : 0,
	};
}

static void sync_to(struct sample *s)
{
	struct diags diags = {0};

	CU_ASSERT_EQUAL(datapath_sync(dp, &s->plan, &diags), 0);
	CU_ASSERT_EQUAL(diags.nr_errors, 0);
}

static void sample_free(struct sample *s)
{
	strmap_free(&s->plan.hosts);
	strmap_free(&s->plan.scopes);
}

/* The route under the sample's address for a scope. */
static const struct route *route_of(uint32_t scope)
{
	struct service_key key = {.port = 80, .protocol = 6, .scope = scope};
	struct inet a;
	uint32_t slot;

	inet_parse("10.96.0.78", &a);
	memcpy(key.address, a.byte, 16);
	if (bpf_map_lookup_elem(dp->fds[MAP_SERVICES], &key, &slot))
		return NULL;
	return &dp->routes[(uint32_t)dp->services[slot].word];
}

static uint32_t number_of(const char *key)
{
	return datapath_scope_number(dp, key);
}

static struct plan_scope red = {.key = "default{team=red}"}, blue = {.key = "default{team=blue}"};
static struct plan_scope closed = {.key = "closed", .closed = true};
static const char *only_red[] = {"default{team=red}"};
static const char *red_and_blue[] = {"default{team=red}", "default{team=blue}"};
static const char *only_closed[] = {"closed"};

TEST(a_view_has_entries_of_its_own_and_everyones_says_so)
{
	struct sample plain, scoped;
	uint32_t turn;

	up();
	sample_init(&plain, 1);
	sync_to(&plain);
	turn = route_of(SCOPE_ALL)->turn;
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, 0);
	sample_init(&scoped, 2);
	scope_add(&scoped, &red);
	scope_add(&scoped, &blue);
	view_add(&scoped, &scoped.ports[ONE_TO_THREE], red_and_blue, 2);
	sync_to(&scoped);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, ROUTE_SCOPED);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->turn, turn);
	CU_ASSERT_PTR_NOT_NULL_FATAL(route_of(number_of(red.key)));
	CU_ASSERT_PTR_EQUAL(route_of(number_of(red.key)), route_of(number_of(blue.key)));
	CU_ASSERT_NOT_EQUAL(route_of(number_of(red.key))->turn, turn);
	CU_ASSERT_EQUAL(dp->control->callers, CALLERS_FOLLOWED);
	down();
	sample_free(&plain);
	sample_free(&scoped);
}

TEST(a_view_keeps_its_position_when_its_scopes_change_and_over_a_restart)
{
	struct sample both, one, after;
	uint32_t turn, number;

	up();
	sample_init(&both, 1);
	scope_add(&both, &red);
	scope_add(&both, &blue);
	view_add(&both, &both.ports[ONE_TO_THREE], red_and_blue, 2);
	sync_to(&both);
	number = number_of(blue.key);
	turn = route_of(number)->turn;
	dp->turns[turn].next = 41;
	sample_init(&one, 2);
	scope_add(&one, &red);
	view_add(&one, &one.ports[ONE_TO_THREE], only_red, 1);
	sync_to(&one);
	CU_ASSERT_PTR_NULL(route_of(number));
	CU_ASSERT_EQUAL(number_of(blue.key), SCOPE_ALL);
	CU_ASSERT_EQUAL(route_of(number_of(red.key))->turn, turn);
	number = number_of(red.key);
	again();
	sample_init(&after, 3);
	scope_add(&after, &red);
	view_add(&after, &after.ports[ONE_TO_THREE], only_red, 1);
	sync_to(&after);
	CU_ASSERT_EQUAL(number_of(red.key), number);
	CU_ASSERT_EQUAL(route_of(number)->turn, turn);
	CU_ASSERT_EQUAL(dp->turns[turn].next, 41);
	down();
	sample_free(&both);
	sample_free(&one);
	sample_free(&after);
}

TEST(what_is_hidden_from_a_scope_is_unknown_to_it)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	scope_add(&s, &red);
	view_add(&s, NULL, only_red, 1);
	sync_to(&s);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->kind, ROUTE_STEER);
	CU_ASSERT_EQUAL(route_of(number_of(red.key))->kind, ROUTE_UNKNOWN);
	down();
	sample_free(&s);
}

TEST(what_is_there_for_one_scope_only_is_unknown_to_everyone)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	s.host.visible = false;
	scope_add(&s, &red);
	view_add(&s, &s.ports[ONE_TO_THREE], only_red, 1);
	sync_to(&s);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->kind, ROUTE_UNKNOWN);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, ROUTE_SCOPED);
	CU_ASSERT_EQUAL(route_of(number_of(red.key))->kind, ROUTE_STEER);
	down();
	sample_free(&s);
}

TEST(a_closed_scope_shares_the_record_it_has_in_common_with_everyone)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	scope_add(&s, &closed);
	view_add(&s, &s.ports[THREE_TO_ONE], only_closed, 1);
	sync_to(&s);
	CU_ASSERT_PTR_NOT_NULL_FATAL(route_of(number_of(closed.key)));
	CU_ASSERT_PTR_EQUAL(route_of(number_of(closed.key)), route_of(SCOPE_ALL));
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, 0);
	CU_ASSERT_EQUAL(dp->control->callers, CALLERS_FOLLOWED | CALLERS_FIRST);
	down();
	sample_free(&s);
}

TEST(a_port_that_is_refused_without_the_proxy_says_so_in_the_kernel)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	s.ports[THREE_TO_ONE].verdict = VERDICT_PROXY;
	s.ports[THREE_TO_ONE].on_failure = FAILURE_REFUSE;
	sync_to(&s);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->kind, ROUTE_REFUSE);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, ROUTE_PROXIED);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->nr_clusters, 0);
	down();
	sample_free(&s);
}

TEST(a_port_for_the_proxy_has_its_bypass_beside_it)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	s.ports[THREE_TO_ONE].verdict = VERDICT_PROXY;
	scope_add(&s, &red);
	view_add(&s, &s.ports[ONE_TO_THREE], only_red, 1);
	sync_to(&s);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->kind, ROUTE_STEER);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, ROUTE_PROXIED | ROUTE_SCOPED);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->nr_clusters, 2);
	CU_ASSERT_EQUAL(route_of(number_of(red.key))->flags, 0);
	down();
	sample_free(&s);
}

TEST(a_tls_port_is_not_for_the_proxy)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	s.ports[THREE_TO_ONE].verdict = VERDICT_PROXY;
	s.ports[THREE_TO_ONE].protocol = PROTOCOL_TLS;
	sync_to(&s);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->kind, ROUTE_STEER);
	CU_ASSERT_EQUAL(route_of(SCOPE_ALL)->flags, 0);
	down();
	sample_free(&s);
}

/* ---- callers ---- */

static uint64_t word_of(uint64_t netns)
{
	uint32_t slot;

	if (bpf_map_lookup_elem(dp->fds[MAP_SCOPES], &netns, &slot))
		return UINT64_MAX;
	CU_ASSERT_EQUAL(dp->callers[slot].netns, netns);
	return dp->callers[slot].word;
}

static struct plan_scope *move_to;

static void move(const struct plan *plan, void *arg)
{
	(void)arg;
	CU_ASSERT_EQUAL(datapath_scope_set(dp, 77, move_to), 0);
	if (plan->number == 2) { /* learnt, and not in force before its entries are */
		CU_ASSERT_PTR_NOT_NULL(route_of(number_of(red.key)));
		CU_ASSERT_EQUAL(word_of(77), number_of(red.key));
	}
}

TEST(callers_move_while_both_plans_are_there)
{
	static const char *only_blue[] = {"default{team=blue}"};
	struct sample first, second;

	up();
	datapath_follow(dp, move, NULL);
	sample_init(&first, 1);
	scope_add(&first, &red);
	view_add(&first, &first.ports[ONE_TO_THREE], only_red, 1);
	move_to = &red;
	sync_to(&first);
	CU_ASSERT_EQUAL(word_of(77), number_of(red.key));
	sample_init(&second, 2);
	scope_add(&second, &blue);
	view_add(&second, &second.ports[TWO_TO_TWO], only_blue, 1);
	move_to = &blue;
	sync_to(&second);
	CU_ASSERT_EQUAL(word_of(77), number_of(blue.key));
	CU_ASSERT_EQUAL(number_of(red.key), SCOPE_ALL);
	datapath_scope_remove(dp, 77);
	CU_ASSERT_EQUAL(word_of(77), UINT64_MAX);
	down();
	sample_free(&first);
	sample_free(&second);
}

TEST(a_caller_left_in_a_scope_that_goes_is_nobodys)
{
	struct plan empty = {.number = 2};
	struct diags diags = {0};
	struct sample s;

	up();
	sample_init(&s, 1);
	scope_add(&s, &closed);
	view_add(&s, &s.ports[THREE_TO_ONE], only_closed, 1);
	sync_to(&s);
	CU_ASSERT_EQUAL(datapath_scope_set(dp, 78, &closed), 0);
	CU_ASSERT_EQUAL(word_of(78), number_of(closed.key) | CALLER_CLOSED << CALLER_SHIFT);
	again();
	CU_ASSERT_EQUAL(datapath_sync(dp, &empty, &diags), 0);
	CU_ASSERT_EQUAL(word_of(78), CALLER_NOBODY << CALLER_SHIFT);
	CU_ASSERT_EQUAL(dp->control->callers, 0);
	down();
	sample_free(&s);
}

/* ---- many changes ---- */

#define CHANGES 1000
#define KILLS 30

static struct plan_scope any_scopes[4] = {{.key = "a"}, {.key = "b"}, {.key = "c"}, {.key = "d"}};
static const char *kind_keys[4] = {"a", "b", "c", "d"};
static unsigned seed = 1;

static bool chance(unsigned one_in)
{
	seed = seed * 1103515245 + 12345;
	return (seed >> 16) % one_in == 0;
}

/* Some scopes, each closed or not, with a view of its own or hidden or like everyone. */
static void sample_any(struct sample *s, uint32_t number)
{
	static struct plan_scope states[2][4];
	struct plan_scope *scopes = states[number % 2]; /* the last plan lives till this is synced */

	sample_init(s, number);
	memcpy(scopes, any_scopes, sizeof(any_scopes));
	s->host.visible = !chance(5);
	s->host.ports = &s->ports[chance(2) ? THREE_TO_ONE : TWO_TO_TWO];
	for (int i = 0; i < 4; i++) {
		if (chance(2))
			continue;
		scopes[i].closed = chance(4);
		scopes[i].registry_only = chance(4);
		scope_add(s, &scopes[i]);
		if (s->host.nr_views < 2 && !chance(3))
			view_add(s, chance(4) ? NULL : &s->ports[chance(2) ? ONE_TO_THREE : TWO_TO_TWO],
				 &kind_keys[i], 1);
	}
}

static void move_any(const struct plan *plan, void *arg)
{
	(void)arg;
	if (!chance(16))
		return; /* a move takes some grace periods */
	for (uint64_t netns = 100; netns < 106; netns++) {
		const struct plan_scope *scope =
			strmap_get(&plan->scopes, kind_keys[chance(2) ? 0 : netns % 4]);

		if (chance(6))
			datapath_scope_remove(dp, netns);
		else if (chance(4))
			CU_ASSERT_EQUAL(datapath_scope_nobody(dp, netns), 0)
		else
			CU_ASSERT_EQUAL(datapath_scope_set(dp, netns, scope), 0);
	}
}

static unsigned count(enum map_id map)
{
	char key[sizeof(struct service_key)], last[sizeof(key)], *previous = NULL;
	unsigned n = 0;

	while (!bpf_map_get_next_key(dp->fds[map], previous, key)) {
		memcpy(last, key, sizeof(last));
		previous = last;
		n++;
	}
	return n;
}

/* Nothing is in force, and nothing is left but the host's own network namespace. */
static void expect_nothing(uint32_t number)
{
	const struct slots *all[] = {&dp->service_slots, &dp->route_slots, &dp->schedule_slots,
				     &dp->turn_slots, &dp->cluster_slots, &dp->endpoint_slots,
				     &dp->cluster_state_slots, &dp->endpoint_state_slots};
	struct plan empty = {.number = number};
	struct diags diags = {0};
	int ms;

	datapath_follow(dp, NULL, NULL);
	CU_ASSERT_EQUAL(datapath_sync(dp, &empty, &diags), 0);
	for (uint64_t netns = 100; netns < 106; netns++)
		datapath_scope_remove(dp, netns);
	while ((ms = datapath_reclaim(dp)) >= 0)
		usleep((useconds_t)ms * 1000 + 1000);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		CU_ASSERT_EQUAL(all[i]->nr_used, 0);
	CU_ASSERT_EQUAL(dp->scope_slots.nr_used, SCOPE_FIRST);
	CU_ASSERT_EQUAL(dp->caller_slots.nr_used, 1);
	CU_ASSERT_EQUAL(count(MAP_SERVICES), 0);
	CU_ASSERT_EQUAL(count(MAP_SCOPES), 1);
	CU_ASSERT_EQUAL(count(MAP_SCOPE_NAMES), 0);
	CU_ASSERT_EQUAL(count(MAP_CLUSTER_NAMES), 0);
}

TEST(after_many_changes_of_scopes_nothing_is_left)
{
	struct sample s[2] = {0};

	up();
	datapath_follow(dp, move_any, NULL);
	for (uint32_t i = 1; i <= CHANGES; i++) {
		struct sample *next = &s[i % 2];

		sample_free(next);
		sample_any(next, i);
		sync_to(next);
	}
	expect_nothing(CHANGES + 1);
	down();
	sample_free(&s[0]);
	sample_free(&s[1]);
}

static void sync_for_ever(void)
{
	struct sample s[2] = {0};

	datapath_follow(dp, move_any, NULL);
	for (uint32_t i = 1;; i++) {
		sample_free(&s[i % 2]);
		sample_any(&s[i % 2], i);
		sync_to(&s[i % 2]);
	}
}

TEST(what_an_agent_leaves_that_is_killed_in_a_sync_is_adopted_and_goes)
{
	up();
	for (int i = 0; i < KILLS; i++) {
		pid_t child = fork();

		if (!child)
			sync_for_ever();
		usleep(5000 + i * 997);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		seed += 7;
		again();
	}
	expect_nothing(1);
	down();
}

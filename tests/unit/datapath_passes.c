/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses that pass as dialled, put into real maps for callers who are refused the unknown. */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "scratch.h"

static struct plan_scope opened = {.key = "opened", .registry_only = true};
static struct plan_scope closed = {.key = "closed", .registry_only = true, .closed = true};
static const char *only_opened[] = {"opened"}, *only_closed[] = {"closed"};

/* A host without an address of its own, with one server behind its untouched port. */
struct sample {
	struct plan_address server;
	struct plan_port port;
	struct plan_view view;
	struct plan_host host;
	struct plan plan;
};

static void sample_init(struct sample *s, uint32_t number)
{
	memset(s, 0, sizeof(*s));
	s->server.port = 8080;
	inet_parse("10.244.0.1", &s->server.address);
	s->port = (struct plan_port){.port = 80, .verdict = VERDICT_UNTOUCHED,
				     .passes = &s->server, .nr_passes = 1};
	s->host = (struct plan_host){.host = "db", .id = "Service/default/db", .ports = &s->port,
				     .nr_ports = 1, .visible = true, .views = &s->view};
	s->plan.number = number;
	strmap_put(&s->plan.hosts, s->host.host, &s->host);
}

/* What callers of some scopes see of it: the same, or nothing. */
static void view_set(struct sample *s, const char **scopes, bool visible)
{
	s->view = (struct plan_view){.scopes = scopes, .nr_scopes = 1, .visible = visible,
				     .ports = &s->port, .nr_ports = visible ? 1 : 0};
	s->host.nr_views = 1;
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

/* Kind and flags of the server's entry for a scope; -1: there is none. */
static int entry(uint32_t scope)
{
	struct service_key key = {.port = 8080, .protocol = 6, .scope = scope};
	const struct route *r;
	struct inet a;
	uint32_t slot;

	inet_parse("10.244.0.1", &a);
	memcpy(key.address, a.byte, 16);
	if (bpf_map_lookup_elem(dp->fds[MAP_SERVICES], &key, &slot))
		return -1;
	r = &dp->routes[(uint32_t)dp->services[slot].word];
	return r->kind | r->flags << 8;
}
#define SCOPED (ROUTE_SCOPED << 8)

TEST(servers_have_entries_only_while_someone_is_refused_the_unknown)
{
	struct sample plain, refusing, after;
	char *why = NULL;

	up();
	sample_init(&plain, 1);
	sync_to(&plain);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), -1);
	sample_init(&refusing, 2);
	strmap_put(&refusing.plan.scopes, opened.key, &opened);
	sync_to(&refusing);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), ROUTE_UNTOUCHED);
	datapath_close(dp);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
	sync_to(&refusing);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), ROUTE_UNTOUCHED);
	sample_init(&after, 3);
	sync_to(&after);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), -1);
	CU_ASSERT_EQUAL(dp->ports.nr, 0);
	down();
	sample_free(&plain);
	sample_free(&refusing);
	sample_free(&after);
}

TEST(servers_that_some_do_not_see_are_unknown_to_those)
{
	struct sample hidden, private;
	uint32_t number;

	up();
	sample_init(&hidden, 1);
	strmap_put(&hidden.plan.scopes, opened.key, &opened);
	view_set(&hidden, only_opened, false);
	sync_to(&hidden);
	number = datapath_scope_number(dp, opened.key);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), ROUTE_UNTOUCHED | SCOPED);
	CU_ASSERT_EQUAL(entry(number), ROUTE_UNKNOWN);
	sample_init(&private, 2);
	strmap_put(&private.plan.scopes, opened.key, &opened);
	view_set(&private, only_opened, true);
	private.host.visible = false;
	sync_to(&private);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), ROUTE_UNKNOWN | SCOPED);
	CU_ASSERT_EQUAL(entry(number), ROUTE_UNTOUCHED);
	down();
	sample_free(&hidden);
	sample_free(&private);
}

TEST(servers_have_entries_of_a_closed_scope_alone)
{
	struct sample s;

	up();
	sample_init(&s, 1);
	strmap_put(&s.plan.scopes, closed.key, &closed);
	view_set(&s, only_closed, true);
	sync_to(&s);
	CU_ASSERT_EQUAL(entry(SCOPE_ALL), -1);
	CU_ASSERT_EQUAL(entry(datapath_scope_number(dp, closed.key)), ROUTE_UNTOUCHED);
	down();
	sample_free(&s);
}

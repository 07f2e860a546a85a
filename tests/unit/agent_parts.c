// SPDX-License-Identifier: GPL-2.0
/* Which parts the proxy is told of when a plan follows another one. */
#include "agent/parts.h"
#include "plan_mesh.h"
#include "snapshot/block.h"

#define SERVICE(name, address)                                                                     \
	"apiVersion: v1\n"                                                                         \
	"kind: Service\n"                                                                          \
	"metadata: {name: " name "}\n"                                                             \
	"spec: {clusterIP: " address ", ports: [{name: http, port: 80}, {name: http2, port: 81}]}\n" \
	"---\n"
#define ROUTED(name, timeout)                                                                      \
	"apiVersion: networking.istio.io/v1\n"                                                     \
	"kind: VirtualService\n"                                                                   \
	"metadata: {name: " name "}\n"                                                             \
	"spec:\n"                                                                                  \
	"  hosts: [" name "]\n"                                                                    \
	"  http: [{timeout: " timeout ", route: [{destination: {host: " name "}}]}]\n"             \
	"---\n"
#define TWO SERVICE("a", "10.96.0.1") SERVICE("b", "10.96.0.2")

static uint32_t numbers = 1; /* of all scopes; another one with each renumbering */

static uint32_t number_of(const char *key, void *arg)
{
	(void)key;
	(void)arg;
	return numbers;
}

struct told {
	struct arena *arena;
	void *bytes;
	struct table *table;
	size_t nr_new;
};

/* What a block says. */
static struct told tell(struct parts *p, bool all)
{
	struct told t = {.arena = arena_new()};
	size_t size;

	CU_ASSERT_EQUAL_FATAL(parts_block(p, all, &t.bytes, &size), 0);
	CU_ASSERT_EQUAL_FATAL(block_read(t.bytes, size, t.arena, &t.table), 0);
	for (size_t i = 0; i < t.table->nr_parts; i++)
		t.nr_new += t.table->parts[i].bytes != NULL;
	return t;
}

static void told_free(struct told *t)
{
	arena_free(t->arena);
	free(t->bytes);
}

/* The host of a part that the block brings. */
static bool is_of(const struct told *t, size_t i, const char *host)
{
	struct table_part *part = NULL;
	const struct table_ref *r = &t->table->parts[i];

	return r->bytes && !part_read(r->bytes, r->size, t->arena, &part) &&
	       !strncmp(part->host, host, strlen(host)) && part->host[strlen(host)] == '.';
}

TEST(a_change_of_one_host_is_told_alone)
{
	struct mesh m = mesh_new(TWO ROUTED("a", "1s") ROUTED("b", "1s"));
	struct parts *p = parts_new(number_of, NULL, NULL, NULL);
	uint64_t a, b;
	struct told t;

	CU_ASSERT(parts_learn(p, m.plan));
	t = tell(p, false);
	CU_ASSERT_EQUAL_FATAL(t.table->nr_parts, 2);
	CU_ASSERT(is_of(&t, 0, "a") && is_of(&t, 1, "b"));
	a = t.table->parts[0].id;
	b = t.table->parts[1].id;
	told_free(&t);
	plan_free(mesh_put(&m, ROUTED("b", "2s")));
	CU_ASSERT(parts_learn(p, m.plan));
	CU_ASSERT_EQUAL(parts_plan(p), m.plan->number);
	t = tell(p, false);
	CU_ASSERT_EQUAL_FATAL(t.table->nr_parts, 2);
	CU_ASSERT_EQUAL(t.nr_new, 1);
	CU_ASSERT_EQUAL(t.table->parts[0].id, a);
	CU_ASSERT(t.table->parts[1].id != b);
	CU_ASSERT(is_of(&t, 1, "b"));
	told_free(&t);
	t = tell(p, true);
	CU_ASSERT_EQUAL(t.nr_new, 2);
	CU_ASSERT_EQUAL(t.table->parts[0].id, a);
	told_free(&t);
	parts_free(p);
	mesh_free(&m);
}

/* One host and what is told of it once. */
static struct parts *learned(struct mesh *m)
{
	struct parts *p = parts_new(number_of, NULL, NULL, NULL);
	struct told t;

	CU_ASSERT(parts_learn(p, m->plan));
	t = tell(p, false);
	told_free(&t);
	return p;
}

/* The parts that a block brings after these objects came; -1: nothing has to be told. */
static int nr_new(struct parts *p, struct mesh *m, const char *text)
{
	struct told t;
	int nr;

	plan_free(mesh_put(m, text));
	if (!parts_learn(p, m->plan))
		return -1;
	t = tell(p, false);
	nr = (int)t.nr_new;
	told_free(&t);
	return nr;
}

TEST(what_the_proxy_does_not_know_is_not_told)
{
	struct mesh m = mesh_new(TWO ROUTED("a", "1s"));
	struct parts *p = learned(&m);

	CU_ASSERT_EQUAL(nr_new(p, &m,
			       "apiVersion: v1\n"
			       "kind: Service\n"
			       "metadata: {name: c}\n"
			       "spec: {clusterIP: 10.96.0.3, ports: [{name: tcp, port: 80}]}\n"),
			-1);
	CU_ASSERT_EQUAL(nr_new(p, &m, SERVICE("a", "10.96.0.1")), -1); /* as it was */
	CU_ASSERT_EQUAL(parts_plan(p), 1);
	CU_ASSERT_EQUAL(nr_new(p, &m, SERVICE("a", "10.96.0.9")), 1);
	CU_ASSERT_EQUAL(parts_plan(p), 4);
	parts_free(p);
	mesh_free(&m);
}

TEST(a_host_that_comes_is_told_and_one_that_goes_is_left_out)
{
	struct mesh m = mesh_new(TWO ROUTED("a", "1s"));
	struct parts *p = learned(&m);
	struct config_set set = {0};
	struct told t;

	CU_ASSERT_EQUAL(nr_new(p, &m, SERVICE("c", "10.96.0.3")), 1);
	config_set_copy(&set, &m.set);
	config_set_remove(&set, KIND_SERVICE, "default", "b");
	plan_free(mesh_set(&m, &set));
	CU_ASSERT(parts_learn(p, m.plan));
	t = tell(p, false);
	CU_ASSERT_EQUAL(t.table->nr_parts, 2);
	CU_ASSERT_EQUAL(t.nr_new, 0);
	told_free(&t);
	t = tell(p, true);
	CU_ASSERT(is_of(&t, 0, "a") && is_of(&t, 1, "c"));
	told_free(&t);
	parts_free(p);
	mesh_free(&m);
}

/* Any host can be named on a connection to that number. */
TEST(a_port_number_that_is_new_to_the_proxy_concerns_all_hosts)
{
	struct mesh m = mesh_new(TWO ROUTED("a", "1s"));
	struct parts *p = learned(&m);

	CU_ASSERT_EQUAL(nr_new(p, &m,
			       "apiVersion: v1\n"
			       "kind: Service\n"
			       "metadata: {name: c}\n"
			       "spec: {clusterIP: 10.96.0.3, ports: [{name: http, port: 82}]}\n"
			       "---\n" ROUTED("c", "1s")),
			1);
	CU_ASSERT_EQUAL(nr_new(p, &m,
			       "apiVersion: v1\n"
			       "kind: Service\n"
			       "metadata: {name: a}\n"
			       "spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 82}]}\n"),
			1);
	CU_ASSERT_EQUAL(nr_new(p, &m, SERVICE("a", "10.96.0.1")), 1);
	parts_free(p);
	mesh_free(&m);
}

TEST(callers_that_are_numbered_anew_are_told)
{
	struct mesh m = mesh_new(TWO ROUTED("a", "1s")
				 "apiVersion: v1\n"
				 "kind: Pod\n"
				 "metadata: {name: web, labels: {app: web}}\n"
				 "status: {podIP: 10.1.0.9}\n"
				 "---\n"
				 "apiVersion: networking.istio.io/v1\n"
				 "kind: VirtualService\n"
				 "metadata: {name: b}\n"
				 "spec:\n"
				 "  hosts: [b]\n"
				 "  http:\n"
				 "  - match: [{sourceLabels: {app: web}}]\n"
				 "    timeout: 1s\n"
				 "    route: [{destination: {host: b}}]\n"
				 "  - route: [{destination: {host: b}}]\n");
	struct parts *p = learned(&m);

	CU_ASSERT_FALSE(parts_learn(p, m.plan));
	numbers = 2;
	CU_ASSERT_EQUAL(nr_new(p, &m, SERVICE("a", "10.96.0.1")), 1);
	numbers = 1;
	parts_free(p);
	mesh_free(&m);
}

TEST(without_a_host_that_needs_the_proxy_there_is_nothing_to_tell)
{
	struct mesh m = mesh_new(TWO);
	struct parts *p = parts_new(number_of, NULL, NULL, NULL);
	struct told t;

	parts_learn(p, m.plan);
	t = tell(p, true);
	CU_ASSERT_EQUAL(t.table->nr_parts, 0);
	told_free(&t);
	parts_free(p);
	mesh_free(&m);
}

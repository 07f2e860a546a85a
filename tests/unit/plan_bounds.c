// SPDX-License-Identifier: GPL-2.0
/* What keeps plans small: the bound of delegates, clusters that routes share. */
#include "plan_mesh.h"

#define HEAD(kind, name)                                                                          \
	"---\napiVersion: networking.istio.io/v1\nkind: " kind "\nmetadata: {name: " name "}\n"
#define SERVICE                                                                                   \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: a}\n"                               \
	"spec: {clusterIP: 10.96.0.1, ports: [{name: http, port: 80}]}\n"

static void matches_print(FILE *out, const char *header, unsigned nr)
{
	for (unsigned i = 0; i < nr; i++)
		fprintf(out, "%s{headers: {%s: {exact: v%u}}}", i ? ", " : "", header, i);
}

/* A root and its delegate, with so many matches each. */
static struct mesh delegating(unsigned nr_root, unsigned nr_child)
{
	struct mesh m;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(SERVICE HEAD("VirtualService", "root") "spec: {hosts: [a], http: [{match: [", out);
	matches_print(out, "x", nr_root);
	fputs("], delegate: {name: child}}]}\n" HEAD("VirtualService", "child")
	      "spec: {http: [{match: [", out);
	matches_print(out, "y", nr_child);
	fputs("], route: [{destination: {host: a}}]}]}\n", out);
	fclose(out);
	m = mesh_new(text);
	free(text);
	return m;
}

static const struct plan_host *host_a(const struct mesh *m)
{
	return strmap_get(&m->plan->hosts, "a.default.svc.cluster.local");
}

static bool is_found(const struct plan_host *h, const char *text)
{
	for (size_t i = 0; i < h->findings.list.nr; i++)
		if (strstr(h->findings.list.at[i].text, text))
			return true;
	return false;
}

TEST(delegates_come_to_so_many_matches)
{
	struct mesh m = delegating(128, 128);
	const struct plan_port *port = &host_a(&m)->ports[0];

	CU_ASSERT_EQUAL_FATAL(port->nr_rules, 1);
	CU_ASSERT_EQUAL(port->rules[0].nr_matches, 16384);
	CU_ASSERT_FALSE(is_found(host_a(&m), "passed over"));
	mesh_free(&m);
}

TEST(a_delegate_past_the_bound_is_passed_over)
{
	struct mesh m = delegating(129, 128);

	CU_ASSERT_STRING_EQUAL(host_a(&m)->ports[0].route.object, "");
	CU_ASSERT(is_found(host_a(&m), "past 16384 matches; that route is passed over"));
	mesh_free(&m);
}

TEST(routes_to_one_destination_share_its_cluster)
{
	struct mesh m = mesh_new(
		SERVICE HEAD("VirtualService", "a") "spec: {hosts: [a], http: ["
		"{match: [{uri: {exact: /1}}], route: [{destination: {host: a}}]},"
		"{match: [{uri: {exact: /2}}], route: [{destination: {host: a, subset: v}}]},"
		"{match: [{uri: {exact: /3}}], route: [{destination: {host: a}}]}]}\n");
	const struct plan_rule *r = host_a(&m)->ports[0].rules;

	CU_ASSERT_EQUAL_FATAL(host_a(&m)->ports[0].nr_rules, 3);
	CU_ASSERT_PTR_EQUAL(r[0].route.splits[0].cluster, r[2].route.splits[0].cluster);
	CU_ASSERT_PTR_NOT_EQUAL(r[0].route.splits[0].cluster, r[1].route.splits[0].cluster);
	mesh_free(&m);
}

TEST(names_of_export_to_count_in_any_order)
{
	struct mesh m = mesh_new(SERVICE HEAD("VirtualService", "a")
				 "spec: {hosts: [a], exportTo: [z, b, ., m], http: ["
				 "{route: [{destination: {host: a}}]}]}\n");
	const struct object *o = config_set_get(&m.set, KIND_VIRTUAL_SERVICE, "default", "a");
	static const char *const seeing[] = {"b", "default", "m", "z"};

	for (size_t i = 0; i < 4; i++)
		CU_ASSERT(object_is_visible(o, seeing[i]));
	CU_ASSERT_FALSE(object_is_visible(o, "c"));
	CU_ASSERT_FALSE(object_is_visible(o, ""));
	mesh_free(&m);
}

TEST(a_rule_keeps_only_the_matches_that_can_hold)
{
	struct mesh m = mesh_new(
		SERVICE HEAD("VirtualService", "a") "spec: {hosts: [a], http: ["
		"{match: [{uri: {exact: /1}, port: 81}], route: [{destination: {host: a}}]},"
		"{match: [{uri: {exact: /2}, port: 81}, {uri: {exact: /3}}, {uri: {prefix: /}},"
		" {uri: {exact: /4}}], route: [{destination: {host: a}}]}]}\n");
	const struct plan_port *port = &host_a(&m)->ports[0];

	CU_ASSERT_EQUAL_FATAL(port->nr_rules, 1);
	CU_ASSERT_EQUAL_FATAL(port->rules[0].nr_matches, 2);
	CU_ASSERT_STRING_EQUAL(port->rules[0].matches[0].http.uri.text, "/3");
	CU_ASSERT_STRING_EQUAL(port->rules[0].matches[1].from.field, "spec.http[1].match[2]");
	mesh_free(&m);
}

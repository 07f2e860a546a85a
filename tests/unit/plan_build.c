// SPDX-License-Identifier: GPL-2.0
/* Plans of small sets: what is shared after a change, and that a shared plan equals a new one. */
#include "plan_mesh.h"

static struct plan_host *host_in(const struct plan *p, const char *name)
{
	char host[128];

	snprintf(host, sizeof(host), "%s.default.svc.cluster.local", name);
	return strmap_get(&p->hosts, host);
}

#define SERVICE(name, ip)                                                                         \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                        \
	"spec: {clusterIP: " ip ", selector: {app: " name "},"                                    \
	" ports: [{name: http, port: 80, targetPort: 8080}]}\n"
#define POD(name, app, version, ip)                                                               \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name                                  \
	", labels: {app: " app ", version: " version "}}\n"                                       \
	"spec: {containers: [{name: c, ports: [{containerPort: 8080}]}]}\n"                       \
	"status: {podIP: " ip "}\n"
#define RULE(app)                                                                                 \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: " app   \
	"}\nspec: {host: " app ", subsets: [{name: v1, labels: {version: v1}},"                   \
	" {name: v2, labels: {version: v2}}]}\n"
#define SPLIT(host, to, a, b)                                                                     \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " host   \
	"}\nspec: {hosts: [" host "], http: [{route: ["                                           \
	"{destination: {host: " to ", subset: v1}, weight: " a "},"                               \
	"{destination: {host: " to ", subset: v2}, weight: " b "}]}]}\n"

static const char two[] = SERVICE("a", "10.96.0.1") SERVICE("b", "10.96.0.2")
	POD("a1", "a", "v1", "10.0.0.1") POD("a2", "a", "v2", "10.0.0.2")
	POD("b1", "b", "v1", "10.0.0.3") RULE("a") SPLIT("a", "a", "75", "25");

TEST(weights_are_divided_and_scheduled)
{
	struct mesh m = mesh_new(two);
	const struct plan_route *r = &host_in(m.plan, "a")->ports[0].route;

	CU_ASSERT_EQUAL(r->nr_splits, 2);
	CU_ASSERT_EQUAL(r->total, 4);
	CU_ASSERT_EQUAL(r->splits[0].weight, 3);
	CU_ASSERT_STRING_EQUAL(r->object, "VirtualService/default/a");
	CU_ASSERT_STRING_EQUAL(r->splits[1].cluster->subset, "v2");
	CU_ASSERT_EQUAL(r->splits[1].cluster->nr_endpoints, 1);
	CU_ASSERT_EQUAL(r->splits[1].cluster->endpoints[0].port, 8080);
	CU_ASSERT_PTR_NOT_NULL(r->schedule);
	mesh_free(&m);
}

TEST(a_change_of_weights_shares_every_other_host)
{
	struct mesh m = mesh_new(two);
	struct plan *old = mesh_put(&m, SPLIT("a", "a", "50", "50"));

	CU_ASSERT_PTR_EQUAL(host_in(old, "b"), host_in(m.plan, "b"));
	CU_ASSERT_PTR_NOT_EQUAL(host_in(old, "a"), host_in(m.plan, "a"));
	CU_ASSERT_EQUAL(host_in(m.plan, "a")->ports[0].route.total, 2);
	CU_ASSERT_EQUAL(host_in(old, "a")->ports[0].route.total, 4);
	plan_free(old);
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

TEST(a_pod_of_the_destination_changes_the_host_that_routes_to_it)
{
	struct mesh m = mesh_new(two);
	struct plan *old;

	plan_free(mesh_put(&m, SPLIT("b", "a", "1", "2")));
	old = mesh_put(&m, POD("a3", "a", "v2", "10.0.0.9"));
	CU_ASSERT_PTR_NOT_EQUAL(host_in(old, "b"), host_in(m.plan, "b"));
	CU_ASSERT_EQUAL(host_in(m.plan, "b")->ports[0].route.splits[1].cluster->nr_endpoints, 2);
	plan_free(old);
	mesh_free(&m);
}

TEST(a_discarded_plan_leaves_the_old_one_of_use)
{
	struct mesh m = mesh_new(two);
	struct config_set trial = {0};
	struct diags diags = {0};
	struct plan *p;

	config_set_copy(&trial, &m.set);
	set_read(&trial, SPLIT("a", "a", "1", "1"));
	plan_build(&trial, &m.set, m.plan, m.addresses, 2, &diags, &p);
	plan_free(p);
	config_set_free(&trial);
	plan_free(mesh_put(&m, RULE("b") SPLIT("b", "b", "1", "9")));
	CU_ASSERT_PTR_NOT_NULL(host_in(m.plan, "b")->ports[0].route.schedule);
	CU_ASSERT(equals_new(&m));
	diags_free(&diags);
	mesh_free(&m);
}

TEST(an_allocated_address_stays_when_the_service_changes)
{
	struct mesh m = mesh_new(SERVICE("a", "\"\""));
	struct inet before = host_in(m.plan, "a")->addresses[0];

	CU_ASSERT(host_in(m.plan, "a")->allocated);
	CU_ASSERT_EQUAL(host_in(m.plan, "a")->nr_addresses, 2);
	plan_free(mesh_put(&m, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
			       "spec: {ports: [{port: 81}]}\n"));
	CU_ASSERT(inet_equal(&before, &host_in(m.plan, "a")->addresses[0]));
	CU_ASSERT_EQUAL(host_in(m.plan, "a")->ports[0].port, 81);
	mesh_free(&m);
}

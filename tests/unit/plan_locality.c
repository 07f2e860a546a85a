// SPDX-License-Identifier: GPL-2.0
/* Who is near whom, and which hosts are planned anew when callers or nodes move. */
#include "plan_mesh.h"

#define NODE(name, region, zone)                                                                   \
	"---\napiVersion: v1\nkind: Node\nmetadata:\n  name: " name                                \
	"\n  labels: {topology.kubernetes.io/region: " region                                      \
	", topology.kubernetes.io/zone: " zone "}\n"
#define POD(name, labels, node, ip)                                                                \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", labels: {" labels "}}\n"       \
	"spec: {nodeName: " node "}\nstatus: {podIP: " ip "}\n"
#define SERVICE(name, ip, more)                                                                    \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                         \
	"spec: {clusterIP: " ip ", selector: {app: web}, ports: [{name: http, port: 80}]" more     \
	"}\n"
#define RULE(name, policy)                                                                         \
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\n"                         \
	"metadata: {name: " name "}\nspec: {host: " name ", trafficPolicy: {" policy "}}\n"

static const char two_zones[] = NODE("one", "eu", "a") NODE("two", "eu", "b")
	POD("near", "app: web", "one", "10.0.0.1") POD("far", "app: web", "two", "10.0.0.2");

static struct mesh mesh_at(const char *node, const char *text)
{
	struct mesh m = mesh_new("");

	m.set.node = node;
	plan_free(mesh_put(&m, two_zones));
	plan_free(mesh_put(&m, text));
	return m;
}

static struct plan_host *host_in(const struct mesh *m, const char *name)
{
	char host[128];

	snprintf(host, sizeof(host), "%s.default.svc.cluster.local", name);
	return strmap_get(&m->plan->hosts, host);
}

/* "0 1": the priorities of a host's servers, for a Pod or (NULL) for everyone else. */
static bool are(const struct mesh *m, const char *host, const char *pod, const char *want)
{
	const struct object *o = pod ? config_set_get(&m->set, KIND_POD, "default", pod) : NULL;
	const struct plan_scope *scope = o ? plan_scope_of(m->plan, o) : NULL;
	const struct plan_port *ports;
	const struct plan_cluster *c;
	char got[64] = "";
	size_t nr;

	plan_view_of(host_in(m, host), scope, &ports, &nr);
	c = (ports[0].nr_rules ? &ports[0].rules[0].route : &ports[0].route)->splits[0].cluster;
	for (size_t i = 0; i < c->nr_endpoints; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u", i ? " " : "",
			 c->endpoints[i].priority);
	if (strcmp(got, want))
		printf("# %s: got %s, want %s\n", host, got, want);
	return !strcmp(got, want);
}

TEST(detection_prefers_servers_of_the_own_zone)
{
	struct mesh m =
		mesh_at("one", SERVICE("web", "10.96.0.1", "") RULE("web", "outlierDetection: {}"));

	CU_ASSERT(are(&m, "web", NULL, "0 1"));
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

TEST(what_a_service_prefers_needs_no_detection)
{
	struct mesh m =
		mesh_at("two", SERVICE("plain", "10.96.0.1", "") SERVICE(
				       "close", "10.96.0.2", ", trafficDistribution: PreferClose"));

	CU_ASSERT(are(&m, "plain", NULL, "0 0"));
	CU_ASSERT(are(&m, "close", NULL, "1 0"));
	mesh_free(&m);
}

TEST(a_node_that_moves_changes_who_is_near)
{
	struct mesh m =
		mesh_at("one", SERVICE("web", "10.96.0.1", "") RULE("web", "outlierDetection: {}"));
	struct plan_host *before;

	plan_free(mesh_put(&m, NODE("one", "eu", "b")));
	CU_ASSERT(are(&m, "web", NULL, "0 0"));
	CU_ASSERT(equals_new(&m));
	plan_free(mesh_put(&m, NODE("one", "us", "b")));
	CU_ASSERT(are(&m, "web", NULL, "0 1"));
	before = host_in(&m, "web");
	plan_free(mesh_put(&m, NODE("three", "us", "b"))); /* nobody is there */
	CU_ASSERT_PTR_EQUAL(host_in(&m, "web"), before);
	mesh_free(&m);
}

TEST(a_pod_can_stand_elsewhere_than_its_node)
{
	struct mesh m =
		mesh_at("one", SERVICE("web", "10.96.0.1", "") RULE("web", "outlierDetection: {}")
				       SERVICE("plain", "10.96.0.2", ""));
	struct plan_host *plain = host_in(&m, "plain");

	plan_free(mesh_put(&m, POD("traveller", "istio-locality: eu.b", "one", "10.0.0.9")));
	CU_ASSERT(are(&m, "web", "traveller", "1 0"));
	CU_ASSERT(are(&m, "web", NULL, "0 1"));
	CU_ASSERT_PTR_EQUAL(host_in(&m, "plain"), plain);
	CU_ASSERT(equals_new(&m));
	/* as long as somebody asks */
	plan_free(mesh_put(&m, RULE("web", "connectionPool: {http: {maxRetries: 1}}")));
	CU_ASSERT_EQUAL(m.plan->scopes.nr, 0);
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

TEST(callers_are_told_apart_by_the_labels_that_failover_compares)
{
	struct mesh m = mesh_at(
		"one",
		SERVICE("web", "10.96.0.1", "") POD("near", "app: web, track: x", "one", "10.0.0.1")
			POD("far", "app: web, track: y", "two", "10.0.0.2") POD("y", "track: y",
										"one", "10.0.0.9")
				RULE("web", "outlierDetection: {}, loadBalancer: "
					    "{localityLbSetting: {failoverPriority: [track]}}"));

	CU_ASSERT(are(&m, "web", "y", "1 0"));
	CU_ASSERT(are(&m, "web", "near", "0 1"));
	CU_ASSERT(are(&m, "web", NULL, "0 0"));
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

// SPDX-License-Identifier: GPL-2.0
/* Who calls: scopes, what each sees, and which hosts are planned anew when callers come and go. */
#include "plan_mesh.h"

#define SERVICE(name, ip)                                                                         \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                        \
	"spec: {clusterIP: " ip ", selector: {app: " name "}, ports: [{name: tcp, port: 80}]}\n"
#define POD(name, namespace, labels, ip)                                                          \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", namespace: " namespace        \
	", labels: {" labels "}}\nstatus: {podIP: " ip "}\n"
#define ROUTE(name, match, to)                                                                    \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"                         \
	"metadata: {name: " name "}\nspec: {hosts: [" name "], tcp: [{match: [{" match "}],"      \
	" route: [{destination: {host: " to "}}]}]}\n"
#define SIDECAR(name, namespace, host)                                                            \
	"---\napiVersion: networking.istio.io/v1\nkind: Sidecar\n"                                \
	"metadata: {name: " name ", namespace: " namespace "}\n"                                  \
	"spec: {egress: [{hosts: [\"" host "\"]}]}\n"

static const char three[] =
	SERVICE("a", "10.96.0.1") SERVICE("b", "10.96.0.2") SERVICE("c", "10.96.0.3");

static struct plan_host *host_in(const struct plan *p, const char *name)
{
	char host[128];

	snprintf(host, sizeof(host), "%s.default.svc.cluster.local", name);
	return strmap_get(&p->hosts, host);
}

static const struct plan_scope *scope_in(const struct mesh *m, const char *namespace,
					 const char *name)
{
	return plan_scope_of(m->plan, config_set_get(&m->set, KIND_POD, namespace, name));
}

/* The object that routes the first port for a Pod; NULL: it sees no such host. */
static const char *route_for(const struct mesh *m, const char *namespace, const char *pod,
			     const char *host)
{
	const struct plan_port *ports;
	size_t nr;

	if (!plan_view_of(host_in(m->plan, host), scope_in(m, namespace, pod), &ports, &nr))
		return NULL;
	return nr ? ports[0].route.object : "";
}

static size_t nr_built(const struct plan *old, const struct plan *new)
{
	const struct strmap_entry *e;
	size_t nr = 0;

	strmap_each(&new->hosts, e)
		nr += strmap_get(&old->hosts, e->key) != e->value;
	return nr;
}

TEST(nobody_is_told_apart_when_no_rule_asks)
{
	struct mesh m = mesh_new(SERVICE("a", "10.96.0.1") POD("p", "x", "app: w", "10.0.0.1"));

	CU_ASSERT_EQUAL(m.plan->scopes.nr, 0);
	CU_ASSERT_PTR_NULL(scope_in(&m, "x", "p"));
	CU_ASSERT_FALSE(host_in(m.plan, "a")->asks);
	mesh_free(&m);
}

TEST(pods_that_are_alike_to_all_rules_share_a_scope)
{
	struct mesh m = mesh_new(
		SERVICE("a", "10.96.0.1") SERVICE("b", "10.96.0.2")
			ROUTE("a", "sourceLabels: {version: v2, app: w}", "b")
				POD("p", "x", "app: w, version: v2, h: '1'", "10.0.0.1")
					POD("q", "y", "h: '2', version: v2, app: w", "10.0.0.2")
						POD("r", "x", "app: w", "10.0.0.3"));
	const struct plan_scope *s = scope_in(&m, "x", "p");

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_STRING_EQUAL(s->key, "*{app=w,version=v2}");
	CU_ASSERT_EQUAL(s->nr_pods, 2);
	CU_ASSERT_PTR_EQUAL(s, scope_in(&m, "y", "q"));
	CU_ASSERT_PTR_NULL(scope_in(&m, "x", "r"));
	CU_ASSERT_STRING_EQUAL(route_for(&m, "x", "p", "a"), "VirtualService/default/a");
	CU_ASSERT_STRING_EQUAL(route_for(&m, "x", "r", "a"), "");
	mesh_free(&m);
}

TEST(a_workload_entry_has_a_scope_too)
{
	struct mesh m = mesh_new(
		SERVICE("a", "10.96.0.1") ROUTE("a", "sourceNamespace: x", "a")
		"---\napiVersion: networking.istio.io/v1\nkind: WorkloadEntry\n"
		"metadata: {name: w, namespace: x}\nspec: {address: 10.0.0.1}\n");
	const struct plan_scope *s =
		plan_scope_of(m.plan, config_set_get(&m.set, KIND_WORKLOAD_ENTRY, "x", "w"));

	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_STRING_EQUAL(s->key, "x");
	mesh_free(&m);
}

TEST(a_new_kind_of_caller_changes_only_hosts_that_ask)
{
	struct mesh m = mesh_new(three);
	struct plan *old;

	plan_free(mesh_put(&m, ROUTE("a", "sourceLabels: {app: w}", "b")));
	CU_ASSERT(host_in(m.plan, "a")->asks);
	CU_ASSERT_EQUAL(host_in(m.plan, "a")->nr_views, 0);
	old = mesh_put(&m, POD("p", "x", "app: w", "10.0.0.1"));
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 1);
	CU_ASSERT_EQUAL(host_in(m.plan, "a")->nr_views, 1);
	plan_free(old);
	old = mesh_put(&m, POD("q", "x", "app: w", "10.0.0.2"));
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 0);
	plan_free(old);
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

TEST(a_sidecar_changes_only_hosts_that_it_shows)
{
	struct mesh m = mesh_new(three);
	struct plan *old;

	plan_free(mesh_put(&m, POD("p", "x", "app: w", "10.0.0.1")));
	old = mesh_put(&m, SIDECAR("s", "x", "default/a.default.svc.cluster.local"));
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 1);
	CU_ASSERT(scope_in(&m, "x", "p")->closed);
	CU_ASSERT_PTR_NOT_NULL(route_for(&m, "x", "p", "a"));
	CU_ASSERT_PTR_NULL(route_for(&m, "x", "p", "b"));
	plan_free(old);
	old = mesh_put(&m, SIDECAR("s", "x", "default/b.default.svc.cluster.local"));
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 2);
	CU_ASSERT_PTR_NULL(route_for(&m, "x", "p", "a"));
	CU_ASSERT_PTR_NOT_NULL(route_for(&m, "x", "p", "b"));
	plan_free(old);
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

TEST(who_sees_what_everyone_sees_shares_it)
{
	struct mesh m = mesh_new(SERVICE("a", "10.96.0.1") POD("p", "x", "app: w", "10.0.0.1")
					 POD("q", "y", "app: w", "10.0.0.2")
						 SIDECAR("s", "x", "default/*")
							 SIDECAR("s", "y", "default/*"));
	const struct plan_host *h = host_in(m.plan, "a");

	CU_ASSERT_EQUAL_FATAL(h->nr_views, 1);
	CU_ASSERT_EQUAL(h->views[0].nr_scopes, 2);
	CU_ASSERT_PTR_EQUAL(h->views[0].ports, h->ports);
	mesh_free(&m);
}

TEST(a_sidecar_that_imports_everything_closes_nothing)
{
	struct mesh m = mesh_new(SERVICE("a", "10.96.0.1") POD("p", "x", "app: w", "10.0.0.1")
					 SIDECAR("s", "x", "*/*"));

	CU_ASSERT_EQUAL(host_in(m.plan, "a")->nr_views, 0);
	CU_ASSERT_PTR_NULL(scope_in(&m, "x", "p"));
	mesh_free(&m);
}

TEST(pods_of_a_gateway_have_no_sidecar)
{
	struct mesh m = mesh_new(
		SERVICE("a", "10.96.0.1") POD("p", "x", "app: w", "10.0.0.1")
			POD("edge", "x", "app: w, istio: edge", "10.0.0.2")
				SIDECAR("s", "x", "./*"));

	CU_ASSERT_PTR_NULL(route_for(&m, "x", "edge", "a"));
	plan_free(mesh_put(&m, "apiVersion: networking.istio.io/v1\nkind: Gateway\n"
			       "metadata: {name: g}\nspec: {selector: {istio: edge}, servers:"
			       " [{port: {number: 80, name: tcp, protocol: TCP},"
			       " hosts: ['*']}]}\n"));
	CU_ASSERT_STRING_EQUAL(scope_in(&m, "x", "edge")->key, "x{istio=edge}");
	CU_ASSERT_PTR_NULL(scope_in(&m, "x", "edge")->sidecar);
	CU_ASSERT_PTR_NOT_NULL(route_for(&m, "x", "edge", "a"));
	CU_ASSERT_PTR_NULL(route_for(&m, "x", "p", "a"));
	CU_ASSERT(equals_new(&m));
	mesh_free(&m);
}

TEST(a_private_host_is_there_for_its_callers_alone)
{
	struct mesh m = mesh_new(
		POD("p", "default", "app: w", "10.0.0.1") POD("q", "x", "app: w", "10.0.0.2")
		"---\napiVersion: v1\nkind: Service\nmetadata: {name: a, annotations:"
		" {networking.istio.io/exportTo: .}}\n"
		"spec: {clusterIP: 10.96.0.1, ports: [{name: tcp, port: 80}]}\n");

	CU_ASSERT_FALSE(host_in(m.plan, "a")->visible);
	CU_ASSERT_EQUAL(host_in(m.plan, "a")->nr_ports, 0);
	CU_ASSERT_PTR_NOT_NULL(route_for(&m, "default", "p", "a"));
	CU_ASSERT_PTR_NULL(route_for(&m, "x", "q", "a"));
	mesh_free(&m);
}

/* ---- what else reaches a host ---- */

#define HTTP(name, more, http)                                                                    \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\n"                         \
	"metadata: {name: " name "}\nspec: {" more "http: [" http "]}\n"

TEST(a_change_of_a_delegate_or_mirror_reaches_the_root)
{
	struct mesh m = mesh_new(three);
	struct plan *old;

	plan_free(mesh_put(&m, HTTP("root", "hosts: [a], ", "{delegate: {name: child}}")));
	old = mesh_put(&m, HTTP("child", "",
				"{route: [{destination: {host: a}}],"
				" mirrors: [{destination: {host: b}}]}"));
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 1);
	CU_ASSERT_PTR_NOT_EQUAL(host_in(old, "a"), host_in(m.plan, "a"));
	plan_free(old);
	old = mesh_put(&m, POD("b1", "default", "app: b", "10.0.0.1"));
	CU_ASSERT_PTR_NOT_EQUAL(host_in(old, "a"), host_in(m.plan, "a"));
	CU_ASSERT_PTR_EQUAL(host_in(old, "c"), host_in(m.plan, "c"));
	plan_free(old);
	mesh_free(&m);
}

TEST(a_node_reaches_the_hosts_of_its_pods_when_it_moves)
{
	static const char pod[] = "---\napiVersion: v1\nkind: Pod\n"
				  "metadata: {name: p, labels: {app: a}}\n"
				  "spec: {nodeName: n}\nstatus: {podIP: 10.0.0.1}\n";
	struct mesh m = mesh_new(three);
	struct plan *old;

	plan_free(mesh_put(&m, pod));
	old = mesh_put(&m, "apiVersion: v1\nkind: Node\nmetadata: {name: n, labels:"
			   " {topology.kubernetes.io/region: eu}}\n");
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 1);
	CU_ASSERT_STRING_EQUAL(
		host_in(m.plan, "a")->ports[0].route.splits[0].cluster->endpoints[0].locality, "eu");
	plan_free(old);
	old = mesh_put(&m, "apiVersion: v1\nkind: Node\nmetadata: {name: n, labels:"
			   " {topology.kubernetes.io/region: eu, other: label}}\n");
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 0);
	plan_free(old);
	mesh_free(&m);
}

TEST(an_alias_follows_what_it_stands_for)
{
	struct mesh m = mesh_new(three);
	struct plan *old;

	plan_free(mesh_put(&m, "apiVersion: v1\nkind: Service\nmetadata: {name: alias}\n"
			       "spec: {type: ExternalName,"
			       " externalName: a.default.svc.cluster.local}\n"));
	CU_ASSERT_STRING_EQUAL(
		host_in(m.plan, "alias")->ports[0].route.splits[0].cluster->host,
		"a.default.svc.cluster.local");
	old = mesh_put(&m, POD("a1", "default", "app: a", "10.0.0.1"));
	CU_ASSERT_EQUAL(nr_built(old, m.plan), 2);
	CU_ASSERT_EQUAL(
		host_in(m.plan, "alias")->ports[0].route.splits[0].cluster->nr_endpoints, 1);
	plan_free(old);
	mesh_free(&m);
}

/* What a Sidecar shows of c.x is a port that another host has, so that no view is made of it. */
TEST(a_finding_goes_with_the_callers_it_is_about)
{
	struct mesh m = mesh_new("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
				 "metadata: {name: a, namespace: b}\n"
				 "spec: {hosts: [a.x], resolution: STATIC,"
				 " ports: [{number: 80, name: http, protocol: HTTP}]}\n---\n"
				 "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
				 "metadata: {name: z, namespace: c}\n"
				 "spec: {hosts: [a.x, c.x], addresses: [192.0.2.1],"
				 " resolution: STATIC,"
				 " ports: [{number: 80, name: http, protocol: HTTP}]}\n---\n"
				 "apiVersion: networking.istio.io/v1\nkind: Sidecar\n"
				 "metadata: {name: s, namespace: d}\n"
				 "spec: {egress: [{hosts: [\"c/*\"]}]}\n---\n"
				 POD("p", "d", "app: p", "10.0.0.1"));
	const struct plan_host *h = strmap_get(&m.plan->hosts, "c.x");
	struct config_set set = {0};

	CU_ASSERT_EQUAL(h->findings.list.nr, 1);
	CU_ASSERT_EQUAL(h->nr_views, 0);
	config_set_copy(&set, &m.set);
	config_set_remove(&set, KIND_POD, "d", "p");
	plan_free(mesh_set(&m, &set));
	CU_ASSERT(equals_new(&m));
	h = strmap_get(&m.plan->hosts, "c.x");
	CU_ASSERT_EQUAL(h->findings.list.nr, 0);
	mesh_free(&m);
}

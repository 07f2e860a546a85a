// SPDX-License-Identifier: GPL-2.0
/* Gateways of a plan: which changes they survive, and that those that came about anew are complete. */
#include "plan/gateway.h"
#include "plan_mesh.h"

#define APP(name, ip)                                                                             \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                        \
	"spec: {clusterIP: 10.96.0." ip ", selector: {app: " name "},"                            \
	" ports: [{name: http, port: 80}]}\n" POD(name, name, ip)
#define POD(name, app, ip)                                                                        \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name ", labels: {app: " app "}}\n"    \
	"status: {podIP: 10.0.0." ip "}\n"
#define GATEWAY(port)                                                                             \
	"---\napiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: edge}\n"        \
	"spec: {selector: {istio: ingressgateway}, servers: [{port: {number: " port               \
	", name: http, protocol: HTTP}, hosts: [\"*\"]}, {port: {number: 443, name: https,"       \
	" protocol: HTTPS}, hosts: [\"*\"], tls: {mode: SIMPLE, credentialName: cert}}]}\n"
#define ROUTE(name, gateway, host)                                                                \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name   \
	"}\nspec: {hosts: [" name ".example.org], gateways: [" gateway "],"                       \
	" http: [{route: [{destination: {host: " host "}}]}]}\n"
#define SECRET(name)                                                                              \
	"---\napiVersion: v1\nkind: Secret\nmetadata: {name: " name "}\n"                         \
	"stringData: {tls.crt: a, tls.key: b}\n"

static const char edge[] = APP("a", "1") APP("b", "2") GATEWAY("80") ROUTE("a", "edge", "a");

/* Whether the gateways are the same ones after a change; in either case they must be right. */
static bool survives(struct mesh *m, const char *text)
{
	struct plan *old = mesh_put(m, text);
	bool same = old->gateways == m->plan->gateways;

	CU_ASSERT(equals_new(m));
	plan_free(old);
	return same;
}

TEST(what_no_gateway_leads_to_leaves_them_shared)
{
	struct mesh m = mesh_new(edge);

	CU_ASSERT(survives(&m, POD("b2", "b", "9")));
	CU_ASSERT(survives(&m, SECRET("other")));
	CU_ASSERT(survives(&m, ROUTE("b", "mesh", "b")));
	CU_ASSERT(survives(&m, APP("c", "3")));
	mesh_free(&m);
}

TEST(what_a_gateway_is_made_of_makes_them_anew)
{
	struct mesh m = mesh_new(edge);

	CU_ASSERT(!survives(&m, GATEWAY("81")));
	CU_ASSERT(!survives(&m, ROUTE("b", "edge", "b")));
	CU_ASSERT(!survives(&m, POD("b2", "b", "9")));
	CU_ASSERT(!survives(&m, SECRET("cert")));
	CU_ASSERT(!survives(&m, ROUTE("late", "edge", "late")));
	CU_ASSERT(!survives(&m, APP("late", "4")));
	CU_ASSERT(!survives(&m, "apiVersion: v1\nkind: Pod\n"
				"metadata: {name: edge, namespace: x, labels: {istio: ingressgateway}}\n"));
	CU_ASSERT_STRING_EQUAL(m.plan->gateways->list.at[0]->namespace, "x");
	CU_ASSERT(!survives(&m, "apiVersion: v1\nkind: Service\n"
				"metadata: {name: edge, namespace: x}\n"
				"spec: {selector: {istio: ingressgateway},"
				" ports: [{port: 81, targetPort: 8081}]}\n"));
	CU_ASSERT_EQUAL(m.plan->gateways->list.at[0]->listeners.at[0].target_port, 8081);
	mesh_free(&m);
}

TEST(an_ingress_finds_the_service_that_comes_after_it)
{
	struct mesh m = mesh_new(
		"apiVersion: networking.k8s.io/v1\nkind: Ingress\n"
		"metadata: {name: a, annotations: {kubernetes.io/ingress.class: istio}}\n"
		"spec: {rules: [{http: {paths: [{path: /, pathType: Prefix,"
		" backend: {service: {name: a, port: {number: 80}}}}]}}]}\n");

	CU_ASSERT_EQUAL(m.plan->gateways->list.at[0]->listeners.at[0].vhosts.list.nr, 0);
	CU_ASSERT(!survives(&m, APP("a", "1")));
	CU_ASSERT_EQUAL(m.plan->gateways->list.at[0]->listeners.at[0].vhosts.list.nr, 1);
	mesh_free(&m);
}

TEST(without_gateways_there_is_nothing)
{
	struct mesh m = mesh_new(APP("a", "1"));

	CU_ASSERT_PTR_NULL(m.plan->gateways);
	CU_ASSERT(survives(&m, POD("a2", "a", "9")));
	CU_ASSERT(!survives(&m, ROUTE("a", "edge", "a")));
	CU_ASSERT(!survives(&m, GATEWAY("80")));
	CU_ASSERT_EQUAL(m.plan->gateways->list.nr, 1);
	mesh_free(&m);
}

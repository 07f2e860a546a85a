// SPDX-License-Identifier: GPL-2.0
/* What a user is told of objects: each thing once, and nothing of objects that did not change. */
#include "agent/findings.h"
#include "plan_mesh.h"

#define SERVICE(name)                                                                             \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                         \
	"spec: {ports: [{name: http, port: 80}]}\n"
#define ROUTE(name, host, more)                                                                   \
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: " name    \
	"}\nspec: {hosts: [" host "], http: [{" more "route: [{destination: {host: " host           \
	", subset: v1}}]}]}\n"

/* What is read and not in force: of a host, and of an object that no host has. */
#define PROTOCOL "spec.ports[1].protocol"
#define SCTP(name)                                                                                \
	"---\napiVersion: v1\nkind: Service\nmetadata: {name: " name "}\n"                         \
	"spec: {ports: [{name: http, port: 80}, {name: sctp, port: 81, protocol: SCTP}]}\n"
#define TRAFFIC "metadata.annotations[shunt.io/traffic]"
#define UNSTEERED(name)                                                                           \
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: " name                                   \
	", annotations: {shunt.io/traffic: disabled}}\n"

static size_t nr_told(const struct diags *d, const char *part)
{
	const struct diag *it;
	size_t nr = 0;

	vec_each(&d->list, it)
		nr += strstr(it->path, part) || strstr(it->text, part);
	return nr;
}

static struct object *route_of(struct mesh *m, const char *name)
{
	return config_set_get(&m->set, KIND_VIRTUAL_SERVICE, "default", name);
}

TEST(a_field_that_is_not_in_force_is_told_of_once)
{
	struct mesh m = mesh_new(SCTP("a") ROUTE("a", "a", "")
				 ROUTE("lost", "lost.example.com", "") UNSTEERED("p"));
	struct diags d = {.strict = true};

	findings_of_set(&d, &m.set, m.plan);
	CU_ASSERT_EQUAL(nr_told(&d, "Service/default/a: " PROTOCOL), 1);
	CU_ASSERT_EQUAL(nr_told(&d, "Pod/default/p: " TRAFFIC), 1);
	CU_ASSERT_EQUAL(nr_told(&d, "known, but not in force yet"), 2);
	/* a notice is never an error, strict or not */
	CU_ASSERT_EQUAL(d.nr_errors, nr_told(&d, "no service has any of its hosts") +
					     nr_told(&d, "no service lost.example.com; ") +
					     nr_told(&d, "no subset v1: ") +
					     nr_told(&d, "says no protocol"));
	diags_free(&d);
	mesh_free(&m);
}

TEST(a_change_tells_of_its_objects_again_and_of_others_only_what_is_new)
{
	struct mesh m = mesh_new(SERVICE("a") SERVICE("b") ROUTE("a", "a", "") ROUTE("b", "b", ""));
	struct plan *old = mesh_put(&m, ROUTE("b", "b", "name: x, "));
	struct object *changed = route_of(&m, "b");
	struct diags d = {0};

	findings_of_change(&d, &changed, 1, old, m.plan);
	CU_ASSERT_EQUAL(nr_told(&d, "VirtualService/default/a"), 0);
	CU_ASSERT(nr_told(&d, "VirtualService/default/b") > 0);
	diags_free(&d);
	findings_of_change(&d, NULL, 0, old, m.plan);
	CU_ASSERT_EQUAL(d.list.nr, 0);
	findings_of_change(&d, NULL, 0, NULL, m.plan);
	CU_ASSERT(nr_told(&d, "VirtualService/default/a") > 0);
	diags_free(&d);
	plan_free(old);
	mesh_free(&m);
}

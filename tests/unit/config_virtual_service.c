// SPDX-License-Identifier: GPL-2.0
/* VirtualService into its structure. */
#include <errno.h>
#include "config_read.h"

static const char bookinfo[] =
	"apiVersion: networking.istio.io/v1alpha3\n"
	"kind: VirtualService\n"
	"metadata:\n"
	"  name: reviews\n"
	"  namespace: bookinfo\n"
	"spec:\n"
	"  hosts:\n"
	"    - reviews\n"
	"  http:\n"
	"  - name: canary\n"
	"    route:\n"
	"    - destination:\n"
	"        host: reviews\n"
	"        subset: v1\n"
	"        port: {number: 9080}\n"
	"      weight: 50\n"
	"    - destination: {host: Reviews.Other.svc.cluster.local, subset: v3}\n"
	"      weight: 50\n";

TEST(bookinfo_split_is_decoded)
{
	struct config_read r = config_read(bookinfo);
	const struct virtual_service *vs;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.diags.list.nr, 0);
	vs = &r.objects[0]->virtual_service;
	CU_ASSERT_STRING_EQUAL(r.objects[0]->id, "VirtualService/bookinfo/reviews");
	CU_ASSERT(vs->mesh);
	CU_ASSERT_EQUAL_FATAL(vs->nr_hosts, 1);
	CU_ASSERT_STRING_EQUAL(vs->hosts[0], "reviews.bookinfo.svc.cluster.local");
	CU_ASSERT_EQUAL_FATAL(vs->nr_http, 1);
	CU_ASSERT_STRING_EQUAL(vs->http[0].name, "canary");
	CU_ASSERT_STRING_EQUAL(vs->http[0].path, "spec.http[0]");
	CU_ASSERT_EQUAL(vs->http[0].nr_matches, 0);
	CU_ASSERT_EQUAL_FATAL(vs->http[0].nr_destinations, 2);
	CU_ASSERT_STRING_EQUAL(vs->http[0].destinations[0].host,
			       "reviews.bookinfo.svc.cluster.local");
	CU_ASSERT_STRING_EQUAL(vs->http[0].destinations[0].subset, "v1");
	CU_ASSERT_EQUAL(vs->http[0].destinations[0].port, 9080);
	CU_ASSERT_EQUAL(vs->http[0].destinations[0].weight, 50);
	CU_ASSERT_EQUAL(vs->http[0].destinations[0].place.line, 13);
	CU_ASSERT_STRING_EQUAL(vs->http[0].destinations[1].host, "reviews.other.svc.cluster.local");
	CU_ASSERT_EQUAL(vs->http[0].destinations[1].port, 0);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	config_read_free(&r);
}

TEST(name_with_a_dot_is_taken_as_whole)
{
	struct config_read r = config_read(
		HEAD("VirtualService") "spec:\n"
				       "  hosts: [reviews.b, '*.example.com', 10.0.0.1]\n"
				       "  http: [{route: [{destination: {host: x.b}}]}]\n");
	const struct virtual_service *vs;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	vs = &r.objects[0]->virtual_service;
	CU_ASSERT_STRING_EQUAL(vs->hosts[0], "reviews.b");
	CU_ASSERT_STRING_EQUAL(vs->hosts[1], "*.example.com");
	CU_ASSERT_STRING_EQUAL(vs->hosts[2], "10.0.0.1");
	CU_ASSERT_STRING_EQUAL(vs->http[0].destinations[0].host, "x.b");
	config_read_free(&r);
}

#define VS_HTTP(route_) HEAD("VirtualService") "spec:\n  hosts: [a]\n  http: [" route_ "]\n"

TEST(weight_zero_among_several_is_dropped)
{
	struct config_read r = config_read(
		VS_HTTP("{route: [{destination: {host: b}, weight: 0}, {destination: {host: c}, "
			"weight: 5}, {destination: {host: d}}]}"));

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL_FATAL(r.objects[0]->virtual_service.http[0].nr_destinations, 1);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->virtual_service.http[0].destinations[0].host,
			       "c.default.svc.cluster.local");
	config_read_free(&r);
}

TEST(weight_of_a_single_destination_is_ignored)
{
	struct config_read r =
		config_read(VS_HTTP("{route: [{destination: {host: b}, weight: 0}]}"));

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->virtual_service.http[0].destinations[0].weight, 1);
	config_read_free(&r);
}

TEST(weight_sum_is_measured_after_division)
{
	struct config_read good = config_read(VS_HTTP(
		"{route: [{destination: {host: b}, weight: 1000000}, {destination: {host: c}, "
		"weight: 3000000}]}"));
	struct config_read bad = config_read(
		VS_HTTP("{route: [{destination: {host: b}, weight: 1}, {destination: {host: c}, "
			"weight: 10000}]}"));

	CU_ASSERT_EQUAL(good.nr, 1);
	CU_ASSERT_EQUAL(bad.nr, 0);
	CU_ASSERT_STRING_EQUAL(
		only_diag(&bad),
		"VirtualService/default/a: spec.http[0].route: the weights add up to "
		"10001 after division by their greatest common divisor, want at most "
		"10000");
	config_read_free(&good);
	config_read_free(&bad);
}

TEST(more_than_64_destinations_are_refused)
{
	char text[8192] = HEAD("VirtualService") "spec:\n  hosts: [a]\n  tcp:\n  - route:\n";
	struct config_read r;

	for (int i = 0; i < 65; i++)
		strcat(text, "    - {destination: {host: b}, weight: 1}\n");
	r = config_read(text);
	CU_ASSERT_EQUAL(r.nr, 0);
	CU_ASSERT_STRING_EQUAL(only_diag(&r), "VirtualService/default/a: spec.tcp[0].route: 65 "
					      "destinations have a weight, want at most 64");
	config_read_free(&r);
}

TEST(every_section_is_in_force)
{
	struct config_read r = config_read(HEAD(
		"VirtualService") "spec:\n"
				  "  hosts: [a]\n"
				  "  http:\n"
				  "  - match: [{port: 80}]\n"
				  "    route: [{destination: {host: b}}]\n"
				  "  - match: [{headers: {x: {exact: y}}}]\n"
				  "    timeout: 1s\n"
				  "    route: [{destination: {host: b}}]\n"
				  "  tcp: [{match: [{port: 81}], route: [{destination: {host: "
				  "c}}]}]\n"
				  "  tls: [{match: [{sniHosts: [a]}], route: [{destination: {host: "
				  "c}}]}]\n");
	const struct virtual_service *vs;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	vs = &r.objects[0]->virtual_service;
	CU_ASSERT_EQUAL(vs->nr_tls, 1);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	CU_ASSERT_EQUAL(vs->http[0].matches[0].port, 80);
	CU_ASSERT_EQUAL(vs->tcp[0].matches[0].port, 81);
	config_read_free(&r);
}

TEST(subnets_of_a_match_are_kept_and_count_for_tcp)
{
	struct config_read r = config_read(
		HEAD("VirtualService") "spec:\n"
				       "  hosts: [a]\n"
				       "  tcp:\n"
				       "  - match: [{destinationSubnets: [10.1.2.3/8, '2001:db8::1']}]\n"
				       "    route: [{destination: {host: b}}]\n"
				       "  - match: [{sourceSubnet: x, port: 81}]\n"
				       "    route: [{destination: {host: b}}]\n"
				       "  tls:\n"
				       "  - match: [{sniHosts: [a], destinationSubnets: [10.0.0.1]}]\n"
				       "    route: [{destination: {host: b}}]\n");
	const struct virtual_service *vs;
	const struct route_match *m;
	char text[INET_TEXT];

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	vs = &r.objects[0]->virtual_service;
	m = &vs->tcp[0].matches[0];
	CU_ASSERT_EQUAL_FATAL(m->nr_subnets, 2);
	CU_ASSERT_STRING_EQUAL(inet_print(&m->subnets[0].address, text), "10.0.0.0");
	CU_ASSERT_EQUAL(m->subnets[0].prefix, 8);
	CU_ASSERT_EQUAL(m->subnets[1].prefix, 128);
	CU_ASSERT_EQUAL(vs->tcp[1].matches[0].port, 81);
	CU_ASSERT_EQUAL_FATAL(r.objects[0]->nr_later, 2);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[0].path, "spec.tcp[1].match[0].sourceSubnet");
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[1].path,
			       "spec.tls[0].match[0].destinationSubnets");
	config_read_free(&r);
}

TEST(server_names_are_kept_in_lower_case)
{
	struct config_read r = config_read(
		HEAD("VirtualService") "spec:\n"
				       "  hosts: ['*.Example.com']\n"
				       "  tls:\n"
				       "  - match:\n"
				       "    - sniHosts: [A.example.COM, '*.b.example.com']\n"
				       "      port: 443\n"
				       "    route:\n"
				       "    - {destination: {host: b}, weight: 3}\n"
				       "    - {destination: {host: c}, weight: 0}\n");
	const struct vs_route *route;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	CU_ASSERT_EQUAL_FATAL(r.objects[0]->virtual_service.nr_tls, 1);
	route = r.objects[0]->virtual_service.tls;
	CU_ASSERT_STRING_EQUAL(route->path, "spec.tls[0]");
	CU_ASSERT_EQUAL_FATAL(route->matches[0].nr_sni_hosts, 2);
	CU_ASSERT_STRING_EQUAL(route->matches[0].sni_hosts[0], "a.example.com");
	CU_ASSERT_STRING_EQUAL(route->matches[0].sni_hosts[1], "*.b.example.com");
	CU_ASSERT_EQUAL(route->matches[0].port, 443);
	CU_ASSERT_EQUAL(route->nr_destinations, 1);
	config_read_free(&r);
}

#define VS_GATEWAYS(gateways_)                                                                     \
	HEAD("VirtualService")                                                                     \
	"spec:\n  hosts: [a.example.com]\n  gateways: " gateways_                                  \
	"\n  http: [{match: [{gateways: " gateways_ "}], route: [{destination: {host: b}}]}]\n"

TEST(gateways_are_kept_as_namespace_and_name)
{
	struct config_read r =
		config_read(VS_GATEWAYS("[istio-system/in, out, mesh, ./own, old.form.svc]"));
	static const char *const want[] = {"istio-system/in", "default/out", "mesh", "default/own",
					   "form/old"};
	const struct virtual_service *vs;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.diags.list.nr, 0);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	vs = &r.objects[0]->virtual_service;
	CU_ASSERT(vs->mesh);
	CU_ASSERT_EQUAL_FATAL(vs->nr_gateways, 4);
	CU_ASSERT_STRING_EQUAL(vs->gateways[2], "default/own");
	CU_ASSERT_EQUAL_FATAL(vs->http[0].matches[0].nr_gateways, 5);
	for (size_t i = 0; i < 5; i++)
		CU_ASSERT_STRING_EQUAL(vs->http[0].matches[0].gateways[i], want[i]);
	config_read_free(&r);
}

TEST(gateways_without_mesh_leave_the_mesh_alone)
{
	struct config_read none = config_read(VS_GATEWAYS("[]"));
	struct config_read some = config_read(VS_GATEWAYS("[in]"));

	CU_ASSERT_EQUAL_FATAL(none.nr, 1);
	CU_ASSERT(none.objects[0]->virtual_service.mesh);
	CU_ASSERT_EQUAL_FATAL(some.nr, 1);
	CU_ASSERT(!some.objects[0]->virtual_service.mesh);
	config_read_free(&none);
	config_read_free(&some);
}

#define VS_EXPORT(list_)                                                                           \
	HEAD("VirtualService")                                                                     \
	"spec:\n  hosts: [a]\n  exportTo: " list_ "\n  http: [{route: [{destination: {host: b}}]}]\n"

TEST(export_to_names_namespaces)
{
	struct config_read own = config_read(VS_EXPORT("['.', web]"));
	struct config_read all = config_read(VS_EXPORT("['*']"));
	const struct object *o;

	CU_ASSERT_EQUAL_FATAL(own.nr, 1);
	o = own.objects[0];
	CU_ASSERT(o->export_to.given && !o->export_to.all && !o->export_to.nobody);
	CU_ASSERT_EQUAL_FATAL(o->export_to.nr_namespaces, 2);
	CU_ASSERT_STRING_EQUAL(o->export_to.namespaces[0], "default");
	CU_ASSERT_STRING_EQUAL(o->export_to.namespaces[1], "web");
	CU_ASSERT_EQUAL(o->nr_later, 0);
	CU_ASSERT(object_is_visible(o, "web") && !object_is_visible(o, "other"));
	CU_ASSERT_EQUAL_FATAL(all.nr, 1);
	CU_ASSERT(all.objects[0]->export_to.all && object_is_visible(all.objects[0], "other"));
	config_read_free(&own);
	config_read_free(&all);
}

TEST(every_fault_of_an_object_is_told)
{
	struct config_read r = config_read(
		HEAD("VirtualService") "spec:\n"
				       "  hosts: [a]\n"
				       "  htttp: []\n"
				       "  http:\n"
				       "  - route: [{destination: {host: b}, weight: -1}]\n"
				       "  - timeout: soon\n");

	CU_ASSERT_EQUAL(r.err, -EINVAL);
	CU_ASSERT_EQUAL(r.nr, 0);
	CU_ASSERT_EQUAL(r.diags.nr_errors, 4);
	config_read_free(&r);
}

TEST(unknown_field_warns_when_lenient)
{
	struct config_read r =
		config_read_with(VS_HTTP("{wait: 3, route: [{destination: {host: b}}]}"), true);

	CU_ASSERT_EQUAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.diags.nr_errors, 0);
	CU_ASSERT_EQUAL(r.diags.nr_warnings, 1);
	config_read_free(&r);
}

// SPDX-License-Identifier: GPL-2.0
/* Ingress and IngressClass into their structures. */
#include "config_read.h"

#define NETWORKING(kind_) "apiVersion: networking.k8s.io/v1\nkind: " kind_ "\nmetadata: {name: a}\n"

TEST(ingress_is_decoded)
{
	struct config_read r = config_read(
		NETWORKING("Ingress") "spec:\n"
				      "  ingressClassName: istio\n"
				      "  defaultBackend: {service: {name: home, port: {number: 80}}}\n"
				      "  tls: [{hosts: [Shop.example.com], secretName: shop}]\n"
				      "  rules:\n"
				      "  - host: Shop.example.com\n"
				      "    http:\n"
				      "      paths:\n"
				      "      - path: /cart\n"
				      "        pathType: Prefix\n"
				      "        backend: {service: {name: cart, port: {name: web}}}\n"
				      "      - backend: {resource: {kind: Bucket, name: x}}\n"
				      "  - http: {paths: [{path: /a, pathType: Exact, backend: "
				      "{service: {name: a, port: {number: 81}}}}]}\n");
	const struct ingress *in;
	const struct ingress_path *paths;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	in = &r.objects[0]->ingress;
	CU_ASSERT_STRING_EQUAL(in->class_name, "istio");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in->default_backend);
	CU_ASSERT_STRING_EQUAL(in->default_backend->service, "home");
	CU_ASSERT_STRING_EQUAL(in->default_backend->path, "");
	CU_ASSERT_EQUAL_FATAL(in->nr_tls, 1);
	CU_ASSERT_STRING_EQUAL(in->tls[0].hosts[0], "shop.example.com");
	CU_ASSERT_STRING_EQUAL(in->tls[0].secret, "shop");
	CU_ASSERT_EQUAL_FATAL(in->nr_rules, 2);
	CU_ASSERT_STRING_EQUAL(in->rules[0].host, "shop.example.com");
	CU_ASSERT_STRING_EQUAL(in->rules[1].host, "*");
	CU_ASSERT_EQUAL_FATAL(in->rules[0].nr_paths, 2);
	paths = in->rules[0].paths;
	CU_ASSERT_EQUAL(paths[0].type, PATH_PREFIX);
	CU_ASSERT_STRING_EQUAL(paths[0].path, "/cart");
	CU_ASSERT_STRING_EQUAL(paths[0].service, "cart");
	CU_ASSERT_STRING_EQUAL(paths[0].port_name, "web");
	CU_ASSERT_EQUAL(paths[0].port, 0);
	CU_ASSERT_EQUAL(paths[1].type, PATH_IMPLEMENTATION);
	CU_ASSERT_STRING_EQUAL(paths[1].path, "");
	CU_ASSERT_PTR_NULL(paths[1].service);
	CU_ASSERT_EQUAL(in->rules[1].paths[0].type, PATH_EXACT);
	CU_ASSERT_EQUAL(in->rules[1].paths[0].port, 81);
	config_read_free(&r);
}

TEST(ingress_of_nothing_but_a_default_is_fine)
{
	struct config_read r = config_read(NETWORKING(
		"Ingress") "spec: {defaultBackend: {service: {name: home, port: {name: web}}}}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->ingress.class_name, "");
	CU_ASSERT_EQUAL(r.objects[0]->ingress.nr_rules, 0);
	config_read_free(&r);
}

TEST(ingress_class_names_its_controller)
{
	struct config_read r = config_read(NETWORKING(
		"IngressClass") "spec: {controller: istio.io/ingress-controller}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->namespace, "");
	CU_ASSERT_STRING_EQUAL(r.objects[0]->ingress_class.controller,
			       "istio.io/ingress-controller");
	config_read_free(&r);
}

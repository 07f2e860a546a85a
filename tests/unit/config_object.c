// SPDX-License-Identifier: GPL-2.0
/* Documents, lists, kinds that are passed over, metadata, and the set. */
#include <errno.h>
#include "config_read.h"

#define NAMESPACE(name_) "{apiVersion: v1, kind: Namespace, metadata: {name: " name_ "}}"

TEST(list_gives_its_items)
{
	struct config_read r = config_read(
		"apiVersion: v1\nkind: List\nitems: [" NAMESPACE("a") ", " NAMESPACE("b") "]\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 2);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->id, "Namespace/a");
	CU_ASSERT_STRING_EQUAL(r.objects[0]->namespace, "");
	config_read_free(&r);
}

TEST(items_of_a_kinds_list_need_not_name_it)
{
	struct config_read r = config_read(
		"apiVersion: v1\nkind: NamespaceList\nitems: [{metadata: {name: a}}]\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->kind, KIND_NAMESPACE);
	CU_ASSERT_STRING_EQUAL(
		r.objects[0]->json,
		"{\"metadata\":{\"name\":\"a\"},\"apiVersion\":\"v1\",\"kind\":\"Namespace\"}");
	config_read_free(&r);
}

TEST(unknown_kind_is_told_once)
{
	struct config_read r = config_read("{apiVersion: apps/v1, kind: Deployment}\n---\n"
					   "{apiVersion: apps/v1, kind: Deployment}\n");

	CU_ASSERT_EQUAL(r.err, 0);
	CU_ASSERT_STRING_EQUAL(only_diag(&r),
			       ": kind Deployment of apps is not known to Shunt, skipped");
	CU_ASSERT_EQUAL(r.diags.nr_errors + r.diags.nr_warnings, 0);
	config_read_free(&r);
}

TEST(security_kind_is_warned_of)
{
	struct config_read r =
		config_read("{apiVersion: security.istio.io/v1, kind: AuthorizationPolicy}\n");

	CU_ASSERT_EQUAL(r.diags.nr_warnings, 1);
	CU_ASSERT_STRING_EQUAL(only_diag(&r),
			       ": kind AuthorizationPolicy is not enforced by Shunt");
	config_read_free(&r);
}

TEST(good_objects_come_beside_faulty_ones)
{
	struct config_read r =
		config_read(NAMESPACE("a") "\n---\n" NAMESPACE("B") "\n---\n" NAMESPACE("c"));

	CU_ASSERT_EQUAL(r.err, -EINVAL);
	CU_ASSERT_EQUAL(r.nr, 2);
	config_read_free(&r);
}

TEST(creation_orders_then_name_then_namespace)
{
	struct config_read r = config_read(
		"{apiVersion: v1, kind: Pod, metadata: {name: b, creationTimestamp: "
		"'2024-02-29T12:00:00+01:00'}}\n---\n"
		"{apiVersion: v1, kind: Pod, metadata: {name: c, creationTimestamp: null}}\n---\n"
		"{apiVersion: v1, kind: Pod, metadata: {name: c, namespace: x}}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 3);
	CU_ASSERT_EQUAL(r.objects[0]->created, 1709204400);
	CU_ASSERT_EQUAL(r.objects[1]->created, 0);
	CU_ASSERT(object_order(r.objects[1], r.objects[0]) < 0);
	CU_ASSERT(object_order(r.objects[1], r.objects[2]) < 0);
	CU_ASSERT(object_order(r.objects[0], r.objects[0]) == 0);
	config_read_free(&r);
}

TEST(own_keys_are_checked)
{
	struct config_read good = config_read("apiVersion: v1\nkind: Namespace\nmetadata:\n"
					      "  name: a\n"
					      "  labels: {shunt.io/capture: socket}\n"
					      "  annotations: {shunt.io/split: request, "
					      "shunt.io/traffic: disabled}\n");
	struct config_read bad =
		config_read("apiVersion: v1\nkind: Namespace\nmetadata:\n"
			    "  name: a\n"
			    "  labels: {shunt.io/drain: keep}\n"
			    "  annotations: {shunt.io/splt: x, shunt.io/splice: yes}\n");

	CU_ASSERT_EQUAL_FATAL(good.nr, 1);
	CU_ASSERT_EQUAL_FATAL(good.objects[0]->nr_later, 1);
	CU_ASSERT_STRING_EQUAL(good.objects[0]->later[0].path,
			       "metadata.annotations[shunt.io/traffic]");
	CU_ASSERT_EQUAL(bad.nr, 0);
	CU_ASSERT_EQUAL(bad.diags.nr_errors, 3);
	config_read_free(&good);
	config_read_free(&bad);
}

TEST(kind_is_found_by_any_of_its_names)
{
	enum kind k;

	CU_ASSERT(!kind_find("vs", &k) && k == KIND_VIRTUAL_SERVICE);
	CU_ASSERT(!kind_find("serviceentries", &k) && k == KIND_SERVICE_ENTRY);
	CU_ASSERT(!kind_find("POD", &k) && k == KIND_POD);
	CU_ASSERT_EQUAL(kind_find("", &k), -ENOENT);
	CU_ASSERT_EQUAL(kind_find("deployment", &k), -ENOENT);
}

TEST(set_keeps_the_last_of_a_name)
{
	struct config_read r = config_read(NAMESPACE("a") "\n---\n" NAMESPACE("a"));
	struct config_set one = {0}, two = {0};

	CU_ASSERT_EQUAL_FATAL(r.nr, 2);
	config_set_put(&one, object_get(r.objects[0]));
	config_set_copy(&two, &one);
	config_set_put(&two, object_get(r.objects[1]));
	CU_ASSERT_PTR_EQUAL(config_set_get(&one, KIND_NAMESPACE, "x", "a"), r.objects[0]);
	CU_ASSERT_PTR_EQUAL(config_set_get(&two, KIND_NAMESPACE, "", "a"), r.objects[1]);
	CU_ASSERT_EQUAL(config_set_count(&two), 1);
	CU_ASSERT(config_set_remove(&two, KIND_NAMESPACE, "", "a"));
	CU_ASSERT(!config_set_remove(&two, KIND_NAMESPACE, "", "a"));
	CU_ASSERT_EQUAL(config_set_count(&one), 1);
	config_set_free(&one);
	config_set_free(&two);
	config_read_free(&r);
}

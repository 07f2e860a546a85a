// SPDX-License-Identifier: GPL-2.0
/* What is shown of a plan: differences, explanations, lines for /etc/hosts. */
#include <errno.h>
#include "plan_mesh.h"

static const char reviews[] =
	"apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\n"
	"spec: {clusterIP: 10.96.0.20, clusterIPs: [10.96.0.20, 'fd00:96::20'],"
	" selector: {app: reviews}, ports: [{name: http, port: 9080}]}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: r1, labels: {app: reviews, version: v1}}\n"
	"status: {podIP: 10.0.0.1}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: r2, labels: {app: reviews, version: v2}}\n"
	"status: {podIP: 10.0.0.2}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews}\n"
	"spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}},"
	" {name: v2, labels: {version: v2}}]}\n";
static const char split[] =
	"apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\n"
	"spec: {hosts: [reviews], http: [{match: [{port: 1}], route: [{destination: {host: "
	"reviews}}]}, {route: [{destination: {host: reviews, subset: v1}, weight: 75},"
	" {destination: {host: reviews, subset: v2}, weight: 25}]}]}\n";

static char *diff_text(const struct plan *from, const struct plan *to, size_t *nr)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	*nr = plan_diff_print(from, to, NULL, out);
	fclose(out);
	return text;
}

TEST(a_diff_names_the_shares_that_change)
{
	struct mesh m = mesh_new(reviews);
	struct plan *old = mesh_put(&m, split);
	json_t *json = plan_diff_json(old, m.plan, NULL);
	size_t nr;
	char *text = diff_text(old, m.plan, &nr);

	CU_ASSERT(nr > 0);
	CU_ASSERT_EQUAL(json_array_size(json), nr);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "share: 75% (3/4)\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "~ reviews.default.svc.cluster.local:9080  route: "));
	free(text);
	text = diff_text(m.plan, m.plan, &nr);
	CU_ASSERT_EQUAL(nr, 0);
	CU_ASSERT_STRING_EQUAL(text, "");
	free(text);
	json_decref(json);
	plan_free(old);
	mesh_free(&m);
}

static int explain(struct mesh *m, const char *target, json_t **out)
{
	const struct plan_question question = {.target = target};
	char *why = NULL;
	int err = plan_explain(m->plan, &m->set, &question, out, &why);

	CU_ASSERT(!err == !why);
	free(why);
	return err;
}

static bool explains(struct mesh *m, const char *target, const char *want)
{
	json_t *json = NULL;
	char *text;
	bool found;

	if (explain(m, target, &json))
		return false;
	text = json_dumps(json, 0);
	found = strstr(text, want);
	free(text);
	json_decref(json);
	return found;
}

TEST(a_target_is_named_in_any_form)
{
	static const char *const forms[] = {
		"reviews",	    "reviews:9080",	    "reviews.default",
		"10.96.0.20",	    "10.96.0.20:9080",	    "reviews.default.svc:9080",
		"[fd00:96::20]:9080", "fd00:96::20", "reviews.default.svc.cluster.local",
		"Reviews.",	    "http://reviews:9080/a?b", "http://[fd00:96::20]:9080"};
	struct mesh m = mesh_new(reviews);
	json_t *json;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		CU_ASSERT(explains(&m, forms[i], "Service/default/reviews"));
	CU_ASSERT_EQUAL(explain(&m, "nobody", &json), -ENOENT);
	CU_ASSERT(explains(&m, "10.96.0.21", "it passes untouched"));
	CU_ASSERT(explains(&m, "10.96.0.20:1", "no TCP port 1"));
	CU_ASSERT_EQUAL(explain(&m, "reviews:x", &json), -EINVAL);
	mesh_free(&m);
}

TEST(a_url_gives_the_port)
{
	struct mesh m = mesh_new(reviews);
	json_t *json;

	CU_ASSERT(explains(&m, "http://reviews", "no TCP port 80"));
	CU_ASSERT(explains(&m, "https://reviews/", "no TCP port 443"));
	CU_ASSERT(explains(&m, "tcp://reviews", "\"port\": 9080"));
	CU_ASSERT_EQUAL(explain(&m, "http://", &json), -EINVAL);
	CU_ASSERT_EQUAL(explain(&m, "reviews/a", &json), -EINVAL);
	mesh_free(&m);
}

TEST(an_entry_is_found_by_its_own_name)
{
	struct mesh m = mesh_new("apiVersion: networking.istio.io/v1\nkind: ServiceEntry\n"
				 "metadata: {name: canary, namespace: shop}\n"
				 "spec: {hosts: [canary.local], addresses: [10.96.0.9], resolution: STATIC,"
				 " ports: [{number: 80, name: http}], endpoints: [{address: 10.0.0.1}]}\n");
	json_t *json;

	CU_ASSERT(explains(&m, "canary.shop", "canary.shop is canary.local"));
	CU_ASSERT_EQUAL(explain(&m, "canary", &json), -ENOENT);
	mesh_free(&m);
}

TEST(an_explanation_tells_what_was_passed_over)
{
	struct mesh m = mesh_new(reviews);
	struct plan *old = mesh_put(&m, split);

	CU_ASSERT(explains(&m, "reviews", "spec.http[0] is passed over"));
	CU_ASSERT(explains(&m, "reviews", "spec.http[1] is taken"));
	CU_ASSERT(explains(&m, "reviews", "3/4 of the connections go to v1"));
	CU_ASSERT(explains(&m, "reviews:1", "no TCP port 1"));
	plan_free(old);
	mesh_free(&m);
}

static bool hosts_are(struct mesh *m, const char *namespace, const char *want)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	bool same;

	plan_hosts_print(m->plan, namespace, out);
	fclose(out);
	same = !strcmp(text, want);
	free(text);
	return same;
}

TEST(hosts_give_only_families_that_an_endpoint_has)
{
	struct mesh m = mesh_new(reviews);

	CU_ASSERT(hosts_are(&m, "default",
			    "10.96.0.20 reviews.default.svc.cluster.local reviews.default.svc "
			    "reviews.default reviews\n"));
	plan_free(mesh_put(&m, "apiVersion: v1\nkind: Pod\nmetadata: {name: r3, labels: {app: "
			       "reviews}}\nstatus: {podIP: 'fd00::3'}\n"));
	CU_ASSERT(hosts_are(&m, NULL,
			    "10.96.0.20 reviews.default.svc.cluster.local reviews.default.svc "
			    "reviews.default\n"
			    "fd00:96::20 reviews.default.svc.cluster.local reviews.default.svc "
			    "reviews.default\n"));
	mesh_free(&m);
}

TEST(hosts_without_endpoints_get_ipv4)
{
	struct mesh m = mesh_new("apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
				 "spec: {clusterIPs: [10.96.0.1, 'fd00:96::1'], ports: [{port: 80}]}\n");

	CU_ASSERT(hosts_are(&m, "other",
			    "10.96.0.1 a.default.svc.cluster.local a.default.svc a.default\n"));
	mesh_free(&m);
}

// SPDX-License-Identifier: GPL-2.0
/* Explanations as programs read them: the request, the caller, the decision. */
#include <errno.h>
#include "plan_mesh.h"

static const char web[] =
	"apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"
	"spec: {clusterIP: 10.96.0.20, selector: {app: web}, ports: [{name: http, port: 80},"
	" {name: tls, port: 443}]}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-1, labels: {app: web}}\n"
	"status: {podIP: 10.0.0.1}\n"
	"---\napiVersion: v1\nkind: Pod\nmetadata: {name: client, labels: {canary: 'yes'}}\n"
	"status: {podIP: 10.0.0.2}\n"
	"---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web}\n"
	"spec: {hosts: [web], http: [{match: [{uri: {exact: /old}}], redirect: {uri: /new}},"
	" {match: [{uri: {prefix: /api}}], rewrite: {uri: /, authority: api.local},"
	" route: [{destination: {host: web}}]},"
	" {match: [{sourceLabels: {canary: 'yes'}}], directResponse: {status: 418}}],"
	" tls: [{match: [{port: 443, sniHosts: [web]}],"
	" route: [{destination: {host: web, port: {number: 443}}}]}]}\n";

static json_t *ask(struct mesh *m, struct plan_question question)
{
	json_t *out = NULL;
	char *why = NULL;

	CU_ASSERT_EQUAL(plan_explain(m->plan, &m->set, &question, &out, &why), 0);
	CU_ASSERT_PTR_NULL(why);
	return out;
}

static const char *text_of(const json_t *e, const char *of, const char *key)
{
	return json_string_value(json_object_get(json_object_get(e, of), key)) ?: "";
}

static json_int_t number_of(const json_t *e, const char *of, const char *key)
{
	return json_integer_value(json_object_get(json_object_get(e, of), key));
}

TEST(a_url_is_a_request)
{
	struct mesh m = mesh_new(web);
	json_t *e = ask(&m, (struct plan_question){.target = "http://web/old?a=b#c"});

	CU_ASSERT_STRING_EQUAL(text_of(e, "request", "method"), "GET");
	CU_ASSERT_STRING_EQUAL(text_of(e, "request", "scheme"), "http");
	CU_ASSERT_STRING_EQUAL(text_of(e, "request", "authority"), "web");
	CU_ASSERT_STRING_EQUAL(text_of(e, "request", "path"), "/old?a=b");
	CU_ASSERT_STRING_EQUAL(text_of(e, "decision", "verdict"), "proxy");
	CU_ASSERT_EQUAL(number_of(e, "decision", "status"), 301);
	CU_ASSERT_STRING_EQUAL(text_of(e, "decision", "location"), "http://web/new?a=b");
	json_decref(e);
	e = ask(&m, (struct plan_question){.target = "http://10.96.0.20?a"});
	CU_ASSERT_STRING_EQUAL(text_of(e, "request", "path"), "/?a");
	CU_ASSERT_EQUAL(number_of(e, "decision", "status"), 404);
	json_decref(e);
	mesh_free(&m);
}

TEST(a_decision_has_destinations_and_what_is_rewritten)
{
	struct mesh m = mesh_new(web);
	json_t *e = ask(
		&m, (struct plan_question){.target = "web", .method = "POST", .path = "/api/x"});
	json_t *d = json_object_get(json_object_get(e, "decision"), "destinations");

	CU_ASSERT_EQUAL(json_array_size(d), 1);
	CU_ASSERT_STRING_EQUAL(text_of(e, "decision", "path"), "//x");
	CU_ASSERT_STRING_EQUAL(text_of(e, "decision", "authority"), "api.local");
	CU_ASSERT_STRING_EQUAL(text_of(e, "decision", "rule"), "spec.http[1]");
	json_decref(e);
	e = ask(&m, (struct plan_question){.target = "web"});
	CU_ASSERT(json_is_null(json_object_get(e, "request")));
	CU_ASSERT(json_is_null(json_object_get(json_object_get(e, "decision"), "status")));
	json_decref(e);
	mesh_free(&m);
}

TEST(a_caller_is_a_pod_in_a_scope)
{
	struct mesh m = mesh_new(web);
	json_t *e =
		ask(&m, (struct plan_question){.target = "http://web/", .from = "default/client"});

	CU_ASSERT_STRING_EQUAL(text_of(e, "caller", "pod"), "Pod/default/client");
	CU_ASSERT_STRING_NOT_EQUAL(text_of(e, "caller", "scope"), "");
	CU_ASSERT_EQUAL(number_of(e, "decision", "status"), 418);
	json_decref(e);
	e = ask(&m, (struct plan_question){.target = "http://web/", .from = "default/web-1"});
	CU_ASSERT_EQUAL(number_of(e, "decision", "status"), 404);
	json_decref(e);
	mesh_free(&m);
}

TEST(a_server_name_chooses_a_tls_route)
{
	struct mesh m = mesh_new(web);
	const char *host = "Host: other.local";
	json_t *e = ask(&m, (struct plan_question){.target = "https://web/"});
	char *text = json_dumps(json_object_get(e, "steps"), 0);

	CU_ASSERT_PTR_NOT_NULL(strstr(text, "spec.tls[0] "));
	free(text);
	json_decref(e);
	e = ask(&m, (struct plan_question){
			    .target = "https://web/", .headers = &host, .nr_headers = 1});
	text = json_dumps(json_object_get(e, "steps"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "spec.tls[0] is passed over"));
	free(text);
	json_decref(e);
	mesh_free(&m);
}

TEST(a_question_that_cannot_be_asked_says_why)
{
	static const char *const headers[] = {"no colon", "a b: c", ": d", ":path: /"};
	struct mesh m = mesh_new(web);
	json_t *out;
	char *why;

	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		struct plan_question q = {.target = "web", .headers = &headers[i], .nr_headers = 1};

		CU_ASSERT_EQUAL(plan_explain(m.plan, &m.set, &q, &out, &why), -EINVAL);
		CU_ASSERT_PTR_NOT_NULL(strstr(why, "want NAME: VALUE"));
		free(why);
	}
	CU_ASSERT_EQUAL(plan_explain(m.plan, &m.set,
				     &(struct plan_question){.target = "web", .gateway = "a/b"},
				     &out, &why),
			-ENOENT);
	free(why);
	mesh_free(&m);
}

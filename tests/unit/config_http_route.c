// SPDX-License-Identifier: GPL-2.0
/* Everything an http route can say, kept. */
#include "config_read.h"

#define MS INT64_C(1000000)

static const char forwards[] =
	"apiVersion: networking.istio.io/v1\n"
	"kind: VirtualService\n"
	"metadata: {name: a}\n"
	"spec:\n"
	"  hosts: [a]\n"
	"  http:\n"
	"  - name: all\n"
	"    match:\n"
	"    - name: first\n"
	"      statPrefix: stats\n"
	"      uri: {prefix: ''}\n"
	"      ignoreUriCase: true\n"
	"      scheme: {exact: https}\n"
	"      method: {regex: 'P.*'}\n"
	"      authority: {}\n"
	"      headers: {x-any: {}, X-Exact: {exact: ''}, x-regex: {regex: 'a+'}}\n"
	"      withoutHeaders: {x-null: null, x-empty: {}, x-star: {regex: '*'}, x-is: {exact: b}}\n"
	"      queryParams: {any: {}, one: {prefix: o}}\n"
	"      port: 80\n"
	"      gateways: [mesh]\n"
	"      sourceLabels: {app: web}\n"
	"      sourceNamespace: shop\n"
	"    - {}\n"
	"    timeout: 1.5s\n"
	"    rewrite:\n"
	"      authority: b.example.com\n"
	"      uriRegexRewrite: {match: '^/a', rewrite: '/\\1'}\n"
	"    retries: {attempts: 3, perTryTimeout: 2s, backoff: 30ms, retryOn: '503,5xx,503,504',\n"
	"              retryIgnorePreviousHosts: false, retryRemoteLocalities: true}\n"
	"    fault:\n"
	"      delay: {fixedDelay: 5s, percentage: {value: 0.00019}, percent: 7}\n"
	"      abort: {grpcStatus: UNAVAILABLE, percentage: {value: 50.5}}\n"
	"    corsPolicy:\n"
	"      allowOrigin: [ignored]\n"
	"      allowOrigins: [{exact: '*'}, {regex: 'a.*'}]\n"
	"      allowMethods: [GET, '*']\n"
	"      allowHeaders: [x-a]\n"
	"      exposeHeaders: [x-b]\n"
	"      maxAge: 1h\n"
	"      allowCredentials: false\n"
	"      unmatchedPreflights: IGNORE\n"
	"    headers:\n"
	"      request: {set: {z: '1', a: '2'}, add: {b: '3'}, remove: [c, d]}\n"
	"    mirrors:\n"
	"    - destination: {host: m}\n"
	"    - {destination: {host: n}, percentage: {value: 0.0003}}\n"
	"    route:\n"
	"    - destination: {host: b, subset: v1}\n"
	"      weight: 1\n"
	"      headers: {response: {add: {e: f}}}\n"
	"    - destination: {host: b, subset: v2}\n"
	"      weight: 1\n"
	"      headers: {response: {}}\n";

static const struct vs_route *only_route(const struct config_read *r)
{
	if (r->diags.list.nr)
		diags_print(&r->diags, stdout);
	CU_ASSERT_EQUAL_FATAL(r->nr, 1);
	CU_ASSERT_EQUAL(r->objects[0]->nr_later, 0);
	return r->objects[0]->virtual_service.http;
}

static void expect(const struct string_match *m, enum match_how how, const char *text)
{
	CU_ASSERT_EQUAL(m->how, how);
	CU_ASSERT_STRING_EQUAL(m->text, text);
}

static void expect_named(const struct named_matches *all, const char *name, enum match_how how,
			 const char *text)
{
	for (size_t i = 0; i < all->nr; i++) {
		if (strcmp(all->at[i].name, name))
			continue;
		expect(&all->at[i].value, how, text);
		return;
	}
	CU_FAIL("no such name");
}

TEST(conditions_of_a_match_are_kept)
{
	struct config_read r = config_read(forwards);
	const struct vs_route *route = only_route(&r);
	const struct route_match *m = &route->matches[0];
	const struct http_match *http = &m->http;

	CU_ASSERT_STRING_EQUAL(route->name, "all");
	CU_ASSERT_EQUAL_FATAL(route->nr_matches, 2);
	CU_ASSERT_STRING_EQUAL(http->name, "first");
	CU_ASSERT_STRING_EQUAL(http->stat_prefix, "stats");
	CU_ASSERT(http->ignore_uri_case);
	expect(&http->uri, MATCH_PREFIX, "");
	expect(&http->scheme, MATCH_EXACT, "https");
	expect(&http->method, MATCH_REGEX, "P.*");
	expect(&http->authority, MATCH_UNSET, "");
	CU_ASSERT_EQUAL(http->headers.nr, 3);
	expect_named(&http->headers, "x-any", MATCH_PRESENT, "");
	expect_named(&http->headers, "X-Exact", MATCH_EXACT, "");
	expect_named(&http->headers, "x-regex", MATCH_REGEX, "a+");
	CU_ASSERT_EQUAL(http->without_headers.nr, 4);
	expect_named(&http->without_headers, "x-null", MATCH_ABSENT, "");
	expect_named(&http->without_headers, "x-empty", MATCH_ABSENT, "");
	expect_named(&http->without_headers, "x-star", MATCH_ABSENT, "");
	expect_named(&http->without_headers, "x-is", MATCH_EXACT, "b");
	expect_named(&http->query, "any", MATCH_PRESENT, "");
	expect_named(&http->query, "one", MATCH_PREFIX, "o");
	CU_ASSERT_EQUAL(m->port, 80);
	CU_ASSERT_EQUAL(m->place.line, 9);
	CU_ASSERT_STRING_EQUAL(m->gateways[0], "mesh");
	CU_ASSERT_STRING_EQUAL(labels_get(&m->source_labels, "app"), "web");
	CU_ASSERT_STRING_EQUAL(m->source_namespace, "shop");
	CU_ASSERT_STRING_EQUAL(route->matches[1].source_namespace, "");
	expect(&route->matches[1].http.uri, MATCH_UNSET, "");
	config_read_free(&r);
}

TEST(actions_around_a_call_are_kept)
{
	struct config_read r = config_read(forwards);
	const struct vs_route *route = only_route(&r);

	CU_ASSERT_EQUAL(route->timeout, 1500 * MS);
	CU_ASSERT_PTR_NULL(route->rewrite->uri);
	CU_ASSERT_STRING_EQUAL(route->rewrite->authority, "b.example.com");
	CU_ASSERT_STRING_EQUAL(route->rewrite->regex, "^/a");
	CU_ASSERT_STRING_EQUAL(route->rewrite->replacement, "/\\1");
	CU_ASSERT_EQUAL(route->retries->attempts, 3);
	CU_ASSERT_EQUAL(route->retries->per_try_timeout, 2000 * MS);
	CU_ASSERT_EQUAL(route->retries->backoff, 30 * MS);
	CU_ASSERT_EQUAL(route->retries->on, RETRY_5XX | RETRY_STATUS_CODES);
	CU_ASSERT_EQUAL_FATAL(route->retries->nr_status_codes, 2);
	CU_ASSERT_EQUAL(route->retries->status_codes[1], 504);
	CU_ASSERT(route->retries->any_host && route->retries->remote_localities);
	CU_ASSERT_EQUAL(route->fault->delay->delay, 5000 * MS);
	CU_ASSERT_EQUAL(route->fault->delay->millionths, 1);
	CU_ASSERT_EQUAL(route->fault->abort->status, 0);
	CU_ASSERT_STRING_EQUAL(route->fault->abort->grpc_status, "UNAVAILABLE");
	CU_ASSERT_EQUAL(route->fault->abort->millionths, 505000);
	CU_ASSERT_STRING_EQUAL(route->mirror_field, "mirrors");
	CU_ASSERT_EQUAL_FATAL(route->nr_mirrors, 2);
	CU_ASSERT_STRING_EQUAL(route->mirrors[0].destination.host, "m.default.svc.cluster.local");
	CU_ASSERT_EQUAL(route->mirrors[0].millionths, 1000000);
	/* 0.0003 * 10,000 is a hair below 3 */
	CU_ASSERT_EQUAL(route->mirrors[1].millionths, 2);
	config_read_free(&r);
}

TEST(cors_policy_is_kept)
{
	struct config_read r = config_read(forwards);
	const struct http_cors *c = only_route(&r)->cors;

	CU_ASSERT_EQUAL_FATAL(c->nr_allow_origins, 2);
	expect(&c->allow_origins[0], MATCH_EXACT, "*");
	expect(&c->allow_origins[1], MATCH_REGEX, "a.*");
	CU_ASSERT_EQUAL_FATAL(c->allow_methods.nr, 2);
	CU_ASSERT_STRING_EQUAL(c->allow_methods.at[1], "*");
	CU_ASSERT_STRING_EQUAL(c->allow_headers.at[0], "x-a");
	CU_ASSERT_STRING_EQUAL(c->expose_headers.at[0], "x-b");
	CU_ASSERT_EQUAL(c->max_age, 3600000 * MS);
	CU_ASSERT(c->has_allow_credentials && !c->allow_credentials);
	CU_ASSERT(c->ignore_unmatched_preflights);
	config_read_free(&r);
}

TEST(header_operations_are_kept_sorted)
{
	struct config_read r = config_read(forwards);
	const struct vs_route *route = only_route(&r);
	const struct header_changes *request = &route->headers->request;

	CU_ASSERT_EQUAL_FATAL(request->set.nr, 2);
	CU_ASSERT_STRING_EQUAL(request->set.at[0].name, "a");
	CU_ASSERT_STRING_EQUAL(request->set.at[1].value, "1");
	CU_ASSERT_STRING_EQUAL(request->add.at[0].value, "3");
	CU_ASSERT_EQUAL_FATAL(request->remove.nr, 2);
	CU_ASSERT_STRING_EQUAL(request->remove.at[1], "d");
	CU_ASSERT_EQUAL(route->headers->response.set.nr, 0);
	CU_ASSERT_STRING_EQUAL(route->destinations[0].headers->response.add.at[0].name, "e");
	CU_ASSERT_PTR_NULL(route->destinations[1].headers);
	config_read_free(&r);
}

#define VS_HTTP(route_) HEAD("VirtualService") "spec:\n  hosts: [a]\n  http: [" route_ "]\n"
#define TO_B ", route: [{destination: {host: b}}]}"

TEST(defaults_stand_for_what_is_not_said)
{
	struct config_read r = config_read(
		VS_HTTP("{retries: {attempts: 1}, fault: {delay: {fixedDelay: 1s, percent: 7}, "
			"abort: {httpStatus: 503}}, corsPolicy: {allowOrigin: [x]}, headers: "
			"{request: {}}, mirror: {host: m}" TO_B));
	const struct vs_route *route = only_route(&r);

	CU_ASSERT_EQUAL(route->retries->on, RETRY_CONNECT_FAILURE | RETRY_REFUSED_STREAM |
						    RETRY_UNAVAILABLE | RETRY_CANCELLED |
						    RETRY_STATUS_CODES);
	CU_ASSERT_EQUAL(route->retries->nr_status_codes, 0);
	CU_ASSERT(!route->retries->any_host);
	CU_ASSERT_EQUAL(route->fault->delay->millionths, 70000);
	CU_ASSERT_EQUAL(route->fault->abort->millionths, 0);
	CU_ASSERT_STRING_EQUAL(route->fault->abort->grpc_status, "");
	CU_ASSERT_EQUAL_FATAL(route->cors->nr_allow_origins, 1);
	expect(&route->cors->allow_origins[0], MATCH_EXACT, "x");
	CU_ASSERT_EQUAL(route->cors->max_age, -1);
	CU_ASSERT(!route->cors->has_allow_credentials);
	CU_ASSERT_PTR_NULL(route->headers);
	CU_ASSERT_EQUAL_FATAL(route->nr_mirrors, 1);
	CU_ASSERT_EQUAL(route->mirrors[0].millionths, 1000000);
	CU_ASSERT_EQUAL(route->timeout, 0);
	CU_ASSERT_PTR_NULL(route->rewrite);
	config_read_free(&r);
}

/* The share of the mirror of the only route; any warning is let pass. */
static uint32_t share_of(const char *text)
{
	struct config_read r = config_read(text);
	uint32_t share = 0;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	share = r.objects[0]->virtual_service.http[0].mirrors[0].millionths;
	config_read_free(&r);
	return share;
}

TEST(mirror_percentage_wins_over_the_old_ones)
{
	CU_ASSERT_EQUAL(share_of(VS_HTTP("{mirror: {host: m}, mirrorPercent: 3" TO_B)), 30000);
	CU_ASSERT_EQUAL(share_of(VS_HTTP("{mirror: {host: m}, mirror_percent: 4" TO_B)), 40000);
	CU_ASSERT_EQUAL(share_of(VS_HTTP("{mirror: {host: m}, mirrorPercent: 3, "
					 "mirrorPercentage: {value: 0.5}" TO_B)),
			5000);
	CU_ASSERT_EQUAL(share_of(VS_HTTP("{mirror: {host: m}, mirrorPercentage: {}" TO_B)), 0);
}

TEST(no_attempts_are_retries_switched_off)
{
	struct config_read r = config_read(VS_HTTP("{retries: {}" TO_B));
	const struct vs_route *route = only_route(&r);

	CU_ASSERT_PTR_NOT_NULL_FATAL(route->retries);
	CU_ASSERT_EQUAL(route->retries->attempts, 0);
	config_read_free(&r);
}

TEST(redirects_are_kept)
{
	struct config_read r = config_read(VS_HTTP(
		"{redirect: {uri: /x, authority: '', scheme: https, "
		"derivePort: FROM_REQUEST_PORT}}"));
	struct config_read coded = config_read(
		VS_HTTP("{redirect: {prefixRewrite: /y, port: 8443, redirectCode: 308}}"));
	const struct http_redirect *a = only_route(&r)->redirect, *b = only_route(&coded)->redirect;

	CU_ASSERT_STRING_EQUAL(a->uri, "/x");
	CU_ASSERT_PTR_NULL(a->authority);
	CU_ASSERT_STRING_EQUAL(a->scheme, "https");
	CU_ASSERT_EQUAL(a->derive, REDIRECT_PORT_REQUEST);
	CU_ASSERT_EQUAL(a->code, 301);
	CU_ASSERT_PTR_NULL(b->uri);
	CU_ASSERT_STRING_EQUAL(b->prefix_rewrite, "/y");
	CU_ASSERT_EQUAL(b->port, 8443);
	CU_ASSERT_EQUAL(b->derive, REDIRECT_PORT_UNSET);
	CU_ASSERT_EQUAL(b->code, 308);
	config_read_free(&r);
	config_read_free(&coded);
}

static void expect_body(const char *text, const char *body, size_t length)
{
	struct config_read r = config_read(text);
	const struct http_response *response = only_route(&r)->direct_response;

	CU_ASSERT_EQUAL(response->status, 200);
	CU_ASSERT_EQUAL_FATAL(response->body_length, length);
	CU_ASSERT(!memcmp(response->body, body, length));
	config_read_free(&r);
}

TEST(bodies_are_text_or_base64)
{
	expect_body(VS_HTTP("{directResponse: {status: 200}}"), "", 0);
	expect_body(VS_HTTP("{directResponse: {status: 200, body: {string: abc}}}"), "abc", 3);
	expect_body(VS_HTTP("{directResponse: {status: 200, body: {bytes: 'AP/+'}}}"), "\0\xff\xfe",
		    3);
	expect_body(VS_HTTP("{directResponse: {status: 200, body: {bytes: 'YQ=='}}}"), "a", 1);
	/* the alphabet of addresses, without padding */
	expect_body(VS_HTTP("{directResponse: {status: 200, body: {bytes: '_-8'}}}"), "\xff\xef", 2);
}

/* What is said of a body of n bytes. */
static void body_said(size_t n, const char *want)
{
	char *body = xcalloc(1, n + 1), *text;
	struct config_read r;

	memset(body, 'x', n);
	text = xasprintf(VS_HTTP("{directResponse: {status: 200, body: {string: %s}}}"), body);
	r = config_read(text);
	CU_ASSERT_STRING_EQUAL(only_diag(&r), want);
	config_read_free(&r);
	free(text);
	free(body);
}

TEST(large_bodies_warn_and_larger_ones_are_refused)
{
#define BODY_PATH "VirtualService/default/a: spec.http[0].directResponse.body.string: "
	body_said(100 << 10, "none");
	body_said((100 << 10) + 1, BODY_PATH "has 102401 bytes, which is much to hold in memory");
	body_said(1 << 20, BODY_PATH "has 1048576 bytes, which is much to hold in memory");
	body_said((1 << 20) + 1, BODY_PATH "has 1048577 bytes, want at most 1048576");
}

TEST(delegates_are_kept)
{
	struct config_read root = config_read(
		VS_HTTP("{match: [{port: 80}], delegate: {name: b, namespace: shop}}, "
			"{delegate: {name: c}}"));
	struct config_read own = config_read(
		HEAD("VirtualService") "spec: {http: [{route: [{destination: {host: b}}]}]}\n");
	const struct vs_route *routes = only_route(&root);

	CU_ASSERT_STRING_EQUAL(routes[0].delegate->name, "b");
	CU_ASSERT_STRING_EQUAL(routes[0].delegate->namespace, "shop");
	CU_ASSERT_STRING_EQUAL(routes[1].delegate->namespace, "");
	CU_ASSERT_EQUAL(routes[0].nr_destinations, 0);
	CU_ASSERT_PTR_NOT_NULL(only_route(&own));
	CU_ASSERT_EQUAL(own.objects[0]->virtual_service.nr_hosts, 0);
	config_read_free(&root);
	config_read_free(&own);
}

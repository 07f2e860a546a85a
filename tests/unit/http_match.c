// SPDX-License-Identifier: GPL-2.0
/* Which requests meet the conditions of a route. */
#include <string.h>
#include "http/match.h"
#include "unit.h"

static struct http_request request(const char *path)
{
	return (struct http_request){.method = http_text("GET"),
				     .scheme = http_text("http"),
				     .authority = http_text("reviews:9080"),
				     .path = http_text(path)};
}

static bool holds(const struct http_match *m, const struct http_request *r)
{
	struct regexes x = {0};
	bool is = http_match_holds(m, r, &x, NULL);

	regexes_free(&x);
	return is;
}

static bool path_holds(enum match_how how, const char *text, bool fold, const char *path)
{
	struct http_match m = {.uri = {how, text}, .ignore_uri_case = fold};
	struct http_request r = request(path);

	return holds(&m, &r);
}

TEST(a_prefix_is_a_prefix_of_the_text)
{
	CU_ASSERT(path_holds(MATCH_PREFIX, "/api", false, "/api"));
	CU_ASSERT(path_holds(MATCH_PREFIX, "/api", false, "/api/x"));
	CU_ASSERT(path_holds(MATCH_PREFIX, "/api", false, "/apix"));
	CU_ASSERT(path_holds(MATCH_PREFIX, "/api", false, "/api?q=1"));
	CU_ASSERT_FALSE(path_holds(MATCH_PREFIX, "/api", false, "/Api"));
	CU_ASSERT(path_holds(MATCH_PREFIX, "/api", true, "/Api"));
	CU_ASSERT_FALSE(path_holds(MATCH_PREFIX, "/api", false, "/ap"));
	CU_ASSERT(path_holds(MATCH_PREFIX, "", false, "/"));
}

TEST(a_path_is_compared_without_its_query)
{
	CU_ASSERT(path_holds(MATCH_EXACT, "/login", false, "/login?next=/"));
	CU_ASSERT(path_holds(MATCH_EXACT, "/login", false, "/login#top"));
	CU_ASSERT_FALSE(path_holds(MATCH_EXACT, "/login", false, "/login/"));
	CU_ASSERT(path_holds(MATCH_EXACT, "/Login", true, "/lOGIN"));
	CU_ASSERT(path_holds(MATCH_REGEX, "/v[0-9]+", false, "/v1?x"));
	CU_ASSERT_FALSE(path_holds(MATCH_REGEX, "/v[0-9]+", false, "/v1/x"));
	CU_ASSERT_FALSE(path_holds(MATCH_REGEX, "/v", true, "/V"));
}

TEST(elements_of_a_path_match_whole)
{
	CU_ASSERT(path_holds(MATCH_ELEMENTS, "/foo", false, "/foo"));
	CU_ASSERT(path_holds(MATCH_ELEMENTS, "/foo", false, "/foo/"));
	CU_ASSERT(path_holds(MATCH_ELEMENTS, "/foo/", false, "/foo"));
	CU_ASSERT(path_holds(MATCH_ELEMENTS, "/foo", false, "/foo/x?y"));
	CU_ASSERT_FALSE(path_holds(MATCH_ELEMENTS, "/foo", false, "/foobar"));
	CU_ASSERT(path_holds(MATCH_ELEMENTS, "/", false, "/anything"));
}

static bool header_holds(struct http_request *r, const char *name, enum match_how how,
			 const char *text, bool without)
{
	struct named_match one = {name, {how, text}};
	struct named_matches all = {&one, 1};
	struct http_match m = {0};

	*(without ? &m.without_headers : &m.headers) = all;
	return holds(&m, r);
}

TEST(a_header_that_is_missing_does_not_match)
{
	struct http_request r = request("/");
	struct http_header jason = {{"End-User", 8}, {"jason", 5}};

	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_EXACT, "jason", false));
	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_PRESENT, "", false));
	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_REGEX, ".*", false));
	r.headers = &jason;
	r.nr_headers = 1;
	CU_ASSERT(header_holds(&r, "end-user", MATCH_EXACT, "jason", false));
	CU_ASSERT(header_holds(&r, "end-user", MATCH_PRESENT, "", false));
	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_EXACT, "Jason", false));
}

TEST(without_a_header_the_missing_counts_as_empty)
{
	struct http_request r = request("/");
	struct http_header jason = {{"end-user", 8}, {"jason", 5}};

	CU_ASSERT(header_holds(&r, "end-user", MATCH_EXACT, "jason", true));
	CU_ASSERT(header_holds(&r, "end-user", MATCH_ABSENT, "", true));
	CU_ASSERT(header_holds(&r, "end-user", MATCH_PRESENT, "", true));
	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_REGEX, ".*", true));
	r.headers = &jason;
	r.nr_headers = 1;
	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_EXACT, "jason", true));
	CU_ASSERT_FALSE(header_holds(&r, "end-user", MATCH_ABSENT, "", true));
	CU_ASSERT(header_holds(&r, "end-user", MATCH_EXACT, "anna", true));
}

TEST(repeated_headers_are_one_value)
{
	struct http_request r = request("/");
	struct http_header all[] = {{{"x", 1}, {"1", 1}},
				    {{"cookie", 6}, {"a=b", 3}},
				    {{"X", 1}, {"2", 1}},
				    {{"Cookie", 6}, {"c=d", 3}},
				    {{"x", 1}, {"3", 1}}};

	r.headers = all;
	r.nr_headers = 5;
	CU_ASSERT(header_holds(&r, "x", MATCH_EXACT, "1,2,3", false));
	CU_ASSERT(header_holds(&r, "cookie", MATCH_EXACT, "a=b; c=d", false));
}

TEST(pseudo_headers_are_parts_of_the_request)
{
	struct http_request r = request("/a?b");

	CU_ASSERT(header_holds(&r, ":path", MATCH_EXACT, "/a?b", false));
	CU_ASSERT(header_holds(&r, ":method", MATCH_EXACT, "GET", false));
	CU_ASSERT(header_holds(&r, "Host", MATCH_EXACT, "reviews:9080", false));
	CU_ASSERT_FALSE(header_holds(&r, ":status", MATCH_PRESENT, "", false));
	CU_ASSERT_FALSE(header_holds(&r, "@request.auth.claims.group", MATCH_PRESENT, "", false));
}

static bool query_holds(const char *path, const char *name, enum match_how how, const char *text)
{
	struct named_match one = {name, {how, text}};
	struct http_match m = {.query = {&one, 1}};
	struct http_request r = request(path);

	return holds(&m, &r);
}

TEST(the_first_query_parameter_counts_decoded)
{
	CU_ASSERT(query_holds("/?a=1&b=2", "b", MATCH_EXACT, "2"));
	CU_ASSERT(query_holds("/?b=2&b=3", "b", MATCH_EXACT, "2"));
	CU_ASSERT_FALSE(query_holds("/?b=2&b=3", "b", MATCH_EXACT, "3"));
	CU_ASSERT(query_holds("/?n%61me=a%20b%2", "name", MATCH_EXACT, "a b%2"));
	CU_ASSERT(query_holds("/?debug", "debug", MATCH_PRESENT, ""));
	CU_ASSERT(query_holds("/?debug", "debug", MATCH_EXACT, ""));
	CU_ASSERT_FALSE(query_holds("/?debugging=1", "debug", MATCH_PRESENT, ""));
	CU_ASSERT_FALSE(query_holds("/", "debug", MATCH_PRESENT, ""));
	CU_ASSERT(query_holds("/?a=x=y#z", "a", MATCH_EXACT, "x=y"));
}

TEST(the_condition_that_fails_is_named)
{
	struct named_match headers[] = {{"a", {MATCH_ABSENT, ""}},
					{"end-user", {MATCH_EXACT, "jason"}}};
	struct http_match m = {.uri = {MATCH_PREFIX, "/"},
			       .headers = {headers + 1, 1},
			       .without_headers = {headers, 1}};
	struct http_request r = request("/");
	struct http_failed failed;
	struct regexes x = {0};

	CU_ASSERT_FALSE(http_match_holds(&m, &r, &x, &failed));
	CU_ASSERT_STRING_EQUAL(failed.field, "headers");
	CU_ASSERT_STRING_EQUAL(failed.name, "end-user");
	m.method = (struct string_match){MATCH_EXACT, "POST"};
	CU_ASSERT_FALSE(http_match_holds(&m, &r, &x, &failed));
	CU_ASSERT_STRING_EQUAL(failed.field, "method");
	CU_ASSERT_STRING_EQUAL(failed.name, "");
	m.method.text = "GET";
	m.headers.nr = 0;
	CU_ASSERT(http_match_holds(&m, &r, &x, &failed));
	CU_ASSERT_PTR_NULL(failed.field);
}

TEST(the_most_specific_domain_fits_best)
{
	struct http_text host = http_text("Bookinfo.app:31380"), ip6 = http_text("[::1]:80");
	unsigned exact = http_domain_match("bookinfo.app", host),
		 suffix = http_domain_match("*.app", host),
		 longer = http_domain_match("*info.app", host),
		 prefix = http_domain_match("bookinfo.*", host), all = http_domain_match("*", host);

	CU_ASSERT(exact > longer);
	CU_ASSERT(longer > suffix);
	CU_ASSERT(suffix > prefix);
	CU_ASSERT(prefix > all);
	CU_ASSERT(all > 0);
	CU_ASSERT_EQUAL(http_domain_match("*.bookinfo.app", host), 0);
	CU_ASSERT_EQUAL(http_domain_match("app", host), 0);
	CU_ASSERT(http_domain_match("[::1]", ip6) > 0);
	CU_ASSERT_EQUAL(http_domain_match("[:", ip6), 0);
}

TEST(an_origin_is_allowed_by_any_entry)
{
	struct string_match entries[] = {{MATCH_EXACT, "http://a"}, {MATCH_PREFIX, "https://b"}};
	struct http_cors c = {.allow_origins = entries, .nr_allow_origins = 2};
	struct regexes x = {0};

	CU_ASSERT(http_origin_allowed(&c, http_text("http://a"), &x));
	CU_ASSERT(http_origin_allowed(&c, http_text("https://b.c"), &x));
	CU_ASSERT_FALSE(http_origin_allowed(&c, http_text("http://b"), &x));
	entries[1] = (struct string_match){MATCH_REGEX, ".*"};
	CU_ASSERT(http_origin_allowed(&c, http_text("http://b"), &x));
	entries[1] = (struct string_match){MATCH_EXACT, "*"};
	CU_ASSERT(http_origin_allowed(&c, http_text("http://b"), &x));
	regexes_free(&x);
}

TEST(a_preflight_has_both_headers)
{
	struct http_header headers[] = {{{"origin", 6}, {"http://a", 8}},
					{{"access-control-request-method", 29}, {"PUT", 3}}};
	struct http_request r = request("/");

	r.headers = headers;
	r.nr_headers = 2;
	CU_ASSERT_FALSE(http_is_preflight(&r));
	r.method = http_text("OPTIONS");
	CU_ASSERT(http_is_preflight(&r));
	r.nr_headers = 1;
	CU_ASSERT_FALSE(http_is_preflight(&r));
}

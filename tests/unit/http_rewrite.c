// SPDX-License-Identifier: GPL-2.0
/* What a route makes of a request. */
#include <stdlib.h>
#include <string.h>
#include "http/rewrite.h"
#include "unit.h"

static struct http_request request(const char *scheme, const char *authority, const char *path)
{
	return (struct http_request){.method = http_text("GET"),
				     .scheme = http_text(scheme),
				     .authority = http_text(authority),
				     .path = http_text(path)};
}

static bool rewrites(const struct http_rewrite *w, enum match_how how, const char *uri,
		     const char *path, const char *want)
{
	struct http_match taken = {.uri = {how, uri}};
	struct http_request r = request("http", "a", path);
	struct regexes x = {0};
	char *is = http_rewrite_path(w, &taken, &r, &x);
	bool same = want ? is && !strcmp(is, want) : !is;

	if (!same)
		printf("# %s: %s\n", path, is ? is : "stays");
	free(is);
	regexes_free(&x);
	return same;
}

TEST(a_rewrite_replaces_what_matched)
{
	struct http_rewrite slash = {.uri = "/"}, b = {.uri = "/b"}, none = {.authority = "x"};
	struct http_rewrite url = {.uri = "http://c/"};

	CU_ASSERT(rewrites(&slash, MATCH_PREFIX, "/old/", "/old/a?b=1", "/a?b=1"));
	CU_ASSERT(rewrites(&slash, MATCH_PREFIX, "/api", "/api/x", "//x"));
	CU_ASSERT(rewrites(&b, MATCH_EXACT, "/a", "/a?x", "/b?x"));
	CU_ASSERT(rewrites(&url, MATCH_PREFIX, "/a/", "/a/b", "/http://c/b"));
	CU_ASSERT(rewrites(&b, MATCH_REGEX, "/a.*", "/a/c/d?x", "/b?x"));
	CU_ASSERT(rewrites(&b, MATCH_UNSET, "", "/a", "/ba"));
	CU_ASSERT(rewrites(&b, MATCH_ELEMENTS, "/a/", "/a", "/b"));
	CU_ASSERT(rewrites(&none, MATCH_PREFIX, "/", "/a", NULL));
}

TEST(a_regex_rewrite_leaves_the_query)
{
	struct http_rewrite w = {.regex = "^/a/(.*)$", .replacement = "/\\1"};

	CU_ASSERT(rewrites(&w, MATCH_PREFIX, "/a", "/a/b/c?a/b", "/b/c?a/b"));
	CU_ASSERT(rewrites(&w, MATCH_PREFIX, "/a", "/a?/a/b", NULL));
}

static bool redirects(const struct http_redirect *d, const char *prefix, const char *scheme,
		      const char *authority, const char *path, const char *want)
{
	struct http_match taken = {
		.uri = {prefix ? MATCH_PREFIX : MATCH_UNSET, prefix ? prefix : ""}};
	struct http_request r = request(scheme, authority, path);
	struct http_listener listener = {8080, !strcmp(scheme, "https")};
	char *is = http_redirect_location(d, &taken, &r, &listener);
	bool same = !strcmp(is, want);

	if (!same)
		printf("# %s, not %s\n", is, want);
	free(is);
	return same;
}

TEST(a_redirect_keeps_what_it_does_not_name)
{
	struct http_redirect uri = {.uri = "/n", .authority = "h2"}, own = {.uri = "/n?own"},
			     prefix = {.prefix_rewrite = "/new"}, host = {.authority = "h2"};

	CU_ASSERT(redirects(&uri, NULL, "http", "h1:8080", "/o?q", "http://h2/n?q"));
	CU_ASSERT(redirects(&own, NULL, "http", "h1", "/o?q", "http://h1/n?own"));
	CU_ASSERT(redirects(&prefix, "/old", "http", "h1", "/old/a?q", "http://h1/new/a?q"));
	CU_ASSERT(redirects(&host, NULL, "http", "h1:8080", "/a?q", "http://h2/a?q"));
}

TEST(a_redirect_writes_no_port_that_the_scheme_implies)
{
	struct http_redirect https = {.scheme = "https"},
			     default_port = {.scheme = "https", .port = 443}, port = {.port = 9090},
			     request_port = {.authority = "h2", .derive = REDIRECT_PORT_REQUEST},
			     eighty = {.authority = "h2", .port = 80};

	CU_ASSERT(redirects(&https, NULL, "http", "h:80", "/p", "https://h/p"));
	CU_ASSERT(redirects(&https, NULL, "http", "h:8080", "/p", "https://h:8080/p"));
	CU_ASSERT(redirects(&default_port, NULL, "http", "h:8080", "/p", "https://h/p"));
	CU_ASSERT(redirects(&port, NULL, "http", "h:8080", "/p", "http://h:9090/p"));
	CU_ASSERT(redirects(&port, NULL, "http", "[::1]:8080", "/p", "http://[::1]:9090/p"));
	CU_ASSERT(redirects(&request_port, NULL, "http", "h", "/p", "http://h2:8080/p"));
	CU_ASSERT(redirects(&eighty, NULL, "http", "h", "/p", "http://h2/p"));
	CU_ASSERT(redirects(&eighty, NULL, "https", "h", "/p", "https://h2:80/p"));
}

static struct header_values values(struct header_value *at, size_t nr)
{
	return (struct header_values){at, nr};
}

TEST(headers_are_removed_then_set_then_added)
{
	struct header_value set = {"X", "1"}, add = {"x", "2"};
	const char *gone = "x";
	struct header_changes c = {values(&set, 1), values(&add, 1), {&gone, 1}};
	struct http_header_list l = {0};

	vec_push(&l.list, ((struct http_header){http_text("x"), http_text("9")}));
	vec_push(&l.list, ((struct http_header){http_text("y"), http_text("3")}));
	http_headers_change(&l, &c);
	CU_ASSERT_EQUAL(l.list.nr, 3);
	CU_ASSERT_STRING_EQUAL(l.list.at[0].name.at, "y");
	CU_ASSERT_STRING_EQUAL(l.list.at[1].value.at, "1");
	CU_ASSERT_STRING_EQUAL(l.list.at[2].value.at, "2");
	vec_free(&l.list);
}

TEST(the_authority_of_the_route_goes_first)
{
	struct header_value host = {"Host", "route"}, other = {":authority", "destination"};
	struct http_headers route = {.request = {.add = values(&host, 1)}},
			    destination = {.request = {.set = values(&other, 1)}};
	struct http_rewrite w = {.authority = "rewrite"}, none = {.uri = "/"};
	struct http_header_list l = {0};

	CU_ASSERT_STRING_EQUAL(http_authority(&w, NULL, &destination), "rewrite");
	CU_ASSERT_STRING_EQUAL(http_authority(&none, &route, &destination), "route");
	CU_ASSERT_STRING_EQUAL(http_authority(NULL, NULL, &destination), "destination");
	CU_ASSERT_PTR_NULL(http_authority(&none, NULL, NULL));
	http_headers_change(&l, &route.request);
	CU_ASSERT_EQUAL(l.list.nr, 0);
}

static bool normal(const char *path, const char *want)
{
	char *is = http_path_normalize(http_text(path));
	bool same = want ? is && !strcmp(is, want) : !is;

	if (!same)
		printf("# %s: %s\n", path, is ? is : "stays");
	free(is);
	return same;
}

TEST(dots_and_needless_escapes_are_no_way_around_a_rule)
{
	CU_ASSERT(normal("/a/./b", "/a/b"));
	CU_ASSERT(normal("/a/../b?x=/../%41", "/b?x=/../%41"));
	CU_ASSERT(normal("/../../a", "/a"));
	CU_ASSERT(normal("/a/b/..", "/a/"));
	CU_ASSERT(normal("/a/.", "/a/"));
	CU_ASSERT(normal("/..", "/"));
	CU_ASSERT(normal("/a/%2e%2E/b", "/b"));
	CU_ASSERT(normal("/%61dmin%7e", "/admin~"));
	CU_ASSERT(normal("/a//../b", "/a/b"));
}

TEST(a_path_keeps_its_slashes_and_the_escapes_it_needs)
{
	CU_ASSERT(normal("/", NULL));
	CU_ASSERT(normal("/a//b/", NULL));
	CU_ASSERT(normal("/a.b/c..d?..=%41", NULL));
	CU_ASSERT(normal("*", NULL));
	CU_ASSERT(normal("/a%2Fb%", "/a%2Fb%"));
	CU_ASSERT(normal("/.a/..b/...", "/.a/..b/..."));
	CU_ASSERT(normal("/%zz%4", "/%zz%4"));
}

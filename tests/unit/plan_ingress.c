// SPDX-License-Identifier: GPL-2.0
/* What nginx's annotations make of a path, as the upstream sees it. */
#include <stdlib.h>
#include <string.h>
#include "http/regex.h"
#include "plan/ingress.h"
#include "unit.h"

/* The path that goes upstream for a request of `sent` by the rule of `path`. */
static bool rewrites(const char *path, const char *target, const char *sent, const char *want)
{
	const struct nginx nginx = {.rewrite_target = target};
	struct arena *a = arena_new();
	const struct http_rewrite *w = nginx_rewrite(a, &nginx, path);
	struct regex *regex = regex_new(w->regex);
	enum regex_result result;
	char *got = regex_replace(regex, sent, strlen(sent), w->replacement, &result);
	bool same = got && !strcmp(got, want);

	free(got);
	regex_free(regex);
	arena_free(a);
	return same;
}

TEST(a_group_goes_to_its_place_in_the_target)
{
	CU_ASSERT(rewrites("/a/(.*)", "/$1", "/a/x/y", "/x/y"));
	CU_ASSERT(rewrites("/a/(.*)", "/$1", "/A/x", "/x"));
	CU_ASSERT(rewrites("/something(/|$)(.*)", "/$2", "/something/new", "/new"));
	CU_ASSERT(rewrites("/something(/|$)(.*)", "/$2", "/something", "/"));
	CU_ASSERT(rewrites("/(?:a|b)/([^)]+)/(c)", "/$2/$1", "/b/x/c", "/c/x"));
	CU_ASSERT(rewrites("/\\(a\\)/(b)", "/$1", "/(a)/b", "/b"));
}

TEST(a_group_that_is_not_there_is_empty)
{
	CU_ASSERT(rewrites("/", "/$1", "/anything", "/"));
	CU_ASSERT(rewrites("/a/(.*)", "/$1$2", "/a/x", "/x"));
}

TEST(a_target_without_groups_is_the_whole_path)
{
	CU_ASSERT(rewrites("/app", "/", "/app/x", "/"));
	CU_ASSERT(rewrites("/app", "/a\\1", "/app/x", "/a\\1"));
}

static bool redirects(const char *url, const char *scheme, const char *authority, const char *uri)
{
	struct arena *a = arena_new();
	const struct http_redirect *r = nginx_redirect(a, url, 301);
	bool same = r && !strcmp(r->scheme, scheme) && !strcmp(r->authority, authority) &&
		    !strcmp(r->uri, uri);

	arena_free(a);
	return same;
}

TEST(a_redirect_is_taken_apart)
{
	struct arena *a = arena_new();

	CU_ASSERT(redirects("https://a.b/c?d", "https", "a.b", "/c?d"));
	CU_ASSERT(redirects("http://a.b:81", "http", "a.b:81", "/"));
	CU_ASSERT(redirects("http://a.b?c", "http", "a.b", "/?c"));
	CU_ASSERT_STRING_EQUAL(nginx_redirect(a, "/start", 302)->uri, "/start");
	CU_ASSERT_PTR_NULL(nginx_redirect(a, "nowhere", 301));
	CU_ASSERT_PTR_NULL(nginx_redirect(a, "http:///x", 301));
	arena_free(a);
}

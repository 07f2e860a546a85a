/* SPDX-License-Identifier: GPL-2.0 */
/* Whether a request meets the conditions of an http route. */
#ifndef HTTP_MATCH_H
#define HTTP_MATCH_H

#include <string.h>
#include <strings.h>
#include "http/regex.h"
#include "http/tables.h"

struct http_text { /* borrowed, not ended */
	const char *at;
	size_t length;
};
static inline struct http_text http_text(const char *s)
{
	return (struct http_text){s, strlen(s)};
}
/* The same but for case. */
static inline bool http_text_is(struct http_text t, const char *s)
{
	return strlen(s) == t.length && !strncasecmp(t.at, s, t.length);
}

struct http_header {
	struct http_text name, value;
};
struct http_request {
	struct http_text method, scheme, authority, path; /* the path as sent, with its query */
	const struct http_header *headers;		  /* without pseudo headers and host */
	size_t nr_headers;
};

/* The path without its query and fragment; the query without "?". */
struct http_text http_path(const struct http_request *r);
struct http_text http_query(const struct http_request *r);

/* A header by name in any case, or ":path" and its like, "host" being ":authority". Repeated ones
 * are joined by a comma, cookies by a semicolon, in *joined, which the caller frees. False: none.
 */
bool http_header_find(const struct http_request *r, const char *name, struct http_text *value,
		      char **joined);

/* `fold`: exact and prefix are compared without case. */
bool string_match_holds(const struct string_match *m, struct http_text value, bool fold,
			struct regexes *x);

/* The condition that does not hold: "headers" and "end-user"; name "" where there is none. */
struct http_failed {
	const char *field, *name;
};
/* Whether all conditions hold; failed may be NULL. */
bool http_match_holds(const struct http_match *m, const struct http_request *r, struct regexes *x,
		      struct http_failed *failed);

/*
 * How well a domain fits an authority, whose port does not count: 0 not at all, then "*",
 * "prefix*",
 * "*suffix" and the name itself, of two wildcards the longer one more.
 */
unsigned http_domain_match(const char *domain, struct http_text authority);

/* A request that asks whether another origin may send one: OPTIONS with both headers of CORS. */
bool http_is_preflight(const struct http_request *r);
/* Whether a page of `origin` may read the response. */
bool http_origin_allowed(const struct http_cors *c, struct http_text origin, struct regexes *x);

#endif

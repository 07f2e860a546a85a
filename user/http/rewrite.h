/* SPDX-License-Identifier: GPL-2.0 */
/* What a route makes of a request: another path, another authority, other headers, a redirect. */
#ifndef HTTP_REWRITE_H
#define HTTP_REWRITE_H

#include "base/vec.h"
#include "http/match.h"

/*
 * A path, with its query, in the form that rules are met in: what needs no escape has none, "." and
 * ".." are gone, slashes stay as they are. NULL: it has that form, or is none. The caller frees.
 */
char *http_path_normalize(struct http_text path);
/*
 * The path and query that go upstream. `taken` is the entry that held, NULL: the route has none.
 * NULL: the path stays as it is. The caller frees.
 */
char *http_rewrite_path(const struct http_rewrite *w, const struct http_match *taken,
			const struct http_request *r, struct regexes *x);

/* The listener that a request came in by. */
struct http_listener {
	uint16_t port;
	bool tls;
};
/* The Location of a redirect; the caller frees. */
char *http_redirect_location(const struct http_redirect *d, const struct http_match *taken,
			     const struct http_request *r, const struct http_listener *listener);

/*
 * The authority that goes upstream; NULL: as it came. What the route says goes before what the
 * destination says; each may be NULL.
 */
const char *http_authority(const struct http_rewrite *w, const struct http_headers *route,
			   const struct http_headers *destination);

struct http_header_list { /* borrows its texts */
	VEC(struct http_header) list;
};
/* Removals, then set, then add; a name that means the authority is left to http_authority(). */
void http_headers_change(struct http_header_list *l, const struct header_changes *c);

#endif

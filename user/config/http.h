/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of what only http routes have. */
#ifndef CONFIG_HTTP_H
#define CONFIG_HTTP_H

#include "config/decode.h"

extern const struct message http_match;	     /* into struct route_match */
extern const struct message cors_policy;     /* into struct http_cors */
extern const struct message fault;	     /* into struct http_fault */
extern const struct message retries;	     /* into struct http_retries */
extern const struct message rewrite;	     /* into struct http_rewrite */
extern const struct message redirect;	     /* into struct http_redirect */
extern const struct message direct_response; /* into struct http_response */
extern const struct message delegate;	     /* into struct vs_delegate */
extern const struct message header_changes;  /* into struct http_headers */
extern const struct message percent;	     /* `value` from 0 to 100, see millionths_of() */

/* Strings into {at, nr}. */
#define INTO_TEXTS(s, m)                                                                           \
	.shape = FIELD_LIST, .offset = offsetof(s, m.at), .offset_nr = offsetof(s, m.nr),          \
	.size = sizeof(const char *), .flags = FIELD_KEPT

/* Of a Percent map; without a value it is 0. */
uint32_t millionths_of(const struct node *percentage);
/* NULL instead of operations that change nothing. */
const struct http_headers *headers_or_none(const struct http_headers *headers);
/* How many of the request's assignments (set and add) are to the authority. */
size_t headers_authorities(const struct http_headers *headers);
/* "@request.auth.claims.x" or "@request.auth.claims[x]": a claim of a token, at gateways. */
bool name_is_claim(const char *name);

#endif

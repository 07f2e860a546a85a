/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What an http route asks of a request and what it does with it, as values that need no other
 * layer: configuration decodes into them, a plan orders them, `explain` and the proxy walk them.
 * Texts are never NULL where "" can say the same; times are nanoseconds.
 */
#ifndef HTTP_TABLES_H
#define HTTP_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum match_how {
	MATCH_UNSET,   /* the condition is not there */
	MATCH_PRESENT, /* any value */
	MATCH_ABSENT,  /* only of withoutHeaders written "*": no such header */
	MATCH_EXACT,
	MATCH_PREFIX,
	MATCH_REGEX,	/* the whole text, RE2 syntax */
	MATCH_ELEMENTS, /* whole path elements, of an Ingress: "/a" covers "/a/b", not "/ab" */
};

struct string_match {
	enum match_how how;
	const char *text;
};

struct named_match { /* a header or a query parameter */
	const char *name;
	struct string_match value;
};
struct named_matches {
	struct named_match *at;
	size_t nr;
};

/* The conditions of one entry that depend on the request; all must hold. */
struct http_match {
	const char *name, *stat_prefix;
	struct string_match uri, scheme, method, authority;
	bool ignore_uri_case;
	struct named_matches headers, without_headers, query;
};

/* Rolls below `millionths` of 1,000,000 happen: Istio's percentages have steps of 0.0001. */
struct http_delay {
	int64_t delay;
	uint32_t millionths;
};
struct http_abort {
	uint16_t status;	 /* 0: not given */
	const char *grpc_status; /* "UNAVAILABLE"; "" not given */
	uint32_t millionths;
};
struct http_fault {
	const struct http_delay *delay; /* NULL: none */
	const struct http_abort *abort;
};

struct http_rewrite {
	const char *uri, *authority;	 /* NULL: not given */
	const char *regex, *replacement; /* uriRegexRewrite, or NULL */
};

enum redirect_port { REDIRECT_PORT_UNSET, REDIRECT_PORT_PROTOCOL, REDIRECT_PORT_REQUEST };
struct http_redirect {
	const char *uri, *prefix_rewrite, *authority, *scheme; /* NULL: not given */
	uint16_t port;					       /* 0: see derive */
	enum redirect_port derive;
	uint16_t code; /* 301 when none was given */
};

struct http_response {
	uint16_t status;
	const char *body;
	size_t body_length;
};

struct header_value {
	const char *name, *value;
};
struct header_values {
	struct header_value *at;
	size_t nr;
};
struct header_names {
	const char **at;
	size_t nr;
};
struct header_changes { /* removals, then set, then add; set and add sorted by name */
	struct header_values set, add;
	struct header_names remove;
};
struct http_headers {
	struct header_changes request, response;
};

struct http_cors {
	struct string_match *allow_origins;
	size_t nr_allow_origins;
	struct header_names allow_methods, allow_headers, expose_headers;
	int64_t max_age; /* -1: not given */
	bool has_allow_credentials, allow_credentials;
	bool ignore_unmatched_preflights; /* else they are forwarded */
};

enum retry_on { /* bits */
	RETRY_5XX = 1 << 0,
	RETRY_GATEWAY_ERROR = 1 << 1,
	RETRY_RESET = 1 << 2,
	RETRY_RESET_BEFORE_REQUEST = 1 << 3,
	RETRY_CONNECT_FAILURE = 1 << 4,
	RETRY_RETRIABLE_4XX = 1 << 5,
	RETRY_REFUSED_STREAM = 1 << 6,
	RETRY_STATUS_CODES = 1 << 7,
	RETRY_HEADERS = 1 << 8,
	RETRY_RATELIMITED = 1 << 9,
	RETRY_HTTP3_POST_CONNECT = 1 << 10,
	RETRY_CANCELLED = 1 << 11,
	RETRY_DEADLINE_EXCEEDED = 1 << 12,
	RETRY_INTERNAL = 1 << 13,
	RETRY_RESOURCE_EXHAUSTED = 1 << 14,
	RETRY_UNAVAILABLE = 1 << 15,
};
struct http_retries {
	uint32_t attempts; /* tries after the first */
	int64_t per_try_timeout, backoff; /* 0: not given; the default of backoff is 25 ms */
	uint32_t on;			  /* bits of enum retry_on; never 0 once decoded */
	uint16_t *status_codes;
	size_t nr_status_codes;
	bool remote_localities;
	bool any_host; /* retryIgnorePreviousHosts: false */
};

#endif

// SPDX-License-Identifier: GPL-2.0
/* The conditions and actions of http routes as bytes. */
#include "snapshot/codes.h"

#define STATUS_MAX 999

uint32_t code_millionths(struct coder *c, uint32_t value)
{
	return (uint32_t)code_int(c, value, 4, 0, 1000000);
}

static void text_code(struct coder *c, const char **x)
{
	*x = code_text(c, *x);
}

void code_texts(struct coder *c, const char ***at, size_t *nr)
{
	code_list(c, const char *, *at, *nr, 4, text_code);
}

static void u16_code(struct coder *c, uint16_t *x)
{
	*x = code_u16(c, *x);
}

void code_u16s(struct coder *c, uint16_t **at, size_t *nr)
{
	code_list(c, uint16_t, *at, *nr, 2, u16_code);
}

/* ---- conditions ---- */

static void string_code(struct coder *c, struct string_match *x)
{
	x->how = code_enum(c, x->how, MATCH_ELEMENTS);
	x->text = code_text(c, x->text);
}

static void named_code(struct coder *c, struct named_match *x)
{
	x->name = code_text(c, x->name);
	string_code(c, &x->value);
}

static void named_list(struct coder *c, struct named_matches *x)
{
	code_list(c, struct named_match, x->at, x->nr, 9, named_code);
}

void code_match(struct coder *c, struct http_match *x)
{
	x->name = code_text(c, x->name);
	x->stat_prefix = code_text(c, x->stat_prefix);
	string_code(c, &x->uri);
	string_code(c, &x->scheme);
	string_code(c, &x->method);
	string_code(c, &x->authority);
	x->ignore_uri_case = code_bool(c, x->ignore_uri_case);
	named_list(c, &x->headers);
	named_list(c, &x->without_headers);
	named_list(c, &x->query);
}

/* ---- headers ---- */

static void value_code(struct coder *c, struct header_value *x)
{
	x->name = code_text(c, x->name);
	x->value = code_text(c, x->value);
}

void code_header_values(struct coder *c, struct header_values *x)
{
	code_list(c, struct header_value, x->at, x->nr, 8, value_code);
}

static void changes_code(struct coder *c, struct header_changes *x)
{
	code_header_values(c, &x->set);
	code_header_values(c, &x->add);
	code_texts(c, &x->remove.at, &x->remove.nr);
}

void code_headers(struct coder *c, struct http_headers *x)
{
	changes_code(c, &x->request);
	changes_code(c, &x->response);
}

void code_cors(struct coder *c, struct http_cors *x)
{
	code_list(c, struct string_match, x->allow_origins, x->nr_allow_origins, 5, string_code);
	code_texts(c, &x->allow_methods.at, &x->allow_methods.nr);
	code_texts(c, &x->allow_headers.at, &x->allow_headers.nr);
	code_texts(c, &x->expose_headers.at, &x->expose_headers.nr);
	x->max_age = code_time(c, x->max_age, -1);
	x->has_allow_credentials = code_bool(c, x->has_allow_credentials);
	x->allow_credentials = code_bool(c, x->allow_credentials);
	x->ignore_unmatched_preflights = code_bool(c, x->ignore_unmatched_preflights);
}

/* ---- actions ---- */

void code_redirect(struct coder *c, struct http_redirect *x)
{
	x->uri = code_text_or_null(c, x->uri);
	x->prefix_rewrite = code_text_or_null(c, x->prefix_rewrite);
	x->authority = code_text_or_null(c, x->authority);
	x->scheme = code_text_or_null(c, x->scheme);
	x->port = code_u16(c, x->port);
	x->derive = code_enum(c, x->derive, REDIRECT_PORT_REQUEST);
	x->code = (uint16_t)code_int(c, x->code, 2, 0, STATUS_MAX);
}

void code_response(struct coder *c, struct http_response *x)
{
	x->status = (uint16_t)code_int(c, x->status, 2, 0, STATUS_MAX);
	x->body = code_blob(c, x->body, &x->body_length);
}

void code_rewrite(struct coder *c, struct http_rewrite *x)
{
	x->uri = code_text_or_null(c, x->uri);
	x->authority = code_text_or_null(c, x->authority);
	x->regex = code_text_or_null(c, x->regex);
	x->replacement = code_text_or_null(c, x->replacement);
	c->bad |= !x->regex != !x->replacement;
}

static void delay_code(struct coder *c, struct http_delay *x)
{
	x->delay = code_time(c, x->delay, 0);
	x->millionths = code_millionths(c, x->millionths);
}

static void abort_code(struct coder *c, struct http_abort *x)
{
	x->status = (uint16_t)code_int(c, x->status, 2, 0, STATUS_MAX);
	x->grpc_status = code_text(c, x->grpc_status);
	x->millionths = code_millionths(c, x->millionths);
}

void code_fault(struct coder *c, struct http_fault *x)
{
	code_optional(c, struct http_delay, x->delay, delay_code);
	code_optional(c, struct http_abort, x->abort, abort_code);
}

void code_retries(struct coder *c, struct http_retries *x)
{
	x->attempts = code_u32(c, x->attempts);
	x->per_try_timeout = code_time(c, x->per_try_timeout, 0);
	x->backoff = code_time(c, x->backoff, 0);
	x->on = (uint32_t)code_int(c, x->on, 4, 1, 2 * RETRY_UNAVAILABLE - 1);
	code_u16s(c, &x->status_codes, &x->nr_status_codes);
	x->remote_localities = code_bool(c, x->remote_localities);
	x->any_host = code_bool(c, x->any_host);
}

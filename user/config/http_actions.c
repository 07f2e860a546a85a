// SPDX-License-Identifier: GPL-2.0
/* What an http route does with the address of a request: rewrites, redirects, delegates. */
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/policy.h"

/* An empty text says no more than none. */
static void drop_empty(const char **text)
{
	if (*text && !**text)
		*text = NULL;
}

/* What becomes a part of a request's first line, or of a header, must not end it. */
static void check_in_line(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	for (const char *s = n->text; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f) {
			decode_error(d, n, "%s has a space or a control character, want none",
				     quoted(d, n));
			return;
		}
}

static const struct field regex_rewrite_fields[] = {
	{"match", INTO_REQUIRED(struct http_rewrite, regex), .check = check_regex},
	{"rewrite",
	 INTO_WITH(struct http_rewrite, replacement, FIELD_REQUIRED | FIELD_NOT_EMPTY),
	 .check = check_in_line},
	{0},
};
static const struct message regex_rewrite = {regex_rewrite_fields};

static void check_rewrite(struct decoder *d, const struct node *n, void *into)
{
	struct http_rewrite *r = into;

	drop_empty(&r->uri);
	drop_empty(&r->authority);
	if (r->uri && is_set(n, "uriRegexRewrite"))
		decode_error_key(d, n, "uriRegexRewrite",
				 "uri is given too, want only one of them");
	if (!r->uri && !r->authority && !is_set(n, "uriRegexRewrite"))
		decode_error(d, n, "is empty, want uri, authority or uriRegexRewrite");
}

static const struct field rewrite_fields[] = {
	{"authority", INTO(struct http_rewrite, authority), .check = check_in_line},
	{"uri", INTO(struct http_rewrite, uri), .check = check_in_line},
	{"uriRegexRewrite", FIELD_MESSAGE, .message = &regex_rewrite, INTO_SAME},
	{0},
};
const struct message rewrite = {rewrite_fields, .check = check_rewrite};

static void check_scheme(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (n->length && strcmp(n->text, "http") && strcmp(n->text, "https"))
		decode_error(d, n, "%s is not known, want http or https", quoted(d, n));
}

static void check_code(struct decoder *d, const struct node *n, void *into)
{
	int64_t value;

	(void)into;
	if (integer_parse(n->text, &value) || !value)
		return;
	if (value < 300 || value > 399)
		decode_error(d, n, "%s is out of range, want 300 to 399", n->text);
	else if (value > 308 || (value > 303 && value < 307) || value == 300)
		decode_warning(d, n, "%s is nothing that Istio can do, want 301, 302, 303, 307 or 308",
			       n->text);
}

static void check_redirect(struct decoder *d, const struct node *n, void *into)
{
	static const char *const ports[] = {"port", "derivePort", NULL};
	struct http_redirect *r = into;

	drop_empty(&r->uri);
	drop_empty(&r->prefix_rewrite);
	drop_empty(&r->authority);
	drop_empty(&r->scheme);
	check_one_of(d, n, ports);
	if (r->uri && r->prefix_rewrite)
		decode_error_key(d, n, "prefixRewrite", "uri is given too, want only one of them");
	if (!r->uri && !r->prefix_rewrite && !r->authority && !r->scheme && !is_set(n, "port") &&
	    !is_set(n, "derivePort"))
		decode_error(d, n, "changes nothing, want uri, authority, port or scheme");
	if (!r->code)
		r->code = 301;
}

static const struct word derived_ports[] = {
	{"FROM_PROTOCOL_DEFAULT", REDIRECT_PORT_PROTOCOL},
	{"FROM_REQUEST_PORT", REDIRECT_PORT_REQUEST},
	{0},
};

static const struct field redirect_fields[] = {
	{"authority", INTO(struct http_redirect, authority), .check = check_in_line},
	{"derivePort", FIELD_WORD, .words = derived_ports, INTO(struct http_redirect, derive)},
	{"port", FIELD_INTEGER, .max = 65535, INTO(struct http_redirect, port)},
	{"prefixRewrite", INTO(struct http_redirect, prefix_rewrite), .check = check_in_line},
	{"redirectCode", FIELD_INTEGER, INTO(struct http_redirect, code), .check = check_code},
	{"scheme", INTO(struct http_redirect, scheme), .check = check_scheme},
	{"uri", INTO(struct http_redirect, uri), .check = check_in_line},
	{0},
};
const struct message redirect = {redirect_fields, .check = check_redirect};

static void check_delegate(struct decoder *d, const struct node *n, void *into)
{
	struct vs_delegate *out = into;

	(void)d;
	text_fill(&out->name);
	text_fill(&out->namespace);
	out->place = n->place;
}

static const struct field delegate_fields[] = {
	{"name", INTO(struct vs_delegate, name)},
	{"namespace", INTO(struct vs_delegate, namespace)},
	{0},
};
const struct message delegate = {delegate_fields, .check = check_delegate};

// SPDX-License-Identifier: GPL-2.0
/* Redirects, rewrites, direct responses and mirrors of http routes: checked, not in force yet. */
#include <ctype.h>
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

static const struct field regex_rewrite_fields[] = {
	{"match", .flags = FIELD_REQUIRED, .check = check_regex},
	{"rewrite", .flags = FIELD_REQUIRED},
	{0},
};
static const struct message regex_rewrite = {regex_rewrite_fields};

static void check_rewrite(struct decoder *d, const struct node *n, void *into)
{
	static const char *const paths[] = {"uri", "uriRegexRewrite", NULL};

	(void)into;
	check_one_of(d, n, paths);
	if (!is_set(n, "uri") && !is_set(n, "uriRegexRewrite") && !is_set(n, "authority"))
		decode_error(d, n, "is empty, want uri, authority or uriRegexRewrite");
}

static const struct field rewrite_fields[] = {
	{"authority"},
	{"uri"},
	{"uriRegexRewrite", FIELD_MESSAGE, .message = &regex_rewrite},
	{0},
};
const struct message rewrite = {rewrite_fields, .check = check_rewrite};

static void check_redirect(struct decoder *d, const struct node *n, void *into)
{
	static const char *const paths[] = {"uri", "prefixRewrite", NULL};
	static const char *const ports[] = {"port", "derivePort", NULL};
	const char *code = text_of(n, "redirectCode");
	int64_t value;

	(void)into;
	check_one_of(d, n, paths);
	check_one_of(d, n, ports);
	if (!is_set(n, "uri") && !is_set(n, "prefixRewrite") && !is_set(n, "authority") &&
	    !is_set(n, "port") && !is_set(n, "derivePort") && !is_set(n, "scheme"))
		decode_error(d, n, "changes nothing, want uri, authority, port or scheme");
	if (code && !integer_parse(code, &value) && value && (value < 300 || value > 399))
		decode_error(d, node_get(n, "redirectCode"), "%s is out of range, want 300 to 399",
			     code);
}

static const struct word schemes[] = {{"http"}, {"https"}, {0}};
static const struct word derived_ports[] = {
	{"FROM_PROTOCOL_DEFAULT"},
	{"FROM_REQUEST_PORT"},
	{0},
};

static const struct field redirect_fields[] = {
	{"authority"},
	{"derivePort", FIELD_WORD, .words = derived_ports},
	{"port", FIELD_INTEGER, .max = 65535},
	{"prefixRewrite"},
	{"redirectCode", FIELD_INTEGER},
	{"scheme", FIELD_WORD, .words = schemes},
	{"uri"},
	{0},
};
const struct message redirect = {redirect_fields, .check = check_redirect};

#define BODY_MAX (1u << 20)
#define BODY_LARGE (100u << 10)

static void check_body_size(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (n->length > BODY_MAX)
		decode_error(d, n, "has %zu bytes, want at most %u", n->length, BODY_MAX);
	else if (n->length > BODY_LARGE)
		decode_warning(d, n, "has %zu bytes, which is much to hold in memory", n->length);
}

static void check_base64(struct decoder *d, const struct node *n, void *into)
{
	size_t length = n->length;

	while (length && n->text[length - 1] == '=')
		length--;
	for (size_t i = 0; i < length; i++) {
		if (isalnum((unsigned char)n->text[i]) || strchr("+/-_", n->text[i]))
			continue;
		decode_error(d, n, "is no base64 text");
		return;
	}
	check_body_size(d, n, into);
}

static void check_body(struct decoder *d, const struct node *n, void *into)
{
	static const char *const ways[] = {"string", "bytes", NULL};

	(void)into;
	check_one_of(d, n, ways);
}

static const struct field body_fields[] = {
	{"bytes", .check = check_base64},
	{"string", .check = check_body_size},
	{0},
};
static const struct message body = {body_fields, .check = check_body};

static const struct field response_fields[] = {
	{"body", FIELD_MESSAGE, .message = &body},
	{"status", FIELD_INTEGER, .min = 200, .max = 600, .flags = FIELD_REQUIRED},
	{0},
};
const struct message direct_response = {response_fields};

static const struct field mirror_fields[] = {
	{"destination", FIELD_MESSAGE, .message = &destination_message, .flags = FIELD_REQUIRED},
	{"percentage", FIELD_MESSAGE, .message = &percent},
	{0},
};
const struct message mirror = {mirror_fields};

static const struct field delegate_fields[] = {
	{"name", .check = check_label},
	{"namespace", .check = check_label},
	{0},
};
const struct message delegate = {delegate_fields};

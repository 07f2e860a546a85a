// SPDX-License-Identifier: GPL-2.0
/* directResponse: a status and a body, given as text or as base64. */
#include <string.h>
#include "config/http.h"

#define BODY_MAX (1u << 20)
#define BODY_LARGE (100u << 10)

static void check_size(struct decoder *d, const struct node *n, size_t size)
{
	if (size > BODY_MAX)
		decode_error(d, n, "has %zu bytes, want at most %u", size, BODY_MAX);
	else if (size > BODY_LARGE)
		decode_warning(d, n, "has %zu bytes, which is much to hold in memory", size);
}

static void put_text(struct decoder *d, const struct node *n, void *into)
{
	struct http_response *r = into;

	check_size(d, n, n->length);
	r->body = arena_strndup(d->arena, n->text, n->length);
	r->body_length = n->length;
}

/* Both alphabets of RFC 4648; -1: in neither. */
static int digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const char *at = c ? strchr(digits, c) : NULL;

	if (at)
		return (int)(at - digits);
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* The padding may be left out. -1: no base64. */
static ssize_t base64_decode(const char *text, size_t length, char *out)
{
	uint32_t bits = 0;
	size_t nr = 0, padding = 0;

	while (padding < 2 && length && text[length - 1] == '=') {
		length--;
		padding++;
	}
	if (length % 4 == 1 || (padding && (length + padding) % 4))
		return -1;
	for (size_t i = 0; i < length; i++) {
		int digit = digit_of(text[i]);

		if (digit < 0)
			return -1;
		bits = bits << 6 | (uint32_t)digit;
		/* from the second digit on each completes a byte */
		if (i % 4)
			out[nr++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	return (ssize_t)nr;
}

static void put_bytes(struct decoder *d, const struct node *n, void *into)
{
	struct http_response *r = into;
	char *body = arena_alloc(d->arena, n->length + 1);
	ssize_t nr = base64_decode(n->text, n->length, body);

	if (nr < 0) {
		decode_error(d, n, "is no base64 text");
		return;
	}
	check_size(d, n, (size_t)nr);
	r->body = body;
	r->body_length = (size_t)nr;
}

static void check_body(struct decoder *d, const struct node *n, void *into)
{
	static const char *const ways[] = {"string", "bytes", NULL};

	(void)into;
	check_one_of(d, n, ways);
}

static const struct field body_fields[] = {
	{"bytes", .check = put_bytes},
	{"string", .check = put_text},
	{0},
};
static const struct message body = {body_fields, .check = check_body};

static void check_response(struct decoder *d, const struct node *n, void *into)
{
	struct http_response *r = into;

	(void)d;
	(void)n;
	if (!r->body)
		r->body = "";
}

static const struct field response_fields[] = {
	{"body", FIELD_MESSAGE, .message = &body, INTO_SAME},
	{"status", FIELD_INTEGER, .min = 200, .max = 600,
	 INTO_REQUIRED(struct http_response, status)},
	{0},
};
const struct message direct_response = {response_fields, .check = check_response};

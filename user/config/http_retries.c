// SPDX-License-Identifier: GPL-2.0
/* retries: how often a call is tried again, and on what. */
#include <ctype.h>
#include <string.h>
#include "config/http.h"
#include "config/policy.h"
#include "http/retries.h"

#define DEFAULT_ON                                                                                 \
	(RETRY_CONNECT_FAILURE | RETRY_REFUSED_STREAM | RETRY_UNAVAILABLE | RETRY_CANCELLED |      \
	 RETRY_STATUS_CODES)

/* Those with a name in the registry of HTTP status codes; 0: none. */
static uint16_t status_of(const char *s, size_t n)
{
	static const struct {
		unsigned from, to;
	} known[] = {{100, 103}, {200, 208}, {226, 226}, {300, 305}, {307, 308}, {400, 418},
		     {421, 426}, {428, 429}, {431, 431}, {451, 451}, {500, 508}, {510, 511}};
	unsigned status = 0;

	if (n != 3)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return 0;
		status = status * 10 + (unsigned)(s[i] - '0');
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (status >= known[i].from && status <= known[i].to)
			return (uint16_t)status;
	return 0;
}

static void status_add(struct http_retries *r, uint16_t status)
{
	for (size_t i = 0; i < r->nr_status_codes; i++)
		if (r->status_codes[i] == status)
			return;
	r->status_codes[r->nr_status_codes++] = status;
}

/* One item, n characters; false when it is nothing known. */
static bool put_item(struct http_retries *r, const char *s, size_t n)
{
	uint16_t status = status_of(s, n);
	uint32_t condition = status ? RETRY_STATUS_CODES : http_retry_word(s, n);

	if (status)
		status_add(r, status);
	r->on |= condition;
	return condition;
}

static void put_retry_on(struct decoder *d, const struct node *n, void *into)
{
	struct http_retries *r = into;
	const char *s = n->text;

	if (!n->length)
		return;
	/* an item with its comma has four characters or more */
	r->status_codes = arena_alloc(d->arena, (n->length / 4 + 1) * sizeof(*r->status_codes));
	for (;; s++) {
		size_t length = strcspn(s, ",");

		if (!put_item(r, s, length))
			decode_error(d, n,
				     "\"%.*s\" is no retry condition, want a status or a word "
				     "like 5xx or connect-failure",
				     (int)(length > 40 ? 40 : length), s);
		s += length;
		if (!*s)
			return;
	}
}

/* No attempts, which is also what is meant when none are given, switch retries off. */
static void check_retries(struct decoder *d, const struct node *n, void *into)
{
	static const char *const others[] = {"perTryTimeout", "retryOn", "retryRemoteLocalities",
					     NULL};
	struct http_retries *r = into;
	const char *attempts = text_of(n, "attempts");
	bool none = !attempts || !strcmp(attempts, "0");

	for (size_t i = 0; none && others[i]; i++)
		if (is_given(n, others[i]))
			decode_error_key(d, n, others[i],
					 "has no effect without attempts, want attempts of 1 or "
					 "more");
	if (!r->on)
		r->on = DEFAULT_ON;
	r->any_host = is_set(n, "retryIgnorePreviousHosts") && !r->any_host;
}

static const struct field retries_fields[] = {
	{"attempts", FIELD_INTEGER, INT32_RANGE, INTO(struct http_retries, attempts)},
	{"backoff", FIELD_DURATION, INTO(struct http_retries, backoff)},
	{"perTryTimeout", FIELD_DURATION, INTO(struct http_retries, per_try_timeout)},
	{"retryIgnorePreviousHosts", FIELD_BOOL, INTO(struct http_retries, any_host)},
	{"retryOn", .check = put_retry_on},
	{"retryRemoteLocalities", FIELD_BOOL, INTO(struct http_retries, remote_localities)},
	{0},
};
const struct message retries = {retries_fields, .check = check_retries};

// SPDX-License-Identifier: GPL-2.0
/* Faults, retries, CORS and header operations of http routes: checked, not in force yet. */
#include <ctype.h>
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

static const struct field percent_fields[] = {
	{"value", FIELD_NUMBER, .max = 100, .want = "a number from 0 to 100"},
	{0},
};
const struct message percent = {percent_fields};

static void refuse_exponential(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	decode_error(d, n, "is not supported by Istio, want fixedDelay");
}

static const struct field delay_fields[] = {
	{"exponentialDelay", FIELD_DURATION, .check = refuse_exponential},
	{"fixedDelay", FIELD_DURATION},
	{"percent", FIELD_INTEGER, .max = 100},
	{"percentage", FIELD_MESSAGE, .message = &percent},
	{0},
};
static const struct message delay = {delay_fields};

static const struct word grpc_statuses[] = {
	{"OK"},
	{"CANCELLED"},
	{"UNKNOWN"},
	{"INVALID_ARGUMENT"},
	{"DEADLINE_EXCEEDED"},
	{"NOT_FOUND"},
	{"ALREADY_EXISTS"},
	{"PERMISSION_DENIED"},
	{"RESOURCE_EXHAUSTED"},
	{"FAILED_PRECONDITION"},
	{"ABORTED"},
	{"OUT_OF_RANGE"},
	{"UNIMPLEMENTED"},
	{"INTERNAL"},
	{"UNAVAILABLE"},
	{"DATA_LOSS"},
	{"UNAUTHENTICATED"},
	{0},
};

static void refuse_http2(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	decode_error(d, n, "is not supported by Istio, want httpStatus");
}

static void check_abort(struct decoder *d, const struct node *n, void *into)
{
	static const char *const types[] = {"httpStatus", "grpcStatus", "http2Error", NULL};

	(void)into;
	check_one_of(d, n, types);
	if (!is_set(n, "httpStatus") && !is_set(n, "grpcStatus") && !is_set(n, "http2Error"))
		decode_warning(d, n, "aborts nothing, want httpStatus or grpcStatus");
}

static const struct field abort_fields[] = {
	{"grpcStatus", FIELD_WORD, .words = grpc_statuses},
	{"http2Error", .check = refuse_http2},
	{"httpStatus", FIELD_INTEGER, .min = 200, .max = 600},
	{"percentage", FIELD_MESSAGE, .message = &percent},
	{0},
};
static const struct message abort_message = {abort_fields, .check = check_abort};

static void check_fault(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_set(n, "delay") && !is_set(n, "abort"))
		decode_error(d, n, "is empty, want delay or abort");
}

static const struct field fault_fields[] = {
	{"abort", FIELD_MESSAGE, .message = &abort_message},
	{"delay", FIELD_MESSAGE, .message = &delay},
	{0},
};
const struct message fault = {fault_fields, .check = check_fault};

/* One item of retryOn, n characters. */
static bool is_retry_word(const char *s, size_t n)
{
	static const char *const words[] = {
		"5xx",
		"gateway-error",
		"reset",
		"reset-before-request",
		"connect-failure",
		"retriable-4xx",
		"refused-stream",
		"retriable-status-codes",
		"retriable-headers",
		"envoy-ratelimited",
		"http3-post-connect-failure",
		"cancelled",
		"deadline-exceeded",
		"internal",
		"resource-exhausted",
		"unavailable",
	};

	if (n == 3 && isdigit((unsigned char)s[0]) && isdigit((unsigned char)s[1]) &&
	    isdigit((unsigned char)s[2]))
		return s[0] >= '1' && s[0] <= '5';
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strlen(words[i]) == n && !memcmp(words[i], s, n))
			return true;
	return false;
}

static void check_retry_on(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	for (const char *s = n->text; *s;) {
		size_t length = strcspn(s, ",");

		if (!is_retry_word(s, length))
			decode_error(d, n,
				     "\"%.*s\" is no retry condition, want a status or a word "
				     "like 5xx or connect-failure",
				     (int)(length > 40 ? 40 : length), s);
		s += length + (s[length] == ',');
	}
}

/* No retries at all is what the kernel does, so it is in force. */
static void check_retries(struct decoder *d, const struct node *n, void *into)
{
	const char *attempts = text_of(n, "attempts");
	bool none = attempts && !strcmp(attempts, "0");
	static const char *const others[] = {"perTryTimeout", "retryOn", "retryRemoteLocalities",
					     NULL};

	(void)into;
	for (size_t i = 0; none && others[i]; i++)
		if (is_set(n, others[i]))
			decode_error_key(d, n, others[i], "has no effect with attempts: 0");
	if (!none || n->nr > 1)
		decode_later(d, n);
}

static const struct field retries_fields[] = {
	{"attempts", FIELD_INTEGER, INT32_RANGE},
	{"backoff", FIELD_DURATION},
	{"perTryTimeout", FIELD_DURATION},
	{"retryIgnorePreviousHosts", FIELD_BOOL},
	{"retryOn", .check = check_retry_on},
	{"retryRemoteLocalities", FIELD_BOOL},
	{0},
};
const struct message retries = {retries_fields, .check = check_retries};

static void check_cors_header(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_header(n->text))
		decode_error(d, n, "%s is no header name", quoted(d, n));
}

static const struct word methods[] = {
	{"GET"},     {"HEAD"},	  {"POST"},  {"PUT"}, {"PATCH"}, {"DELETE"},
	{"CONNECT"}, {"OPTIONS"}, {"TRACE"}, {"*"},   {0},
};
static const struct word preflights[] = {{"UNSPECIFIED"}, {"FORWARD"}, {"IGNORE"}, {0}};

static const struct field cors_fields[] = {
	{"allowCredentials", FIELD_BOOL},
	{"allowHeaders", FIELD_STRING, FIELD_LIST, .check = check_cors_header},
	{"allowMethods", FIELD_WORD, FIELD_LIST, .words = methods},
	{"allowOrigin", FIELD_STRING, FIELD_LIST},
	{"allowOrigins", FIELD_MESSAGE, FIELD_LIST, .message = &string_match},
	{"exposeHeaders", FIELD_STRING, FIELD_LIST, .check = check_cors_header},
	{"maxAge", FIELD_DURATION},
	{"unmatchedPreflights", FIELD_WORD, .words = preflights},
	{0},
};
const struct message cors_policy = {cors_fields};

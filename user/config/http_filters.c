// SPDX-License-Identifier: GPL-2.0
/* What an http route puts around a call: faults, retries and CORS. */
#include <string.h>
#include "config/checks.h"
#include "config/http.h"
#include "config/names.h"
#include "config/policy.h"

#define MILLIONTHS 10000 /* of 1 % */
#define SECOND INT64_C(1000000000)

uint32_t millionths_of(const struct node *percentage)
{
	const char *text = text_of(percentage, "value");
	double value = text ? strtod(text, NULL) : 0;

	return value > 0 && value <= 100 ? (uint32_t)(value * MILLIONTHS) : 0;
}

static const struct field percent_fields[] = {
	{"value", FIELD_NUMBER, .max = 100, .want = "a number from 0 to 100"},
	{0},
};
const struct message percent = {percent_fields};

/* Smaller ones would be rounded to never. */
static void check_step(struct decoder *d, const struct node *n, void *into)
{
	double value = strtod(n->text, NULL);

	(void)into;
	if (value > 0 && value < 0.0001)
		decode_error(d, n, "%s is too small, want 0, or 0.0001 to 100", quoted(d, n));
}

static const struct field fault_percent_fields[] = {
	{"value", FIELD_NUMBER, .max = 100, .want = "a number from 0 to 100", .check = check_step},
	{0},
};
static const struct message fault_percent = {fault_percent_fields};

static void refuse_exponential(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	decode_error(d, n, "is not supported by Istio, want fixedDelay");
}

static void check_delay(struct decoder *d, const struct node *n, void *into)
{
	static const char *const types[] = {"fixedDelay", "exponentialDelay", NULL};
	struct http_delay *out = into;
	const char *legacy = text_of(n, "percent");
	int64_t value = 0;

	check_one_of(d, n, types);
	if (legacy && integer_parse(legacy, &value))
		value = 0;
	out->millionths = is_set(n, "percentage") ? millionths_of(node_get(n, "percentage"))
						     : (uint32_t)value * MILLIONTHS;
}

static const struct field delay_fields[] = {
	{"exponentialDelay", FIELD_DURATION, .check = refuse_exponential},
	{"fixedDelay", FIELD_DURATION, INTO(struct http_delay, delay)},
	{"percent", FIELD_INTEGER, .max = 100},
	{"percentage", FIELD_MESSAGE, .message = &fault_percent},
	{0},
};
static const struct message delay = {delay_fields, .check = check_delay};

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

static void put_grpc_status(struct decoder *d, const struct node *n, void *into)
{
	struct http_abort *out = into;

	out->grpc_status = arena_strdup(d->arena, n->text);
}

static void refuse_http2(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	decode_error(d, n, "is not supported by Istio, want httpStatus");
}

static void check_abort(struct decoder *d, const struct node *n, void *into)
{
	static const char *const types[] = {"httpStatus", "grpcStatus", "http2Error", NULL};
	struct http_abort *out = into;

	check_one_of(d, n, types);
	if (!is_set(n, "httpStatus") && !is_set(n, "grpcStatus") && !is_set(n, "http2Error"))
		decode_warning(d, n, "aborts nothing, want httpStatus or grpcStatus");
	out->millionths = millionths_of(node_get(n, "percentage"));
	text_fill(&out->grpc_status);
}

static const struct field abort_fields[] = {
	{"grpcStatus", FIELD_WORD, .words = grpc_statuses, .check = put_grpc_status},
	{"http2Error", .check = refuse_http2},
	{"httpStatus", FIELD_INTEGER, .min = 200, .max = 600, INTO(struct http_abort, status)},
	{"percentage", FIELD_MESSAGE, .message = &fault_percent},
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
	{"abort", FIELD_MESSAGE, .message = &abort_message, INTO_MADE(struct http_fault, abort)},
	{"delay", FIELD_MESSAGE, .message = &delay, INTO_MADE(struct http_fault, delay)},
	{0},
};
const struct message fault = {fault_fields, .check = check_fault};

static void check_cors_header(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_header(n->text)) /* "*" is one too */
		decode_error(d, n, "%s is no header name", quoted(d, n));
}

static void check_method(struct decoder *d, const struct node *n, void *into)
{
	static const char *const methods[] = {"GET",	"HEAD",	   "POST",    "PUT",   "PATCH",
					      "DELETE", "CONNECT", "OPTIONS", "TRACE", "*"};

	(void)into;
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (!strcmp(n->text, methods[i]))
			return;
	decode_error(d, n,
		     "%s is not known, want GET, HEAD, POST, PUT, PATCH, DELETE, CONNECT, OPTIONS, "
		     "TRACE or *",
		     quoted(d, n));
}

static void check_origin(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_given(n, "exact") && !is_set(n, "prefix") && !is_set(n, "regex"))
		decode_error(d, n, "has no text, want exact, prefix or regex");
}

static void check_whole_seconds(struct decoder *d, const struct node *n, void *into)
{
	int64_t ns;

	(void)into;
	if (!duration_parse(n->text, &ns) && ns % SECOND)
		decode_error(d, n, "%s is too fine, want whole seconds", quoted(d, n));
}

static void put_preflights(struct decoder *d, const struct node *n, void *into)
{
	struct http_cors *c = into;

	(void)d;
	c->ignore_unmatched_preflights = !strcmp(n->text, "IGNORE");
}

/* The old form is a list of exact ones. */
static void origins_set(struct decoder *d, const struct node *list, struct http_cors *c)
{
	const struct node *it;

	if (c->nr_allow_origins || !list || list->type != NODE_LIST || !list->nr)
		return;
	c->allow_origins = arena_alloc(d->arena, list->nr * sizeof(*c->allow_origins));
	node_each(list, it)
		if (it->type == NODE_STRING)
			c->allow_origins[c->nr_allow_origins++] = (struct string_match){
				MATCH_EXACT, arena_strndup(d->arena, it->text, it->length)};
}

static void check_cors(struct decoder *d, const struct node *n, void *into)
{
	struct http_cors *c = into;

	origins_set(d, node_get(n, "allowOrigin"), c);
	c->has_allow_credentials = is_set(n, "allowCredentials");
	if (!is_set(n, "maxAge"))
		c->max_age = -1;
}

static const struct word preflights[] = {{"UNSPECIFIED"}, {"FORWARD"}, {"IGNORE"}, {0}};

static const struct field cors_fields[] = {
	{"allowCredentials", FIELD_BOOL, INTO(struct http_cors, allow_credentials)},
	{"allowHeaders", FIELD_STRING, INTO_TEXTS(struct http_cors, allow_headers),
	 .check = check_cors_header},
	{"allowMethods", FIELD_STRING, INTO_TEXTS(struct http_cors, allow_methods),
	 .check = check_method},
	{"allowOrigin", FIELD_STRING, FIELD_LIST},
	{"allowOrigins", FIELD_MESSAGE, .message = &string_match,
	 INTO_LIST(struct http_cors, allow_origins), .check = check_origin},
	{"exposeHeaders", FIELD_STRING, INTO_TEXTS(struct http_cors, expose_headers),
	 .check = check_cors_header},
	{"maxAge", FIELD_DURATION, INTO(struct http_cors, max_age), .check = check_whole_seconds},
	{"unmatchedPreflights", FIELD_WORD, .words = preflights, .check = put_preflights},
	{0},
};
const struct message cors_policy = {cors_fields, .check = check_cors};

// SPDX-License-Identifier: GPL-2.0
/* Finds and reads the headers by which requests and proxies speak to each other. */
#include "proxy/controls.h"

#define NS_PER_MS INT64_C(1000000)
#define LONGEST (INT64_MAX / 2) /* so that a time of day may be added */

static const struct {
	const char *name;
	uint8_t length;
} names[NR_CONTROLS] = {
#define NAME(text) {text, sizeof(text) - 1}
	[CONTROL_MAX_RETRIES] = NAME("x-envoy-max-retries"),
	[CONTROL_RETRY_ON] = NAME("x-envoy-retry-on"),
	[CONTROL_RETRY_GRPC_ON] = NAME("x-envoy-retry-grpc-on"),
	[CONTROL_RETRIABLE_CODES] = NAME("x-envoy-retriable-status-codes"),
	[CONTROL_RETRIABLE_HEADERS] = NAME("x-envoy-retriable-header-names"),
	[CONTROL_TIMEOUT] = NAME("x-envoy-upstream-rq-timeout-ms"),
	[CONTROL_TRY_TIMEOUT] = NAME("x-envoy-upstream-rq-per-try-timeout-ms"),
	[CONTROL_TIMEOUT_ANSWER] = NAME("x-envoy-upstream-rq-timeout-alt-response"),
	[CONTROL_HEDGE] = NAME("x-envoy-hedge-on-per-try-timeout"),
	[CONTROL_STAT_NAME] = NAME("x-envoy-upstream-alt-stat-name"),
	[CONTROL_DECORATOR] = NAME("x-envoy-decorator-operation"),
	[CONTROL_ATTEMPT_COUNT] = NAME("x-envoy-attempt-count"),
	[CONTROL_EXPECTED_TIMEOUT] = NAME("x-envoy-expected-rq-timeout-ms"),
	[CONTROL_ORIGINAL_PATH] = NAME("x-envoy-original-path"),
	[CONTROL_GRPC_TIMEOUT] = NAME("grpc-timeout"),
	[CONTROL_REQUEST_ID] = NAME("x-request-id"),
	[CONTROL_FORWARDED_PROTO] = NAME("x-forwarded-proto"),
	[CONTROL_FORCE_TRACE] = NAME("x-envoy-force-trace"),
	[CONTROL_TRACEPARENT] = NAME("traceparent"),
	[CONTROL_B3] = NAME("b3"),
	[CONTROL_B3_TRACE_ID] = NAME("x-b3-traceid"),
	[CONTROL_B3_SPAN_ID] = NAME("x-b3-spanid"),
	[CONTROL_B3_SAMPLED] = NAME("x-b3-sampled"),
	[CONTROL_B3_FLAGS] = NAME("x-b3-flags"),
#undef NAME
};

enum control control_of(struct http_text name)
{
	char first = name.length ? name.at[0] | 0x20 : '\0';

	if (first != 'x' && first != 't' && first != 'b' && first != 'g')
		return NR_CONTROLS;
	for (unsigned i = 0; i < NR_CONTROLS; i++)
		if (names[i].length == name.length &&
		    !strncasecmp(names[i].name, name.at, name.length))
			return (enum control)i;
	return NR_CONTROLS;
}

void controls_find(struct controls *out, const struct http_request *r)
{
	out->seen = 0;
	for (size_t i = 0; i < r->nr_headers && i <= UINT8_MAX; i++) {
		enum control which = control_of(r->headers[i].name);

		if (which == NR_CONTROLS || control_seen(out, which))
			continue;
		out->seen |= 1u << which;
		out->at[which] = (uint8_t)i;
	}
}

/* The digits at the front; how many there are. */
static size_t digits_read(struct http_text value, uint32_t *out)
{
	size_t n = 0;

	*out = 0;
	while (n < value.length && n < 9 && value.at[n] >= '0' && value.at[n] <= '9')
		*out = *out * 10 + (uint32_t)(value.at[n++] - '0');
	return n;
}

bool control_number(struct http_text value, uint32_t *out)
{
	size_t n = digits_read(value, out);

	return n && n == value.length;
}

bool control_grpc_timeout(struct http_text value, int64_t *ns)
{
	static const char units[] = "HMSmun";
	static const int64_t of[] = {
		3600000 * NS_PER_MS, 60000 * NS_PER_MS, 1000 * NS_PER_MS, NS_PER_MS, 1000, 1};
	uint32_t number;
	size_t n = digits_read(value, &number);
	const char *unit;

	if (!n || n > 8 || n + 1 != value.length || !value.at[n])
		return false;
	unit = strchr(units, value.at[n]);
	if (unit && __builtin_mul_overflow(number, of[unit - units], ns))
		*ns = LONGEST;
	return unit;
}

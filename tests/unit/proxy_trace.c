// SPDX-License-Identifier: GPL-2.0
/* One trace in both forms, whichever came. */
#include "proxy/trace.h"
#include <string.h>
#include "proxy/worker.h"
#include "unit.h"

#define TRACE "463ac35c9f6413ad48485a3953bb6124"
#define SPAN "a2fb4a1d1a96d312"

static struct trace_missing missing(struct trace *t, const struct http_header *headers, size_t nr)
{
	static struct worker w = {.random = 88172645463325252ull};
	const struct http_request request = {.headers = headers, .nr_headers = nr};
	struct trace_missing m;
	struct controls c;

	controls_find(&c, &request);
	trace_missing(t, &w, &c, &request, &m);
	return m;
}

static struct trace_missing missing_of(struct trace *t, const char *name, const char *value)
{
	const struct http_header h = {http_text(name), http_text(value)};

	return missing(t, &h, *name ? 1 : 0);
}

TEST(a_request_without_a_trace_gets_one_in_both_forms)
{
	struct trace t = {""};
	struct trace_missing m = missing_of(&t, "", ""), again;

	CU_ASSERT_EQUAL(m.parent.length, 55);
	CU_ASSERT(!memcmp(m.parent.at, "00-", 3) && !memcmp(m.parent.at + 52, "-0", 2));
	CU_ASSERT(!memcmp(m.trace_id.at, m.parent.at + 3, 32));
	CU_ASSERT(!memcmp(m.span_id.at, m.parent.at + 36, 16));
	CU_ASSERT_EQUAL(*m.sampled.at, m.parent.at[54]);
	again = missing_of(&t, "", "");
	CU_ASSERT(!memcmp(m.parent.at, again.parent.at, 55));
}

TEST(one_trace_in_a_hundred_is_sampled_and_what_is_forced)
{
	unsigned sampled = 0, forced = 0;

	for (int i = 0; i < 10000; i++) {
		struct trace a = {""}, b = {""};

		sampled += *missing_of(&a, "", "").sampled.at == '1';
		forced += *missing_of(&b, "x-envoy-force-trace", "1").sampled.at == '1';
	}
	CU_ASSERT(sampled > 50 && sampled < 150);
	CU_ASSERT_EQUAL(forced, 10000);
}

TEST(b3_is_said_again_for_w3c)
{
	const struct http_header several[] = {
		{http_text("X-B3-TraceId"), http_text(TRACE)},
		{http_text("X-B3-SpanId"), http_text(SPAN)},
		{http_text("X-B3-Sampled"), http_text("1")},
	};
	struct trace t = {""};
	struct trace_missing m = missing(&t, several, 3);

	CU_ASSERT_STRING_EQUAL(m.parent.at, "00-" TRACE "-" SPAN "-01");
	CU_ASSERT(!m.trace_id.length && !m.span_id.length && !m.sampled.length);
	t = (struct trace){""};
	m = missing_of(&t, "b3", TRACE "-" SPAN "-0-05e3ac9a4f6e3b90");
	CU_ASSERT_STRING_EQUAL(m.parent.at, "00-" TRACE "-" SPAN "-00");
	t = (struct trace){""};
	m = missing_of(&t, "b3", "48485a3953bb6124-" SPAN "-d");
	CU_ASSERT_STRING_EQUAL(m.parent.at, "00-000000000000000048485a3953bb6124-" SPAN "-01");
}

TEST(w3c_is_said_again_for_b3)
{
	struct trace t = {""};
	struct trace_missing m = missing_of(&t, "traceparent", "00-" TRACE "-" SPAN "-01");

	CU_ASSERT(!m.parent.length);
	CU_ASSERT(!memcmp(m.trace_id.at, TRACE, 32) && m.trace_id.length == 32);
	CU_ASSERT(!memcmp(m.span_id.at, SPAN, 16) && m.span_id.length == 16);
	CU_ASSERT_EQUAL(*m.sampled.at, '1');
	m = missing_of(&t, "traceparent", "00-" TRACE "-" SPAN "-0a");
	CU_ASSERT_EQUAL(*m.sampled.at, '0');
}

TEST(what_names_no_ids_goes_on_and_nothing_is_derived)
{
	static const char *const broken[] = {"0", "1", "x-y-1", TRACE "-" "0000000000000000"};
	struct trace t;
	struct trace_missing m;

	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		t = (struct trace){""};
		m = missing_of(&t, "b3", broken[i]);
		CU_ASSERT(!m.parent.length && !m.trace_id.length);
	}
	t = (struct trace){""};
	m = missing_of(&t, "traceparent", "00-" TRACE "-short-01");
	CU_ASSERT(!m.parent.length && !m.trace_id.length);
}

TEST(a_wish_not_to_be_sampled_is_kept)
{
	struct trace t = {""};
	struct trace_missing m = missing_of(&t, "x-b3-sampled", "0");

	CU_ASSERT_EQUAL(m.parent.at[54], '0');
	CU_ASSERT_EQUAL(m.trace_id.length, 32);
	CU_ASSERT_EQUAL(m.sampled.length, 0);
}

// SPDX-License-Identifier: GPL-2.0
/* Which answers and failures the words of retryOn mean, and how long a retry waits. */
#include "proxy/retry.h"
#include "unit.h"

static bool wants_of(const struct retry *r, uint16_t status, const char *name, const char *value)
{
	struct http_header h = {http_text(name), http_text(value)};
	const struct http1_head answer = {
		.status = status,
		.request = {.headers = &h, .nr_headers = *name ? 1 : 0},
	};

	return retry_wants_answer(r, &answer);
}

static bool wants(unsigned on, uint16_t status, const char *name, const char *value)
{
	static const struct http_retries policy;
	const struct retry r = {.policy = &policy, .on = on, .attempts = 1};

	return wants_of(&r, status, name, value);
}

/* Of a rule that tries `attempts` times on `on`, and a request with these headers. */
static struct retry retry_of(uint32_t attempts, uint32_t on, const struct http_header *headers,
			     size_t nr)
{
	static struct http_retries policy;
	const struct http_request request = {.headers = headers, .nr_headers = nr};
	struct controls controls;
	struct retry r;

	policy = (struct http_retries){.attempts = attempts, .on = on};
	controls_find(&controls, &request);
	retry_set(&r, &policy, &controls, &request);
	return r;
}

static struct retry retry_of_one(uint32_t attempts, uint32_t on, const char *name,
				 const char *value)
{
	static struct http_header h;

	h = (struct http_header){http_text(name), http_text(value)};
	return retry_of(attempts, on, &h, 1);
}

TEST(words_mean_statuses)
{
	CU_ASSERT(wants(RETRY_5XX, 500, "", ""));
	CU_ASSERT(!wants(RETRY_5XX, 404, "", ""));
	CU_ASSERT(wants(RETRY_GATEWAY_ERROR, 503, "", ""));
	CU_ASSERT(!wants(RETRY_GATEWAY_ERROR, 500, "", ""));
	CU_ASSERT(wants(RETRY_RETRIABLE_4XX, 409, "", ""));
	CU_ASSERT(!wants(RETRY_CONNECT_FAILURE, 503, "", ""));
}

TEST(words_of_grpc_look_at_the_headers)
{
	CU_ASSERT(wants(RETRY_UNAVAILABLE, 200, "grpc-status", "14"));
	CU_ASSERT(!wants(RETRY_UNAVAILABLE, 200, "grpc-status", "1"));
	CU_ASSERT(wants(RETRY_CANCELLED, 200, "grpc-status", "1"));
}

TEST(overflow_and_rate_limits_are_not_retried)
{
	CU_ASSERT(!wants(RETRY_5XX, 503, "x-envoy-overloaded", "true"));
	CU_ASSERT(!wants(RETRY_5XX, 503, "x-envoy-ratelimited", "true"));
	CU_ASSERT(wants(RETRY_RATELIMITED, 429, "x-envoy-ratelimited", "true"));
}

TEST(without_a_policy_two_more_tries_for_connect_failures)
{
	const struct table_rule rule = {0};
	const struct http_retries *p = retry_policy(&rule);
	const struct retry r = {.policy = p, .on = p->on, .attempts = p->attempts};

	CU_ASSERT_EQUAL(p->attempts, 2);
	CU_ASSERT(retry_wants_failure(&r, FAILED_CONNECT, false));
	CU_ASSERT(!retry_wants_failure(&r, FAILED_CLOSED, true));
	CU_ASSERT(!retry_keeps(&r, false));
	CU_ASSERT(retry_keeps(&r, true));
}

TEST(a_reset_before_the_request_is_told_from_a_later_one)
{
	const struct retry r = {.on = RETRY_RESET_BEFORE_REQUEST, .attempts = 1};

	CU_ASSERT(retry_wants_failure(&r, FAILED_RESET, false));
	CU_ASSERT(!retry_wants_failure(&r, FAILED_RESET, true));
}

TEST(a_request_adds_to_what_its_rule_retries)
{
	struct retry r = retry_of_one(3, RETRY_CONNECT_FAILURE, "X-Envoy-Retry-On", "reset, 5xx,no");

	CU_ASSERT_EQUAL(r.on, RETRY_CONNECT_FAILURE | RETRY_RESET | RETRY_5XX);
	CU_ASSERT_EQUAL(r.attempts, 3);
	r = retry_of_one(0, RETRY_5XX, "x-envoy-retry-on", "retriable-4xx");
	CU_ASSERT_EQUAL(r.on, RETRY_RETRIABLE_4XX);
	CU_ASSERT_EQUAL(r.attempts, 1);
	r = retry_of_one(0, RETRY_5XX, "x-envoy-max-retries", "7");
	CU_ASSERT_EQUAL(r.attempts, 0);
	r = retry_of_one(1, RETRY_5XX, "x-envoy-max-retries", "7");
	CU_ASSERT_EQUAL(r.attempts, 7);
	r = retry_of_one(1, RETRY_5XX, "x-envoy-max-retries", "7a");
	CU_ASSERT_EQUAL(r.attempts, 1);
}

TEST(words_of_grpc_have_a_header_of_their_own)
{
	struct retry r = retry_of_one(1, RETRY_RESET, "x-envoy-retry-grpc-on", "internal,5xx");

	CU_ASSERT_EQUAL(r.on, RETRY_RESET | RETRY_INTERNAL);
	r = retry_of_one(1, RETRY_RESET, "x-envoy-retry-on", "internal");
	CU_ASSERT_EQUAL(r.on, RETRY_RESET);
}

TEST(a_request_names_codes_and_headers)
{
	const struct http_header both[] = {
		{http_text("x-envoy-retry-on"),
		 http_text("retriable-status-codes,retriable-headers")},
		{http_text("x-envoy-retriable-status-codes"), http_text("418, 425")},
		{http_text("x-envoy-retriable-header-names"), http_text("x-again,x-more")},
	};
	struct retry r = retry_of(1, RETRY_RESET, both, 3);

	CU_ASSERT(wants_of(&r, 425, "", ""));
	CU_ASSERT(!wants_of(&r, 500, "", ""));
	CU_ASSERT(wants_of(&r, 200, "X-More", ""));
	CU_ASSERT(!wants_of(&r, 200, "x-other", ""));
	r = retry_of(1, RETRY_RESET, both + 1, 2);
	CU_ASSERT(!wants_of(&r, 425, "x-again", ""));
}

TEST(grpc_timeouts_have_eight_digits_and_a_unit)
{
	int64_t ns = 0;

	CU_ASSERT(control_grpc_timeout(http_text("100m"), &ns) && ns == 100000000);
	CU_ASSERT(control_grpc_timeout(http_text("99999999H"), &ns) && ns > 0);
	CU_ASSERT(control_grpc_timeout(http_text("5u"), &ns) && ns == 5000);
	CU_ASSERT(!control_grpc_timeout(http_text("100"), &ns));
	CU_ASSERT(!control_grpc_timeout(http_text("m"), &ns));
	CU_ASSERT(!control_grpc_timeout(http_text("123456789m"), &ns));
	CU_ASSERT(!control_grpc_timeout(http_text("1x"), &ns));
}

TEST(backoff_grows_up_to_ten_times_its_base)
{
	static const int64_t below[] = {0, 25, 75, 175, 250, 250};
	const struct http_retries p = {.attempts = 5};
	struct worker w = {.random = 1};
	int wrong = 0;

	for (unsigned n = 1; n < 6; n++)
		for (int i = 0; i < 1000; i++) {
			int64_t ns = retry_backoff(&w, &p, n);

			wrong += ns < 0 || ns >= below[n] * 1000000;
		}
	CU_ASSERT_EQUAL(wrong, 0);
}

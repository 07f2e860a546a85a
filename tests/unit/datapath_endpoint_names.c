/* SPDX-License-Identifier: GPL-2.0 */
#include <stdlib.h>
#include <string.h>
#include "datapath/kernel.h"
#include "unit.h"

#define MANY 500

static struct datapath dp;
static struct endpoint_ref refs[MANY];

static void up(void)
{
	memset(&dp, 0, sizeof(dp));
	memset(refs, 0, sizeof(refs));
	dp.endpoint_by_slot = xcalloc(MANY, sizeof(*dp.endpoint_by_slot));
	for (uint32_t i = 0; i < MANY; i++) {
		refs[i].slot = i;
		refs[i].cluster = i % 7;
		dp.endpoint_by_slot[i] = &refs[i];
	}
}

static void down(void)
{
	endpoint_names_free(&dp);
	free(dp.endpoint_by_slot);
}

static struct inet address_of(uint32_t i, bool ipv6)
{
	struct inet out;
	char text[64];

	snprintf(text, sizeof(text), ipv6 ? "fd00::%x" : "10.0.%u.1", i);
	CU_ASSERT_TRUE(inet_parse(text, &out));
	return out;
}

/* The first 250, of both families, are found where `there` says, and nowhere else. */
static void expect(const bool *there)
{
	for (uint32_t i = 0; i < 2 * MANY; i++) {
		struct inet a = address_of(i / 2 % 250, i % 2);
		uint32_t n = i / 2 % 250;

		CU_ASSERT_PTR_EQUAL(endpoint_named(&dp, &a, 80, n % 7), there[n] ? &refs[n] : NULL);
		CU_ASSERT_PTR_NULL(endpoint_named(&dp, &a, 81, n % 7));
		CU_ASSERT_PTR_NULL(endpoint_named(&dp, &a, 80, n % 7 + 1));
	}
}

TEST(endpoints_are_found_by_what_they_have_while_others_come_and_go)
{
	bool there[MANY] = {false};
	uint32_t names = 0;

	up();
	expect(there);
	srand(1);
	for (int round = 0; round < 20; round++) {
		for (uint32_t i = 0; i < 250; i++) {
			struct inet ipv4 = address_of(i, false), ipv6 = address_of(i, true);

			if (rand() % 2)
				continue;
			if (there[i])
				endpoint_unname(&dp, &refs[i]);
			there[i] = !there[i];
			names += there[i] ? 2 : -2;
			if (!there[i])
				continue;
			endpoint_name(&dp, &refs[i], &ipv4, 80, i % 7);
			endpoint_name(&dp, &refs[i], &ipv6, 80, i % 7);
		}
		CU_ASSERT_EQUAL(dp.endpoint_names.nr, names);
		expect(there);
	}
	down();
}

TEST(an_address_is_that_of_the_endpoint_that_had_it_first)
{
	struct inet a = address_of(1, false), b = address_of(2, false);
	struct inet six = address_of(1, true), out;

	up();
	CU_ASSERT_FALSE(endpoint_address(&refs[0], &out));
	endpoint_name(&dp, &refs[0], &a, 80, 0);
	endpoint_name(&dp, &refs[7], &a, 80, 0);
	CU_ASSERT_PTR_EQUAL(endpoint_named(&dp, &a, 80, 0), &refs[0]);
	CU_ASSERT_EQUAL(refs[7].named, 0);
	endpoint_name(&dp, &refs[0], &b, 80, 0); /* it has one of that family */
	CU_ASSERT_PTR_NULL(endpoint_named(&dp, &b, 80, 0));
	endpoint_name(&dp, &refs[7], &six, 80, 0);
	CU_ASSERT_TRUE(endpoint_address(&refs[7], &out));
	CU_ASSERT_TRUE(inet_equal(&out, &six));
	CU_ASSERT_TRUE(endpoint_address(&refs[0], &out));
	CU_ASSERT_TRUE(inet_equal(&out, &a));
	down();
}

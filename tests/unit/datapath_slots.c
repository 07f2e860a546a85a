/* SPDX-License-Identifier: GPL-2.0 */
#include "datapath/slots.h"
#include "unit.h"

TEST(ranges_are_neighbours_and_never_overlap)
{
	struct slots s;

	slots_init(&s, "test records", 256);
	CU_ASSERT_EQUAL(slots_take(&s, 100), 0);
	CU_ASSERT_EQUAL(slots_take(&s, 100), 100);
	CU_ASSERT_EQUAL(slots_take(&s, 100), SLOT_NONE);
	CU_ASSERT_EQUAL(slots_take(&s, 56), 200);
	CU_ASSERT_EQUAL(slots_take(&s, 1), SLOT_NONE);
	slots_undo(&s, 100, 100);
	CU_ASSERT_EQUAL(slots_take(&s, 64), 100);
	CU_ASSERT_EQUAL(s.nr_used, 220);
	slots_free(&s);
}

TEST(a_range_rests_a_second_before_it_is_reused)
{
	uint64_t now = 5 * SLOTS_REST_NS;
	struct slots s;

	slots_init(&s, "test records", 64);
	CU_ASSERT_EQUAL(slots_take(&s, 64), 0);
	CU_ASSERT_EQUAL(slots_due(&s, now), UINT64_MAX);
	slots_rest(&s, 10, 4, now);
	CU_ASSERT_EQUAL(slots_due(&s, now), SLOTS_REST_NS);
	slots_reclaim(&s, now + SLOTS_REST_NS - 1);
	CU_ASSERT_EQUAL(slots_take(&s, 1), SLOT_NONE);
	slots_reclaim(&s, now + SLOTS_REST_NS);
	CU_ASSERT_EQUAL(slots_take(&s, 4), 10);
	slots_free(&s);
}

TEST(never_used_slots_come_before_returned_ones)
{
	struct slots s;

	slots_init(&s, "test records", 128);
	CU_ASSERT_EQUAL(slots_take(&s, 8), 0);
	slots_undo(&s, 0, 8);
	CU_ASSERT_EQUAL(slots_take(&s, 8), 8);
	slots_free(&s);
}

/* What may be looked at, as somebody who maps it sees it. */
static void follow(const struct slots *s, uint32_t from, uint32_t to, void *arg)
{
	uint32_t *end = arg;

	(void)s;
	CU_ASSERT_EQUAL(from, *end);
	CU_ASSERT_TRUE(to > from);
	*end = to;
}

TEST(the_reach_grows_only_when_what_is_within_is_used_up)
{
	uint32_t end = 0;
	struct slots s;

	slots_init(&s, "test records", 3200);
	slots_follow(&s, follow, &end);
	CU_ASSERT_EQUAL(slots_take(&s, 60), 0);
	CU_ASSERT_EQUAL(end, 100);
	CU_ASSERT_EQUAL(slots_take(&s, 60), 60); /* over the end of what was within reach */
	CU_ASSERT_EQUAL(end, 200);
	slots_undo(&s, 0, 60);
	CU_ASSERT_EQUAL(slots_take(&s, 80), 120);
	CU_ASSERT_EQUAL(slots_take(&s, 60), 0);
	CU_ASSERT_EQUAL(end, 200);
	CU_ASSERT_EQUAL(slots_take(&s, 250), 200); /* more than one step */
	CU_ASSERT_EQUAL(end, 500);
	CU_ASSERT_EQUAL(slots_take(&s, 2750), 450);
	CU_ASSERT_EQUAL(end, 3200);
	CU_ASSERT_EQUAL(slots_take(&s, 1), SLOT_NONE);
	slots_free(&s);
}

TEST(what_is_marked_is_within_reach)
{
	uint32_t end = 0;
	struct slots s;

	slots_init(&s, "test records", 3190);
	slots_follow(&s, follow, &end);
	slots_mark(&s, 950, 60);
	CU_ASSERT_EQUAL(end, 1100);
	slots_reach(&s, 900);
	CU_ASSERT_EQUAL(end, 1100);
	slots_mark(&s, 3189, 1);
	CU_ASSERT_EQUAL(end, 3190);
	slots_mark(&s, 3190, 1);
	CU_ASSERT_EQUAL(s.nr_used, 61);
	slots_free(&s);
}

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

// SPDX-License-Identifier: GPL-2.0
/* The map from strings: order, removal, copy, growth. */
#include <stdio.h>
#include <string.h>
#include "base/strmap.h"
#include "unit.h"

static void keys_of(const struct strmap *m, char *out)
{
	const struct strmap_entry *e;

	*out = '\0';
	strmap_each (m, e)
		strcat(out, e->key);
}

TEST(walk_is_in_order_of_insertion_also_after_removal)
{
	struct strmap m = {0};
	char keys[64];

	strmap_put(&m, "c", "3");
	strmap_put(&m, "a", "1");
	strmap_put(&m, "b", "2");
	CU_ASSERT_STRING_EQUAL(strmap_put(&m, "a", "9"), "1");
	keys_of(&m, keys);
	CU_ASSERT_STRING_EQUAL(keys, "cab");
	CU_ASSERT_STRING_EQUAL(strmap_remove(&m, "a"), "9");
	CU_ASSERT_PTR_NULL(strmap_remove(&m, "a"));
	CU_ASSERT_PTR_NULL(strmap_get(&m, "a"));
	strmap_put(&m, "a", "7");
	keys_of(&m, keys);
	CU_ASSERT_STRING_EQUAL(keys, "cba");
	CU_ASSERT_EQUAL(m.nr, 3);
	strmap_free(&m);
}

TEST(empty_map_has_nothing)
{
	struct strmap m = {0};
	struct strmap_entry *e;
	unsigned nr = 0;

	CU_ASSERT_PTR_NULL(strmap_get(&m, "x"));
	CU_ASSERT_PTR_NULL(strmap_remove(&m, "x"));
	strmap_each (&m, e)
		nr++;
	CU_ASSERT_EQUAL(nr, 0);
	strmap_free(&m);
}

TEST(all_keys_are_found_after_growth_and_removals)
{
	static int value[5000];
	struct strmap m = {0};
	char key[16];
	unsigned bad = 0;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 5000; i++) {
			snprintf(key, sizeof(key), "k%d", i);
			strmap_put(&m, key, &value[i]);
		}
		for (int i = 0; i < 5000; i += 2) {
			snprintf(key, sizeof(key), "k%d", i);
			bad += strmap_remove(&m, key) != &value[i];
		}
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		bad += strmap_get(&m, key) != (i % 2 ? &value[i] : NULL);
	}
	CU_ASSERT_EQUAL(bad, 0);
	CU_ASSERT_EQUAL(m.nr, 2500);
	CU_ASSERT(m.cap_entries <= 16384);
	strmap_free(&m);
	CU_ASSERT_EQUAL(m.nr, 0);
}

TEST(a_copy_has_keys_of_its_own)
{
	struct strmap m = {0}, copy = {0};
	char keys[64];

	strmap_put(&m, "x", "1");
	strmap_put(&m, "y", "2");
	strmap_remove(&m, "x");
	strmap_put(&m, "z", "3");
	strmap_copy(&copy, &m);
	strmap_free(&m);
	keys_of(&copy, keys);
	CU_ASSERT_STRING_EQUAL(keys, "yz");
	CU_ASSERT_STRING_EQUAL(strmap_get(&copy, "z"), "3");
	strmap_free(&copy);
}

TEST(a_key_is_found_beside_after_either_map_changed)
{
	struct strmap m = {0}, copy = {0};
	struct strmap_entry *e;
	unsigned bad = 0;
	char key[16];

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		strmap_put(&m, key, &m);
	}
	strmap_copy(&copy, &m);
	strmap_each(&copy, e)
		bad += strmap_get_beside(&m, &copy, e) != &m;
	strmap_put(&copy, "k7", &copy);
	strmap_remove(&m, "k1");
	strmap_remove(&copy, "k2");
	for (int i = 100; i < 300; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		strmap_put(&m, key, &m);
	}
	strmap_put(&m, "k1", &bad); /* at another place now */
	strmap_each(&copy, e)
		bad += strmap_get_beside(&m, &copy, e) != strmap_get(&m, e->key);
	strmap_each(&m, e)
		bad += strmap_get_beside(&copy, &m, e) != strmap_get(&copy, e->key);
	CU_ASSERT_EQUAL(bad, 0);
	strmap_free(&copy);
	strmap_free(&m);
}

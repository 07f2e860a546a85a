// SPDX-License-Identifier: GPL-2.0
/* Arenas: zeroed, aligned, texts and things do not overlap. */
#include <stdint.h>
#include <string.h>
#include "base/mem.h"
#include "unit.h"

TEST(arena_memory_is_zeroed_aligned_and_disjoint)
{
	struct arena *a = arena_new();
	unsigned char *things[2000];
	char *texts[2000];
	unsigned bad = 0;

	for (unsigned i = 0; i < 2000; i++) {
		size_t size = i % 97 + 1;

		things[i] = arena_alloc(a, size);
		bad += (uintptr_t)things[i] % _Alignof(max_align_t) != 0;
		for (size_t k = 0; k < size; k++)
			bad += things[i][k] != 0;
		memset(things[i], 0xff, size);
		texts[i] = arena_printf(a, "text %u", i);
	}
	for (unsigned i = 0; i < 2000; i++) {
		char want[32];

		snprintf(want, sizeof(want), "text %u", i);
		bad += strcmp(texts[i], want) != 0 || things[i][i % 97] != 0xff;
	}
	CU_ASSERT_EQUAL(bad, 0);
	arena_free(a);
	arena_free(NULL);
}

TEST(the_last_text_takes_no_more_than_it_needs)
{
	struct arena *a = arena_new();
	char text[3000];
	size_t before;

	memset(text, 'x', sizeof(text));
	arena_alloc(a, 8);
	before = arena_bytes(a);
	CU_ASSERT_STRING_EQUAL(arena_strndup_last(a, "short", 5), "short");
	CU_ASSERT_EQUAL(arena_bytes(a), before);
	CU_ASSERT_EQUAL(strlen(arena_strndup_last(a, text, sizeof(text))), sizeof(text));
	CU_ASSERT(arena_bytes(a) < before + sizeof(text) + 64);
	CU_ASSERT_STRING_EQUAL(arena_strdup(a, "goes on"), "goes on");
	arena_free(a);
}

TEST(a_large_thing_fits_and_is_counted)
{
	struct arena *a = arena_new();
	char *large;

	CU_ASSERT_EQUAL(arena_bytes(a), 0);
	arena_alloc(a, 8);
	large = arena_alloc(a, 3 << 20);
	memset(large, 1, 3 << 20);
	CU_ASSERT(arena_bytes(a) >= 3 << 20);
	CU_ASSERT_STRING_EQUAL(arena_strndup(a, "abcdef", 3), "abc");
	CU_ASSERT(arena_bytes(a) < 4 << 20);
	arena_free(a);
}

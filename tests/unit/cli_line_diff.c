// SPDX-License-Identifier: GPL-2.0
/* Unified differences of small texts. */
#include <stdio.h>
#include <stdlib.h>
#include "cli/line_diff.h"
#include "unit.h"

static const struct {
	const char *desc, *from, *to, *want;
} cases[] = {
	{"same", "a\nb\n", "a\nb\n", ""},
	{"changed in the middle", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\nx\n6\n7\n8\n9\n",
	 "--- f\n+++ t\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+x\n 6\n 7\n 8\n"},
	{"from nothing", "", "a\nb\n", "--- f\n+++ t\n@@ -0,0 +1,2 @@\n+a\n+b\n"},
	{"to nothing", "a\n", "", "--- f\n+++ t\n@@ -1 +0,0 @@\n-a\n"},
	{"line put in", "a\nc\n", "a\nb\nc\n", "--- f\n+++ t\n@@ -1,2 +1,3 @@\n a\n+b\n c\n"},
	{"two hunks", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "x\n2\n3\n4\n5\n6\n7\n8\ny\n",
	 "--- f\n+++ t\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n 4\n@@ -6,4 +6,4 @@\n 6\n 7\n 8\n-9\n+y\n"},
	{"near changes share a hunk", "1\n2\n3\n4\n", "x\n2\n3\ny\n",
	 "--- f\n+++ t\n@@ -1,4 +1,4 @@\n-1\n+x\n 2\n 3\n-4\n+y\n"},
};

TEST(difference_is_unified_with_three_lines_of_context)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *text;
		size_t length;
		FILE *out = open_memstream(&text, &length);
		int differ = line_diff("f", cases[i].from, "t", cases[i].to, out);

		fclose(out);
		CU_ASSERT_EQUAL(differ, *cases[i].want != '\0');
		CU_ASSERT_STRING_EQUAL(text, cases[i].want);
		free(text);
	}
}

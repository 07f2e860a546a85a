// SPDX-License-Identifier: GPL-2.0
/* How mistakes look when printed, and how they are counted. */
#include <string.h>
#include "base/diag.h"
#include "unit.h"

static void check_printed(const struct diags *d, const char *want)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	diags_print(d, out);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(text, want);
	if (strcmp(text, want) != 0)
		fprintf(stderr, "got:\n%swant:\n%s", text, want);
	free(text);
}

static void check_line(const char *line, unsigned column, const char *want)
{
	struct place place = {"f.yaml", 1, column};
	struct diags d = {0};

	diag_add(&d, DIAG_ERROR, &place, NULL, "bad");
	diags_attach_source(&d, "f.yaml", line, strlen(line));
	check_printed(&d, want);
	diags_free(&d);
}

TEST(place_path_source_and_caret_are_printed)
{
	static const char text[] = "a: 1\nspec:\n  timeout: soon\r\n";
	struct place place = {"f.yaml", 3, 12}, stdin_place = {"-", 2, 1};
	struct diags d = {0};

	diag_add(&d, DIAG_ERROR, &place, "VirtualService/default/reviews: spec.timeout",
		 "\"%s\", want a duration", "soon");
	diag_add(&d, DIAG_WARNING, &stdin_place, NULL, "odd");
	diag_add(&d, DIAG_NOTICE, NULL, NULL, "skipped");
	diags_attach_source(&d, "f.yaml", text, sizeof(text) - 1);
	check_printed(&d, "f.yaml:3:12: error: VirtualService/default/reviews: spec.timeout: "
			  "\"soon\", want a duration\n"
			  "    timeout: soon\n"
			  "             ^\n"
			  "<stdin>:2:1: warning: odd\n"
			  "notice: skipped\n");
	CU_ASSERT_EQUAL(d.nr_errors, 1);
	CU_ASSERT_EQUAL(d.nr_warnings, 1);
	diags_free(&d);
}

TEST(caret_lines_up_behind_tabs_wide_and_control_characters)
{
	check_line("a\tb", 3, "f.yaml:1:3: error: bad\n  a       b\n          ^\n");
	check_line("\xc3\xa4\xe4\xb8\xad: x", 5,
		   "f.yaml:1:5: error: bad\n  \xc3\xa4\xe4\xb8\xad: x\n"
		   "       ^\n");
	check_line("\x1b[2J\xff\xc2\x9bx", 7, "f.yaml:1:7: error: bad\n  ?[2J??x\n        ^\n");
	check_line("\xef\xbb\xbfx y", 3, "f.yaml:1:3: error: bad\n  x y\n    ^\n");
	check_line("ab", 4, "f.yaml:1:4: error: bad\n  ab\n     ^\n");
}

TEST(a_long_line_is_cut_around_the_column)
{
	static char line[10001], want[512];

	memset(line, 'x', 10000);
	line[4999] = '!';
	snprintf(want, sizeof(want), "f.yaml:1:5000: error: bad\n  %.80s!%.79s\n  %80s^\n", line,
		 line, "");
	check_line(line, 5000, want);
	snprintf(want, sizeof(want), "f.yaml:1:1: error: bad\n  %.160s\n  ^\n", line);
	check_line(line, 1, want);
}

TEST(names_from_outside_cannot_fake_lines)
{
	struct diags d = {0};

	diag_add(&d, DIAG_ERROR, NULL, "a\nb", "key \"%s\"", "x\n\x1b[1m\xe2\x80\xae");
	check_printed(&d, "error: a?b: key \"x??[1m?\"\n");
	diags_free(&d);
}

TEST(strict_makes_warnings_errors)
{
	struct diags strict = {.strict = true}, d = {0};

	diag_add(&strict, DIAG_WARNING, NULL, NULL, "one");
	diag_add(&d, DIAG_WARNING, NULL, NULL, "two");
	diag_add(&d, DIAG_ERROR, NULL, NULL, "three");
	diags_take(&strict, &d);
	CU_ASSERT_EQUAL(strict.nr_errors, 3);
	CU_ASSERT_EQUAL(strict.nr_warnings, 0);
	CU_ASSERT_EQUAL(d.list.nr, 0);
	check_printed(&strict, "error: one\nerror: two\nerror: three\n");
	diags_free(&strict);
}

TEST(past_a_thousand_they_are_only_counted)
{
	struct diags d = {0}, to = {0};

	for (int i = 0; i < 1200; i++)
		diag_add(&d, DIAG_ERROR, NULL, NULL, "%d", i);
	CU_ASSERT_EQUAL(d.list.nr, 1000);
	CU_ASSERT_EQUAL(d.nr_dropped, 200);
	CU_ASSERT_EQUAL(d.nr_errors, 1200);
	diag_add(&to, DIAG_WARNING, NULL, NULL, "first");
	diags_take(&to, &d);
	CU_ASSERT_EQUAL(to.nr_errors, 1200);
	CU_ASSERT_EQUAL(to.nr_dropped, 201);
	diags_free(&to);
}

TEST(a_file_name_has_one_lasting_copy)
{
	char name[] = "x.yaml";
	const char *kept = place_file(name);

	name[0] = 'y';
	CU_ASSERT_STRING_EQUAL(kept, "x.yaml");
	CU_ASSERT_PTR_EQUAL(place_file("x.yaml"), kept);
}

TEST(faults_of_one_file_are_forgotten_and_those_of_others_stay)
{
	struct place one = {place_file("one.yaml"), 1, 1}, two = {place_file("two.yaml"), 1, 1};
	struct diags d = {0};

	diag_add(&d, DIAG_ERROR, &one, NULL, "first");
	diag_add(&d, DIAG_ERROR, &two, NULL, "second");
	diag_add(&d, DIAG_WARNING, &one, NULL, "third");
	diag_add(&d, DIAG_ERROR, NULL, NULL, "fourth");
	diags_drop_file(&d, "one.yaml");
	CU_ASSERT_EQUAL(d.nr_errors, 2);
	CU_ASSERT_EQUAL(d.nr_warnings, 0);
	CU_ASSERT_EQUAL_FATAL(d.list.nr, 2);
	CU_ASSERT_STRING_EQUAL(d.list.at[0].text, "second");
	CU_ASSERT_STRING_EQUAL(d.list.at[1].text, "fourth");
	diags_free(&d);
}

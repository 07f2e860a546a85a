// SPDX-License-Identifier: GPL-2.0
/* The bounds on a text, and that no text of ten megabytes takes longer than it may. */
#include <errno.h>
#include <time.h>
#include "tree_yaml.h"

#define MAX_SECONDS 5.0
#define HOSTILE_BYTES (10u << 20)

struct text {
	char *at;
	size_t length;
};

/* head, then unit again and again up to `length`, then tail. */
static struct text repeat(const char *head, const char *unit, const char *tail, size_t length)
{
	struct text t = {xcalloc(length + strlen(head) + strlen(unit) + strlen(tail) + 1, 1), 0};
	size_t n = strlen(unit);

	t.length = strlen(head);
	memcpy(t.at, head, t.length);
	for (; t.length < length; t.length += n)
		memcpy(t.at + t.length, unit, n);
	memcpy(t.at + t.length, tail, strlen(tail));
	t.length += strlen(tail);
	return t;
}

static int count(struct node *root, void *arg)
{
	(void)root;
	(*(unsigned *)arg)++;
	return 0;
}

/* `want`: the first fault's text starts so; NULL: none. */
static void check_first(struct text t, unsigned line, unsigned column, const char *want)
{
	struct diags d = {0};
	unsigned nr = 0;
	int err = yaml_read("f", t.at, t.length, &d, count, &nr);
	const struct diag *first = d.list.nr ? &d.list.at[0] : NULL;

	CU_ASSERT_EQUAL(err, want ? -EINVAL : 0);
	CU_ASSERT_EQUAL(nr, !want);
	CU_ASSERT_EQUAL(first != NULL, want != NULL);
	if (first && want) {
		CU_ASSERT_EQUAL(first->place.line, line);
		CU_ASSERT_EQUAL(first->place.column, column);
		CU_ASSERT_EQUAL(strncmp(first->text, want, strlen(want)), 0);
	}
	if (first && (!want || strncmp(first->text, want, strlen(want)) != 0))
		diags_print(&d, stderr);
	diags_free(&d);
	free(t.at);
}

TEST(depth_is_bounded)
{
	char open[128], close[128];

	memset(open, '[', 101);
	memset(close, ']', 101);
	open[101] = close[101] = '\0';
	check_first(repeat(open, "", close, 0), 1, 101, "more than 100 levels");
	open[100] = close[100] = '\0';
	check_first(repeat(open, "", close, 0), 0, 0, NULL);
}

TEST(depth_is_bounded_through_aliases)
{
	char head[256] = "- &x [[1]]\n- ", close[128];
	size_t n = strlen(head);

	memset(head + n, '[', 97);
	memset(close, ']', 97);
	close[97] = '\0';
	strcpy(head + n + 97, "*x");
	check_first(repeat(head, "", close, 0), 0, 0, NULL);
	head[n + 97] = '[';
	strcpy(head + n + 98, "*x]");
	check_first(repeat(head, "", close, 0), 2, 101, "with this alias more than 100 levels");
}

TEST(a_text_of_four_mebibytes_is_the_longest)
{
	check_first(repeat("a: ", "xxxx", "", TREE_MAX_SCALAR + 4), 1, 4,
		    "a text of 4194308 bytes");
	check_first(repeat("a: ", "x", "", TREE_MAX_SCALAR + 3), 0, 0, NULL);
	check_first(repeat("a: 'x", "\n\n", "'", 30u << 20), 1, 1, "after this, more than");
}

TEST(values_are_bounded)
{
	check_first(repeat("", "- 1\n", "", TREE_MAX_NODES * 4 - 4), 0, 0, NULL);
	check_first(repeat("", "- 1\n", "", TREE_MAX_NODES * 4), TREE_MAX_NODES, 3,
		    "more than 1500000 values");
}

TEST(aliases_are_bounded)
{
	check_first(repeat("- &x 1\n", "- *x\n", "", TREE_MAX_EXPANDED * 5 + 5), 0, 0, NULL);
	check_first(repeat("- &x 1\n", "- *x\n", "", TREE_MAX_EXPANDED * 5 + 10),
		    TREE_MAX_EXPANDED + 2, 3, "aliases grow to more than 100000 values");
}

TEST(anchors_are_bounded)
{
	struct text t = {xcalloc(TREE_MAX_EXPANDED + 1, 16), 0};

	for (unsigned i = 0; i <= TREE_MAX_EXPANDED; i++)
		t.length += (size_t)sprintf(t.at + t.length, "- &a%u x\n", i);
	check_first(t, TREE_MAX_EXPANDED + 1, 3, "more than 100000 anchors");
}

TEST(laughs_do_not_reach_a_billion)
{
	static const char bomb[] = "a: &a [x,x,x,x,x,x,x,x,x]\n"
				   "b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
				   "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
				   "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
				   "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
				   "f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";

	check_first(repeat(bomb, "", "", 0), 6, 8, "aliases grow to more than 100000 values");
}

TEST(bytes_are_bounded)
{
	check_first(repeat("", "# xxxxxxxxxxxx\n\n", "", TREE_MAX_BYTES + 1), 1, 1,
		    "67108880 bytes of text, want at most 67108864");
}

TEST(mistakes_are_bounded)
{
	struct text t = repeat("", "--- ]\n", "", 2000 * 6);
	struct diags d = {0};
	unsigned nr = 0;

	CU_ASSERT_EQUAL(yaml_read("f", t.at, t.length, &d, count, &nr), -EINVAL);
	CU_ASSERT_EQUAL(d.nr_errors, 1001);
	CU_ASSERT_EQUAL(d.list.at[999].place.line, 1000);
	diags_free(&d);
	free(t.at);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Head, unit, tail: some are refused, some are not; none is slow. */
static const char *const hostile[][3] = {
	{"", "[", ""},
	{"", "{a: ", ""},
	{"", "[\n", ""},
	{"", "? ", ""},
	{"", "?\n", ""},
	{"", "- ", ""},
	{"", "-\n", ""},
	{"", "!!!!", ""},
	{"", "! ", ""},
	{"", "&a ", ""},
	{"a: ", "&a", ""},
	{"", "- &a a\n", ""},
	{"", "*a ", ""},
	{"", "- *a\n", ""},
	{"", "%YAML 1.2\n", ""},
	{"", "%TAG !a! b\n", ""},
	{"", "%A\n", ""},
	{"", "a: b, ", ""},
	{"{", "a: b, ", "}"},
	{"", "a: b\n", ""},
	{"", "a:\n", ""},
	{"", ": ", ""},
	{"", ":\n", ""},
	{"{", ":,", "}"},
	{"[", ",", "]"},
	{"[", "a: b,", "]"},
	{"[", "\"a\":", "]"},
	{"", "--- ", ""},
	{"", "---\n", ""},
	{"", "...\n", ""},
	{"", "--- ]\n", ""},
	{"", "--- \"\n", ""},
	{"", "--- a\n", ""},
	{"--- |\n", " x\n", ""},
	{"--- |\n", "\n", ""},
	{"--- >\n", " x\n\n", ""},
	{"", "\n", ""},
	{"", "\r", ""},
	{"", "#\n", ""},
	{"#", "#", ""},
	{"", " ", ""},
	{"a: ", "\t", ""},
	{"", "x", ""},
	{"", "x\n", ""},
	{"", "x ", ""},
	{"\"", "x", "\""},
	{"\"", "\\x41", "\""},
	{"\"", "\\\n", "\""},
	{"'", "''", "'"},
	{"'", "\n", "'"},
	{"|", "1", ""},
	{"- &", "a", " x"},
	{"- !", "a", " x"},
	{"- !<", "%41", "> x"},
	{"", "\xff", ""},
	{"", "---\n\xff\n", ""},
	{"", "\xe2\x80\xa8", ""},
	{"", "- 1\n- &a [1,1]\n- *a\n", ""},
	{"a: &a [x,x,x,x,x,x,x,x]\nb: [", "*a,", "]"},
	{"[", "[[[[[[[[1]]]]]]]],", "]"},
	{"{", "? {? {? a}},", "}"},
};

TEST(no_hostile_text_takes_long)
{
	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		const char *const *h = hostile[i];
		struct text t = repeat(h[0], h[1], h[2], HOSTILE_BYTES);
		struct diags d = {0};
		double start = seconds();
		unsigned nr = 0;

		yaml_read("f", t.at, t.length, &d, count, &nr);
		start = seconds() - start;
		CU_ASSERT(start < MAX_SECONDS);
		if (start >= MAX_SECONDS || getenv("SHOW_SECONDS"))
			fprintf(stderr, "# %.2f s: %s%s...\n", start, h[0], h[1]);
		diags_free(&d);
		free(t.at);
	}
}

/* Each key differs, so that the check for keys that stand twice has all to remember. */
TEST(many_keys_do_not_take_long)
{
	char *text = xcalloc(1400000, 16), *end = text;
	struct diags d = {0};
	double start;
	unsigned nr = 0;

	for (unsigned i = 0; i < 1400000; i++)
		end += sprintf(end, "k%u: 1\n", i);
	start = seconds();
	CU_ASSERT_EQUAL(yaml_read("f", text, (size_t)(end - text), &d, count, &nr), 0);
	CU_ASSERT_EQUAL(nr, 1);
	CU_ASSERT(seconds() - start < MAX_SECONDS);
	diags_free(&d);
	free(text);
}

// SPDX-License-Identifier: GPL-2.0
/* Regular expressions: RE2's syntax alone is taken, and means what it means there. */
#include <stdlib.h>
#include <string.h>
#include "http/regex.h"
#include "unit.h"

static bool matches(const char *regex, const char *text)
{
	struct regex *r = regex_new(regex);
	bool yes = r && regex_match(r, text, strlen(text)) == REGEX_YES;

	CU_ASSERT_PTR_NOT_NULL(r);
	regex_free(r);
	return yes;
}

static bool wrong(const char *regex, const char *what)
{
	const char *is = regex_check(regex);
	bool as_wanted = is && strstr(is, what);

	if (!as_wanted)
		printf("# %s: %s, not %s\n", regex, is ? is : "nothing is wrong", what);
	return as_wanted;
}

TEST(the_syntax_of_re2_is_taken)
{
	static const char *const good[] = {
		"",
		"|",
		"()",
		"a||b",
		"(|a)*",
		"a*?b+?c??",
		"x{2}y{2,}z{2,3}?",
		"a{1000}",
		"{",
		"a{,2}",
		"a{x}",
		"a{01}",
		"}",
		"]",
		"(?P<n>a)(?<m>b)",
		"(?P<1>a)",
		"(?:a)",
		"(?i)a",
		"(?im-sU:a)",
		"(?-i)a",
		"(?s).",
		"\\Qa*(\\E+",
		"\\Q",
		"\\Qa",
		"^$\\A\\z\\b\\B",
		"^*",
		"\\b+",
		"\\123\\07\\0",
		"\\x7F\\x{10FFFF}",
		"\\a\\f\\n\\r\\t\\v",
		"\\.\\_\\/\\-\\ ",
		"\\d\\D\\s\\S\\w\\W",
		"\\pL\\PN\\p{Lu}\\p{^Lu}\\p{Greek}\\P{Old_Italic}\\p{Any}\\p{Thai}",
		"[]a]",
		"[^]a]",
		"[a-z-]",
		"[a-b-c]",
		"[--/]",
		"[\\d-z]",
		"[[:alpha:][:^digit:]_]",
		"[[:alpha]",
		"[[.a.]]",
		"[\\]\\\\]",
		"[\\x41-\\x{5A}]",
		"[\\pL\\s\\S\\n]",
		"[\\101-\\132]",
		"((a{10}){10}){10}",
		"(a{2}|b{500}){2}",
		"\xc3\xa9+",
		"[\xce\xb1-\xcf\x89]",
	};

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		const char *is = regex_check(good[i]);

		if (is)
			printf("# %s: %s\n", good[i], is);
		CU_ASSERT_PTR_NULL(is);
	}
}

TEST(what_re2_does_not_list_is_named)
{
	static const struct {
		const char *regex, *what;
	} bad[] = {
		{"(a)\\1", "a back-reference"},
		{"\\8", "a back-reference"},
		{"(?P<n>a)(?P=n)", "a back-reference"},
		{"(a)\\g1", "a back-reference"},
		{"(?<n>a)\\k<n>", "a back-reference"},
		{"(?=a)", "look-ahead"},
		{"(?!a)", "look-ahead"},
		{"(?<=a)b", "look-behind"},
		{"(?<!a)b", "look-behind"},
		{"(?>a)", "an atomic group"},
		{"a++", "a possessive repetition"},
		{"a{2}+", "a possessive repetition"},
		{"a**", "a repetition of a repetition"},
		{"a{2}{3}", "a repetition of a repetition"},
		{"a???", "a repetition of a repetition"},
		{"*", "a repetition of nothing"},
		{"(+a)", "a repetition of nothing"},
		{"a|*", "a repetition of nothing"},
		{"{2}", "a repetition of nothing"},
		{"(?R)", "recursion"},
		{"(a)(?1)", "a subroutine call"},
		{"(a)(?-1)", "a subroutine call"},
		{"(?P<n>a)(?P>n)", "a subroutine call"},
		{"(?&n)", "a subroutine call"},
		{"(?(1)a)", "a conditional"},
		{"(?|a)", "a branch reset"},
		{"(?#a)", "a comment"},
		{"(?C1)", "a callout"},
		{"(*ACCEPT)", "a verb"},
		{"(?'n'a)", "a group name in quotes"},
		{"(?x)a", "an unknown flag"},
		{"(?^i)a", "an unknown flag"},
		{"(?i-)a", "a dash without a flag"},
		{"(?P<n>a)(?P<n>b)", "two groups of one name"},
		{"(?P<>a)", "a bad group name"},
		{"(?P<n-m>a)", "a bad group name"},
		{"\\K", "the escape \\K"},
		{"\\Z", "the escape \\Z"},
		{"\\C", "the escape \\C"},
		{"\\R", "the escape \\R"},
		{"\\h", "the escape \\h"},
		{"\\e", "the escape \\e"},
		{"\\E", "the escape \\E"},
		{"[\\b]", "the escape \\b"},
		{"[\\Q]", "the escape \\Q"},
		{"\\", "a backslash at the end"},
		{"\\x{110000}", "past \\x{10FFFF}"},
		{"\\xg", "a bad \\x"},
		{"\\x{}", "a bad \\x"},
		{"\\p{Foo}", "an unknown \\p class"},
		{"\\p{Grek}", "an unknown \\p class"},
		{"\\p{greek}", "an unknown \\p class"},
		{"\\p{Xan}", "an unknown \\p class"},
		{"\\p{L&}", "an unknown \\p class"},
		{"\\p{Alphabetic}", "an unknown \\p class"},
		{"\\p", "a \\p without a name"},
		{"[a", "an open ["},
		{"[]", "an open ["},
		{"(a", "an open ("},
		{"a)", "a ) without ("},
		{"(?i", "an open ("},
		{"[z-a]", "a range that ends before it begins"},
		{"[a-\\d]", "the escape \\d"},
		{"[[:foo:]]", "an unknown [: :] class"},
		{"[[:<:]]a", "an unknown [: :] class"},
		{"a{1001}", "a repetition over 1000"},
		{"a{2,1001}", "a repetition over 1000"},
		{"a{3,2}", "more than its most"},
		{"((a{11}){10}){10}", "nested repetitions over 1000"},
		{"(a{2}b{501}){2}", "nested repetitions over 1000"},
		{"(a{100}){99999999}", "a repetition over 1000"},
		{"\xff", "no UTF-8"},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT(wrong(bad[i].regex, bad[i].what));
}

TEST(a_regex_matches_the_whole_text)
{
	CU_ASSERT(matches("/v[0-9]+", "/v1"));
	CU_ASSERT_FALSE(matches("/v[0-9]+", "/v1/x"));
	CU_ASSERT_FALSE(matches("/v[0-9]+", "x/v1"));
	CU_ASSERT(matches("a|ab", "ab"));
	CU_ASSERT(matches("^(.*?; ?)?(user=dev-123)(;.*)?$", "a=b; user=dev-123; c=d"));
	CU_ASSERT_FALSE(matches("a$", "a\n"));
	CU_ASSERT_FALSE(matches(".", "\n"));
	CU_ASSERT(matches("[^a]", "\n"));
	CU_ASSERT(matches("(?i)Ab", "aB"));
	CU_ASSERT(matches("", ""));
}

TEST(an_escape_means_what_it_means_in_re2)
{
	CU_ASSERT(matches("\\123", "S"));
	CU_ASSERT(matches("(a)\\12", "a\n"));
	CU_ASSERT(matches("\\v", "\v"));
	CU_ASSERT_FALSE(matches("\\v", "\n"));
	CU_ASSERT_FALSE(matches("\\s", "\v"));
	CU_ASSERT_FALSE(matches("[\\s]", "\v"));
	CU_ASSERT(matches("[\\S]", "\v"));
	CU_ASSERT(matches("[[:space:]]", "\v"));
	CU_ASSERT(matches("\\Qa*(\\E+", "a*(("));
	CU_ASSERT(matches("a{,2}", "a{,2}"));
	CU_ASSERT(matches("[[.a.]]", ".]"));
	CU_ASSERT(matches("\\p{Greek}+", "\xce\xb1\xce\xb2"));
	CU_ASSERT(matches("\\x{e9}", "\xc3\xa9"));
	CU_ASSERT_FALSE(matches("\\x{e9}", "\xe9"));
	CU_ASSERT(matches("[a-z.]+", "caf.e"));
}

TEST(a_match_without_end_is_given_up)
{
	struct regexes x = {0};
	const struct regex *r = regexes_get(&x, "(a*)*[bd]");
	char text[2001];

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = 'c';
	CU_ASSERT_EQUAL(regex_match(r, text, sizeof(text)), REGEX_LIMIT);
	CU_ASSERT_PTR_EQUAL(regexes_get(&x, "(a*)*[bd]"), r);
	CU_ASSERT_PTR_NULL(regexes_get(&x, "("));
	regexes_free(&x);
}

/* Deep and large texts cost no more than they are long. */
TEST(hostile_expressions_are_bounded)
{
	char text[1025] = "";

	memset(text, '(', 512);
	memset(text + 512, ')', 512);
	CU_ASSERT_PTR_NULL(regex_check(text));
	memset(text, '(', 1024);
	CU_ASSERT(wrong(text, "an open ("));
	CU_ASSERT(wrong("([a-c][d-f][g-i][j-l][m-o]){1000}", "more repetitions of groups"));
}

static bool replaces(const char *regex, const char *replacement, const char *text, const char *want)
{
	struct regex *r = regex_new(regex);
	enum regex_result result;
	char *is = regex_replace(r, text, strlen(text), replacement, &result);
	bool same = want ? is && !strcmp(is, want) : !is;

	if (!same)
		printf("# %s of %s: %s\n", regex, text, is ? is : "nothing");
	free(is);
	regex_free(r);
	return same;
}

TEST(each_match_is_replaced)
{
	CU_ASSERT(replaces("/service/([^/]+)(/.*)", "\\2/instance/\\1", "/service/foo/v1/api",
			   "/v1/api/instance/foo"));
	CU_ASSERT(replaces("one", "two", "/xxx/one/yyy/one/zzz", "/xxx/two/yyy/two/zzz"));
	CU_ASSERT(replaces("^/(.*?)one(.*)$", "/\\1two\\2", "/xxx/one/yyy/one/zzz",
			   "/xxx/two/yyy/one/zzz"));
	CU_ASSERT(replaces("b*", "-", "abc", "-a-c-"));
	CU_ASSERT(replaces("b", "[\\0\\\\]", "abc", "a[b\\]c"));
	CU_ASSERT(replaces("(a)|(b)", "<\\1\\2>", "ab", "<a><b>"));
	CU_ASSERT(replaces("x", "y", "abc", NULL));
	CU_ASSERT(replaces("b", "\\1", "abc", NULL));
	CU_ASSERT(replaces("b", "\\x", "abc", NULL));
}

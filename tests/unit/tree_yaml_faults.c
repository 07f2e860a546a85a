// SPDX-License-Identifier: GPL-2.0
/* What the YAML reader says to each mistake, where, and what it still reads. */
#include <errno.h>
#include "tree_yaml.h"

#define C(text_, want_)                                                                            \
	{                                                                                          \
		text_, sizeof(text_) - 1, want_, ""                                                \
	}
#define R(text_, want_, json_)                                                                     \
	{                                                                                          \
		text_, sizeof(text_) - 1, want_, json_                                             \
	}

struct fault_case {
	const char *text;
	size_t length;
	const char *want;
	const char *json; /* of the documents without a mistake */
};

static void check(const struct fault_case *c, size_t nr)
{
	for (; nr--; c++) {
		struct reading r = read_text(c->text, c->length);

		CU_ASSERT_EQUAL(r.err, -EINVAL);
		CU_ASSERT_STRING_EQUAL(r.faults, c->want);
		CU_ASSERT_STRING_EQUAL(r.json, c->json);
		if (strcmp(r.faults, c->want) != 0 || strcmp(r.json, c->json) != 0)
			fprintf(stderr, "%s\ngot:\n%s%swant:\n%s%s", c->text, r.faults, r.json,
				c->want, c->json);
		reading_free(&r);
	}
}

#define CHECK(cases) check(cases, sizeof(cases) / sizeof((cases)[0]))

TEST(indentation_mistakes_are_named)
{
	static const struct fault_case cases[] = {
		C("a: 1\n\tb: 2\n", "2:1 a tab in the indentation, want spaces\n"),
		C("a: |\n\tb\n", "2:1 a tab in the indentation, want spaces\n"),
		C("a: 1\n b: 2\n",
		  "2:3 a ':' that ends no key here, want a key indented as its neighbours, or "
		  "quotes around a value that has ': '\n"),
		C("a:\n  b: 1\n c: 2\n",
		  "3:2 this does not go on with the map above it, want a key with the map's "
		  "indentation; it starts in line 1\n"),
		C("- a\nb: 1\n",
		  "2:1 this does not go on with the list above it, want a '-' with the list's "
		  "indentation; it starts in line 1\n"),
		C("a: - b\n",
		  "1:4 a '-' that starts no list entry here, want the list on lines of its own\n"),
	};

	CHECK(cases);
}

TEST(missing_marks_are_named)
{
	static const struct fault_case cases[] = {
		C("a: 1\nb\nc: 2\n", "2:1 no ':' after this key, want \"key: value\"\n"),
		C("a: \"open\nb: 1\n", "1:4 the quotes are not closed\n"),
		C("a: [1, 2\nb: 3\n",
		  "2:2 want ',' or ']' to go on with the list; it starts in line 1\n"),
		C("{a: 1", "1:6 want ',' or '}' to go on with the map\n"),
		C("?\n: x\n", "1:2 no key before the ':', want \"key: value\"\n"),
		R("a: 1\n...\nb: 2\n",
		  "3:1 text after the end of the document, want '---' before it\n", "{\"a\":1}\n"),
	};

	CHECK(cases);
}

TEST(characters_that_want_quotes_are_named)
{
	static const struct fault_case cases[] = {
		C("a: @x", "1:4 '@' cannot start a value, want quotes around a text that starts "
			   "with it\n"),
		C("a: *.example.com\n",
		  "1:4 a '*' starts an alias, want quotes around a text that starts with it\n"),
		C("a: *all\n",
		  "1:4 alias *all names no anchor; a text that starts with * wants quotes\n"),
		C("a: \"\\q\"\n", "1:5 this escape is not known, want \\\\ for a backslash, or "
				  "single quotes\n"),
		C("a: \"\\ud83d\"\n",
		  "1:7 an escape that names no character (half of a pair, or too "
		  "large), want the character itself\n"),
		C("a: |x\n  b\n",
		  "1:5 this cannot stand after the '|' or '>', want the text on the next line\n"),
	};

	CHECK(cases);
}

TEST(what_is_left_out_of_yaml_is_refused)
{
	static const struct fault_case cases[] = {
		C("? [a]\n: 1\n? {b: 1}\n: 2\n",
		  "1:3 a list as a key, want a string\n3:3 a map as a key, want a string\n"),
		C("a: &x [1]\n*x : 2\n", "2:1 a list as a key, want a string\n"),
		C("<<: {a: 1}\n\"<<\": 1\n",
		  "1:1 merge keys (<<) are not taken, want the fields written out\n"),
		C("a: !foo x\nb: !!int x\nc: !!binary eA==\nd: !!seq {}\n",
		  "1:4 tag \"!foo\" is not known, want none\n2:4 tag !!int wants a number here\n"
		  "3:4 tag \"!!binary\" is not known, want none\n"
		  "4:4 tag !!seq on a map\n"),
		C("a: &x [*x]\n", "1:8 alias *x stands inside what it names\n"),
		R("%TAG ! x\n---\na: 1\n---\nb: 1\n",
		  "1:1 a %TAG directive, want none: only the core tags are known\n",
		  "{\"a\":1}\n{\"b\":1}\n"),
		R("%YAML 1.3\n---\na: 1\n", "1:1 want YAML 1.1 or 1.2\n", "{\"a\":1}\n"),
	};

	CHECK(cases);
}

TEST(a_key_that_stands_twice_is_refused)
{
	static const struct fault_case cases[] = {
		C("a: 1\nb: {c: 1, c: 2}\na: 2\na: 3\n",
		  "2:11 key \"c\" stands twice, first in line 2\n"
		  "3:1 key \"a\" stands twice, first in line 1\n"
		  "4:1 key \"a\" stands twice, first in line 1\n"),
		C("{a: 0, b: 0, c: 0, d: 0, e: 0, f: 0, g: 0, h: 0, i: 0, j: 0, k: 0, l: 0, m: 0,\n"
		  "n: 0, o: 0, p: 0, q: 0, r: 0, q: 1, a: 1}\n",
		  "2:31 key \"q\" stands twice, first in line 2\n"
		  "2:37 key \"a\" stands twice, first in line 1\n"),
	};

	CHECK(cases);
}

TEST(bytes_that_are_no_text_are_refused)
{
	static const struct fault_case cases[] = {
		R("a: b\0c\n---\nd: 1\n---\ne: \xff\n---\nf: 3\n",
		  "1:5 a NUL byte, want text\n5:4 a byte that is not UTF-8, want the text in "
		  "UTF-8\n",
		  "{\"d\":1}\n{\"f\":3}\n"),
		C("a: \"x\\0y\"\n\"\\0\": 1\n", "1:4 a NUL byte (\\0) in a text, want none\n"
						"2:1 a NUL byte (\\0) in a text, want none\n"),
		C("a: \xc3\xa4\xed\xa0\x80",
		  "1:5 a byte that is not UTF-8, want the text in UTF-8\n"),
		C("a: \xc0\x80", "1:4 a byte that is not UTF-8, want the text in UTF-8\n"),
		C("a: \xf0\x9f\x98", "1:4 a byte that is not UTF-8, want the text in UTF-8\n"),
		C("\xff\xfe"
		  "a\0",
		  "1:1 the text is UTF-16, want UTF-8\n"),
		C("a: \x1b[m",
		  "1:4 a control character, want it as an escape (\"\\x1b\") in double "
		  "quotes\n"),
	};

	CHECK(cases);
}

TEST(reading_goes_on_at_the_next_document)
{
	static const struct fault_case cases[] = {
		R("a: 'x\n---\nb: 2\n--- # three\nc: [1\n---\nd: 1\nd: 2\n---\n- e\n--- "
		  "@\n---\nf\n",
		  "1:4 the quotes are not closed before the end of the document\n"
		  "6:1 want ',' or ']' to go on with the list; it starts in line 5\n"
		  "8:1 key \"d\" stands twice, first in line 7\n"
		  "11:5 '@' cannot start a value, want quotes around a text that starts with it\n",
		  "{\"b\":2}\n[\"e\"]\n\"f\"\n"),
	};

	CHECK(cases);
}

TEST(long_names_are_shortened_in_messages)
{
	char text[400] = "a: *", *end = text + 4;
	struct reading r;

	memset(end, 'n', 300);
	r = read_text(text, strlen(text));
	CU_ASSERT(strlen(r.faults) < 160);
	CU_ASSERT_EQUAL(r.nr_faults, 1);
	reading_free(&r);
}

// SPDX-License-Identifier: GPL-2.0
/* What the YAML reader takes, and what it says to what it does not take. */
#include <errno.h>
#include "tree_yaml.h"

#define T(text) text, sizeof(text) - 1

static void check_json(const char *text, size_t length, const char *want)
{
	struct reading r = read_text(text, length);

	CU_ASSERT_EQUAL(r.err, 0);
	CU_ASSERT_STRING_EQUAL(r.json, want);
	CU_ASSERT_STRING_EQUAL(r.faults, "");
	if (strcmp(r.json, want) != 0 || *r.faults)
		fprintf(stderr, "%s\ngot %s%s\n", text, r.json, r.faults);
	reading_free(&r);
}

TEST(documents_of_a_stream_come_in_order_without_the_empty_ones)
{
	check_json(T("a: 1\n---\n---\n# nothing\n---\n[x]\n...\n---\n\"\"\n"),
		   "{\"a\":1}\n[\"x\"]\n\"\"\n");
	check_json(T(""), "");
	check_json(T("# only this"), "");
	check_json(T("\xef\xbb\xbf"
		     "a: b\r\nc: d\r\n"),
		   "{\"a\":\"b\",\"c\":\"d\"}\n");
	check_json(T("%YAML 1.2\n---\na: b"), "{\"a\":\"b\"}\n");
}

TEST(plain_scalars_resolve_by_the_core_schema)
{
	check_json(T("[null, Null, ~, nUll]"), "[null,null,null,\"nUll\"]\n");
	check_json(T("a:\nb: ~\n"), "{\"a\":null,\"b\":null}\n");
	check_json(T("[true, False, TRUE, yes, on, n]"),
		   "[true,false,true,\"yes\",\"on\",\"n\"]\n");
	check_json(T("[1, -0, +7, 007, 0o17, 0x1F, 0x, 1_000]"),
		   "[1,-0,7,7,15,31,\"0x\",\"1_000\"]\n");
	check_json(T("[1.5, .5, 1., 1e3, -.5E-1, 1e, ., 1.2.3]"),
		   "[1.5,0.5,1,1e3,-0.05,\"1e\",\".\",\"1.2.3\"]\n");
	check_json(T("[.inf, -.Inf, .NaN, +.nan, 10s, \"1\", '1', !!str 1, !!int \"1\"]"),
		   "[\".inf\",\"-.Inf\",\".NaN\",\"+.nan\",\"10s\",\"1\",\"1\",\"1\",1]\n");
}

TEST(json_is_yaml)
{
	check_json(T("{\"a\":{\"b\":[1,2.5,null,true,\"x\\n\\u00e4\\/\"]},\n\t\"c\":{}}"),
		   "{\"a\":{\"b\":[1,2.5,null,true,\"x\\n\xc3\xa4/\"]},\"c\":{}}\n");
}

TEST(aliases_are_copies)
{
	check_json(T("a: &x {k: [1, 2]}\nb: *x\nc: [*x]\nd: &y z\n*y : e"),
		   "{\"a\":{\"k\":[1,2]},\"b\":{\"k\":[1,2]},\"c\":[{\"k\":[1,2]}],"
		   "\"d\":\"z\",\"z\":\"e\"}\n");
	check_json(T("a: &x 1\nb: &x 2\nc: *x"), "{\"a\":1,\"b\":2,\"c\":2}\n");
}

static void check_place(const struct place *place, unsigned line, unsigned column)
{
	CU_ASSERT_EQUAL(place->line, line);
	CU_ASSERT_EQUAL(place->column, column);
	CU_ASSERT_STRING_EQUAL(place->file, "f");
}

static int check_places(struct node *root, void *arg)
{
	const struct node *b = node_get(root, "b"), *c = node_get(b, "c");

	(*(int *)arg)++;
	check_place(&root->place, 3, 1);
	check_place(&b->key_place, 4, 1);
	check_place(&b->place, 5, 3);
	check_place(&c->key_place, 5, 4);
	check_place(&c->place, 5, 9);
	check_place(&c->next->key_place, 5, 12);
	check_place(&c->next->next->place, 5, 21);
	CU_ASSERT_STRING_EQUAL(node_text(b, "c"), "x");
	CU_ASSERT_PTR_NULL(node_text(root, "b"));
	CU_ASSERT_PTR_NULL(node_get(NULL, "b"));
	return 0;
}

/* Columns are code points, lines end with \n only, whatever the YAML library takes for a break. */
TEST(values_and_keys_know_their_place)
{
	static const char text[] = "---\r\n\r\na: \"\xc3\xa4\xc2\x85\"\nb:\n"
				   "  {c:   x, \xe4\xb8\xad\xe4\xb8\xad: 1,d: 2}\n";
	struct diags d = {0};
	int nr = 0;

	CU_ASSERT_EQUAL(yaml_read("f", T(text), &d, check_places, &nr), 0);
	CU_ASSERT_EQUAL(nr, 1);
	diags_free(&d);
}

static int stop_at_two(struct node *root, void *arg)
{
	(void)root;
	return ++*(int *)arg == 2 ? -ECANCELED : 0;
}

TEST(the_callers_result_ends_the_reading)
{
	struct diags d = {0};
	int nr = 0;

	CU_ASSERT_EQUAL(yaml_read("f", T("a\n---\nb\n---\nc\n---\n]"), &d, stop_at_two, &nr),
			-ECANCELED);
	CU_ASSERT_EQUAL(nr, 2);
	CU_ASSERT_EQUAL(d.nr_errors, 0);
	diags_free(&d);
}

TEST(a_mistake_shows_its_line)
{
	static const char text[] = "a: 1\nb: @x\n";
	struct diags d = {0};
	char *shown = NULL;
	size_t size;
	FILE *out = open_memstream(&shown, &size);
	int nr = 0;

	CU_ASSERT_EQUAL(yaml_read("-", T(text), &d, stop_at_two, &nr), -EINVAL);
	diags_print(&d, out);
	fclose(out);
	CU_ASSERT_STRING_EQUAL(shown, "<stdin>:2:4: error: '@' cannot start a value, want quotes "
				      "around a text that starts with it\n  b: @x\n     ^\n");
	free(shown);
	diags_free(&d);
}

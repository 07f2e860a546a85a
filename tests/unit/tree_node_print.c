// SPDX-License-Identifier: GPL-2.0
/* Printing trees, reading them back, comparing them. */
#include "tree_yaml.h"

static char *print(const struct node *n, void (*how)(const struct node *n, FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	how(n, out);
	fclose(out);
	return text;
}

static int equal_to(struct node *root, void *arg)
{
	CU_ASSERT_TRUE(node_equal(root, arg));
	return 0;
}

static void check_string(const char *s, bool as_key)
{
	struct arena *a = arena_new();
	struct node *n = node_new(a, NODE_STRING, s), *map = node_new(a, NODE_MAP, NULL);
	struct diags d = {0};
	char *text;

	node_append(map, as_key ? s : "k", n, a);
	node_append(map, "list", node_new(a, NODE_LIST, NULL), a);
	node_append(map->child->next, NULL, node_new(a, NODE_STRING, s), a);
	text = print(map, node_print_yaml);
	CU_ASSERT_EQUAL(yaml_read("f", text, strlen(text), &d, equal_to, map), 0);
	if (d.nr_errors)
		fputs(text, stderr);
	free(text);
	text = print(n, node_print_yaml);
	CU_ASSERT_EQUAL(yaml_read("f", text, strlen(text), &d, equal_to, n), 0);
	free(text);
	diags_free(&d);
	arena_free(a);
}

TEST(any_string_survives_printing)
{
	static const char *const strings[] = {
		"",
		" ",
		"a",
		"a b",
		" a",
		"a ",
		"null",
		"~",
		"true",
		"1",
		"0x1f",
		".inf",
		"-",
		"- a",
		"a: b",
		"a:",
		"a #b",
		"#",
		"*",
		"*.x.io",
		"&a",
		"!a",
		"%a",
		"@a",
		"`",
		"|",
		">",
		"[",
		"{}",
		"'",
		"\"",
		"\\",
		"---",
		"... a",
		"? a",
		"<<",
		"=",
		"a\nb",
		"a\n",
		"\n",
		"a\n\n",
		"\na",
		" a\nb",
		"a\n b",
		"a\n \n",
		"a\n\tb",
		"\ta\nb",
		"a\rb",
		"a\r\n",
		"\x1b[m\n",
		"\xc2\x85",
		"\xe2\x80\xa8",
		"\xef\xbb\xbf",
		"\xc3\xa4\nb",
		"10s",
		"yes",
		"1:30",
		"2001-01-01",
		"a,b",
		"/v1",
		"\x7f",
		"\xf0\x9f\x98\x80",
	};

	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		check_string(strings[i], false);
		check_string(strings[i], true);
	}
}

TEST(a_long_key_survives_printing)
{
	char key[3000];

	memset(key, 'k', sizeof(key) - 1);
	key[sizeof(key) - 1] = '\0';
	check_string(key, true);
	key[7] = '"';
	check_string(key, true);
}

static int check_yaml(struct node *root, void *want)
{
	char *text = print(root, node_print_yaml);

	CU_ASSERT_STRING_EQUAL(text, want);
	if (strcmp(text, want) != 0)
		fputs(text, stderr);
	free(text);
	return 0;
}

TEST(yaml_is_printed_in_block_style)
{
	static const char text[] = "{kind: VirtualService, spec: {hosts: [\"*.x.io\", a], http: "
				   "[{route: [{weight: 0x10}, []]}, [[1], {}], {timeout: 10s}]}, "
				   "empty: , on: \"1\", \"no\": \"a\\nb\\n\", t: 10.0.0.1}";
	static char want[] = "kind: VirtualService\n"
			     "spec:\n"
			     "  hosts:\n"
			     "  - \"*.x.io\"\n"
			     "  - a\n"
			     "  http:\n"
			     "  - route:\n"
			     "    - weight: 0x10\n"
			     "    - []\n"
			     "  - - - 1\n"
			     "    - {}\n"
			     "  - timeout: 10s\n"
			     "empty: null\n"
			     "\"on\": \"1\"\n"
			     "\"no\": |\n"
			     "  a\n"
			     "  b\n"
			     "t: \"10.0.0.1\"\n";
	struct diags d = {0};

	CU_ASSERT_EQUAL(yaml_read("f", text, sizeof(text) - 1, &d, check_yaml, want), 0);
	diags_free(&d);
}

struct kept {
	struct arena *arena;
	struct node *root;
};

static int keep_root(struct node *root, void *arg)
{
	struct kept *kept = arg;

	kept->root = node_copy(kept->arena, root);
	return 0;
}

static struct node *keep(struct arena *arena, const char *text)
{
	struct kept kept = {arena, NULL};
	struct diags d = {0};

	CU_ASSERT_EQUAL(yaml_read("f", text, strlen(text), &d, keep_root, &kept), 0);
	diags_free(&d);
	return kept.root;
}

TEST(equality_counts_values_and_order_only)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} cases[] = {
		{"{a: 1, b: [x]}", "a:   1\nb:\n- 'x'\n", true},
		{"{a: 1, b: 2}", "{b: 2, a: 1}", false},
		{"[1]", "[1, 2]", false},
		{"[16, 0x10, 0o20]", "[0x10, 16.0, 1.6e1]", true},
		{"[1]", "['1']", false},
		{"[true, ~, .nan]", "[True, null, .NaN]", true},
		{"[true]", "[false]", false},
		{"[9007199254740993]", "[9007199254740992]", false},
		{"{}", "[]", false},
		{"{a: 1}", "{b: 1}", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct arena *arena = arena_new();
		struct node *first = keep(arena, cases[i].a), *second = keep(arena, cases[i].b);

		CU_ASSERT_EQUAL(node_equal(first, second), cases[i].equal);
		CU_ASSERT_EQUAL(node_equal(second, first), cases[i].equal);
		arena_free(arena);
	}
	CU_ASSERT_TRUE(node_equal(NULL, NULL));
}

TEST(a_copy_is_equal_and_stands_alone)
{
	struct arena *a = arena_new(), *b = arena_new();
	struct node *map = node_new(a, NODE_MAP, NULL), *copy;
	char *json;

	node_append(map, "x", node_new(a, NODE_NUMBER, "1"), a);
	node_append(map, "y", node_new(a, NODE_LIST, NULL), a);
	node_append(node_get(map, "y"), NULL, node_new(a, NODE_BOOL, "true"), a);
	copy = node_copy(b, map);
	CU_ASSERT_TRUE(node_equal(map, copy));
	arena_free(a);
	json = print(copy, node_print_json);
	CU_ASSERT_STRING_EQUAL(json, "{\"x\":1,\"y\":[true]}");
	free(json);
	arena_free(b);
}

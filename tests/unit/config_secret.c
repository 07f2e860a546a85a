// SPDX-License-Identifier: GPL-2.0
/* Secret: what its base64 holds, and which base64 is refused. */
#include "config_read.h"

#define SECRET "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"

static const struct secret_item *item(const struct config_read *r, const char *key)
{
	const struct secret *s = &r->objects[0]->secret;

	for (size_t i = 0; i < s->nr_items; i++)
		if (!strcmp(s->items[i].key, key))
			return &s->items[i];
	return NULL;
}

static bool holds(const struct config_read *r, const char *key, const char *value, size_t length)
{
	const struct secret_item *i = item(r, key);

	return i && i->length == length && !memcmp(i->value, value, length);
}

TEST(secret_holds_any_bytes)
{
	struct config_read r = config_read(SECRET "type: kubernetes.io/tls\n"
						  "data:\n"
						  "  one: YQ==\n"
						  "  two: YWI=\n"
						  "  three: YWJj\n"
						  "  four: AAD//w==\n"
						  "  lines: |\n"
						  "    YWJj\n"
						  "    ZGVm\n"
						  "  empty: ''\n"
						  "  unset: null\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->secret.type, "kubernetes.io/tls");
	CU_ASSERT_EQUAL(r.objects[0]->secret.nr_items, 7);
	CU_ASSERT(holds(&r, "one", "a", 1));
	CU_ASSERT(holds(&r, "two", "ab", 2));
	CU_ASSERT(holds(&r, "three", "abc", 3));
	CU_ASSERT(holds(&r, "four", "\0\0\xff\xff", 4));
	CU_ASSERT(holds(&r, "lines", "abcdef", 6));
	CU_ASSERT(holds(&r, "empty", "", 0));
	CU_ASSERT(holds(&r, "unset", "", 0));
	config_read_free(&r);
}

TEST(string_data_wins_over_data)
{
	struct config_read r = config_read(SECRET "data: {a: YQ==, b: Yg==}\n"
						  "stringData: {b: plain, c: text}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->secret.nr_items, 3);
	CU_ASSERT(holds(&r, "a", "a", 1));
	CU_ASSERT(holds(&r, "b", "plain", 5));
	CU_ASSERT(holds(&r, "c", "text", 4));
	config_read_free(&r);
}

TEST(bad_base64_is_refused_without_showing_it)
{
	static const char *const bad[] = {"a",	  "ab",	   "abc",   "a===",  "====", "ab=c",
					  "abcd=", "ab-_", "ab cd", "=abc", "YQ==YQ==", "\\0abc"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[256];
		struct config_read r;

		snprintf(text, sizeof(text), SECRET "data: {tls.key: \"%s\"}\n", bad[i]);
		r = config_read(text);
		CU_ASSERT_EQUAL(r.nr, 0);
		CU_ASSERT_EQUAL_FATAL(r.diags.list.nr, 1);
		CU_ASSERT_PTR_NULL(strstr(r.diags.list.at[0].text, bad[i][1] ? bad[i] : "\""));
		config_read_free(&r);
	}
}

TEST(secret_has_a_bound)
{
	size_t length = (1u << 20) + 1;
	char *text = malloc(length + 256);
	struct config_read r;
	int n = sprintf(text, SECRET "stringData: {a: ");

	memset(text + n, 'x', length);
	strcpy(text + n + length, "}\n");
	r = config_read(text);
	CU_ASSERT_EQUAL(r.nr, 0);
	CU_ASSERT_STRING_EQUAL(only_diag(&r),
			       "Secret/default/a: holds 1048577 bytes, want at most 1048576");
	config_read_free(&r);
	free(text);
}

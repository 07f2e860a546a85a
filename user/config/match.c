// SPDX-License-Identifier: GPL-2.0
/* String matches: exact, prefix or regular expression. */
#include <string.h>
#include "config/checks.h"
#include "http/regex.h"

#define REGEX_MAX 1024

void check_regex(struct decoder *d, const struct node *n, void *into)
{
	const char *fault;

	(void)into;
	if (n->length > REGEX_MAX) {
		decode_error(d, n, "the regular expression has %zu characters, want at most %d",
			     n->length, REGEX_MAX);
		return;
	}
	if (!n->length) {
		decode_error(d, n, "the regular expression is empty");
		return;
	}
	fault = regex_check(n->text);
	if (fault)
		decode_error(d, n, "the regular expression has %s, want RE2 syntax", fault);
}

/* Of withoutHeaders "*" says "any value": no expression, but how people write it. */
static void check_any_or_regex(struct decoder *d, const struct node *n, void *into)
{
	if (strcmp(n->text, "*"))
		check_regex(d, n, into);
}

/* What the map says; one that says nothing is `empty`. */
static void match_set(struct decoder *d, const struct node *n, enum match_how empty,
		      struct string_match *out)
{
	static const struct {
		const char *key;
		enum match_how how;
	} ways[] = {{"exact", MATCH_EXACT}, {"prefix", MATCH_PREFIX}, {"regex", MATCH_REGEX}};

	out->how = empty;
	out->text = "";
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		const struct node *text = node_get(n, ways[i].key);

		if (!text || text->type != NODE_STRING)
			continue;
		out->how = ways[i].how;
		out->text = arena_strndup(d->arena, text->text, text->length);
	}
}

static void check_one(struct decoder *d, const struct node *n)
{
	static const char *const ways[] = {"exact", "prefix", "regex", NULL};

	check_one_of(d, n, ways);
}

static void check_match(struct decoder *d, const struct node *n, void *into)
{
	check_one(d, n);
	if (into)
		match_set(d, n, MATCH_UNSET, into);
}

static const struct field uri_fields[] = {
	{"exact"},
	{"prefix"},
	{"regex", .check = check_regex},
	{0},
};
const struct message uri_match = {uri_fields, .check = check_match};

static const struct field string_fields[] = {
	{"exact"},
	{"prefix", .flags = FIELD_NOT_EMPTY},
	{"regex", .check = check_regex},
	{0},
};
const struct message string_match = {string_fields, .check = check_match};

static void check_header(struct decoder *d, const struct node *n, void *into)
{
	struct named_match *m = into;

	check_one(d, n);
	if (m)
		match_set(d, n, MATCH_PRESENT, &m->value);
}
const struct message header_match = {string_fields, .check = check_header};

static const struct field without_fields[] = {
	{"exact"},
	{"prefix", .flags = FIELD_NOT_EMPTY},
	{"regex", .check = check_any_or_regex},
	{0},
};

static void check_without(struct decoder *d, const struct node *n, void *into)
{
	struct named_match *m = into;

	check_one(d, n);
	if (!m)
		return;
	match_set(d, n, MATCH_ABSENT, &m->value);
	if (m->value.how == MATCH_REGEX && !strcmp(m->value.text, "*"))
		m->value = (struct string_match){MATCH_ABSENT, ""};
}
const struct message without_header_match = {without_fields, .check = check_without};

// SPDX-License-Identifier: GPL-2.0
/* String matches: exact, prefix or regular expression; and what RE2 will not take. */
#include <string.h>
#include "config/checks.h"

#define REGEX_MAX 1024

/* What stands wrong in a group's opening: RE2 has no look-around. NULL when it is fine. */
static const char *group_fault(const char *open)
{
	if (open[1] != '?')
		return NULL;
	if (open[2] == '=' || open[2] == '!')
		return "look-ahead";
	if (open[2] == '<' && (open[3] == '=' || open[3] == '!'))
		return "look-behind";
	return open[2] == '>' ? "an atomic group" : NULL;
}

/* The last character of the class that opens at s, or NULL when it does not close. */
static const char *class_end(const char *s)
{
	s++;
	s += *s == '^';
	/* A closing bracket in front stands for itself. */
	s += *s == ']';
	for (; *s && *s != ']'; s++) {
		if (*s == '\\' && s[1])
			s++;
		else if (*s == '[' && s[1] == ':' && strstr(s, ":]"))
			s = strstr(s, ":]") + 1;
	}
	return *s ? s : NULL;
}

/* A fault in words, NULL when the scan finds none. */
static const char *regex_fault(const char *s)
{
	bool atom = false; /* something stands there that can be repeated */
	unsigned depth = 0;
	const char *fault;

	for (; *s; s++) {
		if (*s == '\\') {
			s++;
			if (!*s)
				return "a backslash at the end";
			if (*s >= '1' && *s <= '9')
				return "a back-reference";
		} else if (*s == '[') {
			s = class_end(s);
			if (!s)
				return "an open [";
		} else if (*s == '(') {
			fault = group_fault(s);
			if (fault)
				return fault;
			depth++;
			s += s[1] == '?';
			atom = false;
			continue;
		} else if (*s == ')') {
			if (!depth--)
				return "a ) without (";
		} else if (strchr("*+?", *s)) {
			if (!atom)
				return "a repetition of nothing";
		} else if (*s == '|') {
			atom = false;
			continue;
		}
		atom = true;
	}
	return depth ? "an open (" : NULL;
}

void check_regex(struct decoder *d, const struct node *n, void *into)
{
	const char *fault = regex_fault(n->text);

	(void)into;
	if (n->length > REGEX_MAX)
		decode_error(d, n, "the regular expression has %zu characters, want at most %d",
			     n->length, REGEX_MAX);
	else if (!n->length)
		decode_error(d, n, "the regular expression is empty");
	else if (fault)
		decode_error(d, n, "the regular expression has %s, want RE2 syntax", fault);
}

static void check_absent_or_regex(struct decoder *d, const struct node *n, void *into)
{
	if (strcmp(n->text, "*"))
		check_regex(d, n, into);
}

static void check_one(struct decoder *d, const struct node *n, void *into)
{
	static const char *const ways[] = {"exact", "prefix", "regex", NULL};

	(void)into;
	check_one_of(d, n, ways);
}

static const struct field uri_fields[] = {
	{"exact"},
	{"prefix"},
	{"regex", .check = check_regex},
	{0},
};
const struct message uri_match = {uri_fields, .check = check_one};

static const struct field string_fields[] = {
	{"exact"},
	{"prefix", .flags = FIELD_NOT_EMPTY},
	{"regex", .check = check_regex},
	{0},
};
const struct message string_match = {string_fields, .check = check_one};

static const struct field without_fields[] = {
	{"exact"},
	{"prefix", .flags = FIELD_NOT_EMPTY},
	{"regex", .check = check_absent_or_regex},
	{0},
};
const struct message without_header_match = {without_fields, .check = check_one};

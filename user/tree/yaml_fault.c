// SPDX-License-Identifier: GPL-2.0
/* Says the YAML library's errors in words of what is wrong and what is wanted. */
#include <string.h>
#include "tree/yaml_build.h"

/* The place to show: where the fault was seen, or where the faulty thing starts. */
enum show { SEEN, START, SEEN_AND_START };

struct message {
	const char *problem; /* of the library */
	const char *context; /* NULL: any */
	enum show show;
	const char *text;
};

static const struct message messages[] = {
	{"mapping values are not allowed in this context", NULL, SEEN,
	 "a ':' that ends no key here, want a key indented as its neighbours, or quotes around a "
	 "value that has ': '"},
	{"could not find expected ':'", "while scanning a simple key", START,
	 "no ':' after this key, want \"key: value\""},
	{"found unexpected end of stream", "while scanning a quoted scalar", START,
	 "the quotes are not closed"},
	{"found unexpected document indicator", "while scanning a quoted scalar", START,
	 "the quotes are not closed before the end of the document"},
	{"found unknown escape character", NULL, SEEN,
	 "this escape is not known, want \\\\ for a backslash, or single quotes"},
	{"did not find expected hexdecimal number", NULL, SEEN,
	 "too few hexadecimal digits in an escape"},
	{"found invalid Unicode character escape code", NULL, SEEN,
	 "an escape that names no character (half of a pair, or too large), want the character "
	 "itself"},
	{"found a tab character where an indentation space is expected", NULL, SEEN,
	 "a tab in the indentation, want spaces"},
	{"found a tab character that violates indentation", NULL, SEEN,
	 "a tab in the indentation, want spaces"},
	{"did not find expected alphabetic or numeric character", "while scanning an alias", START,
	 "a '*' starts an alias, want quotes around a text that starts with it"},
	{"did not find expected alphabetic or numeric character", "while scanning an anchor", START,
	 "a '&' starts an anchor, want quotes around a text that starts with it"},
	{"block sequence entries are not allowed in this context", NULL, SEEN,
	 "a '-' that starts no list entry here, want the list on lines of its own"},
	{"mapping keys are not allowed in this context", NULL, SEEN,
	 "a '?' or key that cannot stand here"},
	{"did not find expected key", "while parsing a block mapping", SEEN_AND_START,
	 "this does not go on with the map above it, want a key with the map's indentation"},
	{"did not find expected '-' indicator", NULL, SEEN_AND_START,
	 "this does not go on with the list above it, want a '-' with the list's indentation"},
	{"did not find expected ',' or ']'", NULL, SEEN_AND_START,
	 "want ',' or ']' to go on with the list"},
	{"did not find expected ',' or '}'", NULL, SEEN_AND_START,
	 "want ',' or '}' to go on with the map"},
	{"did not find expected node content", NULL, SEEN, "want a value here"},
	{"did not find expected <document start>", NULL, SEEN,
	 "text after the end of the document, want '---' before it"},
	{"found undefined tag handle", NULL, SEEN, "this tag is not known, want none"},
	{"found unknown directive name", NULL, START,
	 "this directive is not known, want '---' or quotes around a text that starts with '%'"},
	{"found incompatible YAML document", NULL, SEEN, "want YAML 1.1 or 1.2"},
	{"found duplicate %YAML directive", NULL, SEEN, "a second %YAML directive"},
	{"did not find expected comment or line break", NULL, SEEN,
	 "this cannot stand after the '|' or '>', want the text on the next line"},
	{"found unexpected ':'", NULL, SEEN, "a ':' in a text within [] or {}, want quotes"},
};

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static const struct message *find(const yaml_parser_t *parser)
{
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
		if (same(messages[i].problem, parser->problem) &&
		    (!messages[i].context || same(messages[i].context, parser->context)))
			return &messages[i];
	return NULL;
}

/* A character that starts no value: which one it is decides what helps. */
static void fault_at_character(struct build *b, const struct cursor *c)
{
	char found = c->byte < c->length ? c->text[c->byte] : '\0';

	if (found == '\t')
		build_fault(b, &c->place, "a tab in the indentation, want spaces");
	else
		build_fault(b, &c->place,
			    "'%c' cannot start a value, want quotes around a text that starts "
			    "with it",
			    found);
}

size_t yaml_fault(struct build *b, const yaml_parser_t *parser)
{
	struct cursor seen = b->now, start;
	const struct message *m = find(parser);

	if (parser->error == YAML_SCANNER_ERROR || parser->error == YAML_PARSER_ERROR)
		seen = build_find(b, parser->problem_mark.index);
	start = parser->context ? build_find(b, parser->context_mark.index) : seen;
	if (same(parser->problem, "found character that cannot start any token"))
		fault_at_character(b, &seen);
	else if (m && m->show == SEEN_AND_START && start.place.line < seen.place.line)
		build_fault(b, &seen.place, "%s; it starts in line %u", m->text, start.place.line);
	else if (m)
		build_fault(b, m->show == START ? &start.place : &seen.place, "%s", m->text);
	else
		build_fault(b, &seen.place, "not YAML: %s%s%s",
			    parser->context ? parser->context : "", parser->context ? ", " : "",
			    parser->problem ? parser->problem : "out of memory");
	return seen.byte;
}

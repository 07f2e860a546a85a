// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a regular expression with the grammar of RE2 and writes the one that means the same to
 * PCRE2. Everything that RE2 does not list is refused here, so PCRE2 never sees what only it knows.
 */
#include "http/regex_syntax.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "base/utf8.h"

bool regex_wrong(struct regex_scan *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->wrong, sizeof(s->wrong), format, args);
	va_end(args);
	return false;
}

void regex_put(struct regex_scan *s, const char *text)
{
	for (; *text; text++)
		vec_push(&s->out, *text);
}

void regex_put_rune(struct regex_scan *s, uint32_t rune)
{
	char text[16];

	if (rune < 0x80 && isalnum((int)rune))
		snprintf(text, sizeof(text), "%c", (int)rune);
	else if (rune < 0x80 && isgraph((int)rune))
		snprintf(text, sizeof(text), "\\%c", (int)rune);
	else
		snprintf(text, sizeof(text), "\\x{%x}", rune);
	s->utf8 |= rune >= 0x80;
	regex_put(s, text);
}

bool regex_rune(struct regex_scan *s, uint32_t *rune)
{
	size_t length = utf8_get(s->at, (size_t)(s->end - s->at), rune);

	if (!length)
		return regex_wrong(s, "bytes that are no UTF-8");
	s->at += length;
	return true;
}

/* Something that can be repeated has been put. */
static bool atom_put(struct regex_scan *s, uint32_t product)
{
	s->atom = true;
	s->repeated = false;
	s->product = product;
	if (s->groups.at[s->groups.nr - 1] < product)
		s->groups.at[s->groups.nr - 1] = product;
	return true;
}

static bool nothing_put(struct regex_scan *s)
{
	s->atom = s->repeated = false;
	return true;
}

/* RE2 repeats also what has no width; PCRE2 wants a group for that. */
static bool assertion_put(struct regex_scan *s, const char *text)
{
	regex_put(s, "(?:");
	regex_put(s, text);
	regex_put(s, ")");
	return atom_put(s, 1);
}

static bool starts(const char *at, const char *with)
{
	return !strncmp(at, with, strlen(with));
}

/* What PCRE2, Perl and others know behind "(" that RE2 does not; NULL: none of it. */
static const char *group_unknown(const char *at)
{
	static const struct {
		const char *text, *name;
	} kinds[] = {
		{"(*", "a verb"},
		{"(?=", "look-ahead"},
		{"(?!", "look-ahead"},
		{"(?<=", "look-behind"},
		{"(?<!", "look-behind"},
		{"(?>", "an atomic group"},
		{"(?|", "a branch reset"},
		{"(?(", "a conditional"},
		{"(?R", "recursion"},
		{"(?&", "a subroutine call"},
		{"(?P>", "a subroutine call"},
		{"(?C", "a callout"},
		{"(?P=", "a back-reference"},
		{"(?#", "a comment"},
		{"(?'", "a group name in quotes"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (starts(at, kinds[i].text))
			return kinds[i].name;
	if (!starts(at, "(?"))
		return NULL;
	at += 2 + (at[2] == '+' || at[2] == '-');
	return isdigit((unsigned char)*at) ? "a subroutine call" : NULL;
}

static bool group_push(struct regex_scan *s, const char *put)
{
	regex_put(s, put);
	vec_push(&s->groups, 1);
	return nothing_put(s);
}

/* "(?P<name>" and "(?<name>"; names count for nothing but that each is there once. */
static bool group_named(struct regex_scan *s)
{
	const char *name = strchr(s->at, '<') + 1;
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789_") +
			1;
	const char **other;

	if (length == 1 || name[length - 1] != '>')
		return regex_wrong(s, "a bad group name");
	vec_each(&s->names, other)
		if (!strncmp(*other, name, length))
			return regex_wrong(s, "two groups of one name");
	vec_push(&s->names, name);
	s->at = name + length;
	return group_push(s, "(");
}

/* "(?flags)" and "(?flags:", flags of "imsU", those after a dash switched off. */
static bool group_flags(struct regex_scan *s)
{
	const char *at = s->at + 2;
	char text[16] = "(?";
	size_t nr = 2;

	for (; *at && strchr("imsU-", *at) && nr < sizeof(text) - 2; at++) {
		if (*at == '-' && memchr(text, '-', nr))
			return regex_wrong(s, "a flag group with two dashes");
		text[nr++] = *at;
	}
	if (*at != ')' && *at != ':')
		return regex_wrong(s, *at ? "an unknown flag or group" : "an open (");
	if (text[nr - 1] == '-')
		return regex_wrong(s, "a dash without a flag");
	text[nr++] = *at;
	text[nr] = '\0';
	s->at = at + 1;
	if (*at == ':')
		return group_push(s, text);
	regex_put(s, text);
	return nothing_put(s);
}

static bool group_open(struct regex_scan *s)
{
	const char *unknown = group_unknown(s->at);

	if (unknown)
		return regex_wrong(s, "%s", unknown);
	if (starts(s->at, "(?P<") || starts(s->at, "(?<"))
		return group_named(s);
	if (starts(s->at, "(?"))
		return group_flags(s);
	s->at++;
	return group_push(s, "(");
}

static bool group_close(struct regex_scan *s)
{
	uint32_t product = s->groups.at[s->groups.nr - 1];

	if (s->groups.nr == 1)
		return regex_wrong(s, "a ) without (");
	s->groups.nr--;
	s->at++;
	regex_put(s, ")");
	return atom_put(s, product);
}

/* Digits without a zero before them; false: none. Past the bound it is one more than the bound. */
static bool count_take(const char **at, uint32_t *count)
{
	const char *from = *at;

	*count = 0;
	if (!isdigit((unsigned char)*from) || (from[0] == '0' && isdigit((unsigned char)from[1])))
		return false;
	for (; isdigit((unsigned char)**at); (*at)++)
		if (*count <= REGEX_REPEAT_MAX)
			*count = *count * 10 + (uint32_t)(**at - '0');
	return true;
}

/* "{n}", "{n,}" or "{n,m}"; anything else is a brace like any letter. */
static bool counts_take(const char **at, uint32_t *least, uint32_t *most)
{
	const char *from = *at + 1;

	if (!count_take(&from, least))
		return false;
	*most = *least;
	if (*from == ',') {
		from++;
		*most = 0;
		if (*from == '}')
			*most = UINT32_MAX;
		else if (!count_take(&from, most))
			return false;
	}
	if (*from != '}')
		return false;
	*at = from + 1;
	return true;
}

/* From s->at to `to`, with the "?" that makes it lazy. */
static bool repetition_put(struct regex_scan *s, const char *to)
{
	if (!s->atom)
		return regex_wrong(s, "a repetition of nothing");
	if (s->repeated)
		return regex_wrong(s, *s->at == '+' ? "a possessive repetition" :
						      "a repetition of a repetition");
	to += *to == '?';
	while (s->at < to)
		vec_push(&s->out, *s->at++);
	s->repeated = true;
	return true;
}

static bool brace(struct regex_scan *s)
{
	uint32_t least, most, times;
	const char *to = s->at;

	if (!counts_take(&to, &least, &most)) {
		s->at++;
		regex_put_rune(s, '{');
		return atom_put(s, 1);
	}
	times = most == UINT32_MAX ? least : most;
	if (times > REGEX_REPEAT_MAX || least > REGEX_REPEAT_MAX)
		return regex_wrong(s, "a repetition over %d", REGEX_REPEAT_MAX);
	if (least > most)
		return regex_wrong(s, "a repetition of more than its most");
	if (times && s->atom && s->product * times > REGEX_REPEAT_MAX)
		return regex_wrong(s, "nested repetitions over %d", REGEX_REPEAT_MAX);
	if (!repetition_put(s, to))
		return false;
	atom_put(s, s->product * (times ? times : 1));
	s->repeated = true;
	return true;
}

/* \Q...\E: every character is itself; the end of the text ends it too. */
static bool quoted(struct regex_scan *s)
{
	uint32_t rune;

	for (s->at += 2; s->at < s->end && !starts(s->at, "\\E");) {
		if (!regex_rune(s, &rune))
			return false;
		regex_put_rune(s, rune);
		atom_put(s, 1);
	}
	s->at += s->at < s->end ? 2 : 0;
	return true;
}

static bool escape(struct regex_scan *s)
{
	char c = s->at[1], text[3] = {'\\', c};
	uint32_t rune;

	if (c == 'Q')
		return quoted(s);
	s->at++;
	if (c == 'p' || c == 'P')
		return regex_property(s) && atom_put(s, 1);
	if (c && strchr("AzbB", c)) {
		s->at++;
		return assertion_put(s, text);
	}
	if (c && strchr("dDwWsS", c)) {
		s->at++;
		/* PCRE2's \s has the vertical tab too */
		regex_put(s, c == 's' ? "[\\t\\n\\f\\r ]" : c == 'S' ? "[^\\t\\n\\f\\r ]" : text);
		return atom_put(s, 1);
	}
	if (!regex_escaped_rune(s, &rune))
		return false;
	regex_put_rune(s, rune);
	return atom_put(s, 1);
}

static bool item(struct regex_scan *s)
{
	char c = *s->at, text[2] = {c};
	uint32_t rune;

	switch (c) {
	case '(':
		return group_open(s);
	case ')':
		return group_close(s);
	case '[':
		return regex_class(s) && atom_put(s, 1);
	case '\\':
		return escape(s);
	case '{':
		return brace(s);
	case '*':
	case '+':
	case '?':
		return repetition_put(s, s->at + 1);
	case '|':
		s->at++;
		regex_put(s, "|");
		return nothing_put(s);
	case '^':
	case '$':
		s->at++;
		return assertion_put(s, text);
	case '.':
		s->at++;
		regex_put(s, ".");
		return atom_put(s, 1);
	}
	if (!regex_rune(s, &rune))
		return false;
	regex_put_rune(s, rune);
	return atom_put(s, 1);
}

bool regex_scan(struct regex_scan *s, const char *text)
{
	*s = (struct regex_scan){.at = text, .end = text + strlen(text)};
	vec_push(&s->groups, 1);
	while (s->at < s->end)
		if (!item(s))
			return false;
	if (s->groups.nr > 1)
		return regex_wrong(s, "an open (");
	vec_push(&s->out, '\0');
	return true;
}

void regex_scan_free(struct regex_scan *s)
{
	vec_free(&s->out);
	vec_free(&s->groups);
	vec_free(&s->names);
}

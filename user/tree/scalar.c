// SPDX-License-Identifier: GPL-2.0
/* Resolution of plain scalars by the YAML 1.2 core schema. */
#include <stdlib.h>
#include <string.h>
#include "tree/scalar.h"

static bool one_of(const char *text, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && !memcmp(text, *words, length))
			return true;
	return false;
}

static size_t span(const char *text, const char *set)
{
	return strspn(text, set);
}

/* [0-9]+ (\.[0-9]*)? or \.[0-9]+, then an exponent; from after the sign to the end of text. */
static bool is_decimal(const char *s)
{
	size_t whole = span(s, "0123456789"), fraction = 0;

	s += whole;
	if (*s == '.') {
		fraction = span(s + 1, "0123456789");
		s += 1 + fraction;
	}
	if (!whole && !fraction)
		return false;
	if (*s == 'e' || *s == 'E') {
		s += s[1] == '+' || s[1] == '-' ? 2 : 1;
		if (!span(s, "0123456789"))
			return false;
		s += span(s, "0123456789");
	}
	return !*s;
}

static bool is_number(const char *s, size_t length)
{
	static const char *const infinite[] = {".inf", ".Inf", ".INF", NULL};
	static const char *const nan[] = {".nan", ".NaN", ".NAN", NULL};

	if (length > 2 && s[0] == '0' && s[1] == 'o')
		return !s[2 + span(s + 2, "01234567")];
	if (length > 2 && s[0] == '0' && s[1] == 'x')
		return !s[2 + span(s + 2, "0123456789abcdefABCDEF")];
	if (one_of(s, length, nan))
		return true;
	if (*s == '+' || *s == '-') {
		s++;
		length--;
	}
	return one_of(s, length, infinite) || is_decimal(s);
}

enum node_type scalar_resolve(const char *text, size_t length)
{
	static const char *const null[] = {"null", "Null", "NULL", "~", NULL};
	static const char *const boolean[] = {"true",  "True",	"TRUE", "false",
					      "False", "FALSE", NULL};

	if (!length)
		return NODE_NULL;
	/* Most texts are told by their first character. */
	if (!strchr("nN~tTfF+-.0123456789", text[0]))
		return NODE_STRING;
	if (one_of(text, length, null))
		return NODE_NULL;
	if (one_of(text, length, boolean))
		return NODE_BOOL;
	return is_number(text, length) ? NODE_NUMBER : NODE_STRING;
}

/* Digits of a base that is a power of two, as the C library's own would round them. */
static long double number_of_base(const char *digits, int base)
{
	long double n = 0;

	for (; *digits; digits++) {
		int d = *digits <= '9' ? *digits - '0' : (*digits | 0x20) - 'a' + 10;

		n = n * base + d;
	}
	return n;
}

long double scalar_number(const char *text)
{
	const char *s = text + (*text == '+' || *text == '-');

	if (text[0] == '0' && text[1] == 'o')
		return number_of_base(text + 2, 8);
	if (text[0] == '0' && text[1] == 'x')
		return number_of_base(text + 2, 16);
	if (s[0] == '.' && (s[1] | 0x20) == 'i')
		return *text == '-' ? -__builtin_infl() : __builtin_infl();
	if (s[0] == '.' && (s[1] | 0x20) == 'n')
		return __builtin_nanl("");
	return strtold(text, NULL);
}

// SPDX-License-Identifier: GPL-2.0
/* Escapes and classes of a regular expression: what stands for one character. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "http/regex_syntax.h"

#define RUNE_MAX 0x10ffff

/* "\x7F" and "\x{10FFFF}", after the x. */
static bool hexadecimal(struct regex_scan *s, uint32_t *rune)
{
	bool braced = *s->at == '{';
	const char *from = s->at + braced, *at = from;

	for (*rune = 0; isxdigit((unsigned char)*at) && (braced || at < from + 2); at++) {
		*rune = *rune * 16 +
			(uint32_t)(isdigit((unsigned char)*at) ? *at - '0' : (*at | 32) - 'a' + 10);
		if (*rune > RUNE_MAX)
			return regex_wrong(s, "a character past \\x{10FFFF}");
	}
	if (braced ? at == from || *at != '}' : at != from + 2)
		return regex_wrong(s, "a bad \\x, which is \\x7F or \\x{10FFFF}");
	s->at = at + braced;
	return true;
}

/* "\0", "\12", "\123"; one digit other than 0 refers back. */
static bool octal(struct regex_scan *s, uint32_t *rune)
{
	const char *from = s->at;

	if (*from != '0' && (*from > '7' || from[1] < '0' || from[1] > '7'))
		return regex_wrong(s, "a back-reference");
	for (*rune = 0; s->at < from + 3 && *s->at >= '0' && *s->at <= '7'; s->at++)
		*rune = *rune * 8 + (uint32_t)(*s->at - '0');
	return true;
}

bool regex_escaped_rune(struct regex_scan *s, uint32_t *rune)
{
	static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
	unsigned char c = (unsigned char)*s->at;
	const char *letter = c ? strchr(letters, c) : NULL;

	if (!c)
		return regex_wrong(s, "a backslash at the end");
	if (isdigit(c))
		return octal(s, rune);
	s->at++;
	if (c == 'x')
		return hexadecimal(s, rune);
	if (c == 'k' || c == 'g')
		return regex_wrong(s, "a back-reference \\%c", c);
	*rune = letter ? (uint32_t)values[letter - letters] : c;
	if (letter || (c < 0x80 && !isalnum(c)))
		return true;
	return c < 0x80 ? regex_wrong(s, "the escape \\%c", c) :
			  regex_wrong(s, "a backslash before a character that is not ASCII");
}

/* Categories by name; every other name is a script's, which PCRE2 knows. */
static bool is_category(const char *name, size_t length)
{
	static const char *const names[] = {
		"Any", "C",  "Cc", "Cf", "Co", "Cs", "L",  "Ll", "Lm", "Lo", "Lt", "Lu", "M",
		"Mc",  "Me", "Mn", "N",	 "Nd", "Nl", "No", "P",	 "Pc", "Pd", "Pe", "Pf", "Pi",
		"Po",  "Ps", "S",  "Sc", "Sk", "Sm", "So", "Z",	 "Zl", "Zp", "Zs"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == length && !strncmp(names[i], name, length))
			return true;
	return false;
}

/* PCRE2 also takes other spellings and short forms of scripts, which RE2 does not. */
static bool is_script(const char *name, size_t length)
{
	static const char fours[] = "Ahom Cham Kawi Lisu Miao Modi Newa Thai Toto ";
	char word[8] = "";

	for (size_t i = 0; i < length; i++)
		if (!isalpha((unsigned char)name[i]) && name[i] != '_')
			return false;
	if (length == 4) {
		snprintf(word, sizeof(word), "%.4s ", name);
		return strstr(fours, word);
	}
	return length > 1 && isupper((unsigned char)name[0]) && islower((unsigned char)name[1]);
}

bool regex_property(struct regex_scan *s)
{
	bool negated = *s->at++ == 'P', braced = *s->at == '{';
	const char *name = s->at + braced, *end = braced ? strchr(name, '}') : name + 1;
	char text[64];
	size_t length;

	if (braced && *name == '^') {
		negated = !negated;
		name++;
	}
	if (!end || !*name)
		return regex_wrong(s, "a \\p without a name");
	length = (size_t)(end - name);
	if (length > 40 || (!is_category(name, length) && !is_script(name, length)))
		return regex_wrong(s, "an unknown \\p class");
	snprintf(text, sizeof(text), "\\%c{%s%.*s}", negated ? 'P' : 'p',
		 is_category(name, length) ? "" : "sc:", (int)length, name);
	regex_put(s, text);
	s->utf8 = true;
	s->at = end + braced;
	return true;
}

/* "[:alpha:]" and "[:^alpha:]"; *is: it is one, or is meant as one. */
static bool named_class(struct regex_scan *s, bool *is)
{
	static const char names[] = "alnum alpha ascii blank cntrl digit graph lower print punct "
				    "space upper word xdigit ";
	const char *end = strstr(s->at + 2, ":]"), *name = s->at + 2;
	char word[16] = "";
	int length;

	*is = end;
	if (!end)
		return true;
	name += *name == '^';
	length = (int)(end - name);
	if (length > 0 && length < 8)
		snprintf(word, sizeof(word), "%.*s ", length, name);
	if (!*word || !strstr(names, word) || strchr(word, ' ') != word + length)
		return regex_wrong(s, "an unknown [: :] class");
	while (s->at < end + 2)
		vec_push(&s->out, *s->at++);
	return true;
}

static bool class_rune(struct regex_scan *s, uint32_t *rune)
{
	if (s->at >= s->end)
		return regex_wrong(s, "an open [");
	if (*s->at != '\\')
		return regex_rune(s, rune);
	s->at++;
	return regex_escaped_rune(s, rune);
}

/* One character, or "a-z". */
static bool class_range(struct regex_scan *s)
{
	uint32_t from, to;

	if (!class_rune(s, &from))
		return false;
	to = from;
	if (s->at[0] == '-' && s->at[1] && s->at[1] != ']') {
		s->at++;
		if (!class_rune(s, &to))
			return false;
	}
	if (to < from)
		return regex_wrong(s, "a range that ends before it begins");
	regex_put_rune(s, from);
	if (to != from) {
		regex_put(s, "-");
		regex_put_rune(s, to);
	}
	return true;
}

static bool class_escape(struct regex_scan *s)
{
	char c = s->at[1], text[3] = {'\\', c};

	if (c == 'p' || c == 'P') {
		s->at++;
		return regex_property(s);
	}
	s->at += 2;
	/* PCRE2's \s has the vertical tab too */
	regex_put(s, c == 's' ? "\\t\\n\\f\\r\\ " : c == 'S' ? "[:^space:]\\x{b}" : text);
	return true;
}

bool regex_class(struct regex_scan *s)
{
	bool first = true, good = true, named = false;

	s->at++;
	regex_put(s, *s->at == '^' ? "[^" : "[");
	s->at += *s->at == '^';
	for (; good && (*s->at != ']' || first); first = false) {
		if (s->at >= s->end)
			return regex_wrong(s, "an open [");
		named = false;
		if (s->at[0] == '[' && s->at[1] == ':')
			good = named_class(s, &named);
		if (!good || named)
			continue;
		if (s->at[0] == '\\' && s->at[1] && strchr("dDwWsSpP", s->at[1]))
			good = class_escape(s);
		else
			good = class_range(s);
	}
	if (!good)
		return false;
	s->at++;
	regex_put(s, "]");
	return true;
}

// SPDX-License-Identifier: GPL-2.0
/* Printing of trees as one line of JSON. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "tree/node.h"
#include "tree/scalar.h"

/* A character that JSON wants written in another way. */
static bool is_special(unsigned char c)
{
	return c == '"' || c == '\\' || c < 0x20 || c == 0x7f;
}

static void print_special(unsigned char c, FILE *out)
{
	if (c == '"' || c == '\\')
		fprintf(out, "\\%c", c);
	else if (c == '\n')
		fputs("\\n", out);
	else if (c == '\t')
		fputs("\\t", out);
	else
		fprintf(out, "\\u%04x", c);
}

/* The stream is the caller's alone, so nothing here takes its lock: this runs for every byte. */
static void print_string(const char *s, FILE *out)
{
	const char *plain = s;

	putc_unlocked('"', out);
	for (;; s++) {
		if (*s && !is_special((unsigned char)*s))
			continue;
		fwrite_unlocked(plain, 1, (size_t)(s - plain), out);
		if (!*s)
			break;
		print_special((unsigned char)*s, out);
		plain = s + 1;
	}
	putc_unlocked('"', out);
}

static size_t digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* YAML has more spellings than JSON: +1, .5, 1., 007, 0x1f, .inf */
static bool is_json_number(const char *s)
{
	size_t n;

	s += *s == '-';
	n = digits(s);
	if (!n || (*s == '0' && n > 1))
		return false;
	s += n;
	if (*s == '.') {
		if (!digits(s + 1))
			return false;
		s += 1 + digits(s + 1);
	}
	return !*s || *s == 'e' || *s == 'E';
}

static void print_number(const char *text, FILE *out)
{
	long double n;

	if (is_json_number(text)) {
		fputs(text, out);
		return;
	}
	n = scalar_number(text);
	if (isinf(n) || isnan(n)) /* JSON has no such number */
		print_string(text, out);
	else if (n == floorl(n) && fabsl(n) < 0x1p63L)
		fprintf(out, "%" PRId64, (int64_t)n);
	else
		fprintf(out, "%.17Lg", n);
}

void node_print_json(const struct node *n, FILE *out)
{
	const struct node *it;

	switch (n->type) {
	case NODE_NULL:
		fputs("null", out);
		return;
	case NODE_BOOL:
		fputs((n->text[0] | 0x20) == 't' ? "true" : "false", out);
		return;
	case NODE_NUMBER:
		print_number(n->text, out);
		return;
	case NODE_STRING:
		print_string(n->text, out);
		return;
	case NODE_LIST:
	case NODE_MAP:
		break;
	}
	putc_unlocked(n->type == NODE_MAP ? '{' : '[', out);
	node_each (n, it) {
		if (it != n->child)
			putc_unlocked(',', out);
		if (n->type == NODE_MAP) {
			print_string(it->key, out);
			putc_unlocked(':', out);
		}
		node_print_json(it, out);
	}
	putc_unlocked(n->type == NODE_MAP ? '}' : ']', out);
}

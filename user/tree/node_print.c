// SPDX-License-Identifier: GPL-2.0
/* Printing of trees as YAML in block style, the way kubectl writes it. */
#include <string.h>
#include "base/utf8.h"
#include "tree/node.h"
#include "tree/scalar.h"

/* The YAML library reads "key:" only when it is shorter than 1,024 characters, escapes included. */
#define SIMPLE_KEY_MAX 100

static bool is_printable(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0x2028) || (c > 0x2029 && c < 0xd800) ||
	       (c >= 0xe000 && c < 0xfffe && c != 0xfeff) || c >= 0x10000;
}

static bool all_printable(const char *s, size_t n)
{
	while (n) {
		uint32_t c;
		size_t used = utf8_get(s, n, &c);

		if (!used || !(is_printable(c) || c == '\n'))
			return false;
		s += used;
		n -= used;
	}
	return true;
}

/* Older YAML takes these for booleans, numbers, base 60 or dates; quotes serve its readers too. */
static bool other_in_yaml_1_1(const char *s)
{
	static const char *const words[] = {"y", "n", "yes", "no", "on", "off"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcasecmp(s, words[i]))
			return true;
	return strchr("0123456789.+-", s[0]) && !s[strspn(s, "0123456789abcdefABCDEF_xo:.,+-TZ")];
}

/* Can stand without quotes, as a key and as a value. */
static bool is_plain(const char *s, size_t n)
{
	unsigned char first = (unsigned char)s[0], last;

	if (!n || strchr(s, '\n') || !all_printable(s, n))
		return false;
	last = (unsigned char)s[n - 1];
	if (first < 0x80 && !memchr("_/(^$", first, 5) && !(first >= '0' && first <= '9') &&
	    !((first | 0x20) >= 'a' && (first | 0x20) <= 'z'))
		return false;
	if (last == ' ' || last == ':' || strstr(s, ": ") || strstr(s, " #"))
		return false;
	return scalar_resolve(s, n) == NODE_STRING && !other_in_yaml_1_1(s);
}

static void print_quoted(const char *s, size_t n, FILE *out)
{
	fputc('"', out);
	while (n) {
		uint32_t c = 0;
		size_t used = utf8_get(s, n, &c);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (is_printable(c))
			fwrite(s, 1, used, out);
		else
			fprintf(out, c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
		used = used ? used : 1;
		s += used;
		n -= used;
	}
	fputc('"', out);
}

/* Several lines whose indentation and end a block scalar keeps without further marks. */
static bool fits_block(const char *s, size_t n)
{
	const char *newline = memchr(s, '\n', n);

	if (!newline || s[0] == ' ' || s[0] == '\n' || !all_printable(s, n))
		return false;
	return n < 2 || s[n - 1] != '\n' || s[n - 2] != '\n';
}

static void print_block(const char *s, size_t n, unsigned indent, FILE *out)
{
	const char *end = s + n;

	fputs(s[n - 1] == '\n' ? "|\n" : "|-\n", out);
	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		const char *stop = newline ? newline : end;

		if (stop > s)
			fprintf(out, "%*s", (int)indent, "");
		fwrite(s, 1, (size_t)(stop - s), out);
		fputc('\n', out);
		s = stop + 1;
	}
}

/* Up to and with the end of the line. */
static void print_scalar(const struct node *n, unsigned indent, FILE *out)
{
	if (n->type == NODE_NULL)
		fputs("null", out);
	else if (n->type == NODE_STRING && fits_block(n->text, n->length)) {
		print_block(n->text, n->length, indent, out);
		return;
	} else if (n->type == NODE_STRING && !is_plain(n->text, n->length))
		print_quoted(n->text, n->length, out);
	else
		fputs(n->text, out);
	fputc('\n', out);
}

static void print_key(const char *key, FILE *out)
{
	size_t n = strlen(key);
	bool simple = n <= SIMPLE_KEY_MAX;

	if (!simple)
		fputs("? ", out);
	if (is_plain(key, n))
		fputs(key, out);
	else
		print_quoted(key, n, out);
	fputs(simple ? ":" : "\n", out);
}

static void print_node(const struct node *n, unsigned indent, bool begun, FILE *out);

static void print_list(const struct node *list, unsigned indent, bool begun, FILE *out)
{
	const struct node *it;

	node_each (list, it) {
		fprintf(out, "%*s- ", begun ? 0 : (int)indent, "");
		print_node(it, indent + 2, true, out);
		begun = false;
	}
}

static void print_map(const struct node *map, unsigned indent, bool begun, FILE *out)
{
	const struct node *it;

	node_each (map, it) {
		fprintf(out, "%*s", begun ? 0 : (int)indent, "");
		begun = false;
		print_key(it->key, out);
		if (strlen(it->key) > SIMPLE_KEY_MAX)
			fprintf(out, "%*s:", (int)indent, "");
		if (!it->child) {
			fputc(' ', out);
			print_node(it, indent + 2, true, out);
			continue;
		}
		fputc('\n', out);
		print_node(it, it->type == NODE_LIST ? indent : indent + 2, false, out);
	}
}

/* `begun`: the line already has what stands before the node. */
static void print_node(const struct node *n, unsigned indent, bool begun, FILE *out)
{
	if (n->type == NODE_MAP && n->nr)
		print_map(n, indent, begun, out);
	else if (n->type == NODE_LIST && n->nr)
		print_list(n, indent, begun, out);
	else if (n->type == NODE_MAP || n->type == NODE_LIST)
		fputs(n->type == NODE_MAP ? "{}\n" : "[]\n", out);
	else
		print_scalar(n, indent, out);
}

void node_print_yaml(const struct node *n, FILE *out)
{
	print_node(n, n->child ? 0 : 2, false, out);
}

// SPDX-License-Identifier: GPL-2.0
/* Walks over the text of a YAML stream, each in linear time. */
#include <string.h>
#include "base/utf8.h"
#include "tree/yaml_text.h"

/* Over the code point at the cursor; a byte that starts none counts as one. */
static void step(struct cursor *c)
{
	unsigned char first = (unsigned char)c->text[c->byte];
	uint32_t code;
	size_t used = 1;

	if (first >= 0x80) {
		used = utf8_get(c->text + c->byte, c->length - c->byte, &code);
		used = used ? used : 1;
	}
	c->byte += used;
	c->index++;
	c->place.column++;
	if (first == '\n') {
		c->place.line++;
		c->place.column = 1;
	}
}

void cursor_to_byte(struct cursor *c, size_t byte)
{
	while (c->byte < byte && c->byte < c->length)
		step(c);
}

void cursor_to_index(struct cursor *c, size_t index)
{
	while (c->index < index && c->byte < c->length)
		step(c);
}

static bool is_document_line(const char *text, size_t length, size_t at)
{
	if (length - at < 3 || memcmp(text + at, "---", 3) != 0)
		return false;
	return length - at == 3 || memchr(" \t\r\n", text[at + 3], 4);
}

size_t text_document_after(const char *text, size_t length, size_t from)
{
	size_t at = from;

	while (at < length) {
		const char *newline;

		if ((!at || text[at - 1] == '\n') && is_document_line(text, length, at))
			return at;
		newline = memchr(text + at, '\n', length - at);
		if (!newline)
			break;
		at = (size_t)(newline - text) + 1;
	}
	return length;
}

size_t text_document_before(const char *text, size_t length, size_t floor, size_t at)
{
	while (at > floor) {
		const char *newline = memrchr(text + floor, '\n', at - floor);

		if (!newline)
			break;
		at = (size_t)(newline - text) + 1;
		if (is_document_line(text, length, at))
			return at;
		at--;
	}
	return floor;
}

static const char *why_bad(uint32_t c)
{
	if (!c)
		return "a NUL byte, want text";
	if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') ||
	    (c >= 0x7f && c < 0xa0 && c != 0x85))
		return "a control character, want it as an escape (\"\\x1b\") in double quotes";
	if (c == 0xfffe || c == 0xffff)
		return "a code point that is no character";
	return NULL;
}

static const char *why_no_utf8(const char *text, size_t length, size_t at)
{
	if (!at && length > 1 && (!memcmp(text, "\xff\xfe", 2) || !memcmp(text, "\xfe\xff", 2)))
		return "the text is UTF-16, want UTF-8";
	return "a byte that is not UTF-8, want the text in UTF-8";
}

/* A tag directive; the YAML library's time over many of them is quadratic, and tags are refused. */
static bool is_tag_directive(const char *text, size_t length, size_t at)
{
	return (!at || text[at - 1] == '\n') && length - at >= 4 && !memcmp(text + at, "%TAG", 4);
}

struct bad_byte text_find_bad(const char *text, size_t length, size_t from)
{
	for (size_t at = from, used; at < length; at += used) {
		unsigned char first = (unsigned char)text[at];
		const char *why;
		uint32_t c;

		used = 1;
		if (first >= 0x20 && first < 0x7f && first != '%')
			continue;
		used = utf8_get(text + at, length - at, &c);
		why = used ? why_bad(c) : why_no_utf8(text, length, at);
		if (first == '%' && is_tag_directive(text, length, at))
			why = "a %TAG directive, want none: only the core tags are known";
		if (why)
			return (struct bad_byte){at, why};
	}
	return (struct bad_byte){length, NULL};
}

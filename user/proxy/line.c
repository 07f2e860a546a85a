// SPDX-License-Identifier: GPL-2.0
/* Numbers, addresses and foreign text for a line of the access log. */
#include "proxy/line.h"
#include <string.h>

#define ESCAPE_MOST 6 /* bytes that one byte becomes: \u0001 */

static void put(struct line *l, const char *text, size_t length)
{
	memcpy(l->at, text, length);
	l->at += length;
}

void line_text(struct line *l, const char *text)
{
	put(l, text, strlen(text));
}

void line_number(struct line *l, uint64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + n % 10);
	while (n /= 10);
	put(l, digits + at, sizeof(digits) - at);
}

void line_padded(struct line *l, uint64_t n, unsigned digits)
{
	for (unsigned i = digits; i-- > 0; n /= 10)
		l->at[i] = (char)('0' + n % 10);
	l->at += digits;
}

void line_address(struct line *l, const struct inet *a, unsigned port)
{
	char text[INET_TEXT + 8];

	if (!inet_is_v4(a)) {
		line_text(l, inet_print_port(a, port, text));
		return;
	}
	for (int i = 12; i < 16; i++) {
		line_number(l, a->byte[i]);
		*l->at++ = i < 15 ? '.' : ':';
	}
	line_number(l, port);
}

/* How many of the bytes are one character above ASCII; 0: they are no UTF-8 (RFC 3629, 4). */
static size_t utf8_length(const unsigned char *b, size_t left)
{
	size_t length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	unsigned char least = b[0] == 0xe0 ? 0xa0 : b[0] == 0xf0 ? 0x90 : b[0] == 0xc2 ? 0xa0 : 0x80;
	unsigned char most = b[0] == 0xed ? 0x9f : b[0] == 0xf4 ? 0x8f : 0xbf;

	/* U+0080 to U+009F are controls, so their first byte c2 wants a0 at least */
	if (b[0] < 0xc2 || b[0] > 0xf4 || length > left || b[1] < least || b[1] > most)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void escape(struct line *l, unsigned char b)
{
	static const char hex[] = "0123456789abcdef";
	const char byte[] = {hex[b >> 4], hex[b & 15]};

	if (b == '"' || b == '\\') {
		*l->at++ = '\\';
		*l->at++ = (char)b;
	} else if (!l->json) {
		put(l, "\\x", 2);
		put(l, byte, 2);
	} else if (b < 0x80) {
		put(l, "\\u00", 4);
		put(l, byte, 2);
	} else {
		put(l, "\xef\xbf\xbd", 3);
	}
}

void line_escaped(struct line *l, struct http_text text, size_t most)
{
	const unsigned char *b = (const unsigned char *)text.at, *end = b + text.length;
	const char *last = l->at + most - ESCAPE_MOST;

	while (b < end && l->at <= last) {
		size_t length = 1;

		if (*b >= 0x80)
			length = utf8_length(b, (size_t)(end - b));
		else if (*b < ' ' || *b == 0x7f || *b == '"' || *b == '\\')
			length = 0;
		if (length)
			put(l, (const char *)b, length);
		else
			escape(l, *b);
		b += length ? length : 1;
	}
}

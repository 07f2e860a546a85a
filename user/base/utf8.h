/* SPDX-License-Identifier: GPL-2.0 */
/* UTF-8, one code point at a time. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

/*
 * Reads the code point at s, at most n bytes; returns its bytes, 0 when n is 0 or when the bytes
 * are no UTF-8 (too long forms, surrogates, past U+10FFFF, cut off).
 */
static inline size_t utf8_get(const char *s, size_t n, uint32_t *out)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)s;
	size_t length;
	uint32_t c;

	if (!n)
		return 0;
	if (b[0] < 0x80) {
		*out = b[0];
		return 1;
	}
	length = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || length > n)
		return 0;
	c = b[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (b[i] & 0x3fu);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*out = c;
	return length;
}

#endif

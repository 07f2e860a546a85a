/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers as text, for what is written with each request: printf takes ten times as long. */
#ifndef PROXY_DIGITS_H
#define PROXY_DIGITS_H

#include <stddef.h>
#include <stdint.h>

#define DIGITS_DECIMAL_MOST 20

/* The number of digits. */
static inline size_t digits_decimal(char out[DIGITS_DECIMAL_MOST], uint64_t value)
{
	size_t length = 1;

	for (uint64_t rest = value; rest >= 10; rest /= 10)
		length++;
	for (size_t i = length; i--; value /= 10)
		out[i] = (char)('0' + value % 10);
	return length;
}

/* The lowest digits of the value, so many of them. */
static inline void digits_hex(char *out, uint64_t value, size_t length)
{
	for (size_t i = length; i--; value >>= 4)
		out[i] = "0123456789abcdef"[value & 15];
}

#endif

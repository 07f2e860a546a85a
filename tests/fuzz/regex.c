// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes regular expressions: the first line is one, the rest a text. What passes the check can be
 * compiled and matched within bounds, and what does not cannot.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "http/regex.h"

#define REGEX_MAX 1024 /* what a decoder takes */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const char *regex, const char *text, size_t length)
{
	struct regex *r = regex_new(regex);
	enum regex_result result;

	if (!r)
		abort();
	regex_match(r, text, length);
	free(regex_replace(r, text, length, "\\0-\\1", &result));
	regex_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, '\n', size);
	size_t length = end ? (size_t)(end - data) : size;
	char *regex;

	if (length > REGEX_MAX)
		return -1;
	regex = strndup((const char *)data, length);
	if (!regex_check(regex))
		use(regex, (const char *)data + length, size - length);
	free(regex);
	return 0;
}

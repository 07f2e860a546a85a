// SPDX-License-Identifier: GPL-2.0
/* Cuts names to their room so that two of them stay two. */
#include "datapath/name.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define HASH_TEXT 18 /* "#", 16 digits, NUL */

const char *name_put(char *out, size_t size, const char *text)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	memset(out, 0, size);
	snprintf(out, size, "%s", text);
	if (strlen(text) < size)
		return out;
	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 0x100000001b3ULL;
	snprintf(out + size - HASH_TEXT, HASH_TEXT, "#%016llx", (unsigned long long)h);
	return out;
}

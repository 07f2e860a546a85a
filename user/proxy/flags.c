// SPDX-License-Identifier: GPL-2.0
/* The names of the flags. */
#include "proxy/flags.h"
#include <stddef.h>
#include <stdio.h>

const char *flag_name(enum flag_at at)
{
	static const char *const names[] = {
#define FLAG_NAME(name, text) #name,
		SHUNT_FLAGS(FLAG_NAME)
#undef FLAG_NAME
	};

	return names[at];
}

const char *flags_print(unsigned flags, char text[FLAGS_TEXT])
{
	size_t length = 0;

	text[0] = '-';
	text[1] = '\0';
	for (unsigned i = 0; i < NR_FLAGS; i++)
		if (flags >> i & 1)
			length += (size_t)snprintf(text + length, FLAGS_TEXT - length, "%s%s",
						   length ? "," : "", flag_name(i));
	return text;
}

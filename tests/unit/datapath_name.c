// SPDX-License-Identifier: GPL-2.0
/* Names in the kernel's records stay two where they are two. */
#include <string.h>
#include "datapath/name.h"
#include "unit.h"

TEST(what_fits_is_kept_and_the_rest_is_zero)
{
	char out[32];

	memset(out, 'x', sizeof(out));
	CU_ASSERT_STRING_EQUAL(name_put(out, sizeof(out), "reviews"), "reviews");
	for (size_t i = 7; i < sizeof(out); i++)
		CU_ASSERT(!out[i]);
	CU_ASSERT_STRING_EQUAL(name_put(out, sizeof(out), "1234567890123456789012345678901"),
			       "1234567890123456789012345678901");
}

TEST(long_names_that_begin_alike_differ)
{
	const char *a = "VirtualService/default/reviews spec.http[100]";
	const char *b = "VirtualService/default/reviews spec.http[101]";
	char x[32], y[32];

	name_put(x, sizeof(x), a);
	name_put(y, sizeof(y), b);
	CU_ASSERT(strcmp(x, y) != 0);
	CU_ASSERT(!strncmp(x, a, 14) && x[14] == '#' && strlen(x) == 31);
	CU_ASSERT_STRING_EQUAL(name_put(y, sizeof(y), a), x);
}

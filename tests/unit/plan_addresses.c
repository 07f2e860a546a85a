// SPDX-License-Identifier: GPL-2.0
/* Allocated addresses: stable, distinct, and refused when there are none left. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/plan.h"
#include "unit.h"

TEST(a_host_keeps_its_addresses_over_print_and_read)
{
	struct addresses *a = addresses_new(), *b = addresses_new();
	struct inet v4[2], v6[2];
	char text[INET_TEXT], *lines;

	CU_ASSERT_EQUAL(addresses_of(a, "one.example", &v4[0], &v6[0]), 0);
	CU_ASSERT(addresses_changed(a));
	CU_ASSERT_FALSE(addresses_changed(a));
	CU_ASSERT_EQUAL(strncmp(inet_print(&v4[0], text), "240.240.", 8), 0);
	CU_ASSERT_EQUAL(strncmp(inet_print(&v6[0], text), "2001:2::", 8), 0);
	lines = addresses_print(a);
	CU_ASSERT_EQUAL(addresses_read(b, lines), 0);
	CU_ASSERT_EQUAL(addresses_of(b, "one.example", &v4[1], &v6[1]), 0);
	CU_ASSERT(inet_equal(&v4[0], &v4[1]));
	CU_ASSERT(inet_equal(&v6[0], &v6[1]));
	free(lines);
	addresses_free(a);
	addresses_free(b);
}

TEST(every_number_is_given_once_and_then_none)
{
	struct addresses *a = addresses_new();
	uint8_t *seen = xcalloc(65536, 1);
	struct inet v4, v6;
	unsigned twice = 0;
	char host[32];

	for (int i = 0; i < 65534; i++) {
		snprintf(host, sizeof(host), "h%d", i);
		if (addresses_of(a, host, &v4, &v6))
			break;
		twice += seen[v4.byte[14] << 8 | v4.byte[15]]++;
		twice += memcmp(&v4.byte[14], &v6.byte[14], 2) != 0;
	}
	CU_ASSERT_EQUAL(twice, 0);
	CU_ASSERT_EQUAL(seen[0] + seen[65535], 0);
	CU_ASSERT_EQUAL(addresses_of(a, "one.more", &v4, &v6), -ENOSPC);
	CU_ASSERT_EQUAL(addresses_of(a, "h7", &v4, &v6), 0);
	free(seen);
	addresses_free(a);
}

TEST(bad_lines_are_refused)
{
	static const char *const bad[] = {"a", "a 0", "a 65535", "a x", "a 1 2", "a 1\nb 1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct addresses *a = addresses_new();

		CU_ASSERT_EQUAL(addresses_read(a, bad[i]), -EINVAL);
		addresses_free(a);
	}
}

TEST(a_bad_line_costs_only_its_own_host)
{
	struct addresses *a = addresses_new();
	char text[400] = "a 1\nbad\nc 3\n", want[sizeof(text)] = "a 1\nc 3\n", *lines;

	/* longer than a DNS name: a Service's name, namespace and the cluster's suffix */
	memset(text + strlen(text), 'x', 335);
	memset(want + strlen(want), 'x', 335);
	strcat(text, " 4\n");
	strcat(want, " 4\n");
	CU_ASSERT_EQUAL(addresses_read(a, text), -EINVAL);
	lines = addresses_print(a);
	CU_ASSERT_STRING_EQUAL(lines, want);
	free(lines);
	addresses_free(a);
}

// SPDX-License-Identifier: GPL-2.0
/* Addresses: what parses, how it prints, what a prefix keeps. */
#include "base/inet.h"
#include "unit.h"

TEST(addresses_print_in_canonical_form)
{
	static const struct {
		const char *text, *want, *with_port;
		bool v4, loopback;
	} cases[] = {
		{"10.0.0.1", "10.0.0.1", "10.0.0.1:80", true, false},
		{"127.9.0.1", "127.9.0.1", "127.9.0.1:80", true, true},
		{"::ffff:1.2.3.4", "1.2.3.4", "1.2.3.4:80", true, false},
		{"::1", "::1", "[::1]:80", false, true},
		{"2001:DB8:0::1", "2001:db8::1", "[2001:db8::1]:80", false, false},
		{"::", "::", "[::]:80", false, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[INET_TEXT], with_port[INET_TEXT + 8];
		struct inet a;

		CU_ASSERT_FATAL(inet_parse(cases[i].text, &a));
		CU_ASSERT_STRING_EQUAL(inet_print(&a, out), cases[i].want);
		CU_ASSERT_STRING_EQUAL(inet_print_port(&a, 80, with_port), cases[i].with_port);
		CU_ASSERT_EQUAL(inet_is_v4(&a), cases[i].v4);
		CU_ASSERT_EQUAL(inet_is_loopback(&a), cases[i].loopback);
	}
}

TEST(what_is_no_address_is_refused)
{
	static const char *const bad[] = {"",		"10.0.0",  "10.0.0.256", "10.0.0.01",
					  " 10.0.0.1",	"1::2::3", "[::1]",	 "fe80::1%eth0",
					  "10.0.0.0/8", "host"};
	struct inet a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(inet_parse(bad[i], &a));
}

TEST(host_bits_of_a_prefix_are_cleared)
{
	static const struct {
		const char *text, *want;
		unsigned prefix;
	} cases[] = {
		{"10.1.2.3/8", "10.0.0.0", 8},
		{"10.1.2.3/12", "10.0.0.0", 12},
		{"10.31.2.3/12", "10.16.0.0", 12},
		{"10.1.2.3", "10.1.2.3", 32},
		{"1.2.3.4/0", "0.0.0.0", 0},
		{"2001:db8:ffff::1/33", "2001:db8:8000::", 33},
		{"2001:db8::1", "2001:db8::1", 128},
		{"::1/0", "::", 0},
		{"::ffff:1.2.3.4", "1.2.3.4", 32},
		{"::ffff:1.2.3.4/104", "1.0.0.0", 8},
		{"::ffff:1.2.3.4/95", "::fffe:0:0", 95},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[INET_TEXT];
		unsigned prefix;
		struct inet a;

		CU_ASSERT_FATAL(inet_parse_cidr(cases[i].text, &a, &prefix));
		CU_ASSERT_STRING_EQUAL(inet_print(&a, out), cases[i].want);
		CU_ASSERT_EQUAL(prefix, cases[i].prefix);
	}
}

TEST(bad_prefixes_are_refused)
{
	static const char *const bad[] = {"10.0.0.0/33", "::/129",	"10.0.0.0/",
					  "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8",
					  "/8",		 "10.0.0.0/-1"};
	unsigned prefix;
	struct inet a;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_FALSE(inet_parse_cidr(bad[i], &a, &prefix));
}

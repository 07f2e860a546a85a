// SPDX-License-Identifier: GPL-2.0
/* Lexical rules, durations and guesses. */
#include <errno.h>
#include "config/decode.h"
#include "config/names.h"
#include "config/protocol.h"
#include "config_read.h"

TEST(hosts_follow_the_rules_of_names)
{
	static const char *const good[] = {"a",	    "A-b.c",  "a.b.",  "*",
					   "*.a.b", "*foo.a", "*-x.a", "*a", "1", "1.a"};
	static const char *const bad[] = {"",	"-a",  "a-", "a..b", ".a",  "a.1", "a b",
					  "*.", "a.*", "**", "*.1",  "a_b", "*-.a", "1.2"};

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CU_ASSERT(name_is_wild(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT(!name_is_wild(bad[i]));
	CU_ASSERT(!name_is_fqdn("*.a"));
	CU_ASSERT(name_is_fqdn("a.b"));
	CU_ASSERT(!name_is_fqdn("1"));
}

TEST(wildcard_covers_what_ends_like_it)
{
	CU_ASSERT(name_covers("*.foo.com", "a.foo.com"));
	CU_ASSERT(!name_covers("*.foo.com", "foo.com"));
	CU_ASSERT(name_covers("*foo.com", "foo.com"));
	CU_ASSERT(name_covers("*", "*.x"));
	CU_ASSERT(!name_covers("a.b", "*.b"));
	CU_ASSERT(name_covers("A.b", "a.B"));
}

TEST(durations_are_of_the_go_form)
{
	static const struct {
		const char *text;
		int64_t ns;
	} good[] = {{"1.5s", 1500000000},
		    {"1h30m", 5400000000000},
		    {"250ms", 250000000},
		    {"0", 0},
		    {"0s", 0},
		    {".5s", 500000000},
		    {"1us", 1000},
		    {"3m2s1ms", 182001000000}};
	static const char *const bad[] = {"",	  "1",	  "s",	    "1 s", "1d",
					  "1e3s", "--1s", "1.2.3s", "infs"};
	int64_t ns;

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		CU_ASSERT_EQUAL(duration_parse(good[i].text, &ns), 0);
		CU_ASSERT_EQUAL(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CU_ASSERT_EQUAL(duration_parse(bad[i], &ns), -EINVAL);
}

TEST(slip_of_the_pen_is_recognised)
{
	CU_ASSERT_STRING_EQUAL(nearest("wieght", NULL, "weight"), "weight");
	CU_ASSERT_STRING_EQUAL(nearest("traffic_policy", NULL, "trafficPolicy"), "trafficPolicy");
	CU_ASSERT_PTR_NULL(nearest("colour", NULL, "weight"));
	CU_ASSERT_STRING_EQUAL(nearest("hosts", nearest("hosts", NULL, "host"), "hosts"), "hosts");
}

TEST(port_name_says_the_protocol)
{
	CU_ASSERT_EQUAL(protocol_of_port(NULL, "http-web", 80), PROTOCOL_HTTP);
	CU_ASSERT_EQUAL(protocol_of_port(NULL, "httpx", 80), PROTOCOL_AUTO);
	CU_ASSERT_EQUAL(protocol_of_port(NULL, "GRPC-web-x", 80), PROTOCOL_GRPC);
	CU_ASSERT_EQUAL(protocol_of_port("kubernetes.io/h2c", "tcp", 80), PROTOCOL_HTTP2);
	CU_ASSERT_EQUAL(protocol_of_port(NULL, "", 3306), PROTOCOL_TCP);
	CU_ASSERT_EQUAL(protocol_of_port(NULL, NULL, 80), PROTOCOL_AUTO);
	CU_ASSERT_STRING_EQUAL(protocol_name(PROTOCOL_HTTP2), "http2");
	CU_ASSERT(protocol_is_http(PROTOCOL_GRPC) && !protocol_is_http(PROTOCOL_HTTPS));
}

// SPDX-License-Identifier: GPL-2.0
/* What clients send stands in a line of the access log as text, and nowhere ends it. */
#include <string.h>
#include "proxy/line.h"
#include "unit.h"

static char room[8192];

static const char *escaped(const char *text, size_t length, size_t most, bool json)
{
	struct line l = {room, json};

	line_escaped(&l, (struct http_text){text, length}, most);
	*l.at = '\0';
	return room;
}

#define TEXT(bytes) escaped(bytes, sizeof(bytes) - 1, 1000, false)
#define JSON(bytes) escaped(bytes, sizeof(bytes) - 1, 1000, true)

TEST(control_characters_quotes_and_backslashes_are_escaped)
{
	CU_ASSERT_STRING_EQUAL(TEXT("a\"b\\c\n\r\t\x7f\0d"),
			       "a\\\"b\\\\c\\x0a\\x0d\\x09\\x7f\\x00d");
	CU_ASSERT_STRING_EQUAL(JSON("a\"b\\c\n\x1b[0m\0d"),
			       "a\\\"b\\\\c\\u000a\\u001b[0m\\u0000d");
}

TEST(characters_of_utf8_pass_as_they_are)
{
	static const char all[] = "\xc2\xa0\xc3\xa9\xe0\xa0\x80\xe2\x82\xac\xed\x9f\xbf\xef\xbf\xbd"
				  "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";

	CU_ASSERT_STRING_EQUAL(TEXT(all), all);
	CU_ASSERT_STRING_EQUAL(JSON(all), all);
}

TEST(bytes_that_are_no_utf8_do_not_pass)
{
	static const struct {
		const char *desc, *bytes, *text, *json;
	} cases[] = {
		{"alone", "\xff", "\\xff", "\xef\xbf\xbd"},
		{"cut short", "\xe2\x82", "\\xe2\\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"longer than need be", "\xc0\xaf", "\\xc0\\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"a surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80",
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"above the last", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
		 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"a control of Latin 1", "\xc2\x9b", "\\xc2\\x9b", "\xef\xbf\xbd\xef\xbf\xbd"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = strlen(cases[i].bytes);

		CU_ASSERT_STRING_EQUAL(escaped(cases[i].bytes, length, 99, false), cases[i].text);
		CU_ASSERT_STRING_EQUAL(escaped(cases[i].bytes, length, 99, true), cases[i].json);
	}
}

TEST(a_field_takes_no_more_than_its_room)
{
	char text[1024];

	for (int b = 0; b < 256; b++) {
		memset(text, b, sizeof(text));
		for (size_t most = 6; most < 40; most++) {
			CU_ASSERT(strlen(escaped(text, sizeof(text), most, false)) <= most);
			CU_ASSERT(strlen(escaped(text, sizeof(text), most, true)) <= most);
		}
	}
}

TEST(numbers_and_addresses)
{
	struct line l = {room, false};
	struct inet v4, v6;

	CU_ASSERT(inet_parse("10.0.200.7", &v4) && inet_parse("fd00::1", &v6));
	line_number(&l, 0);
	line_text(&l, " ");
	line_number(&l, UINT64_MAX);
	line_text(&l, " ");
	line_padded(&l, 7, 3);
	line_text(&l, " ");
	line_address(&l, &v4, 80);
	line_text(&l, " ");
	line_address(&l, &v6, 65535);
	*l.at = '\0';
	CU_ASSERT_STRING_EQUAL(room, "0 18446744073709551615 007 10.0.200.7:80 [fd00::1]:65535");
}

// SPDX-License-Identifier: GPL-2.0
/* Frames of the admin socket, whole, in pieces and hostile; diagnostics over it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "agent/wire.h"
#include "unit.h"

static void feed(struct frame_buffer *b, const void *bytes, size_t nr)
{
	const char *at = bytes;

	while (nr) {
		size_t room;
		unsigned char *to = frame_reserve(b, &room);
		size_t n = nr < room ? nr : room;

		memcpy(to, at, n);
		b->nr += n;
		at += n;
		nr -= n;
	}
}

TEST(frame_comes_back_as_it_was_made)
{
	json_t *sent = json_pack("{s:s,s:i}", "command", "status", "x", 7), *got = NULL;
	struct frame_buffer b = {0};
	size_t length;
	char *frame = frame_make(sent, &length), *why;

	feed(&b, frame, length);
	CU_ASSERT_EQUAL(frame_take(&b, &got, &why), 1);
	CU_ASSERT(json_equal(sent, got));
	CU_ASSERT_EQUAL(b.nr, 0);
	json_decref(sent);
	json_decref(got);
	free(frame);
	frame_free(&b);
}

TEST(frame_is_taken_only_when_its_last_byte_is_there)
{
	json_t *sent = json_pack("{s:s}", "command", "get"), *got = NULL;
	struct frame_buffer b = {0};
	size_t length;
	char *frame = frame_make(sent, &length), *why;

	for (size_t i = 0; i < length; i++) {
		CU_ASSERT_EQUAL(frame_take(&b, &got, &why), 0);
		feed(&b, frame + i, 1);
	}
	CU_ASSERT_EQUAL(frame_take(&b, &got, &why), 1);
	json_decref(sent);
	json_decref(got);
	free(frame);
	frame_free(&b);
}

TEST(frames_behind_the_first_stay_for_later)
{
	json_t *sent = json_pack("{s:s}", "command", "get"), *got = NULL;
	struct frame_buffer b = {0};
	size_t length;
	char *frame = frame_make(sent, &length), *why;

	feed(&b, frame, length);
	feed(&b, frame, length);
	for (int i = 0; i < 2; i++) {
		CU_ASSERT_EQUAL(frame_take(&b, &got, &why), 1);
		json_decref(got);
	}
	CU_ASSERT_EQUAL(frame_take(&b, &got, &why), 0);
	json_decref(sent);
	free(frame);
	frame_free(&b);
}

static const struct {
	const char *desc, *body;
} bad_bodies[] = {
	{"cut off", "{\"command\":"},
	{"no object", "[1, 2]"},
	{"a key twice", "{\"a\":1,\"a\":2}"},
	{"empty", ""},
	{"no UTF-8", "{\"a\":\"\xff\"}"},
	{"a NUL escape", "{\"a\":\"\\u0000\"}"},
};

TEST(body_that_is_no_json_object_is_refused_with_a_reason)
{
	for (size_t i = 0; i < sizeof(bad_bodies) / sizeof(bad_bodies[0]); i++) {
		size_t length = strlen(bad_bodies[i].body);
		unsigned char header[4] = {0, 0, 0, (unsigned char)length};
		struct frame_buffer b = {0};
		json_t *got;
		char *why = NULL;

		feed(&b, header, 4);
		feed(&b, bad_bodies[i].body, length);
		CU_ASSERT_EQUAL(frame_take(&b, &got, &why), -EBADMSG);
		CU_ASSERT_PTR_NOT_NULL(why);
		CU_ASSERT_PTR_NULL(got);
		free(why);
		frame_free(&b);
	}
}

TEST(deep_nesting_is_refused)
{
	char body[8192], *why = NULL;
	unsigned char header[4] = {0, 0, sizeof(body) >> 8, sizeof(body) & 255};
	struct frame_buffer b = {0};
	json_t *got;

	memset(body, '[', sizeof(body));
	feed(&b, header, 4);
	feed(&b, body, sizeof(body));
	CU_ASSERT_EQUAL(frame_take(&b, &got, &why), -EBADMSG);
	free(why);
	frame_free(&b);
}

TEST(length_past_the_bound_is_refused_before_any_body)
{
	unsigned char header[4] = {0x04, 0, 0, 1};
	struct frame_buffer b = {0};
	json_t *got;
	char *why;

	feed(&b, header, 4);
	CU_ASSERT_EQUAL(frame_take(&b, &got, &why), -EMSGSIZE);
	CU_ASSERT(b.cap <= 4096);
	frame_free(&b);
}

TEST(diagnostics_survive_the_way_over_the_socket)
{
	struct place place = {place_file("a.yaml"), 3, 5};
	struct diags sent = {0}, got = {0};
	json_t *list;

	diag_add(&sent, DIAG_ERROR, &place, "VirtualService/default/a: spec", "is %s", "wrong");
	diag_add(&sent, DIAG_NOTICE, NULL, NULL, "skipped");
	list = diags_json(&sent);
	CU_ASSERT_EQUAL(diags_from_json(&got, list), 0);
	CU_ASSERT_EQUAL_FATAL(got.list.nr, 2);
	CU_ASSERT_EQUAL(got.nr_errors, 1);
	CU_ASSERT_EQUAL(got.list.at[0].place.line, 3);
	CU_ASSERT_STRING_EQUAL(got.list.at[0].place.file, "a.yaml");
	CU_ASSERT_STRING_EQUAL(got.list.at[0].text, "is wrong");
	CU_ASSERT_EQUAL(got.list.at[1].level, DIAG_NOTICE);
	CU_ASSERT_PTR_NULL(got.list.at[1].path);
	json_decref(list);
	diags_free(&sent);
	diags_free(&got);
}

TEST(diagnostics_without_text_are_refused)
{
	json_t *list = json_pack("[{s:s}]", "level", "error");
	struct diags got = {0};

	CU_ASSERT_EQUAL(diags_from_json(&got, list), -EBADMSG);
	json_decref(list);
	diags_free(&got);
}

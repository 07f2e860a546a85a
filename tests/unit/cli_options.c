// SPDX-License-Identifier: GPL-2.0
/* Options of the command line: what is taken, what is wrong use. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cli/options.h"
#include "unit.h"

/* Parses the words behind `shunt`, with what it says thrown away. */
static int parse(struct options *o, char **words)
{
	int argc = 0, status, saved = dup(2), null = open("/dev/null", O_WRONLY);

	while (words[argc])
		argc++;
	fflush(stderr);
	dup2(null, 2);
	status = options_parse(o, command_find(words[0]), argc, words);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	close(null);
	return status;
}

#define WORDS(...) ((char *[]){__VA_ARGS__, NULL})

TEST(options_are_read_wherever_they_stand)
{
	struct options o;

	CU_ASSERT_EQUAL(parse(&o, WORDS("plan", "-f", "a", "--root", "x.1", "-f", "b", "-o", "json",
					"-n", "prod")), 0);
	CU_ASSERT_EQUAL(o.files.nr, 2);
	CU_ASSERT_STRING_EQUAL(o.files.at[1], "b");
	CU_ASSERT_STRING_EQUAL(o.root, "x.1");
	CU_ASSERT_STRING_EQUAL(o.namespace, "prod");
	CU_ASSERT(o.json);
	options_free(&o);
}

TEST(f_means_follow_where_there_are_no_files)
{
	struct options o;

	CU_ASSERT_EQUAL(parse(&o, WORDS("events", "-f")), 0);
	CU_ASSERT(o.follow);
	options_free(&o);
}

TEST(wrong_use_is_two)
{
	char *const *cases[] = {
		WORDS("plan", "--follow"),	   WORDS("plan", "-f"),
		WORDS("plan", "-f", "a", "b"),	   WORDS("plan", "-o", "yaml"),
		WORDS("status", "--root", "A"),	   WORDS("status", "--root", "../x"),
		WORDS("status", "--root", ".."),   WORDS("shift", "reviews"),
		WORDS("shift", "a", "b=1", "--over", "soon"),
		WORDS("agent", "--http-split", "maybe"),
		WORDS("agent", "--state", ""),	   WORDS("explain", "a", "--from", "NS/pod"),
		WORDS("hosts", "--from", "ns/"),   WORDS("get", "-n", "a.b"),
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct options o;

		CU_ASSERT_EQUAL(parse(&o, (char **)cases[i]), EXIT_USAGE);
		options_free(&o);
	}
}

TEST(split_by_request_is_asked_for)
{
	struct options o;

	CU_ASSERT_EQUAL(parse(&o, WORDS("agent", "--http-split=request")), 0);
	CU_ASSERT(o.split_requests);
	options_free(&o);
	CU_ASSERT_EQUAL(parse(&o, WORDS("agent", "--http-split", "connection")), 0);
	CU_ASSERT(!o.split_requests);
	options_free(&o);
}

TEST(duration_of_a_shift_is_read)
{
	struct options o;

	CU_ASSERT_EQUAL(parse(&o, WORDS("shift", "a", "v1=1", "--over", "1m30s")), 0);
	CU_ASSERT_EQUAL(o.over_ms, 90000);
	options_free(&o);
}

TEST(every_command_has_help_and_an_example)
{
	for (const struct command *c = commands; c->name; c++) {
		CU_ASSERT(strlen(c->help) > 0);
		CU_ASSERT(strstr(c->example, c->name) != NULL);
		CU_ASSERT_PTR_NOT_NULL(c->run);
	}
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Reading HTTP/1.1: all of tests/http1/cases, whole, cut in two at every place, and byte by byte.
 * A case is
 *   == its_name
 *   - response, "to HEAD" or "to an upgrade" behind it; or a limit: target, headers, fields N
 *   > a line of the message, whose CR LF is not written; \r \n \t \\ \x00 are escapes
 *   >> bytes alone          > *N TEXT   bytes N times
 *   and what reading comes to, as outcome.h says it
 */
#include <dirent.h>
#include "../http1/outcome.h"
#include "unit.h"

#define CASES "tests/http1/cases"

struct http1_case {
	char name[128];
	bool response, head, upgrade;
	struct http1_limits limits;
	char bytes[1 << 17];
	size_t nr;
	char want[1 << 16];
};

static unsigned nr_cases;

static size_t unescape(const char *in, char *out)
{
	size_t nr = 0;

	for (; *in && *in != '\n'; in++) {
		unsigned byte = (unsigned char)*in;

		if (*in == '\\') {
			switch (*++in) {
			case 'r':
				byte = '\r';
				break;
			case 'n':
				byte = '\n';
				break;
			case 't':
				byte = '\t';
				break;
			case 'x':
				sscanf(in + 1, "%2x", &byte);
				in += 2;
				break;
			default:
				byte = (unsigned char)*in;
			}
		}
		out[nr++] = byte;
	}
	return nr;
}

/* "> TEXT" adds a line with its CR LF, ">> TEXT" that alone, "> *N TEXT" that N times. */
static void bytes_add(struct http1_case *c, const char *line)
{
	char *text = c->bytes + c->nr;
	unsigned times = 1;
	int skip = 0;
	size_t nr;

	if (sscanf(line, "> *%u %n", &times, &skip) == 1) {
		nr = unescape(line + skip, text);
		for (unsigned i = 0; i < times; i++)
			memmove(text + i * nr, text, nr);
		c->nr += nr * times;
		return;
	}
	if (line[1] == '>') {
		c->nr += unescape(line + (line[2] == ' ' ? 3 : 2), text);
		return;
	}
	nr = unescape(line + (line[1] == ' ' ? 2 : 1), text);
	memcpy(text + nr, "\r\n", 2);
	c->nr += nr + 2;
}

static void option_set(struct http1_case *c, const char *line)
{
	c->response |= !strncmp(line, "- response", 10);
	c->head |= strstr(line, "to HEAD") != NULL;
	c->upgrade |= strstr(line, "to an upgrade") != NULL;
	sscanf(line, "- target %zu", &c->limits.target);
	sscanf(line, "- headers %zu", &c->limits.headers);
	sscanf(line, "- fields %zu", &c->limits.nr_headers);
}

static char *outcome_cut(const struct http1_case *c, size_t first, size_t piece)
{
	struct outcome o = {.head = c->head, .upgrade = c->upgrade};

	outcome_begin(&o, c->response, &c->limits);
	outcome_feed(&o, c->bytes, first);
	for (size_t at = first, n; at < c->nr; at += n) {
		n = c->nr - at < piece ? c->nr - at : piece;
		outcome_feed(&o, c->bytes + at, n);
	}
	return outcome_end(&o);
}

static bool as_wanted(const struct http1_case *c, size_t first, size_t piece)
{
	char *is = outcome_cut(c, first, piece);
	bool same = !strcmp(is, c->want);

	if (!same)
		printf("# %s, first %zu then %zu:\n%s", c->name, first, piece, is);
	CU_ASSERT(same);
	free(is);
	return same;
}

static void case_check(const struct http1_case *c)
{
	size_t step = c->nr > 4096 ? c->nr / 97 : 1;

	nr_cases++;
	if (!as_wanted(c, c->nr, 1) || !as_wanted(c, 0, 1))
		return;
	for (size_t first = 0; first < c->nr; first += step)
		if (!as_wanted(c, first, c->nr))
			return;
}

static void cases_check(const char *path)
{
	static struct http1_case c;
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	c = (struct http1_case){0};
	while (getline(&line, &size, in) > 0) {
		if (!strncmp(line, "== ", 3)) {
			if (*c.name)
				case_check(&c);
			c = (struct http1_case){.limits = http1_limits};
			snprintf(c.name, sizeof(c.name), "%.*s", (int)strcspn(line + 3, "\n"), line + 3);
		} else if (*line == '>') {
			bytes_add(&c, line);
		} else if (*line == '-') {
			option_set(&c, line);
		} else if (*line != '#' && *line != '\n') {
			strncat(c.want, line, sizeof(c.want) - strlen(c.want) - 1);
		}
	}
	case_check(&c);
	free(line);
	fclose(in);
}

TEST(every_case_comes_out_as_it_says_however_it_is_cut)
{
	struct dirent *entry;
	DIR *dir = opendir(CASES);

	CU_ASSERT_PTR_NOT_NULL_FATAL(dir);
	while ((entry = readdir(dir))) {
		char path[512];

		snprintf(path, sizeof(path), CASES "/%s", entry->d_name);
		if (*entry->d_name != '.')
			cases_check(path);
	}
	closedir(dir);
	CU_ASSERT(nr_cases >= 150);
}

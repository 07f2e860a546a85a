/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads tests/http1/cases: bytes of HTTP/1.1 and what reading them comes to. A case is
 *   == its_name
 *   - response, "to HEAD" or "to an upgrade" behind it; or a limit: target, headers, fields N;
 *     or "path TEXT", as which a proxy passes the path of the first request on
 *   > a line of the message, whose CR LF is not written; \r \n \t \\ \x00 are escapes
 *   >> bytes alone          > *N TEXT   bytes N times
 *   and what reading comes to, as outcome.h says it
 */
#ifndef HTTP1_CASES_H
#define HTTP1_CASES_H

#include <dirent.h>
#include <stdbool.h>
#include "../tools/buf.h"

#define CASES "tests/http1/cases"

struct http1_case {
	char name[128];
	bool response, head, upgrade;
	size_t target, headers, fields; /* limits; 0: the default */
	struct buf path; /* empty: as it came */
	struct buf bytes, want;
};

/* Adds TEXT, up to the end of its line, with its escapes undone. */
static void text_unescape(struct buf *out, const char *in)
{
	for (; *in && *in != '\n'; in++) {
		static const char letters[] = "r\rn\nt\t";
		unsigned byte = (unsigned char)*in;
		const char *letter;

		if (*in == '\\' && *++in == 'x') {
			sscanf(in + 1, "%2x", &byte);
			in += 2;
		} else if (byte == '\\') {
			letter = strchr(letters, *in);
			byte = letter ? (unsigned char)letter[1] : (unsigned char)*in;
		}
		buf_add(out, &(char){(char)byte}, 1);
	}
}

/* "> TEXT" adds a line with its CR LF, ">> TEXT" that alone, "> *N TEXT" that N times. */
static void case_bytes(struct http1_case *c, const char *line)
{
	struct buf text = {0};
	unsigned times = 1;
	int skip = 0;
	bool repeated = sscanf(line, "> *%u %n", &times, &skip) == 1;

	if (!repeated)
		skip = line[1] == '>' ? 2 + (line[2] == ' ') : 1 + (line[1] == ' ');
	text_unescape(&text, line + skip);
	if (!repeated && line[1] != '>')
		buf_text(&text, "\r\n");
	for (unsigned i = 0; i < times; i++)
		buf_add(&c->bytes, text.at, text.nr);
	buf_free(&text);
}

static void case_option(struct http1_case *c, const char *line)
{
	c->response |= !strncmp(line, "- response", 10);
	c->head |= strstr(line, "to HEAD") != NULL;
	c->upgrade |= strstr(line, "to an upgrade") != NULL;
	if (!strncmp(line, "- path ", 7))
		text_unescape(&c->path, line + 7);
	sscanf(line, "- target %zu", &c->target);
	sscanf(line, "- headers %zu", &c->headers);
	sscanf(line, "- fields %zu", &c->fields);
}

static void case_end(struct http1_case *c, void (*each)(struct http1_case *c))
{
	if (*c->name) {
		buf_reserve(&c->bytes, 0);
		buf_text(&c->want, "");
		each(c);
	}
	buf_free(&c->path);
	buf_free(&c->bytes);
	buf_free(&c->want);
	*c = (struct http1_case){0};
}

static void cases_of_file(const char *path, void (*each)(struct http1_case *c))
{
	struct http1_case c = {0};
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!in)
		die(1, "cannot read %s", path);
	while (getline(&line, &size, in) > 0) {
		if (!strncmp(line, "== ", 3)) {
			case_end(&c, each);
			snprintf(c.name, sizeof(c.name), "%.*s", (int)strcspn(line + 3, "\n"),
				 line + 3);
		} else if (*line == '>') {
			case_bytes(&c, line);
		} else if (*line == '-') {
			case_option(&c, line);
		} else if (*line != '#' && *line != '\n') {
			buf_text(&c.want, line);
		}
	}
	case_end(&c, each);
	free(line);
	fclose(in);
}

/* `each` may keep the case's texts by taking them out of it. */
static void cases_read(void (*each)(struct http1_case *c))
{
	struct dirent *entry;
	DIR *dir = opendir(CASES);

	if (!dir)
		die(1, "cannot read " CASES);
	while ((entry = readdir(dir))) {
		char path[512];

		snprintf(path, sizeof(path), CASES "/%s", entry->d_name);
		if (*entry->d_name != '.')
			cases_of_file(path, each);
	}
	closedir(dir);
}

#endif

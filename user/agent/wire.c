// SPDX-License-Identifier: GPL-2.0
/* Frames of the admin socket, and diagnostics as JSON. */
#include "agent/wire.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static size_t frame_length(const unsigned char *h)
{
	return (size_t)h[0] << 24 | (size_t)h[1] << 16 | (size_t)h[2] << 8 | h[3];
}

/* Grows with what has come, not with what the header promises. */
unsigned char *frame_reserve(struct frame_buffer *b, size_t *room)
{
	if (b->nr == b->cap) {
		b->cap = b->cap ? b->cap * 2 : 4096;
		b->at = xrealloc(b->at, b->cap, 1);
	}
	*room = b->cap - b->nr;
	return b->at + b->nr;
}

int frame_take(struct frame_buffer *b, json_t **out, char **why)
{
	json_error_t fault;
	size_t length;

	*out = NULL;
	*why = NULL;
	if (b->nr < FRAME_HEADER)
		return 0;
	length = frame_length(b->at);
	if (length > FRAME_MAX)
		return -EMSGSIZE;
	if (b->nr < FRAME_HEADER + length)
		return 0;
	*out = json_loadb((char *)b->at + FRAME_HEADER, length, JSON_REJECT_DUPLICATES, &fault);
	if (!json_is_object(*out)) {
		*why = xasprintf("the message is no JSON object: %s",
				 *out ? "wrong type" : fault.text);
		json_decref(*out);
		*out = NULL;
		return -EBADMSG;
	}
	b->nr -= FRAME_HEADER + length;
	memmove(b->at, b->at + FRAME_HEADER + length, b->nr);
	return 1;
}

void frame_free(struct frame_buffer *b)
{
	free(b->at);
	*b = (struct frame_buffer){0};
}

char *frame_make(const json_t *message, size_t *length)
{
	size_t body = json_dumpb(message, NULL, 0, JSON_COMPACT);
	unsigned char *at;

	if (body > FRAME_MAX)
		return NULL;
	at = xcalloc(FRAME_HEADER + body + 1, 1);
	json_dumpb(message, (char *)at + FRAME_HEADER, body, JSON_COMPACT);
	for (int i = 0; i < FRAME_HEADER; i++)
		at[i] = (unsigned char)(body >> (24 - 8 * i));
	*length = FRAME_HEADER + body;
	return (char *)at;
}

json_t *json_text(const char *text)
{
	json_t *s = text ? json_string(text) : NULL;

	return s ? s : json_null();
}

static const char *const level_names[] = {"error", "warning", "notice"};

json_t *diags_json(const struct diags *d)
{
	json_t *list = json_array();
	const struct diag *it;

	vec_each(&d->list, it)
	{
		json_array_append_new(
			list, json_pack("{s:s,s:o,s:i,s:i,s:o,s:o,s:o}", "level",
					level_names[it->level], "file", json_text(it->place.file),
					"line", (int)it->place.line, "column",
					(int)it->place.column, "path", json_text(it->path), "text",
					json_text(it->text), "source", json_text(it->source)));
	}
	return list;
}

static void diag_put(struct diags *d, enum diag_level level, const struct place *place,
		     const char *path, const char *text, const char *source)
{
	size_t before = d->list.nr;

	diag_add(d, level, place, path, "%s", text);
	if (source && d->list.nr > before && !d->list.at[before].source)
		d->list.at[before].source = xstrdup(source);
}

static const char *member(const json_t *map, const char *key)
{
	return json_string_value(json_object_get(map, key));
}

int diags_from_json(struct diags *d, const json_t *list)
{
	json_t *it;
	size_t i;

	json_array_foreach(list, i, it) {
		const char *level = member(it, "level"), *text = member(it, "text");
		const char *file = member(it, "file");
		struct place place = {.file = file ? place_file(file) : NULL};
		enum diag_level l = DIAG_ERROR;

		if (!level || !text)
			return -EBADMSG;
		while (l < DIAG_NOTICE && strcmp(level, level_names[l]))
			l++;
		place.line = (unsigned)json_integer_value(json_object_get(it, "line"));
		place.column = (unsigned)json_integer_value(json_object_get(it, "column"));
		diag_put(d, l, &place, member(it, "path"), text, member(it, "source"));
	}
	return 0;
}

void json_show(json_t *message)
{
	json_dumpf(message, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(message);
}

// SPDX-License-Identifier: GPL-2.0
/* Where a value stands in its object, as a field path; and the faults that are said with it. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include "config/decode.h"

#define QUOTED_MAX 60 /* bytes of a value that an error shows */

static bool is_plain(const char *key)
{
	for (const char *c = key; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_' && *c != '-')
			return false;
	return *key;
}

static void print_step(const struct frame *f, bool first, FILE *out)
{
	if (!f->key)
		fprintf(out, "[%zu]", f->index);
	else if (!is_plain(f->key))
		fprintf(out, "[%s]", f->key);
	else
		fprintf(out, "%s%s", first ? "" : ".", f->key);
}

/* The outermost frame is the document itself and has no name. Returns whether none was printed. */
static bool print_frames(const struct frame *f, FILE *out)
{
	if (!f || !f->up)
		return true;
	print_step(f, print_frames(f->up, out), out);
	return false;
}

/* Whether `n` comes after all of `it`. Only a hint: what an alias brings has the places of old. */
static bool ends_before(const struct node *it, const struct node *n)
{
	const struct place *end = it->next ? &it->next->place : NULL;

	if (!end || !end->line)
		return false;
	return end->line < n->place.line ||
	       (end->line == n->place.line && end->column <= n->place.column);
}

/* Prints the way to `n`, which is the node of `f` or stands below it; `all`: trust no place. */
static bool print_way(const struct frame *f, const struct node *n, const char *key, bool all,
		      FILE *out)
{
	struct frame below = {.up = f};
	const struct node *it;

	if (f->node == n) {
		struct frame last = {.up = f, .key = key};

		print_frames(key ? &last : f, out);
		return true;
	}
	node_each(f->node, it) {
		below.node = it;
		below.key = it->key;
		if ((all || !ends_before(it, n)) && print_way(&below, n, key, all, out))
			return true;
		below.index++;
	}
	return false;
}

static bool print_path(const struct frame *f, const struct node *n, const char *key, bool all,
		       FILE *out)
{
	while (f && !print_way(f, n, key, all, out))
		f = f->up;
	return f;
}

char *decode_path(struct decoder *d, const struct node *n, const char *key)
{
	char *text, *path;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!print_path(d->top, n, key, false, out))
		print_path(d->top, n, key, true, out);
	fclose(out);
	path = arena_strdup(d->arena, text);
	free(text);
	return path;
}

/* Past the bound on messages the way to the value is not looked for: nobody would see it. */
static void say(struct decoder *d, enum diag_level level, const struct place *place,
		const struct node *n, const char *key, const char *format, va_list args)
{
	const char *path = d->diags->nr_dropped ? "" : decode_path(d, n, key);
	char *text = xvasprintf(format, args);
	char *full = xasprintf("%s%s%s", d->object->id, *path ? ": " : "", path);

	diag_add(d->diags, level, place, full, "%s", text);
	/* an empty source line stays as it is: nobody shows what the file has there */
	if (d->object->kind == KIND_SECRET && d->diags->list.nr && !d->diags->nr_dropped)
		d->diags->list.at[d->diags->list.nr - 1].source = xstrdup("");
	free(full);
	free(text);
}

void decode_error(struct decoder *d, const struct node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	d->nr_errors++;
	say(d, DIAG_ERROR, &n->place, n, NULL, format, args);
	va_end(args);
}

void decode_warning(struct decoder *d, const struct node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(d, DIAG_WARNING, &n->place, n, NULL, format, args);
	va_end(args);
}

void decode_error_name(struct decoder *d, const struct node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	d->nr_errors++;
	say(d, DIAG_ERROR, &n->key_place, n, NULL, format, args);
	va_end(args);
}

void decode_warning_name(struct decoder *d, const struct node *n, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(d, DIAG_WARNING, &n->key_place, n, NULL, format, args);
	va_end(args);
}

/* Where the name of the member stands, or for a missing one where its map does. */
static const struct place *place_of(const struct node *n, const char *key)
{
	const struct node *member = node_get(n, key);

	if (member)
		return &member->key_place;
	return n->key ? &n->key_place : &n->place;
}

void decode_error_key(struct decoder *d, const struct node *n, const char *key, const char *format,
		      ...)
{
	va_list args;

	va_start(args, format);
	d->nr_errors++;
	say(d, DIAG_ERROR, place_of(n, key), n, key, format, args);
	va_end(args);
}

void decode_warning_key(struct decoder *d, const struct node *n, const char *key,
			const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(d, DIAG_WARNING, place_of(n, key), n, key, format, args);
	va_end(args);
}

static void add_later(struct decoder *d, const char *path, const struct place *place)
{
	struct later one = {.path = path, .place = *place};

	vec_push(&d->later, one);
}

void decode_later(struct decoder *d, const struct node *n)
{
	if (!d->in_later)
		add_later(d, decode_path(d, n, NULL), n->key ? &n->key_place : &n->place);
}

void decode_later_key(struct decoder *d, const struct node *n, const char *key)
{
	if (!d->in_later)
		add_later(d, decode_path(d, n, key), place_of(n, key));
}

const char *quoted(struct decoder *d, const struct node *n)
{
	size_t cut = n->length;

	if (n->type == NODE_LIST || n->type == NODE_MAP || n->type == NODE_NULL)
		return node_type_name(n->type);
	if (n->type != NODE_STRING)
		return arena_strdup(d->arena, n->text);
	if (cut <= QUOTED_MAX)
		return arena_printf(d->arena, "\"%s\"", n->text);
	/* Not in the middle of a character. */
	for (cut = QUOTED_MAX; cut && (n->text[cut] & 0xc0) == 0x80; cut--)
		;
	return arena_printf(d->arena, "\"%.*s...\"", (int)cut, n->text);
}

// SPDX-License-Identifier: GPL-2.0
/* The walk of a table over a map: types, ranges, unknown and missing fields. */
#include <ctype.h>
#include <string.h>
#include "config/decode.h"

static const struct field *field_find(const struct message *m, const char *key)
{
	for (const struct field *f = m->fields; f->name; f++)
		if (!strcmp(f->name, key))
			return f;
	return NULL;
}

static const char *guess(struct decoder *d, const struct message *m, const char *key)
{
	const char *near = NULL;

	for (const struct field *f = m->fields; f->name; f++)
		near = nearest(key, near, f->name);
	if (near)
		return arena_printf(d->arena, ", did you mean %s?", near);
	return m->fields->name ? "" : ", want an empty map";
}

static void unknown_field(struct decoder *d, const struct message *m, const struct node *n)
{
	struct frame frame = {.up = d->top, .node = n, .key = n->key};
	const char *near;

	if (d->open)
		return;
	near = d->diags->nr_dropped ? "" : guess(d, m, n->key);
	d->top = &frame;
	if (d->options->lenient)
		decode_warning_name(d, n, "unknown field, ignored%s", near);
	else
		decode_error_name(d, n, "unknown field%s", near);
	d->top = frame.up;
}

/* What an error says is wanted. */
static const char *wanted(const struct field *f)
{
	static const char *const by_type[] = {
		[FIELD_STRING] = "a string",	 [FIELD_BOOL] = "true or false",
		[FIELD_INTEGER] = "a number",	 [FIELD_NUMBER] = "a number",
		[FIELD_DURATION] = "a duration", [FIELD_WORD] = "a word",
		[FIELD_MESSAGE] = "a map",	 [FIELD_ANY] = "a value",
	};

	if (f->want)
		return f->want;
	if (f->shape == FIELD_LIST)
		return "a list";
	return f->shape == FIELD_MAP ? "a map" : by_type[f->type];
}

static void put_integer(const struct field *f, void *slot, int64_t value)
{
	if (f->size == sizeof(uint16_t))
		*(uint16_t *)slot = (uint16_t)value;
	else if (f->size == sizeof(uint32_t))
		*(uint32_t *)slot = (uint32_t)value;
	else
		*(int64_t *)slot = value;
}

static bool decode_string(struct decoder *d, const struct field *f, const struct node *n,
			  const char **slot)
{
	if (n->type != NODE_STRING) {
		const char *want = f->want ? f->want : "a string";

		if (n->type == NODE_NUMBER || n->type == NODE_BOOL)
			decode_error(d, n, "%s is a %s, want %s (put it in quotes)", quoted(d, n),
				     n->type == NODE_BOOL ? "boolean" : "number", want);
		else
			decode_error(d, n, "%s is given, want %s", node_type_name(n->type), want);
		return false;
	}
	if (f->flags & FIELD_NOT_EMPTY && !n->length) {
		decode_error(d, n, "is empty, want %s", f->want ? f->want : "some text");
		return false;
	}
	if (slot)
		*slot = arena_strndup(d->arena, n->text, n->length);
	return true;
}

static bool decode_bool(struct decoder *d, const struct node *n, bool *slot)
{
	bool value;

	if (!value_bool(d, n, &value))
		return false;
	if (slot)
		*slot = value;
	return true;
}

static bool decode_integer(struct decoder *d, const struct field *f, const struct node *n,
			   void *slot)
{
	int64_t value;

	if (!value_integer(d, f, n, &value))
		return false;
	if (slot)
		put_integer(f, slot, value);
	return true;
}

static bool decode_word(struct decoder *d, const struct field *f, const struct node *n, int *slot)
{
	int value;

	if (!value_word(d, f, n, &value))
		return false;
	if (slot)
		*slot = value;
	return true;
}

static bool decode_part(struct decoder *d, const struct field *f, const struct node *n, void *slot)
{
	if (n->type != NODE_MAP) {
		decode_error(d, n, "%s is given, want %s", node_type_name(n->type),
			     f->want ? f->want : "a map");
		return false;
	}
	if (slot && f->flags & FIELD_MADE)
		slot = *(void **)slot = arena_alloc(d->arena, f->size);
	decode_message(d, f->message, n, slot);
	return true;
}

/* One value of the field's type. `slot` is where it goes, NULL when it is not kept. */
static bool decode_value(struct decoder *d, const struct field *f, const struct node *n, void *slot)
{
	switch (f->type) {
	case FIELD_STRING:
		return decode_string(d, f, n, slot);
	case FIELD_BOOL:
		return decode_bool(d, n, slot);
	case FIELD_INTEGER:
		return decode_integer(d, f, n, slot);
	case FIELD_NUMBER:
		return value_number(d, f, n, slot);
	case FIELD_DURATION:
		return value_duration(d, f, n, slot);
	case FIELD_WORD:
		return decode_word(d, f, n, slot);
	case FIELD_MESSAGE:
		return decode_part(d, f, n, slot);
	case FIELD_ANY:
		break;
	}
	return true;
}

/* A value with its check; `into` is the structure around it. */
static void decode_checked(struct decoder *d, const struct field *f, const struct node *n,
			   void *slot, void *into)
{
	if (decode_value(d, f, n, slot) && f->check)
		f->check(d, n, into);
}

static void decode_list(struct decoder *d, const struct field *f, const struct node *n, void *into)
{
	struct frame frame = {.up = d->top};
	bool kept = into && f->flags & FIELD_KEPT;
	char *array = kept && n->nr ? arena_alloc(d->arena, n->nr * f->size) : NULL;
	const struct node *it;

	d->top = &frame;
	node_each(n, it) {
		frame.node = it;
		if (it->type == NODE_NULL && f->type != FIELD_ANY)
			decode_error(d, it, "null in a list, want %s",
				     f->type == FIELD_MESSAGE ? "a map" : "a value");
		else
			decode_checked(d, f, it, array ? array + frame.index * f->size : NULL,
				       into);
		frame.index++;
	}
	d->top = frame.up;
	if (kept) {
		*(void **)((char *)into + f->offset) = array;
		*(size_t *)((char *)into + f->offset_nr) = n->nr;
	}
}

/* Elements of a map of messages, each with its key in front; the nulls stay empty. */
static void *decode_named(struct decoder *d, const struct field *f, const struct node *n, void *into)
{
	void *array = n->nr ? arena_alloc(d->arena, n->nr * f->size) : NULL;

	*(void **)((char *)into + f->offset) = array;
	*(size_t *)((char *)into + f->offset_nr) = n->nr;
	return array;
}

static void decode_map(struct decoder *d, const struct field *f, const struct node *n, void *into)
{
	bool kept = into && f->flags & FIELD_KEPT && n->nr <= LABELS_MAX;
	char *array = kept && f->type == FIELD_MESSAGE ? decode_named(d, f, n, into) : NULL;
	struct frame frame = {.up = d->top};
	const struct node *it;

	d->top = &frame;
	node_each(n, it) {
		frame.node = it;
		frame.key = it->key;
		if (array)
			*(const char **)array = arena_strdup(d->arena, it->key);
		if (it->type != NODE_NULL)
			decode_checked(d, f, it, array, into);
		array = array ? array + f->size : NULL;
	}
	d->top = frame.up;
	if (kept && f->type == FIELD_STRING)
		labels_decode(d->arena, n, (struct labels *)((char *)into + f->offset));
}

static void decode_field(struct decoder *d, const struct field *f, const struct node *n, void *into)
{
	enum node_type type = f->shape == FIELD_LIST ? NODE_LIST : NODE_MAP;
	void *slot = into && f->flags & FIELD_KEPT ? (char *)into + f->offset : NULL;
	size_t most = f->at_most ? f->at_most : f->shape == FIELD_MAP ? LABELS_MAX : 0;

	if (f->shape == FIELD_ONE) {
		decode_checked(d, f, n, slot, into);
		return;
	}
	if (n->type != type) {
		decode_error(d, n, "%s is given, want %s", node_type_name(n->type),
			     f->shape == FIELD_LIST ? "a list" : "a map");
		return;
	}
	if (f->flags & FIELD_NOT_EMPTY && !n->nr)
		decode_error(d, n, "is empty, want %s", f->want ? f->want : "at least one element");
	if (most && n->nr > most)
		decode_error(d, n, "has %zu elements, want at most %zu", n->nr, most);
	if (f->shape == FIELD_LIST)
		decode_list(d, f, n, into);
	else
		decode_map(d, f, n, into);
}

/* Given, but it asks for nothing. */
static bool is_idle(const struct field *f, const struct node *n)
{
	if (f->shape != FIELD_ONE)
		return !n->nr;
	return f->type == FIELD_BOOL && n->type == NODE_BOOL &&
	       tolower((unsigned char)*n->text) == 'f';
}

/* A field that stands in the map: where a fault is, and whether it is in force. */
static void decode_given(struct decoder *d, const struct field *f, const struct node *n, void *into)
{
	struct frame frame = {.up = d->top, .node = n, .key = n->key};
	bool later = f->flags & FIELD_LATER;

	d->top = &frame;
	if (later) {
		if (!is_idle(f, n))
			decode_later(d, n);
		d->in_later++;
	}
	decode_field(d, f, n, into);
	if (later)
		d->in_later--;
	d->top = frame.up;
}

static void require(struct decoder *d, const struct field *f, const struct node *of)
{
	const struct node *n = node_get(of, f->name);

	if (!n || n->type == NODE_NULL)
		decode_error_key(d, of, f->name, "is missing, want %s", wanted(f));
}

void decode_message(struct decoder *d, const struct message *m, const struct node *n, void *into)
{
	const struct node *it;

	node_each(n, it) {
		const struct field *f = field_find(m, it->key);

		if (!f)
			unknown_field(d, m, it);
		else if (it->type != NODE_NULL)
			decode_given(d, f, it, into);
	}
	for (const struct field *f = m->fields; f->name; f++)
		if (f->flags & FIELD_REQUIRED)
			require(d, f, n);
	if (m->check)
		m->check(d, n, into);
}

void decode_one(struct decoder *d, const struct field *f, const struct node *of, void *into)
{
	const struct node *n = node_get(of, f->name);

	if (n && n->type != NODE_NULL)
		decode_given(d, f, n, into);
	else if (f->flags & FIELD_REQUIRED)
		require(d, f, of);
}

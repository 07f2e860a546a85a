// SPDX-License-Identifier: GPL-2.0
/* The values that everything else is made of, as bytes; integers are little-endian. */
#include "snapshot/coder.h"

#define CAP_MIN 512

static void put(struct coder *c, const void *at, size_t size)
{
	c->nr += size;
	if (!size || c->nr > c->max)
		return;
	if (c->nr > c->cap) {
		c->cap = c->nr < CAP_MIN ? CAP_MIN : c->nr * 2;
		c->out = xrealloc(c->out, c->cap, 1);
	}
	memcpy(c->out + c->nr - size, at, size);
}

/* Nothing more is read once something was bad. */
static const uint8_t *take(struct coder *c, size_t size)
{
	const uint8_t *at = c->from;

	if (c->bad || size > c->left) {
		c->bad = true;
		return NULL;
	}
	c->from += size;
	c->left -= size;
	return at;
}

void code_bytes(struct coder *c, void *at, size_t size)
{
	const uint8_t *from;

	if (!c->reading) {
		put(c, at, size);
		return;
	}
	from = take(c, size);
	if (from)
		memcpy(at, from, size);
}

int64_t code_int(struct coder *c, int64_t value, unsigned width, int64_t min, int64_t max)
{
	uint8_t bytes[8] = {0};
	uint64_t bits = 0;

	for (unsigned i = 0; i < width; i++)
		bytes[i] = (uint8_t)((uint64_t)value >> 8 * i);
	code_bytes(c, bytes, width);
	for (unsigned i = 0; i < width; i++)
		bits |= (uint64_t)bytes[i] << 8 * i;
	if (c->reading)
		value = (int64_t)bits;
	c->bad |= value < min || value > max;
	return c->bad && c->reading ? min : value;
}

bool code_bool(struct coder *c, bool value)
{
	return code_int(c, value, 1, 0, 1);
}

const void *code_span(struct coder *c, const void *at, size_t *length)
{
	*length = code_count(c, *length, 1);
	if (c->reading)
		return *length ? take(c, *length) : NULL;
	put(c, at, *length);
	return at;
}

const char *code_blob(struct coder *c, const char *at, size_t *length)
{
	const char *span = code_span(c, at, length);

	if (!c->reading)
		return at;
	return span ? arena_strndup(c->arena, span, *length) : "";
}

const char *code_text(struct coder *c, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	const char *out = code_blob(c, text ? text : "", &length);

	c->bad |= c->reading && strlen(out) != length;
	return out;
}

const char *code_text_or_null(struct coder *c, const char *text)
{
	return code_bool(c, text) ? code_text(c, text) : NULL;
}

size_t code_count(struct coder *c, size_t nr, size_t least)
{
	nr = (size_t)code_int(c, (int64_t)nr, 4, 0, UINT32_MAX);
	if (!c->reading)
		return nr;
	c->bad |= nr > c->left / least;
	return c->bad ? 0 : nr;
}

void *code_room(struct coder *c, const void *there, size_t size)
{
	if (!c->reading)
		return (void *)there;
	return size ? arena_alloc(c->arena, size) : NULL;
}

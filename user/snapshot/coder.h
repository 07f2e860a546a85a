/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A walk over values that writes them as bytes, or reads them back: the same code says both, so
 * they cannot differ. Each value has one form. What is read is checked against its bounds, and
 * nothing is allocated that is larger than a constant times the bytes that are left.
 */
#ifndef SNAPSHOT_CODER_H
#define SNAPSHOT_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "base/mem.h"

struct coder {
	bool reading;
	bool bad;	     /* a value that is out of bounds, or the bytes do not reach */
	struct arena *arena; /* for what is read */
	const uint8_t *from; /* reading: what is left */
	size_t left;
	uint8_t *out;	     /* writing; the caller frees */
	size_t nr, cap, max; /* `max` bytes are written and no more, with `nr` going on */
	struct table_cluster *clusters; /* that others refer to */
	size_t nr_clusters;
};

/* Bytes as they are. */
void code_bytes(struct coder *c, void *at, size_t size);
/* An integer of `width` bytes; what is given or read, which is `min` when it was bad. */
int64_t code_int(struct coder *c, int64_t value, unsigned width, int64_t min, int64_t max);
bool code_bool(struct coder *c, bool value);
/* The text, "" for NULL. */
const char *code_text(struct coder *c, const char *text);
const char *code_text_or_null(struct coder *c, const char *text);
/* `length` bytes as they are; what is read stays where it stands, NULL for none. */
const void *code_span(struct coder *c, const void *at, size_t *length);
/* `length` bytes that may hold anything; what is read ends with NUL beside them. */
const char *code_blob(struct coder *c, const char *at, size_t *length);
/* How many follow, of which each takes `least` bytes or more. */
size_t code_count(struct coder *c, size_t nr, size_t least);
/* `size` bytes that are read next, NULL for none; writing: `there`. */
void *code_room(struct coder *c, const void *there, size_t size);

#define code_u16(c, value) ((uint16_t)code_int(c, value, 2, 0, UINT16_MAX))
#define code_u32(c, value) ((uint32_t)code_int(c, value, 4, 0, UINT32_MAX))
#define code_time(c, value, least) code_int(c, value, 8, least, INT64_MAX)
/* An enum whose last member is `last`. */
#define code_enum(c, value, last) code_int(c, value, 1, 0, last)

/*
 * The elements of a list, each by code(c, struct type *): a copy of it is what is walked, so that
 * nothing is stored into what is written.
 */
#define code_list(c, type, at, nr, least, code)                                                    \
	do {                                                                                       \
		type *list_;                                                                       \
                                                                                                   \
		(nr) = code_count(c, nr, least);                                                   \
		list_ = code_room(c, at, (nr) * sizeof(type));                                     \
		for (size_t i_ = 0; i_ < (nr) && !(c)->bad; i_++) {                                \
			type copy_ = list_[i_];                                                    \
                                                                                                   \
			code(c, &copy_);                                                           \
			if ((c)->reading)                                                          \
				list_[i_] = copy_;                                                 \
		}                                                                                  \
		(at) = list_;                                                                      \
	} while (0)

/* What a pointer points to, which may be NULL. */
#define code_optional(c, type, at, code)                                                           \
	do {                                                                                       \
		size_t nr_ = (at) != NULL;                                                         \
                                                                                                   \
		nr_ = (size_t)code_int(c, (int64_t)nr_, 1, 0, 1);                                  \
		if (nr_) {                                                                         \
			type *one_ = code_room(c, at, sizeof(type)), copy_ = *one_;                \
                                                                                                   \
			code(c, &copy_);                                                           \
			if ((c)->reading)                                                          \
				*one_ = copy_;                                                     \
			(at) = one_;                                                               \
		} else {                                                                           \
			(at) = NULL;                                                               \
		}                                                                                  \
	} while (0)

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decoding by tables: a message is a list of fields, a field says its name, type, range and where
 * its value goes. One walk checks the types of everything, fills the structure and notes what is
 * known but not in force; what a table cannot say stands in a check function beside it.
 */
#ifndef CONFIG_DECODE_H
#define CONFIG_DECODE_H

#include <stddef.h>
#include "config/object.h"

struct decoder;
struct message;

enum field_type {
	FIELD_STRING,	/* const char * */
	FIELD_BOOL,	/* bool */
	FIELD_INTEGER,	/* uint16_t, uint32_t or int64_t, by the size of its place */
	FIELD_NUMBER,	/* double */
	FIELD_DURATION, /* int64_t, ns */
	FIELD_WORD,	/* an enum, by its words */
	FIELD_MESSAGE,	/* a structure with a table of its own */
	FIELD_ANY,	/* whatever it is, the check function deals with it */
};

enum field_shape {
	FIELD_ONE,
	FIELD_LIST, /* pointer and count; each element is of the type */
	FIELD_MAP,  /* any keys; kept: strings as struct labels, messages as an array */
};

#define LABELS_MAX 4096 /* elements of a map that is kept: they are searched from the front */

#define FIELD_REQUIRED 1
#define FIELD_LATER 2	   /* known, checked, not in force: see struct later */
#define FIELD_ZERO 4	   /* a duration that may be 0 */
#define FIELD_KEPT 8	   /* the value goes to `offset` */
#define FIELD_NOT_EMPTY 16 /* a string, list or map that must hold something */
#define FIELD_MADE 32	   /* the place holds a pointer to the message's structure, made here */
#define FIELD_FINE 64	   /* a duration of any step, from `min` ns on */

struct word {
	const char *text;
	int value;
};

/* `into` is the structure that holds the field; NULL inside what is not kept. */
typedef void decode_check(struct decoder *d, const struct node *n, void *into);

struct field {
	const char *name;
	enum field_type type;
	enum field_shape shape;
	unsigned flags;
	size_t offset, offset_nr, size;
	int64_t min, max; /* both 0: what an unsigned number of 32 bits holds */
	size_t at_most;	  /* elements of a list or map; 0: any number, but kept maps have a bound */
	const struct word *words;
	const struct message *message;
	decode_check *check; /* of each value, after its type */
	const char *want;    /* said in errors instead of the type */
};

struct message {
	const struct field *fields; /* the last has no name */
	size_t size;		    /* of the structure, when lists of it are kept */
	decode_check *check;	    /* after all fields; `into` is the structure */
};

#define INTO(s, m) .offset = offsetof(s, m), .size = sizeof(((s *)0)->m), .flags = FIELD_KEPT
/* With more flags. */
#define INTO_WITH(s, m, more)                                                                      \
	.offset = offsetof(s, m), .size = sizeof(((s *)0)->m), .flags = FIELD_KEPT | (more)
#define INTO_LIST(s, m)                                                                            \
	.shape = FIELD_LIST, .offset = offsetof(s, m), .offset_nr = offsetof(s, nr_##m),           \
	.size = sizeof(*((s *)0)->m), .flags = FIELD_KEPT
/* A list that must be there and hold something. */
#define INTO_FILLED(s, m)                                                                          \
	.shape = FIELD_LIST, .offset = offsetof(s, m), .offset_nr = offsetof(s, nr_##m),           \
	.size = sizeof(*((s *)0)->m), .flags = FIELD_KEPT | FIELD_REQUIRED | FIELD_NOT_EMPTY
/* A message into a structure of its own: the member is a pointer, NULL when it was not given. */
#define INTO_MADE(s, m)                                                                            \
	.offset = offsetof(s, m), .size = sizeof(*((s *)0)->m), .flags = FIELD_KEPT | FIELD_MADE
/* A map of messages into {at, nr}: the element's first member is `const char *`, the key. */
#define INTO_NAMED(s, m)                                                                           \
	.shape = FIELD_MAP, .offset = offsetof(s, m.at), .offset_nr = offsetof(s, m.nr),           \
	.size = sizeof(*((s *)0)->m.at), .flags = FIELD_KEPT
/* A message whose fields go to the structure that holds it. */
#define INTO_SAME .offset = 0, .flags = FIELD_KEPT
#define INTO_REQUIRED(s, m)                                                                        \
	.offset = offsetof(s, m), .size = sizeof(((s *)0)->m), .flags = FIELD_KEPT | FIELD_REQUIRED
#define SAME_REQUIRED .offset = 0, .flags = FIELD_KEPT | FIELD_REQUIRED
#define PORT_RANGE .min = 1, .max = 65535
#define INT32_RANGE .min = 0, .max = INT32_MAX

/* Where the walk stands. */
struct frame {
	const struct frame *up;
	const struct node *node;
	const char *key; /* NULL: `index` in a list */
	size_t index;
};

struct decoder {
	struct object *object;
	struct arena *arena; /* of the object */
	struct diags *diags;
	const struct decode_options *options;
	const struct frame *top;
	bool open;	   /* unknown fields pass without a word */
	unsigned in_later; /* depth inside fields that are not in force */
	size_t nr_errors;
	VEC(struct later) later;
};

/* The walk over one map; `into` may be NULL. */
void decode_message(struct decoder *d, const struct message *m, const struct node *n, void *into);
/* One field of the map `of`, that no table walks over. */
void decode_one(struct decoder *d, const struct field *f, const struct node *of, void *into);

/*
 * Faults of `n`, which is the node that is being decoded or stands below it. The text says what is
 * wrong and what is wanted.
 */
void decode_error(struct decoder *d, const struct node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void decode_warning(struct decoder *d, const struct node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Of the member `key` of `n` that is missing, or whose name is wrong. */
void decode_error_key(struct decoder *d, const struct node *n, const char *key, const char *format,
		      ...) __attribute__((format(printf, 4, 5)));
/* Of `n` itself, at its name. */
void decode_error_name(struct decoder *d, const struct node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void decode_warning_name(struct decoder *d, const struct node *n, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void decode_warning_key(struct decoder *d, const struct node *n, const char *key,
			const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Notes that `n` is known and not in force. */
void decode_later(struct decoder *d, const struct node *n);
/* The same, for a member that is not written down but implied. */
void decode_later_key(struct decoder *d, const struct node *n, const char *key);
/* "spec.http[0].timeout", from the object's arena. */
char *decode_path(struct decoder *d, const struct node *n, const char *key);
/* The value as written, quoted and cut for an error. */
const char *quoted(struct decoder *d, const struct node *n);

/* At most one of the keys (NULL-terminated) may be set. */
void check_one_of(struct decoder *d, const struct node *n, const char *const *keys);
/* No two maps of `list` have the same text in `key`. */
void check_unique(struct decoder *d, const struct node *list, const char *key);

/* The scalar types; false when a fault was said. */
bool value_bool(struct decoder *d, const struct node *n, bool *out);
bool value_integer(struct decoder *d, const struct field *f, const struct node *n, int64_t *out);
bool value_number(struct decoder *d, const struct field *f, const struct node *n, double *out);
bool value_word(struct decoder *d, const struct field *f, const struct node *n, int *out);
bool value_duration(struct decoder *d, const struct field *f, const struct node *n, int64_t *out);
/* How every whole number is read: decimal, 1e6, or 0x and 0o as YAML has them; -EINVAL, -ERANGE. */
int integer_parse(const char *text, int64_t *out);
/* Whole nanoseconds of "1h30m", "0.5s"; -EINVAL, -ERANGE. */
int duration_parse(const char *text, int64_t *out);
/* The text of a scalar that is set and not null, else NULL. */
const char *text_of(const struct node *map, const char *key);
/* The same, of a string that is not empty. */
const char *scalar_of(const struct node *map, const char *key);
/* The known name nearest to what was written, or NULL. */
const char *nearest(const char *written, const char *best, const char *candidate);

/* A map of strings into struct labels. */
void labels_decode(struct arena *a, const struct node *n, struct labels *out);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Reading a regular expression as RE2 does, and writing it so that PCRE2 means the same. */
#ifndef HTTP_REGEX_SYNTAX_H
#define HTTP_REGEX_SYNTAX_H

#include <stdbool.h>
#include "base/vec.h"
#include <stdint.h>

#define REGEX_REPEAT_MAX 1000 /* RE2's bound, also of nested repetitions multiplied */

/* A scan of an expression, from its begin to its end. */
struct regex_scan {
	const char *at, *end;
	VEC(char) out;		 /* the same for PCRE2, ends with NUL when the scan is done */
	bool utf8;		 /* it names something past ASCII */
	bool atom;		 /* what stands before can be repeated */
	bool repeated;		 /* what stands before is a repetition */
	uint32_t product;	 /* of the nested repetitions in what stands before */
	VEC(uint32_t) groups;	 /* open ones: the largest product in each so far */
	VEC(const char *) names; /* of groups, not ended */
	char wrong[64];
};

/* All of `text`. False: s->wrong says what it has that RE2 has not. regex_scan_free() either way.
 */
bool regex_scan(struct regex_scan *s, const char *text);
void regex_scan_free(struct regex_scan *s);

/* False, with the words in s->wrong. */
bool regex_wrong(struct regex_scan *s, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
void regex_put(struct regex_scan *s, const char *text);
void regex_put_rune(struct regex_scan *s, uint32_t rune); /* itself, never an operator */
bool regex_rune(struct regex_scan *s, uint32_t *rune);	  /* takes one from the text */

/* ---- regex_class.c ---- */

/* The rune of an escape after its backslash, in a class and outside alike. */
bool regex_escaped_rune(struct regex_scan *s, uint32_t *rune);
/* \pN, \P{Greek}, \p{^L} after the backslash. */
bool regex_property(struct regex_scan *s);
/* "[...]", from the bracket. */
bool regex_class(struct regex_scan *s);

#endif

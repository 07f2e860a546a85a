/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Regular expressions: the syntax and the meaning of RE2, matched by PCRE2 with bounds. What
 * depends on time or memory in RE2's engine differs: a match that takes too long is given up.
 */
#ifndef HTTP_REGEX_H
#define HTTP_REGEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/strmap.h"

/*
 * NULL: RE2 takes it, and so do we. Else what is wrong, as "the regular expression has ..." goes
 * on: "a back-reference"; it lives up to the next call. Texts of some thousand bytes cost
 * milliseconds.
 */
const char *regex_check(const char *text);

/*
 * One compiled expression, which threads may share. An expression without a byte or escape past
 * ASCII matches bytes, any other one UTF-8.
 */
struct regex;
struct regex *regex_new(const char *text); /* NULL: regex_check() says why */
void regex_free(struct regex *r);	   /* NULL is fine */

enum regex_result { REGEX_NO, REGEX_YES, REGEX_LIMIT }; /* LIMIT: given up, counts as no match */
/* Whether the whole text matches. */
enum regex_result regex_match(const struct regex *r, const char *text, size_t length);
/*
 * `text` with each match replaced: \0 is the match, \1 to \9 its groups, \\ a backslash. NULL when
 * nothing matches, the replacement names a group that there is not, or a limit is reached, which
 * *result tells. The caller frees.
 */
char *regex_replace(const struct regex *r, const char *text, size_t length, const char *replacement,
		    enum regex_result *result);

/* Compiled expressions by their text, so that each is compiled once. All zero is empty. */
struct regexes {
	struct strmap by_text;
	const struct strmap *shared; /* text -> struct regex *: all there are, in place of by_text */
	uint64_t nr_limits;	     /* matches that were given up */
};
const struct regex *regexes_get(struct regexes *x, const char *text); /* NULL as regex_new() */
void regexes_free(struct regexes *x);
/* Ahead of its use, as often as it is given back; the last one frees it. */
void regexes_hold(struct regexes *x, const char *text);
void regexes_give(struct regexes *x, const char *text);

#endif

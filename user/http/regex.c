// SPDX-License-Identifier: GPL-2.0
/* Compiles and matches regular expressions with PCRE2, bounded in time and memory. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "http/regex.h"
#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include "http/regex_syntax.h"

/* A step is some 20 ns: a hostile text and expression cost about 20 ms. */
#define MATCH_STEPS 1000000
#define MATCH_DEPTH 100000
#define MATCH_KIB 16384
#define NR_PAIRS 10 /* \0 to \9 */

struct regex {
	pcre2_code *code;
	pcre2_match_context *limits;
	uint32_t nr_groups;
	unsigned refs; /* as of regexes_hold */
};

/* What the last match of this thread has found. */
static pcre2_match_data *found_here(void)
{
	static _Thread_local pcre2_match_data *found;

	if (!found)
		found = pcre2_match_data_create(NR_PAIRS, NULL);
	return found;
}

static pcre2_code *code_compile(const struct regex_scan *s, int *error)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	uint32_t flags = PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_CIRCUMFLEX;
	pcre2_code *code;
	size_t at;

	if (s->utf8)
		flags |= PCRE2_UTF | PCRE2_MATCH_INVALID_UTF;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(context, 1000);
	code = pcre2_compile((PCRE2_SPTR)s->out.at, s->out.nr - 1, flags, error, &at, context);
	pcre2_compile_context_free(context);
	return code;
}

/* What is left to be wrong after the scan. */
static const char *error_name(int error)
{
	switch (error) {
	case PCRE2_ERROR_MALFORMED_UNICODE_PROPERTY:
	case PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY:
		return "an unknown \\p class";
	case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP:
		return "groups nested too deep";
	case PCRE2_ERROR_PATTERN_TOO_LARGE:
		return "more repetitions of groups than fit into 64 KiB";
	case PCRE2_ERROR_UNICODE_DISALLOWED_CODE_POINT:
		return "half of a surrogate pair";
	}
	return "something that cannot be compiled";
}

const char *regex_check(const char *text)
{
	static char wrong[64];
	struct regex_scan s;
	pcre2_code *code;
	int error = 0;

	*wrong = '\0';
	if (!regex_scan(&s, text)) {
		memcpy(wrong, s.wrong, sizeof(wrong));
	} else {
		code = code_compile(&s, &error);
		if (!code)
			snprintf(wrong, sizeof(wrong), "%s", error_name(error));
		pcre2_code_free(code);
	}
	regex_scan_free(&s);
	return *wrong ? wrong : NULL;
}

struct regex *regex_new(const char *text)
{
	struct regex_scan s;
	pcre2_code *code = NULL;
	struct regex *r = NULL;
	int error;

	if (regex_scan(&s, text))
		code = code_compile(&s, &error);
	regex_scan_free(&s);
	if (!code)
		return NULL;
	r = xcalloc(1, sizeof(*r));
	r->code = code;
	r->limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(r->limits, MATCH_STEPS);
	pcre2_set_depth_limit(r->limits, MATCH_DEPTH);
	pcre2_set_heap_limit(r->limits, MATCH_KIB);
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &r->nr_groups);
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_match_context_free(r->limits);
	pcre2_code_free(r->code);
	free(r);
}

static enum regex_result match(const struct regex *r, const char *text, size_t length, size_t from,
			       uint32_t flags)
{
	int n = pcre2_match(r->code, (PCRE2_SPTR)text, length, from, flags, found_here(), r->limits);

	if (n >= 0)
		return REGEX_YES;
	return n == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_LIMIT;
}

enum regex_result regex_match(const struct regex *r, const char *text, size_t length)
{
	return match(r, text, length, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED);
}

/* Whether all that the replacement refers to is there. */
static bool replacement_fits(const struct regex *r, const char *replacement)
{
	for (const char *at = replacement; *at; at++) {
		if (*at != '\\')
			continue;
		at++;
		if (*at != '\\' && (*at < '0' || *at > '9' || (uint32_t)(*at - '0') > r->nr_groups))
			return false;
	}
	return true;
}

static void replacement_put(FILE *out, const size_t *pairs, const char *text,
			    const char *replacement)
{
	for (const char *at = replacement; *at; at++) {
		unsigned group = (unsigned)(at[1] - '0');

		if (*at != '\\') {
			fputc(*at, out);
			continue;
		}
		at++;
		if (*at == '\\')
			fputc('\\', out);
		else if (pairs[2 * group] != PCRE2_UNSET) /* \K is refused: begin <= end */
			fwrite(text + pairs[2 * group], 1, pairs[2 * group + 1] - pairs[2 * group],
			       out);
	}
}

/* Each match from left to right; an empty one right behind another does not count, as in RE2. */
static enum regex_result replace_all(FILE *out, const struct regex *r, const char *text,
				     size_t length, const char *replacement)
{
	const size_t *pairs = pcre2_get_ovector_pointer(found_here());
	size_t at = 0, last = SIZE_MAX; /* where the last match ended */
	enum regex_result result = REGEX_NO, found;

	while (at <= length) {
		found = match(r, text, length, at, 0);
		if (found == REGEX_LIMIT)
			return found;
		if (found == REGEX_NO)
			break;
		fwrite(text + at, 1, pairs[0] - at, out);
		at = pairs[1];
		if (pairs[0] != pairs[1] || pairs[0] != last) {
			replacement_put(out, pairs, text, replacement);
			result = REGEX_YES;
			last = at;
		} else if (at < length) {
			fputc(text[at++], out);
		} else {
			return result;
		}
	}
	fwrite(text + at, 1, length - at, out);
	return result;
}

char *regex_replace(const struct regex *r, const char *text, size_t length, const char *replacement,
		    enum regex_result *result)
{
	char *replaced = NULL;
	size_t size;
	FILE *out;

	*result = REGEX_NO;
	if (!replacement_fits(r, replacement))
		return NULL;
	out = open_memstream(&replaced, &size);
	*result = replace_all(out, r, text, length, replacement);
	fclose(out);
	if (*result == REGEX_YES)
		return replaced;
	free(replaced);
	return NULL;
}

static struct regex *regexes_add(struct regexes *x, const char *text)
{
	struct regex *r = regex_new(text);

	if (r)
		strmap_put(&x->by_text, text, r);
	return r;
}

const struct regex *regexes_get(struct regexes *x, const char *text)
{
	const struct regex *r;

	if (x->shared)
		return strmap_get(x->shared, text);
	r = strmap_get(&x->by_text, text);
	return r ? r : regexes_add(x, text);
}

void regexes_hold(struct regexes *x, const char *text)
{
	struct regex *r = strmap_get(&x->by_text, text);

	if (!r)
		r = regexes_add(x, text);
	if (r)
		r->refs++;
}

void regexes_give(struct regexes *x, const char *text)
{
	struct regex *r = strmap_get(&x->by_text, text);

	if (!r || --r->refs)
		return;
	strmap_remove(&x->by_text, text);
	regex_free(r);
}

void regexes_free(struct regexes *x)
{
	struct strmap_entry *e;

	strmap_each(&x->by_text, e)
		regex_free(e->value);
	strmap_free(&x->by_text);
}

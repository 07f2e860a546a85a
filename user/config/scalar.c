// SPDX-License-Identifier: GPL-2.0
/* Values without parts: whole numbers, numbers, booleans, words and durations. */
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include "config/decode.h"

const char *text_of(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type != NODE_NULL ? n->text : NULL;
}

const char *scalar_of(const struct node *map, const char *key)
{
	const struct node *n = node_get(map, key);

	return n && n->type == NODE_STRING && n->length ? n->text : NULL;
}

static int64_t most(const struct field *f)
{
	return f->min || f->max ? f->max : UINT32_MAX;
}

static const char *want_number(struct decoder *d, const struct field *f, bool too_much)
{
	if (f->want)
		return f->want;
	if (!f->min && most(f) >= INT32_MAX && !too_much)
		return "a whole number of 0 or more";
	return arena_printf(d->arena, "a whole number from %lld to %lld", (long long)f->min,
			    (long long)most(f));
}

bool value_bool(struct decoder *d, const struct node *n, bool *out)
{
	if (n->type != NODE_BOOL) {
		decode_error(d, n, "%s is not true or false, want one of these%s", quoted(d, n),
			     n->type == NODE_STRING ? " without quotes" : "");
		return false;
	}
	*out = tolower((unsigned char)n->text[0]) == 't';
	return true;
}

/* "50.0" and "1e+06", as templates and encoders write whole numbers; digits up to the end. */
static int decimal_parse(const char *text, int64_t *out)
{
	char *end;
	double value = strtod(text, &end);

	if (*end || value != trunc(value))
		return -EINVAL;
	if (value >= 0x1p63)
		return -ERANGE;
	*out = (int64_t)value;
	return 0;
}

int integer_parse(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	int base = !strncasecmp(digits, "0x", 2) ? 16 : !strncasecmp(digits, "0o", 2) ? 8 : 10;
	char *end;
	int err;

	digits += base == 10 ? 0 : 2;
	if (!isxdigit((unsigned char)*digits))
		return -EINVAL;
	errno = 0;
	*out = strtoll(digits, &end, base);
	err = errno ? -ERANGE : 0;
	if (*end)
		err = base == 10 ? decimal_parse(digits, out) : -EINVAL;
	if (err)
		return err;
	if (*text == '-')
		*out = -*out;
	return 0;
}

bool value_integer(struct decoder *d, const struct field *f, const struct node *n, int64_t *out)
{
	int err;

	if (n->type != NODE_NUMBER) {
		int64_t inside;
		bool looks = n->type == NODE_STRING && !integer_parse(n->text, &inside);

		decode_error(d, n, "%s is not a number, want %s%s", quoted(d, n),
			     want_number(d, f, false), looks ? " without quotes" : "");
		return false;
	}
	err = integer_parse(n->text, out);
	if (err == -EINVAL) {
		decode_error(d, n, "%s is not a whole number, want %s", quoted(d, n),
			     want_number(d, f, false));
		return false;
	}
	if (err || *out < f->min || *out > most(f)) {
		decode_error(d, n, "%s is out of range, want %s", quoted(d, n),
			     want_number(d, f, err || *out > most(f)));
		return false;
	}
	return true;
}

bool value_number(struct decoder *d, const struct field *f, const struct node *n, double *out)
{
	double value;

	if (n->type != NODE_NUMBER) {
		decode_error(d, n, "%s is not a number, want %s", quoted(d, n),
			     f->want ? f->want : "a number");
		return false;
	}
	value = strtod(n->text, NULL);
	if (!isfinite(value) || (f->max && (value < (double)f->min || value > (double)f->max))) {
		decode_error(d, n, "%s is out of range, want %s", quoted(d, n),
			     f->want ? f->want : "a number");
		return false;
	}
	if (out)
		*out = value;
	return true;
}

/* "A, B or C" */
static const char *all_words(struct decoder *d, const struct word *words)
{
	const char *text = words->text;

	for (const struct word *w = words + 1; w->text; w++)
		text = arena_printf(d->arena, "%s%s%s", text, w[1].text ? ", " : " or ", w->text);
	return text;
}

bool value_word(struct decoder *d, const struct field *f, const struct node *n, int *out)
{
	const char *near = NULL;

	if (n->type == NODE_STRING) {
		for (const struct word *w = f->words; w->text; w++) {
			if (!strcmp(w->text, n->text)) {
				*out = w->value;
				return true;
			}
			near = nearest(n->text, near, w->text);
		}
	}
	if (near)
		decode_error(d, n, "%s is not known, did you mean %s?", quoted(d, n), near);
	else
		decode_error(d, n, "%s is not known, want %s", quoted(d, n),
			     all_words(d, f->words));
	return false;
}

static double unit_of(const char **at)
{
	static const struct {
		const char *text;
		double ns;
	} units[] = {{"ns", 1},	  {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"\xce\xbcs", 1e3},
		     {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},	   {"h", 3600e9}};

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		size_t length = strlen(units[i].text);

		if (!strncmp(*at, units[i].text, length)) {
			*at += length;
			return units[i].ns;
		}
	}
	return 0;
}

int duration_parse(const char *text, int64_t *out)
{
	const char *at = text + (*text == '-' || *text == '+');
	double sum = 0;

	if (!strcmp(at, "0")) {
		*out = 0;
		return 0;
	}
	if (!*at)
		return -EINVAL;
	while (*at) {
		double value, unit;
		char *end;

		/* strtod takes more than digits and a point: no sign, exponent or word here */
		if (strspn(at, "0123456789.") == 0)
			return -EINVAL;
		value = strtod(at, &end);
		if (end != at + strspn(at, "0123456789."))
			return -EINVAL;
		at = end;
		unit = unit_of(&at);
		if (!unit)
			return -EINVAL;
		sum += value * unit;
	}
	if (sum > 9.2e18)
		return -ERANGE;
	*out = llround(*text == '-' ? -sum : sum);
	return 0;
}

bool value_duration(struct decoder *d, const struct field *f, const struct node *n, int64_t *out)
{
	int64_t ns;

	if (n->type != NODE_STRING || duration_parse(n->text, &ns)) {
		decode_error(d, n, "%s is not a duration, want one like 1.5s, 250ms or 1h30m",
			     quoted(d, n));
		return false;
	}
	if (out)
		*out = ns;
	if (f->flags & FIELD_ZERO && !ns)
		return true;
	if (f->flags & FIELD_FINE && ns >= f->min)
		return true;
	if (f->flags & FIELD_FINE && !f->min) {
		decode_error(d, n, "%s is negative, want 0s or more", quoted(d, n));
		return false;
	}
	if (ns < 1000000) {
		decode_error(d, n, "%s is too short, want 1ms or more%s", quoted(d, n),
			     f->flags & FIELD_ZERO ? ", or 0s" : "");
		return false;
	}
	if (ns % 1000000) {
		decode_error(d, n, "%s is too fine, want whole milliseconds", quoted(d, n));
		return false;
	}
	return true;
}

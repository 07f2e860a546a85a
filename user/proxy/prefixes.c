// SPDX-License-Identifier: GPL-2.0
/* Sorted texts: all that begin a text stand on one chain, which starts where it would be put. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "proxy/prefixes.h"

static unsigned letter(unsigned char c, bool fold)
{
	return fold && c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* How many bytes at their begin are the same. */
static size_t common(const char *a, size_t length_a, const char *b, size_t length_b, bool fold)
{
	size_t most = length_a < length_b ? length_a : length_b, n = 0;

	while (n < most && letter(a[n], fold) == letter(b[n], fold))
		n++;
	return n;
}

static int order(const char *a, size_t length_a, const char *b, size_t length_b, bool fold)
{
	size_t most = length_a < length_b ? length_a : length_b;
	int by_text = 0;

	if (most)
		by_text = fold ? strncasecmp(a, b, most) : memcmp(a, b, most);
	return by_text ? by_text : (length_a > length_b) - (length_a < length_b);
}

static int item_order(const void *a, const void *b, void *fold)
{
	const struct prefix_item *x = a, *y = b;
	int by_text = order(x->text, x->length, y->text, y->length, *(bool *)fold);

	return by_text ? by_text : (x->value > y->value) - (x->value < y->value);
}

/* The longest of `p` and what begins it that begins `text` too. */
static const struct prefix *beginning(const struct prefix *p, const char *text, size_t length,
				      bool fold)
{
	size_t same = p ? common(p->text, p->length, text, length, fold) : 0;

	while (p && p->length > same)
		p = p->shorter;
	return p;
}

static void prefix_add(struct prefixes *out, const struct prefix_item *i, const uint32_t *value)
{
	struct prefix *last = out->nr ? &out->at[out->nr - 1] : NULL;

	if (last && !order(last->text, last->length, i->text, i->length, out->fold)) {
		last->nr++;
		return;
	}
	out->at[out->nr++] = (struct prefix){
		.text = i->text,
		.length = i->length,
		.shorter = beginning(last, i->text, i->length, out->fold),
		.values = value,
		.nr = 1,
	};
}

void prefixes_build(struct prefixes *out, struct arena *arena, struct prefix_item *items, size_t nr,
		    bool fold)
{
	uint32_t *values;

	*out = (struct prefixes){.fold = fold};
	if (!nr)
		return;
	qsort_r(items, nr, sizeof(items[0]), item_order, &fold);
	values = arena_alloc(arena, nr * sizeof(values[0]));
	out->at = arena_alloc(arena, nr * sizeof(out->at[0]));
	for (size_t i = 0; i < nr; i++) {
		values[i] = items[i].value;
		prefix_add(out, &items[i], &values[i]);
	}
}

/* Whatever begins the text begins all that stands between it and the text, in sorted order. */
const struct prefix *prefixes_find(const struct prefixes *p, const char *text, size_t length)
{
	size_t low = 0, high = p->nr;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct prefix *at = &p->at[middle];

		if (order(at->text, at->length, text, length, p->fold) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? beginning(&p->at[low - 1], text, length, p->fold) : NULL;
}

// SPDX-License-Identifier: GPL-2.0
/* Collects diagnostics; printing them is in diag_print.c. */
#include <stdarg.h>
#include <string.h>
#include "base/diag.h"
#include "base/strmap.h"

#define MAX_KEPT 1000

const char *place_file(const char *name)
{
	static struct strmap names;
	char *copy = strmap_get(&names, name);

	if (!copy) {
		copy = xstrdup(name);
		strmap_put(&names, name, copy);
	}
	return copy;
}

static void free_one(struct diag *one)
{
	free(one->path);
	free(one->text);
	free(one->source);
}

/* Takes over what `one` owns; counting is the caller's. */
static void keep(struct diags *d, struct diag *one)
{
	if (d->strict && one->level == DIAG_WARNING)
		one->level = DIAG_ERROR;
	if (d->list.nr < MAX_KEPT) {
		vec_push(&d->list, *one);
		return;
	}
	d->nr_dropped++;
	free_one(one);
}

static void count(struct diags *d, size_t nr_errors, size_t nr_warnings)
{
	d->nr_errors += nr_errors + (d->strict ? nr_warnings : 0);
	d->nr_warnings += d->strict ? 0 : nr_warnings;
}

void diag_add(struct diags *d, enum diag_level level, const struct place *place, const char *path,
	      const char *format, ...)
{
	struct diag one = {.level = level};
	va_list args;

	if (place)
		one.place = *place;
	if (d->list.nr < MAX_KEPT) {
		one.path = path ? xstrdup(path) : NULL;
		va_start(args, format);
		one.text = xvasprintf(format, args);
		va_end(args);
	}
	count(d, level == DIAG_ERROR, level == DIAG_WARNING);
	keep(d, &one);
}

void diags_take(struct diags *to, struct diags *from)
{
	struct diag *one;

	/* Not by walking the list: what was dropped is counted too. */
	count(to, from->nr_errors, from->nr_warnings);
	to->nr_dropped += from->nr_dropped;
	vec_each (&from->list, one)
		keep(to, one);
	vec_free(&from->list);
	*from = (struct diags){.strict = from->strict};
}

void diags_drop_file(struct diags *d, const char *file)
{
	size_t kept = 0;

	for (size_t i = 0; i < d->list.nr; i++) {
		struct diag *one = &d->list.at[i];

		if (!one->place.file || strcmp(one->place.file, file)) {
			d->list.at[kept++] = *one;
			continue;
		}
		d->nr_errors -= one->level == DIAG_ERROR;
		d->nr_warnings -= one->level == DIAG_WARNING;
		free_one(one);
	}
	d->list.nr = kept;
}

void diags_free(struct diags *d)
{
	struct diag *one;

	vec_each (&d->list, one)
		free_one(one);
	vec_free(&d->list);
	*d = (struct diags){.strict = d->strict};
}

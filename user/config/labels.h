/* SPDX-License-Identifier: GPL-2.0 */
/* Labels: sorted nowhere, searched from the front, so their number is bounded where they are decoded. */
#ifndef CONFIG_LABELS_H
#define CONFIG_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"

struct label {
	const char *key, *value;
};
struct labels {
	struct label *at;
	size_t nr;
};
const char *labels_get(const struct labels *l, const char *key); /* NULL: not there */
bool labels_contain(const struct labels *l, const struct labels *wanted);
/* `winner` over `loser`. */
void labels_merge(struct arena *a, const struct labels *winner, const struct labels *loser,
		  struct labels *out);

#endif

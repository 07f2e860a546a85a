// SPDX-License-Identifier: GPL-2.0
/* Labels and annotations: few keys, so a list that is searched from the front. */
#include <string.h>
#include "config/decode.h"

const char *labels_get(const struct labels *l, const char *key)
{
	for (size_t i = 0; i < l->nr; i++)
		if (!strcmp(l->at[i].key, key))
			return l->at[i].value;
	return NULL;
}

bool labels_contain(const struct labels *l, const struct labels *wanted)
{
	for (size_t i = 0; i < wanted->nr; i++) {
		const char *value = labels_get(l, wanted->at[i].key);

		if (!value || strcmp(value, wanted->at[i].value))
			return false;
	}
	return true;
}

void labels_decode(struct arena *a, const struct node *n, struct labels *out)
{
	const struct node *it;

	out->nr = 0;
	out->at = n->nr ? arena_alloc(a, n->nr * sizeof(*out->at)) : NULL;
	node_each(n, it) {
		if (it->type != NODE_STRING)
			continue;
		out->at[out->nr].key = arena_strdup(a, it->key);
		out->at[out->nr++].value = arena_strndup(a, it->text, it->length);
	}
}

void labels_merge(struct arena *a, const struct labels *winner, const struct labels *loser,
		  struct labels *out)
{
	struct labels merged = {
		.at = arena_alloc(a, (winner->nr + loser->nr + 1) * sizeof(*merged.at))};

	for (size_t i = 0; i < winner->nr; i++)
		merged.at[merged.nr++] = winner->at[i];
	for (size_t i = 0; i < loser->nr; i++)
		if (!labels_get(winner, loser->at[i].key))
			merged.at[merged.nr++] = loser->at[i];
	*out = merged;
}

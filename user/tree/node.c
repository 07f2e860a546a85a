// SPDX-License-Identifier: GPL-2.0
/* Looking into trees, comparing them, and building them by hand. */
#include <math.h>
#include <string.h>
#include "tree/node.h"
#include "tree/scalar.h"

struct node *node_get(const struct node *map, const char *key)
{
	struct node *it;

	if (!map || map->type != NODE_MAP)
		return NULL;
	node_each (map, it)
		if (!strcmp(it->key, key))
			return it;
	return NULL;
}

const char *node_text(const struct node *map, const char *key)
{
	const struct node *value = node_get(map, key);

	return value ? value->text : NULL;
}

static bool same_scalar(const struct node *a, const struct node *b)
{
	long double x, y;

	switch (a->type) {
	case NODE_NULL:
		return true;
	case NODE_BOOL:
		return (a->text[0] | 0x20) == (b->text[0] | 0x20);
	case NODE_NUMBER:
		if (!strcmp(a->text, b->text))
			return true;
		x = scalar_number(a->text);
		y = scalar_number(b->text);
		return x == y || (isnan(x) && isnan(y));
	default:
		return a->length == b->length && !memcmp(a->text, b->text, a->length);
	}
}

bool node_equal(const struct node *a, const struct node *b)
{
	const struct node *x, *y;

	if (!a || !b)
		return a == b;
	if (a->type != b->type || a->nr != b->nr)
		return false;
	if (a->type != NODE_LIST && a->type != NODE_MAP)
		return same_scalar(a, b);
	for (x = a->child, y = b->child; x && y; x = x->next, y = y->next)
		if ((a->type == NODE_MAP && strcmp(x->key, y->key) != 0) || !node_equal(x, y))
			return false;
	return !x && !y;
}

const char *node_type_name(enum node_type type)
{
	static const char *const names[] = {"nothing",	"true or false", "a number",
					    "a string", "a list",	 "a map"};

	return names[type];
}

struct node *node_new(struct arena *a, enum node_type type, const char *text)
{
	struct node *n = arena_alloc(a, sizeof(*n));

	n->type = type;
	if (type == NODE_LIST || type == NODE_MAP)
		return n;
	if (!text)
		text = "";
	n->length = strlen(text);
	n->text = arena_strndup(a, text, n->length);
	return n;
}

void node_append(struct node *parent, const char *key, struct node *child, struct arena *a)
{
	struct node **end = &parent->child;

	while (*end)
		end = &(*end)->next;
	*end = child;
	child->next = NULL;
	child->key = key ? arena_strdup(a, key) : NULL;
	parent->nr++;
}

struct node *node_copy(struct arena *a, const struct node *from)
{
	struct node *n = arena_alloc(a, sizeof(*n)), **end = &n->child;
	const struct node *it;

	*n = *from;
	n->next = n->child = NULL;
	if (from->text)
		n->text = arena_strndup(a, from->text, from->length);
	if (from->key)
		n->key = arena_strdup(a, from->key);
	node_each (from, it) {
		*end = node_copy(a, it);
		end = &(*end)->next;
	}
	return n;
}

// SPDX-License-Identifier: GPL-2.0
/* Builds one document's tree from parser events, without recursion over the input. */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "tree/scalar.h"
#include "tree/yaml_build.h"

#define SHOWN 60 /* bytes of a name that a message repeats */

int name_shown(const char *name)
{
	size_t n = strnlen(name, SHOWN + 1);

	if (n > SHOWN)
		for (n = SHOWN; n && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
			;
	return (int)n;
}

void build_fault(struct build *b, const struct place *place, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = xvasprintf(format, args);
	va_end(args);
	diag_add(b->diags, DIAG_ERROR, place, NULL, "%s", text);
	free(text);
	b->faulty = true;
	b->nr_faults++;
}

struct cursor build_find(const struct build *b, size_t index)
{
	struct cursor c = index < b->now.index ? b->doc : b->now;

	cursor_to_index(&c, index);
	return c;
}

/* NULL past the bound; the fault is then said. */
static struct node *new_node(struct build *b, enum node_type type)
{
	struct node *n;

	if (b->nr_nodes == TREE_MAX_NODES) {
		build_fault(b, &b->now.place, "more than %u values in one text", TREE_MAX_NODES);
		return NULL;
	}
	b->nr_nodes++;
	if (!b->arena)
		b->arena = arena_new();
	n = arena_alloc(b->arena, sizeof(*n));
	n->type = type;
	n->place = b->now.place;
	return n;
}

static struct frame *top(struct build *b)
{
	return b->depth ? &b->stack[b->depth - 1] : NULL;
}

static bool wants_key(struct build *b)
{
	struct frame *f = top(b);

	return f && f->node->type == NODE_MAP && !f->key;
}

/* Gives the node to the open list or map, or makes it the root. */
static void attach(struct build *b, struct node *n)
{
	struct frame *f = top(b);
	const struct node *earlier;
	bool keep = true;

	if (!f) {
		b->root = n;
		return;
	}
	if (f->node->type == NODE_MAP) {
		n->key = f->key;
		n->key_place = f->key_place;
		keep = !f->key_faulty;
		f->key = NULL;
		f->key_faulty = false;
		earlier = keep ? keyset_add(&f->keys, f->node, n) : NULL;
		if (earlier) {
			build_fault(b, &n->key_place, "key \"%.*s\" stands twice, first in line %u",
				    name_shown(n->key), n->key, earlier->key_place.line);
			keep = false;
		}
	}
	if (!keep)
		return;
	*(f->last ? &f->last->next : &f->node->child) = n;
	f->last = n;
	f->node->nr++;
}

static bool check_text(struct build *b, const char *text, size_t length)
{
	if (length > TREE_MAX_SCALAR)
		build_fault(b, &b->now.place, "a text of %zu bytes, want at most %u", length,
			    TREE_MAX_SCALAR);
	else if (memchr(text, '\0', length))
		build_fault(b, &b->now.place, "a NUL byte (\\0) in a text, want none");
	else
		return true;
	return false;
}

/* Takes the scalar as the key of the open map. */
static void set_key(struct build *b, const char *text, size_t length, bool plain)
{
	struct frame *f = top(b);

	f->key_place = b->now.place;
	f->key_faulty = true;
	f->key = "";
	if (!check_text(b, text, length))
		return;
	if (plain && !length)
		build_fault(b, &b->now.place, "no key before the ':', want \"key: value\"");
	else if (plain && !strcmp(text, "<<"))
		build_fault(b, &b->now.place,
			    "merge keys (<<) are not taken, want the fields written out");
	else
		f->key_faulty = false;
	f->key = arena_strndup(b->arena, text, length);
}

static int add_anchor(struct build *b, const yaml_char_t *anchor, struct node *n)
{
	if (!anchor)
		return 0;
	if (b->anchors.nr == TREE_MAX_EXPANDED) {
		build_fault(b, &b->now.place, "more than %u anchors in one document",
			    TREE_MAX_EXPANDED);
		return -E2BIG;
	}
	strmap_put(&b->anchors, (const char *)anchor, n);
	return 0;
}

static int on_scalar(struct build *b, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	bool is_key = wants_key(b), plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	const char *tag = build_tag(b, event->data.scalar.tag);
	struct node *n = NULL;

	if (!is_key || event->data.scalar.anchor) {
		n = new_node(b, plain && !tag ? scalar_resolve(text, length) : NODE_STRING);
		if (!n)
			return -E2BIG;
		if (tag)
			n->type = build_tagged_type(b, tag, text, length);
		if (!is_key && !check_text(b, text, length))
			length = 0;
		n->text = arena_strndup(b->arena, text, length);
		n->length = length;
	}
	if (is_key)
		set_key(b, text, length, plain);
	else
		attach(b, n);
	return add_anchor(b, event->data.scalar.anchor, n);
}

static int open_collection(struct build *b, enum node_type type, const yaml_char_t *tag,
			   const yaml_char_t *anchor)
{
	const char *core = build_tag(b, tag);
	struct node *n;
	bool is_key = wants_key(b);

	if (b->depth == TREE_MAX_DEPTH) {
		build_fault(b, &b->now.place, "more than %u levels of lists and maps",
			    TREE_MAX_DEPTH);
		return -EINVAL;
	}
	n = new_node(b, type);
	if (!n)
		return -E2BIG;
	if (core && strcmp(core, type == NODE_MAP ? "map" : "seq") != 0)
		build_fault(b, &b->now.place, "tag !!%s on %s", core, node_type_name(type));
	if (is_key)
		build_fault(b, &n->place, "%s as a key, want a string", node_type_name(type));
	b->stack[b->depth++] = (struct frame){.node = n, .is_key = is_key};
	return add_anchor(b, anchor, n);
}

static void close_collection(struct build *b)
{
	struct frame f = *top(b);

	keyset_free(&f.keys);
	b->depth--;
	if (!f.is_key) {
		attach(b, f.node);
		return;
	}
	top(b)->key = "";
	top(b)->key_faulty = true;
}

/*
 * A copy of what the alias names, `level` lists and maps deep if it is one; texts and keys are
 * shared. NULL past a bound.
 */
static struct node *expand(struct build *b, const struct node *from, unsigned level)
{
	const struct node *it;
	struct node *n, **end;

	if (b->nr_expanded == TREE_MAX_EXPANDED) {
		build_fault(b, &b->now.place, "aliases grow to more than %u values",
			    TREE_MAX_EXPANDED);
		return NULL;
	}
	if (from->type >= NODE_LIST && level > TREE_MAX_DEPTH) {
		build_fault(b, &b->now.place,
			    "with this alias more than %u levels of lists and maps",
			    TREE_MAX_DEPTH);
		return NULL;
	}
	b->nr_expanded++;
	n = new_node(b, from->type);
	if (!n)
		return NULL;
	*n = *from;
	n->next = n->child = NULL;
	end = &n->child;
	node_each (from, it) {
		*end = expand(b, it, level + 1);
		if (!*end)
			return NULL;
		end = &(*end)->next;
	}
	return n;
}

static bool is_open(const struct build *b, const struct node *n)
{
	for (unsigned i = 0; i < b->depth; i++)
		if (b->stack[i].node == n)
			return true;
	return false;
}

/* What the alias names; after a fault, nothing. */
static const struct node *named(struct build *b, const char *name)
{
	static const struct node nothing = {.type = NODE_NULL, .text = ""};
	const struct node *from = strmap_get(&b->anchors, name);

	if (!from)
		build_fault(b, &b->now.place,
			    "alias *%.*s names no anchor; a text that starts with * wants quotes",
			    name_shown(name), name);
	else if (is_open(b, from))
		build_fault(b, &b->now.place, "alias *%.*s stands inside what it names",
			    name_shown(name), name);
	else if (wants_key(b) && from->type >= NODE_LIST)
		build_fault(b, &b->now.place, "%s as a key, want a string",
			    node_type_name(from->type));
	else
		return from;
	return &nothing;
}

static int on_alias(struct build *b, const char *name)
{
	const struct node *from = named(b, name);
	struct node *n;

	if (wants_key(b)) {
		set_key(b, from->text, from->length, false);
		return 0;
	}
	n = expand(b, from, b->depth + 1);
	if (!n)
		return -E2BIG;
	n->key = NULL;
	attach(b, n);
	return 0;
}

int build_event(struct build *b, const yaml_event_t *event)
{
	cursor_to_index(&b->now, event->start_mark.index);
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		b->doc = b->now;
		return 0;
	case YAML_MAPPING_START_EVENT:
		return open_collection(b, NODE_MAP, event->data.mapping_start.tag,
				       event->data.mapping_start.anchor);
	case YAML_SEQUENCE_START_EVENT:
		return open_collection(b, NODE_LIST, event->data.sequence_start.tag,
				       event->data.sequence_start.anchor);
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		close_collection(b);
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(b, event);
	case YAML_ALIAS_EVENT:
		return on_alias(b, (const char *)event->data.alias.anchor);
	default:
		return 0;
	}
}

void build_end_document(struct build *b)
{
	while (b->depth)
		keyset_free(&b->stack[--b->depth].keys);
	arena_free(b->arena);
	b->arena = NULL;
	strmap_free(&b->anchors);
	b->root = NULL;
	b->faulty = false;
}

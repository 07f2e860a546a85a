/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Mutates configuration as a tree, so that most of what a fuzzer tries gets past the parser: values
 * move between fields and documents, elements come and go, words turn into odd ones. To be included
 * once by each fuzzer that wants it.
 */
#ifndef FUZZ_MUTATE_H
#define FUZZ_MUTATE_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "base/vec.h"
#include "tree/node.h"

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t size_a, const uint8_t *b, size_t size_b,
				 uint8_t *out, size_t max_out, unsigned seed);

struct forest {
	struct arena *arena;
	VEC(struct node *) roots;
	VEC(struct node *) all; /* every node of them */
	uint64_t random;
};

static uint32_t forest_random(struct forest *f, size_t below)
{
	f->random = f->random * 6364136223846793005u + 1442695040888963407u;
	return below ? (uint32_t)((f->random >> 33) % below) : 0;
}

static void forest_collect(struct forest *f, struct node *n)
{
	struct node *it;

	vec_push(&f->all, n);
	node_each(n, it)
		forest_collect(f, it);
}

static int forest_add(struct node *root, void *arg)
{
	struct forest *f = arg;
	struct node *copy = node_copy(f->arena, root);

	vec_push(&f->roots, copy);
	forest_collect(f, copy);
	return 0;
}

static void forest_read(struct forest *f, const uint8_t *data, size_t size)
{
	struct diags diags = {0};

	yaml_read("fuzz.yaml", (const char *)data, size, &diags, forest_add, f);
	diags_free(&diags);
}

static struct node *forest_pick(struct forest *f)
{
	return f->all.at[forest_random(f, f->all.nr)];
}

static const char *forest_word(struct forest *f)
{
	static const char *const words[] = {
		"", "*", "*.example.com", "mesh", ".", "~", "./*", "*/*", "0", "1", "-1", "65535",
		"65536", "4294967296", "100", "101", "10.0.0.0/8", "10.1.2.3", "fd00::1", "::/0",
		"unix:///x", "default", "istio-system", "0s", "1ms", "1h", "true", "null", "a{2,3}b*",
		"(", "[[:alpha:]]+", "/api", "/", "reviews", "reviews.default.svc.cluster.local",
		"STATIC", "DNS", "NONE", "REGISTRY_ONLY", "ROUND_ROBIN", "SIMPLE", "request", "host",
	};

	return words[forest_random(f, sizeof(words) / sizeof(*words))];
}

/* `n` becomes a copy of `from`, but stays where it is and keeps its name. */
static void node_become(struct forest *f, struct node *n, const struct node *from)
{
	struct node *copy = node_copy(f->arena, from);

	copy->next = n->next;
	copy->key = n->key;
	*n = *copy;
}

static bool node_holds(const struct node *n, const struct node *what)
{
	const struct node *it;

	if (n == what)
		return true;
	node_each(n, it)
		if (node_holds(it, what))
			return true;
	return false;
}

static void child_drop(struct forest *f, struct node *n)
{
	struct node **at = &n->child;

	if (!n->nr)
		return;
	for (uint32_t i = forest_random(f, n->nr); i > 0; i--)
		at = &(*at)->next;
	*at = (*at)->next;
	n->nr--;
}

static void child_add(struct forest *f, struct node *n, const struct node *from)
{
	struct node *copy;

	if (node_holds(from, n) || (n->type != NODE_LIST && n->type != NODE_MAP))
		return;
	copy = node_copy(f->arena, from);
	if (n->type == NODE_MAP && (!copy->key || node_get(n, copy->key)))
		return;
	node_append(n, n->type == NODE_MAP ? copy->key : NULL, copy, f->arena);
}

/* A value from a field of the same name elsewhere, or an odd word. */
static void scalar_change(struct forest *f, struct node *n)
{
	struct node *other = forest_pick(f);

	for (size_t i = 0; i < 32 && n->key; i++, other = forest_pick(f))
		if (other != n && other->key && !strcmp(other->key, n->key))
			break;
	if (forest_random(f, 3) && other != n && !node_holds(other, n))
		node_become(f, n, other);
	else
		node_become(f, n, node_new(f->arena, forest_random(f, 2) ? NODE_STRING : NODE_NUMBER,
					   forest_random(f, 2) ? forest_word(f) : "7"));
}

static void forest_mutate(struct forest *f)
{
	struct node *n = forest_pick(f), *other = forest_pick(f);

	switch (forest_random(f, 6)) {
	case 0:
		child_drop(f, n);
		break;
	case 1:
		child_add(f, n, other);
		break;
	case 2:
		if (!node_holds(other, n) && !node_holds(n, other))
			node_become(f, n, other);
		break;
	case 3:
		if (n->key && other->key && n != other)
			n->key = other->key;
		break;
	case 4:
		if (f->roots.nr < 32)
			vec_push(&f->roots, node_copy(f->arena, f->roots.at[forest_random(
							      f, f->roots.nr)]));
		break;
	default:
		if (n->type != NODE_LIST && n->type != NODE_MAP)
			scalar_change(f, n);
	}
}

/* The documents as text; 0 when they do not fit. */
static size_t forest_write(struct forest *f, uint8_t *data, size_t max_size)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < f->roots.nr; i++) {
		fputs("---\n", out);
		node_print_json(f->roots.at[i], out);
		fputc('\n', out);
	}
	fclose(out);
	if (size <= max_size)
		memcpy(data, text, size);
	free(text);
	return size <= max_size ? size : 0;
}

static void forest_free(struct forest *f)
{
	vec_free(&f->roots);
	vec_free(&f->all);
	arena_free(f->arena);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct forest f = {.arena = arena_new(), .random = seed};
	size_t written = 0;

	if (seed % 8)
		forest_read(&f, data, size);
	if (f.all.nr) {
		for (uint32_t i = 1 + forest_random(&f, 4); i > 0; i--)
			forest_mutate(&f);
		written = forest_write(&f, data, max_size);
	}
	forest_free(&f);
	return written ? written : LLVMFuzzerMutate(data, size, max_size);
}

/* Documents of both, by turns. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t size_a, const uint8_t *b, size_t size_b,
				 uint8_t *out, size_t max_out, unsigned seed)
{
	struct forest f = {.arena = arena_new(), .random = seed};
	size_t written;

	forest_read(&f, a, size_a);
	forest_read(&f, b, size_b);
	while (f.roots.nr > 24)
		f.roots.at[forest_random(&f, f.roots.nr)] = f.roots.at[--f.roots.nr];
	written = f.roots.nr ? forest_write(&f, out, max_out) : 0;
	forest_free(&f);
	return written;
}

#endif

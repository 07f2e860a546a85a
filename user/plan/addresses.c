// SPDX-License-Identifier: GPL-2.0
/* Addresses that hosts get from us, the same ones as long as this table is kept. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/plan.h"

/* A number below 65,536 is the last two bytes of both addresses; the first and last are left out. */
#define NUMBER_FIRST 1u
#define NUMBER_LAST 65534u

struct addresses {
	struct strmap numbers; /* host -> number, as a pointer */
	uint8_t taken[65536 / 8];
	bool changed;
};

struct addresses *addresses_new(void)
{
	return xcalloc(1, sizeof(struct addresses));
}

void addresses_free(struct addresses *a)
{
	if (!a)
		return;
	strmap_free(&a->numbers);
	free(a);
}

static bool is_taken(const struct addresses *a, unsigned number)
{
	return a->taken[number / 8] & 1u << number % 8;
}

static void put(struct addresses *a, const char *host, unsigned number)
{
	strmap_put(&a->numbers, host, (void *)(uintptr_t)number);
	a->taken[number / 8] |= 1u << number % 8;
	a->changed = true;
}

/* FNV-1a: the same host starts at the same number on every machine, whoever comes first. */
static unsigned number_of(const char *host)
{
	uint32_t hash = 2166136261u;

	for (; *host; host++)
		hash = (hash ^ (uint8_t)*host) * 16777619u;
	return NUMBER_FIRST + hash % (NUMBER_LAST - NUMBER_FIRST + 1);
}

static int number_pick(struct addresses *a, const char *host, unsigned *out)
{
	unsigned first = number_of(host), number = first;

	while (is_taken(a, number)) {
		number = number == NUMBER_LAST ? NUMBER_FIRST : number + 1;
		if (number == first)
			return -ENOSPC;
	}
	*out = number;
	put(a, host, number);
	return 0;
}

int addresses_of(struct addresses *a, const char *host, struct inet *ipv4, struct inet *ipv6)
{
	unsigned number = (uintptr_t)strmap_get(&a->numbers, host);
	int err;

	if (!number) {
		err = number_pick(a, host, &number);
		if (err)
			return err;
	}
	*ipv4 = (struct inet){{[10] = 0xff, 0xff, 240, 240, number >> 8, number & 255}};
	*ipv6 = (struct inet){{0x20, 0x01, 0, 2, [14] = number >> 8, number & 255}};
	return 0;
}

char *addresses_print(const struct addresses *a)
{
	const struct strmap_entry *e;
	size_t size;
	char *text;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	strmap_each(&a->numbers, e)
		fprintf(out, "%s %u\n", e->key, (unsigned)(uintptr_t)e->value);
	fclose(out);
	return text;
}

static int line_read(struct addresses *a, char *line)
{
	char *rest = line + strcspn(line, " ");
	unsigned number, old;
	int end = 0;

	if (rest == line || sscanf(rest, " %u%n", &number, &end) != 1 || rest[end] ||
	    number < NUMBER_FIRST || number > NUMBER_LAST)
		return -EINVAL;
	*rest = '\0';
	old = (uintptr_t)strmap_get(&a->numbers, line);
	if (old == number)
		return 0;
	if (old || is_taken(a, number))
		return -EINVAL;
	put(a, line, number);
	return 0;
}

int addresses_read(struct addresses *a, const char *text)
{
	int err = 0;

	/* a bad line costs its own host the address, not those after it */
	while (*text) {
		size_t length = strcspn(text, "\n");
		char *line = xstrndup(text, length);

		if (*line && line_read(a, line))
			err = -EINVAL;
		free(line);
		text += length + (text[length] == '\n');
	}
	return err;
}

bool addresses_changed(struct addresses *a)
{
	bool changed = a->changed;

	a->changed = false;
	return changed;
}

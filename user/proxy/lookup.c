// SPDX-License-Identifier: GPL-2.0
/* The indexes over a table: entries by address, ports by host, rules by path. */
#include <stdlib.h>
#include <string.h>
#include "proxy/hosts.h"
#include "proxy/lookup.h"
#include "proxy/rules.h"

struct lookup {
	const struct table *table;
	uint32_t *entries; /* open addressing; the number of an entry plus one, 0 is free */
	size_t mask;
	struct hosts *hosts; /* by port number */
	size_t nr_hosts;
	struct rules *rules; /* of each port of the table */
	struct arena *arena;
};

/* ---- entries ---- */

static uint64_t mix(uint64_t h, uint64_t word)
{
	h = (h ^ word) * 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

static size_t entry_hash(const struct inet *address, uint16_t port, uint32_t scope)
{
	uint64_t words[2];

	memcpy(words, address->byte, sizeof(words));
	return mix(mix(mix(0, words[0]), words[1]), (uint64_t)port << 32 | scope);
}

/* Where the entry is, or would go. */
static size_t entry_slot(const struct lookup *l, const struct inet *address, uint16_t port,
			 uint32_t scope)
{
	size_t slot = entry_hash(address, port, scope) & l->mask;

	for (; l->entries[slot]; slot = (slot + 1) & l->mask) {
		const struct table_entry *e = &l->table->entries[l->entries[slot] - 1];

		if (e->scope == scope && e->port == port && inet_equal(&e->address, address))
			break;
	}
	return slot;
}

static void entries_index(struct lookup *l)
{
	size_t size = 8;

	while (size < l->table->nr_entries * 2)
		size *= 2;
	l->mask = size - 1;
	l->entries = arena_alloc(l->arena, size * sizeof(l->entries[0]));
	for (size_t i = 0; i < l->table->nr_entries; i++) {
		const struct table_entry *e = &l->table->entries[i];
		size_t slot = entry_slot(l, &e->address, e->port, e->scope);

		if (!l->entries[slot])
			l->entries[slot] = (uint32_t)i + 1;
	}
}

static const struct table_port *entry_find(const struct lookup *l, const struct inet *address,
					   uint16_t port, uint32_t scope)
{
	uint32_t at = l->entries[entry_slot(l, address, port, scope)];

	return at ? &l->table->ports[l->table->entries[at - 1].at] : NULL;
}

/* ---- scopes ---- */

static int scope_order(const void *key, const void *at)
{
	uint32_t number = *(const uint32_t *)key;
	const struct table_scope *s = at;

	return (number > s->number) - (number < s->number);
}

/* NULL: nothing is said of it. */
static const struct table_scope *scope_find(const struct lookup *l, uint32_t number)
{
	const struct table *t = l->table;

	return t->nr_scopes ? bsearch(&number, t->scopes, t->nr_scopes, sizeof(t->scopes[0]),
				      scope_order)
			    : NULL;
}

static bool is_closed(const struct lookup *l, uint32_t number)
{
	const struct table_scope *s = scope_find(l, number);

	return s && s->closed;
}

bool lookup_refuses_unknown(const struct lookup *l, uint32_t scope)
{
	const struct table_scope *s = scope_find(l, scope);

	return s && s->refuse_unknown;
}

/* ---- hosts ---- */

static int number_order(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

static int hosts_order(const void *key, const void *at)
{
	return *(const uint16_t *)key - ((const struct hosts *)at)->number;
}

static struct hosts *hosts_of(const struct lookup *l, uint16_t number)
{
	return l->nr_hosts
		       ? bsearch(&number, l->hosts, l->nr_hosts, sizeof(l->hosts[0]), hosts_order)
		       : NULL;
}

static void hosts_index(struct lookup *l)
{
	const struct table *t = l->table;
	uint16_t *numbers = xcalloc(t->nr_ports, sizeof(*numbers));

	for (size_t i = 0; i < t->nr_ports; i++)
		numbers[i] = t->ports[i].port;
	qsort(numbers, t->nr_ports, sizeof(*numbers), number_order);
	l->hosts = arena_alloc(l->arena, t->nr_ports * sizeof(l->hosts[0]));
	for (size_t i = 0; i < t->nr_ports; i++)
		if (!i || numbers[i] != numbers[i - 1])
			l->hosts[l->nr_hosts++].number = numbers[i];
	free(numbers);
	for (size_t i = 0; i < t->nr_ports; i++)
		hosts_add(hosts_of(l, t->ports[i].port), l->arena, &t->ports[i]);
	for (size_t i = 0; i < l->nr_hosts; i++)
		hosts_sort(&l->hosts[i], l->arena);
}

/* ---- what is asked ---- */

struct lookup *lookup_new(const struct table *t)
{
	struct lookup *l = xcalloc(1, sizeof(*l));

	l->table = t;
	l->arena = arena_new();
	entries_index(l);
	hosts_index(l);
	l->rules = arena_alloc(l->arena, t->nr_ports * sizeof(l->rules[0]));
	for (size_t i = 0; i < t->nr_ports; i++)
		rules_index(&l->rules[i], l->arena, &t->ports[i]);
	return l;
}

void lookup_free(struct lookup *l)
{
	for (size_t i = 0; l && i < l->nr_hosts; i++)
		hosts_free(&l->hosts[i]);
	if (l)
		arena_free(l->arena);
	free(l);
}

const struct table_port *lookup_entry(const struct lookup *l, const struct inet *address,
				      uint16_t port, uint32_t scope)
{
	const struct table_port *own = scope ? entry_find(l, address, port, scope) : NULL;

	if (own || (scope && is_closed(l, scope)))
		return own;
	return entry_find(l, address, port, 0);
}

const struct table_port *lookup_port_by_host(const struct lookup *l, uint16_t port, uint32_t scope,
					     const char *namespace, struct http_text host)
{
	const struct hosts *h = hosts_of(l, port);

	return h ? hosts_find(h, scope, scope && is_closed(l, scope), namespace, host) : NULL;
}

const struct table_rule *lookup_rule(const struct lookup *l, const struct table_port *port,
				     const struct http_request *r, struct regexes *x,
				     const struct http_match **taken)
{
	const struct rules_entry *e = rules_find(&l->rules[port - l->table->ports], r, x);

	*taken = e ? e->match : NULL;
	return e ? e->rule : NULL;
}

void lookup_regexes(const struct lookup *l, struct regexes *x)
{
	for (size_t i = 0; i < l->table->nr_ports; i++)
		for (size_t j = 0; j < l->table->ports[i].nr_rules; j++)
			rule_regexes(&l->table->ports[i].rules[j], x);
}

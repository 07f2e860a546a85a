// SPDX-License-Identifier: GPL-2.0
/* The indexes over the parts of a table: what is dialled by address, ports by name. */
#include "proxy/lookup.h"
#include <stdlib.h>
#include <string.h>
#include "proxy/hosts.h"

struct lookup {
	struct finder entries;
	struct hosts hosts;
	const struct table_scope *scopes;
	size_t nr_scopes;
};

struct lookup *lookup_new(struct part *const *parts, size_t nr, const struct table_scope *scopes,
			  size_t nr_scopes)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	size_t most = 0;

	l->scopes = scopes;
	l->nr_scopes = nr_scopes;
	for (size_t i = 0; i < nr; i++)
		most += parts[i]->table->nr_entries;
	finder_new(&l->entries, most);
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < parts[i]->table->nr_entries; j++)
			finder_put(&l->entries, parts[i]->dialled[j].hash, &parts[i]->dialled[j]);
	hosts_new(&l->hosts, parts, nr);
	return l;
}

void lookup_free(struct lookup *l)
{
	finder_free(&l->entries);
	hosts_free(&l->hosts);
	free(l);
}

/* ---- entries ---- */

uint64_t lookup_hash(const struct inet *address, uint16_t port, uint32_t scope)
{
	uint64_t words[2];

	memcpy(words, address->byte, sizeof(words));
	return finder_mix(finder_mix(finder_mix(0, words[0]), words[1]), (uint64_t)port << 32 | scope);
}

static const struct port *entry_find(const struct lookup *l, const struct inet *address,
				     uint16_t port, uint32_t scope)
{
	const struct dialled *d;
	uint64_t hash = lookup_hash(address, port, scope);

	finder_each (&l->entries, hash, d) {
		const struct table_entry *e = d->entry;

		if (e->scope == scope && e->port == port && inet_equal(&e->address, address))
			return d->port;
	}
	return NULL;
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
	return l->nr_scopes ? bsearch(&number, l->scopes, l->nr_scopes, sizeof(l->scopes[0]),
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

/* ---- what is asked ---- */

const struct port *lookup_entry(const struct lookup *l, const struct inet *address, uint16_t port,
				uint32_t scope)
{
	const struct port *own = scope ? entry_find(l, address, port, scope) : NULL;

	if (own || (scope && is_closed(l, scope)))
		return own;
	return entry_find(l, address, port, 0);
}

const struct port *lookup_port_by_host(const struct lookup *l, uint16_t port, uint32_t scope,
				       const char *namespace, struct http_text host)
{
	return hosts_find(&l->hosts, port, scope, scope && is_closed(l, scope), namespace, host);
}

// SPDX-License-Identifier: GPL-2.0
/* From a Host header to a port: the name itself, then the longest suffix, each as the caller sees
 * it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "proxy/hosts.h"

#define NAME_SIZE 1024 /* a longer one is nobody's */

struct name {
	char text[NAME_SIZE];
	size_t length;
};

/* ---- building ---- */

static void put_backwards(char *out, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		out[i] = text[length - 1 - i];
	out[length] = '\0';
}

static struct host_ports *host_ports_of(struct strmap *map, struct arena *arena, const char *name)
{
	struct host_ports *p = strmap_get(map, name);

	if (!p) {
		p = arena_alloc(arena, sizeof(*p));
		strmap_put(map, name, p);
	}
	return p;
}

static void name_add(struct hosts *h, struct arena *arena, const char *domain,
		     const struct table_port *port)
{
	size_t length = strlen(domain);
	struct host_ports *p;
	char *suffix;

	if (*domain == '*') {
		suffix = arena_alloc(arena, length);
		put_backwards(suffix, domain + 1, length - 1);
		p = host_ports_of(&h->suffixes, arena, suffix);
	} else {
		p = host_ports_of(&h->exact, arena, domain);
	}
	if (port->everyone && !p->everyone)
		p->everyone = port;
	if (port->nr_scopes)
		vec_push(&p->scoped, port);
}

void hosts_add(struct hosts *h, struct arena *arena, const struct table_port *port)
{
	for (size_t i = 0; i < port->nr_domains; i++)
		name_add(h, arena, port->domains[i], port);
}

void hosts_sort(struct hosts *h, struct arena *arena)
{
	VEC(struct prefix_item) items = {0};
	const struct strmap_entry *e;

	strmap_each (&h->suffixes, e) {
		struct prefix_item item = {e->key, strlen(e->key),
					   (uint32_t)(e - h->suffixes.entries)};

		vec_push(&items, item);
	}
	prefixes_build(&h->by_suffix, arena, items.at, items.nr, false);
	vec_free(&items);
}

static void ports_free(struct strmap *map)
{
	struct strmap_entry *e;

	strmap_each (map, e) {
		struct host_ports *p = e->value;

		vec_free(&p->scoped);
	}
	strmap_free(map);
}

void hosts_free(struct hosts *h)
{
	ports_free(&h->exact);
	ports_free(&h->suffixes);
}

/* ---- finding ---- */

/* The host of "host:port" and "[::1]:port"; lower case. False: no name is like this. */
static bool name_read(struct http_text host, struct name *out)
{
	size_t length = host.length, digits = length;

	while (digits && isdigit((unsigned char)host.at[digits - 1]))
		digits--;
	if (digits > 1 && host.at[digits - 1] == ':' &&
	    (*host.at != '[' || host.at[digits - 2] == ']'))
		length = digits - 1;
	if (!length || length >= sizeof(out->text) || memchr(host.at, '\0', length))
		return false;
	for (size_t i = 0; i < length; i++)
		out->text[i] = (char)tolower((unsigned char)host.at[i]);
	out->text[length] = '\0';
	out->length = length;
	return true;
}

static bool is_of(const struct table_port *port, uint32_t scope)
{
	size_t low = 0, high = port->nr_scopes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (port->scopes[middle] == scope)
			return true;
		if (port->scopes[middle] < scope)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* That for the caller; NULL: for it there is no such host. */
static const struct table_port *port_for(const struct host_ports *p, uint32_t scope, bool closed)
{
	const struct table_port *port = p && !closed ? p->everyone : NULL;

	for (size_t i = 0; p && scope && i < p->scoped.nr; i++)
		if (is_of(p->scoped.at[i], scope)) {
			port = p->scoped.at[i];
			break;
		}
	return port && !port->hidden ? port : NULL;
}

static const struct table_port *by_suffix(const struct hosts *h, uint32_t scope, bool closed,
					  const struct name *name)
{
	const struct table_port *port = NULL;
	const struct prefix *p;
	char backwards[NAME_SIZE];

	if (!h->by_suffix.nr)
		return NULL;
	put_backwards(backwards, name->text, name->length);
	for (p = prefixes_find(&h->by_suffix, backwards, name->length); p && !port; p = p->shorter)
		port = port_for(h->suffixes.entries[*p->values].value, scope, closed);
	return port;
}

const struct table_port *hosts_find(const struct hosts *h, uint32_t scope, bool closed,
				    const char *namespace, struct http_text host)
{
	const struct table_port *port;
	struct name name, longer;

	if (!name_read(host, &name))
		return NULL;
	port = port_for(strmap_get(&h->exact, name.text), scope, closed);
	if (!port && *namespace && !strchr(name.text, '.') &&
	    (size_t)snprintf(longer.text, sizeof(longer.text), "%s.%s", name.text, namespace) <
		    sizeof(longer.text))
		port = port_for(strmap_get(&h->exact, longer.text), scope, closed);
	return port ? port : by_suffix(h, scope, closed, &name);
}

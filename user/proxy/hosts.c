// SPDX-License-Identifier: GPL-2.0
/* From a Host header to a port: the name itself, then the longest suffix, each as the caller sees
 * it. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include "proxy/hosts.h"

struct name {
	char text[HOSTS_NAME_MAX];
	size_t length;
};

uint64_t hosts_hash(const char *domain, uint16_t port)
{
	return finder_mix(strmap_hash(domain), port);
}

/* ---- building ---- */

static void name_put(struct hosts *h, const struct host_name *n)
{
	size_t length = strlen(n->text);

	if (length >= HOSTS_NAME_MAX)
		return;
	finder_put(&h->names, n->hash, n);
	if (*n->text == '*')
		h->lengths[length / 64] |= UINT64_C(1) << length % 64;
}

void hosts_new(struct hosts *h, struct part *const *parts, size_t nr)
{
	size_t most = 0;

	*h = (struct hosts){0};
	for (size_t i = 0; i < nr; i++)
		most += parts[i]->nr_names;
	finder_new(&h->names, most);
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < parts[i]->nr_names; j++)
			name_put(h, &parts[i]->names[j]);
}

void hosts_free(struct hosts *h)
{
	finder_free(&h->names);
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

/* Who asks, and where. */
struct asked {
	const struct hosts *hosts;
	uint16_t port;
	uint32_t scope;
	bool closed;
};

/* That for the caller; NULL: for it there is no such host. */
static const struct port *port_named(const struct asked *a, const char *text)
{
	const struct port *found = NULL;
	const struct host_name *n;
	uint64_t hash = hosts_hash(text, a->port);

	finder_each (&a->hosts->names, hash, n) {
		const struct table_port *t = n->port->table;

		if (t->port != a->port || strcmp(n->text, text))
			continue;
		if (a->scope && is_of(t, a->scope)) {
			found = n->port;
			break;
		}
		if (!found && t->everyone && !a->closed)
			found = n->port;
	}
	return found && !found->table->hidden ? found : NULL;
}

/* The longest that there is at all and may end the name, which gives way to them, is first. */
static const struct port *by_suffix(const struct asked *a, struct name *name)
{
	const struct port *port = NULL;

	for (size_t word = name->length / 64 + 1; word-- && !port;)
		for (uint64_t bits = a->hosts->lengths[word]; bits && !port;) {
			size_t bit = 63 - (size_t)__builtin_clzll(bits), length = word * 64 + bit;

			bits &= ~(UINT64_C(1) << bit);
			if (length > name->length)
				continue;
			name->text[name->length - length] = '*';
			port = port_named(a, name->text + name->length - length);
		}
	return port;
}

const struct port *hosts_find(const struct hosts *h, uint16_t port, uint32_t scope, bool closed,
			      const char *namespace, struct http_text host)
{
	const struct asked asked = {h, port, scope, closed};
	const struct port *found;
	struct name name, longer;

	if (!name_read(host, &name))
		return NULL;
	if (*name.text == '*')
		return by_suffix(&asked, &name); /* what it names is no wildcard */
	found = port_named(&asked, name.text);
	if (!found && *namespace && !strchr(name.text, '.') &&
	    (size_t)snprintf(longer.text, sizeof(longer.text), "%s.%s", name.text, namespace) <
		    sizeof(longer.text))
		found = port_named(&asked, longer.text);
	return found ? found : by_suffix(&asked, &name);
}

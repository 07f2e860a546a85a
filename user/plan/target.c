// SPDX-License-Identifier: GPL-2.0
/* Reads what a user calls a destination, and finds the host of the plan that it means. */
#include "plan/target.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

/* Past "SCHEME://"; the port that the scheme implies, 0: none. */
static const char *scheme_skip(const char *text, unsigned *port)
{
	static const struct {
		const char *name;
		unsigned port;
	} schemes[] = {{"http", 80}, {"https", 443}, {"ws", 80}, {"wss", 443}};
	const char *end = strstr(text, "://");

	*port = 0;
	if (!end)
		return text;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (strlen(schemes[i].name) == (size_t)(end - text) &&
		    !strncasecmp(text, schemes[i].name, (size_t)(end - text)))
			*port = schemes[i].port;
	return end + 3;
}

/* Cuts ":PORT" off; false when what follows the colon is no port. */
static bool port_take(char *host, unsigned *port)
{
	char *colon = strrchr(host, ':'), *end;
	unsigned long number;

	if (!colon)
		return true;
	number = strtoul(colon + 1, &end, 10);
	if (*end || !isdigit((unsigned char)colon[1]) || !number || number > 65535)
		return false;
	*colon = '\0';
	*port = (unsigned)number;
	return true;
}

/* As names are kept: lower case, without the dot of a name that is complete. */
static bool name_fold(char *name)
{
	size_t length = strlen(name);

	for (char *at = name; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	if (length > 1 && name[length - 1] == '.')
		name[--length] = '\0';
	return length && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-._*") == length;
}

bool target_parse(const char *text, struct target *out)
{
	const char *rest;
	bool url, good = true;
	size_t length;

	memset(out, 0, sizeof(*out));
	rest = scheme_skip(text, &out->port);
	url = rest != text;
	out->host = xstrndup(rest, url ? strcspn(rest, "/?#") : strlen(rest));
	out->is_address = inet_parse(out->host, &out->address);
	if (!out->is_address) {
		good = port_take(out->host, &out->port);
		length = strlen(out->host);
		if (good && length > 2 && out->host[0] == '[' && out->host[length - 1] == ']') {
			memmove(out->host, out->host + 1, length - 2);
			out->host[length - 2] = '\0';
		}
		out->is_address = good && inet_parse(out->host, &out->address);
	}
	if (good && (out->is_address || name_fold(out->host)))
		return true;
	free(out->host);
	out->host = NULL;
	return false;
}

static bool has_address(const struct inet *at, size_t nr, const struct target *t)
{
	for (size_t i = 0; i < nr; i++)
		if (inet_equal(&at[i], &t->address))
			return true;
	return false;
}

static bool has_port(const struct plan_port *ports, size_t nr, const struct target *t)
{
	for (size_t i = 0; i < nr; i++)
		if (!t->port || ports[i].port == t->port)
			return true;
	return false;
}

/* Whether anyone reaches the host at the address; *open: at the port too. */
static bool is_at(const struct plan_host *h, const struct target *t, bool *open)
{
	bool found = has_address(h->addresses, h->nr_addresses, t);

	*open = found && has_port(h->ports, h->nr_ports, t);
	for (size_t i = 0; i < h->nr_views; i++) {
		const struct plan_view *v = &h->views[i];

		if (!has_address(v->addresses, v->nr_addresses, t))
			continue;
		found = true;
		*open |= has_port(v->ports, v->nr_ports, t);
	}
	return found;
}

const struct plan_host *server_host(const struct plan *p, const struct target *t,
				    const struct plan_scope *caller)
{
	const struct plan_port *ports;
	struct strmap_entry *e;
	size_t nr;

	strmap_each(&p->hosts, e) {
		plan_view_of(e->value, caller, &ports, &nr);
		for (size_t i = 0; i < nr; i++)
			for (size_t j = 0; j < ports[i].nr_passes; j++)
				if (inet_equal(&ports[i].passes[j].address, &t->address) &&
				    (!t->port || ports[i].passes[j].port == t->port))
					return e->value;
	}
	return NULL;
}

/* Hosts can share an address: the one that has the port, else any. */
static const struct plan_host *host_at(const struct plan *p, const struct target *t)
{
	const struct plan_host *any = NULL;
	struct strmap_entry *e;
	bool open;

	strmap_each(&p->hosts, e) {
		if (!is_at(e->value, t, &open))
			continue;
		if (open)
			return e->value;
		any = e->value;
	}
	return any;
}

/* As a resolver's search list finds it: "a", "a.ns", "a.ns.svc", the whole name. */
static const struct plan_host *host_by_name(const struct plan *p, const char *name,
					    const char *namespace)
{
	char *forms[] = {
		xstrdup(name),
		xasprintf("%s.%s.svc." CLUSTER_DOMAIN, name, namespace),
		xasprintf("%s.svc." CLUSTER_DOMAIN, name),
		xasprintf("%s." CLUSTER_DOMAIN, name),
	};
	const struct plan_host *h = NULL;

	for (size_t i = 0; i < 4; i++) {
		if (!h)
			h = strmap_get(&p->hosts, forms[i]);
		free(forms[i]);
	}
	return h;
}

/* The first host of the ServiceEntry, or of the VirtualService, that is called so. */
static const struct plan_host *host_of_object(const struct plan *p, const struct config_set *set,
					      const char *name, const char *namespace)
{
	const struct object *o = config_set_get(set, KIND_SERVICE_ENTRY, namespace, name);
	const struct plan_host *h = NULL;

	for (size_t i = 0; o && !h && i < o->service_entry.nr_hosts; i++)
		h = strmap_get(&p->hosts, o->service_entry.hosts[i]);
	o = config_set_get(set, KIND_VIRTUAL_SERVICE, namespace, name);
	for (size_t i = 0; o && !h && i < o->virtual_service.nr_hosts; i++)
		h = strmap_get(&p->hosts, o->virtual_service.hosts[i]);
	return h;
}

const struct plan_host *plan_host_named(const struct plan *p, const struct config_set *set,
					const char *name, const char *namespace)
{
	const char *dot = strrchr(name, '.');
	const struct plan_host *h = host_by_name(p, name, namespace);
	char *first;

	if (!h)
		h = host_of_object(p, set, name, namespace);
	if (h || !dot)
		return h;
	first = xstrndup(name, (size_t)(dot - name));
	h = host_of_object(p, set, first, dot + 1);
	free(first);
	return h;
}

/* The host "*.b" or "*a.b" that covers the name with the longest text; NULL: none. */
static const struct plan_host *host_by_wildcard(const struct plan *p, const char *name)
{
	const struct plan_host *h = NULL;

	for (; *name && !h; name++) {
		char *pattern = xasprintf("*%s", name);

		h = strmap_get(&p->hosts, pattern);
		free(pattern);
	}
	return h;
}

const struct plan_host *target_host(const struct plan *p, const struct config_set *set,
				    const struct target *t, const char *namespace)
{
	const struct plan_host *h;

	if (t->is_address)
		return host_at(p, t);
	h = plan_host_named(p, set, t->host, namespace);
	return h ? h : host_by_wildcard(p, t->host);
}

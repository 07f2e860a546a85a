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

/* Cuts "/udp" or "/tcp" off. */
static void transport_take(struct target *t)
{
	char *slash = strrchr(t->host, '/');

	if (!slash || (strcmp(slash, "/udp") && strcmp(slash, "/tcp")))
		return;
	t->has_transport = true;
	t->udp = !strcmp(slash, "/udp");
	*slash = '\0';
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
	if (!url)
		transport_take(out);
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

static bool is_transport(const struct plan_port *port, bool udp)
{
	return (port->protocol == PROTOCOL_UDP) == udp;
}

const struct plan_port *target_port(const struct target *t, const struct plan_port *ports, size_t nr)
{
	for (int udp = 0; udp < 2; udp++)
		for (size_t i = 0; i < nr; i++)
			if ((!t->port || ports[i].port == t->port) && is_transport(&ports[i], udp) &&
			    (!t->has_transport || t->udp == udp))
				return &ports[i];
	return NULL;
}

/* How many first bits of the address say that it is one of these, and one more; 0: it is not. */
static unsigned fits(const struct target *t, const struct inet *at, size_t nr,
		     const struct subnet *subnets, size_t nr_subnets)
{
	unsigned best = 0;

	for (size_t i = 0; i < nr; i++)
		if (inet_equal(&at[i], &t->address))
			return 129;
	for (size_t i = 0; i < nr_subnets; i++)
		if (inet_is_within(&t->address, &subnets[i].address, subnets[i].prefix) &&
		    subnets[i].prefix >= best)
			best = subnets[i].prefix + 1;
	return best;
}

/* The same of all that anyone sees of the host; *open: at the port too. */
static unsigned host_fits(const struct plan_host *h, const struct target *t, bool *open)
{
	unsigned best = fits(t, h->addresses, h->nr_addresses, h->subnets, h->nr_subnets);

	if (fits(t, h->outside, h->nr_outside, NULL, 0))
		best = 129;
	*open = best && target_port(t, h->ports, h->nr_ports);
	for (size_t i = 0; i < h->nr_views; i++) {
		const struct plan_view *v = &h->views[i];
		unsigned of_view = fits(t, v->addresses, v->nr_addresses, v->subnets, v->nr_subnets);

		*open |= of_view && target_port(t, v->ports, v->nr_ports);
		best = of_view > best ? of_view : best;
	}
	return best;
}

const struct plan_host *node_port_host(const struct plan *p, const struct target *t,
				       const struct plan_port **port)
{
	struct strmap_entry *e;

	strmap_each(&p->hosts, e) {
		const struct plan_host *h = e->value;

		for (size_t i = 0; i < h->nr_ports; i++) {
			*port = &h->ports[i];
			if ((*port)->node_port && (*port)->node_port == t->port &&
			    is_transport(*port, t->udp))
				return h;
		}
	}
	return NULL;
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

/* Hosts can share an address: one that has the port, else any; of these the one that it fits best. */
static const struct plan_host *host_at(const struct plan *p, const struct target *t)
{
	const struct plan_host *found = NULL;
	unsigned best = 0;
	struct strmap_entry *e;

	strmap_each(&p->hosts, e) {
		bool open;
		unsigned of_host = host_fits(e->value, t, &open);

		of_host += of_host && open ? 256 : 0;
		if (of_host <= best)
			continue;
		best = of_host;
		found = e->value;
	}
	return found;
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

// SPDX-License-Identifier: GPL-2.0
/* exportTo, Sidecar imports, and which of several objects of one host a caller means. */
#include <string.h>
#include "plan/visible.h"
#include "plan/named.h"

static const struct labels no_labels;

const char *caller_namespace(const struct planner *p)
{
	return p->caller ? p->caller->namespace : "";
}

const struct labels *caller_labels(const struct planner *p)
{
	return p->caller ? &p->caller->labels : &no_labels;
}

bool object_is_for(const struct planner *p, const struct object *o)
{
	return object_is_visible(o, caller_namespace(p));
}

/* ---- Sidecar ---- */

/* In a Sidecar for all namespaces "." is that of each workload. */
static bool is_in(const struct planner *p, const struct sidecar_host *h, const char *namespace)
{
	const char *wanted = strcmp(h->namespace, ".") ? h->namespace : caller_namespace(p);

	return !strcmp(wanted, "*") || !strcmp(wanted, namespace);
}

static bool meets(const char *a, const char *b)
{
	return host_covers(a, b) || (b[0] == '*' && host_covers(b, a));
}

/* Adds what an entry says of the host; false: it excludes it. */
static bool entry_takes(const struct planner *p, const struct sidecar_host *h, const char *host,
			const char *namespace, bool *found)
{
	if (!is_in(p, h, namespace))
		return true;
	if (h->exclude && host_covers(h->host, host))
		return false;
	*found = *found || (!h->exclude && meets(h->host, host));
	return true;
}

/* The first of the entries without a star that is not before `host`. */
static size_t exact_from(const struct sidecar_egress *e, const char *host)
{
	size_t low = e->nr_wild, high = e->nr_hosts;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(e->hosts[middle].host, host) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool egress_imports(const struct planner *p, const struct sidecar_egress *e,
			   const char *host, const char *namespace)
{
	bool found = false, wild = host[0] == '*';
	size_t at = wild ? e->nr_wild : exact_from(e, host);

	for (size_t i = 0; i < e->nr_wild; i++)
		if (!entry_takes(p, &e->hosts[i], host, namespace, &found))
			return false;
	for (; at < e->nr_hosts && (wild || !strcmp(e->hosts[at].host, host)); at++)
		if (!entry_takes(p, &e->hosts[at], host, namespace, &found))
			return false;
	return found;
}

/* The egress lists of the caller; NULL: it imports everything. */
static const struct sidecar *imports_of(const struct planner *p)
{
	const struct object *o = p->caller ? p->caller->sidecar : NULL;

	return o && o->sidecar.has_egress ? &o->sidecar : NULL;
}

bool sidecar_imports(const struct planner *p, const char *host, const char *namespace)
{
	const struct sidecar *s = imports_of(p);

	for (size_t i = 0; s && i < s->nr_egress; i++)
		if (egress_imports(p, &s->egress[i], host, namespace))
			return true;
	return !s;
}

/* A list with a port is all there is of that port; the one without is for the ports left over. */
bool sidecar_opens(const struct planner *p, const char *host, const char *namespace, uint16_t port)
{
	const struct sidecar *s = imports_of(p);
	const struct sidecar_egress *rest = NULL;

	for (size_t i = 0; s && i < s->nr_egress; i++) {
		const struct sidecar_egress *e = &s->egress[i];

		if (!strncmp(e->bind, "unix://", 7))
			continue;
		if (e->port == port)
			return egress_imports(p, e, host, namespace);
		if (!e->port)
			rest = e;
	}
	return !s || (rest && egress_imports(p, rest, host, namespace));
}

bool routes_are_for(const struct planner *p, const struct object *vs)
{
	if (!object_is_for(p, vs))
		return false;
	for (size_t i = 0; i < vs->virtual_service.nr_hosts; i++)
		if (sidecar_imports(p, vs->virtual_service.hosts[i], vs->namespace))
			return true;
	return false;
}

bool sidecar_is_closed(const struct sidecar *s)
{
	bool all = false;

	for (size_t i = 0; i < s->nr_egress; i++) {
		const struct sidecar_egress *e = &s->egress[i];

		if (e->port || *e->bind)
			return true;
		for (size_t j = 0; j < e->nr_hosts; j++) {
			if (e->hosts[j].exclude)
				return true;
			all |= !strcmp(e->hosts[j].namespace, "*") && !strcmp(e->hosts[j].host, "*");
		}
	}
	return s->has_egress && !all;
}

/* ---- whose host ---- */

#define SERVICE_SUFFIX ".svc." CLUSTER_DOMAIN

struct object *service_of(const struct config_set *set, const char *host)
{
	size_t length = strlen(host), suffix = strlen(SERVICE_SUFFIX);
	char name[INDEX_KEY], *dot;

	if (length <= suffix || length >= sizeof(name) ||
	    strcmp(host + length - suffix, SERVICE_SUFFIX))
		return NULL;
	memcpy(name, host, length - suffix);
	name[length - suffix] = '\0';
	dot = strchr(name, '.');
	if (!dot)
		return NULL;
	*dot = '\0';
	return config_set_get(set, KIND_SERVICE, dot + 1, name);
}

void owners_find(const struct planner *p, const char *host, struct owners *out)
{
	struct object *o, *service = service_of(p->set, host);
	const struct bag *bag = strmap_get(&p->index->entries, host);

	memset(out, 0, sizeof(*out));
	if (service)
		vec_push(&out->list, service);
	bag_each(bag, o)
		vec_push(&out->list, o);
}

static bool is_own(const struct planner *p, const struct object *o)
{
	return !strcmp(o->namespace, caller_namespace(p));
}

/* A Service, which no ServiceEntry ever hides, then the caller's namespace, then the oldest. */
static bool is_before(const struct planner *p, const struct object *a, const struct object *b)
{
	if (a->kind != b->kind)
		return a->kind == KIND_SERVICE;
	if (is_own(p, a) != is_own(p, b))
		return is_own(p, a);
	return object_order(a, b) < 0;
}

struct object *owner_first(const struct planner *p, const char *host)
{
	struct object *first = NULL, **o;
	struct owners owners;

	owners_find(p, host, &owners);
	vec_each(&owners.list, o)
		if (!first || is_before(p, *o, first))
			first = *o;
	vec_free(&owners.list);
	return first;
}

struct object *owner_dialled(const struct planner *p, const char *host)
{
	const struct bag *bag = strmap_get(&p->index->entries, host);
	struct object *o, *first = service_of(p->set, host);

	if (first && (!object_is_for(p, first) || !sidecar_imports(p, host, first->namespace)))
		first = NULL;
	bag_each(bag, o)
		if (object_is_for(p, o) && sidecar_imports(p, host, o->namespace) &&
		    (!first || is_before(p, o, first)))
			first = o;
	return first;
}

/* A route brings its destinations, whether or not the Sidecar lists them. */
struct object *host_owner(const struct planner *p, const char *host)
{
	struct planner open = *p;
	struct plan_scope caller;
	struct object *o;

	if (p->owner && !is_named(p->owner) && p->host && !strcmp(p->host->host, host))
		return (struct object *)p->owner;
	o = owner_dialled(p, host);
	if (o || !imports_of(p))
		return o;
	caller = *p->caller;
	caller.sidecar = NULL;
	open.caller = &caller;
	return owner_dialled(&open, host);
}

// SPDX-License-Identifier: GPL-2.0
/* Bags of objects by what others look for them: host, address, label, destination. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"
#include "plan/index.h"

typedef void bag_change(struct strmap *map, const char *key, struct object *o);

void bag_add(struct strmap *map, const char *key, struct object *o)
{
	struct bag *old = strmap_get(map, key), *bag = old;

	if (!old || old->nr == old->cap) {
		unsigned cap = old ? old->cap * 2 : 1, nr = old ? old->nr : 0;

		bag = xrealloc(old, 1, sizeof(*bag) + cap * sizeof(bag->at[0]));
		bag->nr = nr;
		bag->cap = cap;
		strmap_put(map, key, bag);
	}
	bag->at[bag->nr++] = o;
}

void bag_remove(struct strmap *map, const char *key, struct object *o)
{
	struct bag *bag = strmap_get(map, key);

	for (unsigned i = 0; bag && i < bag->nr; i++) {
		if (bag->at[i] != o)
			continue;
		bag->at[i] = bag->at[--bag->nr];
		if (!bag->nr)
			free(strmap_remove(map, key));
		return;
	}
}

static char *append(char *at, const char *end, const char *text)
{
	while (*text && at < end)
		*at++ = *text++;
	*at = '\0';
	return at;
}

const char *index_key_label(char out[INDEX_KEY], const char *namespace, const struct label *label)
{
	const char *end = out + INDEX_KEY - 1;
	char *at = append(append(out, end, namespace), end, "/");

	append(append(append(at, end, label->key), end, "="), end, label->value);
	return out;
}

const char *index_key_name(char out[INDEX_KEY], const char *namespace, const char *name)
{
	const char *end = out + INDEX_KEY - 1;

	append(append(append(out, end, namespace), end, "/"), end, name);
	return out;
}

const char *index_key_address(char out[INDEX_KEY], const struct inet *address)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 16; i++) {
		out[2 * i] = digits[address->byte[i] >> 4];
		out[2 * i + 1] = digits[address->byte[i] & 15];
	}
	out[32] = '\0';
	return out;
}

const char *index_key_subnet(char out[INDEX_KEY], const struct subnet *subnet)
{
	index_key_address(out, &subnet->address);
	snprintf(out + strlen(out), 8, "/%u", subnet->prefix);
	return out;
}

const char *index_key_node_port(char out[INDEX_KEY], const struct service_port *port)
{
	snprintf(out, INDEX_KEY, "node port %u%s", port->node_port,
		 port->protocol == PROTOCOL_UDP ? "/udp" : "");
	return out;
}

const struct labels *selector_of(const struct object *o)
{
	const struct labels *selector = NULL;

	if (o->kind == KIND_SERVICE && o->service.has_selector)
		selector = &o->service.selector;
	if (o->kind == KIND_SERVICE_ENTRY && o->service_entry.has_selector)
		selector = &o->service_entry.selector;
	return selector && selector->nr ? selector : NULL;
}

static void change_addresses(struct strmap *map, const struct inet *at, size_t nr,
			     struct object *o, bag_change *change)
{
	char key[INDEX_KEY];

	for (size_t i = 0; i < nr; i++)
		change(map, index_key_address(key, &at[i]), o);
}

static void change_labels(struct plan_index *x, const struct labels *labels, struct object *o,
			  bag_change *change)
{
	char key[INDEX_KEY];

	for (size_t i = 0; i < labels->nr; i++)
		change(&x->workloads, index_key_label(key, o->namespace, &labels->at[i]), o);
}

/* Subnets, addresses for outside and node ports, beside the addresses of their own. */
static void change_claims(struct plan_index *x, struct object *o, bag_change *change)
{
	const struct k8s_service *s = &o->service;
	size_t nr;
	const struct subnet *subnets = owner_subnets(o, &nr);
	char key[INDEX_KEY];

	for (size_t i = 0; i < nr; i++)
		change(&x->claims, index_key_subnet(key, &subnets[i]), o);
	if (o->kind != KIND_SERVICE)
		return;
	change_addresses(&x->claims, s->external_addresses, s->nr_external_addresses, o, change);
	for (size_t i = 0; i < s->nr_ports; i++)
		if (s->ports[i].node_port)
			change(&x->claims, index_key_node_port(key, &s->ports[i]), o);
}

static void change_owner(struct plan_index *x, struct object *o, bag_change *change)
{
	const struct labels *selector = selector_of(o);
	char key[INDEX_KEY];
	size_t nr;
	const struct inet *at = owner_addresses(o, &nr);

	if (selector)
		change(&x->selectors, index_key_label(key, o->namespace, &selector->at[0]), o);
	change_addresses(&x->claims, at, nr, o, change);
	change_claims(x, o, change);
	if (o->kind == KIND_SERVICE) {
		if (o->service.external_name)
			change(&x->aliases, o->service.external_name, o);
		return;
	}
	for (size_t i = 0; i < o->service_entry.nr_hosts; i++)
		change(&x->entries, o->service_entry.hosts[i], o);
}

static void change_slice(struct plan_index *x, struct object *o, bag_change *change)
{
	const struct slice *s = &o->slice;
	char key[INDEX_KEY];

	if (o->kind == KIND_ENDPOINT_SLICE)
		change(&x->slices, index_key_name(key, o->namespace, s->service), o);
	for (size_t i = 0; i < s->nr_endpoints; i++) {
		const struct slice_endpoint *e = &s->endpoints[i];

		if (*e->node)
			change(&x->nodes, e->node, o);
		if (e->pod)
			change(&x->joins, index_key_name(key, slice_pod_namespace(o, e), e->pod), o);
		else
			change_addresses(&x->joins, e->addresses, e->nr_addresses, o, change);
	}
}

const char *delegate_key(char out[INDEX_KEY], const struct object *vs,
			 const struct vs_delegate *d)
{
	return index_key_name(out, *d->namespace ? d->namespace : vs->namespace, d->name);
}

static void change_routes(struct plan_index *x, const struct vs_route *routes, size_t nr,
			  struct object *o, bag_change *change)
{
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < routes[i].nr_destinations; j++)
			change(&x->destinations, routes[i].destinations[j].host, o);
		for (size_t j = 0; j < routes[i].nr_mirrors; j++)
			change(&x->destinations, routes[i].mirrors[j].destination.host, o);
	}
}

static void change_virtual_service(struct plan_index *x, struct object *o, bag_change *change)
{
	const struct virtual_service *vs = &o->virtual_service;
	char key[INDEX_KEY];

	for (size_t i = 0; i < vs->nr_http; i++)
		if (vs->http[i].delegate)
			change(&x->delegates, delegate_key(key, o, vs->http[i].delegate), o);
	if (!vs->mesh)
		return;
	change_routes(x, vs->http, vs->nr_http, o, change);
	change_routes(x, vs->tls, vs->nr_tls, o, change);
	change_routes(x, vs->tcp, vs->nr_tcp, o, change);
	for (size_t i = 0; i < vs->nr_hosts; i++) {
		change(&x->routes, vs->hosts[i], o);
		if (vs->hosts[i][0] == '*')
			x->nr_wild_routes += change == bag_add ? 1 : -1;
	}
}

static void change_rule(struct plan_index *x, struct object *o, bag_change *change)
{
	const char *host = o->destination_rule.host;
	char key[INDEX_KEY];

	change(&x->rules, host, o);
	change(&x->rules_in, index_key_name(key, o->namespace, host), o);
	if (host[0] == '*')
		x->nr_wild_rules += change == bag_add ? 1 : -1;
}

static void index_change(struct plan_index *x, struct object *o, bag_change *change)
{
	switch (o->kind) {
	case KIND_SERVICE:
	case KIND_SERVICE_ENTRY:
		change_owner(x, o, change);
		break;
	case KIND_POD:
		change_labels(x, &o->labels, o, change);
		if (*o->pod.node)
			change(&x->nodes, o->pod.node, o);
		if (!o->pod.host_network)
			change_addresses(&x->pods, o->pod.addresses, o->pod.nr_addresses, o,
					 change);
		break;
	case KIND_WORKLOAD_ENTRY:
		change_labels(x, &o->workload.labels, o, change);
		break;
	case KIND_ENDPOINTS:
	case KIND_ENDPOINT_SLICE:
		change_slice(x, o, change);
		break;
	case KIND_DESTINATION_RULE:
		change_rule(x, o, change);
		break;
	case KIND_VIRTUAL_SERVICE:
		change_virtual_service(x, o, change);
		break;
	default:
		break;
	}
}

void index_add(struct plan_index *x, struct object *o)
{
	index_change(x, o, bag_add);
	scope_index_add(&x->scopes, o);
}

void index_remove(struct plan_index *x, struct object *o)
{
	index_change(x, o, bag_remove);
	scope_index_remove(&x->scopes, o);
}

struct plan_index *index_new(const struct config_set *set)
{
	struct plan_index *x = xcalloc(1, sizeof(*x));
	struct strmap_entry *e;

	x->refs = 1;
	for (int kind = 0; kind < NR_KINDS; kind++)
		strmap_each(&set->kinds[kind], e)
			index_add(x, e->value);
	return x;
}

void bags_free(struct strmap *map)
{
	struct strmap_entry *e;

	strmap_each(map, e)
		free(e->value);
	strmap_free(map);
}

void index_put(struct plan_index *x)
{
	if (!x || --x->refs)
		return;
	bags_free(&x->entries);
	bags_free(&x->claims);
	bags_free(&x->slices);
	bags_free(&x->workloads);
	bags_free(&x->selectors);
	bags_free(&x->pods);
	bags_free(&x->joins);
	bags_free(&x->rules);
	bags_free(&x->rules_in);
	bags_free(&x->routes);
	bags_free(&x->destinations);
	bags_free(&x->delegates);
	bags_free(&x->aliases);
	bags_free(&x->nodes);
	scope_index_free(&x->scopes);
	strmap_free(&x->orphans);
	free(x);
}

bool host_covers(const char *pattern, const char *host)
{
	size_t length, tail;

	if (pattern[0] != '*')
		return !strcmp(pattern, host);
	length = strlen(host);
	tail = strlen(pattern + 1);
	return tail <= length && !strcmp(host + length - tail, pattern + 1);
}

/* Of keys that begin with `prefix`, which may be "". */
static const struct bag *cover(const struct strmap *map, const char *prefix, size_t nr_wild,
			       const char *host, size_t *step)
{
	size_t length = strlen(host);
	const struct bag *bag = NULL;
	char key[INDEX_KEY];
	const char *end = key + INDEX_KEY - 1;
	char *at = append(key, end, prefix);

	if (!*step) {
		*step = 2;
		append(at, end, host);
		bag = strmap_get(map, key);
	}
	/* step 2 asks for "*" and the whole host, step length + 2 for "*" alone */
	for (; nr_wild && !bag && *step <= length + 2; (*step)++) {
		append(append(at, end, "*"), end, host + *step - 2);
		bag = strmap_get(map, key);
	}
	return bag;
}

const struct bag *index_cover(const struct strmap *map, size_t nr_wild, const char *host,
			      size_t *step)
{
	return cover(map, "", nr_wild, host, step);
}

const struct bag *index_rules_in(const struct plan_index *x, const char *namespace,
				 const char *host, size_t *step)
{
	char prefix[INDEX_KEY];

	return cover(&x->rules_in, index_key_name(prefix, namespace, ""), x->nr_wild_rules, host,
		     step);
}

const struct bag *index_workloads(const struct plan_index *x, const char *namespace,
				  const struct labels *selector)
{
	const struct bag *least = NULL;
	char key[INDEX_KEY];

	for (size_t i = 0; i < selector->nr; i++) {
		const struct bag *bag =
			strmap_get(&x->workloads, index_key_label(key, namespace, &selector->at[i]));

		if (!bag)
			return NULL;
		if (!least || bag->nr < least->nr)
			least = bag;
	}
	return least;
}

// SPDX-License-Identifier: GPL-2.0
/* VirtualService: hosts, and the routes of calls to them. */
#include <string.h>
#include <strings.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

#define HOSTS_MAX 4096 /* each is compared with the wildcards among the others */

/* The mesh when no gateway is named; every other gateway is not in force yet. */
static void check_gateways(struct decoder *d, const struct node *spec, struct virtual_service *vs)
{
	const struct node *list = node_get(spec, "gateways"), *it;

	vs->mesh = !list || list->type != NODE_LIST || !list->nr;
	if (vs->mesh)
		return;
	node_each(list, it) {
		if (it->type != NODE_STRING)
			continue;
		if (!strcmp(it->text, "mesh"))
			vs->mesh = true;
		else
			decode_later(d, it);
	}
}

/* What in `seen` is a wildcard over the host, or the host itself. */
static const struct node *covered_by(const struct strmap *seen, const char *host)
{
	const struct node *same = strmap_get(seen, host);

	for (const char *tail = host; !same && *tail; tail++) {
		char wild[260];

		/* Either covers the other: "*.b" and "*.a.b" too. */
		snprintf(wild, sizeof(wild), "*%s", tail[0] == '*' ? tail + 1 : tail);
		same = strmap_get(seen, wild);
	}
	return same ? same : strmap_get(seen, "*");
}

/* Two passes, as a wildcard may stand before or after what it covers. */
static void check_overlap(struct decoder *d, const struct node *list)
{
	struct strmap wild = {0}, seen = {0};
	const struct node *it, *other;

	node_each(list, it)
		if (it->type == NODE_STRING && *it->text == '*')
			strmap_put(&wild, name_lower(d->arena, it->text), (void *)it);
	node_each(list, it) {
		char *host;

		if (it->type != NODE_STRING || it->length > 255)
			continue;
		host = name_lower(d->arena, it->text);
		other = strmap_put(&seen, host, (void *)it);
		if (!other) {
			strmap_remove(&wild, host);
			other = covered_by(&wild, host);
			if (*host == '*')
				strmap_put(&wild, host, (void *)it);
		}
		if (other && !strcasecmp(it->text, other->text))
			decode_error(d, it, "%s is given twice", quoted(d, it));
		else if (other)
			decode_error(d, it, "%s is covered by %s already", quoted(d, it),
				     quoted(d, other));
	}
	strmap_free(&wild);
	strmap_free(&seen);
}

static void check_hosts(struct decoder *d, const struct node *spec, struct virtual_service *vs)
{
	const struct node *list = node_get(spec, "hosts"), *it;

	for (size_t i = 0; i < vs->nr_hosts; i++)
		vs->hosts[i] = vs->hosts[i]
				       ? name_expand(d->arena, vs->hosts[i], d->object->namespace)
				       : "";
	if (!list || list->type != NODE_LIST || list->nr > HOSTS_MAX)
		return;
	node_each(list, it)
		if (vs->mesh && it->type == NODE_STRING && !strcmp(it->text, "*"))
			decode_error(d, it,
				     "the host * would take all calls of the mesh, want a "
				     "name, or gateways without mesh");
	check_overlap(d, list);
}

/* Without hosts it is for other VirtualServices to delegate to. */
static void check_delegate(struct decoder *d, const struct node *spec)
{
	static const char *const never[] = {"gateways", "tls", "tcp", NULL};
	const struct node *routes = node_get(spec, "http"), *it;

	decode_later_key(d, spec, "hosts");
	for (size_t i = 0; never[i]; i++) {
		const struct node *n = node_get(spec, never[i]);

		if (n && n->nr)
			decode_error_key(d, spec, never[i],
					 "stands in a delegate, which has no "
					 "hosts: want hosts, or http alone");
	}
	node_each(routes, it)
		if (is_set(it, "delegate"))
			decode_error_key(d, it, "delegate", "stands in a delegate, want a route");
}

/* Each server name of a tls match is one of the hosts, or covered by one. */
static void check_sni(struct decoder *d, const struct node *spec)
{
	const struct node *route, *match, *sni, *host;
	struct strmap hosts = {0};

	node_each(node_get(spec, "hosts"), host)
		if (host->type == NODE_STRING)
			strmap_put(&hosts, name_lower(d->arena, host->text), (void *)host);
	node_each(node_get(spec, "tls"), route)
		node_each(node_get(route, "match"), match)
			node_each(node_get(match, "sniHosts"), sni)
				if (sni->type == NODE_STRING && sni->length <= 255 &&
				    !covered_by(&hosts, name_lower(d->arena, sni->text)))
					decode_error(
						d, sni,
						"%s is none of the hosts, want one that spec.hosts "
						"covers",
						quoted(d, sni));
	strmap_free(&hosts);
}

static size_t nr_of(const struct node *spec, const char *section)
{
	const struct node *list = node_get(spec, section);

	return list && list->type == NODE_LIST ? list->nr : 0;
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	struct virtual_service *vs = into;

	check_gateways(d, n, vs);
	check_hosts(d, n, vs);
	if (!nr_of(n, "hosts"))
		check_delegate(d, n);
	if (!nr_of(n, "http") && !nr_of(n, "tls") && !nr_of(n, "tcp"))
		decode_error(d, n, "has no routes, want http, tls or tcp");
	vs->nr_tls = nr_of(n, "tls");
	check_sni(d, n);
	check_export_to(d, n, false);
	check_reach(d, node_get(n, "http"));
	check_reach(d, node_get(n, "tls"));
	check_reach(d, node_get(n, "tcp"));
}

static const struct field spec_fields[] = {
	{"exportTo", FIELD_STRING, FIELD_LIST},
	{"gateways", FIELD_STRING, FIELD_LIST, .check = check_gateway_ref},
	{"hosts", INTO_LIST(struct virtual_service, hosts), .at_most = HOSTS_MAX,
	 .check = check_wild_host},
	{"http", FIELD_MESSAGE, .message = &http_route, INTO_LIST(struct virtual_service, http)},
	{"tcp", FIELD_MESSAGE, .message = &tcp_route, INTO_LIST(struct virtual_service, tcp)},
	{"tls", FIELD_MESSAGE, FIELD_LIST, .message = &tls_route, .flags = FIELD_LATER},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, virtual_service)},
	{0},
};
const struct message virtual_service_message = {top_fields};

// SPDX-License-Identifier: GPL-2.0
/* VirtualService: hosts, and the routes of calls to them. */
#include <string.h>
#include <strings.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/http.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

#define HOSTS_MAX 4096	  /* each is compared with the wildcards among the others */
#define GATEWAYS_MAX 4096 /* each is compared with all others */

/* Without a word of them it is for the mesh. What is kept are the others. */
static void put_gateways(struct decoder *d, const struct node *spec, struct virtual_service *vs)
{
	size_t nr = 0;

	gateway_refs_set(d, node_get(spec, "gateways"), vs->gateways, vs->nr_gateways);
	vs->mesh = !vs->nr_gateways;
	for (size_t i = 0; i < vs->nr_gateways; i++) {
		if (strcmp(vs->gateways[i], "mesh"))
			vs->gateways[nr++] = vs->gateways[i];
		else
			vs->mesh = true;
	}
	vs->nr_gateways = nr;
}

/* "outbound_.80_.v1_.reviews.default.svc.cluster.local": a cluster as its server name. */
static bool is_outbound(const char *s)
{
	static const char prefix[] = "outbound_.";
	char subset[64] = "";
	size_t n;

	if (strlen(s) > 255 || strncmp(s, prefix, sizeof(prefix) - 1))
		return false;
	s += sizeof(prefix) - 1;
	n = strspn(s, "0123456789");
	if (!n || strncmp(s + n, "_.", 2))
		return false;
	s += n + 2;
	n = strcspn(s, "_");
	if (n >= sizeof(subset) || strncmp(s + n, "_.", 2))
		return false;
	memcpy(subset, s, n);
	return (!n || name_is_label(subset)) && name_is_fqdn(s + n + 2);
}

/* What in `seen` is a wildcard over the host, or the host itself. */
static const struct node *covered_by(const struct strmap *seen, const char *host)
{
	const struct node *same = strmap_get(seen, host);
	char tails[260];

	/* Either covers the other: "*.b" and "*.a.b" too. The star moves on over the text. */
	snprintf(tails, sizeof(tails), "*%s", *host == '*' ? host + 1 : host);
	for (char *wild = tails; !same && wild[1] && wild[1] != '*'; wild++) {
		*wild = '*';
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

static bool has_server_names(const struct virtual_service *vs)
{
	for (size_t i = 0; i < vs->nr_tls; i++)
		for (size_t m = 0; m < vs->tls[i].nr_matches; m++)
			if (vs->tls[i].matches[m].nr_sni_hosts)
				return true;
	return false;
}

static void check_host(struct decoder *d, const struct node *n, const struct virtual_service *vs)
{
	if (vs->mesh && !strcmp(n->text, "*"))
		decode_error(d, n,
			     "the host * would take all calls of the mesh, want a "
			     "name, or gateways without mesh");
	else if (!strncmp(n->text, "outbound_", 9) && vs->nr_gateways && has_server_names(vs)) {
		if (!is_outbound(n->text))
			decode_error(d, n, "%s is no host, want outbound_.PORT_._.HOST",
				     quoted(d, n));
	} else {
		check_wild_host(d, n, NULL);
	}
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
		if (it->type == NODE_STRING)
			check_host(d, it, vs);
	check_overlap(d, list);
}

/* Without hosts it is for other VirtualServices to delegate to. */
static void check_delegate(struct decoder *d, const struct node *spec)
{
	static const char *const never[] = {"gateways", "tls", "tcp", NULL};
	const struct node *routes = node_get(spec, "http"), *it;

	for (size_t i = 0; never[i]; i++)
		if (is_given(spec, never[i]))
			decode_error_key(d, spec, never[i],
					 "stands in a delegate, which has no "
					 "hosts: want hosts, or http alone");
	node_each(routes, it)
		if (is_set(it, "delegate"))
			decode_error_key(d, it, "delegate", "stands in a delegate, want a route");
}

/* A server name is one of the hosts, or covered by one. */
static void check_sni(struct decoder *d, const struct node *n, const struct strmap *hosts,
		      bool gateways_only)
{
	if (name_is_address(n->text))
		decode_warning(d, n, "%s is an address, which no client sends as its server name",
			       quoted(d, n));
	else if (!name_is_wild(n->text) && !(gateways_only && is_outbound(n->text)))
		decode_error(d, n, "%s is no server name, want a DNS name, which may begin with *",
			     quoted(d, n));
	else if (!covered_by(hosts, name_lower(d->arena, n->text)))
		decode_error(d, n, "%s is none of the hosts, want one that spec.hosts covers",
			     quoted(d, n));
}

static void check_snis(struct decoder *d, const struct node *spec, const struct virtual_service *vs)
{
	const struct node *route, *match, *sni, *host;
	struct strmap hosts = {0};

	node_each(node_get(spec, "hosts"), host)
		if (host->type == NODE_STRING)
			strmap_put(&hosts, name_lower(d->arena, host->text), (void *)host);
	node_each(node_get(spec, "tls"), route)
		node_each(node_get(route, "match"), match)
			node_each(node_get(match, "sniHosts"), sni)
				if (sni->type == NODE_STRING)
					check_sni(d, sni, &hosts, !vs->mesh);
	strmap_free(&hosts);
}

/* Tokens are checked at gateways, so nobody else knows their claims. */
static void check_claims(struct decoder *d, const struct node *spec)
{
	static const char *const maps[] = {"headers", "withoutHeaders"};
	const struct node *route, *match, *it;

	node_each(node_get(spec, "http"), route)
		node_each(node_get(route, "match"), match)
			for (size_t i = 0; i < 2; i++)
				node_each(node_get(match, maps[i]), it)
					if (it->key && name_is_claim(it->key))
						decode_error_name(
							d, it,
							"a claim of a token is known at gateways "
							"alone, want gateways without mesh");
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	struct virtual_service *vs = into;

	put_gateways(d, n, vs);
	check_hosts(d, n, vs);
	if (!vs->nr_hosts)
		check_delegate(d, n);
	if (!vs->nr_http && !vs->nr_tls && !vs->nr_tcp)
		decode_error(d, n, "has no routes, want http, tls or tcp");
	check_snis(d, n, vs);
	if (vs->mesh)
		check_claims(d, n);
	check_export_to(d, n, false);
	check_reach(d, node_get(n, "http"), vs->http, vs->nr_http);
	check_reach(d, node_get(n, "tls"), vs->tls, vs->nr_tls);
	check_reach(d, node_get(n, "tcp"), vs->tcp, vs->nr_tcp);
}

static const struct field spec_fields[] = {
	{"exportTo", FIELD_STRING, FIELD_LIST},
	{"gateways", FIELD_STRING, INTO_LIST(struct virtual_service, gateways),
	 .at_most = GATEWAYS_MAX},
	{"hosts", FIELD_STRING, INTO_LIST(struct virtual_service, hosts), .at_most = HOSTS_MAX},
	{"http", FIELD_MESSAGE, .message = &http_route, INTO_LIST(struct virtual_service, http)},
	{"tcp", FIELD_MESSAGE, .message = &tcp_route, INTO_LIST(struct virtual_service, tcp)},
	{"tls", FIELD_MESSAGE, .message = &tls_route, INTO_LIST(struct virtual_service, tls)},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, virtual_service)},
	{0},
};
const struct message virtual_service_message = {top_fields};

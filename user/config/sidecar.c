// SPDX-License-Identifier: GPL-2.0
/* Sidecar: what the callers of a namespace see of the mesh, and how traffic comes in to them. */
#include <string.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/kinds.h"
#include "config/listener.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

static void check_proxy(struct decoder *d, const struct node *n, const struct sidecar *sidecar)
{
	const struct node *proxy = node_get(n, "egressProxy"), *host = node_get(proxy, "host");

	if (!proxy || proxy->type != NODE_MAP)
		return;
	decode_later_key(d, n, "egressProxy");
	if (sidecar->outbound != OUTBOUND_ALLOW_ANY)
		decode_error_key(d, n, "egressProxy", "has no effect, want it with mode ALLOW_ANY");
	if (!is_set(proxy, "port"))
		decode_error_key(d, proxy, "port", "is missing, want the port of the proxy");
	/* what is no host at all was told of */
	if (host && host->type == NODE_STRING && strcmp(host->text, "*") &&
	    !name_is_fqdn(host->text) && name_is_wild(host->text))
		decode_error(d, host, "%s is no DNS name, want one without *", quoted(d, host));
}

/* As in Istio, the mode of a policy that names none is not the one of no policy. */
static void put_outbound(struct decoder *d, const struct node *n, void *into)
{
	struct sidecar *sidecar = into;

	sidecar->outbound_place = n->place;
	if (!is_set(n, "mode")) {
		sidecar->outbound = OUTBOUND_REGISTRY_ONLY;
		decode_warning_key(d, n, "mode", "is missing, which means REGISTRY_ONLY");
	}
	check_proxy(d, n, sidecar);
}

static const struct word outbound_modes[] = {
	{"REGISTRY_ONLY", OUTBOUND_REGISTRY_ONLY},
	{"ALLOW_ANY", OUTBOUND_ALLOW_ANY},
	{0},
};
static const struct field outbound_fields[] = {
	{"egressProxy", FIELD_MESSAGE, .message = &destination_message,
	 INTO_MADE(struct sidecar, egress_proxy)},
	{"mode", FIELD_WORD, .words = outbound_modes, INTO(struct sidecar, outbound)},
	{0},
};
static const struct message outbound = {outbound_fields, .check = put_outbound};

static void check_selector(struct decoder *d, const struct node *n, void *into)
{
	const struct sidecar *sidecar = into;

	if (!sidecar->selector.nr)
		decode_warning(d, n, "names no labels, so it is for the whole namespace");
}

static const struct field selector_fields[] = {
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_selector_entry,
	 INTO(struct sidecar, selector)},
	{0},
};
static const struct message selector = {selector_fields, .check = check_selector};

/* One entry without a port takes all other ports, so it is the last. */
static void check_catch_all(struct decoder *d, const struct node *list)
{
	const struct node *it;

	node_each(list, it)
		if (it->type == NODE_MAP && !is_set(it, "port") && it->next)
			decode_error(d, it, "has no port and takes all ports, want it last");
}

/* Ports, and the unix paths of those without one. */
static void check_twice(struct decoder *d, const struct node *list)
{
	struct strmap seen = {0};
	const struct node *it;

	node_each(list, it) {
		const struct node *number = node_get(node_get(it, "port"), "number");
		const struct node *what = listener_has_number(it) ? number : node_get(it, "bind");
		const char *key = what ? what->text : NULL;
		int64_t value;

		if (!is_set(it, "port") || !key || (what != number && !listener_is_unix(it)))
			continue;
		if (what == number && !integer_parse(key, &value))
			key = arena_printf(d->arena, "%lld", (long long)value);
		if (strmap_put(&seen, key, (void *)what))
			decode_error(d, what, "%s is given twice, want one listener for each",
				     quoted(d, what));
	}
	strmap_free(&seen);
}

static void put_spec(struct decoder *d, const struct node *n, void *into)
{
	struct sidecar *sidecar = into;

	sidecar->has_egress = sidecar->nr_egress > 0;
	sidecar->has_ingress = sidecar->nr_ingress > 0;
	if (!sidecar->has_egress && !sidecar->has_ingress && !is_set(n, "outboundTrafficPolicy") &&
	    !is_set(n, "inboundConnectionPool"))
		decode_error(d, n, "sets nothing, want egress, ingress or outboundTrafficPolicy");
	check_catch_all(d, node_get(n, "egress"));
	check_twice(d, node_get(n, "egress"));
	check_twice(d, node_get(n, "ingress"));
	/* the receiving side: the kernel sees to what leaves a pod */
	if (sidecar->has_ingress)
		decode_later_key(d, n, "ingress");
	if (sidecar->inbound_pool)
		decode_later_key(d, n, "inboundConnectionPool");
}

static const struct field spec_fields[] = {
	{"egress", FIELD_MESSAGE, .message = &sidecar_egress, INTO_LIST(struct sidecar, egress)},
	{"inboundConnectionPool", FIELD_MESSAGE, .message = &connection_pool,
	 INTO_MADE(struct sidecar, inbound_pool)},
	{"ingress", FIELD_MESSAGE, .message = &sidecar_ingress, INTO_LIST(struct sidecar, ingress)},
	{"outboundTrafficPolicy", FIELD_MESSAGE, .message = &outbound, INTO_SAME},
	{"workloadSelector", FIELD_MESSAGE, .message = &selector, INTO_SAME},
	{0},
};
static const struct message spec = {spec_fields, .check = put_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, sidecar)},
	{0},
};
const struct message sidecar_message = {top_fields};

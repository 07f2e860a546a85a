// SPDX-License-Identifier: GPL-2.0
/* Endpoints: subsets of addresses with ports of their own, put together as one slice. */
#include <string.h>
#include "config/kinds.h"
#include "config/slice.h"

/* One element of subsets[], before it is put together. */
struct part {
	struct slice_port *ports;
	size_t nr_ports;
};

static void check_ip(struct decoder *d, const struct node *n, void *into)
{
	struct inet address;

	(void)into;
	if (!inet_parse(n->text, &address))
		decode_error(d, n, "%s is no address, want IPv4 or IPv6", quoted(d, n));
}

static const struct field address_fields[] = {
	{"ip", .flags = FIELD_REQUIRED, .check = check_ip},
	{"nodeName"},
	{0},
};
static const struct message address_message = {address_fields};

static const struct field part_fields[] = {
	{"addresses", FIELD_MESSAGE, FIELD_LIST, .message = &address_message},
	{"notReadyAddresses", FIELD_MESSAGE, FIELD_LIST, .message = &address_message},
	{"ports", FIELD_MESSAGE, .message = &slice_port, INTO_LIST(struct part, ports)},
	{0},
};
static const struct message part_message = {part_fields, sizeof(struct part)};

struct parts {
	struct part *list;
	size_t nr_list;
};
static const struct field subsets_field = {"subsets", FIELD_MESSAGE, .message = &part_message,
					   INTO_LIST(struct parts, list)};

/* Names are NULL of an element that is no mapping, which was told. */
static bool same_port(const struct slice_port *a, const struct slice_port *b)
{
	return a->port == b->port && a->transport == b->transport &&
	       (a->name == b->name || (a->name && b->name && !strcmp(a->name, b->name)));
}

/* The bits of the part's ports in the slice; those it has not yet are added. */
static uint32_t put_ports(struct decoder *d, const struct node *n, const struct part *part,
			  struct slice *slice)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < part->nr_ports; i++) {
		size_t at = 0;

		while (at < slice->nr_ports && !same_port(&slice->ports[at], &part->ports[i]))
			at++;
		if (at == SLICE_PORTS) {
			decode_error(d, n, "has more than %d different ports in all", SLICE_PORTS);
			return bits;
		}
		if (at == slice->nr_ports)
			slice->ports[slice->nr_ports++] = part->ports[i];
		bits |= 1u << at;
	}
	return bits;
}

static void put_endpoints(struct decoder *d, const struct node *list, uint32_t ports, bool ready,
			  struct slice *slice)
{
	const struct node *it;

	if (!list || list->type != NODE_LIST)
		return;
	node_each(list, it) {
		struct slice_endpoint *endpoint = &slice->endpoints[slice->nr_endpoints];
		const char *ip = text_of(it, "ip"), *node = text_of(it, "nodeName");

		endpoint->addresses = arena_alloc(d->arena, sizeof(*endpoint->addresses));
		if (!ip || !inet_parse(ip, endpoint->addresses))
			continue;
		endpoint->nr_addresses = 1;
		endpoint->ready = ready;
		endpoint->ports = ports;
		endpoint->node = node && *node ? arena_strdup(d->arena, node) : "";
		slice_pod(d, it, endpoint);
		slice->nr_endpoints++;
	}
}

static size_t nr_of(const struct node *part, const char *key)
{
	const struct node *list = node_get(part, key);

	return list && list->type == NODE_LIST ? list->nr : 0;
}

static void check_endpoints(struct decoder *d, const struct node *n, void *into)
{
	struct object *o = into;
	struct slice *slice = &o->slice;
	const struct node *subsets = node_get(n, "subsets"), *it;
	struct parts parts = {0};
	size_t nr = 0, i = 0;

	slice->service = o->name;
	decode_one(d, &subsets_field, n, &parts);
	if (!parts.nr_list)
		return;
	node_each(subsets, it)
		nr += nr_of(it, "addresses") + nr_of(it, "notReadyAddresses");
	slice->endpoints = arena_alloc(d->arena, nr * sizeof(*slice->endpoints));
	slice->ports = arena_alloc(d->arena, SLICE_PORTS * sizeof(*slice->ports));
	node_each(subsets, it) {
		uint32_t ports = put_ports(d, it, &parts.list[i++], slice);

		put_endpoints(d, node_get(it, "addresses"), ports, true, slice);
		put_endpoints(d, node_get(it, "notReadyAddresses"), ports, false, slice);
	}
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{0},
};
const struct message endpoints_message = {top_fields, .check = check_endpoints};

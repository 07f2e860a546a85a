// SPDX-License-Identifier: GPL-2.0
/* EndpointSlice, and what Endpoints has in common with it. */
#include <string.h>
#include "config/kinds.h"
#include "config/policy.h"
#include "config/slice.h"

static void put_port(struct decoder *d, const struct node *n, void *into)
{
	struct slice_port *port = into;

	(void)d;
	(void)n;
	text_fill(&port->name);
}

static const struct word transports[] = {
	{"TCP", TRANSPORT_TCP},
	{"UDP", TRANSPORT_UDP},
	{"SCTP", TRANSPORT_SCTP},
	{0},
};
static const struct field port_fields[] = {
	{"name", INTO(struct slice_port, name)},
	{"port", FIELD_INTEGER, PORT_RANGE, INTO(struct slice_port, port)},
	{"protocol", FIELD_WORD, .words = transports, INTO(struct slice_port, transport)},
	{0},
};
const struct message slice_port = {port_fields, sizeof(struct slice_port), put_port};

/* The last text is used again when it is equal. */
static const char *slice_text(struct decoder *d, const char *text, const char *last)
{
	return last && !strcmp(last, text) ? last : arena_strdup(d->arena, text);
}

void slice_pod(struct decoder *d, const struct node *endpoint, struct slice_endpoint *out)
{
	const struct node *target = node_get(endpoint, "targetRef");
	const char *kind = text_of(target, "kind"), *name = text_of(target, "name");
	const char *namespace = text_of(target, "namespace");

	if (!kind || !name || strcmp(kind, "Pod"))
		return;
	out->pod = arena_strdup(d->arena, name);
	out->pod_namespace =
		namespace ? slice_text(d, namespace, d->object->namespace) : d->object->namespace;
}

static void put_addresses(struct decoder *d, const struct node *list, struct slice_endpoint *out)
{
	const struct node *it;

	if (!list || list->type != NODE_LIST || !list->nr)
		return;
	out->addresses = arena_alloc(d->arena, list->nr * sizeof(*out->addresses));
	node_each(list, it) {
		if (it->type != NODE_STRING)
			continue;
		if (inet_parse(it->text, &out->addresses[out->nr_addresses]))
			out->nr_addresses++;
		else
			decode_error(d, it, "%s is no address, want IPv4 or IPv6", quoted(d, it));
	}
}

/* The node in v1beta1 may stand in the topology alone. */
static const char *node_of(const struct node *n)
{
	const char *name = text_of(n, "nodeName");

	if (!name)
		name = text_of(node_get(n, "topology"), "kubernetes.io/hostname");
	return name ? name : "";
}

/* The names in a list of {name}; *nr: how many. */
static const char **names_of(struct decoder *d, const struct node *list, size_t *nr)
{
	const struct node *it;
	const char **names;

	*nr = 0;
	if (!list || list->type != NODE_LIST || !list->nr)
		return NULL;
	names = arena_alloc(d->arena, list->nr * sizeof(*names));
	node_each(list, it) {
		const char *name = scalar_of(it, "name");

		if (name)
			names[(*nr)++] = arena_strdup(d->arena, name);
	}
	return names;
}

static const struct slice_hints *hints_of(struct decoder *d, const struct node *n)
{
	const struct node *hints = node_get(n, "hints");
	struct slice_hints all, *out;

	all.zones = names_of(d, node_get(hints, "forZones"), &all.nr_zones);
	all.nodes = names_of(d, node_get(hints, "forNodes"), &all.nr_nodes);
	if (!all.nr_zones && !all.nr_nodes)
		return NULL;
	out = arena_alloc(d->arena, sizeof(*out));
	*out = all;
	return out;
}

static void put_endpoint(struct decoder *d, const struct node *n, void *into)
{
	const struct node *conditions = node_get(n, "conditions");
	struct slice_endpoint *endpoint = into;

	put_addresses(d, node_get(n, "addresses"), endpoint);
	slice_pod(d, n, endpoint);
	endpoint->ready = (!is_set(conditions, "ready") || is_true(conditions, "ready")) &&
			  !is_true(conditions, "terminating");
	endpoint->hints = hints_of(d, n);
	endpoint->node = node_of(n);
	endpoint->node = *endpoint->node ? arena_strdup(d->arena, endpoint->node) : "";
}

static const struct field condition_fields[] = {
	{"ready", FIELD_BOOL},
	{"serving", FIELD_BOOL},
	{"terminating", FIELD_BOOL},
	{0},
};
static const struct message conditions_message = {condition_fields};

static const struct field name_fields[] = {
	{"name"},
	{0},
};
static const struct message name_message = {name_fields};
static const struct field hint_fields[] = {
	{"forNodes", FIELD_MESSAGE, FIELD_LIST, .message = &name_message},
	{"forZones", FIELD_MESSAGE, FIELD_LIST, .message = &name_message},
	{0},
};
static const struct message hints_message = {hint_fields};

static const struct field endpoint_fields[] = {
	{"addresses", FIELD_STRING, FIELD_LIST, .flags = FIELD_REQUIRED},
	{"conditions", FIELD_MESSAGE, .message = &conditions_message},
	{"hints", FIELD_MESSAGE, .message = &hints_message},
	{"nodeName"},
	{0},
};
static const struct message endpoint_message = {endpoint_fields, sizeof(struct slice_endpoint),
						put_endpoint};

static const struct word address_types[] = {{"IPv4"}, {"IPv6"}, {"FQDN"}, {0}};
static const struct field slice_fields[] = {
	{"addressType", FIELD_WORD, .words = address_types},
	{"ports", FIELD_MESSAGE, .message = &slice_port, INTO_LIST(struct slice, ports)},
	{0},
};
static const struct field endpoints_field = {"endpoints", FIELD_MESSAGE,
					     .message = &endpoint_message,
					     INTO_LIST(struct slice, endpoints)};
static const struct message slice_message = {slice_fields};

static void check_slice(struct decoder *d, const struct node *n, void *into)
{
	struct object *o = into;
	struct slice *slice = &o->slice;
	const char *type = text_of(n, "addressType");
	uint32_t all;

	slice->service = labels_get(&o->labels, "kubernetes.io/service-name");
	if (!slice->service)
		slice->service = "";
	decode_message(d, &slice_message, n, slice);
	/* Names are not looked up; such slices give no endpoints. */
	if (!type || strcmp(type, "FQDN"))
		decode_one(d, &endpoints_field, n, slice);
	if (slice->nr_ports > SLICE_PORTS) {
		decode_error(d, node_get(n, "ports"), "has %zu ports, want at most %d",
			     slice->nr_ports, SLICE_PORTS);
		return;
	}
	all = slice->nr_ports == SLICE_PORTS ? UINT32_MAX : (1u << slice->nr_ports) - 1;
	for (size_t i = 0; i < slice->nr_endpoints; i++)
		slice->endpoints[i].ports = all;
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{0},
};
const struct message endpoint_slice_message = {top_fields, .check = check_slice};

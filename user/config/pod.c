// SPDX-License-Identifier: GPL-2.0
/* Pod: addresses, readiness and named ports; all else of it is of no interest here. */
#include <string.h>
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"

static void put_container_port(struct decoder *d, const struct node *n, void *into)
{
	struct container_port *port = into;

	(void)d;
	(void)n;
	if (!port->name)
		port->name = "";
}

static const struct field port_fields[] = {
	{"containerPort", FIELD_INTEGER, PORT_RANGE, INTO_REQUIRED(struct container_port, port)},
	{"name", INTO(struct container_port, name)},
	{0},
};
static const struct message port_message = {port_fields, sizeof(struct container_port),
					    put_container_port};

struct container {
	struct container_port *ports;
	size_t nr_ports;
};
static const struct field container_fields[] = {
	{"ports", FIELD_MESSAGE, .message = &port_message, INTO_LIST(struct container, ports)},
	{0},
};
static const struct message container_message = {container_fields, sizeof(struct container)};

struct containers {
	struct container *list;
	size_t nr_list;
};
static const struct field containers_field = {"containers", FIELD_MESSAGE,
					      .message = &container_message,
					      INTO_LIST(struct containers, list)};

static void put_ports(struct decoder *d, const struct node *spec, struct pod *pod)
{
	struct containers all = {0};
	size_t nr = 0;

	decode_one(d, &containers_field, spec, &all);
	for (size_t i = 0; i < all.nr_list; i++)
		nr += all.list[i].nr_ports;
	pod->ports = nr ? arena_alloc(d->arena, nr * sizeof(*pod->ports)) : NULL;
	for (size_t i = 0; i < all.nr_list; i++)
		for (size_t j = 0; j < all.list[i].nr_ports; j++)
			pod->ports[pod->nr_ports++] = all.list[i].ports[j];
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	put_ports(d, n, into);
}

static const struct field spec_fields[] = {
	{"containers", FIELD_ANY},
	{"hostNetwork", FIELD_BOOL, INTO(struct pod, host_network)},
	{"nodeName", INTO(struct pod, node)},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static void put_address(struct decoder *d, const struct node *n, struct pod *pod)
{
	struct inet address;

	if (!n || n->type != NODE_STRING || !n->length)
		return;
	if (!inet_parse(n->text, &address)) {
		decode_error(d, n, "%s is no address, want IPv4 or IPv6", quoted(d, n));
		return;
	}
	/* The first of podIPs repeats podIP. */
	if (!pod->nr_addresses || !inet_equal(&pod->addresses[0], &address))
		pod->addresses[pod->nr_addresses++] = address;
}

static void put_conditions(const struct node *conditions, struct pod *pod)
{
	const struct node *it;

	node_each(conditions, it) {
		const char *type = text_of(it, "type"), *status = text_of(it, "status");

		if (type && status && !strcmp(type, "Ready"))
			pod->ready = !strcmp(status, "True");
	}
}

static void check_status(struct decoder *d, const struct node *n, void *into)
{
	const struct node *list = node_get(n, "podIPs"), *it;
	const char *phase = text_of(n, "phase");
	struct pod *pod = into;
	size_t nr = list && list->type == NODE_LIST ? list->nr : 0;

	pod->addresses = arena_alloc(d->arena, (nr + 1) * sizeof(*pod->addresses));
	put_address(d, node_get(n, "podIP"), pod);
	if (nr)
		node_each(list, it)
			put_address(d, node_get(it, "ip"), pod);
	put_conditions(node_get(n, "conditions"), pod);
	/* One that ran to its end keeps its address, which may be another's by now. */
	if (phase && (!strcmp(phase, "Succeeded") || !strcmp(phase, "Failed"))) {
		pod->ready = false;
		pod->terminating = true;
	}
}

static const struct field status_fields[] = {
	{"podIP"},
	{0},
};
static const struct message status = {status_fields, .check = check_status};

/* A label's value cannot hold a slash, so Istio writes region.zone.subzone. */
static const char *locality_of(struct decoder *d, const struct object *o)
{
	const char *label = labels_get(&o->labels, "istio-locality");
	char *locality = arena_strdup(d->arena, label ? label : "");

	if (!strchr(locality, '/'))
		for (char *c = locality; *c; c++)
			*c = *c == '.' ? '/' : *c;
	return locality;
}

/* The status speaks after the defaults are there. */
static void check_pod(struct decoder *d, const struct node *n, void *into)
{
	static const struct field status_field = {"status", FIELD_MESSAGE, .message = &status,
						  INTO(struct object, pod)};
	struct object *o = into;
	struct pod *pod = &o->pod;

	pod->ready = true;
	pod->terminating = is_set(node_get(n, "metadata"), "deletionTimestamp");
	pod->locality = locality_of(d, o);
	text_fill(&pod->node);
	decode_one(d, &status_field, n, o);
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO(struct object, pod)},
	{0},
};
const struct message pod_message = {top_fields, .check = check_pod};

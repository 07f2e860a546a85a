// SPDX-License-Identifier: GPL-2.0
/* Kubernetes Service: addresses, ports and the selector of its endpoints. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/protocol.h"

enum transport { TRANSPORT_TCP, TRANSPORT_UDP, TRANSPORT_SCTP };
static const struct word transports[] = {
	{"TCP", TRANSPORT_TCP},
	{"UDP", TRANSPORT_UDP},
	{"SCTP", TRANSPORT_SCTP},
	{0},
};

/* A number, or the name of a container port. */
static void put_target(struct decoder *d, const struct node *n, void *into)
{
	static const struct field number = {"targetPort", FIELD_INTEGER, PORT_RANGE,
					    .want = "a port from 1 to 65535, or a port's name"};
	struct service_port *port = into;
	int64_t value;

	if (n->type == NODE_STRING && name_is_label(n->text)) {
		port->target_name = arena_strdup(d->arena, n->text);
		return;
	}
	if (value_integer(d, &number, n, &value))
		port->target_port = (uint16_t)value;
}

static void put_port(struct decoder *d, const struct node *n, void *into)
{
	struct service_port *port = into;
	const char *transport = text_of(n, "protocol");

	if (!port->name)
		port->name = "";
	if (!port->target_port && !port->target_name)
		port->target_port = port->port;
	port->protocol = protocol_of_port(text_of(n, "appProtocol"), port->name, port->port);
	if (transport && strcmp(transport, "TCP"))
		port->protocol = PROTOCOL_UDP;
	if (transport && !strcmp(transport, "SCTP"))
		decode_later_key(d, n, "protocol");
}

static const struct field port_fields[] = {
	{"appProtocol"},
	{"name", INTO(struct service_port, name)},
	{"nodePort", FIELD_INTEGER, .max = 65535, INTO(struct service_port, node_port)},
	{"port", FIELD_INTEGER, PORT_RANGE, INTO_REQUIRED(struct service_port, port)},
	{"protocol", FIELD_WORD, .words = transports},
	{"targetPort", FIELD_ANY, .check = put_target},
	{0},
};
static const struct message port_message = {port_fields, sizeof(struct service_port), put_port};

static void put_address(struct decoder *d, const struct node *n, struct k8s_service *service)
{
	struct inet address;

	if (!n || n->type != NODE_STRING || !n->length)
		return;
	if (!strcmp(n->text, "None"))
		service->headless = true;
	else if (!inet_parse(n->text, &address))
		decode_error(d, n, "%s is no address, want IPv4, IPv6 or None", quoted(d, n));
	else if (!service->nr_addresses ||
		 !inet_equal(&service->addresses[service->nr_addresses - 1], &address))
		service->addresses[service->nr_addresses++] = address;
}

static void put_addresses(struct decoder *d, const struct node *spec, struct k8s_service *service)
{
	const struct node *list = node_get(spec, "clusterIPs"), *it;
	size_t nr = list && list->type == NODE_LIST ? list->nr : 0;

	service->addresses = arena_alloc(d->arena, (nr + 1) * sizeof(*service->addresses));
	/* The first of clusterIPs repeats clusterIP. */
	put_address(d, node_get(spec, "clusterIP"), service);
	if (nr)
		node_each(list, it)
			put_address(d, it, service);
}

/* Ports that are carried in some form: SCTP is not. */
static void check_ports(struct decoder *d, const struct node *spec, struct k8s_service *service)
{
	const struct node *list = node_get(spec, "ports"), *it;
	size_t i = 0, nr = 0;

	if (!list || list->type != NODE_LIST)
		return;
	check_unique(d, list, "name");
	node_each(list, it) {
		const char *transport = text_of(it, "protocol");

		if (list->nr > 1 && it->type == NODE_MAP && !is_set(it, "name"))
			decode_error_key(d, it, "name",
					 "is missing, want one for each of several ports");
		if (!transport || strcmp(transport, "SCTP"))
			service->ports[nr++] = service->ports[i];
		i++;
	}
	service->nr_ports = nr;
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	struct k8s_service *service = into;
	const char *type = text_of(n, "type");
	bool external = type && !strcmp(type, "ExternalName");

	put_addresses(d, n, service);
	check_ports(d, n, service);
	service->has_selector = service->selector.nr > 0;
	if (!external)
		service->external_name = NULL;
	else if (!service->external_name)
		decode_error_key(d, n, "externalName",
				 "is missing, want a DNS name with type "
				 "ExternalName");
	else
		service->external_name = name_lower(d->arena, service->external_name);
	if (!external && !service->headless && !service->nr_ports && !is_set(n, "ports"))
		decode_error_key(d, n, "ports", "is missing, want at least one port");
}

static const struct word types[] = {
	{"ClusterIP"}, {"NodePort"}, {"LoadBalancer"}, {"ExternalName"}, {0},
};

static const struct field spec_fields[] = {
	{"clusterIP"},
	{"clusterIPs", FIELD_STRING, FIELD_LIST},
	{"externalName", INTO(struct k8s_service, external_name)},
	{"ports", FIELD_MESSAGE, .message = &port_message, INTO_LIST(struct k8s_service, ports)},
	{"publishNotReadyAddresses", FIELD_BOOL, INTO(struct k8s_service, publish_not_ready)},
	{"selector", FIELD_STRING, FIELD_MAP, INTO(struct k8s_service, selector)},
	{"type", FIELD_WORD, .words = types},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, service)},
	{0},
};
const struct message service_message = {top_fields};

// SPDX-License-Identifier: GPL-2.0
/* Kubernetes Service: addresses, ports and the selector of its endpoints. */
#include <string.h>
#include <strings.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/protocol.h"

#define AFFINITY_SECONDS 10800 /* what Kubernetes takes when no time is given */
#define DISTRIBUTION_KEY "networking.istio.io/traffic-distribution"
#define EXPORT_KEY "networking.istio.io/exportTo"
#define PORTS_MAX 4096 /* each is compared with all others */
#define NODE_PORTS_FIRST 30000 /* what Kubernetes gives by default */
#define NODE_PORTS_LAST 32767
#define DISTRIBUTIONS "PreferClose, PreferSameZone or PreferSameNode"

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

	if (n->type == NODE_STRING && n->length && !n->text[strspn(n->text, "0123456789")]) {
		decode_error(d, n, "%s is no port's name, want the number without quotes",
			     quoted(d, n));
		return;
	}
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
	else if (port->protocol == PROTOCOL_UDP)
		port->protocol = PROTOCOL_TCP; /* by its name alone */
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

/* Two ports at one node port cannot be told apart, unless their transports differ. */
static bool is_node_port_again(const struct service_port *ports, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (ports[j].node_port == ports[i].node_port &&
		    protocol_transport(ports[j].protocol) == protocol_transport(ports[i].protocol))
			return true;
	return false;
}

/* Before ports are left out: those of the list and those of the service stand at the same places. */
static void check_node_ports(struct decoder *d, const struct node *spec,
			     struct k8s_service *service)
{
	const struct node *list = node_get(spec, "ports"), *it;
	const char *type = text_of(spec, "type");
	bool opened = type && (!strcmp(type, "NodePort") || !strcmp(type, "LoadBalancer"));
	size_t i = 0;

	if (!list || list->type != NODE_LIST || list->nr > PORTS_MAX)
		return;
	node_each(list, it) {
		struct service_port *port = &service->ports[i++];

		if (!port->node_port)
			continue;
		if (!opened)
			decode_warning_key(d, it, "nodePort",
					   "has no effect, want type NodePort or LoadBalancer");
		else if (is_node_port_again(service->ports, i - 1))
			decode_error_key(d, it, "nodePort",
					 "%u is that of another port, want one for each",
					 port->node_port);
		else if (port->node_port < NODE_PORTS_FIRST || port->node_port > NODE_PORTS_LAST)
			decode_warning_key(d, it, "nodePort",
					   "%u is out of the range that API servers give, "
					   "%d to %d", port->node_port, NODE_PORTS_FIRST,
					   NODE_PORTS_LAST);
		if (!opened)
			port->node_port = 0;
	}
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	struct k8s_service *service = into;
	const char *type = text_of(n, "type"), *affinity = text_of(n, "sessionAffinity");
	bool external = type && !strcmp(type, "ExternalName");

	put_addresses(d, n, service);
	check_node_ports(d, n, service);
	check_ports(d, n, service);
	service->has_selector = service->selector.nr > 0;
	if (!affinity || strcmp(affinity, "ClientIP"))
		service->affinity_seconds = 0;
	else if (!service->affinity_seconds)
		service->affinity_seconds = AFFINITY_SECONDS;
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

static void put_policy(struct decoder *d, const struct node *n, void *into)
{
	struct k8s_service *service = into;
	bool local = !strcmp(n->text, "Local");

	(void)d;
	if (!strcmp(n->key, "internalTrafficPolicy"))
		service->internal_local = local;
	else
		service->external_local = local;
}

/* The word as Kubernetes writes it, "" when it is none. */
static const char *distribution_of(const char *text)
{
	static const char *const words[] = {"PreferClose", "PreferSameZone", "PreferSameNode"};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(words[i], text))
			return words[i];
	return "";
}

static void check_distribution(struct decoder *d, const struct node *n, void *into)
{
	struct k8s_service *service = into;

	service->distribution = distribution_of(n->text);
	if (n->length && !*service->distribution)
		decode_error(d, n, "%s is not known, want " DISTRIBUTIONS, quoted(d, n));
}

static const struct word types[] = {
	{"ClusterIP"}, {"NodePort"}, {"LoadBalancer"}, {"ExternalName"}, {0},
};

static const struct word affinities[] = {{"None"}, {"ClientIP"}, {0}};
static const struct word policies[] = {{"Cluster"}, {"Local", 1}, {0}};

static const struct field client_fields[] = {
	{"timeoutSeconds", FIELD_INTEGER, .min = 1, .max = 86400,
	 INTO(struct k8s_service, affinity_seconds)},
	{0},
};
static const struct message client_message = {client_fields};
static const struct field affinity_fields[] = {
	{"clientIP", FIELD_MESSAGE, .message = &client_message, INTO_SAME},
	{0},
};
static const struct message affinity_message = {affinity_fields};

static const struct field spec_fields[] = {
	{"clusterIP"},
	{"clusterIPs", FIELD_STRING, FIELD_LIST},
	{"externalIPs", FIELD_STRING, FIELD_LIST},
	{"externalName", INTO(struct k8s_service, external_name)},
	{"externalTrafficPolicy", FIELD_WORD, .words = policies, .check = put_policy},
	{"internalTrafficPolicy", FIELD_WORD, .words = policies, .check = put_policy},
	{"ports", FIELD_MESSAGE, .message = &port_message, INTO_LIST(struct k8s_service, ports),
	 .at_most = PORTS_MAX},
	{"publishNotReadyAddresses", FIELD_BOOL, INTO(struct k8s_service, publish_not_ready)},
	{"selector", FIELD_STRING, FIELD_MAP, INTO(struct k8s_service, selector)},
	{"sessionAffinity", FIELD_WORD, .words = affinities},
	{"sessionAffinityConfig", FIELD_MESSAGE, .message = &affinity_message, INTO_SAME},
	{"trafficDistribution", .check = check_distribution},
	{"type", FIELD_WORD, .words = types},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static void add_external(struct decoder *d, const struct node *n, struct k8s_service *service)
{
	struct inet address;

	if (!n || n->type != NODE_STRING || !n->length)
		return;
	if (inet_parse(n->text, &address))
		service->external_addresses[service->nr_external_addresses++] = address;
	else
		decode_error(d, n, "%s is no address, want IPv4 or IPv6", quoted(d, n));
}

/* Where the service can be reached from outside; a load balancer's host names are not kept. */
static void put_external(struct decoder *d, const struct node *n, struct k8s_service *service)
{
	const struct node *ips = node_get(node_get(n, "spec"), "externalIPs"), *it;
	const struct node *balancer = node_get(node_get(n, "status"), "loadBalancer");
	const struct node *ingress = node_get(balancer, "ingress");
	size_t nr = (ips ? ips->nr : 0) + (ingress ? ingress->nr : 0);

	if (!nr)
		return;
	service->external_addresses =
		arena_alloc(d->arena, nr * sizeof(*service->external_addresses));
	node_each(ips, it)
		add_external(d, it, service);
	node_each(ingress, it) {
		const char *mode = text_of(it, "ipMode");

		/* a balancer that ends connections itself is to be reached, not stood in for */
		if (!mode || strcmp(mode, "Proxy"))
			add_external(d, node_get(it, "ip"), service);
	}
}

/* One entry of the comma list: text of n bytes. */
static void add_export(struct decoder *d, const struct node *n, const char *text, size_t length,
		       struct export_to *out)
{
	const char *name = arena_strndup(d->arena, text, length);

	if (!strcmp(name, "."))
		name = d->object->namespace;
	if (!strcmp(name, "*"))
		out->all = true;
	else if (!strcmp(name, "~"))
		out->nobody = true;
	else if (name_is_label(name))
		out->namespaces[out->nr_namespaces++] = name;
	else
		decode_warning(d, n, "\"%s\" is no namespace, want *, ~, . or a name", name);
}

static void put_export(struct decoder *d, const struct node *n, struct export_to *out)
{
	const char *at = n->text;

	*out = (struct export_to){.given = true, .place = n->place};
	out->namespaces = arena_alloc(d->arena, (n->length + 1) * sizeof(*out->namespaces));
	for (; *at; at += *at == ',') {
		size_t length;

		at += strspn(at, " \t");
		length = strcspn(at, ",");
		while (length && strchr(" \t", at[length - 1]))
			length--;
		if (length)
			add_export(d, n, at, length, out);
		at += strcspn(at, ",");
	}
	export_sort(out);
	out->given = out->all || out->nobody || out->nr_namespaces;
}

/* What stands outside of the spec. */
static void put_service(struct decoder *d, const struct node *n, void *into)
{
	const struct node *annotations = node_get(node_get(n, "metadata"), "annotations");
	const struct node *export_to = node_get(annotations, EXPORT_KEY);
	const struct node *distribution = node_get(annotations, DISTRIBUTION_KEY);
	struct object *o = into;
	const char **out = &o->service.distribution;

	put_external(d, n, &o->service);
	if (export_to && export_to->type == NODE_STRING)
		put_export(d, export_to, &o->export_to);
	text_fill(out);
	if (**out || !distribution || distribution->type != NODE_STRING || !distribution->length)
		return;
	*out = distribution_of(distribution->text);
	if (!**out)
		decode_warning(d, distribution, "%s is not known, want " DISTRIBUTIONS,
			       quoted(d, distribution));
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, service)},
	{0},
};
const struct message service_message = {top_fields, .check = put_service};

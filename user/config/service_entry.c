// SPDX-License-Identifier: GPL-2.0
/* ServiceEntry: hosts that are no Kubernetes Service, with addresses, ports and endpoints. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/protocol.h"
#include "config/workload.h"

#define ENDPOINTS_MAX 4096

static void check_host(struct decoder *d, const struct node *n, void *into)
{
	if (!strcmp(n->text, "*"))
		decode_error(d, n, "the host * is every host, want a name or *.name");
	else
		check_dns_host(d, n, into);
}

static void put_protocol(struct decoder *d, const struct node *n, void *into)
{
	struct service_port *port = into;

	check_protocol(d, n, into);
	port->protocol = protocol_parse(n->text);
}

static void check_port(struct decoder *d, const struct node *n, void *into)
{
	struct service_port *port = into;

	(void)d;
	(void)n;
	text_fill(&port->name);
	if (!port->target_port)
		port->target_port = port->port;
}

static const struct field port_fields[] = {
	{"name", INTO_REQUIRED(struct service_port, name), .check = check_label,
	 .want = "the name of the port"},
	{"number", FIELD_INTEGER, PORT_RANGE, INTO_REQUIRED(struct service_port, port)},
	{"protocol", .check = put_protocol},
	{"targetPort", FIELD_INTEGER, .max = 65535, INTO(struct service_port, target_port)},
	{0},
};
static const struct message port_message = {port_fields, sizeof(struct service_port), check_port};

static const struct word resolutions[] = {
	{"NONE", RESOLUTION_NONE},
	{"STATIC", RESOLUTION_STATIC},
	{"DNS", RESOLUTION_DNS},
	{"DNS_ROUND_ROBIN", RESOLUTION_DNS_ROUND_ROBIN},
	{"DYNAMIC_DNS", RESOLUTION_DYNAMIC_DNS},
	{0},
};
static const struct word locations[] = {{"MESH_EXTERNAL"}, {"MESH_INTERNAL"}, {0}};

static void check_selector(struct decoder *d, const struct node *n, void *into)
{
	struct service_entry *entry = into;

	entry->has_selector = true;
	if (!entry->selector.nr)
		decode_warning(d, n, "selects nothing in particular, want labels");
}

static const struct field selector_fields[] = {
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_selector_entry,
	 INTO(struct service_entry, selector)},
	{0},
};
static const struct message selector = {selector_fields, .check = check_selector};

/* Single addresses, and true ranges. */
static void put_addresses(struct decoder *d, const struct node *spec, struct service_entry *entry)
{
	const struct node *list = node_get(spec, "addresses"), *it;

	if (!list || list->type != NODE_LIST || !list->nr)
		return;
	entry->addresses = arena_alloc(d->arena, list->nr * sizeof(*entry->addresses));
	entry->subnets = arena_alloc(d->arena, list->nr * sizeof(*entry->subnets));
	node_each(list, it) {
		struct subnet subnet;

		if (it->type != NODE_STRING ||
		    !inet_parse_cidr(it->text, &subnet.address, &subnet.prefix))
			continue;
		if (subnet.prefix == (inet_is_v4(&subnet.address) ? 32 : 128))
			entry->addresses[entry->nr_addresses++] = subnet.address;
		else
			entry->subnets[entry->nr_subnets++] = subnet;
	}
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	static const char *const sources[] = {"workloadSelector", "endpoints", NULL};
	const char *location = text_of(n, "location");
	struct service_entry *entry = into;

	for (size_t i = 0; i < entry->nr_hosts; i++)
		entry->hosts[i] = entry->hosts[i] ? name_lower(d->arena, entry->hosts[i]) : "";
	entry->mesh_internal = location && !strcmp(location, "MESH_INTERNAL");
	check_one_of(d, n, sources);
	check_unique(d, node_get(n, "ports"), "name");
	check_unique(d, node_get(n, "ports"), "number");
	put_addresses(d, n, entry);
	resolution_check(d, n, entry);
	check_export_to(d, n, true);
}

static const struct field spec_fields[] = {
	{"addresses", FIELD_STRING, FIELD_LIST, .at_most = 256, .check = check_subnet},
	{"endpoints", FIELD_MESSAGE, .message = &workload,
	 INTO_LIST(struct service_entry, endpoints), .at_most = ENDPOINTS_MAX},
	{"exportTo", FIELD_STRING, FIELD_LIST},
	{"hosts", INTO_FILLED(struct service_entry, hosts), .at_most = 256, .check = check_host,
	 .want = "at least one host"},
	{"location", FIELD_WORD, .words = locations},
	{"ports", FIELD_MESSAGE, .message = &port_message, INTO_LIST(struct service_entry, ports),
	 .at_most = ENTRY_PORTS},
	{"resolution", FIELD_WORD, .words = resolutions, INTO(struct service_entry, resolution)},
	{"subjectAltNames", INTO_LIST(struct service_entry, subject_alt_names)},
	{"workloadSelector", FIELD_MESSAGE, .message = &selector, INTO_SAME},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, service_entry)},
	{0},
};
const struct message service_entry_message = {top_fields};

// SPDX-License-Identifier: GPL-2.0
/* ServiceEntry: hosts that are no Kubernetes Service, with addresses, ports and endpoints. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/protocol.h"
#include "config/workload.h"

#define PORTS_MAX 256
#define ENDPOINTS_MAX 4096

static void check_host(struct decoder *d, const struct node *n, void *into)
{
	const char *star = strrchr(n->text, '*');

	if (!strcmp(n->text, "*"))
		decode_error(d, n, "the host * is every host, want a name or *.name");
	else
		check_wild_host(d, n, into);
	if (star && n->text[1] && (star != n->text || star[1] != '.'))
		decode_warning(d, n, "%s covers part of a name, want * alone before the first dot",
			       quoted(d, n));
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
	if (!port->name)
		port->name = "";
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

enum entry_resolution { NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS };
static const struct word resolutions[] = {
	{"NONE", NONE},
	{"STATIC", STATIC},
	{"DNS", DNS},
	{"DNS_ROUND_ROBIN", DNS_ROUND_ROBIN},
	{"DYNAMIC_DNS", DYNAMIC_DNS},
	{0},
};
static const struct word locations[] = {{"MESH_EXTERNAL"}, {"MESH_INTERNAL"}, {0}};

static enum entry_resolution resolution_of(const struct node *spec)
{
	const char *text = text_of(spec, "resolution");

	for (const struct word *w = resolutions; text && w->text; w++)
		if (!strcmp(w->text, text))
			return (enum entry_resolution)w->value;
	return NONE;
}

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

/* Single addresses are in force; a true range is not yet. */
static void put_addresses(struct decoder *d, const struct node *spec, struct service_entry *entry)
{
	const struct node *list = node_get(spec, "addresses"), *it;
	enum entry_resolution resolution = resolution_of(spec);

	if (!list || list->type != NODE_LIST || !list->nr)
		return;
	entry->addresses = arena_alloc(d->arena, list->nr * sizeof(*entry->addresses));
	node_each(list, it) {
		struct inet address;
		unsigned prefix;

		if (it->type != NODE_STRING || !inet_parse_cidr(it->text, &address, &prefix))
			continue;
		if (prefix == (inet_is_v4(&address) ? 32 : 128)) {
			entry->addresses[entry->nr_addresses++] = address;
			continue;
		}
		if (resolution != NONE && resolution != STATIC)
			decode_error(d, it, "%s is a range, want one address with DNS resolution",
				     quoted(d, it));
		decode_later(d, it);
	}
}

/* An endpoint's ports are by the names of the entry's ports. */
static void check_port_names(struct decoder *d, const struct node *endpoint,
			     const struct service_entry *entry)
{
	const struct node *ports = node_get(endpoint, "ports"), *it;

	if (!ports || ports->type != NODE_MAP || entry->nr_ports > PORTS_MAX)
		return;
	node_each(ports, it) {
		bool found = false;

		for (size_t i = 0; i < entry->nr_ports && !found; i++)
			found = entry->ports[i].name && !strcmp(entry->ports[i].name, it->key);
		if (!found)
			decode_error(d, it,
				     "\"%.63s\" is no port of this entry, want a name in "
				     "spec.ports",
				     it->key);
	}
}

static void check_endpoints(struct decoder *d, const struct node *spec,
			    const struct service_entry *entry)
{
	const struct node *list = node_get(spec, "endpoints"), *it;
	enum entry_resolution resolution = resolution_of(spec);
	size_t i = 0;

	if (!list || list->type != NODE_LIST || !list->nr)
		return;
	if (resolution == NONE)
		decode_error_key(d, spec, "endpoints",
				 "stands beside resolution NONE, want STATIC "
				 "or DNS");
	if (resolution == DYNAMIC_DNS)
		decode_error_key(d, spec, "endpoints",
				 "stands beside resolution DYNAMIC_DNS, want none");
	if (resolution == DNS_ROUND_ROBIN && list->nr > 1)
		decode_error_key(d, spec, "endpoints",
				 "has %zu elements, want at most 1 with "
				 "resolution DNS_ROUND_ROBIN",
				 list->nr);
	node_each(list, it) {
		const struct node *address = node_get(it, "address");

		if (resolution == STATIC && address && address->type == NODE_STRING &&
		    address->length && !entry->endpoints[i].has_address &&
		    strncmp(address->text, "unix://", 7) && name_is_fqdn(address->text))
			decode_error(d, address,
				     "%s is a name, want an IP address with resolution "
				     "STATIC",
				     quoted(d, address));
		check_port_names(d, it, entry);
		i++;
	}
}

/* Plain TCP cannot tell several hosts apart. */
static void check_hosts(struct decoder *d, const struct node *spec, struct service_entry *entry)
{
	enum entry_resolution resolution = resolution_of(spec);
	const struct node *hosts = node_get(spec, "hosts"), *it;

	for (size_t i = 0; i < entry->nr_ports; i++) {
		enum protocol p = entry->ports[i].protocol;

		if (entry->nr_hosts > 1 && resolution != NONE && p != PROTOCOL_AUTO &&
		    !protocol_is_http(p) && !protocol_is_tls(p))
			decode_error_key(d, spec, "hosts", "has %zu hosts on a %s port, want one",
					 entry->nr_hosts, protocol_name(p));
	}
	if (!hosts || hosts->type != NODE_LIST || resolution == NONE || resolution == STATIC)
		return;
	node_each(hosts, it) {
		if (it->type != NODE_STRING)
			continue;
		if (resolution == DYNAMIC_DNS && *it->text != '*')
			decode_error(d, it,
				     "%s is no wildcard, want one with resolution DYNAMIC_DNS",
				     quoted(d, it));
		if (resolution != DYNAMIC_DNS && *it->text == '*' && !entry->nr_endpoints)
			decode_error(d, it, "%s is a wildcard, want a name that DNS can look up",
				     quoted(d, it));
	}
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	static const char *const sources[] = {"workloadSelector", "endpoints", NULL};
	struct service_entry *entry = into;
	enum entry_resolution resolution = resolution_of(n);

	for (size_t i = 0; i < entry->nr_hosts; i++)
		entry->hosts[i] = entry->hosts[i] ? name_lower(d->arena, entry->hosts[i]) : "";
	entry->resolution = resolution == NONE	   ? RESOLUTION_NONE
			    : resolution == STATIC ? RESOLUTION_STATIC
						   : RESOLUTION_DNS;
	if (resolution != STATIC)
		decode_later_key(d, n, "resolution");
	if (resolution == NONE && is_set(n, "workloadSelector"))
		decode_warning_key(d, n, "workloadSelector", "has no effect with resolution NONE");
	if (resolution == DYNAMIC_DNS && is_set(n, "addresses"))
		decode_error_key(d, n, "addresses",
				 "stands beside resolution DYNAMIC_DNS, want none");
	check_one_of(d, n, sources);
	check_unique(d, node_get(n, "ports"), "name");
	check_unique(d, node_get(n, "ports"), "number");
	put_addresses(d, n, entry);
	check_endpoints(d, n, entry);
	check_hosts(d, n, entry);
	check_export_to(d, n, true);
}

static const struct field spec_fields[] = {
	{"addresses", FIELD_STRING, FIELD_LIST, .at_most = 256, .check = check_subnet},
	{"endpoints", FIELD_MESSAGE, .message = &workload,
	 INTO_LIST(struct service_entry, endpoints), .at_most = ENDPOINTS_MAX},
	{"exportTo", FIELD_STRING, FIELD_LIST},
	{"hosts", .shape = FIELD_LIST, .at_most = 256,
	 .offset = offsetof(struct service_entry, hosts),
	 .offset_nr = offsetof(struct service_entry, nr_hosts), .size = sizeof(const char *),
	 .flags = FIELD_KEPT | FIELD_REQUIRED | FIELD_NOT_EMPTY, .check = check_host,
	 .want = "at least one host"},
	{"location", FIELD_WORD, .words = locations},
	{"ports", FIELD_MESSAGE, .message = &port_message, INTO_LIST(struct service_entry, ports),
	 .at_most = PORTS_MAX},
	{"resolution", FIELD_WORD, .words = resolutions},
	{"subjectAltNames", FIELD_STRING, FIELD_LIST, .flags = FIELD_LATER},
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

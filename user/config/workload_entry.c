// SPDX-License-Identifier: GPL-2.0
/* WorkloadEntry, also as an endpoint written inside a ServiceEntry. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/workload.h"

#define UNIX "unix://"

/* Ports by name, in the order written. */
static void put_ports(struct decoder *d, const struct node *ports, struct workload *w)
{
	const struct node *it;
	int64_t port;

	if (!ports || ports->type != NODE_MAP || !ports->nr)
		return;
	w->ports = arena_alloc(d->arena, ports->nr * sizeof(*w->ports));
	node_each(ports, it) {
		if (it->type != NODE_NUMBER || integer_parse(it->text, &port))
			continue;
		w->ports[w->nr_ports].name = arena_strdup(d->arena, it->key);
		w->ports[w->nr_ports++].port = (uint16_t)port;
	}
}

/* Nothing connects to a unix path yet. */
static void put_unix(struct decoder *d, const struct node *n, const struct node *address,
		     struct workload *w)
{
	w->unix_path = arena_strdup(d->arena, address->text + strlen(UNIX));
	if (!name_is_unix_path(w->unix_path))
		decode_error(d, address, "%s is no unix path, want unix:///path or unix://@name",
			     quoted(d, address));
	if (is_given(n, "ports"))
		decode_error_key(d, n, "ports", "stands beside a unix path, which has none");
	decode_later(d, address);
}

static void put_address(struct decoder *d, const struct node *n, struct workload *w)
{
	const struct node *address = node_get(n, "address");

	if (!is_given(n, "address")) {
		if (!is_given(n, "network"))
			decode_error_key(d, n, "address", "is missing, want an IP address");
		return;
	}
	if (address->type != NODE_STRING)
		return;
	if (!strncmp(address->text, UNIX, strlen(UNIX)))
		put_unix(d, n, address, w);
	else if (inet_parse(address->text, &w->address))
		w->has_address = true;
	else if (name_is_fqdn(address->text))
		w->dns_name = name_lower(d->arena, address->text);
	else
		decode_error(d, address, "%s is no address, want IPv4, IPv6 or a DNS name",
			     quoted(d, address));
}

void check_network_alone(struct decoder *d, const struct node *n)
{
	if (!is_given(n, "address") && is_given(n, "network"))
		decode_warning_key(d, n, "address", "is missing, the network alone is given");
}

/* As long as the API server takes them. */
static void check_length(struct decoder *d, const struct node *n, size_t most)
{
	if (n->length > most)
		decode_error(d, n, "has %zu bytes, want at most %zu", n->length, most);
}

static void check_place_name(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_length(d, n, 2048);
}

static void check_account(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_length(d, n, 253);
}

static void check_workload(struct decoder *d, const struct node *n, void *into)
{
	struct workload *w = into;

	put_address(d, n, w);
	put_ports(d, node_get(n, "ports"), w);
	w->place = n->place;
	if (!w->weight)
		w->weight = 1;
	text_fill(&w->name);
	text_fill(&w->locality);
	text_fill(&w->network);
	text_fill(&w->service_account);
}

static const struct field workload_fields[] = {
	{"address"},
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,
	 INTO(struct workload, labels), .at_most = 256},
	{"locality", INTO(struct workload, locality), .check = check_place_name},
	{"network", INTO_WITH(struct workload, network, FIELD_LATER), .check = check_place_name},
	{"ports", FIELD_INTEGER, FIELD_MAP, PORT_RANGE, .at_most = 128, .check = check_port_value},
	{"serviceAccount", INTO(struct workload, service_account), .check = check_account},
	{"weight", FIELD_INTEGER, INTO(struct workload, weight)},
	{0},
};
const struct message workload = {workload_fields, sizeof(struct workload), check_workload};

static void check_entry(struct decoder *d, const struct node *n, void *into)
{
	struct object *o = into;
	struct workload *w = &o->workload;

	check_network_alone(d, node_get(n, "spec"));
	w->name = o->name;
	labels_merge(d->arena, &o->labels, &w->labels, &w->labels);
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &workload, INTO_REQUIRED(struct object, workload)},
	{0},
};
const struct message workload_entry_message = {top_fields, .check = check_entry};

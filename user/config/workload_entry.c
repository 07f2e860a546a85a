// SPDX-License-Identifier: GPL-2.0
/* WorkloadEntry, also as an endpoint written inside a ServiceEntry. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/workload.h"

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

static void check_unix(struct decoder *d, const struct node *n, const struct node *address)
{
	if (!name_is_unix_path(address->text + strlen("unix://")))
		decode_error(d, address, "%s is no unix path, want unix:///path or unix://@name",
			     quoted(d, address));
	if (is_set(n, "ports"))
		decode_error_key(d, n, "ports", "stands beside a unix path, which has none");
	decode_later(d, address);
}

static void check_place(struct decoder *d, const struct node *n, struct workload *w)
{
	const struct node *address = node_get(n, "address");

	if (!is_set(n, "address") || !address->length) {
		if (is_set(n, "network"))
			decode_warning_key(d, n, "address",
					   "is missing, the network alone is given");
		else
			decode_error_key(d, n, "address", "is missing, want an IP address");
		return;
	}
	if (address->type != NODE_STRING)
		return;
	if (!strncmp(address->text, "unix://", 7)) {
		check_unix(d, n, address);
	} else if (inet_parse(address->text, &w->address)) {
		w->has_address = true;
	} else if (name_is_fqdn(address->text)) {
		decode_later(d, address);
	} else {
		decode_error(d, address, "%s is no address, want IPv4, IPv6 or a DNS name",
			     quoted(d, address));
	}
}

static void check_workload(struct decoder *d, const struct node *n, void *into)
{
	struct workload *w = into;

	check_place(d, n, w);
	put_ports(d, node_get(n, "ports"), w);
	w->place = n->place;
	w->weight = 1;
	w->name = w->name ? w->name : "";
	w->locality = w->locality ? w->locality : "";
}

static const struct field workload_fields[] = {
	{"address"},
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,
	 INTO(struct workload, labels), .at_most = 256},
	{"locality", INTO(struct workload, locality)},
	{"network", .flags = FIELD_LATER},
	{"ports", FIELD_INTEGER, FIELD_MAP, PORT_RANGE, .at_most = 128, .check = check_port_value},
	{"serviceAccount"},
	{"weight", FIELD_INTEGER, .flags = FIELD_LATER},
	{0},
};
const struct message workload = {workload_fields, sizeof(struct workload), check_workload};

static void check_entry(struct decoder *d, const struct node *n, void *into)
{
	struct object *o = into;
	struct workload *w = &o->workload;

	(void)n;
	w->name = o->name;
	labels_merge(d->arena, &o->labels, &w->labels, &w->labels);
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &workload, INTO_REQUIRED(struct object, workload)},
	{0},
};
const struct message workload_entry_message = {top_fields, .check = check_entry};

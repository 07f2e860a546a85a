// SPDX-License-Identifier: GPL-2.0
/* spec.resolution of a ServiceEntry: what each way to find its servers asks of the other fields. */
#include <string.h>
#include <strings.h>
#include "config/names.h"
#include "config/policy.h"
#include "config/workload.h"

static bool is_by_dns(const struct service_entry *entry)
{
	return entry->resolution == RESOLUTION_DNS ||
	       entry->resolution == RESOLUTION_DNS_ROUND_ROBIN;
}

/* ---- hosts and addresses ---- */

static void check_host(struct decoder *d, const struct node *host,
		       const struct service_entry *entry)
{
	bool wild = *host->text == '*';

	if (entry->resolution == RESOLUTION_DYNAMIC_DNS) {
		if (!wild)
			decode_error(d, host,
				     "%s is no wildcard, want one with resolution DYNAMIC_DNS",
				     quoted(d, host));
		return;
	}
	if (wild && host->text[1] && host->text[1] != '.' && name_is_wild(host->text))
		decode_warning(d, host,
			       "%s covers part of a name, want * alone before the first dot",
			       quoted(d, host));
	if (wild && is_by_dns(entry) && !entry->nr_endpoints)
		decode_error(d, host, "%s is a wildcard, want a name that DNS can look up",
			     quoted(d, host));
}

static void check_hosts(struct decoder *d, const struct node *spec,
			const struct service_entry *entry)
{
	const struct node *hosts = node_get(spec, "hosts"), *it;

	node_each(hosts, it)
		if (it->type == NODE_STRING)
			check_host(d, it, entry);
}

static void check_addresses(struct decoder *d, const struct node *spec,
			    const struct service_entry *entry)
{
	const struct node *list = node_get(spec, "addresses"), *it;

	if (entry->resolution == RESOLUTION_DYNAMIC_DNS && is_given(spec, "addresses"))
		decode_error_key(d, spec, "addresses",
				 "stands beside resolution DYNAMIC_DNS, want none");
	if (!is_by_dns(entry))
		return;
	node_each(list, it) {
		struct inet address;
		unsigned prefix;

		if (it->type == NODE_STRING && strchr(it->text, '/') &&
		    inet_parse_cidr(it->text, &address, &prefix))
			decode_error(d, it, "%s is a range, want one address with DNS resolution",
				     quoted(d, it));
	}
}

/* ---- ports ---- */

/* Whether each host gets an address of its own when none is written. */
static bool is_allocated(const struct decoder *d, const struct service_entry *entry)
{
	const char *wish = labels_get(&d->object->labels,
				      "networking.istio.io/enable-autoallocate-ip");

	for (size_t i = 0; i < entry->nr_hosts; i++)
		if (*entry->hosts[i] == '*')
			return false;
	return entry->resolution != RESOLUTION_NONE && !(wish && !strcasecmp(wish, "false"));
}

/* Without an address only the bytes of a connection tell whom it is for; plain TCP has none. */
static void check_port_address(struct decoder *d, const struct node *spec,
			       const struct service_entry *entry)
{
	const struct node *ports = node_get(spec, "ports"), *it;

	if (is_given(spec, "addresses") || is_allocated(d, entry))
		return;
	node_each(ports, it) {
		const char *protocol = text_of(it, "protocol");

		if (it->type == NODE_MAP && (!protocol || !*protocol || !strcmp(protocol, "TCP")))
			decode_warning(d, it,
				       "cannot be told from other services without an address, "
				       "want spec.addresses or a protocol like HTTP or TLS");
	}
}

/* Plain TCP cannot tell several hosts apart. */
static void check_shared_ports(struct decoder *d, const struct node *spec,
			       const struct service_entry *entry)
{
	const struct node *ports = node_get(spec, "ports"), *it;
	bool has_tls = false;

	if (entry->nr_hosts < 2 || entry->resolution == RESOLUTION_NONE)
		return;
	node_each(ports, it) {
		const char *protocol = text_of(it, "protocol");
		enum protocol p = protocol_parse(protocol ? protocol : "");

		has_tls |= protocol_is_tls(p);
		/* what is no protocol has been told of */
		if (protocol_is_http(p) || protocol_is_tls(p) ||
		    (is_given(it, "protocol") && p == PROTOCOL_AUTO))
			continue;
		decode_error_key(d, spec, "hosts",
				 "has %zu hosts, but %s on port %.20s cannot tell them apart, want "
				 "one host, or HTTP or TLS",
				 entry->nr_hosts,
				 is_given(it, "protocol") ? protocol : "an unnamed protocol",
				 text_of(it, "number") ? text_of(it, "number") : "?");
		return;
	}
	if (has_tls && is_by_dns(entry) && is_given(spec, "addresses"))
		decode_warning_key(d, spec, "addresses",
				   "stand for %zu hosts alike on a TLS port, want one host",
				   entry->nr_hosts);
}

static void check_dynamic(struct decoder *d, const struct node *spec,
			  const struct service_entry *entry)
{
	static const char *const known[] = {"HTTP", "TLS", "GRPC", "HTTP2"};
	const struct node *ports = node_get(spec, "ports"), *it;

	if (entry->mesh_internal && labels_get(&d->object->labels, "istio.io/use-waypoint"))
		decode_error_key(d, spec, "location",
				 "stands beside the label istio.io/use-waypoint and resolution "
				 "DYNAMIC_DNS, want MESH_EXTERNAL");
	node_each(ports, it) {
		const char *protocol = text_of(it, "protocol");
		bool found = false;

		for (size_t i = 0; protocol && i < sizeof(known) / sizeof(*known); i++)
			found |= !strcasecmp(known[i], protocol);
		if (it->type == NODE_MAP && !found)
			decode_error_key(d, it, "protocol",
					 "is %s, want HTTP, HTTP2, GRPC or TLS with resolution "
					 "DYNAMIC_DNS",
					 protocol && *protocol ? protocol : "missing");
	}
}

/* ---- endpoints ---- */

/* An endpoint's ports are by the names of the entry's ports. */
static void check_port_names(struct decoder *d, const struct node *endpoint,
			     const struct service_entry *entry)
{
	const struct node *ports = node_get(endpoint, "ports"), *it;

	if (!ports || ports->type != NODE_MAP || entry->nr_ports > ENTRY_PORTS)
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

static void check_endpoint(struct decoder *d, const struct node *n, const struct workload *w,
			   const struct service_entry *entry)
{
	const struct node *address = node_get(n, "address");
	bool fixed = entry->resolution == RESOLUTION_STATIC;

	check_port_names(d, n, entry);
	if (fixed && w->dns_name)
		decode_error(d, address,
			     "%s is a name, want an IP address with resolution STATIC",
			     quoted(d, address));
	if (fixed && w->unix_path && entry->nr_ports != 1)
		decode_error(d, address,
			     "%s is a unix path, want exactly one port in spec.ports, not %zu",
			     quoted(d, address), entry->nr_ports);
	if (!fixed && w->unix_path)
		decode_error(d, address,
			     "%s is a unix path, want an address or a name with DNS resolution",
			     quoted(d, address));
	if (fixed)
		check_network_alone(d, n);
	else if (!is_given(n, "address") && is_given(n, "network"))
		decode_error_key(d, n, "address",
				 "is missing, want an address or a name with DNS resolution");
}

static void check_endpoints(struct decoder *d, const struct node *spec,
			    const struct service_entry *entry)
{
	const struct node *list = node_get(spec, "endpoints"), *it;
	size_t i = 0;

	if (!entry->nr_endpoints)
		return;
	if (entry->resolution == RESOLUTION_NONE)
		decode_error_key(d, spec, "endpoints",
				 "stands beside resolution NONE, want STATIC or DNS");
	if (entry->resolution == RESOLUTION_DYNAMIC_DNS)
		decode_error_key(d, spec, "endpoints",
				 "stands beside resolution DYNAMIC_DNS, want none");
	if (entry->resolution == RESOLUTION_DNS_ROUND_ROBIN && entry->nr_endpoints > 1)
		decode_error_key(d, spec, "endpoints",
				 "has %zu elements, want at most 1 with resolution DNS_ROUND_ROBIN",
				 entry->nr_endpoints);
	node_each(list, it) {
		const struct workload *w = &entry->endpoints[i++];

		if (entry->resolution == RESOLUTION_STATIC || is_by_dns(entry))
			check_endpoint(d, it, w, entry);
	}
}

void resolution_check(struct decoder *d, const struct node *spec,
		      const struct service_entry *entry)
{
	const char *text = text_of(spec, "resolution");

	/* What is misspelt has been told of; nobody knows what it asks for. */
	if (entry->resolution == RESOLUTION_NONE && text && strcmp(text, "NONE"))
		return;
	check_hosts(d, spec, entry);
	check_addresses(d, spec, entry);
	check_port_address(d, spec, entry);
	check_shared_ports(d, spec, entry);
	check_endpoints(d, spec, entry);
	if (entry->resolution == RESOLUTION_DYNAMIC_DNS)
		check_dynamic(d, spec, entry);
	if (entry->resolution == RESOLUTION_NONE && is_set(spec, "workloadSelector"))
		decode_warning_key(d, spec, "workloadSelector",
				   "has no effect with resolution NONE");
}

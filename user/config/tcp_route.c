// SPDX-License-Identifier: GPL-2.0
/* tcp and tls routes of a VirtualService. */
#include <string.h>
#include "config/checks.h"
#include "config/names.h"
#include "config/route.h"

static const struct field split_fields[] = {
	{"destination", FIELD_MESSAGE, .message = &destination_message, SAME_REQUIRED},
	{"weight", FIELD_INTEGER, INT32_RANGE, INTO(struct destination, weight)},
	{0},
};
static const struct message split = {split_fields, sizeof(struct destination), check_split};

static void subnets_set(struct decoder *d, const struct node *list, struct route_match *m)
{
	const struct node *it;

	if (!list || list->type != NODE_LIST || !list->nr)
		return;
	m->subnets = arena_alloc(d->arena, list->nr * sizeof(*m->subnets));
	node_each(list, it) {
		struct subnet *s = &m->subnets[m->nr_subnets];

		if (it->type == NODE_STRING && inet_parse_cidr(it->text, &s->address, &s->prefix))
			m->nr_subnets++;
	}
}

static void check_match(struct decoder *d, const struct node *n, void *into)
{
	struct route_match *m = into;

	subnets_set(d, node_get(n, "destinationSubnets"), m);
	for (size_t i = 0; i < m->nr_sni_hosts; i++)
		m->sni_hosts[i] = m->sni_hosts[i] ? name_lower(d->arena, m->sni_hosts[i]) : "";
	match_finish(d, n, m);
}

#define L4_MATCH_FIELDS                                                                            \
	{"gateways", FIELD_STRING, INTO_LIST(struct route_match, gateways)},                       \
		{"port", FIELD_INTEGER, .max = 65535, .want = "a port from 1 to 65535",            \
		 INTO(struct route_match, port)},                                                  \
		{"sourceLabels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,              \
		 INTO(struct route_match, source_labels)},                                         \
	{                                                                                          \
		"sourceNamespace", .check = check_optional_label,                                  \
			INTO(struct route_match, source_namespace)                                 \
	}

static const struct field tcp_match_fields[] = {
	{"destinationSubnets", FIELD_STRING, FIELD_LIST, .check = check_subnet},
	L4_MATCH_FIELDS,
	{"sourceSubnet", .flags = FIELD_LATER},
	{0},
};
static const struct message tcp_match = {tcp_match_fields, sizeof(struct route_match), check_match};

static void check_route(struct decoder *d, const struct node *n, void *into)
{
	check_weights(d, n, into);
	route_finish(d, n, into);
}

static const struct field tcp_fields[] = {
	{"match", FIELD_MESSAGE, .message = &tcp_match, INTO_LIST(struct vs_route, matches)},
	{"route", FIELD_MESSAGE, .message = &split, INTO_FILLED(struct vs_route, destinations),
	 .want = "at least one destination"},
	{0},
};
const struct message tcp_route = {tcp_fields, sizeof(struct vs_route), check_route};

/* The names themselves are checked with the hosts. */
static const struct field tls_match_fields[] = {
	{"destinationSubnets", FIELD_STRING, FIELD_LIST, .flags = FIELD_LATER,
	 .check = check_subnet},
	L4_MATCH_FIELDS,
	{"sniHosts", FIELD_STRING, INTO_FILLED(struct route_match, sni_hosts),
	 .want = "at least one server name"},
	{0},
};
static const struct message tls_match = {tls_match_fields, sizeof(struct route_match), check_match};

static const struct field tls_fields[] = {
	{"match", FIELD_MESSAGE, .message = &tls_match, INTO_FILLED(struct vs_route, matches),
	 .want = "at least one match with sniHosts"},
	{"route", FIELD_MESSAGE, .message = &split, INTO_FILLED(struct vs_route, destinations),
	 .want = "at least one destination"},
	{0},
};
const struct message tls_route = {tls_fields, sizeof(struct vs_route), check_route};

// SPDX-License-Identifier: GPL-2.0
/* tcp and tls routes of a VirtualService. */
#include <string.h>
#include "config/checks.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/route.h"

static const struct field split_fields[] = {
	{"destination", FIELD_MESSAGE, .message = &destination_message, SAME_REQUIRED},
	{"weight", FIELD_INTEGER, INT32_RANGE, INTO(struct destination, weight)},
	{0},
};
static const struct message split = {split_fields, sizeof(struct destination), check_split};

static void check_match(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_match_gateways(d, n);
}

#define L4_MATCH_FIELDS                                                                            \
	{"destinationSubnets", FIELD_STRING, FIELD_LIST, .check = check_subnet,                    \
	 .flags = FIELD_LATER},                                                                    \
		{"gateways", FIELD_STRING, FIELD_LIST, .check = check_gateway_ref},                \
		{"port", FIELD_INTEGER, .max = 65535, .want = "a port from 1 to 65535",            \
		 INTO(struct route_match, port)},                                                  \
		{"sourceLabels", FIELD_STRING, FIELD_MAP, .check = check_label_entry,              \
		 .flags = FIELD_LATER},                                                            \
	{                                                                                          \
		"sourceNamespace", .check = check_label, .flags = FIELD_LATER                      \
	}

static const struct field tcp_match_fields[] = {
	L4_MATCH_FIELDS,
	{"sourceSubnet", .flags = FIELD_LATER, .check = check_subnet},
	{0},
};
static const struct message tcp_match = {tcp_match_fields, sizeof(struct route_match), check_match};

static void check_tcp(struct decoder *d, const struct node *n, void *into)
{
	check_weights(d, n, into);
	route_finish(d, n, into);
}

static const struct field tcp_fields[] = {
	{"match", FIELD_MESSAGE, .message = &tcp_match, INTO_LIST(struct vs_route, matches)},
	{"route", FIELD_MESSAGE, FIELD_LIST, .message = &split,
	 .offset = offsetof(struct vs_route, destinations),
	 .offset_nr = offsetof(struct vs_route, nr_destinations),
	 .size = sizeof(struct destination), .flags = FIELD_KEPT | FIELD_REQUIRED | FIELD_NOT_EMPTY,
	 .want = "at least one destination"},
	{0},
};
const struct message tcp_route = {tcp_fields, sizeof(struct vs_route), check_tcp};

static void check_sni_host(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (name_is_address(n->text))
		decode_warning(d, n, "%s is an address, which no client sends as its server name",
			       quoted(d, n));
	else if (strncmp(n->text, "outbound_", 9))
		check_wild_host(d, n, into);
}

static const struct field tls_match_fields[] = {
	L4_MATCH_FIELDS,
	{"sniHosts", FIELD_STRING, FIELD_LIST, .check = check_sni_host,
	 .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .want = "at least one server name"},
	{0},
};
static const struct message tls_match = {tls_match_fields, sizeof(struct route_match), check_match};

static void check_tls(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	check_weights(d, n, NULL);
}

static const struct field tls_fields[] = {
	{"match", FIELD_MESSAGE, FIELD_LIST, .message = &tls_match,
	 .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .want = "at least one match with sniHosts"},
	{"route", FIELD_MESSAGE, FIELD_LIST, .message = &split,
	 .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .want = "at least one destination"},
	{0},
};
const struct message tls_route = {tls_fields, .check = check_tls};

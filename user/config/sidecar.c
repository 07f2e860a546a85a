// SPDX-License-Identifier: GPL-2.0
/* Sidecar: known and checked, not in force yet. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/protocol.h"
#include "config/route.h"

static void refuse_target(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (n->type == NODE_NUMBER && strcmp(n->text, "0"))
		decode_error(d, n, "has no effect on a Sidecar, want none");
}

static const struct field port_fields[] = {
	{"name", .check = check_label},
	{"number", FIELD_INTEGER, .max = 65535},
	{"protocol", .check = check_protocol},
	{"targetPort", FIELD_INTEGER, .check = refuse_target},
	{0},
};
static const struct message port_message = {port_fields};

static bool is_unix(const struct node *listener)
{
	const char *bind = text_of(listener, "bind");

	return bind && !strncmp(bind, "unix://", 7);
}

static void check_bind(struct decoder *d, const struct node *listener)
{
	const struct node *bind = node_get(listener, "bind");

	if (!bind || bind->type != NODE_STRING || !bind->length)
		return;
	if (is_unix(listener) ? !name_is_unix_path(bind->text + 7) : !name_is_address(bind->text))
		decode_error(d, bind, "%s is no address, want IPv4, IPv6 or unix:///path",
			     quoted(d, bind));
}

static void check_egress(struct decoder *d, const struct node *n, void *into)
{
	const struct node *port = node_get(n, "port");
	const char *number = text_of(port, "number");

	(void)into;
	check_bind(d, n);
	if (is_set(n, "port") && (!number || !strcmp(number, "0")) && !is_unix(n))
		decode_error_key(d, port, "number", "is missing, want a port from 1 to 65535");
}

static void check_ingress(struct decoder *d, const struct node *n, void *into)
{
	const struct node *end = node_get(n, "defaultEndpoint");
	const char *number = text_of(node_get(n, "port"), "number");
	const char *text = text_of(node_get(n, "port"), "protocol");

	(void)into;
	check_bind(d, n);
	if (is_set(n, "port") && (!number || !strcmp(number, "0")))
		decode_error_key(d, node_get(n, "port"), "number",
				 "is missing, want a port from 1 to 65535");
	if (is_set(n, "tls") && text && *text && !protocol_is_tls(protocol_parse(text)))
		decode_error_key(d, n, "tls", "stands beside protocol %s, want HTTPS or TLS", text);
	if (end && end->type == NODE_STRING && strncmp(end->text, "unix://", 7) &&
	    !strchr(end->text, ':'))
		decode_error(d, end,
			     "%s is no endpoint, want 127.0.0.1:PORT, 0.0.0.0:PORT or a "
			     "unix path",
			     quoted(d, end));
}

static const struct word capture_modes[] = {{"DEFAULT"}, {"IPTABLES"}, {"NONE"}, {0}};
static const struct field egress_fields[] = {
	{"bind"},
	{"captureMode", FIELD_WORD, .words = capture_modes},
	{"hosts", FIELD_STRING, FIELD_LIST, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
	 .check = check_sidecar_host, .want = "at least one namespace/host"},
	{"port", FIELD_MESSAGE, .message = &port_message},
	{0},
};
static const struct message egress = {egress_fields, .check = check_egress};

static const struct field ingress_fields[] = {
	{"bind"},
	{"captureMode", FIELD_WORD, .words = capture_modes},
	{"connectionPool", FIELD_MESSAGE, .message = &connection_pool},
	{"defaultEndpoint"},
	{"port", FIELD_MESSAGE, .message = &port_message, .flags = FIELD_REQUIRED},
	{"tls", FIELD_MESSAGE, .message = &server_tls},
	{0},
};
static const struct message ingress = {ingress_fields, .check = check_ingress};

static void check_outbound(struct decoder *d, const struct node *n, void *into)
{
	const char *mode = text_of(n, "mode");

	(void)into;
	if (is_set(n, "egressProxy") && mode && !strcmp(mode, "REGISTRY_ONLY"))
		decode_error_key(d, n, "egressProxy",
				 "stands beside REGISTRY_ONLY, want ALLOW_ANY");
}

static const struct word outbound_modes[] = {{"REGISTRY_ONLY"}, {"ALLOW_ANY"}, {0}};
static const struct field outbound_fields[] = {
	{"egressProxy", FIELD_MESSAGE, .message = &destination_message},
	{"mode", FIELD_WORD, .words = outbound_modes},
	{0},
};
static const struct message outbound = {outbound_fields, .check = check_outbound};

static const struct field selector_fields[] = {
	{"labels", FIELD_STRING, FIELD_MAP, .check = check_selector_entry},
	{0},
};
static const struct message selector = {selector_fields};

/* One entry without a port takes all other ports, so it is the last. */
static void check_catch_all(struct decoder *d, const struct node *list)
{
	const struct node *it;

	node_each(list, it)
		if (it->type == NODE_MAP && !is_set(it, "port") && it->next)
			decode_error(d, it, "has no port and takes all ports, want it last");
}

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!is_set(n, "egress") && !is_set(n, "ingress") && !is_set(n, "outboundTrafficPolicy") &&
	    !is_set(n, "inboundConnectionPool"))
		decode_error(d, n, "sets nothing, want egress, ingress or outboundTrafficPolicy");
	check_catch_all(d, node_get(n, "egress"));
}

static const struct field spec_fields[] = {
	{"egress", FIELD_MESSAGE, FIELD_LIST, .message = &egress},
	{"inboundConnectionPool", FIELD_MESSAGE, .message = &connection_pool},
	{"ingress", FIELD_MESSAGE, FIELD_LIST, .message = &ingress},
	{"outboundTrafficPolicy", FIELD_MESSAGE, .message = &outbound},
	{"workloadSelector", FIELD_MESSAGE, .message = &selector},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, .flags = FIELD_REQUIRED | FIELD_LATER},
	{0},
};
const struct message sidecar_message = {top_fields};

// SPDX-License-Identifier: GPL-2.0
/* Gateway: known and checked, not in force yet. */
#include <string.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"
#include "config/protocol.h"

static void refuse_target(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (n->type == NODE_NUMBER && strcmp(n->text, "0"))
		decode_error(d, n, "has no effect on a gateway, want the Service's targetPort");
}

static void check_required_protocol(struct decoder *d, const struct node *n, void *into)
{
	if (!n->length)
		decode_error(d, n, "is empty, want a protocol like HTTP or TLS");
	check_protocol(d, n, into);
}

static const struct field port_fields[] = {
	{"name", .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .want = "the name of the port"},
	{"number", FIELD_INTEGER, .max = 65535, .flags = FIELD_REQUIRED},
	{"protocol", .flags = FIELD_REQUIRED, .check = check_required_protocol},
	{"targetPort", FIELD_INTEGER, .check = refuse_target},
	{0},
};
static const struct message port_message = {port_fields};

static void check_bind(struct decoder *d, const struct node *server)
{
	const struct node *bind = node_get(server, "bind");
	const struct node *number = node_get(node_get(server, "port"), "number");
	bool zero = number && number->text && !strcmp(number->text, "0");
	bool unix_path = bind && bind->type == NODE_STRING && !strncmp(bind->text, "unix://", 7);

	if (zero != unix_path && number)
		decode_error(d, number,
			     unix_path ? "%s stands beside a unix path, want 0"
				       : "%s is out of range, want 1 to 65535",
			     quoted(d, number));
	if (!bind || bind->type != NODE_STRING || !bind->length)
		return;
	if (unix_path ? !name_is_unix_path(bind->text + 7) : !name_is_address(bind->text))
		decode_error(d, bind, "%s is no address, want IPv4, IPv6 or unix:///path",
			     quoted(d, bind));
}

/* What the TLS settings and the protocol ask of each other. */
static void check_server(struct decoder *d, const struct node *n, void *into)
{
	const char *text = text_of(node_get(n, "port"), "protocol");
	enum protocol p = text ? protocol_parse(text) : PROTOCOL_AUTO;
	const struct node *tls = node_get(n, "tls");
	const char *mode = text_of(tls, "mode");

	(void)into;
	check_bind(d, n);
	if (p == PROTOCOL_AUTO)
		return;
	if (protocol_is_tls(p)) {
		if (!is_set(n, "tls"))
			decode_error_key(d, n, "tls", "is missing, protocol %s needs it", text);
	} else if (tls && tls->type == NODE_MAP && !protocol_is_http(p)) {
		decode_error_key(d, n, "tls", "stands beside protocol %s, want HTTPS or TLS", text);
	} else if (tls && tls->type == NODE_MAP && mode && strcmp(mode, "PASSTHROUGH")) {
		decode_error_key(d, n, "tls",
				 "stands beside protocol %s, want HTTPS, or "
				 "httpsRedirect alone",
				 text);
	}
}

static const struct field server_fields[] = {
	{"bind"},
	{"defaultEndpoint"},
	{"hosts", FIELD_STRING, FIELD_LIST, .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY,
	 .check = check_gateway_host, .want = "at least one host"},
	{"name"},
	{"port", FIELD_MESSAGE, .message = &port_message, .flags = FIELD_REQUIRED},
	{"tls", FIELD_MESSAGE, .message = &server_tls},
	{0},
};
static const struct message server = {server_fields, .check = check_server};

static void check_spec(struct decoder *d, const struct node *n, void *into)
{
	const struct node *it;
	struct strmap seen = {0};

	(void)into;
	node_each(node_get(n, "servers"), it) {
		const struct node *name = node_get(node_get(it, "port"), "name");

		if (name && name->type == NODE_STRING &&
		    strmap_put(&seen, name->text, (void *)name))
			decode_error(d, name,
				     "%s is given twice, want another name for each server",
				     quoted(d, name));
	}
	strmap_free(&seen);
}

static const struct field spec_fields[] = {
	{"selector", FIELD_STRING, FIELD_MAP},
	{"servers", FIELD_MESSAGE, FIELD_LIST, .message = &server,
	 .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .want = "at least one server"},
	{0},
};
static const struct message spec = {spec_fields, .check = check_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, .flags = FIELD_REQUIRED | FIELD_LATER},
	{0},
};
const struct message gateway_message = {top_fields};

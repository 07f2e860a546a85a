// SPDX-License-Identifier: GPL-2.0
/* Gateway: which ports a gateway opens, for which hosts, with which TLS. */
#include <ctype.h>
#include <string.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/kinds.h"
#include "config/listener.h"
#include "config/names.h"
#include "config/policy.h"

/* The text is kept as users know it, in capitals. */
static void put_protocol(struct decoder *d, const struct node *n, void *into)
{
	struct gateway_server *server = into;
	char *upper = arena_strdup(d->arena, n->text);

	check_protocol(d, n, into);
	for (char *c = upper; *c; c++)
		*c = (char)toupper((unsigned char)*c);
	server->protocol_text = upper;
	server->protocol = protocol_parse(n->text);
}

static void check_port_name(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!n->length)
		decode_error(d, n, "is empty, want the name of the port");
}

static const struct field port_fields[] = {
	{"name", INTO_REQUIRED(struct gateway_server, port_name), .check = check_port_name,
	 .want = "the name of the port"},
	{"number", FIELD_INTEGER, .max = 65535, INTO_REQUIRED(struct gateway_server, port)},
	{"protocol", .flags = FIELD_REQUIRED | FIELD_NOT_EMPTY, .check = put_protocol,
	 .want = "a protocol like HTTP or TLS"},
	{"targetPort", FIELD_INTEGER, .check = check_no_target},
	{0},
};
static const struct message port_message = {port_fields};

static void check_number(struct decoder *d, const struct node *n)
{
	const struct node *number = node_get(node_get(n, "port"), "number");
	bool unix_path = listener_is_unix(n);

	check_bind(d, n, true);
	if (number && listener_has_number(n) == unix_path)
		decode_error(d, number,
			     unix_path ? "%s stands beside a unix path, want 0"
				       : "%s is out of range, want 1 to 65535",
			     quoted(d, number));
}

/* On a plaintext port: nothing but the redirect to the one with TLS. */
static void check_plaintext(struct decoder *d, const struct node *n, const char *protocol)
{
	static const char *const certificates[] = {"caCertificates", "privateKey",
						   "serverCertificate"};
	const struct node *tls = node_get(n, "tls");
	const char *mode = text_of(tls, "mode");
	bool more = mode && strcmp(mode, "PASSTHROUGH");

	for (size_t i = 0; i < 3; i++)
		more |= is_given(tls, certificates[i]);
	if (more)
		decode_error_key(d, n, "tls",
				 "stands beside protocol %s, want HTTPS, or httpsRedirect alone",
				 protocol);
}

/* What the TLS settings and the protocol ask of each other. */
static void check_tls(struct decoder *d, const struct node *n, const struct gateway_server *server)
{
	const struct node *tls = node_get(n, "tls");
	enum protocol p = server->protocol;
	const char *text = server->protocol_text;

	if (p == PROTOCOL_AUTO)
		return;
	if (protocol_is_tls(p) && !is_set(n, "tls"))
		decode_error_key(d, n, "tls", "is missing, protocol %s needs it", text);
	else if (protocol_is_tls(p) && is_true(tls, "httpsRedirect"))
		decode_warning_key(d, tls, "httpsRedirect",
				   "has no effect with protocol %s, want it on a server of HTTP",
				   text);
	else if (protocol_is_http(p))
		check_plaintext(d, n, text);
	else if (!protocol_is_tls(p) && is_set(n, "tls"))
		decode_error_key(d, n, "tls", "stands beside protocol %s, want HTTPS or TLS", text);
}

static void put_hosts(struct decoder *d, const struct node *list, struct gateway_server *server)
{
	struct gateway_host *host = server->hosts;
	const struct node *it;

	if (!host)
		return;
	node_each(list, it) {
		listener_host(d, it->type == NODE_STRING ? it->text : "", &host->namespace,
			      &host->host);
		host++->place = it->place;
	}
}

static void put_server(struct decoder *d, const struct node *n, void *into)
{
	struct gateway_server *server = into;

	text_fill(&server->name);
	text_fill(&server->bind);
	text_fill(&server->port_name);
	text_fill(&server->protocol_text);
	server->path = decode_path(d, n, NULL);
	server->place = n->place;
	put_hosts(d, node_get(n, "hosts"), server);
	check_number(d, n);
	check_tls(d, n, server);
}

static const struct field server_fields[] = {
	{"bind", INTO(struct gateway_server, bind)},
	{"defaultEndpoint"}, /* Istio's gateways take no notice of it either */
	{"hosts", FIELD_STRING, INTO_FILLED(struct gateway_server, hosts),
	 .check = check_gateway_host, .want = "at least one host"},
	{"name", INTO(struct gateway_server, name)},
	{"port", FIELD_MESSAGE, .message = &port_message, SAME_REQUIRED},
	{"tls", FIELD_MESSAGE, .message = &server_tls, INTO_MADE(struct gateway_server, tls)},
	{0},
};
static const struct message server_message = {server_fields, sizeof(struct gateway_server),
					      put_server};

static const struct field spec_fields[] = {
	{"selector", FIELD_STRING, FIELD_MAP, INTO(struct gateway, selector)},
	{"servers", FIELD_MESSAGE, .message = &server_message, INTO_FILLED(struct gateway, servers),
	 .want = "at least one server"},
	{0},
};
static const struct message spec = {spec_fields};

/* Names of ports are told apart in the whole Gateway. */
static void check_port_names(struct decoder *d, const struct node *servers)
{
	struct strmap seen = {0};
	const struct node *it;

	node_each(servers, it) {
		const struct node *name = node_get(node_get(it, "port"), "name");

		if (name && name->type == NODE_STRING &&
		    strmap_put(&seen, name->text, (void *)name))
			decode_error(d, name,
				     "%s is given twice, want another name for each server",
				     quoted(d, name));
	}
	strmap_free(&seen);
}

static void check_gateway(struct decoder *d, const struct node *n, void *into)
{
	const struct node *name = node_get(node_get(n, "metadata"), "name");
	struct object *o = into;

	check_port_names(d, node_get(node_get(n, "spec"), "servers"));
	if (name_is_object(o->name) && !name_is_label(o->name))
		decode_error(d, name, "%s is no name of a Gateway, want one without dots, to 63",
			     quoted(d, name));
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, gateway)},
	{0},
};
const struct message gateway_message = {top_fields, .check = check_gateway};

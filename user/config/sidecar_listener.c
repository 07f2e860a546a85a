// SPDX-License-Identifier: GPL-2.0
/* The listeners of a Sidecar: outward which hosts they import, inward where traffic goes. */
#include <stdlib.h>
#include <string.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/listener.h"
#include "config/names.h"
#include "config/policy.h"

static void check_port_name(struct decoder *d, const struct node *n, void *into)
{
	if (n->length)
		check_label(d, n, into);
}

#define PORT_FIELDS(s)                                                                             \
	{"name", INTO(s, port_name), .check = check_port_name},                                    \
		{"number", FIELD_INTEGER, .max = 65535, INTO(s, port)},                            \
		{"protocol", .check = check_protocol},                                             \
		{"targetPort", FIELD_INTEGER, .check = check_no_target},                           \
	{                                                                                          \
		0                                                                                  \
	}
static const struct field egress_port_fields[] = {PORT_FIELDS(struct sidecar_egress)};
static const struct message egress_port = {egress_port_fields};
static const struct field ingress_port_fields[] = {PORT_FIELDS(struct sidecar_ingress)};
static const struct message ingress_port = {ingress_port_fields};

static enum protocol protocol_of(const struct node *listener)
{
	const char *text = text_of(node_get(listener, "port"), "protocol");

	return text ? protocol_parse(text) : PROTOCOL_AUTO;
}

static void put_hosts(struct decoder *d, const struct node *list, struct sidecar_egress *egress)
{
	struct sidecar_host *host = egress->hosts;
	const struct node *it;

	if (!host)
		return;
	node_each(list, it) {
		const char *text = it->type == NODE_STRING ? it->text : "";

		host->exclude = *text == '~';
		text += host->exclude;
		listener_host(d, text, &host->namespace, &host->host);
		/* in the root namespace it is for all, and "." that of each workload */
		if (!strncmp(text, "./", 2) && !strcmp(d->object->namespace, ROOT_NAMESPACE))
			host->namespace = ".";
		/* a bare ~ is ~* */
		if (host->exclude && !*host->namespace)
			host->namespace = "*";
		host++->place = it->place;
	}
}

static const char *host_key(struct decoder *d, bool exclude, const char *namespace,
			    const char *host)
{
	return arena_printf(d->arena, "%s%s/%s", exclude ? "~" : "", namespace, host);
}

/* Of hosts that are imported: what a wider one of the same list brings already. */
static void warn_covered(struct decoder *d, const struct node *n, const struct sidecar_host *host,
			 const struct strmap *seen)
{
	bool any = !strcmp(host->namespace, "*") && !strcmp(host->host, "*");
	const char *wider = host_key(d, false, host->namespace, "*");

	if (host->exclude || any)
		return;
	if (!strcmp(host->host, "*") || !strmap_get(seen, wider))
		wider = "*/*";
	if (strmap_get(seen, wider))
		decode_warning(d, n, "%s stands beside %s, which brings it already", quoted(d, n),
			       wider);
}

static void check_hosts(struct decoder *d, const struct node *list,
			const struct sidecar_egress *egress)
{
	const struct sidecar_host *host = egress->hosts;
	struct strmap seen = {0};
	const struct node *it;

	if (!host)
		return;
	node_each(list, it) {
		const char *key = host_key(d, host->exclude, host->namespace, host->host);

		if (strmap_put(&seen, key, (void *)it))
			decode_warning(d, it, "%s is given twice", quoted(d, it));
		host++;
	}
	host = egress->hosts;
	node_each(list, it)
		warn_covered(d, it, host++, &seen);
	strmap_free(&seen);
}

static int host_order(const void *a, const void *b)
{
	return strcmp(((const struct sidecar_host *)a)->host,
		      ((const struct sidecar_host *)b)->host);
}

static void sort_hosts(struct sidecar_egress *egress)
{
	if (egress->nr_hosts > 1)
		qsort(egress->hosts, egress->nr_hosts, sizeof(*egress->hosts), host_order);
	while (egress->nr_wild < egress->nr_hosts &&
	       egress->hosts[egress->nr_wild].host[0] == '*')
		egress->nr_wild++;
}

static void check_egress_port(struct decoder *d, const struct node *n,
			      const struct sidecar_egress *egress)
{
	const struct node *port = node_get(n, "port");

	check_bind(d, n, !listener_has_number(n));
	if (!is_set(n, "port") || listener_has_number(n))
		return;
	if (!listener_is_unix(n))
		decode_error_key(d, port, "number", "is missing, want a port from 1 to 65535");
	else if (egress->capture == CAPTURE_IPTABLES)
		decode_error_key(d, n, "captureMode",
				 "IPTABLES stands beside a unix path, want DEFAULT or NONE");
}

static void put_egress(struct decoder *d, const struct node *n, void *into)
{
	struct sidecar_egress *egress = into;
	const struct node *hosts = node_get(n, "hosts");

	text_fill(&egress->bind);
	text_fill(&egress->port_name);
	egress->protocol = protocol_of(n);
	egress->place = n->place;
	put_hosts(d, hosts, egress);
	check_hosts(d, hosts, egress);
	sort_hosts(egress);
	check_egress_port(d, n, egress);
}

static const struct word capture_modes[] = {
	{"DEFAULT", CAPTURE_DEFAULT},
	{"IPTABLES", CAPTURE_IPTABLES},
	{"NONE", CAPTURE_NONE},
	{0},
};
static const struct field egress_fields[] = {
	{"bind", INTO(struct sidecar_egress, bind)},
	{"captureMode", FIELD_WORD, .words = capture_modes, INTO(struct sidecar_egress, capture)},
	{"hosts", FIELD_STRING, INTO_FILLED(struct sidecar_egress, hosts),
	 .check = check_sidecar_host, .want = "at least one namespace/host"},
	{"port", FIELD_MESSAGE, .message = &egress_port, INTO_SAME},
	{0},
};
const struct message sidecar_egress = {egress_fields, sizeof(struct sidecar_egress), put_egress};

/* Where the traffic of a listener goes: a port of this host, or a unix path. */
static bool is_endpoint(const char *text)
{
	static const char *const hosts[] = {"", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"};
	const char *colon = strrchr(text, ':');
	int64_t port;

	if (!strncmp(text, "unix://", 7))
		return name_is_unix_path(text + 7);
	if (!colon || strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    integer_parse(colon + 1, &port) || port < 1 || port > 65535)
		return false;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		if (strlen(hosts[i]) == (size_t)(colon - text) &&
		    !strncmp(hosts[i], text, strlen(hosts[i])))
			return true;
	return false;
}

static void check_endpoint(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (n->length && !is_endpoint(n->text))
		decode_error(d, n,
			     "%s is no endpoint, want 127.0.0.1:PORT, 0.0.0.0:PORT, [::1]:PORT, "
			     "[::]:PORT, :PORT or unix:///path",
			     quoted(d, n));
}

/* TLS ends here with files of this host: no secrets, no certificates of the mesh. */
static void check_ingress_tls(struct decoder *d, const struct node *n)
{
	static const char *const refused[] = {"subjectAltNames", "credentialName",
					      "credentialNames", "tlsCertificates"};
	const struct node *tls = node_get(n, "tls");
	const char *mode = text_of(tls, "mode");

	if (!tls || tls->type != NODE_MAP)
		return;
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		if (is_given(tls, refused[i]))
			decode_error_key(d, tls, refused[i], "is not for a Sidecar, want none");
	if (is_true(tls, "httpsRedirect"))
		decode_error_key(d, tls, "httpsRedirect", "is not for a Sidecar, want none");
	if (mode && (!strcmp(mode, "ISTIO_MUTUAL") || !strcmp(mode, "AUTO_PASSTHROUGH")))
		decode_error_key(d, tls, "mode",
				 "%s is not for a Sidecar, want SIMPLE, MUTUAL or OPTIONAL_MUTUAL",
				 mode);
	if (!protocol_is_tls(protocol_of(n)))
		decode_error_key(d, n, "tls", "needs a port with protocol HTTPS or TLS");
}

static void put_ingress(struct decoder *d, const struct node *n, void *into)
{
	struct sidecar_ingress *ingress = into;
	const struct node *pool = node_get(n, "connectionPool");

	text_fill(&ingress->bind);
	text_fill(&ingress->port_name);
	text_fill(&ingress->default_endpoint);
	ingress->protocol = protocol_of(n);
	ingress->place = n->place;
	check_bind(d, n, false);
	check_ingress_tls(d, n);
	if (is_set(n, "port") && !listener_has_number(n))
		decode_error_key(d, node_get(n, "port"), "number",
				 "is missing, want a port from 1 to 65535");
	if (is_set(pool, "http") && is_set(n, "port") && !protocol_is_http(ingress->protocol))
		decode_warning_key(d, pool, "http", "has no effect on a port that is not HTTP");
}

static const struct field ingress_fields[] = {
	{"bind", INTO(struct sidecar_ingress, bind)},
	{"captureMode", FIELD_WORD, .words = capture_modes},
	{"connectionPool", FIELD_MESSAGE, .message = &connection_pool,
	 INTO_MADE(struct sidecar_ingress, connection_pool)},
	{"defaultEndpoint", INTO(struct sidecar_ingress, default_endpoint),
	 .check = check_endpoint},
	{"port", FIELD_MESSAGE, .message = &ingress_port, SAME_REQUIRED},
	{"tls", FIELD_MESSAGE, .message = &server_tls, INTO_MADE(struct sidecar_ingress, tls)},
	{0},
};
const struct message sidecar_ingress = {ingress_fields, sizeof(struct sidecar_ingress),
					put_ingress};

// SPDX-License-Identifier: GPL-2.0
/* Ingress: which paths of which hosts go to which Services of its namespace. */
#include <string.h>
#include "config/checks.h"
#include "config/kinds.h"
#include "config/names.h"
#include "config/policy.h"

/* backend.service.port */
static void check_port(struct decoder *d, const struct node *n, void *into)
{
	static const char *const both[] = {"name", "number", NULL};

	(void)into;
	if (!is_set(n, "name") && !is_set(n, "number"))
		decode_error(d, n, "is empty, want name or number");
	check_one_of(d, n, both);
}

static const struct field port_fields[] = {
	{"name", INTO(struct ingress_path, port_name), .check = check_label},
	{"number", FIELD_INTEGER, PORT_RANGE, INTO(struct ingress_path, port)},
	{0},
};
static const struct message port_message = {port_fields, .check = check_port};

static const struct field service_fields[] = {
	{"name", INTO_REQUIRED(struct ingress_path, service), .check = check_label,
	 .want = "the name of a Service"},
	{"port", FIELD_MESSAGE, .message = &port_message, SAME_REQUIRED},
	{0},
};
static const struct message backend_service = {service_fields};

static void check_backend(struct decoder *d, const struct node *n, void *into)
{
	static const char *const both[] = {"service", "resource", NULL};

	(void)into;
	check_one_of(d, n, both);
	if (is_set(n, "resource"))
		decode_warning_key(d, n, "resource", "is passed over, want a service");
	else if (!is_set(n, "service"))
		decode_error(d, n, "is empty, want a service");
}

static const struct field backend_fields[] = {
	{"resource", FIELD_ANY},
	{"service", FIELD_MESSAGE, .message = &backend_service, INTO_SAME},
	{0},
};
static const struct message backend = {backend_fields, .check = check_backend};

static void put_texts(struct ingress_path *path, const struct node *n)
{
	text_fill(&path->path);
	text_fill(&path->port_name);
	path->place = n->place;
}

static void put_path(struct decoder *d, const struct node *n, void *into)
{
	struct ingress_path *path = into;
	const struct node *text = node_get(n, "path");

	put_texts(path, n);
	if (path->type == PATH_IMPLEMENTATION || *path->path == '/')
		return;
	if (is_set(n, "path"))
		decode_error(d, text, "%s is no path, want one that begins with /",
			     quoted(d, text));
	else
		decode_error_key(d, n, "path", "is missing, want one that begins with /");
}

static const struct word path_types[] = {
	{"ImplementationSpecific", PATH_IMPLEMENTATION},
	{"Exact", PATH_EXACT},
	{"Prefix", PATH_PREFIX},
	{0},
};
static const struct field path_fields[] = {
	{"backend", FIELD_MESSAGE, .message = &backend, SAME_REQUIRED},
	{"path", INTO(struct ingress_path, path)},
	{"pathType", FIELD_WORD, .words = path_types, INTO(struct ingress_path, type)},
	{0},
};
static const struct message path_message = {path_fields, sizeof(struct ingress_path), put_path};

static const struct field http_fields[] = {
	{"paths", FIELD_MESSAGE, .message = &path_message, INTO_FILLED(struct ingress_rule, paths),
	 .want = "at least one path"},
	{0},
};
static const struct message http = {http_fields};

/* "*" is how Istio writes that there is no host; Kubernetes has the empty one alone. */
static void check_host(struct decoder *d, const struct node *n, void *into)
{
	const char *text = n->text;

	(void)into;
	if (!n->length || !strcmp(text, "*"))
		return;
	if (name_is_address(text) || !name_is_fqdn(strncmp(text, "*.", 2) ? text : text + 2))
		decode_error(d, n, "%s is no host, want a DNS name or *.name", quoted(d, n));
}

static void put_rule(struct decoder *d, const struct node *n, void *into)
{
	struct ingress_rule *rule = into;

	rule->host = rule->host && *rule->host ? name_lower(d->arena, rule->host) : "*";
	rule->place = n->place;
}

static const struct field rule_fields[] = {
	{"host", INTO(struct ingress_rule, host), .check = check_host},
	{"http", FIELD_MESSAGE, .message = &http, INTO_SAME},
	{0},
};
static const struct message rule = {rule_fields, sizeof(struct ingress_rule), put_rule};

static void put_tls(struct decoder *d, const struct node *n, void *into)
{
	struct ingress_tls *tls = into;

	for (size_t i = 0; i < tls->nr_hosts; i++)
		tls->hosts[i] = name_lower(d->arena, tls->hosts[i] ? tls->hosts[i] : "");
	text_fill(&tls->secret);
	tls->place = n->place;
	if (!*tls->secret)
		decode_warning_key(d, n, "secretName",
				   "is missing, so this entry is passed over, want the name of a "
				   "Secret");
}

static const struct field tls_fields[] = {
	{"hosts", FIELD_STRING, INTO_LIST(struct ingress_tls, hosts), .check = check_host},
	{"secretName", INTO(struct ingress_tls, secret)},
	{0},
};
static const struct message tls = {tls_fields, sizeof(struct ingress_tls), put_tls};

/* A backend alone, as a path that everything else takes. */
static void put_default(struct decoder *d, const struct node *n, void *into)
{
	check_backend(d, n, into);
	put_texts(into, n);
}
static const struct message default_backend = {backend_fields, .check = put_default};

static void put_spec(struct decoder *d, const struct node *n, void *into)
{
	struct ingress *ingress = into;

	text_fill(&ingress->class_name);
	if (!ingress->nr_rules && !is_set(n, "rules") && !ingress->default_backend)
		decode_error(d, n, "sets nothing, want rules or defaultBackend");
}

static const struct field spec_fields[] = {
	{"defaultBackend", FIELD_MESSAGE, .message = &default_backend,
	 INTO_MADE(struct ingress, default_backend)},
	{"ingressClassName", INTO(struct ingress, class_name)},
	{"rules", FIELD_MESSAGE, .message = &rule, INTO_LIST(struct ingress, rules)},
	{"tls", FIELD_MESSAGE, .message = &tls, INTO_LIST(struct ingress, tls)},
	{0},
};
static const struct message spec = {spec_fields, .check = put_spec};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, ingress)},
	{0},
};
const struct message ingress_message = {top_fields};

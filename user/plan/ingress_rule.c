// SPDX-License-Identifier: GPL-2.0
/* A path of an Ingress as a rule: what it takes, and where that goes. */
#include <stdio.h>
#include <string.h>
#include "http/regex.h"
#include "plan/ingress.h"

/* ---- what it takes ---- */

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), nr = strlen(end);

	return length >= nr && !strcmp(text + length - nr, end);
}

static struct string_match everything(void)
{
	return (struct string_match){MATCH_PREFIX, "/"};
}

/* Without a type: ".*" and "/" with a star at the end mean whatever follows. */
static struct string_match free_match(struct arena *a, const char *path)
{
	size_t cut = ends_with(path, ".*") || ends_with(path, "/*") ? strlen(path) - 2 : 0;

	if (!*path || !strcmp(path, "*") || !strcmp(path, "/*") || !strcmp(path, ".*"))
		return everything();
	if (cut)
		return (struct string_match){MATCH_PREFIX, arena_strndup(a, path, cut)};
	return (struct string_match){MATCH_EXACT, path};
}

struct string_match ingress_path_match(struct arena *a, const struct object *ingress,
				       const struct ingress_path *path)
{
	size_t length = strlen(path->path);
	struct nginx nginx;

	nginx_read(ingress, &nginx);
	if (nginx_is_regex(&nginx))
		return (struct string_match){MATCH_REGEX, nginx_regex(a, path->path)};
	if (path->type == PATH_IMPLEMENTATION)
		return free_match(a, path->path);
	if (path->type == PATH_EXACT)
		return (struct string_match){MATCH_EXACT, path->path};
	while (length && path->path[length - 1] == '/')
		length--;
	if (!length)
		return everything();
	return (struct string_match){MATCH_ELEMENTS, arena_strndup(a, path->path, length)};
}

static void match_set(struct edge *e, const struct ingress_item *item,
		      struct string_match uri, struct plan_rule *rule)
{
	rule->matches = arena_alloc(e->out->part->arena, sizeof(rule->matches[0]));
	rule->nr_matches = 1;
	rule->matches[0].http = (struct http_match){.name = "", .stat_prefix = "", .uri = uri};
	rule->matches[0].from =
		(struct plan_source){item->ingress, item->field, item->path->place};
}

/* ---- where it goes ---- */

static void pass_over(struct edge *e, const struct ingress_item *item, const char *what)
{
	host_find(&e->p, DIAG_WARNING, &item->path->place, item->ingress, item->field,
		  "%s; it is passed over", what);
}

static uint16_t port_find(const struct object *service, const struct ingress_path *path)
{
	for (size_t i = 0; i < service->service.nr_ports; i++) {
		const struct service_port *port = &service->service.ports[i];

		if (*path->port_name ? !strcmp(port->name, path->port_name)
				     : port->port == path->port)
			return port->port;
	}
	return 0;
}

static struct plan_cluster *backend_build(struct edge *e, const struct ingress_item *item,
					  uint16_t port)
{
	struct object named = {.name = item->path->service, .namespace = item->ingress->namespace};
	const struct reach reach = {.layer = LAYER_HTTP, .listener = port};
	struct arena *a = e->out->part->arena;
	struct destination d = {.subset = "", .weight = 1, .place = item->path->place};
	const struct object *service;
	char host[INDEX_KEY];

	d.host = arena_strdup(a, service_host(&named, host));
	strmap_put(&e->all->hosts, d.host, e->all);
	service = config_set_get(e->p.set, KIND_SERVICE, named.namespace, named.name);
	d.port = service ? port_find(service, item->path) : 0;
	if (!service)
		pass_over(e, item, arena_printf(a, "there is no Service %s/%s", named.namespace,
						named.name));
	else if (!d.port && *item->path->port_name)
		pass_over(e, item, arena_printf(a, "no port %s in %s", item->path->port_name,
						service->id));
	else if (!d.port)
		pass_over(e, item, arena_printf(a, "no port %u in %s", item->path->port,
						service->id));
	return d.port ? cluster_build(&e->p, &d, &reach) : NULL;
}

static bool route_set(struct edge *e, const struct ingress_item *item, uint16_t port,
		      struct plan_rule *out)
{
	struct plan_cluster *cluster = backend_build(e, item, port);

	if (!cluster)
		return false;
	out->route.splits = arena_alloc(e->out->part->arena, sizeof(out->route.splits[0]));
	out->route.splits[0] = (struct plan_split){.weight = 1, .cluster = cluster};
	out->route.nr_splits = out->route.total = 1;
	if (!cluster->nr_endpoints)
		host_find(&e->p, DIAG_WARNING, &item->path->place, item->ingress, item->field,
			  "%s has no ready endpoint", item->path->service);
	return true;
}

/* ---- the rule ---- */

/* TLS ends here for the host: a redirect to https leads somewhere. */
static bool has_tls(const struct object *ingress, const char *host)
{
	for (size_t i = 0; i < ingress->ingress.nr_tls; i++) {
		const struct ingress_tls *tls = &ingress->ingress.tls[i];

		for (size_t j = 0; j < tls->nr_hosts; j++)
			if (host_covers(tls->hosts[j], host))
				return true;
		if (!tls->nr_hosts)
			return true;
	}
	return false;
}

static const struct http_redirect *redirect_of(struct edge *e, const struct ingress_item *item,
					       const struct nginx *nginx, bool tls)
{
	static const struct http_redirect to_https = {.scheme = "https", .code = 308};
	const struct http_redirect *r;

	if (!tls && (nginx->force_ssl_redirect ||
		     (nginx->ssl_redirect && has_tls(item->ingress, item->host))))
		return &to_https;
	if (!nginx->permanent_redirect)
		return NULL;
	r = nginx_redirect(e->out->part->arena, nginx->permanent_redirect, 301);
	if (!r)
		host_find(&e->p, DIAG_WARNING, &item->ingress->place, item->ingress,
			  "metadata.annotations[nginx.ingress.kubernetes.io/permanent-redirect]",
			  "%s is no URL, want one like https://example.org/",
			  nginx->permanent_redirect);
	return r;
}

static void source_set(const struct ingress_item *item, struct plan_rule *out)
{
	*out = (struct plan_rule){
		.name = item->field,
		.from = {item->ingress, item->field, item->path->place},
		.delegate = {.field = ""},
		.route = {.name = item->field, .object = item->ingress->id},
		.because = {.field = ""},
	};
}

bool ingress_rule_build(struct edge *e, const struct ingress_item *item, uint16_t port, bool tls,
			struct plan_rule *out)
{
	bool is_default = item->path == item->ingress->ingress.default_backend;
	struct arena *a = e->out->part->arena;
	const char *wrong;
	struct nginx nginx;

	nginx_read(item->ingress, &nginx);
	source_set(item, out);
	if (!is_default)
		match_set(e, item, item->uri, out);
	wrong = !is_default && nginx_is_regex(&nginx) ? regex_check(item->path->path) : NULL;
	if (wrong) {
		pass_over(e, item,
			  arena_printf(a, "the path as a regular expression has %s", wrong));
		return false;
	}
	out->redirect = redirect_of(e, item, &nginx, tls);
	if (out->redirect)
		return true;
	if (!is_default)
		out->rewrite = nginx_rewrite(a, &nginx, item->path->path);
	return item->path->service && route_set(e, item, port, out);
}

void ingress_root_build(struct edge *e, const struct ingress_item *item, const char *root,
			struct plan_rule *out)
{
	source_set(item, out);
	out->name = "app-root";
	out->redirect = nginx_redirect(e->out->part->arena, root, 302);
	match_set(e, item, (struct string_match){MATCH_EXACT, "/"}, out);
}

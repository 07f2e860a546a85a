// SPDX-License-Identifier: GPL-2.0
/* Ingress objects: which are ours, and what they open and add to the tables of their gateway. */
#include <stdlib.h>
#include <string.h>
#include "plan/ingress.h"
#include "plan/rule.h"

static const struct label gateway_label = {"istio", "ingressgateway"};
const struct labels ingress_selector = {(struct label *)&gateway_label, 1};

/* ---- classes ---- */

/* Why it is not ours, "": it is; an annotation goes before the field. */
static const char *foreign_because(struct planner *p, const struct object *o)
{
	const char *annotation = labels_get(&o->annotations, "kubernetes.io/ingress.class");
	struct arena *a = p->host->arena;
	const char *name = annotation ? annotation : o->ingress.class_name;
	const struct object *class;

	if (annotation && !strcmp(annotation, "istio"))
		return "";
	if (!*name)
		return "names no class, want ingressClassName";
	class = annotation ? NULL : config_set_get(p->set, KIND_INGRESS_CLASS, "", name);
	if (!class && !annotation)
		return arena_printf(a, "there is no IngressClass %s", name);
	if (class && (!strcmp(class->ingress_class.controller, "istio.io/ingress-controller") ||
		      !strcmp(class->ingress_class.controller, "shunt.io/ingress-controller")))
		return "";
	return arena_printf(a, "class %s is another controller's", name);
}

void ingresses_find(struct planner *p, struct objects *out)
{
	struct objects all;
	struct object **o;

	memset(out, 0, sizeof(*out));
	objects_of(&p->set->kinds[KIND_INGRESS], &all);
	vec_each(&all.list, o) {
		const char *why = foreign_because(p, *o);

		if (!*why)
			vec_push(&out->list, *o);
		else
			host_find(p, DIAG_NOTICE, &(*o)->place, *o, "",
				  "is passed over: %s", why);
	}
	vec_free(&all.list);
}

/* ---- servers ---- */

static struct gateway_host *hosts_of(struct arena *a, const char *const *names, size_t nr,
				     const struct place *place)
{
	struct gateway_host *hosts = arena_alloc(a, nr * sizeof(*hosts));

	for (size_t i = 0; i < nr; i++)
		hosts[i] = (struct gateway_host){"*", names[i], *place};
	return hosts;
}

static const struct server_tls *tls_of(struct arena *a, const struct ingress_tls *from)
{
	struct server_tls *tls = arena_alloc(a, sizeof(*tls));

	tls->mode = SERVER_TLS_SIMPLE;
	tls->credential_names = (const char **)&from->secret;
	tls->nr_credential_names = 1;
	tls->ca_certificates = tls->ca_crl = tls->ca_cert_credential_name = "";
	tls->min_version = tls->max_version = "";
	tls->place = from->place;
	return tls;
}

static const char *const any_host[] = {"*"};

static void plain_server_add(struct edge *e, const struct object *o)
{
	struct plan_server s = {
		.from = {o, "spec", o->place},
		.kind = SERVER_HTTP,
		.hosts = hosts_of(e->out->part->arena, any_host, 1, &o->place),
		.nr_hosts = 1,
	};

	server_add(e, &s, 80, "");
}

static void tls_server_add(struct edge *e, const struct object *o, size_t i)
{
	const struct ingress_tls *tls = &o->ingress.tls[i];
	struct arena *a = e->out->part->arena;
	const char *const *names = tls->nr_hosts ? tls->hosts : any_host;
	struct plan_server s = {
		.from = {o, arena_printf(a, "spec.tls[%zu]", i), tls->place},
		.kind = SERVER_HTTPS,
		.nr_hosts = tls->nr_hosts ? tls->nr_hosts : 1,
	};

	if (!*tls->secret)
		return; /* decoding has said so */
	s.hosts = hosts_of(a, names, s.nr_hosts, &tls->place);
	s.tls = tls_of(a, tls);
	server_add(e, &s, 443, "");
}

void ingress_servers_add(struct edge *e)
{
	struct object *const *o;

	vec_each(&e->ingresses->list, o) {
		host_use(&e->p, *o);
		nginx_check(&e->p, *o);
		plain_server_add(e, *o);
		for (size_t i = 0; i < (*o)->ingress.nr_tls; i++)
			tls_server_add(e, *o, i);
	}
}

/* ---- the rules of a host ---- */

struct ingress_items {
	VEC(struct ingress_item) list;
};
struct ingress_rules {
	VEC(struct plan_rule) list;
};

static bool has_host(const struct object *o, const char *host)
{
	for (size_t i = 0; i < o->ingress.nr_rules; i++)
		if (!strcmp(o->ingress.rules[i].host, host))
			return true;
	return false;
}

static void paths_find(struct edge *e, const struct object *o, const char *host,
		       struct ingress_items *out)
{
	struct arena *a = e->out->part->arena;

	for (size_t i = 0; i < o->ingress.nr_rules; i++) {
		const struct ingress_rule *rule = &o->ingress.rules[i];

		for (size_t j = 0; !strcmp(rule->host, host) && j < rule->nr_paths; j++) {
			struct ingress_item item = {
				o, host, &rule->paths[j],
				arena_printf(a, "spec.rules[%zu].http.paths[%zu]", i, j),
				ingress_path_match(a, o, &rule->paths[j]), out->list.nr};

			vec_push(&out->list, item);
		}
	}
}

/* Of what has to be there: without a star or a slash at the end, which stand for what follows. */
static size_t path_length(const struct ingress_item *item)
{
	return strlen(item->uri.how == MATCH_REGEX ? item->path->path : item->uri.text);
}

/* The longer path first, of two as long the exact one. */
static int path_order(const void *a, const void *b)
{
	const struct ingress_item *x = a, *y = b;
	size_t length_x = path_length(x), length_y = path_length(y);
	bool exact_x = x->uri.how == MATCH_EXACT, exact_y = y->uri.how == MATCH_EXACT;

	if (length_x != length_y)
		return length_x > length_y ? -1 : 1;
	if (exact_x != exact_y)
		return exact_x ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* The backends that take what no path of the host takes. */
static void defaults_find(const struct object *o, const char *host, struct ingress_items *out)
{
	struct ingress_item item = {o, host, o->ingress.default_backend, "spec.defaultBackend",
				    {0}, 0};

	if (item.path && (has_host(o, host) || !strcmp(host, "*")))
		vec_push(&out->list, item);
}

static void roots_add(struct edge *e, const struct ingress_items *items,
		      struct ingress_rules *out)
{
	const struct ingress_item *item, *before = NULL;
	struct plan_rule rule;
	struct nginx nginx;

	vec_each(&items->list, item) {
		nginx_read(item->ingress, &nginx);
		if (nginx.app_root && (!before || before->ingress != item->ingress)) {
			ingress_root_build(e, item, nginx.app_root, &rule);
			if (rule.redirect)
				vec_push(&out->list, rule);
		}
		before = item;
	}
}

static void host_build_rules(struct edge *e, const char *host, uint16_t port, bool tls,
			     struct ingress_rules *out)
{
	struct ingress_items items = {0};
	struct plan_rule rule;
	struct object *const *o;

	vec_each(&e->ingresses->list, o)
		paths_find(e, *o, host, &items);
	roots_add(e, &items, out);
	if (items.list.nr > 1)
		qsort(items.list.at, items.list.nr, sizeof(items.list.at[0]), path_order);
	vec_each(&e->ingresses->list, o)
		defaults_find(*o, host, &items);
	for (size_t i = 0; i < items.list.nr; i++) {
		if (!ingress_rule_build(e, &items.list.at[i], port, tls, &rule))
			continue;
		vec_push(&out->list, rule);
		if (rule_takes_all(&rule))
			break;
	}
	vec_free(&items.list);
}

/* ---- tables ---- */

static void host_add(struct edge *e, const struct plan_server *s, struct table *t,
		     const char *host)
{
	struct ingress_rules rules = {0};
	struct plan_rule *rule;

	for (size_t i = 0; i < s->nr_hosts; i++) {
		const char *domain = host_meets(&s->hosts[i], host, "");
		struct plan_vhost *v;
		size_t place;

		if (!domain)
			continue;
		if (!rules.list.nr)
			host_build_rules(e, host, t->port, s->kind == SERVER_HTTPS, &rules);
		if (!rules.list.nr)
			return;
		place = table_place(t, domain); /* which may move the list */
		v = &t->out->list.at[place];
		if (v->rules.nr && rule_takes_all(&v->rules.at[v->rules.nr - 1])) {
			rule = &v->rules.at[v->rules.nr - 1];
			host_find(&e->p, DIAG_WARNING, &rules.list.at[0].from.place,
				  rules.list.at[0].from.object, rules.list.at[0].from.field,
				  "is not reached for %s: %s takes all requests", domain,
				  source_text(e, &rule->from));
			continue;
		}
		vec_each(&rules.list, rule)
			vec_push(&v->rules, *rule);
	}
	vec_free(&rules.list);
}

void ingress_vhosts_add(struct edge *e, const struct plan_server *s, struct table *t)
{
	struct strmap done = {0};
	struct object *const *o;

	vec_each(&e->ingresses->list, o)
		for (size_t i = 0; i < (*o)->ingress.nr_rules; i++) {
			const char *host = (*o)->ingress.rules[i].host;

			if (!strmap_put(&done, host, t))
				host_add(e, s, t, host);
		}
	vec_each(&e->ingresses->list, o)
		if ((*o)->ingress.default_backend && !strmap_put(&done, "*", t))
			host_add(e, s, t, "*");
	strmap_free(&done);
}

// SPDX-License-Identifier: GPL-2.0
/* The http tables of a listener: which domains there are, and the rules of each put together. */
#include <stdlib.h>
#include <string.h>
#include "plan/listener.h"
#include "plan/rule.h"

void vhosts_free(struct plan_vhosts *v)
{
	struct plan_vhost *host;

	vec_each(&v->list, host)
		vec_free(&host->rules);
	vec_free(&v->list);
}

size_t table_place(struct table *t, const char *domain)
{
	size_t place = (size_t)strmap_get(&t->places, domain);
	struct plan_vhost new = {.domain = domain};

	if (place)
		return place - 1;
	vec_push(&t->out->list, new);
	vec_push(&t->uses, (struct table_uses){0});
	strmap_put(&t->places, domain, (void *)t->out->list.nr);
	return t->out->list.nr - 1;
}

static void table_free(struct table *t)
{
	struct table_uses *uses;

	vec_each(&t->uses, uses)
		vec_free(&uses->list);
	vec_free(&t->uses);
	strmap_free(&t->places);
}

/* ---- the rules of one VirtualService ---- */

static bool names_gateways(const struct virtual_service *vs)
{
	for (size_t i = 0; i < vs->nr_http; i++) {
		if (vs->http[i].delegate) /* its matches may */
			return true;
		for (size_t j = 0; j < vs->http[i].nr_matches; j++)
			if (vs->http[i].matches[j].nr_gateways)
				return true;
	}
	return false;
}

/*
 * The rules stand there already when another server of the port led here, also one of another
 * Gateway unless what the VirtualService says depends on the Gateway.
 */
static bool is_used(const struct table_uses *uses, const struct object *service,
		    const struct object *gateway)
{
	const struct table_use *use;

	vec_each(&uses->list, use)
		if (use->service == service &&
		    (use->gateway == gateway || !names_gateways(&service->virtual_service)))
			return true;
	return false;
}

static void rules_add(struct table *t, size_t vhost, const struct object *service,
		      const struct object *gateway, const struct rule_list *rules)
{
	struct table_uses *uses = &t->uses.at[vhost];

	if (is_used(uses, service, gateway))
		return;
	vec_push(&uses->list, ((struct table_use){service, gateway}));
	for (size_t i = 0; i < rules->nr; i++)
		vec_push(&t->out->list.at[vhost].rules, rules->at[i]);
}

static void service_add(struct edge *e, struct table *t, const struct plan_server *s,
			struct object *service)
{
	const struct object *gateway = s->from.object;
	const struct virtual_service *vs = &service->virtual_service;
	char name[INDEX_KEY];
	struct vantage from = {index_key_name(name, gateway->namespace, gateway->name), t->port};
	struct rule_list rules = {0};
	bool built = false;

	for (size_t i = 0; i < s->nr_hosts * vs->nr_hosts; i++) {
		const char *domain = host_meets(&s->hosts[i / vs->nr_hosts],
						vs->hosts[i % vs->nr_hosts], service->namespace);

		if (!domain)
			continue;
		if (!built) {
			host_use(&e->p, service);
			rules_build(&e->p, service, &from, &rules);
			built = true;
		}
		if (rules.nr)
			rules_add(t, table_place(t, domain), service, gateway, &rules);
	}
}

static void server_rules_add(struct edge *e, struct table *t, const struct plan_server *s)
{
	struct objects services;

	if (s->from.object->kind == KIND_INGRESS)
		return;
	candidates_of(e, s->from.object, &services);
	for (size_t i = 0; i < services.list.nr; i++)
		service_add(e, t, s, services.list.at[i]);
	vec_free(&services.list);
}

/* ---- redirects to https ---- */

static void redirect_add(struct table *t, const struct plan_server *s)
{
	struct plan_vhost *v;

	for (size_t i = 0; i < s->nr_hosts; i++)
		table_place(t, s->hosts[i].host);
	vec_each(&t->out->list, v)
		for (size_t i = 0; i < s->nr_hosts; i++)
			v->https_redirect |= host_covers(s->hosts[i].host, v->domain);
}

static void redirects_add(struct table *t, const struct plan_server *servers, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (servers[i].kind == SERVER_HTTP && servers[i].tls &&
		    servers[i].tls->https_redirect)
			redirect_add(t, &servers[i]);
}

/* ---- several lists of rules for one domain ---- */

static bool match_takes_all(struct plan_match *m)
{
	const struct plan_rule alone = {.matches = m, .nr_matches = 1};

	return rule_takes_all(&alone);
}

/* The rule with those of its matches that take every request, or with the others. */
static struct plan_rule part_of(struct edge *e, const struct plan_rule *r, bool all)
{
	struct plan_rule part = *r;

	part.nr_matches = 0;
	part.matches = arena_alloc(e->out->part->arena, r->nr_matches * sizeof(r->matches[0]));
	for (size_t i = 0; i < r->nr_matches; i++)
		if (match_takes_all(&r->matches[i]) == all)
			part.matches[part.nr_matches++] = r->matches[i];
	return part;
}

static void unreached_tell(struct edge *e, const char *domain, const struct plan_rule *r,
			   const struct plan_rule *first)
{
	host_find(&e->p, DIAG_WARNING, &r->from.place, r->from.object, r->from.field,
		  "takes all requests for %s, but that of %s comes first", domain,
		  source_text(e, &first->from));
}

/* What takes every request goes behind all that does not, else it would hide what comes later. */
static void catch_alls_last(struct edge *e, struct plan_vhost *v)
{
	struct plan_rule *r, last, others;
	bool found = false;
	size_t nr = 0;

	vec_each(&v->rules, r) {
		if (!rule_takes_all(r)) {
			v->rules.at[nr++] = *r;
			continue;
		}
		others = part_of(e, r, false);
		if (found)
			unreached_tell(e, v->domain, r, &last);
		else
			last = part_of(e, r, true);
		found = true;
		if (others.nr_matches)
			v->rules.at[nr++] = others;
	}
	v->rules.nr = nr;
	if (found)
		vec_push(&v->rules, last);
}

/* Their paths are put together over all Ingresses, so that one of them stands for each. */
static void ingresses_add(struct edge *e, struct table *t, const struct plan_server *servers,
			  size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		if (servers[i].from.object->kind != KIND_INGRESS)
			continue;
		ingress_vhosts_add(e, &servers[i], t);
		break;
	}
}

/* ---- the table ---- */

static bool is_wild(const char *domain)
{
	return domain[0] == '*';
}

static int vhost_order(const void *a, const void *b)
{
	const struct plan_vhost *x = a, *y = b;
	size_t length_x = strlen(x->domain), length_y = strlen(y->domain);

	if (is_wild(x->domain) != is_wild(y->domain))
		return is_wild(x->domain) ? 1 : -1;
	if (is_wild(x->domain) && length_x != length_y)
		return length_x > length_y ? -1 : 1;
	return strcmp(x->domain, y->domain);
}

void vhosts_build(struct edge *e, struct plan_server *servers, size_t nr, uint16_t port,
		  struct plan_vhosts *out)
{
	struct table t = {.out = out, .port = port};

	for (size_t i = 0; i < nr; i++)
		server_rules_add(e, &t, &servers[i]);
	for (size_t i = 0; i < out->list.nr; i++)
		if (t.uses.at[i].list.nr > 1)
			catch_alls_last(e, &out->list.at[i]);
	ingresses_add(e, &t, servers, nr);
	redirects_add(&t, servers, nr);
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), vhost_order);
	table_free(&t);
}

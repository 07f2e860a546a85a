// SPDX-License-Identifier: GPL-2.0
/* Gateways for programs. Names only ever get added. */
#include <string.h>
#include "plan/gateway.h"
#include "plan/host.h"

static json_t *json_of_vhosts(const struct plan_vhosts *v)
{
	json_t *list = json_array();
	const struct plan_vhost *host;

	vec_each(&v->list, host) {
		json_t *rules = json_array();

		for (size_t i = 0; i < host->rules.nr; i++)
			json_array_append_new(rules, json_of_rule(&host->rules.at[i]));
		json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "domain", host->domain,
						      "https_redirect", host->https_redirect,
						      "rules", rules));
	}
	return list;
}

static json_t *json_of_hosts(const struct plan_server *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nr_hosts; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}", "namespace",
						      s->hosts[i].namespace, "host",
						      s->hosts[i].host));
	return list;
}

static json_t *json_of_credentials(const struct plan_server *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->nr_credentials; i++) {
		const struct plan_credential *c = &s->credentials[i];

		json_array_append_new(
			list, json_pack("{s:s, s:s, s:s?, s:s?}", "name", c->name, "state",
					credential_state_name(c->state), "secret",
					c->pair ? c->pair->id : NULL, "ca_secret",
					c->ca ? c->ca->id : NULL));
	}
	return list;
}

/* Certificates that are files of the gateway. */
static json_t *json_of_files(const struct server_tls *tls)
{
	json_t *list = json_array();

	for (size_t i = 0; i < tls->nr_pairs; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s}", "certificate",
						tls->pairs[i].certificate, "private_key",
						tls->pairs[i].private_key));
	return list;
}

static json_t *json_of_tls(const struct plan_server *s)
{
	const struct server_tls *tls = s->tls;

	if (!tls)
		return json_null();
	return json_pack("{s:s, s:b, s:o, s:o, s:s, s:s, s:s}", "mode", server_tls_name(tls->mode),
			 "https_redirect", tls->https_redirect, "credentials",
			 json_of_credentials(s), "files", json_of_files(tls), "ca_file",
			 tls->ca_certificates, "min_version", tls->min_version, "max_version",
			 tls->max_version);
}

static json_t *json_of_server(const struct plan_server *s)
{
	json_t *snis = json_array();
	const struct plan_sni *sni;

	vec_each(&s->snis, sni)
		json_array_append_new(snis, json_of_sni(sni));
	return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "from", json_of_source(&s->from),
			 "kind", server_kind_name(s->kind), "hosts", json_of_hosts(s), "tls",
			 json_of_tls(s), "domains", json_of_vhosts(&s->vhosts), "server_names",
			 snis, "route", json_of_route(&s->route));
}

static json_t *json_of_listener(const struct plan_listener *l)
{
	json_t *servers = json_array();
	const struct plan_server *s;

	vec_each(&l->servers, s)
		json_array_append_new(servers, json_of_server(s));
	return json_pack("{s:i, s:i, s:s, s:s, s:o, s:o}", "port", l->port, "target_port",
			 l->target_port, "bind", l->bind, "kind", listener_kind_name(l->kind),
			 "servers", servers, "domains", json_of_vhosts(&l->vhosts));
}

static json_t *json_of_gateway(const struct plan_gateway *g)
{
	json_t *listeners = json_array(), *labels = json_object();
	const struct plan_listener *l;

	for (size_t i = 0; i < g->labels.nr; i++)
		json_object_set_new(labels, g->labels.at[i].key,
				    json_string(g->labels.at[i].value));
	vec_each(&g->listeners, l)
		json_array_append_new(listeners, json_of_listener(l));
	return json_pack("{s:s, s:o, s:s, s:o}", "gateway", g->key, "labels", labels, "namespace",
			 g->namespace, "listeners", listeners);
}

json_t *gateways_json(const struct plan_gateways *g, const char *namespace)
{
	json_t *list = json_array();

	for (size_t i = 0; g && i < g->list.nr; i++)
		if (!namespace || !strcmp(g->list.at[i]->namespace, namespace))
			json_array_append_new(list, json_of_gateway(g->list.at[i]));
	return list;
}

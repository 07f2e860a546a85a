// SPDX-License-Identifier: GPL-2.0
/* The Secrets that hold a server's certificates: whether they are there and hold what it takes. */
#include <string.h>
#include "plan/listener.h"

static const struct secret_item *item_of(const struct object *secret, const char *key)
{
	for (size_t i = 0; i < secret->secret.nr_items; i++)
		if (!strcmp(secret->secret.items[i].key, key))
			return &secret->secret.items[i];
	return NULL;
}

static bool is_good(const struct secret_item *item)
{
	return item && item->length;
}

/* A Secret of the workload's namespace; of an Ingress also one beside it. */
static const struct object *secret_find(struct edge *e, const struct plan_server *s,
					const char *name)
{
	const char *const namespaces[] = {e->out->namespace, s->from.object->namespace};
	size_t nr = s->from.object->kind == KIND_INGRESS ? 2 : 1;
	struct object *o = NULL;
	char key[INDEX_KEY];

	for (size_t i = 0; i < nr && !o; i++) {
		strmap_put(&e->all->secrets, index_key_name(key, namespaces[i], name), e->all);
		o = config_set_get(e->p.set, KIND_SECRET, namespaces[i], name);
	}
	if (o)
		host_use(&e->p, o);
	return o;
}

static void missing_tell(struct edge *e, const struct plan_server *s, const char *name)
{
	host_find(&e->p, DIAG_WARNING, &s->tls->place, s->from.object, s->from.field,
		  "there is no Secret %s/%s: TLS handshakes fail until there is", e->out->namespace,
		  name);
}

static void lacks_tell(struct edge *e, const struct plan_server *s, struct plan_credential *c,
		       const struct object *secret, const char *key)
{
	c->state = CREDENTIAL_LACKS_KEY;
	host_find(&e->p, DIAG_WARNING, &s->tls->place, s->from.object, s->from.field,
		  "%s has no %s, or an empty one: TLS handshakes fail until it has", secret->id,
		  key);
}

/* The first names count when both are there, and then must not be empty. */
static void pair_find(struct edge *e, const struct plan_server *s, struct plan_credential *c)
{
	static const char *const names[2][2] = {{"tls.crt", "tls.key"}, {"cert", "key"}};
	bool generic;

	c->pair = secret_find(e, s, c->name);
	if (!c->pair) {
		c->state = CREDENTIAL_MISSING;
		missing_tell(e, s, c->name);
		return;
	}
	generic = item_of(c->pair, names[1][0]) && item_of(c->pair, names[1][1]);
	for (size_t i = 0; i < 2 && c->state == CREDENTIAL_FOUND; i++)
		if (!is_good(item_of(c->pair, names[generic][i])))
			lacks_tell(e, s, c, c->pair, names[generic][i]);
}

static void ca_find(struct edge *e, const struct plan_server *s, struct plan_credential *c)
{
	const char *named = s->tls->ca_cert_credential_name;
	const struct secret_item *item;

	if (*named) {
		c->ca = secret_find(e, s, named);
		if (!c->ca)
			missing_tell(e, s, named);
	} else {
		c->ca = secret_find(e, s,
				    arena_printf(e->out->part->arena, "%s-cacert", c->name));
		if (!c->ca)
			c->ca = c->pair;
	}
	if (!c->ca) {
		c->state = CREDENTIAL_MISSING;
		return;
	}
	item = item_of(c->ca, "cacert");
	if (!is_good(item ? item : item_of(c->ca, "ca.crt")))
		lacks_tell(e, s, c, c->ca, "cacert or ca.crt");
}

void credentials_find(struct edge *e, struct plan_server *s)
{
	const struct server_tls *tls = s->tls;

	if (!tls || !tls->nr_credential_names || s->kind == SERVER_PASSTHROUGH)
		return;
	s->nr_credentials = tls->nr_credential_names;
	s->credentials = arena_alloc(e->out->part->arena,
				     s->nr_credentials * sizeof(s->credentials[0]));
	for (size_t i = 0; i < s->nr_credentials; i++) {
		s->credentials[i].name = tls->credential_names[i];
		pair_find(e, s, &s->credentials[i]);
		if (tls->mode == SERVER_TLS_MUTUAL || tls->mode == SERVER_TLS_OPTIONAL_MUTUAL)
			ca_find(e, s, &s->credentials[i]);
	}
}

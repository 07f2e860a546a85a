// SPDX-License-Identifier: GPL-2.0
/* Hashes headers, cookies, query parameters and addresses with XXH64, as Envoy does. */
#include "proxy/hash.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include "http/query.h"
#include "proxy/client.h"
#include "proxy/head.h"

uint64_t hash_bytes(const void *at, size_t length)
{
	return XXH64(at, length, 0);
}

uint64_t hash_seeded(const void *at, size_t length, uint64_t seed)
{
	return XXH64(at, length, seed);
}

static bool hash_header(const struct client *c, const char *name, uint64_t *out)
{
	struct http_text value;
	char *joined;

	if (!http_header_find(&c->request.asked, name, &value, &joined))
		return false;
	*out = hash_bytes(value.at, value.length);
	free(joined);
	return true;
}

static bool hash_query(const struct client *c, const char *name, uint64_t *out)
{
	char *value = query_value(http_query(&c->request.asked), name);

	if (!value)
		return false;
	*out = hash_bytes(value, strlen(value));
	free(value);
	return true;
}

/* Callers in pods all come over their own loopback: the pod stands for its address. */
static bool hash_source(const struct client *c, uint64_t *out)
{
	const char *caller = c->listener->caller;
	char text[INET_TEXT];

	if (!*caller || !inet_is_loopback(&c->peer))
		caller = inet_print(&c->peer, text);
	*out = hash_bytes(caller, strlen(caller));
	return true;
}

/* ---- cookies ---- */

static struct http_text trimmed(const char *from, const char *to)
{
	while (from < to && (*from == ' ' || *from == '\t'))
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	return (struct http_text){from, (size_t)(to - from)};
}

/* The value of a cookie in the text of one header, without its quotes. */
static bool cookie_find(struct http_text list, const char *name, struct http_text *value)
{
	const char *at = list.at, *end = list.at + list.length;

	while (at < end) {
		const char *stop = memchr(at, ';', (size_t)(end - at)) ?: end;
		const char *equals = memchr(at, '=', (size_t)(stop - at));
		struct http_text key = trimmed(at, equals ? equals : stop);

		if (equals && key.length == strlen(name) && !memcmp(key.at, name, key.length)) {
			*value = trimmed(equals + 1, stop);
			if (value->length > 1 && *value->at == '"' &&
			    value->at[value->length - 1] == '"')
				*value = (struct http_text){value->at + 1, value->length - 2};
			return true;
		}
		at = stop + 1;
	}
	return false;
}

static uint64_t hash_made(uint64_t cookie)
{
	char text[20];

	return hash_bytes(text, (size_t)snprintf(text, sizeof(text), "%016" PRIx64, cookie));
}

static bool hash_cookie(struct client *c, const struct table_cluster *t, uint64_t *out)
{
	struct http_text list, value;
	char *joined;
	bool found = false;

	if (http_header_find(&c->request.asked, "cookie", &list, &joined)) {
		found = cookie_find(list, t->hash_name, &value);
		if (found)
			*out = hash_bytes(value.at, value.length);
		free(joined);
	}
	if (found || t->cookie_ttl < 0)
		return found;
	if (!c->request.cookie)
		c->request.cookie = worker_random(c->worker);
	*out = hash_made(c->request.cookie);
	return true;
}

void hash_cookie_add(struct client *c)
{
	const struct request *r = &c->request;
	const struct table_cluster *t = r->destination ? r->destination->table : NULL;
	struct arena *a;
	char *text;

	if (!r->cookie || !t || t->hash != TABLE_HASH_COOKIE)
		return;
	a = arena_new();
	text = arena_printf(a, "%s=\"%016" PRIx64 "\"", t->hash_name, r->cookie);
	if (t->cookie_ttl)
		text = arena_printf(a, "%s; Max-Age=%lld", text,
				    (long long)(t->cookie_ttl / 1000000000));
	if (*t->cookie_path)
		text = arena_printf(a, "%s; Path=%s", text, t->cookie_path);
	for (size_t i = 0; i < t->cookie_attributes.nr; i++) {
		const struct header_value *v = &t->cookie_attributes.at[i];

		text = arena_printf(a, *v->value ? "%s; %s=%s" : "%s; %s", text, v->name, v->value);
	}
	text = arena_printf(a, "%s; HttpOnly", text);
	head_add_copied(c, "set-cookie", text);
	arena_free(a);
}

/* ---- */

bool hash_of_request(struct client *c, const struct table_cluster *t, uint64_t *out)
{
	switch (t->hash) {
	case TABLE_HASH_NONE:
		break;
	case TABLE_HASH_SOURCE:
		return hash_source(c, out);
	case TABLE_HASH_HEADER:
		return !c->request.bytes && hash_header(c, t->hash_name, out);
	case TABLE_HASH_COOKIE:
		return !c->request.bytes && hash_cookie(c, t, out);
	case TABLE_HASH_QUERY:
		return !c->request.bytes && hash_query(c, t->hash_name, out);
	}
	return false;
}

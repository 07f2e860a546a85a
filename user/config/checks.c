// SPDX-License-Identifier: GPL-2.0
/* Checks of single values that several kinds share. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/names.h"
#include "config/protocol.h"

void check_label(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_label(n->text))
		decode_error(d, n,
			     "%s is no name, want at most 63 letters, digits and inner dashes",
			     quoted(d, n));
}

void check_wild_host(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_wild(n->text) && !name_is_address(n->text))
		decode_error(d, n, "%s is no host, want a DNS name, which may begin with *",
			     quoted(d, n));
}

void check_dns_host(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_wild(n->text))
		decode_error(d, n, "%s is no host, want a DNS name, which may begin with *",
			     quoted(d, n));
}

void check_subnet(struct decoder *d, const struct node *n, void *into)
{
	struct inet address;
	unsigned prefix;

	(void)into;
	if (!inet_parse_cidr(n->text, &address, &prefix))
		decode_error(d, n, "%s is no address, want one like 10.0.0.1 or 10.0.0.0/8",
			     quoted(d, n));
}

void check_label_entry(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_label_key(n->key))
		decode_error(d, n, "\"%s\" is no label key, want letters, digits and inner - _ .",
			     n->key);
	if (!name_is_label_value(n->text))
		decode_error(d, n, "%s is no label value, want letters, digits and inner - _ .",
			     quoted(d, n));
}

void check_selector_entry(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!*n->key)
		decode_error(d, n, "the label key is empty");
	else if (strchr(n->key, '*') || strchr(n->text, '*'))
		decode_error(d, n, "a selector takes no wildcard, want the whole key and value");
}

void check_port_value(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!name_is_label(n->key))
		decode_error(d, n, "\"%s\" is no port name, want letters, digits and inner dashes",
			     n->key);
}

void check_protocol(struct decoder *d, const struct node *n, void *into)
{
	(void)into;
	if (!n->length)
		return;
	if (protocol_parse(n->text) == PROTOCOL_AUTO || strchr(n->text, '/'))
		decode_error(d, n,
			     "%s is no protocol, want TCP, HTTP, HTTP2, GRPC, HTTPS, TLS, "
			     "MONGO, REDIS, MYSQL or UDP",
			     quoted(d, n));
}

/* The part before the slash; `hidden` takes a leading '~'. */
static bool is_scope(const char *s, size_t n, bool hidden)
{
	char label[64] = "";

	if (hidden && n && *s == '~') {
		s++;
		n--;
		if (!n)
			return true;
	}
	if (n == 1 && (*s == '*' || *s == '.'))
		return true;
	if (n >= sizeof(label))
		return false;
	memcpy(label, s, n);
	return name_is_label(label);
}

static bool is_server_host(const char *host, bool address)
{
	if (!strcmp(host, "*"))
		return true;
	if (name_is_address(host))
		return address;
	if (*host == '*' && host[1] != '.')
		return false;
	return strchr(host, '.') && name_is_wild(host);
}

void check_gateway_host(struct decoder *d, const struct node *n, void *into)
{
	const char *slash = strchr(n->text, '/');
	const char *host = slash ? slash + 1 : n->text;

	(void)into;
	if (slash && !is_scope(n->text, (size_t)(slash - n->text), false))
		decode_error(d, n, "%s has no good namespace, want *, . or a name before the slash",
			     quoted(d, n));
	else if (!is_server_host(host, true))
		decode_error(d, n, "%s is no host, want *, a full DNS name, *.name or an address",
			     quoted(d, n));
}

void check_sidecar_host(struct decoder *d, const struct node *n, void *into)
{
	const char *slash = strchr(n->text, '/');

	(void)into;
	if (!slash || !is_scope(n->text, (size_t)(slash - n->text), true))
		decode_error(d, n, "%s has no good namespace, want namespace/host like ./* or */*",
			     quoted(d, n));
	else if (!is_server_host(slash + 1, false))
		decode_error(d, n, "%s is no host, want *, a full DNS name or *.name",
			     quoted(d, n));
}

void check_one_of(struct decoder *d, const struct node *n, const char *const *keys)
{
	const struct node *it;
	const char *first = NULL;

	for (; *keys; keys++) {
		it = node_get(n, *keys);
		if (!it || it->type == NODE_NULL)
			continue;
		if (first)
			decode_error_key(d, n, *keys, "%s is given too, want only one of them",
					 first);
		first = first ? first : *keys;
	}
}

void check_unique(struct decoder *d, const struct node *list, const char *key)
{
	struct strmap seen = {0};
	const struct node *it, *first, *value;
	int64_t number;

	node_each(list, it) {
		const char *text;

		value = node_get(it, key);
		if (!value || !value->text || value->type == NODE_NULL)
			continue;
		text = value->text;
		/* 80 and 0x50 are the same */
		if (value->type == NODE_NUMBER && !integer_parse(text, &number))
			text = arena_printf(d->arena, "%lld", (long long)number);
		first = strmap_get(&seen, text);
		if (first)
			decode_error(d, value, "%s is given twice, first in line %u",
				     quoted(d, value), first->place.line);
		else
			strmap_put(&seen, text, (void *)value);
	}
	strmap_free(&seen);
}

// SPDX-License-Identifier: GPL-2.0
/* Secret: keys, certificates and the like. No value of one is quoted in a fault. */
#include <errno.h>
#include <string.h>
#include "config/kinds.h"
#include "config/policy.h"

#define SECRET_BYTES (1u << 20) /* decoded, as in Kubernetes */
#define SECRET_KEYS 1024
#define KEY_LENGTH 253

static bool is_key(const char *key)
{
	size_t length = strlen(key);

	return length && length <= KEY_LENGTH &&
	       strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
		       length;
}

/* The six bits of a character; -1: it is none. */
static int sextet(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				     "0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/*
 * RFC 4648 with padding; line breaks inside are passed over. `out` has room for three bytes of
 * every four characters. 0 or -EINVAL.
 */
static int base64_decode(const char *text, size_t length, char *out, size_t *written)
{
	size_t nr = 0, padding = 0, n = 0;
	uint32_t bits = 0;

	for (size_t i = 0; i < length; i++) {
		int value = sextet(text[i]);

		if (text[i] == '\n' || text[i] == '\r')
			continue;
		padding += text[i] == '=';
		if (text[i] != '=' && (value < 0 || padding))
			return -EINVAL;
		bits = bits << 6 | (uint32_t)(value < 0 ? 0 : value);
		if (++nr % 4)
			continue;
		out[n++] = (char)(bits >> 16);
		out[n++] = (char)(bits >> 8);
		out[n++] = (char)bits;
	}
	if (nr % 4 || padding > 2)
		return -EINVAL;
	*written = n - padding;
	return 0;
}

static void put_item(struct decoder *d, const struct node *n, bool encoded,
		     struct secret_item *item)
{
	char *value = arena_alloc(d->arena, n->length + 1);

	item->key = arena_strdup(d->arena, n->key);
	item->value = value;
	item->length = 0;
	if (n->type == NODE_NULL)
		return;
	if (n->type != NODE_STRING) {
		decode_error(d, n, "%s is given, want %s in quotes", node_type_name(n->type),
			     encoded ? "base64" : "text");
	} else if (!encoded) {
		memcpy(value, n->text, n->length);
		item->length = n->length;
	} else if (base64_decode(n->text, n->length, value, &item->length)) {
		decode_error(d, n, "is not base64, want what `base64` prints (plain text goes "
				   "into stringData)");
	}
}

static struct secret_item *item_of(struct secret *secret, const char *key)
{
	for (size_t i = 0; i < secret->nr_items; i++)
		if (!strcmp(secret->items[i].key, key))
			return &secret->items[i];
	return &secret->items[secret->nr_items++];
}

static void put_items(struct decoder *d, const struct node *map, bool encoded,
		      struct secret *secret)
{
	const struct node *it;

	if (!map || map->type != NODE_MAP || map->nr > SECRET_KEYS)
		return;
	node_each(map, it) {
		if (!is_key(it->key))
			decode_error_name(d, it, "is no key, want letters, digits, - _ and .");
		else
			put_item(d, it, encoded, item_of(secret, it->key));
	}
}

static void put_secret(struct decoder *d, const struct node *n, void *into)
{
	const struct node *data = node_get(n, "data"), *strings = node_get(n, "stringData");
	struct secret *secret = &((struct object *)into)->secret;
	size_t nr = (data ? data->nr : 0) + (strings ? strings->nr : 0), bytes = 0;

	text_fill(&secret->type);
	secret->items = nr ? arena_alloc(d->arena, nr * sizeof(*secret->items)) : NULL;
	put_items(d, data, true, secret);
	put_items(d, strings, false, secret);
	for (size_t i = 0; i < secret->nr_items; i++)
		bytes += secret->items[i].length;
	if (bytes > SECRET_BYTES)
		decode_error(d, n, "holds %zu bytes, want at most %u", bytes, SECRET_BYTES);
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"data", FIELD_ANY, FIELD_MAP, .at_most = SECRET_KEYS},
	{"stringData", FIELD_ANY, FIELD_MAP, .at_most = SECRET_KEYS},
	{"type", INTO(struct object, secret.type)},
	{0},
};
const struct message secret_message = {top_fields, .check = put_secret};

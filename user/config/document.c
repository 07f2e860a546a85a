// SPDX-License-Identifier: GPL-2.0
/* Documents: which kind each is, lists of objects, and kinds that are passed over. */
#include <errno.h>
#include <string.h>
#include "base/strmap.h"
#include "config/kinds.h"
#include "config/policy.h"

#define SECURITY_GROUP "security.istio.io"

/* One call of object_decode or object_read. */
struct reading {
	const struct decode_options *options;
	struct diags *diags;
	int (*each)(struct object *o, void *arg);
	void *arg;
	struct strmap skipped; /* kinds that were told of */
	bool faulty;
};

/* A kind of that name whose group was left out or misspelt. */
static const struct kind_info *kind_meant(const char *group, const char *kind)
{
	for (int k = 0; k < NR_KINDS; k++)
		if (!strcmp(kinds[k].name, kind) &&
		    (!*group || nearest(group, NULL, kinds[k].group)))
			return &kinds[k];
	return NULL;
}

/* Tells once in a call that objects of this kind are passed over. */
static void skip_kind(struct reading *r, const struct node *root, const char *group,
		      const char *kind)
{
	const struct node *at = node_get(root, "kind");
	const struct kind_info *meant = kind_meant(group, kind);
	const char *near = NULL;

	if (strmap_put(&r->skipped, kind, r))
		return;
	if (!strcmp(group, SECURITY_GROUP)) {
		diag_add(r->diags, DIAG_WARNING, &at->place, NULL,
			 "kind %s is not enforced by Shunt", kind);
		return;
	}
	for (int k = 0; k < NR_KINDS; k++)
		near = nearest(kind, near, kinds[k].name);
	if (meant)
		diag_add(r->diags, DIAG_NOTICE, &at->place, NULL,
			 "kind %s of apiVersion %.80s is not known to Shunt, skipped; did you mean "
			 "%s%s%s?",
			 kind, text_of(root, "apiVersion"), meant->group, *meant->group ? "/" : "",
			 meant->versions[0]);
	else if (near && strcmp(near, kind))
		diag_add(r->diags, DIAG_NOTICE, &at->place, NULL,
			 "kind %s is not known to Shunt, skipped; did you mean %s?", kind, near);
	else
		diag_add(r->diags, DIAG_NOTICE, &at->place, NULL,
			 "kind %s%s%s is not known to Shunt, skipped", kind, *group ? " of " : "",
			 group);
}

static bool is_version(const struct kind_info *info, const char *version)
{
	for (size_t i = 0; info->versions[i]; i++)
		if (!strcmp(info->versions[i], version))
			return true;
	return false;
}

static void say_version(struct reading *r, const struct node *n, const struct kind_info *info)
{
	char *want = xstrdup("");

	for (size_t i = 0; info->versions[i]; i++) {
		char *longer = xasprintf("%s%s%s%s%s", want,
					 !i			 ? ""
					 : info->versions[i + 1] ? ", "
								 : " or ",
					 info->group, *info->group ? "/" : "", info->versions[i]);

		free(want);
		want = longer;
	}
	diag_add(r->diags, DIAG_ERROR, &n->place, NULL,
		 "%s: apiVersion: \"%.80s\" is not known, want %s", info->name, n->text, want);
	free(want);
	r->faulty = true;
}

/* An object that leaves its namespace to the options prints back with it, to be read anywhere. */
static void give_namespace(struct reading *r, struct node *root, enum kind kind, struct arena *a)
{
	struct node *metadata = node_get(root, "metadata"), *namespace;

	if (!metadata || metadata->type != NODE_MAP || kinds[kind].cluster_wide ||
	    node_get(metadata, "namespace") || !r->options->namespace ||
	    !strcmp(r->options->namespace, "default"))
		return;
	namespace = node_new(a, NODE_STRING, r->options->namespace);
	namespace->place = namespace->key_place = metadata->place;
	node_append(metadata, "namespace", namespace, a);
}

static int read_object(struct reading *r, struct node *root, enum kind kind)
{
	struct arena *a = arena_new();
	struct object *o;

	give_namespace(r, root, kind, a);
	o = decode_object(root, kind, r->options, r->diags);
	arena_free(a);
	if (o)
		return r->each(o, r->arg);
	r->faulty = true;
	return 0;
}

static int read_document(struct reading *r, struct node *root);

/* A list's items may leave out what the list's own kind says. */
static int read_list(struct reading *r, struct node *list, const char *kind)
{
	const struct node *items = node_get(list, "items");
	size_t length = strlen(kind) - strlen("List");
	struct node *it;
	int err = 0;

	if (items && items->type != NODE_LIST && items->type != NODE_NULL) {
		diag_add(r->diags, DIAG_ERROR, &items->place, NULL,
			 "%s: items: %s is given, want a list", kind, node_type_name(items->type));
		r->faulty = true;
		return 0;
	}
	node_each(items, it) {
		struct arena *a = arena_new();

		if (length && it->type == NODE_MAP && !node_get(it, "kind")) {
			char *one = arena_strndup(a, kind, length);

			node_append(it, "apiVersion",
				    node_new(a, NODE_STRING, text_of(list, "apiVersion")), a);
			node_append(it, "kind", node_new(a, NODE_STRING, one), a);
		}
		err = read_document(r, it);
		arena_free(a);
		if (err)
			break;
	}
	return err;
}

/* "group/version", or the version alone in the core group. */
static int read_known(struct reading *r, struct node *root, const char *api, const char *kind)
{
	const char *slash = strchr(api, '/');
	size_t length = slash ? (size_t)(slash - api) : 0;
	char *group = xstrndup(api, length);
	int err = 0, k;

	for (k = 0; k < NR_KINDS; k++)
		if (!strcmp(kinds[k].name, kind) && !strcmp(kinds[k].group, group))
			break;
	if (k == NR_KINDS)
		skip_kind(r, root, group, kind);
	else if (!is_version(&kinds[k], slash ? slash + 1 : api))
		say_version(r, node_get(root, "apiVersion"), &kinds[k]);
	else
		err = read_object(r, root, (enum kind)k);
	free(group);
	return err;
}

static int read_document(struct reading *r, struct node *root)
{
	static const char *const needed[] = {"apiVersion", "kind"};
	const char *api = scalar_of(root, "apiVersion"), *kind = scalar_of(root, "kind");
	size_t length = kind ? strlen(kind) : 0;

	if (root->type != NODE_MAP) {
		diag_add(r->diags, DIAG_ERROR, &root->place, NULL,
			 "%s is given, want an object with apiVersion and kind",
			 node_type_name(root->type));
		r->faulty = true;
		return 0;
	}
	for (size_t i = 0; i < 2; i++) {
		if (i ? kind : api)
			continue;
		diag_add(r->diags, DIAG_ERROR, &root->place, NULL, "%s: is missing, want text",
			 needed[i]);
		r->faulty = true;
	}
	if (!api || !kind)
		return 0;
	if (length >= 4 && !strcmp(kind + length - 4, "List") && node_get(root, "items"))
		return read_list(r, root, kind);
	return read_known(r, root, api, kind);
}

static int read_each(struct node *root, void *arg)
{
	return read_document(arg, root);
}

int object_decode(struct node *root, const struct decode_options *options, struct diags *diags,
		  int (*each)(struct object *o, void *arg), void *arg)
{
	struct reading r = {.options = options, .diags = diags, .each = each, .arg = arg};
	int err = read_document(&r, root);

	strmap_free(&r.skipped);
	return err ? err : r.faulty ? -EINVAL : 0;
}

int object_read(const char *name, const char *text, size_t length,
		const struct decode_options *options, struct diags *diags,
		int (*each)(struct object *o, void *arg), void *arg)
{
	struct reading r = {.options = options, .diags = diags, .each = each, .arg = arg};
	int err = yaml_read(name, text, length, diags, read_each, &r);

	if (name)
		diags_attach_source(diags, place_file(name), text, length);
	strmap_free(&r.skipped);
	return err ? err : r.faulty ? -EINVAL : 0;
}

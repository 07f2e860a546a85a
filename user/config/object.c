// SPDX-License-Identifier: GPL-2.0
/* Objects: from a document of a known kind, and how long the result lives. */
#include <stdio_ext.h>
#include <string.h>
#include "config/kinds.h"
#include "config/policy.h"

static const struct message *const messages[NR_KINDS] = {
	[KIND_SERVICE] = &service_message,
	[KIND_POD] = &pod_message,
	[KIND_ENDPOINTS] = &endpoints_message,
	[KIND_ENDPOINT_SLICE] = &endpoint_slice_message,
	[KIND_NAMESPACE] = &namespace_message,
	[KIND_VIRTUAL_SERVICE] = &virtual_service_message,
	[KIND_DESTINATION_RULE] = &destination_rule_message,
	[KIND_SERVICE_ENTRY] = &service_entry_message,
	[KIND_WORKLOAD_ENTRY] = &workload_entry_message,
	[KIND_GATEWAY] = &gateway_message,
	[KIND_SIDECAR] = &sidecar_message,
	[KIND_NODE] = &node_message,
	[KIND_SECRET] = &secret_message,
	[KIND_INGRESS] = &ingress_message,
	[KIND_INGRESS_CLASS] = &ingress_class_message,
};

struct object *object_get(struct object *o)
{
	o->refs++;
	return o;
}

void object_put(struct object *o)
{
	if (o && !--o->refs)
		arena_free(o->arena);
}

bool object_is_visible(const struct object *o, const char *namespace)
{
	const struct export_to *e = &o->export_to;

	return !e->given || e->all || (!e->nobody && export_names(e, namespace));
}

int object_order(const struct object *a, const struct object *b)
{
	int order = (a->created > b->created) - (a->created < b->created);

	if (!order)
		order = strcmp(a->name, b->name);
	return order ? order : strcmp(a->namespace, b->namespace);
}

static char *json_of(struct arena *a, const struct node *root)
{
	char *text, *copy;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	__fsetlocking(out, FSETLOCKING_BYCALLER); /* no other thread sees it */
	node_print_json(root, out);
	fclose(out);
	copy = arena_strndup_last(a, text, size);
	free(text);
	return copy;
}

static struct object *object_new(const struct node *root, enum kind kind,
				 const struct decode_options *options)
{
	const struct node *metadata = node_get(root, "metadata");
	const char *name = scalar_of(metadata, "name");
	const char *namespace = scalar_of(metadata, "namespace");
	struct arena *a = arena_new();
	struct object *o = arena_alloc(a, sizeof(*o));

	if (!namespace)
		namespace = options->namespace ? options->namespace : "default";
	o->arena = a;
	o->refs = 1;
	o->kind = kind;
	o->place = root->place;
	o->name = arena_strdup(a, name ? name : "");
	o->namespace = kinds[kind].cluster_wide ? "" : arena_strdup(a, namespace);
	o->id = arena_printf(a, "%s/%s%s%s", kinds[kind].name, o->namespace,
			     *o->namespace ? "/" : "", name ? name : "?");
	return o;
}

static void put_later(struct decoder *d, struct object *o)
{
	struct later *copy;

	if (d->later.nr) {
		copy = arena_alloc(o->arena, d->later.nr * sizeof(*copy));
		memcpy(copy, d->later.at, d->later.nr * sizeof(*copy));
		o->later = copy;
		o->nr_later = d->later.nr;
	}
	vec_free(&d->later);
}

/* The faults from `first` on in the order of the text; those of one place stay as they came. */
static void sort_faults(struct diags *diags, size_t first)
{
	for (size_t i = first + 1; i < diags->list.nr; i++) {
		struct diag one = diags->list.at[i];
		size_t at = i;

		for (; at > first; at--) {
			const struct place *before = &diags->list.at[at - 1].place;

			if (before->line < one.place.line ||
			    (before->line == one.place.line && before->column <= one.place.column))
				break;
			diags->list.at[at] = diags->list.at[at - 1];
		}
		diags->list.at[at] = one;
	}
}

struct object *decode_object(const struct node *root, enum kind kind,
			     const struct decode_options *options, struct diags *diags)
{
	struct frame top = {.node = root};
	struct decode_options local = *options;
	struct decoder d = {.diags = diags, .options = &local, .top = &top};
	size_t first = diags->list.nr;

	local.lenient |= metadata_is_stored(root);
	d.object = object_new(root, kind, options);
	d.arena = d.object->arena;
	/* Kubernetes has many fields that are nothing to us. */
	d.open = strcmp(kinds[kind].group, "networking.istio.io") != 0;
	metadata_decode(&d, root);
	decode_message(&d, messages[kind], root, d.object);
	put_later(&d, d.object);
	sort_faults(diags, first);
	if (d.nr_errors) {
		object_put(d.object);
		return NULL;
	}
	d.object->json = json_of(d.arena, root);
	return d.object;
}

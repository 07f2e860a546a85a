// SPDX-License-Identifier: GPL-2.0
/* exportTo: to which namespaces an object is visible. */
#include <stdlib.h>
#include <string.h>
#include "base/strmap.h"
#include "config/checks.h"
#include "config/names.h"

static int name_order(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool export_names(const struct export_to *e, const char *namespace)
{
	return e->nr_namespaces && bsearch(&namespace, e->namespaces, e->nr_namespaces,
					   sizeof(*e->namespaces), name_order);
}

void export_sort(struct export_to *e)
{
	if (e->nr_namespaces > 1)
		qsort(e->namespaces, e->nr_namespaces, sizeof(*e->namespaces), name_order);
}

/* Whether it may stand there; `nobody`: "~" is an entry too. */
static bool check_entry(struct decoder *d, const struct node *n, bool nobody, bool alone)
{
	const char *text = n->text;

	if (!strcmp(text, ".") || name_is_label(text))
		return true;
	if (strcmp(text, "*") && !(nobody && !strcmp(text, "~"))) {
		decode_error(d, n, "%s is no namespace, want *, .%s or a name", quoted(d, n),
			     nobody ? ", ~" : "");
		return false;
	}
	if (!alone) {
		decode_error(d, n, "%s stands beside other entries, want it alone", quoted(d, n));
		return false;
	}
	return true;
}

static void put_entry(struct decoder *d, const struct node *n, struct strmap *seen)
{
	struct export_to *out = &d->object->export_to;
	const char *name = strcmp(n->text, ".") ? n->text : d->object->namespace;

	if (!strcmp(name, "*")) {
		out->all = true;
	} else if (!strcmp(name, "~")) {
		out->nobody = true;
	} else {
		if (strmap_put(seen, name, (void *)n))
			decode_error(d, n, "%s is given twice", quoted(d, n));
		out->namespaces[out->nr_namespaces++] = arena_strdup(d->arena, name);
	}
}

void check_export_to(struct decoder *d, const struct node *n, bool nobody)
{
	const struct node *list = node_get(n, "exportTo"), *it;
	struct export_to *out = &d->object->export_to;
	struct strmap seen = {0};

	if (!list || list->type != NODE_LIST || !list->nr)
		return;
	out->given = true;
	out->place = list->place;
	out->namespaces = arena_alloc(d->arena, list->nr * sizeof(*out->namespaces));
	node_each(list, it)
		if (it->type == NODE_STRING && check_entry(d, it, nobody, list->nr == 1))
			put_entry(d, it, &seen);
	strmap_free(&seen);
	export_sort(out);
}

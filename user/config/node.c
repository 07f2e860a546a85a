// SPDX-License-Identifier: GPL-2.0
/* Node: where it stands, by its labels. */
#include "config/kinds.h"

static const char *label_of(const struct object *o, const char *key, const char *older)
{
	const char *value = labels_get(&o->labels, key);

	if (!value && older)
		value = labels_get(&o->labels, older);
	return value ? value : "";
}

/* "region/zone/subzone", without the parts at the end that are not known. */
static void put_locality(struct decoder *d, const struct node *n, void *into)
{
	struct object *o = into;
	const char *region = label_of(o, "topology.kubernetes.io/region",
				      "failure-domain.beta.kubernetes.io/region");
	const char *zone = label_of(o, "topology.kubernetes.io/zone",
				    "failure-domain.beta.kubernetes.io/zone");
	const char *subzone = label_of(o, "topology.istio.io/subzone", NULL);

	(void)n;
	if (*subzone)
		o->node.locality = arena_printf(d->arena, "%s/%s/%s", region, zone, subzone);
	else if (*zone)
		o->node.locality = arena_printf(d->arena, "%s/%s", region, zone);
	else
		o->node.locality = region;
}

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_ANY},
	{0},
};
const struct message node_message = {top_fields, .check = put_locality};

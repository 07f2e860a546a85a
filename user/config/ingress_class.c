// SPDX-License-Identifier: GPL-2.0
/* IngressClass: which controller the Ingresses of a class are for. */
#include "config/kinds.h"

static const struct field spec_fields[] = {
	{"controller", INTO_REQUIRED(struct ingress_class, controller),
	 .want = "the name of a controller like example.com/ingress"},
	{0},
};
static const struct message spec = {spec_fields};

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_MESSAGE, .message = &spec, INTO_REQUIRED(struct object, ingress_class)},
	{0},
};
const struct message ingress_class_message = {top_fields};

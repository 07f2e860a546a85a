// SPDX-License-Identifier: GPL-2.0
/* Namespace: its labels and annotations count, nothing else. */
#include "config/kinds.h"

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"spec", FIELD_ANY},
	{0},
};
const struct message namespace_message = {top_fields};

// SPDX-License-Identifier: GPL-2.0
/* Secret. */
#include "config/kinds.h"

static const struct field top_fields[] = {
	TOP_FIELDS,
	{"data", FIELD_ANY},
	{"spec", FIELD_ANY},
	{0},
};
const struct message secret_message = {top_fields};

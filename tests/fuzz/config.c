// SPDX-License-Identifier: GPL-2.0
/* Fuzzes the reading of objects: any text gives objects or faults, and all of it is freed. */
#include <stdint.h>
#include <stdlib.h>
#include "config/object.h"
#include "lib/mutate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int drop(struct object *o, void *arg)
{
	/* What the decoder promises: texts are there, and equal objects compare as equal. */
	if (!o->id || !o->name || !o->namespace || !o->json || object_order(o, o))
		abort();
	(void)arg;
	object_put(o);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decode_options options = {.lenient = size & 1};
	struct diags diags = {0};
	int err = object_read("fuzz.yaml", (const char *)data, size, &options, &diags, drop, NULL);

	if (!err != !diags.nr_errors && !diags.nr_dropped)
		abort();
	diags_free(&diags);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes planning: any valid set gives a plan, also one that is made from another set's plan, which
 * then says the same as one made from nothing; it prints, compares and explains; all is freed.
 */
#include <stdint.h>
#include <stdlib.h>
#include "lib/mutate.h"
#include "plan/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct halves {
	struct config_set first, all; /* every other object, and all of them */
	size_t nr;
};

static int halves_put(struct object *o, void *arg)
{
	struct halves *h = arg;

	if (h->nr++ % 2)
		config_set_put(&h->first, object_get(o));
	config_set_put(&h->all, o);
	return 0;
}

static struct plan *plan_of(const struct config_set *set, const struct config_set *old_set,
			    const struct plan *old, struct addresses *addresses)
{
	struct diags diags = {0};
	struct plan *plan = NULL;

	if (plan_build(set, old_set, old, addresses, 1, &diags, &plan))
		plan = NULL;
	diags_free(&diags);
	return plan;
}

/* Both plans say the same. */
static void compare(const struct plan *a, const struct plan *b)
{
	json_t *x = plan_json(a, &(struct plan_filter){0});
	json_t *y = plan_json(b, &(struct plan_filter){0});

	if (!json_equal(x, y)) {
		json_dumpf(x, stderr, JSON_INDENT(1));
		json_dumpf(y, stderr, JSON_INDENT(1));
		abort();
	}
	json_decref(x);
	json_decref(y);
}

static void show(const struct plan *plan, const struct plan *other)
{
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	plan_print(plan, &(struct plan_filter){0}, out);
	plan_hosts_print(plan, "default", out);
	if (other)
		plan_diff_print(other, plan, NULL, out);
	fclose(out);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct decode_options options = {.lenient = true};
	struct addresses *addresses = addresses_new();
	struct diags diags = {0};
	struct halves h = {0};
	struct plan *first, *changed, *whole;

	object_read("fuzz.yaml", (const char *)data, size, &options, &diags, halves_put, &h);
	diags_free(&diags);
	whole = plan_of(&h.all, NULL, NULL, addresses);
	first = plan_of(&h.first, NULL, NULL, addresses);
	changed = first ? plan_of(&h.all, &h.first, first, addresses) : NULL;
	if (whole && changed) {
		compare(whole, changed);
		show(changed, first);
	}
	plan_free(changed);
	plan_free(first);
	plan_free(whole);
	config_set_free(&h.first);
	config_set_free(&h.all);
	addresses_free(addresses);
	return 0;
}

// SPDX-License-Identifier: GPL-2.0
/* Gathers what a user should hear of an object, each thing once and nothing of other objects. */
#include "agent/findings.h"
#include <string.h>
#include "base/strmap.h"

struct gather {
	struct diags *out;
	struct strmap objects; /* ids that are told of in any case */
	struct strmap fields;  /* paths that a notice has named */
	struct strmap before;  /* what was told of already: "path: text" */
	bool all;	       /* of all objects */
};

static void gather_end(struct gather *g)
{
	strmap_free(&g->objects);
	strmap_free(&g->fields);
	strmap_free(&g->before);
}

static void fields_add(struct gather *g, const struct object *o)
{
	for (size_t i = 0; i < o->nr_later; i++) {
		char *path = xasprintf("%s: %s", o->id, o->later[i].path);

		if (!strmap_put(&g->fields, path, g))
			diag_add(g->out, DIAG_NOTICE, &o->later[i].place, path,
				 "known, but not in force yet: it has no effect");
		free(path);
	}
}

static char *key_of(const struct diag *d)
{
	return xasprintf("%s: %s", d->path ? d->path : "", d->text);
}

/* Of an object that changed, or not told of before. */
static bool is_wanted(const struct gather *g, const struct diag *d)
{
	const char *path = d->path ? d->path : "";
	char *key = xstrndup(path, strcspn(path, ":"));
	bool wanted = g->all || strmap_get(&g->objects, key);

	free(key);
	if (wanted)
		return !strmap_get(&g->fields, path);
	key = key_of(d);
	wanted = !strmap_get(&g->before, key);
	free(key);
	return wanted;
}

static void diags_add(struct gather *g, const struct diags *from)
{
	const struct diag *it;

	vec_each(&from->list, it)
	{
		if (is_wanted(g, it))
			diag_add(g->out, it->level, &it->place, it->path, "%s", it->text);
	}
}

static void before_add(struct gather *g, const struct diags *from)
{
	const struct diag *it;

	vec_each(&from->list, it)
	{
		char *key = key_of(it);

		strmap_put(&g->before, key, g);
		free(key);
	}
}

static void plan_add(struct gather *g, const struct plan *plan)
{
	struct plan_host **hosts;
	size_t nr;

	diags_add(g, &plan->findings);
	hosts = plan_sorted(plan, &nr);
	for (size_t i = 0; i < nr; i++)
		diags_add(g, &hosts[i]->findings);
	free(hosts);
}

void findings_of_plan(struct diags *out, const struct plan *plan)
{
	struct gather g = {.out = out, .all = true};

	plan_add(&g, plan);
	gather_end(&g);
}

void findings_of_set(struct diags *out, const struct config_set *set, const struct plan *plan)
{
	struct gather g = {.out = out, .all = true};
	struct strmap_entry *e;

	for (int kind = 0; kind < NR_KINDS; kind++) {
		strmap_each(&set->kinds[kind], e)
			fields_add(&g, e->value);
	}
	if (plan)
		plan_add(&g, plan);
	gather_end(&g);
}

void findings_of_object(struct diags *out, const struct object *o)
{
	struct gather g = {.out = out};

	fields_add(&g, o);
	gather_end(&g);
}

void findings_of_change(struct diags *out, struct object *const *changed, size_t nr,
			const struct plan *before, const struct plan *plan)
{
	struct gather g = {.out = out};
	struct strmap_entry *e;

	for (size_t i = 0; i < nr; i++) {
		strmap_put(&g.objects, changed[i]->id, changed[i]);
		fields_add(&g, changed[i]);
	}
	if (before)
		before_add(&g, &before->findings);
	diags_add(&g, &plan->findings);
	strmap_each(&plan->hosts, e)
	{
		const struct plan_host *now = e->value, *was = NULL;

		if (before)
			was = strmap_get_beside(&before->hosts, &plan->hosts, e);
		if (was == now)
			continue;
		if (was)
			before_add(&g, &was->findings);
		diags_add(&g, &now->findings);
	}
	gather_end(&g);
}

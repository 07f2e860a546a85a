/* SPDX-License-Identifier: GPL-2.0 */
/* A set and its plan, changed by pieces of YAML, for the tests of plans. */
#ifndef PLAN_MESH_H
#define PLAN_MESH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "plan/plan.h"
#include "unit.h"

static inline int put(struct object *o, void *set)
{
	config_set_put(set, o);
	return 0;
}

static inline void set_read(struct config_set *set, const char *text)
{
	struct diags diags = {0};

	CU_ASSERT_EQUAL(object_read("test.yaml", text, strlen(text), &(struct decode_options){0},
				    &diags, put, set),
			0);
	if (diags.nr_errors)
		diags_print(&diags, stderr);
	diags_free(&diags);
}

/* The set and its plan, as an agent keeps them. */
struct mesh {
	struct config_set set;
	struct plan *plan;
	struct addresses *addresses;
	uint32_t number;
};

static inline struct mesh mesh_new(const char *text)
{
	struct mesh m = {.addresses = addresses_new(), .number = 1};
	struct diags diags = {0};

	set_read(&m.set, text);
	CU_ASSERT_EQUAL(plan_build(&m.set, NULL, NULL, m.addresses, 1, &diags, &m.plan), 0);
	diags_free(&diags);
	return m;
}

/* Takes over `set`; the old plan stays the caller's. */
static inline struct plan *mesh_set(struct mesh *m, struct config_set *set)
{
	struct plan *old = m->plan;
	struct diags diags = {0};

	CU_ASSERT_EQUAL(
		plan_build(set, &m->set, old, m->addresses, ++m->number, &diags, &m->plan), 0);
	config_set_free(&m->set);
	m->set = *set;
	diags_free(&diags);
	return old;
}

static inline struct plan *mesh_put(struct mesh *m, const char *text)
{
	struct config_set set = {0};

	config_set_copy(&set, &m->set);
	set_read(&set, text);
	return mesh_set(m, &set);
}

static inline void mesh_free(struct mesh *m)
{
	plan_free(m->plan);
	config_set_free(&m->set);
	addresses_free(m->addresses);
}

static inline char *plan_text(const struct plan *p)
{
	json_t *json = plan_json(p, &(struct plan_filter){0});
	char *text;

	json_object_del(json, "plan");
	text = json_dumps(json, JSON_SORT_KEYS | JSON_INDENT(1));
	json_decref(json);
	return text;
}

/* The plan says what one made from nothing says. */
static inline bool equals_new(struct mesh *m)
{
	struct diags diags = {0};
	struct plan *fresh;
	char *a, *b;
	bool same;

	plan_build(&m->set, NULL, NULL, m->addresses, m->number, &diags, &fresh);
	a = plan_text(m->plan);
	b = plan_text(fresh);
	same = !strcmp(a, b);
	free(a);
	free(b);
	plan_free(fresh);
	diags_free(&diags);
	return same;
}

#endif

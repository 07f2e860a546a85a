// SPDX-License-Identifier: GPL-2.0
/* A set of objects that comes by the admin socket: read, checked, and put in force as one. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"

static int object_push(struct object *o, void *arg)
{
	struct edit *c = arg;

	vec_push(&c->put, o);
	return 0;
}

static void edit_check_twice(struct edit *c)
{
	struct strmap seen = {0};
	struct object **it;

	vec_each(&c->put, it)
	{
		const struct object *first = strmap_put(&seen, (*it)->id, *it);

		if (first)
			diag_add(&c->diags, DIAG_ERROR, &(*it)->place, (*it)->id,
				 "stands twice, first at %s:%u", first->place.file,
				 first->place.line);
	}
	strmap_free(&seen);
}

int edit_read(const json_t *request, struct edit *c)
{
	const json_t *files = json_object_get(request, "files"), *file;
	struct decode_options decode = {
		.namespace = request_text(request, "namespace"),
		.lenient = json_is_true(json_object_get(request, "lenient")),
	};
	size_t i;

	*c = (struct edit){.diags = {.strict = json_is_true(json_object_get(request, "strict"))}};
	json_array_foreach(files, i, file) {
		const char *name = request_text(file, "name");
		const json_t *text = json_object_get(file, "text");

		if (json_is_string(text))
			object_read(name, json_string_value(text), json_string_length(text),
				    &decode, &c->diags, object_push, c);
	}
	edit_check_twice(c);
	return c->diags.nr_errors ? -EINVAL : 0;
}

void edit_check_folder(struct agent *a, struct edit *c, const char *verb)
{
	struct object **it;
	struct place where;

	vec_each(&c->put, it)
	{
		if (files_find(&a->files, (*it)->id, &where))
			diag_add(&c->diags, DIAG_ERROR, &(*it)->place, (*it)->id,
				 "stands in the folder at %s:%u, %s it there", where.file,
				 where.line, verb);
	}
	vec_each(&c->gone, it)
	{
		if (files_find(&a->files, (*it)->id, &where))
			diag_add(&c->diags, DIAG_ERROR, &where, (*it)->id,
				 "stands in the folder, %s it there", verb);
	}
}

static void set_edit(struct config_set *set, const struct edit *c)
{
	struct object **it;

	vec_each(&c->put, it)
		config_set_put(set, object_get(*it));
	vec_each(&c->gone, it)
		config_set_remove(set, (*it)->kind, (*it)->namespace, (*it)->name);
}

/* What was said of files that are whole now. */
static void forget_faults(struct agent *a, struct object *const *objects, size_t nr)
{
	for (size_t i = 0; i < nr && a->state.rejected.list.nr; i++) {
		char *path = state_path(&a->state, objects[i]);

		diags_drop_file(&a->state.rejected, path);
		diags_drop_file(&a->rejected, path);
		free(path);
	}
}

/* The first edit has put them in force along with itself. */
static void sources_in_force(struct agent *a)
{
	a->waiting = false;
	diags_free(&a->refused);
}

json_t *edit_apply(struct agent *a, struct edit *c)
{
	struct config_set wanted = {0};
	struct diags found = {.strict = c->diags.strict};
	json_t *refusal = NULL;
	bool first = !a->in_force;
	int err = state_prepare(&a->state, c->put.at, c->put.nr);

	if (err)
		return reply_refused(&c->diags, "%s: %s; nothing was changed", a->state.dir,
				     strerror(-err));
	agent_base(a, &wanted);
	set_edit(&wanted, c);
	err = agent_put_in_force(a, &wanted, &c->diags, c, &found);
	config_set_free(&wanted);
	if (err) {
		state_abort(&a->state, c->put.at, c->put.nr);
		if (found.nr_errors)
			diags_take(&c->diags, &found);
		refusal = c->diags.nr_errors ?
				  reply_refused(&c->diags, "refused; nothing was changed") :
				  reply_refused(&c->diags, "refused (%s); nothing was changed",
						strerror(-err));
	} else {
		err = state_commit(&a->state, c->put.at, c->put.nr, c->gone.at, c->gone.nr);
		forget_faults(a, c->put.at, c->put.nr);
		diags_take(&c->diags, &found);
		if (first)
			sources_in_force(a);
		if (err)
			refusal = reply_refused(&c->diags, "in force, but %s: %s", a->state.dir,
						strerror(-err));
	}
	diags_free(&found);
	return refusal;
}

void edit_free(struct edit *c)
{
	struct object **it;

	vec_each(&c->put, it)
		object_put(*it);
	vec_each(&c->gone, it)
		object_put(*it);
	vec_each(&c->unchanged, it)
		object_put(*it);
	vec_free(&c->put);
	vec_free(&c->gone);
	vec_free(&c->unchanged);
	diags_free(&c->diags);
}

char *object_title(const struct object *o)
{
	const struct kind_info *kind = &kinds[o->kind];
	char *title = xasprintf("%s%s%s/%s", kind->name, *kind->group ? "." : "", kind->group,
				o->name);

	for (char *at = title; *at && *at != '.' && *at != '/'; at++)
		*at = (char)tolower((unsigned char)*at);
	return title;
}

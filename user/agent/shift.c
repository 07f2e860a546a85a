// SPDX-License-Identifier: GPL-2.0
/* `shift`: new weights in a copy of the VirtualService that decides about a host. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/wire.h"

static struct object *rule_of_ports(struct agent *a, const struct plan_port *ports, size_t nr)
{
	for (size_t p = 0; p < nr; p++) {
		const char *id = ports[p].route.object;
		struct strmap_entry *e;

		if (!id || !*id)
			continue;
		strmap_each(&a->set.kinds[KIND_VIRTUAL_SERVICE], e) {
			struct object *o = e->value;

			if (!strcmp(o->id, id))
				return o;
		}
	}
	return NULL;
}

/* The VirtualService in force for the host's first port that has one: everyone's, else that of some
 * callers. */
static struct object *rule_find(struct agent *a, const struct plan_host *host)
{
	struct object *o = rule_of_ports(a, host->ports, host->nr_ports);

	for (size_t v = 0; !o && v < host->nr_views; v++)
		o = rule_of_ports(a, host->views[v].ports, host->views[v].nr_ports);
	return o;
}

struct shift {
	const json_t *request, *weights;
	const char *namespace, *route;
	const struct plan_host *host;
	const char *host_name; /* in the arena: the plan is replaced meanwhile */
	struct object *rule;
	struct arena *arena;
	struct node *root;
	struct node *chosen; /* the route whose destinations change */
	char *why;	     /* set: it failed */
	json_t *before, *after;
};

/* --route: the name, or the place in http (then tcp). Without: the only one that can be split. */
static void route_choose(struct shift *s)
{
	static const char *const sections[] = {"http", "tcp"};
	const struct node *spec = node_get(s->root, "spec");
	size_t nr_routes = 0, nr_split = 0, index = 0;
	struct node *route, *only = NULL, *split = NULL;

	for (int i = 0; i < 2; i++) {
		node_each(node_get(spec, sections[i]), route)
		{
			const struct node *list = node_get(route, "route");
			const char *name = node_text(route, "name");
			char number[24];

			snprintf(number, sizeof(number), "%zu", index++);
			if (!list)
				continue;
			if (s->route && ((name && !strcmp(name, s->route)) ||
					 !strcmp(number, s->route))) {
				s->chosen = route;
				return;
			}
			nr_routes++;
			only = route;
			if (list->nr > 1 && nr_split++ == 0)
				split = route;
		}
	}
	if (s->route)
		s->why = xasprintf("%s has no route %s with destinations", s->rule->id, s->route);
	else if (nr_split == 1)
		s->chosen = split;
	else if (nr_routes == 1)
		s->chosen = only;
	else
		s->why = xasprintf("%s has %zu routes: name one with --route", s->rule->id,
				   nr_routes);
}

static bool host_matches(const char *host, const char *word)
{
	size_t length = strlen(word);

	return !strncmp(host, word, length) && (!host[length] || host[length] == '.');
}

static struct node *destination_find(struct node *list, const char *host, const char *subset)
{
	struct node *it;

	node_each(list, it)
	{
		const struct node *d = node_get(it, "destination");
		const char *has = node_text(d, "subset"), *name = node_text(d, "host");

		if (!strcmp(has ? has : "", subset) &&
		    (!host || (name && host_matches(name, host))))
			return it;
	}
	return NULL;
}

static bool subset_exists(struct agent *a, const char *subset)
{
	struct strmap_entry *e;

	strmap_each(&a->set.kinds[KIND_DESTINATION_RULE], e)
	{
		const struct destination_rule *dr = &((struct object *)e->value)->destination_rule;

		for (size_t i = 0; i < dr->nr_subsets; i++) {
			if (!strcmp(dr->subsets[i].name, subset))
				return true;
		}
	}
	return false;
}

static void node_set(struct arena *a, struct node *map, const char *key, enum node_type type,
		     const char *text)
{
	struct node *old = node_get(map, key);

	if (!old) {
		node_append(map, key, node_new(a, type, text), a);
		return;
	}
	old->type = type;
	old->text = arena_strdup(a, text);
	old->length = strlen(text);
}

/* A subset that the route does not name yet goes to the host and port of its first destination. */
static struct node *destination_add(struct agent *a, struct shift *s, struct node *list,
				    const char *host, const char *subset)
{
	bool single = list->nr == 1;
	struct node *copy;

	if (host || !list->child || !subset_exists(a, subset)) {
		s->why = xasprintf("no destination of %s has subset %s%s%s", s->rule->id,
				   host ? host : "", host ? "/" : "", subset);
		return NULL;
	}
	copy = node_copy(s->arena, list->child);
	copy->next = NULL;
	node_set(s->arena, node_get(copy, "destination"), "subset", NODE_STRING, subset);
	node_append(list, NULL, copy, s->arena);
	/* No weight is 100 only to who stands alone; beside others it is 0, and stays so. */
	if (single && !node_text(list->child, "weight"))
		node_set(s->arena, list->child, "weight", NODE_NUMBER, "100");
	return copy;
}

static json_t *weights_json(struct node *list)
{
	json_t *out = json_array();
	struct node *it;

	node_each(list, it)
	{
		const struct node *d = node_get(it, "destination");
		const char *fallback = list->nr == 1 ? "100" : "0";
		const char *weight = node_text(it, "weight");

		json_array_append_new(
			out, json_pack("{s:o,s:o,s:I}", "host", json_text(node_text(d, "host")),
				       "subset", json_text(node_text(d, "subset")), "weight",
				       (json_int_t)strtoll(weight ? weight : fallback, NULL, 10)));
	}
	return out;
}

/* Each of {"subset": …, "weight": …, "host": … or none}. */
static void weights_set(struct agent *a, struct shift *s)
{
	struct node *list = node_get(s->chosen, "route");
	const json_t *it;
	size_t i;

	s->before = weights_json(list);
	json_array_foreach(s->weights, i, it) {
		const char *host = request_text(it, "host"), *subset = request_text(it, "subset");
		json_int_t weight = json_integer_value(json_object_get(it, "weight"));
		struct node *to;
		char text[24];

		if (!subset || weight < 0 || weight > 1000000) {
			s->why = xstrdup("want SUBSET=WEIGHT, 0 or more");
			return;
		}
		to = destination_find(list, host, subset);
		if (!to)
			to = destination_add(a, s, list, host, subset);
		if (!to)
			return;
		snprintf(text, sizeof(text), "%lld", (long long)weight);
		node_set(s->arena, to, "weight", NODE_NUMBER, text);
	}
	s->after = weights_json(list);
}

static int root_copy(struct node *root, void *arg)
{
	struct shift *s = arg;

	s->root = node_copy(s->arena, root);
	return 0;
}

static void shift_edit(struct agent *a, struct shift *s)
{
	const char *name = request_text(s->request, "host");
	struct diags diags = {0};

	s->host = name ? plan_host_named(a->plan, &a->set, name, s->namespace) : NULL;
	if (!s->host) {
		s->why = xasprintf("no service %s", name ? name : "");
		return;
	}
	s->host_name = arena_strdup(s->arena, s->host->host);
	s->rule = rule_find(a, s->host);
	if (!s->rule) {
		s->why = xasprintf("no VirtualService decides about %s", s->host->host);
		return;
	}
	yaml_read(s->rule->id, s->rule->json, strlen(s->rule->json), &diags, root_copy, s);
	diags_free(&diags);
	route_choose(s);
	if (!s->why)
		weights_set(a, s);
}

/* The edited tree as the one file of a request to apply. */
static json_t *shift_apply(struct agent *a, struct shift *s)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	json_t *request, *reply;

	node_print_json(s->root, out);
	fclose(out);
	/* Nobody's file: what is wrong with it is told by object and path. */
	request = json_pack("{s:s,s:b,s:[{s:s}]}", "namespace", s->rule->namespace, "lenient", 1,
			    "files", "text", text);
	free(text);
	reply = command_apply(a, request);
	json_decref(request);
	if (json_is_true(json_object_get(reply, "ok"))) {
		const char *name = node_text(s->chosen, "name");

		json_object_set_new(reply, "object", json_text(s->rule->id));
		json_object_set_new(reply, "route", json_text(name));
		json_object_set_new(reply, "host", json_text(s->host_name));
		json_object_set(reply, "before", s->before);
		json_object_set(reply, "after", s->after);
	}
	return reply;
}

json_t *command_shift(struct agent *a, const json_t *request)
{
	const char *namespace = request_text(request, "namespace");
	struct shift s = {
		.request = request,
		.weights = json_object_get(request, "weights"),
		.namespace = namespace ? namespace : "default",
		.route = request_text(request, "route"),
		.arena = arena_new(),
	};
	json_t *reply;

	shift_edit(a, &s);
	/* Held, as it goes out of force. */
	if (s.rule)
		object_get(s.rule);
	if (s.why)
		reply = reply_refused(NULL, "%s", s.why);
	else if (json_is_true(json_object_get(request, "dry")))
		reply = json_pack("{s:b,s:O,s:O}", "ok", 1, "before", s.before, "after", s.after);
	else
		reply = shift_apply(a, &s);
	object_put(s.rule);
	json_decref(s.before);
	json_decref(s.after);
	arena_free(s.arena);
	free(s.why);
	return reply;
}

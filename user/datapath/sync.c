/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the plan to the kernel. Prepare everything, and undo it when anything does not fit; then
 * write records that nothing points at; then point; then delete what the plan no longer has; then
 * let go of what was replaced.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "datapath/change.h"

struct replaced {
	struct route route;
	uint32_t slot;
	VEC(struct key_ref *) keys;
};

struct sync {
	struct datapath *dp;
	const struct plan *plan;
	struct diags *diags;
	VEC(struct change) changes;
	VEC(struct replaced) replaced; /* one a change: what was there before */
	VEC(struct installed *) removed;
};

static bool port_is_installed(const struct plan_port *p)
{
	return p->verdict == VERDICT_KERNEL && p->route.nr_splits;
}

/* The first of several ports with one number counts. */
static bool port_is_repeated(const struct plan_host *host, size_t which)
{
	for (size_t i = 0; i < which; i++)
		if (host->ports[i].port == host->ports[which].port &&
		    port_is_installed(&host->ports[i]))
			return true;
	return false;
}

static int prepare_host(struct sync *s, const struct plan_host *host)
{
	for (size_t i = 0; i < host->nr_ports; i++) {
		const struct slots *full = NULL;
		struct change c;
		int err;

		if (!port_is_installed(&host->ports[i]) || port_is_repeated(host, i))
			continue;
		err = change_prepare(s->dp, host, &host->ports[i], s->plan->number, &c, &full);
		if (err) {
			diag_add(s->diags, DIAG_ERROR, NULL, host->id,
				 "port %u needs more %s than the %u of the kernel maps; the whole "
				 "plan is refused and the last one stays in force",
				 host->ports[i].port, full->what, full->max);
			return err;
		}
		vec_push(&s->changes, c);
	}
	return 0;
}

/* Ports of the old plan's host that the new one (NULL: gone) does not install. */
static void remove_host_ports(struct sync *s, const struct plan_host *old,
			      const struct plan_host *new)
{
	char name[PORT_NAME];

	for (size_t i = 0; i < old->nr_ports; i++) {
		struct installed *in;
		bool stays = false;

		for (size_t j = 0; new && j < new->nr_ports; j++)
			stays |= new->ports[j].port == old->ports[i].port &&
				 port_is_installed(&new->ports[j]);
		if (stays || port_is_repeated(old, i))
			continue;
		snprintf(name, sizeof(name), "%s|%u", old->host, old->ports[i].port);
		in = strmap_get(&s->dp->installed, name);
		if (in)
			vec_push(&s->removed, in);
	}
}

static int prepare(struct sync *s)
{
	const struct plan *last = s->dp->last;
	struct strmap_entry *e;
	int err;

	strmap_each(&s->plan->hosts, e) {
		if (last && strmap_get_beside(&last->hosts, &s->plan->hosts, e) == e->value)
			continue;
		err = prepare_host(s, e->value);
		if (err)
			return err;
	}
	if (!last)
		return 0;
	strmap_each(&last->hosts, e) {
		struct plan_host *new = strmap_get_beside(&s->plan->hosts, &last->hosts, e);

		if (new != e->value)
			remove_host_ports(s, e->value, new);
	}
	return 0;
}

static void remember_replaced(struct sync *s)
{
	struct change *c;

	vec_each(&s->changes, c) {
		struct replaced r = {.route = c->in->route, .slot = c->in->slot};

		for (size_t i = 0; i < c->in->keys.nr; i++)
			vec_push(&r.keys, c->in->keys.at[i]);
		vec_push(&s->replaced, r);
	}
}

static void delete_key(struct datapath *dp, struct key_ref *k)
{
	if (bpf_map_delete_elem(dp->fds[MAP_SERVICES], &k->key) && errno != ENOENT)
		log_error("a service could not be deleted: %s", strerror(errno));
	slots_rest(&dp->service_slots, k->slot, 1, now_ns());
	key_ref_remove(dp, k);
}

static bool is_wanted(const struct installed *in, const struct key_ref *k)
{
	for (size_t i = 0; i < in->keys.nr; i++)
		if (in->keys.at[i] == k)
			return true;
	return false;
}

/* Keys that a changed port had and that nobody took over. */
static void delete_replaced_keys(struct sync *s)
{
	for (size_t i = 0; i < s->changes.nr; i++) {
		struct installed *in = s->changes.at[i].in;
		struct replaced *r = &s->replaced.at[i];

		for (size_t j = 0; j < r->keys.nr; j++)
			if (r->keys.at[j]->owner == in && !is_wanted(in, r->keys.at[j]))
				delete_key(s->dp, r->keys.at[j]);
		change_finish(s->dp, &s->changes.at[i], &r->route, r->slot);
		vec_free(&r->keys);
	}
}

static void installed_remove(struct datapath *dp, struct installed *in)
{
	bool keep_turn = turn_is_shared(dp, &in->route, in);

	for (size_t i = 0; i < in->keys.nr; i++)
		if (in->keys.at[i]->owner == in)
			delete_key(dp, in->keys.at[i]);
	route_rest(dp, &in->route, in->slot, keep_turn);
	if (in->name)
		strmap_remove(&dp->installed, in->name);
	free(in->name);
	vec_free(&in->keys);
	free(in);
}

struct key_refs {
	VEC(struct key_ref *) list;
};

static void collect_ownerless(const void *node, VISIT which, void *arg)
{
	struct key_ref *k = *(struct key_ref *const *)node;
	struct key_refs *found = arg;

	if ((which == postorder || which == leaf) && !k->owner)
		vec_push(&found->list, k);
}

/* After the first plan, what was adopted and has no name in it goes. */
static void remove_unclaimed(struct datapath *dp)
{
	struct key_refs ownerless = {0};

	for (size_t i = 0; i < dp->adopted.nr; i++) {
		if (dp->adopted.at[i]->name)
			continue;
		installed_remove(dp, dp->adopted.at[i]);
		dp->adopted.at[i--] = dp->adopted.at[--dp->adopted.nr];
	}
	vec_free(&dp->adopted);
	twalk_r(dp->key_tree, collect_ownerless, &ownerless);
	for (size_t i = 0; i < ownerless.list.nr; i++)
		delete_key(dp, ownerless.list.at[i]);
	vec_free(&ownerless.list);
}

/* From the first write on there is no way back. An insert has its element reserved, as there are
 * as many slots as elements; should the kernel refuse one, the rest is still put in force. */
static void commit(struct sync *s)
{
	struct datapath *dp = s->dp;
	struct change *c;

	vec_each(&s->changes, c)
		change_write(dp, c);
	remember_replaced(s);
	vec_each(&s->changes, c) {
		int err = change_point(dp, c);

		if (err)
			log_error("%s: the kernel refused a service entry: %s", c->in->name,
				  strerror(-err));
	}
	for (size_t i = 0; i < s->removed.nr; i++)
		installed_remove(dp, s->removed.at[i]);
	delete_replaced_keys(s);
	if (!dp->last)
		remove_unclaimed(dp);
	dp->control->plan = s->plan->number;
	dp->last = s->plan;
}

static void undo(struct sync *s)
{
	for (size_t i = s->changes.nr; i-- > 0;)
		change_undo(s->dp, &s->changes.at[i]);
	s->changes.nr = 0;
	s->removed.nr = 0;
}

/* Slots that only rest are no limit: they are waited for, a second at most, and tried once more. */
static int prepare_or_wait(struct sync *s)
{
	struct diags first = {0}, *diags = s->diags;
	int err;

	s->diags = &first;
	err = prepare(s);
	s->diags = diags;
	if (err)
		undo(s);
	if (err == -ENOSPC && datapath_rests(s->dp)) {
		diags_free(&first);
		datapath_wait_rested(s->dp);
		err = prepare(s);
		if (err)
			undo(s);
	}
	diags_take(diags, &first);
	return err;
}

int datapath_sync(struct datapath *dp, const struct plan *plan, struct diags *diags)
{
	struct sync s = {.dp = dp, .plan = plan, .diags = diags};
	int err = prepare_or_wait(&s);

	if (!err) {
		commit(&s);
		for (size_t i = 0; i < s.changes.nr; i++)
			change_free(&s.changes.at[i]);
	}
	vec_free(&s.changes);
	vec_free(&s.replaced);
	vec_free(&s.removed);
	return err;
}

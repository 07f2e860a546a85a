/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From the plan to the kernel. Prepare everything, and undo it when anything does not fit; then
 * write records that nothing points at; then point. What scopes have of their own comes first, so
 * that whoever is sent to look for it finds it: those that are fresh, and callers move there from
 * scopes that are still as they were; then the others, and callers move there. Then what is
 * everyone's; then callers move out of scopes; then what the plan no longer has is deleted and what
 * was replaced is let go. No caller finds what neither the old plan nor the new one has for it.
 */
#include <errno.h>
#include <string.h>
#include "base/log.h"
#include "datapath/change.h"
#include "datapath/rules.h"

struct sync {
	struct datapath *dp;
	const struct plan *plan;
	struct diags *diags;
	struct changes changes;
};

static int prepare_host(struct sync *s, const struct plan_host *host)
{
	size_t nr;
	struct port_id *ids = port_ids(host, &nr);
	int err = 0;

	for (size_t i = 0; i < nr && !err; i++) {
		const struct slots *full = NULL;

		err = changes_prepare(s->dp, host, ids[i], s->plan->number, &s->changes, &full);
		if (err)
			diag_add(s->diags, DIAG_ERROR, NULL, host->id,
				 "port %u needs more %s than the %u of the kernel maps; the whole "
				 "plan is refused and the last one stays in force",
				 ids[i].number, full->what, full->max);
	}
	free(ids);
	return err;
}

static int prepare_passes(struct sync *s)
{
	const struct slots *full = NULL;
	int err = passes_prepare(s->dp, s->plan, &s->changes, &full);

	if (err)
		diag_add(s->diags, DIAG_ERROR, NULL, NULL,
			 "addresses that pass as dialled need more %s than the %u of the kernel "
			 "maps; the whole plan is refused and the last one stays in force",
			 full->what, full->max);
	return err;
}

static bool has_port(const struct port_id *ids, size_t nr, struct port_id id)
{
	for (size_t i = 0; i < nr; i++)
		if (ids[i].number == id.number && ids[i].protocol == id.protocol)
			return true;
	return false;
}

/* Ports of the old plan's host that the new one (NULL: gone) does not have. */
static void forget_ports(struct sync *s, const struct plan_host *old, const struct plan_host *new)
{
	size_t nr_old, nr_new = 0;
	struct port_id *ids = port_ids(old, &nr_old);
	struct port_id *stay = new ? port_ids(new, &nr_new) : NULL;

	for (size_t i = 0; i < nr_old; i++)
		if (!has_port(stay, nr_new, ids[i]))
			vec_push(&s->changes.ports, port_ref_get(s->dp, old->host, ids[i]));
	free(ids);
	free(stay);
}

/* Callers who are refused what they do not know, and who see everyone's services, need to know also
 * those that pass as dialled. */
static bool names_untouched(const struct plan *plan)
{
	struct strmap_entry *e;

	strmap_each(&plan->scopes, e) {
		const struct plan_scope *scope = e->value;

		if (scope->registry_only && !scope->closed)
			return true;
	}
	return false;
}

static int prepare_scopes(struct sync *s, bool *changed)
{
	bool named = names_untouched(s->plan);

	*changed = named != s->dp->names_untouched;
	s->dp->names_untouched = named;
	if (!scopes_prepare(s->dp, s->plan, changed))
		return 0;
	diag_add(s->diags, DIAG_ERROR, NULL, NULL,
		 "rules tell more callers apart than the %u scopes of the kernel maps; the whole "
		 "plan is refused and the last one stays in force",
		 SHUNT_MAX_SCOPES);
	return -ENOSPC;
}

/* Ports of hosts that are others in the new plan, or are gone. */
static void forget_hosts(struct sync *s, const struct plan *last)
{
	struct strmap_entry *e;

	strmap_each(&last->hosts, e) {
		struct plan_host *new = strmap_get_beside(&s->plan->hosts, &last->hosts, e);

		if (new != e->value)
			forget_ports(s, e->value, new);
	}
}

static int prepare(struct sync *s)
{
	const struct plan *last = s->dp->last;
	struct strmap_entry *e;
	bool changed;
	int err;

	s->dp->syncs++;
	err = prepare_scopes(s, &changed);
	if (err)
		return err;
	changed |= s->dp->node_moved;
	strmap_each(&s->plan->hosts, e) {
		if (last && !changed &&
		    strmap_get_beside(&last->hosts, &s->plan->hosts, e) == e->value)
			continue;
		err = prepare_host(s, e->value);
		if (err)
			return err;
	}
	err = prepare_passes(s);
	if (err)
		return err;
	if (last)
		forget_hosts(s, last);
	changes_take_passing(s->dp, &s->changes);
	return 0;
}

static void point_all(struct sync *s, enum keys which)
{
	struct change *c;

	vec_each(&s->changes.list, c) {
		int err = change_point(s->dp, c, which);

		if (err)
			log_error("%s: the kernel refused a service entry: %s", c->port->name,
				  strerror(-err));
	}
}

/* From the first write on there is no way back. An insert has its element reserved, as there are
 * as many slots as elements; should the kernel refuse one, the rest is still put in force. */
static void commit(struct sync *s)
{
	struct datapath *dp = s->dp;
	struct port_ref **port;
	struct change *c;

	if (dp->learn)
		dp->learn(s->plan, dp->learn_arg);
	vec_each(&s->changes.list, c)
		rules_write(dp, c);
	vec_each(&s->changes.list, c)
		change_write(dp, c);
	scopes_open(dp, s->plan);
	callers_place(dp, s->plan);
	point_all(s, KEYS_FRESH);
	callers_arrive(dp, true);
	point_all(s, KEYS_KNOWN);
	callers_arrive(dp, false);
	point_all(s, KEYS_EVERYONES);
	callers_settle(dp);
	if (!dp->last)
		adopted_sweep(dp);
	vec_each(&s->changes.ports, port)
		port_sweep(dp, *port);
	vec_each(&s->changes.ports, port)
		port_ref_drop_empty(dp, *port);
	scopes_close(dp, s->plan);
	dp->control->plan = s->plan->number;
	dp->last = s->plan;
	dp->node_moved = false;
}

static void undo(struct sync *s, bool named)
{
	struct port_ref **port;

	for (size_t i = s->changes.list.nr; i-- > 0;)
		change_undo(s->dp, &s->changes.list.at[i]);
	if (s->dp->last)
		vec_each(&s->changes.ports, port)
			port_ref_drop_empty(s->dp, *port);
	else
		ports_disclaim(s->dp);
	s->changes.list.nr = 0;
	s->changes.ports.nr = 0;
	scopes_undo(s->dp);
	s->dp->names_untouched = named;
}

/* Slots that only rest are no limit: they are waited for, a second at most, and tried once more. */
static int prepare_or_wait(struct sync *s)
{
	struct diags first = {0}, *diags = s->diags;
	bool named = s->dp->names_untouched;
	int err;

	s->diags = &first;
	err = prepare(s);
	s->diags = diags;
	if (err)
		undo(s, named);
	if (err == -ENOSPC && datapath_rests(s->dp)) {
		diags_free(&first);
		datapath_wait_rested(s->dp);
		err = prepare(s);
		if (err)
			undo(s, named);
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
		for (size_t i = 0; i < s.changes.list.nr; i++)
			change_free(&s.changes.list.at[i]);
	}
	vec_free(&s.changes.list);
	vec_free(&s.changes.ports);
	arena_free(dp->fronts);
	dp->fronts = NULL;
	return err;
}

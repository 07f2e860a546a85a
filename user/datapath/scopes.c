/* SPDX-License-Identifier: GPL-2.0 */
/* The kinds of callers that have a number. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "datapath/kernel.h"
#include "datapath/name.h"

static const char *scope_text(const char *key, struct scope_name *out)
{
	return name_put(out->key, sizeof(out->key), key);
}

struct scope_ref *scope_ref_find(struct datapath *dp, const char *key)
{
	struct scope_name name;

	return strmap_get(&dp->scope_refs, scope_text(key, &name));
}

static struct scope_ref *scope_ref_new(struct datapath *dp, const char *text, uint32_t number)
{
	struct scope_ref *s = xcalloc(1, sizeof(*s));

	s->text = xstrdup(text);
	s->number = number;
	strmap_put(&dp->scope_refs, text, s);
	dp->by_number[number] = s;
	return s;
}

static void scope_ref_free(struct datapath *dp, struct scope_ref *s)
{
	dp->by_number[s->number] = NULL;
	strmap_remove(&dp->scope_refs, s->text);
	free(s->text);
	free(s);
}

bool scope_is_fresh(const struct datapath *dp, uint32_t number)
{
	const struct scope_ref *s = number < SHUNT_MAX_SCOPES ? dp->by_number[number] : NULL;

	return s && s->wanted == dp->syncs && s->fresh;
}

static uint64_t flags_of(const struct plan_scope *scope)
{
	return (scope->closed ? CALLER_CLOSED : 0) |
	       (scope->registry_only ? CALLER_REFUSE_UNKNOWN : 0);
}

static bool scope_goes(const struct datapath *dp)
{
	struct strmap_entry *e;

	strmap_each(&dp->scope_refs, e) {
		const struct scope_ref *s = e->value;

		if (s->wanted != dp->syncs)
			return true;
	}
	return false;
}

int scopes_prepare(struct datapath *dp, const struct plan *plan, bool *changed)
{
	struct strmap_entry *e;
	struct scope_name name;

	dp->scopes_differ = false;
	strmap_each(&plan->scopes, e) {
		const struct plan_scope *scope = e->value;
		struct scope_ref *s = strmap_get(&dp->scope_refs, scope_text(scope->key, &name));
		uint32_t number;

		if (!s) {
			number = slots_take(&dp->scope_slots, 1);
			if (number == SLOT_NONE)
				return -ENOSPC;
			s = scope_ref_new(dp, name.key, number);
		}
		s->next = flags_of(scope);
		s->fresh = !s->named;
		*changed |= s->named && s->next != s->flags;
		dp->scopes_differ |= !s->named || s->next != s->flags;
		s->wanted = dp->syncs;
	}
	dp->scopes_differ |= scope_goes(dp);
	return 0;
}

void scopes_undo(struct datapath *dp)
{
	struct strmap_entry *e;

	strmap_each(&dp->scope_refs, e) {
		struct scope_ref *s = e->value;

		if (s->named)
			continue;
		slots_undo(&dp->scope_slots, s->number, 1);
		scope_ref_free(dp, s);
	}
}

/* What connect does before it looks a service up. */
static uint32_t callers_of(const struct datapath *dp, const struct plan *plan)
{
	struct strmap_entry *e;
	uint32_t how = plan && (plan->scopes.nr || plan_by_source(plan)) ? CALLERS_FOLLOWED : 0;

	if (dp->nr_captured)
		how |= CALLERS_FIRST | CALLERS_CAPTURED;
	if (!plan)
		return how;
	strmap_each(&plan->scopes, e)
		if (flags_of(e->value))
			how |= CALLERS_FIRST;
	return how;
}

/* Names come before anything that the number stands in, so that whoever adopts that knows whose it
 * is. */
void scopes_open(struct datapath *dp, const struct plan *plan)
{
	uint32_t how = callers_of(dp, plan), before;
	struct strmap_entry *e;
	struct scope_name name;

	strmap_each(&plan->scopes, e) {
		const struct plan_scope *scope = e->value;
		struct scope_ref *s = scope_ref_find(dp, scope->key);

		s->flags = s->next;
		if (s->named)
			continue;
		scope_text(scope->key, &name);
		if (bpf_map_update_elem(dp->fds[MAP_SCOPE_NAMES], &s->number, &name, BPF_ANY))
			log_error("scope %s has no name in the kernel: %s", s->text,
				  strerror(errno));
		s->named = true;
	}
	before = __atomic_fetch_or(&dp->control->callers, how, __ATOMIC_SEQ_CST);
	if (how & ~before & CALLERS_FIRST)
		grace_period(); /* who does not ask first yet would take everyone's for its own */
}

void scopes_ask(struct datapath *dp)
{
	__atomic_store_n(&dp->control->callers, callers_of(dp, dp->last), __ATOMIC_SEQ_CST);
}

void scopes_close(struct datapath *dp, const struct plan *plan)
{
	struct strmap_entry *e;

	__atomic_store_n(&dp->control->callers, callers_of(dp, plan), __ATOMIC_SEQ_CST);
	strmap_each(&dp->scope_refs, e) {
		struct scope_ref *s = e->value;

		if (s->wanted == dp->syncs)
			continue;
		bpf_map_delete_elem(dp->fds[MAP_SCOPE_NAMES], &s->number);
		slots_rest(&dp->scope_slots, s->number, 1, now_ns());
		scope_ref_free(dp, s);
	}
}

uint32_t datapath_scope_number(struct datapath *dp, const char *key)
{
	const struct scope_ref *s = scope_ref_find(dp, key);

	return s ? s->number : SCOPE_ALL;
}

void scopes_adopt(struct datapath *dp)
{
	uint32_t number, next, *previous = NULL;
	struct scope_name name;

	slots_mark(&dp->scope_slots, 0, SCOPE_FIRST);
	while (!bpf_map_get_next_key(dp->fds[MAP_SCOPE_NAMES], previous, &next)) {
		number = next;
		previous = &number;
		if (number >= SHUNT_MAX_SCOPES ||
		    bpf_map_lookup_elem(dp->fds[MAP_SCOPE_NAMES], &number, &name))
			continue;
		name.key[sizeof(name.key) - 1] = '\0';
		slots_mark(&dp->scope_slots, number, 1);
		scope_ref_new(dp, name.key, number)->named = true;
	}
}

void scopes_free(struct datapath *dp)
{
	struct strmap_entry *e;

	strmap_each(&dp->scope_refs, e) {
		struct scope_ref *s = e->value;

		free(s->text);
		free(s);
	}
	strmap_free(&dp->scope_refs);
}

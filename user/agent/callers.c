// SPDX-License-Identifier: GPL-2.0
/* Puts the network namespaces of pods into the scopes of the plan. */
#include "agent/callers.h"
#include <errno.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/listener_open.h"
#include "agent/splice.h"
#include "agent/wire.h"
#include "base/log.h"
#include "plan/index.h"

#define SCAN_MS 50
#define SCAN_SHARE 50	/* a scan takes at most one part in so many of a core */
#define HEARD_REST_MS 5 /* between scans that callers ask for */

static uint64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static bool pod_has(const struct object *pod, const struct inet *address)
{
	for (size_t i = 0; i < pod->pod.nr_addresses; i++)
		if (inet_equal(&pod->pod.addresses[i], address))
			return !pod->pod.host_network && !pod->pod.terminating;
	return false;
}

/* The index is that of the newest plan that was built, in force or not. */
static const struct object *pod_at(const struct plan *plan, const struct config_set *set,
				   const struct inet *address)
{
	const struct strmap_entry *e;
	char key[INDEX_KEY];
	struct object *o;

	if (plan->index->owner == plan) {
		const struct bag *bag =
			strmap_get(&plan->index->pods, index_key_address(key, address));

		bag_each(bag, o)
			if (pod_has(o, address))
				return o;
		return NULL;
	}
	strmap_each(&set->kinds[KIND_POD], e)
		if (pod_has(e->value, address))
			return e->value;
	return NULL;
}

/* NULL: its addresses are nobody's, or of several pods, and which one it is cannot be known. */
static const struct object *pod_of(const struct netns *n, const struct plan *plan,
				   const struct config_set *set)
{
	const struct object *pod = NULL;

	for (size_t i = 0; i < n->addresses.nr; i++) {
		const struct object *one = pod_at(plan, set, &n->addresses.at[i]);

		if (one && pod && one != pod)
			return NULL;
		pod = one ? one : pod;
	}
	return pod;
}

static void caller_put(struct agent *a, struct netns *n, const struct plan *plan,
		       const struct config_set *set)
{
	const struct object *pod = n->claim && !n->yields ? pod_of(n, plan, set) : NULL;
	const struct plan_scope *scope = pod ? plan_scope_of(plan, pod) : NULL;
	int err;

	free(n->pod);
	free(n->scope);
	n->pod = pod ? xstrdup(n->claim) : NULL;
	n->scope = scope ? xstrdup(scope->key) : NULL;
	if (pod)
		err = datapath_scope_set(a->dp, n->cookie, scope);
	else
		err = datapath_scope_nobody(a->dp, n->cookie);
	datapath_caller_addresses(a->dp, n->cookie, n->addresses.at, n->addresses.nr);
	if (err)
		log_error("the scope of %s: %s", pod ? n->pod : "a network namespace",
			  strerror(-err));
}

static void claim(struct netns *n, const struct plan *plan, const struct config_set *set)
{
	const struct object *pod = pod_of(n, plan, set);

	free(n->claim);
	n->claim = pod ? xasprintf("%s/%s", pod->namespace, pod->name) : NULL;
}

/* Anyone can make a namespace within a user namespace of his own and give it any address. */
static int weight_of(const struct netns *n)
{
	return 2 * n->ours + (n->pod && !strcmp(n->pod, n->claim));
}

/* Of several with the addresses of one pod that counts which a runtime made, then which was the
 * pod before; among equals there is no telling, and none does. */
static void claims_settle(const struct netns_watch *w)
{
	struct strmap holders = {0};

	for (size_t i = 0; i < w->list.nr; i++) {
		struct netns *n = w->list.at[i];
		struct netns *other = n->claim ? strmap_get(&holders, n->claim) : NULL;
		bool yielded = n->yields;

		n->yields = other && weight_of(n) <= weight_of(other);
		if (other && weight_of(n) >= weight_of(other))
			other->yields = true;
		if (n->claim && (!other || weight_of(n) > weight_of(other)))
			strmap_put(&holders, n->claim, n);
		if (n->yields && !yielded)
			log_info("another network namespace has an address of pod %s", n->claim);
	}
	strmap_free(&holders);
}

/* `set`: that of the plan. `all`: also those that the last scan found as they were. */
static void callers_put(struct agent *a, const struct plan *plan, const struct config_set *set,
			bool all)
{
	const struct netns_watch *w = &a->callers.watch;

	for (size_t i = 0; i < w->list.nr; i++)
		if (all || w->list.at[i]->entered == w->scans)
			claim(w->list.at[i], plan, set);
	claims_settle(w);
	for (size_t i = 0; i < w->list.nr; i++) {
		struct netns *n = w->list.at[i];
		bool differs = (n->claim && !n->yields) != (n->pod != NULL);

		if (n->cookie && (all || differs || n->entered == w->scans))
			caller_put(a, n, plan, set);
	}
}

static void caller_gone(uint64_t cookie, void *arg)
{
	struct agent *a = arg;

	datapath_scope_remove(a->dp, cookie);
	loop_timer_set(a->reclaim, 1000, 0);
}

/* Scans, and sets the timer so that scans stay within their share. */
static void scan(struct agent *a, const struct plan *plan, const struct config_set *set, bool all)
{
	uint64_t used = clock_ns(CLOCK_PROCESS_CPUTIME_ID), ms;

	a->callers.scanned = clock_ns(CLOCK_MONOTONIC);
	netns_scan(&a->callers.watch, all);
	callers_put(a, plan, set, all);
	listeners_follow(a);
	used = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - used;
	ms = used * SCAN_SHARE / 1000000;
	loop_timer_set(a->callers.timer, ms > SCAN_MS ? ms : SCAN_MS, 0);
}

static void scan_expired(void *arg)
{
	struct agent *a = arg;

	if (a->callers.followed) {
		scan(a, a->plan, &a->set, false);
		capture_follow(a);
		splice_follow(a);
	}
}

void callers_follow(struct agent *a)
{
	bool wanted = capture_wanted(a) || splice_wanted(a);

	if (wanted && !a->callers.followed) {
		a->callers.followed = true;
		scan(a, a->plan, &a->set, true);
	}
	a->callers.wanted = wanted;
	capture_follow(a);
	splice_follow(a);
}

void callers_heard(struct agent *a, uint64_t netns)
{
	if (!a->callers.followed || netns_find(&a->callers.watch, netns))
		return;
	if (clock_ns(CLOCK_MONOTONIC) - a->callers.scanned < HEARD_REST_MS * 1000000ULL)
		loop_timer_set(a->callers.timer, HEARD_REST_MS, 0);
	else
		scan_expired(a);
}

/* A namespace that an agent before this one knew, and that is gone since. */
static void forget_unseen(const struct caller_reading *r, void *arg)
{
	struct agent *a = arg;

	if (!a->callers.followed || !netns_find(&a->callers.watch, r->netns))
		datapath_scope_remove(a->dp, r->netns);
}

/* In the middle of a sync: see datapath_follow. */
static void callers_move(const struct plan *plan, void *arg)
{
	struct agent *a = arg;

	a->callers.followed = plan->scopes.nr || plan_by_source(plan) ||
			      (!a->options->no_proxy && plan_proxied(plan)) ||
			      a->callers.wanted;
	if (a->callers.followed)
		scan(a, plan, &a->set, true); /* one that is in force again does not own the index */
	datapath_caller_each(a->dp, forget_unseen, a);
}

int callers_start(struct agent *a)
{
	int err = netns_watch_open(&a->callers.watch, caller_gone, a);

	if (!err)
		err = loop_timer(a->loop, scan_expired, a, &a->callers.timer);
	if (!err)
		datapath_follow(a->dp, callers_move, a);
	return err;
}

void callers_stop(struct agent *a)
{
	loop_timer_remove(a->callers.timer);
	netns_watch_close(&a->callers.watch);
}

static json_t *pods_json(const struct agent *a, const char *key)
{
	json_t *list = json_array();

	for (size_t i = 0; i < a->callers.watch.list.nr; i++) {
		const struct netns *n = a->callers.watch.list.at[i];

		if (n->pod && n->scope && !strcmp(n->scope, key))
			json_array_append_new(list, json_pack("{s:s,s:I}", "pod", n->pod, "netns",
							      (json_int_t)n->cookie));
	}
	return list;
}

json_t *callers_json(const struct agent *a)
{
	json_t *list = json_array();
	const struct strmap_entry *e;

	strmap_each(&a->plan->scopes, e) {
		const struct plan_scope *s = e->value;

		json_array_append_new(
			list, json_pack("{s:s,s:I,s:b,s:b,s:o}", "scope", s->key, "number",
					(json_int_t)datapath_scope_number(a->dp, s->key), "closed",
					s->closed, "registry_only", s->registry_only, "pods",
					pods_json(a, s->key)));
	}
	return list;
}

char *callers_netns_path(struct agent *a, uint64_t netns)
{
	const struct netns *n;
	uint64_t own;

	if (!netns_cookie_own(&own) && own == netns)
		return xstrdup("/proc/self/ns/net");
	n = netns_find(&a->callers.watch, netns);
	if (n && a->callers.followed)
		return netns_path(n);
	if (a->callers.followed)
		scan(a, a->plan, &a->set, false);
	else
		netns_scan(&a->callers.watch, true);
	n = netns_find(&a->callers.watch, netns);
	return n ? netns_path(n) : NULL;
}

size_t callers_known(const struct agent *a)
{
	size_t known = 0;

	for (size_t i = 0; i < a->callers.watch.list.nr && a->callers.followed; i++)
		known += a->callers.watch.list.at[i]->pod != NULL;
	return known;
}

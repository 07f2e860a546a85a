/* SPDX-License-Identifier: GPL-2.0 */
/* What a DestinationRule and a guard ask of a cluster's connections, written for the programs. */
#include "datapath/rules.h"

#define CONSECUTIVE_ERRORS 5 /* where outlierDetection does not say how many */
#define KEEPALIVE_MOST 32767 /* s; MAX_TCP_KEEPIDLE of the kernel, and MAX_TCP_KEEPCNT */
#define PROBES_MOST 127

#define NS_PER_MS 1000000
#define NS_PER_S 1000000000

/* A connect that fails is an error of each kind that TCP has: the smallest number counts. */
static uint32_t consecutive_of(const struct outlier_detection *o)
{
	uint32_t gateway = o->has_gateway ? o->consecutive_gateway : 0;
	uint32_t any = o->has_5xx ? o->consecutive_5xx : CONSECUTIVE_ERRORS;

	if (o->split_local_origin)
		return o->has_local_origin ? o->consecutive_local_origin : CONSECUTIVE_ERRORS;
	return gateway && (!any || gateway < any) ? gateway : any;
}

/* In whole units, and no fewer than 1: 0 means "not given". */
static uint32_t round_up(int64_t ns, int64_t unit, int64_t most)
{
	int64_t n = ns > 0 ? (ns - 1) / unit + 1 : 0;

	return n > most ? most : n;
}

static void encode_tcp(const struct tcp_pool *tcp, struct cluster_rules *out, uint32_t *which)
{
	const struct tcp_keepalive *k = tcp->keepalive;

	out->connect_timeout = round_up(tcp->connect_timeout, NS_PER_MS, INT32_MAX);
	out->max_duration = tcp->max_connection_duration;
	out->idle_timeout = tcp->idle_timeout;
	if (k) {
		out->keepalive_time = round_up(k->time, NS_PER_S, KEEPALIVE_MOST);
		out->keepalive_interval = round_up(k->interval, NS_PER_S, KEEPALIVE_MOST);
		out->keepalive_probes = k->probes > PROBES_MOST ? PROBES_MOST : k->probes;
	}
	*which |= (out->connect_timeout ? RULES_CONNECT_TIMEOUT : 0) | (k ? RULES_KEEPALIVE : 0) |
		  (out->idle_timeout ? RULES_IDLE : 0) | (out->max_duration ? RULES_DURATION : 0);
}

uint32_t encode_rules(const struct plan_cluster *c, struct cluster_rules *out)
{
	const struct outlier_detection *o = c->full.blocks.outlier_detection;
	const struct connection_pool *pool = c->full.blocks.connection_pool;
	uint32_t which = 0;

	*out = (struct cluster_rules){0};
	if (o) {
		out->consecutive = consecutive_of(o);
		out->base_ejection = o->base_ejection_time;
		out->interval = o->interval;
		out->max_ejection_percent = o->max_ejection_percent;
		which |= out->consecutive ? RULES_OUTLIER : 0;
	}
	if (pool && pool->tcp)
		encode_tcp(pool->tcp, out, &which);
	return which;
}

#define PUT(member_) __atomic_store_n(&to->member_, from->member_, __ATOMIC_RELAXED)

static void put_rules(struct cluster_rules *to, const struct cluster_rules *from)
{
	PUT(base_ejection);
	PUT(interval);
	PUT(max_ejection_percent);
	PUT(connect_timeout);
	PUT(keepalive_time);
	PUT(keepalive_interval);
	PUT(keepalive_probes);
	PUT(idle_timeout);
	PUT(max_duration);
	__atomic_store_n(&to->consecutive, from->consecutive, __ATOMIC_RELEASE);
}

/* Nobody is ejected any more: nothing else would shorten their time. */
static void take_back(struct datapath *dp, const struct cluster_ref *c)
{
	for (const struct endpoint_ref *r = c->first; r; r = r->after) {
		struct endpoint_state *s = &dp->endpoint_state[r->slot];
		__u64 until = __atomic_load_n(&s->ejected_until, __ATOMIC_RELAXED);

		if (until)
			__atomic_compare_exchange_n(&s->ejected_until, &until, 1, false,
						    __ATOMIC_RELAXED, __ATOMIC_RELAXED);
		s->backoff = 0;
	}
	if (dp->cluster_state[c->slot].returns)
		__atomic_store_n(&dp->cluster_state[c->slot].returns, 1, __ATOMIC_RELEASE);
}

/*
 * Several routes can have one cluster; those of another port have no say in what the guard of one
 * does. What it has decided stands until its numbers or the weights of its route change.
 */
static void put_guard(struct datapath *dp, struct cluster_ref *ref, const struct change *c)
{
	struct cluster_state *state = &dp->cluster_state[ref->slot];
	__u64 *to = &dp->cluster_rules[ref->slot].guard, guard = 0;
	bool anew = !c->in && !c->before;

	if (c->guard)
		guard = (uint64_t)c->guard->window << 32 | c->guard->percent;
	else if (ref->guard && ref->guard != c->port)
		return;
	ref->guard = guard ? c->port : NULL;
	if (guard == *to && !anew)
		return;
	__atomic_store_n(to, guard, __ATOMIC_RELAXED);
	__atomic_store_n(&state->window, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&state->guarded, 0, __ATOMIC_RELAXED);
}

void rules_write(struct datapath *dp, const struct change *c)
{
	for (uint32_t i = 0; i < c->route.nr_clusters; i++) {
		uint32_t slot = c->clusters[i].state, which;
		struct cluster_ref *ref = dp->by_slot[slot];
		struct cluster_rules *to = &dp->cluster_rules[slot], rules;
		bool ejected;

		if (!ref)
			continue;
		which = encode_rules(c->plan->splits[i].cluster, &rules);
		which |= c->route.flags & ROUTE_SPLICE ? RULES_SPLICE : 0;
		ejected = to->consecutive && !rules.consecutive;
		put_rules(to, &rules);
		put_guard(dp, ref, c);
		__atomic_store_n(&dp->cluster_state[slot].rules,
				 which | (to->guard ? RULES_GUARD : 0), __ATOMIC_RELEASE);
		if (ejected)
			take_back(dp, ref);
	}
}

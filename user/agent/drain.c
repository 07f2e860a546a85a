// SPDX-License-Identifier: GPL-2.0
/*
 * Moves live connections away from where the plan no longer wants them, step by step, and ends
 * those whose time is over. Nothing of it happens while the agent does not run.
 */
#include "agent/drain.h"
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include "agent/agent.h"
#include "base/log.h"
#include "datapath/clock.h"

#define STEP_MS 100
#define STEP_MOST 1000 /* connections that leave in one step, all together: 10,000 a second */
#define STEP_SHARE 5   /* steps take at most one part in so many of a core */
#define SETTLE_NS 500000000ULL	/* until whoever was on his way when the plan came has arrived */
#define STUCK_NS 10000000000ULL /* past its time a job that moves nobody is given up */
#define SHOWN_NS 60000000000ULL /* jobs that ended are told for so long */
#define SWEEP_MS 1000

static bool is_same_caller(const struct drain_job *a, const struct drain_job *b)
{
	return a->scopes.nr == b->scopes.nr &&
	       !memcmp(a->scopes.at, b->scopes.at, a->scopes.nr * sizeof(*a->scopes.at));
}

static bool is_same_port(const struct drain_job *a, const struct drain_job *b)
{
	return a->port == b->port && a->protocol == b->protocol && !strcmp(a->host, b->host) &&
	       is_same_caller(a, b);
}

static void job_remove(struct agent *a, size_t at)
{
	drain_job_free(a->drains.list.at[at]);
	memmove(&a->drains.list.at[at], &a->drains.list.at[at + 1],
		(--a->drains.list.nr - at) * sizeof(*a->drains.list.at));
}

/* A plan's job takes the place of an older one for the same, which has to be done no later. */
static void job_add(struct agent *a, struct drain_job *job)
{
	for (size_t i = a->drains.list.nr; i-- > 0;) {
		struct drain_job *old = a->drains.list.at[i];

		if (old->ended || old->id || job->id || !is_same_port(old, job))
			continue;
		if (old->deadline < job->deadline)
			job->deadline = old->deadline;
		job_remove(a, i);
	}
	vec_push(&a->drains.list, job);
}

void drains_keep(struct agent *a, const char *host, uint16_t port)
{
	for (size_t i = a->drains.list.nr; i-- > 0;) {
		const struct drain_job *j = a->drains.list.at[i];

		if (!j->id && j->port == port && j->protocol == IPPROTO_TCP &&
		    !strcmp(j->host, host))
			job_remove(a, i);
	}
}

/* ---- steps ---- */

struct clusters {
	VEC(uint32_t) list;
};

static void clusters_collect(const struct drains *d, struct clusters *out)
{
	struct drain_job **it;
	struct drain_target *t;
	struct drain_route *r;

	vec_each(&d->list, it) {
		if ((*it)->ended)
			continue;
		if ((*it)->anywhere) {
			out->list.nr = 0;
			return;
		}
		vec_each(&(*it)->routes, r)
			vec_each(&r->targets, t)
				vec_push(&out->list, t->cluster);
	}
}

static void tally_each(const struct drain_reading *r, void *arg)
{
	struct drains *d = arg;
	struct drain_job **it;

	vec_each(&d->list, it)
		if (!(*it)->ended)
			drain_job_tally(*it, r);
}

static int step_count(struct agent *a, char **why)
{
	struct clusters clusters = {0};
	struct drain_job **it;
	int err;

	clusters_collect(&a->drains, &clusters);
	vec_each(&a->drains.list, it)
		if (!(*it)->ended)
			drain_job_tally_begin(*it);
	err = datapath_drain_tally(a->dp, clusters.list.at, clusters.list.nr, tally_each,
				   &a->drains, why);
	vec_free(&clusters.list);
	vec_each(&a->drains.list, it)
		if (!(*it)->ended && !err)
			drain_job_tally_end(*it);
	return err;
}

static uint64_t steps_left(const struct drain_job *j, uint64_t now)
{
	return j->deadline <= now ? 1 : (j->deadline - now) / (STEP_MS * 1000000ULL) + 1;
}

static int step_move(struct agent *a, uint64_t now, char **why)
{
	uint64_t most = STEP_MOST;
	struct drain_wishes wishes = {0};
	struct drain_job **it;
	int err;

	vec_each(&a->drains.list, it)
		if (!(*it)->ended)
			drain_job_wish(*it, steps_left(*it, now), &most, &wishes);
	/* Also to see that those of the step before are gone. */
	err = wishes.list.nr || a->drains.leavers.list.nr
		      ? datapath_drain_choose(a->dp, wishes.list.at, wishes.list.nr,
					      &a->drains.leavers, why)
		      : 0;
	for (size_t i = 0; !err && i < wishes.list.nr; i++)
		drain_target_moved(wishes.of.at[i], wishes.list.at[i].met);
	vec_free(&wishes.list);
	vec_free(&wishes.of);
	drains_end(a, &a->drains.leavers);
	return err;
}

static bool is_over(const struct drains *d, const struct drain_job *j, uint64_t now)
{
	if (!drain_job_surplus(j) && !d->leavers.list.nr)
		return j->id || now - j->began >= SETTLE_NS;
	return now > j->deadline && now - j->deadline > STUCK_NS;
}

static void jobs_end(struct agent *a, uint64_t now)
{
	for (size_t i = a->drains.list.nr; i-- > 0;) {
		struct drain_job *j = a->drains.list.at[i];
		uint64_t moved = drain_job_moved(j);

		if (!j->ended && is_over(&a->drains, j, now)) {
			j->ended = now;
			if (moved)
				log_info("%s:%u: %llu connections were moved", j->host, j->port,
					 (unsigned long long)moved);
		}
		if (j->ended && (!(j->id || moved) || now - j->ended > SHOWN_NS))
			job_remove(a, i);
	}
}

static bool jobs_go_on(const struct drains *d)
{
	for (size_t i = 0; i < d->list.nr; i++)
		if (!d->list.at[i]->ended)
			return true;
	return false;
}

void drains_step(struct agent *a)
{
	uint64_t began = now_ns(), ms;
	char *why = NULL;
	int err = datapath_drain_prepare(a->dp, &why);

	if (!err && jobs_go_on(&a->drains))
		err = step_count(a, &why);
	if (!err)
		err = step_move(a, began, &why);
	if (err)
		log_error("draining: %s", why ? why : strerror(-err));
	free(why);
	jobs_end(a, now_ns());
	ms = (now_ns() - began) * STEP_SHARE / 1000000;
	if (jobs_go_on(&a->drains))
		loop_timer_set(a->drains.tick, ms > STEP_MS ? ms : STEP_MS, 0);
}

void drains_expect(struct agent *a)
{
	loop_timer_set(a->drains.tick, 1, 0);
}

static void step_expired(void *arg)
{
	drains_step(arg);
}

void drains_begin(struct agent *a, struct drain_job *job, enum drain how, int64_t within)
{
	job->began = now_ns();
	job->deadline = job->began + (how == DRAIN_WITHIN ? (uint64_t)within : 0);
	job_add(a, job);
	drains_expect(a);
}

/* ---- what lasts too long ---- */

static void sweep(void *arg)
{
	struct agent *a = arg;
	char *why = NULL;
	int err;

	do {
		err = datapath_drain_expired(a->dp, &a->drains.leavers, &why);
		if (err)
			log_error("idle connections: %s", why ? why : strerror(-err));
		free(why);
		if (!err)
			drains_end(a, &a->drains.leavers);
	} while (!err && a->drains.leavers.chosen == DRAIN_LEAVING);
}

void drains_timed(struct agent *a, size_t timed)
{
	if (!a->drains.timed != !timed)
		loop_timer_set(a->drains.sweep, timed ? 1 : 0, SWEEP_MS);
	a->drains.timed = timed;
}

/* ---- */

int drains_start(struct agent *a)
{
	int err = loop_timer(a->loop, step_expired, a, &a->drains.tick);

	return err ? err : loop_timer(a->loop, sweep, a, &a->drains.sweep);
}

void drains_stop(struct agent *a)
{
	struct drain_job **it;

	loop_timer_remove(a->drains.tick);
	loop_timer_remove(a->drains.sweep);
	vec_each(&a->drains.list, it)
		drain_job_free(*it);
	vec_free(&a->drains.list);
	vec_free(&a->drains.leavers.list);
}

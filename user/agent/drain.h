/* SPDX-License-Identifier: GPL-2.0 */
/* Live connections that have to go: their endpoint went, their share shrank, their time is over. */
#ifndef AGENT_DRAIN_H
#define AGENT_DRAIN_H

#include <jansson.h>
#include "agent/drain_job.h"
#include "base/loop.h"

struct agent;

struct drains {
	VEC(struct drain_job *) list;
	struct loop_source *tick;  /* set while any job goes on */
	struct loop_source *sweep; /* set while any cluster limits how long connections last */
	struct leavers leavers;
	size_t timed; /* destinations in force that limit it */
	uint64_t ids; /* given out */
	bool began;   /* a plan of this agent is in force */
	uint64_t complained; /* when an end that failed was last told, ns */
};

/* -errno */
int drains_start(struct agent *a);
void drains_stop(struct agent *a);
/* drain_follow.c: `now` has just come into force in place of `was` (NULL: what an agent before this
 * one had). */
void drains_follow(struct agent *a, const struct plan *was, const struct plan *now);
/* Gives a job that time, from now on; it is a's then. */
void drains_begin(struct agent *a, struct drain_job *job, enum drain how, int64_t within);
/* There may be jobs before long: what they need is loaded now. */
void drains_expect(struct agent *a);
/* The first of its steps, at once. */
void drains_step(struct agent *a);
/* Connections of that port stay where they are from now on, but for what a command asked. */
void drains_keep(struct agent *a, const char *host, uint16_t port);
/* How many destinations in force limit how long connections last. */
void drains_timed(struct agent *a, size_t timed);
/* Those under way, and those that ended within the last minute. */
json_t *drains_json(const struct agent *a);

uint8_t drain_protocol(const struct plan_port *p); /* IPPROTO_* */

#define DRAIN_SCOPES 64 /* of one view; those beyond that keep their connections */
struct drain_caller {
	uint32_t scopes[DRAIN_SCOPES];
	size_t nr;
};
extern const struct drain_caller drain_everyone;
void drain_caller_of(struct agent *a, const struct plan_view *view, struct drain_caller *out);
/* Its connections, as they were and as they are to be; each may be NULL, not both. */
struct drain_job *drain_job_make(struct agent *a, const struct plan_host *now,
				 const struct plan_host *was, const struct plan_port *now_port,
				 const struct plan_port *was_port,
				 const struct drain_caller *caller);

/* drain_end.c: ends those that were chosen, each in its own network namespace. */
void drains_end(struct agent *a, const struct leavers *leavers);

#endif

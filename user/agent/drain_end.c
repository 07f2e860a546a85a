// SPDX-License-Identifier: GPL-2.0
/* Ends connections where their sockets are: a thread goes from network namespace to namespace. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#include "agent/agent.h"
#include "base/log.h"
#include "datapath/clock.h"

#define COMPLAIN_NS 10000000000ULL /* between two lines of the log */

/* The connections of one namespace: a part of the list. */
struct part {
	const struct leaving *first;
	size_t nr;
	char *path; /* NULL: it is nowhere to be found */
	int err;
};
struct parts {
	struct datapath *dp;
	VEC(struct part) list;
};

static int part_end(struct datapath *dp, const struct part *p)
{
	int err, ns = p->path ? open(p->path, O_RDONLY | O_CLOEXEC) : -1;

	if (ns == -1)
		return p->path ? -errno : -ENOENT;
	err = setns(ns, CLONE_NEWNET) ? -errno : datapath_drain_end(dp, p->first, p->nr);
	close(ns);
	return err;
}

static void *parts_end(void *arg)
{
	struct parts *all = arg;
	struct part *p;

	vec_each(&all->list, p)
		p->err = part_end(all->dp, p);
	return NULL;
}

static void parts_make(struct agent *a, const struct leavers *leavers, struct parts *out)
{
	for (size_t i = 0; i < leavers->list.nr;) {
		struct part p = {.first = &leavers->list.at[i]};

		while (i < leavers->list.nr && leavers->list.at[i].netns == p.first->netns) {
			p.nr++;
			i++;
		}
		p.path = callers_netns_path(a, p.first->netns);
		vec_push(&out->list, p);
	}
}

static void complain(struct agent *a, const struct part *p)
{
	uint64_t now = now_ns();

	if (a->drains.complained && now - a->drains.complained < COMPLAIN_NS)
		return;
	a->drains.complained = now;
	log_error("%zu connections in network namespace %" PRIu64 " could not be ended: %s", p->nr,
		  (uint64_t)p->first->netns,
		  p->path ? strerror(-p->err) : "it is nowhere to be found");
}

void drains_end(struct agent *a, const struct leavers *leavers)
{
	struct parts all = {.dp = a->dp};
	pthread_t thread;
	struct part *p;
	int err;

	if (!leavers->list.nr)
		return;
	parts_make(a, leavers, &all);
	err = pthread_create(&thread, NULL, parts_end, &all);
	if (!err)
		pthread_join(thread, NULL);
	vec_each(&all.list, p) {
		if (err || p->err)
			complain(a, p);
		free(p->path);
	}
	vec_free(&all.list);
}

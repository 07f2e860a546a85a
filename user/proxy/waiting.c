// SPDX-License-Identifier: GPL-2.0
/* The queue of a worker's requests that wait for a connection. */
#include "proxy/waiting.h"
#include "proxy/attempt.h"
#include "proxy/proxy.h"

#define LOOK_AGAIN (2 * 1000000ll)

static struct client *client_of(struct request *r)
{
	return (struct client *)((char *)r - offsetof(struct client, request));
}

static void add(struct client *c)
{
	struct request *r = &c->request, **last = &c->worker->waiting;

	while (*last)
		last = &(*last)->next;
	r->next = NULL;
	r->link = last;
	*last = r;
	proxy_wake_others(c->worker, offsetof(struct worker, yield));
}

void waiting_add(struct client *c)
{
	add(c);
	/* What was given up before this request was counted as pending woke nobody. */
	c->worker->retry = true;
}

static void look_again(struct worker *w, struct timer *t)
{
	(void)t;
	w->retry = true;
}

void waiting_add_placed(struct client *c)
{
	struct worker *w = c->worker;

	add(c);
	w->look.expired = look_again;
	if (!w->look.due)
		timer_set(&w->timers, &w->look, w->now + LOOK_AGAIN);
}

void waiting_leave(struct client *c)
{
	struct request *r = &c->request;

	if (!r->link)
		return;
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	r->link = NULL;
	if (!r->placed)
		limit_give(&r->destination->cluster->pending);
}

void waiting_place_give(struct client *c)
{
	struct cluster *cluster = c->request.destination->cluster;

	if (!c->request.placed)
		return;
	c->request.placed = false;
	limit_give(&cluster->connections);
	if (atomic_load(&cluster->pending))
		waiting_wake(c->worker);
}

void waiting_remove(struct client *c)
{
	waiting_leave(c);
	waiting_place_give(c);
}

void waiting_wake(struct worker *w)
{
	w->retry = true;
	proxy_wake_others(w, offsetof(struct worker, freed));
}

void waiting_retry(struct worker *w)
{
	struct request *next;
	size_t nr = 0; /* those that come to wait again are not looked at twice */

	w->retry = false;
	for (struct request *r = w->waiting; r; r = r->next)
		nr++;
	for (struct request *r = w->waiting; r && nr; r = next, nr--) {
		next = r->next;
		attempt_waited(client_of(r));
	}
}

// SPDX-License-Identifier: GPL-2.0
/* The queue of a worker's requests that wait for a connection. */
#include "proxy/waiting.h"
#include "proxy/attempt.h"
#include "proxy/proxy.h"

static struct client *client_of(struct request *r)
{
	return (struct client *)((char *)r - offsetof(struct client, request));
}

void waiting_add(struct client *c)
{
	struct request *r = &c->request, **last = &c->worker->waiting;

	while (*last)
		last = &(*last)->next;
	r->next = NULL;
	r->link = last;
	*last = r;
	/* What was given up before this request was counted as pending woke nobody. */
	c->worker->retry = true;
	proxy_wake_others(c->worker, offsetof(struct worker, yield));
}

void waiting_remove(struct client *c)
{
	struct request *r = &c->request;

	if (!r->link)
		return;
	*r->link = r->next;
	if (r->next)
		r->next->link = r->link;
	r->link = NULL;
	limit_give(&r->destination->cluster->pending);
}

void waiting_wake(struct worker *w)
{
	w->retry = true;
	proxy_wake_others(w, offsetof(struct worker, freed));
}

void waiting_retry(struct worker *w)
{
	struct request *next;

	w->retry = false;
	for (struct request *r = w->waiting; r; r = next) {
		next = r->next;
		attempt_waited(client_of(r));
	}
}

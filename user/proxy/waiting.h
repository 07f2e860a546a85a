/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that wait for a connection, because their cluster has as many as it may have. */
#ifndef PROXY_WAITING_H
#define PROXY_WAITING_H

#include "proxy/client.h"

/* Counted in the cluster as pending, by the caller. */
void waiting_add(struct client *c);
/* It has a place here, r->placed, and only the kernel has none, as when the one before it is still
 * closing: it does not count as pending. Who gives one up there wakes nobody, so it is looked at
 * every few milliseconds. */
void waiting_add_placed(struct client *c);
/* Not counted as pending any more either; a place stays with it, */
void waiting_leave(struct client *c);
/* and is given back. */
void waiting_remove(struct client *c);
/* The place, if it has one. */
void waiting_place_give(struct client *c);
/* A connection was given up, or waits: those who wait here and elsewhere look again, after this
 * round. */
void waiting_wake(struct worker *w);
/* They look again. */
void waiting_retry(struct worker *w);

#endif

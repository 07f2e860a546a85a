/* SPDX-License-Identifier: GPL-2.0 */
/* Requests that wait for a connection, because their cluster has as many as it may have. */
#ifndef PROXY_WAITING_H
#define PROXY_WAITING_H

#include "proxy/client.h"

/* Counted in the cluster as pending, by the caller. */
void waiting_add(struct client *c);
/* Not counted any more either. */
void waiting_remove(struct client *c);
/* A connection was given up, or waits: those who wait here and elsewhere look again, after this
 * round. */
void waiting_wake(struct worker *w);
/* They look again. */
void waiting_retry(struct worker *w);

#endif

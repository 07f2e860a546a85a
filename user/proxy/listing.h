/* SPDX-License-Identifier: GPL-2.0 */
/* The connections of clients, asked of the workers, which alone may look at them. */
#ifndef PROXY_LISTING_H
#define PROXY_LISTING_H

#include <stdbool.h>
#include <stdint.h>

struct listing;
struct proxy;
struct worker;

/* Asks all workers; one listing at a time. 0 or -EBUSY. `id` is that of the agent's message. */
int listing_start(struct proxy *p, uint32_t id);
/* By a worker, between two rounds' events: adds its own. */
void listing_fill(struct listing *l, const struct worker *w);
/* All have added theirs: *fd is a memfd with JSON text, or -errno, and the listing is over. */
bool listing_done(struct proxy *p, uint32_t *id, int *fd);

#endif

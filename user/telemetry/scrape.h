/* SPDX-License-Identifier: GPL-2.0 */
/* A listener that answers GET /metrics and nothing else. */
#ifndef TELEMETRY_SCRAPE_H
#define TELEMETRY_SCRAPE_H

#include <stdbool.h>
#include <stdio.h>
#include "base/loop.h"

struct scrape;
/*
 * `where` is "[ADDRESS:]PORT" (loopback when no address; IPv6 in brackets); `print` writes the
 * answer, once `ask` says false, or said true and scrape_answer() was called. -EINVAL: `where` cannot
 * be read.
 */
int scrape_open(struct loop *l, const char *where, void (*print)(FILE *out, void *arg),
		bool (*ask)(void *arg), void *arg, struct scrape **out);
/* What `ask` went for has come: answers all that wait. */
void scrape_answer(struct scrape *s);
void scrape_close(struct scrape *s); /* NULL is fine */
bool scrape_place_valid(const char *where);

/*
 * What the bytes of a request so far ask for: 0 not known yet, else the HTTP status to answer:
 * 200, 400, 404 or 405.
 */
int scrape_request(const char *text, size_t length);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The admin socket of the agent: who asks, and who follows events. */
#ifndef AGENT_ADMIN_H
#define AGENT_ADMIN_H

#include <jansson.h>
#include "base/loop.h"

struct admin;
struct admin_client;

/*
 * Listens at `path` (mode 0600; a stale socket there is replaced) and calls `run` with each
 * request, which it then owns. Only root and our own user are served, 16 at once: past
 * that the one that was idle longest gives way.
 */
int admin_open(struct loop *l, const char *path,
	       void (*run)(struct admin_client *c, json_t *request, void *arg), void *arg,
	       struct admin **out);
void admin_close(struct admin *a); /* also removes the socket */

/* For an answer that comes later: who asked, and whether it is still there. Numbers are not used again. */
uint64_t admin_client_id(const struct admin_client *c);
struct admin_client *admin_client_find(struct admin *a, uint64_t id); /* NULL: it is gone */
/* Sends the one reply (takes it over) and ends the connection once it is written. */
void admin_reply(struct admin_client *c, json_t *reply);
/* {"ok": false, "error": …} */
void admin_refuse(struct admin_client *c, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Sends `first` and keeps the connection for admin_tell; refuses when too many follow. */
void admin_follow(struct admin_client *c, json_t *first);
/* To everyone who follows; one who does not read loses messages. Takes it over. */
void admin_tell(struct admin *a, json_t *message);
size_t admin_followers(const struct admin *a);

#endif

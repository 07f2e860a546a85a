/* SPDX-License-Identifier: GPL-2.0 */
/* A socket that callers are steered to; all workers accept from it. */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include <stdatomic.h>
#include "base/inet.h"
#include "proxy/stream.h"

struct listener {
	struct source source; /* first: epoll gives it back */
	uint32_t id, scope;
	struct inet address; /* of its callers, all zero: not known */
	char *caller;	       /* "default/client" */
	char *namespace;       /* "default"; "" not known */
	atomic_uint refs;      /* connections, and the proxy's own, and that of its former */
	_Atomic(struct listener *) heir; /* whose callers are accepted here since; NULL: its own */
	int64_t leaving;       /* CLOCK_MONOTONIC ns: only what waits is accepted since; 0: all is */
	uint64_t *left;	       /* each worker's round when accepting ended; NULL: it goes on */
	struct listener *next; /* main thread */
};

struct listener *listener_new(int fd, uint32_t id, uint32_t scope, const char *caller);
void listener_free(struct listener *l);			  /* closes it */
int listener_watch(struct worker *w, struct listener *l); /* by the main thread; 0 or -errno */
/* Not instead of others who watch the same socket. */
int listener_watch_beside(struct worker *w, struct listener *l);
void listener_unwatch(struct worker *w, struct listener *l);
bool listener_waiting(const struct listener *l); /* connections wait to be accepted */

/* Of either family. */
void address_read(const struct sockaddr_storage *from, struct inet *address, uint16_t *port);
/* What the peer of an accepted socket dialled. -ENOENT: it was not steered here. */
int original_destination(int fd, struct inet *address, uint16_t *port);

#endif

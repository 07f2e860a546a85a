/* SPDX-License-Identifier: GPL-2.0 */
/* A connection to an endpoint, of one worker: used by one request after the other, or by bytes. */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "proxy/cluster.h"
#include "proxy/http1.h"
#include "proxy/stream.h"
#include "proxy/timer.h"

enum upstream_state {
	UPSTREAM_CONNECTING,
	UPSTREAM_BUSY, /* of u->client */
	UPSTREAM_IDLE, /* in the pool */
	UPSTREAM_CLOSED,
};

struct upstream {
	struct stream stream; /* first: epoll gives it back */
	enum upstream_state state;
	struct worker *worker;
	struct endpoint *endpoint; /* counted there and in its cluster */
	struct client *client;	   /* who waits for it or uses it; NULL: none */
	struct http1 parser;
	struct buffer in;
	uint32_t served;			 /* requests so far, this one included */
	uint32_t max_served;			 /* 0: no limit */
	bool pooled;				 /* used again if it can be */
	int64_t idle_timeout;			 /* ns; 0: never */
	struct timer timer;			 /* of connecting, or of being idle */
	struct upstream *next, **link;		 /* in the pool of its endpoint */
	struct upstream *next_idle, **link_idle; /* of the worker */
};

/* One that waits in the pool; NULL: none. It is the client's then. */
struct upstream *upstream_reuse(struct worker *w, struct endpoint *e, struct client *c);
/*
 * Begins to connect for the client; client_connected() or client_lost() follows, never from within.
 * The caller has taken a place among the cluster's connections, which goes with the connection, and
 * gets it back when this fails: -errno.
 */
int upstream_connect(struct worker *w, struct endpoint *e, struct client *c,
		     const struct table_cluster *policy, struct upstream **out);
/* The exchange is over; it may wait for another one when both sides said so. */
void upstream_release(struct upstream *u, bool keep);
void upstream_close(struct upstream *u);
/* Closes what waits in the pool: all of it, or what can serve nobody any more. */
void upstreams_drop_idle(struct worker *w, bool all);
/* Closes a waiting connection of each cluster for which another worker's request waits. */
void upstreams_yield(struct worker *w);
void upstreams_bury(struct worker *w); /* frees what was closed in this round */

#endif

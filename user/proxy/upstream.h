/* SPDX-License-Identifier: GPL-2.0 */
/* A connection to an endpoint, of one worker: used by one request after the other, or by bytes. */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "proxy/cluster.h"
#include "proxy/http1.h"
#include "proxy/proxy_protocol.h"
#include "proxy/stream.h"
#include "proxy/timer.h"

/* Who waits for a connection, or has it; none of this is called from within upstream_connect(). */
struct upstream_user {
	void (*connected)(struct upstream_user *user);
	/* errno of it, 0: it was closed; it is gone then */
	void (*lost)(struct upstream_user *user, int error, bool timed_out);
	/* something came, or can be sent */
	void (*ready)(struct upstream_user *user);
	struct proxy_origin origin; /* of the connection it is for, */
	bool has_origin;	    /* if it is for one */
};

enum upstream_state {
	UPSTREAM_CONNECTING,
	UPSTREAM_BUSY, /* of u->user */
	UPSTREAM_IDLE, /* in the pool */
	UPSTREAM_CLOSED,
};

struct upstream {
	struct stream stream; /* first: epoll gives it back */
	enum upstream_state state;
	struct worker *worker;
	struct endpoint *endpoint; /* counted there and in its cluster */
	struct upstream_user *user; /* NULL: it waits in the pool */
	struct http1 parser;
	struct inet local; /* our end of it, */
	uint16_t local_port; /* 0: nobody has asked */
	struct buffer in;
	uint32_t served;			 /* requests so far, this one included */
	uint32_t max_served;			 /* 0: no limit */
	bool pooled;				 /* used again if it can be */
	int64_t idle_timeout;			 /* ns; 0: never */
	int64_t dies;	 /* when it has lasted long enough, ns of CLOCK_MONOTONIC; 0: never */
	int64_t quiet;	 /* when it ends as a tunnel in which nothing moves; 0: never */
	uint8_t protocol; /* version of the PROXY protocol; 0: none */
	struct timer timer;			 /* of connecting, of being idle, of its age */
	struct upstream *next, **link;		 /* in the pool of its endpoint */
	struct upstream *next_idle, **link_idle; /* of the worker */
};

/* One that waits in the pool; NULL: none. It is the user's then. */
struct upstream *upstream_reuse(struct worker *w, struct endpoint *e, struct upstream_user *user);
/*
 * Begins to connect for the user, who is told what came of it. The caller has taken a place among
 * the cluster's connections, which goes with the connection, and gets it back when this fails:
 * -errno.
 */
int upstream_connect(struct worker *w, struct endpoint *e, struct upstream_user *user,
		     const struct table_cluster *policy, struct upstream **out);
/* The exchange is over; it may wait for another one when both sides said so. */
void upstream_release(struct upstream *u, bool keep);
/*
 * Bytes pass through it, and some moved just now or none did: whether it goes on. It ends by its
 * age, or when nothing has moved for its idle time; the user's ready() is called then.
 */
enum upstream_tunnel { UPSTREAM_GOES_ON, UPSTREAM_IS_OLD, UPSTREAM_IS_QUIET };
enum upstream_tunnel upstream_tunnel(struct upstream *u, bool moved);
void upstream_close(struct upstream *u);
/* Closes what waits in the pool: all of it, or what can serve nobody any more. */
void upstreams_drop_idle(struct worker *w, bool all);
/* Closes a waiting connection of each cluster for which another worker's request waits. */
void upstreams_yield(struct worker *w);
void upstreams_bury(struct worker *w); /* frees what was closed in this round */

#endif

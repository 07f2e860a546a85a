/* SPDX-License-Identifier: GPL-2.0 */
/* A thread with an epoll set of its own; what it accepts stays with it. */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include "http/rewrite.h"
#include "proxy/buffer.h"
#include "proxy/http1.h"
#include "proxy/snapshot.h"
#include "proxy/stream.h"
#include "proxy/timer.h"

struct client;
struct journal;
struct listener;
struct listing;
struct upstream;

struct worker {
	unsigned index;
	struct proxy *proxy;
	pthread_t thread;
	int epoll;
	struct source wake; /* an eventfd: something in what others write below has changed */
	int64_t now;	    /* CLOCK_MONOTONIC, read once a round */
	uint64_t random;    /* xorshift; never 0 */
	struct timers timers;
	struct buffers buffers;
	struct http1_rooms rooms;
	struct view *view; /* NULL: no table yet */
	struct client *clients;
	struct upstream *idle;	 /* all that wait in pools */
	struct request *waiting; /* for a connection, the oldest first */
	struct timer look;	 /* when those are looked at that the kernel has no place for */
	bool retry;		 /* they are looked at after the round */
	unsigned nr_mirrors;	 /* copies that are collected or on their way */
	struct client *again;	 /* they go on in the next round */
	struct client *dead;	 /* freed after the round, whose events may name them */
	struct upstream *dead_upstreams;
	int nr_starved; /* listeners of this round for which there was no descriptor or memory */
	struct http_header_list headers; /* of the head that is being written, */
	struct arena *texts;		 /* texts of it, NULL: none so far, */
	char printed[512];		 /* and others */
	size_t nr_printed;
	_Atomic(struct journal *) journal; /* NULL: nothing was logged so far */

	/* written by others */
	_Atomic(struct view *) next; /* to be taken */
	atomic_bool yield;	     /* others wait for a connection that may be idle here */
	_Atomic(struct listing *) listing; /* the worker adds its clients */
	atomic_bool freed;	     /* others gave one up that is waited for here */
	/* read by others */
	atomic_int_least64_t turned; /* when a round began */
	atomic_uint_least64_t rounds;
	atomic_uint nr_clients;
	atomic_uint_least64_t accepts_failed;
};

int worker_start(struct worker *w); /* 0 or -errno */
void worker_wake(struct worker *w);
void worker_starves(struct worker *w); /* a connection waits that cannot be accepted */
static inline uint64_t worker_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}
/* True in so many of a million cases. */
static inline bool worker_rolls(struct worker *w, uint32_t millionths)
{
	return millionths && worker_random(w) % 1000000 < millionths;
}
int64_t monotonic_now(void);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* A thread with an epoll set of its own; what it accepts stays with it. */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <pthread.h>
#include <stdatomic.h>
#include "http/rewrite.h"
#include "proxy/buffer.h"
#include "proxy/snapshot.h"
#include "proxy/stream.h"
#include "proxy/timer.h"

struct client;
struct listener;
struct upstream;

#define LOG_SIZE (64u << 10)

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
	struct view *view; /* NULL: no table yet */
	struct client *clients;
	struct upstream *idle;	 /* all that wait in pools */
	struct request *waiting; /* for a connection, the oldest first */
	bool retry;		 /* they are looked at after the round */
	struct client *dead;	 /* freed after the round, whose events may name them */
	struct upstream *dead_upstreams;
	struct http_header_list headers; /* of the head that is being written, */
	struct arena *texts;		 /* texts of it, NULL: none so far, */
	char printed[512];		 /* and others */
	size_t nr_printed;
	char *log; /* lines of this round */
	size_t log_length;

	/* written by others */
	_Atomic(struct view *) next; /* to be taken */
	atomic_bool yield;	     /* others wait for a connection that may be idle here */
	atomic_bool freed;	     /* others gave one up that is waited for here */
	/* read by others */
	atomic_int_least64_t turned; /* when a round began */
	atomic_uint_least64_t rounds;
	atomic_uint nr_clients;
};

int worker_start(struct worker *w); /* 0 or -errno */
void worker_wake(struct worker *w);
static inline uint64_t worker_random(struct worker *w)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 7;
	w->random ^= w->random << 17;
	return w->random;
}
int64_t monotonic_now(void);

#endif

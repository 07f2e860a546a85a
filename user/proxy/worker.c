// SPDX-License-Identifier: GPL-2.0
/* A worker's rounds: events, timers, what others have left for it. */
#include "proxy/worker.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "proxy/client.h"
#include "proxy/listing.h"
#include "proxy/proxy.h"
#include "proxy/waiting.h"

#define EVENTS 256
#define ROUND_MAX_MS 100 /* a worker turns at least as often: its heartbeat */
#define MS 1000000
#define STARVED_NS (2 * MS)

int64_t monotonic_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

void worker_wake(struct worker *w)
{
	uint64_t one = 1;
	ssize_t n = write(w->wake.fd, &one, sizeof(one));

	(void)n; /* it is full, so it is readable */
}

static void wake_ready(struct worker *w, struct source *source, uint32_t events)
{
	uint64_t count;
	ssize_t n = read(source->fd, &count, sizeof(count));

	(void)w;
	(void)events;
	(void)n;
}

static void view_take(struct worker *w)
{
	struct view *next = atomic_exchange_explicit(&w->next, NULL, memory_order_acquire);

	if (!next)
		return;
	if (w->view)
		view_leave(w->view);
	w->view = next;
	upstreams_drop_idle(w, false);
}

static void stage_follow(struct worker *w, enum proxy_stage stage)
{
	struct client *next;

	upstreams_drop_idle(w, true);
	for (struct client *c = w->clients; c; c = next) {
		next = c->next;
		if (stage == PROXY_ENDS)
			client_end_idle(c);
		else
			client_drain(c);
	}
}

/* What others have changed since the last round. */
static void notice(struct worker *w, enum proxy_stage *known)
{
	enum proxy_stage stage = proxy_stage(w->proxy);

	view_take(w);
	if (atomic_load_explicit(&w->yield, memory_order_relaxed) &&
	    atomic_exchange(&w->yield, false))
		upstreams_yield(w);
	if (atomic_load_explicit(&w->freed, memory_order_relaxed) &&
	    atomic_exchange(&w->freed, false))
		w->retry = true;
	if (atomic_load_explicit(&w->listing, memory_order_relaxed))
		listing_fill(atomic_exchange(&w->listing, NULL), w);
	if (stage != *known)
		stage_follow(w, stage);
	*known = stage;
}

void worker_starves(struct worker *w)
{
	w->nr_starved++;
	atomic_fetch_add_explicit(&w->accepts_failed, 1, memory_order_relaxed);
}

/* Connections that cannot be accepted stay ready; with nothing else to do it waits for others. */
static void starve(struct worker *w, int nr_events)
{
	const struct timespec pause = {0, STARVED_NS};

	if (w->nr_starved && w->nr_starved == nr_events)
		nanosleep(&pause, NULL);
	w->nr_starved = 0;
}

static int wait_ms(const struct worker *w, int64_t next)
{
	int64_t ms;

	if ((w->retry && w->waiting) || w->again)
		return 0;
	ms = next == INT64_MAX ? ROUND_MAX_MS : (next - w->now + MS - 1) / MS;
	return ms < 0 ? 0 : ms < ROUND_MAX_MS ? (int)ms : ROUND_MAX_MS;
}

static void *worker_run(void *arg)
{
	struct worker *w = arg;
	struct epoll_event events[EVENTS];
	int64_t next = INT64_MAX;
	enum proxy_stage stage = PROXY_SERVES;

	w->now = monotonic_now();
	for (;;) {
		int n = epoll_wait(w->epoll, events, EVENTS, wait_ms(w, next));

		w->now = monotonic_now();
		atomic_store_explicit(&w->turned, w->now, memory_order_relaxed);
		notice(w, &stage);
		for (int i = 0; i < n; i++) {
			struct source *s = events[i].data.ptr;

			s->ready(w, s, events[i].events);
		}
		clients_go_on(w);
		if (w->retry)
			waiting_retry(w);
		next = timers_run(&w->timers, w, w->now);
		clients_bury(w);
		upstreams_bury(w);
		starve(w, n);
		/* from here on no event of this round is looked at */
		atomic_fetch_add_explicit(&w->rounds, 1, memory_order_release);
	}
	return NULL;
}

int worker_start(struct worker *w)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = &w->wake};
	int err;

	if (getrandom(&w->random, sizeof(w->random), 0) != sizeof(w->random) || !w->random)
		w->random = 88172645463325252ull + w->index;
	w->buffers.memory = w->rooms.memory = &w->proxy->memory;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->wake = (struct source){eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), wake_ready};
	if (w->epoll == -1 || w->wake.fd == -1 ||
	    epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->wake.fd, &event) == -1)
		return -errno;
	atomic_init(&w->turned, monotonic_now());
	err = pthread_create(&w->thread, NULL, worker_run, w);
	return -err;
}

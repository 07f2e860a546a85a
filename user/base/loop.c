// SPDX-License-Identifier: GPL-2.0
/* Waits on descriptors with epoll and calls whoever asked for them. */
#include "base/loop.h"
#include <errno.h>
#include <stdbool.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/vec.h"

struct loop_source {
	struct loop *loop;
	int fd;
	void (*ready)(uint32_t events, void *arg);
	void (*expired)(void *arg); /* timers */
	void *arg;
	bool removed;
	struct loop_source *next, **link;
};

struct loop {
	int epoll;
	bool stopped;
	struct loop_source *live;
	struct loop_source *removed; /* freed after the round, whose events may name them */
};

int loop_new(struct loop **out)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd == -1)
		return -errno;
	*out = xcalloc(1, sizeof(**out));
	(*out)->epoll = fd;
	return 0;
}

static void sources_free(struct loop_source **list)
{
	struct loop_source *next;

	for (struct loop_source *s = *list; s; s = next) {
		next = s->next;
		free(s);
	}
	*list = NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (struct loop_source *s = l->live; s; s = s->next) {
		if (s->expired)
			close(s->fd);
	}
	sources_free(&l->live);
	sources_free(&l->removed);
	close(l->epoll);
	free(l);
}

static void source_link(struct loop_source *s, struct loop_source **list)
{
	s->next = *list;
	s->link = list;
	if (s->next)
		s->next->link = &s->next;
	*list = s;
}

int loop_add(struct loop *l, int fd, uint32_t events, void (*ready)(uint32_t events, void *arg),
	     void *arg, struct loop_source **out)
{
	struct loop_source *s = xcalloc(1, sizeof(*s));
	struct epoll_event e = {.events = events, .data.ptr = s};
	int err;

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e) == -1) {
		err = -errno;
		free(s);
		return err;
	}
	*s = (struct loop_source){.loop = l, .fd = fd, .ready = ready, .arg = arg};
	source_link(s, &l->live);
	*out = s;
	return 0;
}

void loop_want(struct loop_source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};

	epoll_ctl(s->loop->epoll, EPOLL_CTL_MOD, s->fd, &e);
}

void loop_remove(struct loop_source *s)
{
	if (!s || s->removed)
		return;
	epoll_ctl(s->loop->epoll, EPOLL_CTL_DEL, s->fd, NULL);
	s->removed = true;
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	source_link(s, &s->loop->removed);
}

static void timer_ready(uint32_t events, void *arg)
{
	struct loop_source *s = arg;
	uint64_t times;

	(void)events;
	if (read(s->fd, &times, sizeof(times)) == sizeof(times))
		s->expired(s->arg);
}

int loop_timer(struct loop *l, void (*expired)(void *arg), void *arg, struct loop_source **out)
{
	int err, fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd == -1)
		return -errno;
	err = loop_add(l, fd, EPOLLIN, timer_ready, NULL, out);
	if (err) {
		close(fd);
		return err;
	}
	(*out)->expired = expired;
	(*out)->arg = arg;
	return 0;
}

void loop_timer_set(struct loop_source *s, uint64_t ms, uint64_t period_ms)
{
	struct itimerspec at = {
		.it_value = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000},
		.it_interval = {(time_t)(period_ms / 1000), (long)(period_ms % 1000) * 1000000},
	};

	timerfd_settime(s->fd, 0, &at, NULL);
}

void loop_timer_remove(struct loop_source *s)
{
	int fd;

	if (!s)
		return;
	fd = s->fd;
	loop_remove(s);
	close(fd);
}

int loop_run(struct loop *l)
{
	struct epoll_event events[64];

	l->stopped = false;
	while (!l->stopped) {
		int nr = epoll_wait(l->epoll, events, 64, -1);

		if (nr == -1 && errno != EINTR)
			return -errno;
		for (int i = 0; i < nr; i++) {
			struct loop_source *s = events[i].data.ptr;

			if (!s->removed)
				s->ready(events[i].events, s->expired ? s : s->arg);
		}
		sources_free(&l->removed);
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

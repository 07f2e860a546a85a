/* SPDX-License-Identifier: GPL-2.0 */
/* An epoll loop of one thread: descriptors and timers, each with a function that must not block. */
#ifndef BASE_LOOP_H
#define BASE_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

struct loop;
struct loop_source;

int loop_new(struct loop **out);
void loop_free(struct loop *l); /* sources that are left go with it, their descriptors stay */
/* Calls `ready` with the EPOLL* bits whenever `fd` has some of `events`. -errno of epoll_ctl. */
int loop_add(struct loop *l, int fd, uint32_t events, void (*ready)(uint32_t events, void *arg),
	     void *arg, struct loop_source **out);
void loop_want(struct loop_source *s, uint32_t events);
/* Also from within any `ready`; it is not called again. The descriptor stays open. */
void loop_remove(struct loop_source *s);

/* A timer, not set yet. It owns its descriptor: end it with loop_timer_remove. */
int loop_timer(struct loop *l, void (*expired)(void *arg), void *arg, struct loop_source **out);
/* First in `ms`, then every `period_ms` (0: once). ms 0: never. */
void loop_timer_set(struct loop_source *s, uint64_t ms, uint64_t period_ms);
void loop_timer_remove(struct loop_source *s);

int loop_run(struct loop *l); /* until loop_stop; 0 or -errno */
void loop_stop(struct loop *l);

#endif

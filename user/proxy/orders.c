// SPDX-License-Identifier: GPL-2.0
/* Listeners and tables come and go while the workers run. */
#include "proxy/orders.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "proxy/control.h"
#include "proxy/heartbeat.h"
#include "proxy/journal.h"
#include "proxy/listing.h"
#include "proxy/outlier.h"
#include "proxy/shared.h"
#include "proxy/stats.h"
#include "snapshot/block.h"

#define LEAVE_LEAST 50000000ll	/* ns, for whoever is in the middle of connect() */
#define LEAVE_MOST 1000000000ll

/* ---- listeners ---- */

static void listener_begin(struct proxy *p, const struct control_message *m, int fd)
{
	struct listener *l;

	if (fd == -1)
		return;
	if (!m->id) {
		p->alive = fd;
		return;
	}
	l = listener_new(fd, m->id, m->scope, m->caller);
	memcpy(l->address.byte, m->address, sizeof(l->address.byte));
	l->next = p->listeners;
	p->listeners = l;
	for (unsigned i = 0; i < p->nr_workers; i++) {
		int err = listener_watch(&p->workers[i], l);

		if (err)
			log_error("proxy: listener of %s: %s", l->caller, strerror(-err));
	}
}

/*
 * Others may accept there as well, and each connection wakes only one of all who watch: what woke a
 * worker that watches no more is accepted by one that is woken beside the others.
 */
static void listener_leave(struct proxy *p, struct listener *l)
{
	if (l->leaving)
		return;
	l->leaving = monotonic_now();
	for (unsigned i = 0; i < p->nr_workers; i++)
		listener_unwatch(&p->workers[i], l);
	listener_watch_beside(&p->workers[0], l);
}

static void listener_end(struct proxy *p, struct listener *l)
{
	listener_unwatch(&p->workers[0], l);
	l->left = xcalloc(p->nr_workers, sizeof(*l->left));
	for (unsigned i = 0; i < p->nr_workers; i++) {
		l->left[i] = atomic_load_explicit(&p->workers[i].rounds, memory_order_acquire);
		worker_wake(&p->workers[i]);
	}
}

static struct listener *listener_find(struct proxy *p, uint32_t id)
{
	for (struct listener *l = p->listeners; l; l = l->next)
		if (l->id == id)
			return l;
	return NULL;
}

static void listener_gone(struct proxy *p, uint32_t id, uint32_t heir)
{
	struct listener *l = listener_find(p, id), *next = listener_find(p, heir);

	if (!l || l->leaving)
		return;
	if (next)
		atomic_fetch_add_explicit(&next->refs, 1, memory_order_relaxed);
	atomic_store_explicit(&l->heir, next, memory_order_release);
	listener_leave(p, l);
}

/* Nobody waits there, or others accept what comes. */
static bool quiet(const struct listener *l)
{
	int64_t since = monotonic_now() - l->leaving;

	return since > LEAVE_MOST || (since > LEAVE_LEAST && !listener_waiting(l));
}

/* No worker looks at it any more, in an event that it got before. */
static bool forgotten(const struct proxy *p, const struct listener *l)
{
	for (unsigned i = 0; i < p->nr_workers; i++)
		if (atomic_load_explicit(&p->workers[i].rounds, memory_order_acquire) <= l->left[i])
			return false;
	return true;
}

/* True: nothing is left of it but connections. */
static bool listener_ended(struct proxy *p, struct listener *l)
{
	if (l->leaving && !l->left && quiet(l))
		listener_end(p, l);
	if (!l->left || (l->source.fd != -1 && !forgotten(p, l)))
		return false;
	/* This resets what waits, unless another process has it too. */
	if (l->source.fd != -1)
		close(l->source.fd);
	l->source.fd = -1;
	return true;
}

static void listeners_tidy(struct proxy *p)
{
	struct listener **at = &p->listeners;

	while (*at) {
		struct listener *l = *at;

		if (listener_ended(p, l) &&
		    atomic_load_explicit(&l->refs, memory_order_acquire) == 1) {
			*at = l->next;
			listener_free(l);
		} else {
			at = &l->next;
		}
	}
}

/* ---- tables ---- */

/* All of the descriptor; the caller frees *bytes. */
static int block_load(int fd, void **bytes, size_t *size)
{
	struct stat st;
	size_t done = 0;
	char *at;
	int err = 0;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0 || st.st_size > BLOCK_MAX)
		return -EBADMSG;
	at = xcalloc(1, (size_t)st.st_size);
	while (!err && done < (size_t)st.st_size) {
		ssize_t n = pread(fd, at + done, (size_t)st.st_size - done, (off_t)done);

		err = n == -1 ? -errno : n ? 0 : -EBADMSG;
		done += n > 0 ? (size_t)n : 0;
	}
	*bytes = at;
	*size = done;
	return err;
}

static void publish(struct proxy *p, struct snapshot *s)
{
	snapshot_enter(s, p->snapshots);
	s->next = p->snapshots;
	p->snapshots = s;
	for (unsigned i = 0; i < p->nr_workers; i++) {
		struct worker *w = &p->workers[i];
		struct view *missed =
			atomic_exchange_explicit(&w->next, &s->views[i], memory_order_acq_rel);

		/* it came and went between two rounds */
		if (missed)
			atomic_fetch_sub_explicit(&missed->snapshot->users, 1,
						  memory_order_release);
		worker_wake(w);
	}
}

static int snapshot_take(struct proxy *p, int fd)
{
	struct snapshot *s;
	void *bytes = NULL;
	size_t size = 0;
	int err = fd == -1 ? -EBADF : block_load(fd, &bytes, &size);

	if (!err)
		err = snapshot_read(&p->lasting, p->snapshots, bytes, size, p->nr_workers, &s);
	free(bytes);
	if (!err)
		publish(p, s);
	return err;
}

static void snapshots_tidy(struct proxy *p)
{
	struct snapshot **at = &p->snapshots;

	while (*at) {
		struct snapshot *s = *at;

		if (atomic_load_explicit(&s->users, memory_order_acquire)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		snapshot_free(&p->lasting, s);
	}
	clusters_sweep(&p->lasting.clusters);
}

/* ---- */

static void answer(struct proxy *p, uint32_t kind, uint32_t id, int64_t number, int fd)
{
	const struct control_message m = {.kind = kind, .id = id, .number = number};
	int err = control_send(p->control, &m, fd);

	if (err)
		log_error("proxy: answer to the agent: %s", strerror(-err));
}

static void counts_send(struct proxy *p, uint32_t id, int fd)
{
	answer(p, CONTROL_COUNTS, id, fd < 0 ? fd : 0, fd < 0 ? -1 : fd);
	if (fd >= 0)
		close(fd);
}

static void stage_set(struct proxy *p, enum proxy_stage stage)
{
	atomic_store(&p->stage, stage);
	for (unsigned i = 0; i < p->nr_workers; i++)
		worker_wake(&p->workers[i]);
}

static void stats_send(struct proxy *p, const struct control_message *m)
{
	int err = 0;

	if (m->number == STATS_CLIENTS)
		err = listing_start(p, m->id);
	else if (m->number == STATS_SLOTS)
		counts_send(p, m->id, shared_slots_memfd(&p->lasting));
	else
		counts_send(p, m->id, stats_memfd(p));
	if (err)
		counts_send(p, m->id, err);
}

static void map_take(const char *what, int err)
{
	if (err)
		log_error("proxy: the map of %s: %s", what, strerror(-err));
}

void orders_drain(struct proxy *p, int64_t end)
{
	if (p->alive != -1)
		close(p->alive);
	p->alive = -1;
	heartbeat_stop(p); /* that of the next one counts */
	for (struct listener *l = p->listeners; l; l = l->next)
		listener_leave(p, l);
	p->drain_end = end;
	if (proxy_stage(p) < PROXY_DRAINS)
		stage_set(p, PROXY_DRAINS);
}

void orders_end(struct proxy *p)
{
	stage_set(p, PROXY_ENDS);
}

int orders_leave(struct proxy *p)
{
	const struct control_message m = {.kind = CONTROL_LEAVING};

	return control_send(p->control, &m, -1);
}

/* True: the descriptor has found an owner. */
static bool order(struct proxy *p, const struct control_message *m, int fd)
{
	switch (m->kind) {
	case CONTROL_LISTENER:
		listener_begin(p, m, fd);
		return true;
	case CONTROL_LISTENER_GONE:
		listener_gone(p, m->id, (uint32_t)m->number);
		break;
	case CONTROL_SNAPSHOT:
		answer(p, CONTROL_TAKEN, m->id, snapshot_take(p, fd), -1);
		break;
	case CONTROL_DRAIN:
		orders_drain(p, m->number);
		break;
	case CONTROL_HEARTBEAT:
		if (heartbeat_page(p, fd))
			log_error("proxy: the page for the heartbeat cannot be mapped");
		break;
	case CONTROL_STATS:
		stats_send(p, m);
		break;
	case CONTROL_REQUESTS:
		map_take("requests", shared_requests(&p->lasting, fd));
		break;
	case CONTROL_TURNS:
		map_take("turns", shared_turns(&p->lasting, fd));
		break;
	case CONTROL_LOG:
		return journal_take(p, fd);
	default:
		log_error("proxy: unknown message %u of the agent", m->kind);
	}
	return false;
}

bool orders_read(struct proxy *p)
{
	struct control_message m;
	int fd, err = control_receive(p->control, &m, &fd);

	if (err == -EAGAIN || err == -EINTR || err == -EBADMSG)
		return true;
	if (err <= 0)
		return false;
	if (!order(p, &m, fd) && fd != -1)
		close(fd);
	return true;
}

void orders_tidy(struct proxy *p)
{
	uint32_t id;
	int fd;

	if (listing_done(p, &id, &fd))
		counts_send(p, id, fd);
	listeners_tidy(p);
	snapshots_tidy(p);
	outliers_sweep(p->lasting.watched, monotonic_now());
}

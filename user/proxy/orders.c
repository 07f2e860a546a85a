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
#include "proxy/outlier.h"
#include "proxy/stats.h"
#include "snapshot/block.h"

/* ---- listeners ---- */

static void listener_begin(struct proxy *p, const struct control_message *m, int fd)
{
	struct listener *l;

	if (fd == -1)
		return;
	l = listener_new(fd, m->id, m->scope, m->caller);
	l->next = p->listeners;
	p->listeners = l;
	for (unsigned i = 0; i < p->nr_workers; i++) {
		int err = listener_watch(&p->workers[i], l);

		if (err)
			log_error("proxy: listener of %s: %s", l->caller, strerror(-err));
	}
}

static void listener_end(struct proxy *p, struct listener *l)
{
	l->left = xcalloc(p->nr_workers, sizeof(*l->left));
	for (unsigned i = 0; i < p->nr_workers; i++) {
		listener_unwatch(&p->workers[i], l);
		l->left[i] = atomic_load_explicit(&p->workers[i].rounds, memory_order_acquire);
		worker_wake(&p->workers[i]);
	}
	/* One that is dialled on must be refused at once. */
	close(l->source.fd);
	l->source.fd = -1;
}

static void listener_gone(struct proxy *p, uint32_t id)
{
	for (struct listener *l = p->listeners; l; l = l->next)
		if (l->id == id && !l->left)
			listener_end(p, l);
}

/* No worker looks at it any more, in an event that it got before. */
static bool forgotten(const struct proxy *p, const struct listener *l)
{
	for (unsigned i = 0; i < p->nr_workers; i++)
		if (atomic_load_explicit(&p->workers[i].rounds, memory_order_acquire) <= l->left[i])
			return false;
	return atomic_load_explicit(&l->refs, memory_order_acquire) == 1;
}

static void listeners_tidy(struct proxy *p)
{
	struct listener **at = &p->listeners;

	while (*at) {
		struct listener *l = *at;

		if (l->left && forgotten(p, l)) {
			*at = l->next;
			listener_free(l);
		} else {
			at = &l->next;
		}
	}
}

/* ---- tables ---- */

static int block_load(int fd, struct arena *arena, struct table **out)
{
	struct stat st;
	size_t done = 0;
	char *bytes;
	int err = 0;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size <= 0 || st.st_size > BLOCK_MAX)
		return -EINVAL;
	bytes = xcalloc(1, (size_t)st.st_size);
	while (!err && done < (size_t)st.st_size) {
		ssize_t n = pread(fd, bytes + done, (size_t)st.st_size - done, (off_t)done);

		err = n == -1 ? -errno : n ? 0 : -EINVAL;
		done += n > 0 ? (size_t)n : 0;
	}
	if (!err)
		err = block_read(bytes, done, arena, out);
	free(bytes);
	return err;
}

static void publish(struct proxy *p, struct snapshot *s)
{
	s->next = p->snapshots;
	p->snapshots = s;
	snapshot_mark(&p->lasting, s);
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
	struct arena *arena = arena_new();
	struct table *t;
	int err = fd == -1 ? -EBADF : block_load(fd, arena, &t);

	if (err) {
		arena_free(arena);
		return err;
	}
	publish(p, snapshot_new(&p->lasting, arena, t, p->nr_workers));
	return 0;
}

static void snapshots_tidy(struct proxy *p)
{
	struct snapshot **at = &p->snapshots;
	bool freed = false;

	while (*at) {
		struct snapshot *s = *at;

		if (atomic_load_explicit(&s->users, memory_order_acquire)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		snapshot_free(&p->lasting, s);
		freed = true;
	}
	if (freed)
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

static void counts_send(struct proxy *p, uint32_t id)
{
	int fd = stats_memfd(p);

	answer(p, CONTROL_COUNTS, id, fd < 0 ? fd : 0, fd < 0 ? -1 : fd);
	if (fd >= 0)
		close(fd);
}

void orders_drain(struct proxy *p, int64_t end)
{
	for (struct listener *l = p->listeners; l; l = l->next)
		if (!l->left)
			listener_end(p, l);
	p->drain_end = end;
	atomic_store(&p->draining, true);
	for (unsigned i = 0; i < p->nr_workers; i++)
		worker_wake(&p->workers[i]);
}

/* True: the descriptor has found an owner. */
static bool order(struct proxy *p, const struct control_message *m, int fd)
{
	switch (m->kind) {
	case CONTROL_LISTENER:
		listener_begin(p, m, fd);
		return true;
	case CONTROL_LISTENER_GONE:
		listener_gone(p, m->id);
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
		counts_send(p, m->id);
		break;
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
	listeners_tidy(p);
	snapshots_tidy(p);
	if (p->snapshots)
		outliers_sweep(p->snapshots, monotonic_now());
}

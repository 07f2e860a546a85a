// SPDX-License-Identifier: GPL-2.0
/* Rings of lines, and the thread that empties them. */
#include "proxy/journal.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "proxy/proxy.h"

#define BATCH (64u << 10) /* bytes of one write to a file */
#define PAUSE_MS 50	  /* a line stays in its ring for no longer, if it can be written */
#define FINISH_MS 500

/* ---- a worker's side ---- */

struct journal *journal_of(struct worker *w)
{
	if (!atomic_load_explicit(&w->proxy->logging, memory_order_relaxed))
		return NULL;
	if (!w->journal) {
		struct journal *j = xcalloc(1, sizeof(*j));

		j->ring = xcalloc(1, JOURNAL_RING);
		j->second = -1;
		atomic_store_explicit(&w->journal, j, memory_order_release);
	}
	return w->journal;
}

static size_t waiting(const struct journal *j)
{
	return atomic_load_explicit(&j->end, memory_order_acquire) -
	       atomic_load_explicit(&j->begin, memory_order_acquire);
}

static void wake(const struct proxy *p)
{
	uint64_t one = 1;
	ssize_t n = write(p->log_wake, &one, sizeof(one));

	(void)n; /* it is full, so it is readable */
}

void journal_put(struct worker *w, size_t length)
{
	struct journal *j = w->journal;
	size_t before = waiting(j), end = atomic_load_explicit(&j->end, memory_order_relaxed);
	size_t at = end % JOURNAL_RING, straight = JOURNAL_RING - at;

	if (length > JOURNAL_RING - before) {
		atomic_fetch_add_explicit(&j->lost, 1, memory_order_relaxed);
		return;
	}
	straight = straight < length ? straight : length;
	memcpy(j->ring + at, j->line, straight);
	memcpy(j->ring, j->line + straight, length - straight);
	atomic_store_explicit(&j->end, end + length, memory_order_release);
	if (before < JOURNAL_RING / 4 && before + length >= JOURNAL_RING / 4)
		wake(w->proxy);
}

/* ---- the thread ---- */

struct sink {
	struct proxy *p;
	int fd; /* -1: none yet */
	bool is_socket, is_file;
	bool torn; /* what was written last did not reach the end of its line */
	char batch[1 + BATCH];
};

static void sink_open(struct sink *s, int fd)
{
	struct stat st;

	if (s->fd != -1)
		close(s->fd);
	s->fd = fd;
	s->torn = false;
	s->is_file = !fstat(fd, &st) && S_ISREG(st.st_mode);
	s->is_socket = !s->is_file && S_ISSOCK(st.st_mode);
}

/* As many whole lines as one write takes; their length in the ring. */
static size_t batch_fill(struct sink *s, const struct journal *j)
{
	size_t most = s->is_file ? BATCH : JOURNAL_LINE, length = waiting(j);
	size_t at = atomic_load_explicit(&j->begin, memory_order_relaxed) % JOURNAL_RING;
	size_t straight = JOURNAL_RING - at;
	const char *last;

	length = length < most ? length : most;
	straight = straight < length ? straight : length;
	memcpy(s->batch + 1, j->ring + at, straight);
	memcpy(s->batch + 1 + straight, j->ring, length - straight);
	last = memrchr(s->batch + 1, '\n', length);
	return last ? (size_t)(last - s->batch) : 0;
}

static uint64_t lines_in(const char *at, size_t length)
{
	uint64_t nr = 0;

	for (const char *end = at + length; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		nr++;
	return nr;
}

static ssize_t sink_write(const struct sink *s, const char *at, size_t length)
{
	return s->is_socket ? send(s->fd, at, length, MSG_DONTWAIT | MSG_NOSIGNAL)
			    : write(s->fd, at, length);
}

/* True: some were written or given up, so there may be more. */
static bool batch_write(struct sink *s, struct journal *j)
{
	size_t length = batch_fill(s, j);
	size_t more = s->torn; /* a line's end in front of all */
	ssize_t n;

	if (!length)
		return false;
	s->batch[0] = '\n';
	n = sink_write(s, s->batch + !more, length + more);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n > 0)
		s->torn = s->batch[(size_t)n - more] != '\n';
	n = n > (ssize_t)more ? n - (ssize_t)more : 0;
	if ((size_t)n < length) /* a full disk, or a reader that is gone */
		atomic_fetch_add_explicit(&j->lost,
					  lines_in(s->batch + 1 + n, length - (size_t)n),
					  memory_order_relaxed);
	atomic_fetch_add_explicit(&j->begin, length, memory_order_release);
	return true;
}

static void rings_empty(struct sink *s)
{
	for (unsigned i = 0; i < s->p->nr_workers; i++) {
		struct journal *j =
			atomic_load_explicit(&s->p->workers[i].journal, memory_order_acquire);

		while (j && batch_write(s, j))
			;
	}
}

static void *journal_run(void *arg)
{
	struct proxy *p = arg;
	struct sink *s = xcalloc(1, sizeof(*s));
	struct pollfd wake = {p->log_wake, POLLIN, 0};
	uint64_t count;

	*s = (struct sink){.p = p, .fd = -1};
	for (;;) {
		int fd = atomic_exchange(&p->log_next, -1);

		if (fd != -1)
			sink_open(s, fd);
		if (s->fd != -1)
			rings_empty(s);
		if (poll(&wake, 1, s->fd == -1 ? -1 : PAUSE_MS) > 0 &&
		    read(p->log_wake, &count, sizeof(count)) == -1)
			continue;
	}
	return NULL;
}

int journal_start(struct proxy *p)
{
	pthread_t thread;

	p->log_wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (p->log_wake == -1)
		return -errno;
	return -pthread_create(&thread, NULL, journal_run, p);
}

bool journal_take(struct proxy *p, int fd)
{
	if (fd == -1)
		return false;
	fd = atomic_exchange(&p->log_next, fd);
	if (fd != -1)
		close(fd); /* it came and went unused */
	atomic_store(&p->logging, true);
	wake(p);
	return true;
}

static bool rings_are_empty(const struct proxy *p)
{
	for (unsigned i = 0; i < p->nr_workers; i++) {
		const struct journal *j =
			atomic_load_explicit(&p->workers[i].journal, memory_order_acquire);

		if (j && waiting(j))
			return false;
	}
	return true;
}

void journal_finish(struct proxy *p)
{
	for (int i = 0; i < FINISH_MS && !rings_are_empty(p); i++) {
		wake(p);
		poll(NULL, 0, 1);
	}
}

uint64_t journal_lost(const struct proxy *p)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < p->nr_workers; i++) {
		const struct journal *j =
			atomic_load_explicit(&p->workers[i].journal, memory_order_acquire);

		lost += j ? atomic_load_explicit(&j->lost, memory_order_relaxed) : 0;
	}
	return lost;
}

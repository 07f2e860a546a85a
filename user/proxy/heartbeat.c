// SPDX-License-Identifier: GPL-2.0
/* The time at which all workers were seen to turn, in a page that others read. */
#include "proxy/heartbeat.h"
#include <errno.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "proxy/proxy.h"

static int64_t slowest_turn(const struct proxy *p)
{
	int64_t oldest = INT64_MAX;

	for (unsigned i = 0; i < p->nr_workers; i++) {
		int64_t turned = atomic_load_explicit(&p->workers[i].turned, memory_order_relaxed);

		oldest = turned < oldest ? turned : oldest;
	}
	return oldest;
}

static void *beat(void *arg)
{
	const struct timespec pause = {0, 100000000};
	struct proxy *p = arg;

	for (;;) {
		atomic_int_least64_t *page = atomic_load(&p->heartbeat);

		if (page)
			atomic_store(page, slowest_turn(p));
		nanosleep(&pause, NULL);
	}
	return NULL;
}

int heartbeat_start(struct proxy *p)
{
	pthread_t thread;

	return -pthread_create(&thread, NULL, beat, p);
}

int heartbeat_page(struct proxy *p, int fd)
{
	void *page = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
			  fd, 0);

	if (page == MAP_FAILED)
		return -errno;
	/* An earlier page stays mapped: the thread may be writing to it. */
	atomic_store(&p->heartbeat, page);
	return 0;
}

void heartbeat_stop(struct proxy *p)
{
	atomic_store(&p->heartbeat, NULL);
}

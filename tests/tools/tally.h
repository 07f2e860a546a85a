/* SPDX-License-Identifier: GPL-2.0 */
/* What came of the client's connections: one table, shared by all of its processes and threads. */
#ifndef TOOLS_TALLY_H
#define TOOLS_TALLY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>

#include "buf.h"

enum result {
	RESULT_OK,	/* connected and answered */
	RESULT_REFUSED, /* ECONNREFUSED */
	RESULT_TIMEOUT,
	RESULT_RESET, /* reset, or ended before its answer */
	RESULT_OTHER,
	NR_RESULTS
};

static const char *const result_names[NR_RESULTS] = { "ok", "refused", "timeout", "reset",
						      "other" };

#define TALLY_NAMES 1024
#define TALLY_NAME 80

struct tally_names {
	struct {
		char name[TALLY_NAME];
		unsigned long nr;
	} at[TALLY_NAMES];
	size_t nr;
};

struct tally {
	pthread_mutex_t lock;
	atomic_ulong next; /* number of the next connection to be made */
	atomic_bool stop;
	unsigned long results[NR_RESULTS];
	unsigned long peername_mismatch;
	uint64_t max_connect_us;
	struct tally_names versions, pods, statuses, errors;
};

static inline struct tally *tally_new(void)
{
	struct tally *t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_t attr;

	if (t == MAP_FAILED)
		die(1, "out of memory");
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&t->lock, &attr);
	return t;
}

/* The lock is held. The last name stands for all that find no room. */
static inline void tally_name(struct tally_names *names, const char *name)
{
	size_t i = 0;

	if (!*name)
		return;
	while (i < names->nr && strncmp(names->at[i].name, name, TALLY_NAME - 1))
		i++;
	if (i == TALLY_NAMES)
		i--;
	if (i == names->nr)
		snprintf(names->at[names->nr++].name, TALLY_NAME, "%s", name);
	names->at[i].nr++;
}

static inline void tally_names_json(const struct tally_names *names, const char *key,
				    struct buf *out)
{
	buf_printf(out, ",\"%s\":{", key);
	for (size_t i = 0; i < names->nr; i++) {
		buf_text(out, i ? "," : "");
		buf_json(out, names->at[i].name);
		buf_printf(out, ":%lu", names->at[i].nr);
	}
	buf_text(out, "}");
}

static inline void tally_print(const struct tally *t, uint64_t elapsed_ns, FILE *to)
{
	unsigned long sum = 0;
	struct buf out = { 0 };

	for (size_t i = 0; i < NR_RESULTS; i++)
		sum += t->results[i];
	buf_printf(&out, "{\"connections\":%lu", sum);
	for (size_t i = 0; i < NR_RESULTS; i++)
		buf_printf(&out, ",\"%s\":%lu", result_names[i], t->results[i]);
	buf_printf(&out, ",\"peername_mismatch\":%lu", t->peername_mismatch);
	tally_names_json(&t->versions, "by_version", &out);
	tally_names_json(&t->pods, "by_pod", &out);
	tally_names_json(&t->statuses, "by_status", &out);
	tally_names_json(&t->errors, "errors", &out);
	buf_printf(&out, ",\"elapsed_ms\":%lu", (unsigned long)(elapsed_ns / 1000000));
	buf_printf(&out, ",\"max_connect_us\":%lu}\n", (unsigned long)t->max_connect_us);
	fwrite(out.at, 1, out.nr, to);
	fflush(to);
	buf_free(&out);
}

#endif

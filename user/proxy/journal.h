/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The access log's way to its file: a worker leaves lines in a ring of its own, and one thread
 * writes them, so that no request ever waits for a disk or a pipe. What finds its ring full is lost
 * and counted.
 */
#ifndef PROXY_JOURNAL_H
#define PROXY_JOURNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct proxy;
struct worker;

#define JOURNAL_LINE 4096 /* bytes of the longest; a pipe takes as many whole or not at all */
#define JOURNAL_RING (1u << 20)

struct journal {
	char *ring;
	atomic_size_t begin, end; /* bytes written and left ever, modulo the ring's size its places */
	atomic_uint_least64_t lost;
	time_t second; /* that `date` is of */
	char date[24];
	char line[JOURNAL_LINE];
};

/* Where a line is made; NULL: nobody wants one. The line is at most JOURNAL_LINE long. */
struct journal *journal_of(struct worker *w);
/* Leaves journal->line, which ends with a newline, to be written. */
void journal_put(struct worker *w, size_t length);

/* The thread that writes; before the first worker. -errno */
int journal_start(struct proxy *p);
/* Lines go to `fd` from now on, which is the journal's; true: it is. */
bool journal_take(struct proxy *p, int fd);
/* Waits, but not for long, until what was left is written. */
void journal_finish(struct proxy *p);
uint64_t journal_lost(const struct proxy *p); /* lines */

#endif

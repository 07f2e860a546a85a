/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asking the processes of the proxy what they hold. Nobody waits: whoever asks is told when all have
 * answered, or after a while with what has come, so a proxy that hangs hangs nobody.
 */
#ifndef AGENT_ASKS_H
#define AGENT_ASKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "proxy/control.h"

struct agent;
struct ask;
struct loop_source;

#define ASK_MS 500
#define ASK_MAX (64u << 20) /* bytes of an answer */

struct asks {
	struct ask *list;
	struct loop_source *timer;
	uint32_t last_id;
};

struct answers {
	json_t *list; /* what each process said, with its "pid"; of STATS_SLOTS nothing */
	uint8_t *slots; /* of STATS_SLOTS: those that any of them names, see proxy/shared.h */
	unsigned missing; /* processes that did not answer, */
	bool unasked;	  /* and there are some that do not listen */
};

int asks_open(struct agent *a);
void asks_close(struct agent *a); /* tells all that wait with what has come */
/*
 * Calls told(answers, arg) once, later, never from within; the answers are the caller's only till it
 * returns. False: there is no process to ask, and nobody is told.
 */
bool asks_begin(struct agent *a, enum control_stats what,
		void (*told)(struct agent *a, const struct answers *answers, void *arg), void *arg);
/* A process has answered; `passed` is closed. */
void asks_answer(struct agent *a, int pid, const struct control_message *m, int passed);

#endif

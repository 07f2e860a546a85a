// SPDX-License-Identifier: GPL-2.0
/* Questions to the proxy that are under way. */
#include "agent/asks.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/proxy_child.h"
#include "base/log.h"

#define UNANSWERED_MAX 8 /* of one process: it does not read, so it is not asked */

struct ask {
	struct ask *next;
	uint32_t id;
	enum control_stats what;
	int64_t end; /* CLOCK_MONOTONIC ns */
	struct answers answers;
	void (*told)(struct agent *a, const struct answers *answers, void *arg);
	void *arg;
};

static void ask_free(struct ask *k)
{
	json_decref(k->answers.list);
	free(k->answers.slots);
	free(k);
}

static void child_ask(struct proxy_child *c, struct ask *k)
{
	const struct control_message m = {
		.kind = CONTROL_STATS, .id = k->id, .number = (int64_t)k->what};

	if (c->hung || c->unanswered >= UNANSWERED_MAX) {
		k->answers.unasked = true;
		return;
	}
	c->unanswered++;
	k->answers.missing++;
	proxy_child_tell(c, &m, -1);
}

/* All of this agent's. */
static void children_ask(struct agent *a, struct ask *k)
{
	if (a->proxy.child)
		child_ask(a->proxy.child, k);
	if (a->proxy.former)
		child_ask(a->proxy.former, k);
	for (struct proxy_child *c = a->proxy.draining; c; c = c->next)
		child_ask(c, k);
}

bool asks_begin(struct agent *a, enum control_stats what,
		void (*told)(struct agent *a, const struct answers *answers, void *arg), void *arg)
{
	struct ask *k = xcalloc(1, sizeof(*k));

	*k = (struct ask){.next = a->asks.list,
			  .id = ++a->asks.last_id,
			  .what = what,
			  .end = monotonic_ns() + ASK_MS * 1000000LL,
			  .answers.list = json_array(),
			  .told = told,
			  .arg = arg};
	children_ask(a, k);
	if (!k->answers.missing) {
		ask_free(k);
		return false;
	}
	a->asks.list = k;
	loop_timer_set(a->asks.timer, ASK_MS, 0);
	return true;
}

/* ---- answers ---- */

/* Whatever it is that was passed: nothing but a file is read, and that without waiting. */
static int file_take(int fd, char **out, size_t *length)
{
	struct stat st;
	size_t done = 0;
	char *text;

	if (fd == -1 || fstat(fd, &st))
		return -EBADF;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || st.st_size > (off_t)ASK_MAX)
		return -EINVAL;
	text = xcalloc(1, (size_t)st.st_size + 1);
	while (done < (size_t)st.st_size) {
		ssize_t n = pread(fd, text + done, (size_t)st.st_size - done, (off_t)done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	*out = text;
	*length = done;
	return 0;
}

static int answer_keep(struct ask *k, int pid, const char *text, size_t length)
{
	json_t *said;

	if (k->what == STATS_SLOTS) {
		if (length != REQUESTS_BITS)
			return -EINVAL;
		if (!k->answers.slots)
			k->answers.slots = xcalloc(1, REQUESTS_BITS);
		for (size_t i = 0; i < REQUESTS_BITS; i++)
			k->answers.slots[i] |= (uint8_t)text[i];
		return 0;
	}
	said = json_loadb(text, length, 0, NULL);
	if (!json_is_object(said)) {
		json_decref(said);
		return -EINVAL;
	}
	json_object_set_new(said, "pid", json_integer(pid));
	json_array_append_new(k->answers.list, said);
	return 0;
}

void asks_answer(struct agent *a, int pid, const struct control_message *m, int passed)
{
	struct ask *k = a->asks.list;
	size_t length = 0;
	char *text = NULL;
	int err = m->number < 0 ? (int)m->number : 0;

	while (k && k->id != m->id)
		k = k->next;
	if (k && !err)
		err = file_take(passed, &text, &length);
	if (k && !err)
		err = answer_keep(k, pid, text, length);
	if (err)
		log_error("the answer of proxy %d: %s", pid, strerror(-err));
	else if (k && !--k->answers.missing)
		loop_timer_set(a->asks.timer, 1, 0); /* a sync may be under way */
	free(text);
	if (passed != -1)
		close(passed);
}

static void timer_expired(void *arg)
{
	struct agent *a = arg;
	struct ask **at = &a->asks.list;
	int64_t now = monotonic_ns();
	struct ask *due = NULL, *k;

	while ((k = *at)) {
		if (k->answers.missing && k->end > now) {
			at = &k->next;
			continue;
		}
		*at = k->next;
		k->next = due;
		due = k;
	}
	if (a->asks.list)
		loop_timer_set(a->asks.timer, ASK_MS / 4, 0);
	while ((k = due)) {
		due = k->next;
		k->told(a, &k->answers, k->arg);
		ask_free(k);
	}
}

int asks_open(struct agent *a)
{
	return loop_timer(a->loop, timer_expired, a, &a->asks.timer);
}

void asks_close(struct agent *a)
{
	struct ask *k;

	while ((k = a->asks.list)) {
		a->asks.list = k->next;
		k->told(a, &k->answers, k->arg);
		ask_free(k);
	}
	loop_timer_remove(a->asks.timer);
}

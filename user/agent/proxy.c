// SPDX-License-Identifier: GPL-2.0
/* Keeps a proxy while the plan needs one, and tells it each plan before the kernel steers by it. */
#include "agent/proxy.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/proxy_child.h"
#include "agent/snapshot.h"
#include "base/log.h"
#include "snapshot/block.h"

#define DRAIN_NS 30000000000LL

void agent_proxy_tell(struct agent *a, const struct control_message *m, int passed)
{
	if (a->proxy.child)
		proxy_child_tell(a->proxy.child, m, passed);
}

bool agent_proxy_serves(const struct agent *a)
{
	return a->proxy.child && a->proxy.child->serves;
}

/* The table first: what waits in the listeners' queues is accepted at once. */
static void proxy_start(struct agent *a)
{
	const struct control_message m = {.kind = CONTROL_HEARTBEAT};
	struct agent_proxy *p = &a->proxy;
	int err = proxy_child_start(a, &p->child);

	if (err) {
		log_error("the proxy cannot be started: %s", strerror(-err));
		loop_timer_set(p->restart, PROXY_DELAY_MOST_MS, 0);
		return;
	}
	proxy_child_tell(p->child, &m, datapath_heartbeat(a->dp));
	proxy_child_tell_table(p->child);
	listeners_tell(a);
}

static void restart_expired(void *arg)
{
	struct agent *a = arg;

	if (a->proxy.wanted && !a->proxy.child)
		proxy_start(a);
}

/* Those of an agent before this one; they finish what they have. */
static void others_end(struct agent *a)
{
	int fd = proxy_procs_open(a, O_RDONLY), pid;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	while (f && fscanf(f, "%d", &pid) == 1)
		if (!a->proxy.child || pid != a->proxy.child->pid)
			kill(pid, SIGTERM);
	if (f)
		fclose(f);
}

/* Nothing is steered to it any more. */
static void proxy_stop(struct agent *a)
{
	const struct control_message m = {.kind = CONTROL_DRAIN, .number = monotonic_ns() + DRAIN_NS};
	struct agent_proxy *p = &a->proxy;

	datapath_proxy_alive(a->dp, -1);
	listeners_close(a);
	others_end(a);
	if (p->child)
		proxy_child_tell(p->child, &m, -1);
	p->child = NULL; /* its exit frees the rest */
	p->idle = true;
	p->delay_ms = PROXY_DELAY_FIRST_MS;
	memset(p->dialled, 0, (UINT16_MAX + 1) * sizeof(*p->dialled));
	loop_timer_set(p->restart, 0, 0);
}

static void leave_expired(void *arg)
{
	struct agent *a = arg;

	if (!a->proxy.wanted) {
		proxy_stop(a);
		return;
	}
	others_end(a);
	listeners_forget(a);
}

/* ---- plans ---- */

static uint32_t scope_number(const char *key, void *arg)
{
	struct agent *a = arg;

	return datapath_scope_number(a->dp, key);
}

static int table_write(struct agent *a, const struct plan *plan)
{
	struct arena *arena = arena_new();
	void *bytes = NULL;
	size_t size;
	int fd, err = block_write(snapshot_of(plan, arena, scope_number, a, a->proxy.dialled), &bytes,
				  &size);

	arena_free(arena);
	if (err)
		return err;
	fd = block_memfd(bytes, size);
	free(bytes);
	return fd;
}

/* In the middle of a sync: see datapath_announce. */
static void proxy_learn(const struct plan *plan, void *arg)
{
	struct agent *a = arg;
	struct agent_proxy *p = &a->proxy;
	int fd;

	p->wanted = !a->options->no_proxy && plan_proxied(plan);
	if (!p->wanted)
		return;
	p->idle = false;
	fd = table_write(a, plan);
	if (fd < 0) {
		log_error("the proxy's table of plan %u: %s", plan->number, strerror(-fd));
		return;
	}
	if (p->snapshot != -1)
		close(p->snapshot);
	p->snapshot = fd;
	p->snapshot_id = plan->number;
	if (p->child)
		proxy_child_tell_table(p->child);
	else
		proxy_start(a);
	if (p->child)
		proxy_child_wait(p->child);
}

void agent_proxy_settle(struct agent *a)
{
	if (!a->proxy.wanted && !a->proxy.idle)
		loop_timer_set(a->proxy.leave, PROXY_LEAVE_MS, 0);
}

int agent_proxy_open(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;
	int err = listeners_open(a);

	p->delay_ms = PROXY_DELAY_FIRST_MS;
	p->snapshot = -1;
	p->dialled = xcalloc(UINT16_MAX + 1, sizeof(*p->dialled));
	if (!err)
		err = loop_timer(a->loop, restart_expired, a, &p->restart);
	if (!err)
		err = loop_timer(a->loop, leave_expired, a, &p->leave);
	if (!err)
		datapath_announce(a->dp, proxy_learn, a);
	return err;
}

void agent_proxy_close(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;

	loop_timer_remove(p->restart);
	loop_timer_remove(p->leave);
	if (p->child)
		proxy_child_free(p->child);
	if (p->snapshot > 0)
		close(p->snapshot);
	free(p->dialled);
	listeners_free(a);
}

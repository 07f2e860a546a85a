// SPDX-License-Identifier: GPL-2.0
/* Keeps a proxy while the plan needs one, and tells it each plan before the kernel steers by it. */
#include "agent/proxy.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/parts.h"
#include "agent/proxy_child.h"
#include "agent/proxy_watch.h"
#include "agent/slots.h"
#include "base/log.h"
#include "snapshot/block.h"

#define DRAIN_NS 60000000000LL /* of connections that a former proxy may keep */
#define DRAIN_SLACK_NS 5000000000LL /* then it ends by itself, or is killed */
#define WATCH_MS 1000

void agent_proxy_tell(struct agent *a, const struct control_message *m, int passed)
{
	if (a->proxy.child)
		proxy_child_tell(a->proxy.child, m, passed);
	if (a->proxy.former)
		proxy_child_tell(a->proxy.former, m, passed);
}

bool agent_proxy_serves(const struct agent *a)
{
	return a->proxy.former || (a->proxy.child && a->proxy.child->serves);
}

/* ---- its processes ---- */

/* What it writes to and adds to, which outlives it. */
static void child_tell_shared(struct agent *a, struct proxy_child *c)
{
	struct control_message m = {.kind = CONTROL_HEARTBEAT};

	proxy_child_tell(c, &m, datapath_heartbeat(a->dp));
	m.kind = CONTROL_REQUESTS;
	proxy_child_tell(c, &m, datapath_requests_map(a->dp));
	m.kind = CONTROL_TURNS;
	proxy_child_tell(c, &m, datapath_turns_map(a->dp));
	access_file_tell(a, c);
}

/* The table first: what waits in the listeners' queues is accepted at once. */
static int proxy_start(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;
	int err = proxy_child_start(a, &p->child);

	if (err) {
		log_error("the proxy cannot be started: %s", strerror(-err));
		return err;
	}
	child_tell_shared(a, p->child);
	agent_proxy_tell_all(a, p->child);
	listeners_tell(a, p->child);
	loop_timer_set(p->watch, WATCH_MS, WATCH_MS);
	return 0;
}

static void proxy_start_or_retry(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;

	p->dead = proxy_start(a) != 0;
	if (p->dead)
		loop_timer_set(p->restart, PROXY_DELAY_MOST_MS, 0);
}

static void restart_expired(void *arg)
{
	struct agent *a = arg;

	a->proxy.dead = false;
	if (!a->proxy.wanted)
		return;
	a->proxy.restarts++;
	proxy_start_or_retry(a);
}

void agent_proxy_replace(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;

	if (!p->child || !p->child->serves)
		return; /* one is on its way already */
	log_info("proxy %d is replaced", (int)p->child->pid);
	p->former = p->child;
	p->child = NULL;
	if (proxy_start(a)) {
		p->child = p->former;
		p->former = NULL;
	}
}

/* It ends by itself, and its exit frees the rest. */
static void child_drain(struct agent *a, struct proxy_child *c)
{
	struct control_message m = {.kind = CONTROL_DRAIN, .number = monotonic_ns() + DRAIN_NS};

	c->drain_end = m.number + DRAIN_SLACK_NS;
	c->next = a->proxy.draining;
	a->proxy.draining = c;
	proxy_child_tell(c, &m, -1);
}

void agent_proxy_served(struct agent *a, struct proxy_child *c)
{
	struct agent_proxy *p = &a->proxy;

	if (c == p->child && p->former)
		child_drain(a, p->former);
	p->former = NULL;
	loop_timer_set(p->leave, PROXY_LEAVE_MS, 0);
}

/* Nobody asked for it. */
static void end_note(struct agent_proxy *p, const struct proxy_child *c, int status)
{
	if (WIFSIGNALED(status))
		snprintf(p->last_exit, sizeof(p->last_exit), "signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(p->last_exit, sizeof(p->last_exit), "status %d", WEXITSTATUS(status));
	log_error("proxy %d ended: %s%s", (int)c->pid, p->last_exit,
		  c->hangs ? ", as it hung" : "");
}

static void restart_later(struct agent *a, const struct proxy_child *c)
{
	struct agent_proxy *p = &a->proxy;

	if (monotonic_ns() - c->started > PROXY_STEADY_NS)
		p->delay_ms = PROXY_DELAY_FIRST_MS;
	if (!p->wanted)
		return;
	p->dead = true;
	log_info("the next proxy starts in %d ms", (int)p->delay_ms);
	loop_timer_set(p->restart, p->delay_ms, 0);
	p->delay_ms = p->delay_ms * 2 < PROXY_DELAY_MOST_MS ? p->delay_ms * 2 : PROXY_DELAY_MOST_MS;
	if (!c->serves)
		listeners_refuse(a); /* who knows when one will */
}

static void draining_remove(struct agent_proxy *p, const struct proxy_child *c)
{
	struct proxy_child **at = &p->draining;

	while (*at && *at != c)
		at = &(*at)->next;
	if (*at)
		*at = c->next;
}

void agent_proxy_ended(struct agent *a, struct proxy_child *c, int status)
{
	struct agent_proxy *p = &a->proxy;

	if (c != p->child && c != p->former) {
		draining_remove(p, c);
		log_info("proxy %d has left", (int)c->pid);
		return;
	}
	end_note(p, c, status);
	if (c == p->child && p->former)
		p->child = p->former; /* it serves on */
	else if (c == p->child)
		p->child = NULL;
	p->former = NULL;
	if (!p->child)
		restart_later(a, c);
}

static bool is_ours(const struct agent_proxy *p, pid_t pid)
{
	for (const struct proxy_child *c = p->draining; c; c = c->next)
		if (c->pid == pid)
			return true;
	return (p->child && p->child->pid == pid) || (p->former && p->former->pid == pid);
}

void agent_proxy_signal_others(struct agent *a, int signal)
{
	int fd = proxy_procs_open(a, O_RDONLY), pid;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");

	while (f && fscanf(f, "%d", &pid) == 1)
		if (!is_ours(&a->proxy, pid))
			kill(pid, signal);
	if (f)
		fclose(f);
}

/* They finish what they have. */
static void others_end(struct agent *a)
{
	agent_proxy_signal_others(a, SIGTERM);
	a->proxy.others_end = monotonic_ns() + DRAIN_NS + DRAIN_SLACK_NS;
	loop_timer_set(a->proxy.watch, WATCH_MS, WATCH_MS);
}

/* Nothing is steered to it any more. */
static void proxy_stop(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;

	datapath_proxy_alive(a->dp, -1);
	listeners_close(a);
	if (p->child)
		child_drain(a, p->child);
	if (p->former)
		child_drain(a, p->former);
	p->child = p->former = NULL;
	others_end(a);
	p->idle = true;
	p->dead = false;
	p->delay_ms = PROXY_DELAY_FIRST_MS;
	parts_free(p->parts);
	p->parts = NULL;
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

/* Clusters with a limit are counted where the kernel counts them. */
static void places_give(struct agent *a, struct table_part *part)
{
	for (size_t i = 0; i < part->nr_clusters; i++) {
		struct table_cluster *c = &part->clusters[i];

		if (c->max_connections && !*c->unknown &&
		    datapath_cluster_hold(a->dp, c->host, c->port, c->subset, &c->place.state,
					  &c->place.generation))
			log_error("%s: no slot is free where the kernel counts its connections: "
				  "the proxy counts its own alone",
				  c->name);
	}
}

static void part_give(struct table_part *part, void *arg)
{
	places_give(arg, part);
	slots_give(arg, part->ports, part->nr_ports);
}

static void place_take_back(uint32_t place, void *arg)
{
	struct agent *a = arg;

	datapath_cluster_drop(a->dp, place);
}

/* A sealed memfd with the last table, in full or with what is new in it; -errno, which was said. */
static int table_open(struct agent *a, bool all)
{
	void *bytes = NULL;
	size_t size;
	int fd, err = parts_block(a->proxy.parts, all, &bytes, &size);

	fd = err ? err : block_memfd(bytes, size);
	free(bytes);
	if (fd < 0)
		log_error("the proxy's table of plan %u: %s", a->proxy.snapshot_id, strerror(-fd));
	return fd;
}

void agent_proxy_tell_all(struct agent *a, struct proxy_child *c)
{
	int fd = a->proxy.parts ? table_open(a, true) : -1;

	if (fd < 0)
		return;
	proxy_child_tell_table(c, fd);
	close(fd);
}

/* Those that have the table before learn what is new. */
static void table_tell_new(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;
	int fd = table_open(a, false);

	if (fd < 0)
		return;
	proxy_child_tell_table(p->child, fd);
	if (p->former)
		proxy_child_tell_table(p->former, fd);
	close(fd);
}

/* In the middle of a sync: see datapath_announce. */
static void proxy_learn(const struct plan *plan, void *arg)
{
	struct agent *a = arg;
	struct agent_proxy *p = &a->proxy;
	bool changed;

	p->wanted = !a->options->no_proxy && plan_proxied(plan);
	if (!p->wanted)
		return;
	p->idle = false;
	if (!p->parts)
		p->parts = parts_new(scope_number, part_give, place_take_back, a);
	changed = parts_learn(p->parts, plan);
	p->snapshot_id = parts_plan(p->parts);
	if (!p->child && !p->dead)
		proxy_start_or_retry(a);
	else if (p->child && changed)
		table_tell_new(a);
	if (p->child)
		proxy_child_wait(p->child);
	if (p->former)
		proxy_child_wait(p->former);
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
	if (!err)
		err = loop_timer(a->loop, restart_expired, a, &p->restart);
	if (!err)
		err = loop_timer(a->loop, leave_expired, a, &p->leave);
	if (!err)
		err = loop_timer(a->loop, proxy_watch_expired, a, &p->watch);
	if (!err)
		datapath_announce(a->dp, proxy_learn, a);
	return err;
}

void agent_proxy_close(struct agent *a)
{
	struct agent_proxy *p = &a->proxy;

	loop_timer_remove(p->restart);
	loop_timer_remove(p->leave);
	loop_timer_remove(p->watch);
	if (p->child)
		proxy_child_free(p->child);
	if (p->former)
		proxy_child_free(p->former);
	while (p->draining) {
		struct proxy_child *next = p->draining->next;

		proxy_child_free(p->draining);
		p->draining = next;
	}
	parts_free(p->parts);
	listeners_free(a);
}

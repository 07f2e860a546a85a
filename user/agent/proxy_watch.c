// SPDX-License-Identifier: GPL-2.0
/*
 * Kills a proxy that hangs, so that another one takes its place, and those that stay beyond the end
 * of their drain. The kernel steers nothing to one that hangs, and a process that is killed loses
 * what it has accepted: so there is time for one that only was stopped.
 */
#include "agent/proxy_watch.h"
#include <errno.h>
#include <shunt/proxy.h>
#include <signal.h>
#include "agent/agent.h"
#include "agent/proxy_child.h"
#include "base/log.h"

#define HUNG_KILL_NS 10000000000LL /* without a turn */
#define HUNG_LOOKS 5 /* in a row: when the agent was stopped as well, its first look says nothing */
#define START_NS 30000000000LL	   /* in which it has to serve */

/* Nanoseconds since the one that serves turned. */
static int64_t beat_age(const struct agent *a)
{
	int64_t beat = datapath_beat(a->dp);

	return beat ? monotonic_ns() - beat : 0;
}

static void hung_kill(struct proxy_child *c, const char *what)
{
	log_error("proxy %d %s and is killed", (int)c->pid, what);
	c->hangs = true;
	kill(c->pid, SIGKILL);
}

static void serving_watch(struct agent *a, struct proxy_child *c)
{
	int64_t age = beat_age(a);

	if (age < PROXY_HUNG_NS) {
		c->hung = 0;
		return;
	}
	if (!c->hung++)
		log_error("proxy %d hangs; nothing is steered to it", (int)c->pid);
	if (age >= HUNG_KILL_NS && c->hung >= HUNG_LOOKS && !c->hangs)
		hung_kill(c, "has not turned for 10 s");
}

void proxy_watch_expired(void *arg)
{
	struct agent *a = arg;
	struct agent_proxy *p = &a->proxy;
	struct proxy_child *serving = p->former ? p->former : p->child;
	int64_t now = monotonic_ns();

	if (serving && serving->serves)
		serving_watch(a, serving);
	if (p->child && !p->child->serves && now - p->child->started > START_NS && !p->child->hangs)
		hung_kill(p->child, "does not begin to serve");
	for (struct proxy_child *c = p->draining; c; c = c->next)
		if (now > c->drain_end)
			kill(c->pid, SIGKILL);
	if (p->others_end && now > p->others_end) {
		agent_proxy_signal_others(a, SIGKILL);
		p->others_end = 0;
	}
	if (p->idle && !p->draining && !p->others_end)
		loop_timer_set(p->watch, 0, 0);
}

static enum agent_proxy_state state_of(const struct agent *a, const struct proxy_child *c)
{
	if (!a->proxy.wanted)
		return AGENT_PROXY_OFF;
	if (!c)
		return AGENT_PROXY_DEAD;
	if (!c->serves)
		return AGENT_PROXY_STARTING;
	return beat_age(a) < PROXY_HUNG_NS ? AGENT_PROXY_RUNNING : AGENT_PROXY_HUNG;
}

void agent_proxy_facts(const struct agent *a, struct agent_proxy_facts *out)
{
	const struct agent_proxy *p = &a->proxy;
	const struct proxy_child *c = p->former ? p->former : p->child;

	*out = (struct agent_proxy_facts){
		.state = state_of(a, c),
		.pid = c ? c->pid : 0,
		.started = c ? c->started : 0,
		.restarts = p->restarts,
		.last_exit = p->last_exit,
	};
	for (c = p->draining; c; c = c->next)
		out->draining++;
}

const char *agent_proxy_state_name(enum agent_proxy_state state)
{
	static const char *const names[] = {"off", "starting", "running", "hung", "dead"};

	return names[state];
}

json_t *agent_proxy_json(const struct agent *a)
{
	struct agent_proxy_facts f;

	agent_proxy_facts(a, &f);
	return json_pack("{s:s,s:i,s:I,s:i,s:s,s:i}", "state", agent_proxy_state_name(f.state),
			 "pid", (int)f.pid, "uptime_seconds",
			 (json_int_t)(f.started ? (monotonic_ns() - f.started) / 1000000000 : 0),
			 "restarts", (int)f.restarts, "last_exit", f.last_exit, "draining",
			 (int)f.draining);
}

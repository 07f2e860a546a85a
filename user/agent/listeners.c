// SPDX-License-Identifier: GPL-2.0
/* Follows pods with listeners, and tells proxies who calls there and the kernel where they are. */
#include "agent/listeners.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "agent/agent.h"
#include "agent/listener_open.h"
#include "agent/proxy_child.h"
#include "base/log.h"

#define TRIED_SCANS 20

struct wishes {
	VEC(struct listener_wish) list;
};

static struct listener_place *place_find(struct agent *a, uint64_t netns)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		if (p->netns == netns)
			return p;
	return NULL;
}

/* ---- who calls ---- */

/* One of the family of listener `i`, else any: what comes there comes from a loopback address. */
static void address_put(const struct agent *a, uint64_t netns, int i, struct control_message *m)
{
	const struct netns *n = netns_find(&a->callers.watch, netns);
	const struct inet *best = NULL;

	for (size_t j = 0; n && j < n->addresses.nr; j++)
		if (!best || (inet_is_v4(best) != !i && inet_is_v4(&n->addresses.at[j]) == !i))
			best = &n->addresses.at[j];
	if (best)
		memcpy(m->address, best->byte, sizeof(m->address));
}

static struct control_message place_message(const struct agent *a, const struct listener_place *p,
					    int i)
{
	struct control_message m = {.kind = CONTROL_LISTENER, .id = p->ids[i], .scope = p->scope};

	address_put(a, p->netns, i, &m);
	snprintf(m.caller, sizeof(m.caller), "%s", p->caller);
	return m;
}

/* The new one before the old one ends: somebody always accepts. */
static void place_tell(struct agent *a, struct listener_place *p)
{
	struct control_message m, gone = {.kind = CONTROL_LISTENER_GONE};

	for (int i = 0; i < 2; i++) {
		if (p->fds[i] == -1)
			continue;
		gone.id = p->ids[i];
		p->ids[i] = ++a->proxy.listeners.last_id;
		gone.number = p->ids[i];
		m = place_message(a, p, i);
		agent_proxy_tell(a, &m, p->fds[i]);
		if (gone.id)
			agent_proxy_tell(a, &gone, -1);
	}
}

static void place_point(struct agent *a, const struct listener_place *p)
{
	int err = datapath_listener_set(a->dp, p->netns, p->ports[0], p->ports[1]);

	if (err)
		log_error("%s is not steered to the proxy: %s", *p->caller ? p->caller : "the host",
			  strerror(-err));
}

static void place_end(struct agent *a, struct listener_place *p)
{
	struct control_message gone = {.kind = CONTROL_LISTENER_GONE};

	datapath_listener_set(a->dp, p->netns, 0, 0);
	for (int i = 0; i < 2; i++) {
		gone.id = p->ids[i];
		if (gone.id)
			agent_proxy_tell(a, &gone, -1);
		if (p->fds[i] != -1)
			close(p->fds[i]);
	}
	free(p->caller);
}

static void place_enter(struct agent *a, const struct listener_place *p)
{
	for (int i = 0; i < 2; i++)
		if (p->fds[i] != -1 && datapath_pod_listener(a->dp, p->fds[i], i == 1, p->ports[i]))
			log_error("a captured pod does not reach the proxy: %s", strerror(errno));
}

static void place_take(struct agent *a, const struct listener_pair *pair)
{
	struct listener_place p = {
		.netns = pair->netns,
		.tried = a->callers.watch.scans,
		.fds = {pair->fds[0], pair->fds[1]},
		.ports = {pair->ports[0], pair->ports[1]},
		.captured = pair->captured,
	};
	struct listener_place *known = place_find(a, p.netns);

	if (p.captured)
		place_enter(a, &p);
	if (!known) {
		vec_push(&a->proxy.listeners.list, p);
		return;
	}
	place_end(a, known);
	*known = p;
}

/* Who calls there, NULL: nobody that it listens for. */
static const char *caller_at(const struct agent *a, uint64_t netns, uint32_t *scope)
{
	const struct netns *n = netns_find(&a->callers.watch, netns);

	*scope = SCOPE_HOST;
	if (netns == a->proxy.listeners.own)
		return "";
	if (!n || !n->pod)
		return NULL;
	*scope = n->scope ? datapath_scope_number(a->dp, n->scope) : SCOPE_ALL;
	return n->pod;
}

static void place_follow(struct agent *a, struct listener_place *p)
{
	uint32_t scope;
	const char *caller = caller_at(a, p->netns, &scope);

	p->wanted = caller != NULL;
	if (!caller || (p->caller && p->scope == scope && !strcmp(p->caller, caller)))
		return;
	free(p->caller);
	p->caller = xstrdup(caller);
	p->scope = scope;
	place_tell(a, p);
	if (agent_proxy_serves(a))
		place_point(a, p);
}

/* A namespace whose loopback is down is tried again now and then. */
static bool is_missing(struct agent *a, uint64_t netns)
{
	const struct listener_place *p = place_find(a, netns);

	return !p || p->captured != datapath_captured(a->dp, netns) ||
	       (p->fds[0] == -1 && p->fds[1] == -1 &&
		a->callers.watch.scans - p->tried >= TRIED_SCANS);
}

static void wish(struct agent *a, uint64_t netns, char *path, struct wishes *out)
{
	struct listener_wish w = {.netns = netns, .captured = datapath_captured(a->dp, netns)};

	w.path = w.captured ? xasprintf("/proc/%d/ns/net", getpid()) : xstrdup(path);
	vec_push(&out->list, w);
}

static void find_missing(struct agent *a, struct wishes *out)
{
	const struct netns_watch *w = &a->callers.watch;
	char *path;

	if (is_missing(a, a->proxy.listeners.own))
		wish(a, a->proxy.listeners.own, "/proc/self/ns/net", out);
	for (size_t i = 0; i < w->list.nr; i++) {
		const struct netns *n = w->list.at[i];

		if (!n->pod || !n->cookie || !is_missing(a, n->cookie))
			continue;
		path = netns_path(n);
		wish(a, n->cookie, path, out);
		free(path);
	}
}

void listeners_follow(struct agent *a)
{
	struct listeners *l = &a->proxy.listeners;
	struct wishes missing = {0};
	struct listener_place *p;
	struct listener_wish *w;

	if (!a->proxy.wanted)
		return;
	find_missing(a, &missing);
	if (missing.list.nr)
		listener_pairs_open(a, missing.list.at, missing.list.nr, place_take);
	vec_each(&missing.list, w)
		free(w->path);
	vec_free(&missing.list);
	vec_each(&l->list, p)
		place_follow(a, p);
	for (size_t i = 0; i < l->list.nr; i++) {
		if (l->list.at[i].wanted)
			continue;
		place_end(a, &l->list.at[i]);
		l->list.at[i--] = l->list.at[--l->list.nr];
	}
}

void listeners_tell(struct agent *a, struct proxy_child *c)
{
	const struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p) {
		for (int i = 0; i < 2; i++) {
			const struct control_message m = place_message(a, p, i);

			if (p->fds[i] != -1)
				proxy_child_tell(c, &m, p->fds[i]);
		}
	}
}

static void queue_reset(int listener)
{
	const struct linger reset = {1, 0};
	int fd;

	while ((fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) != -1) {
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		close(fd);
	}
}

void listeners_refuse(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		for (int i = 0; i < 2; i++)
			if (p->fds[i] != -1)
				queue_reset(p->fds[i]);
}

static void forget_former(uint64_t netns, void *arg)
{
	struct agent *a = arg;

	if (!place_find(a, netns))
		datapath_listener_set(a->dp, netns, 0, 0);
}

void listeners_point(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		place_point(a, p);
}

void listeners_forget(struct agent *a)
{
	datapath_listener_each(a->dp, forget_former, a);
}

void listeners_close(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p)
		place_end(a, p);
	a->proxy.listeners.list.nr = 0;
	listeners_forget(a);
}

int listeners_open(struct agent *a)
{
	return netns_cookie_own(&a->proxy.listeners.own);
}

void listeners_free(struct agent *a)
{
	struct listener_place *p;

	vec_each(&a->proxy.listeners.list, p) {
		for (int i = 0; i < 2; i++)
			if (p->fds[i] != -1)
				close(p->fds[i]);
		free(p->caller);
	}
	vec_free(&a->proxy.listeners.list);
}

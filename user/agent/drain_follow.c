// SPDX-License-Identifier: GPL-2.0
/* What a new plan means for live connections: which ports have some that belong elsewhere now. */
#include <netinet/in.h>
#include <string.h>
#include "agent/agent.h"

/* Of a host, for callers that see the same of it. */
struct seen {
	const struct plan_host *host;
	const struct plan_port *ports;
	size_t nr;
};

uint8_t drain_protocol(const struct plan_port *p)
{
	return p->protocol == PROTOCOL_UDP ? IPPROTO_UDP : IPPROTO_TCP;
}

/* The first of several with one number counts. */
static const struct plan_port *port_of(const struct seen *s, uint16_t number, uint8_t protocol)
{
	for (size_t i = 0; i < s->nr; i++)
		if (s->ports[i].port == number && drain_protocol(&s->ports[i]) == protocol)
			return &s->ports[i];
	return NULL;
}

/* What callers of a scope (NULL: everyone) see of a host (NULL: there is none). */
static struct seen seen_by(const struct plan_host *host, const char *scope)
{
	struct seen s = {.host = host};

	if (!host)
		return s;
	for (size_t v = 0; scope && v < host->nr_views; v++)
		for (size_t i = 0; i < host->views[v].nr_scopes; i++)
			if (!strcmp(host->views[v].scopes[i], scope)) {
				s.ports = host->views[v].ports;
				s.nr = host->views[v].nr_ports;
				return s;
			}
	s.ports = host->ports;
	s.nr = host->nr_ports;
	return s;
}

static bool same_split(const struct plan_route *a, const struct plan_route *b)
{
	if (a->nr_splits != b->nr_splits)
		return false;
	for (size_t i = 0; i < a->nr_splits; i++) {
		const struct plan_cluster *x = a->splits[i].cluster, *y = b->splits[i].cluster;

		if (a->splits[i].weight != b->splits[i].weight || x->port != y->port ||
		    strcmp(x->host, y->host) || strcmp(x->subset, y->subset))
			return false;
	}
	return true;
}

static bool same_splits(const struct plan_port *a, const struct plan_port *b)
{
	if (!same_split(&a->route, &b->route) || a->nr_branches != b->nr_branches)
		return false;
	for (size_t i = 0; i < a->nr_branches; i++)
		if (!same_split(&a->branches[i].route, &b->branches[i].route))
			return false;
	return true;
}

static void places_add(struct drain_job *j, const struct plan_host *host)
{
	if (!host)
		return;
	drain_job_addresses(j, host->addresses, host->nr_addresses);
	drain_job_subnets(j, host->subnets, host->nr_subnets);
	for (size_t v = 0; v < host->nr_views; v++)
		drain_job_addresses(j, host->views[v].addresses, host->views[v].nr_addresses);
}

struct drain_job *drain_job_make(struct agent *a, const struct plan_host *now,
				 const struct plan_host *was, const struct plan_port *now_port,
				 const struct plan_port *was_port,
				 const struct drain_caller *caller)
{
	const struct plan_port *port = now_port ? now_port : was_port;
	struct drain_job *j = drain_job_new(now ? now : was, port->port, drain_protocol(port),
					    caller->scopes, caller->nr);

	places_add(j, now);
	places_add(j, was);
	drain_job_port(j, a->dp, now_port, was_port);
	if (caller == &drain_everyone)
		drain_job_front(j, a->dp, now, now_port, was, was_port);
	return j;
}

/* Sockets that are connected to a dead server of a UDP port always leave it: they never notice. */
static void port_follow(struct agent *a, const struct seen *now, const struct seen *was,
			const struct plan_port *port, const struct drain_caller *caller)
{
	uint8_t protocol = drain_protocol(port);
	const struct plan_port *n = port_of(now, port->port, protocol);
	const struct plan_port *w = port_of(was, port->port, protocol);
	enum drain how = port->drain.how;
	struct drain_job *j;

	if (port != (n ? n : w))
		return;
	if (how == DRAIN_KEEP && protocol != IPPROTO_UDP) {
		drains_keep(a, (now->host ? now->host : was->host)->host, port->port);
		return;
	}
	drains_expect(a);
	if (!w && a->drains.began)
		return;
	j = drain_job_make(a, now->host, was->host, n, w, caller);
	j->weighs = how != DRAIN_KEEP && n && w && !same_splits(n, w);
	drains_begin(a, j, how == DRAIN_KEEP ? DRAIN_NOW : how, port->drain.within);
}

static void seen_follow(struct agent *a, const struct seen *now, const struct seen *was,
			const struct drain_caller *caller)
{
	for (size_t i = 0; i < now->nr; i++)
		port_follow(a, now, was, &now->ports[i], caller);
	for (size_t i = 0; i < was->nr; i++)
		if (!port_of(now, was->ports[i].port, drain_protocol(&was->ports[i])))
			port_follow(a, now, was, &was->ports[i], caller);
}

const struct drain_caller drain_everyone = {.scopes = {SCOPE_ALL, SCOPE_HOST}, .nr = 2};

/* Callers that have the same view of the host now. */
void drain_caller_of(struct agent *a, const struct plan_view *view, struct drain_caller *out)
{
	out->nr = 0;
	for (size_t i = 0; i < view->nr_scopes && out->nr < DRAIN_SCOPES; i++) {
		uint32_t number = datapath_scope_number(a->dp, view->scopes[i]);

		if (number != SCOPE_ALL)
			out->scopes[out->nr++] = number;
	}
}

static void host_follow(struct agent *a, const struct plan_host *now, const struct plan_host *was)
{
	struct seen n = seen_by(now, NULL), w = seen_by(was, NULL);
	struct drain_caller caller;

	seen_follow(a, &n, &w, &drain_everyone);
	for (size_t v = 0; now && v < now->nr_views; v++) {
		if (!now->views[v].nr_scopes)
			continue;
		n = (struct seen){now, now->views[v].ports, now->views[v].nr_ports};
		w = seen_by(was, now->views[v].scopes[0]);
		drain_caller_of(a, &now->views[v], &caller);
		seen_follow(a, &n, &w, &caller);
	}
}

/* ---- how many limit how long connections last ---- */

static size_t timed_route(const struct plan_route *r)
{
	size_t timed = 0;

	for (size_t i = 0; i < r->nr_splits; i++) {
		const struct connection_pool *pool =
			r->splits[i].cluster->full.blocks.connection_pool;
		const struct tcp_pool *tcp = pool ? pool->tcp : NULL;

		timed += tcp && (tcp->idle_timeout || tcp->max_connection_duration);
	}
	return timed;
}

static size_t timed_ports(const struct plan_port *ports, size_t nr)
{
	size_t timed = 0;

	for (size_t i = 0; i < nr; i++) {
		timed += timed_route(&ports[i].route);
		for (size_t b = 0; b < ports[i].nr_branches; b++)
			timed += timed_route(&ports[i].branches[b].route);
	}
	return timed;
}

static size_t timed_host(const struct plan_host *host)
{
	size_t timed = host ? timed_ports(host->ports, host->nr_ports) : 0;

	for (size_t v = 0; host && v < host->nr_views; v++)
		timed += timed_ports(host->views[v].ports, host->views[v].nr_ports);
	return timed;
}

void drains_follow(struct agent *a, const struct plan *was, const struct plan *now)
{
	size_t timed = was ? a->drains.timed : 0;
	struct strmap_entry *e;

	strmap_each(&now->hosts, e) {
		const struct plan_host *old =
			was ? strmap_get_beside(&was->hosts, &now->hosts, e) : NULL;

		if (old == e->value)
			continue;
		timed += timed_host(e->value) - timed_host(old);
		host_follow(a, e->value, old);
	}
	if (was)
		strmap_each(&was->hosts, e) {
			if (strmap_get_beside(&now->hosts, &was->hosts, e))
				continue;
			timed -= timed_host(e->value);
			host_follow(a, NULL, e->value);
		}
	drains_timed(a, timed);
	a->drains.began = true;
}

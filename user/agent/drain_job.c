// SPDX-License-Identifier: GPL-2.0
/* Which live connections of a port are too many where they are. */
#include "agent/drain_job.h"
#include <string.h>
#include "base/mem.h"

struct drain_job *drain_job_new(const struct plan_host *host, uint16_t port, uint8_t protocol,
				const uint32_t *scopes, size_t nr_scopes)
{
	struct drain_job *j = xcalloc(1, sizeof(*j));
	struct drain_route own = {0};

	j->host = xstrdup(host->host);
	j->port = port;
	j->protocol = protocol;
	for (size_t i = 0; i < nr_scopes; i++)
		vec_push(&j->scopes, scopes[i]);
	vec_push(&j->routes, own);
	return j;
}

void drain_job_addresses(struct drain_job *j, const struct inet *addresses, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		vec_push(&j->addresses, addresses[i]);
}

void drain_job_subnets(struct drain_job *j, const struct subnet *subnets, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		vec_push(&j->subnets, subnets[i]);
}

static void drain_route_free(struct drain_route *r)
{
	struct drain_target *t;

	vec_each(&r->targets, t)
		free(t->subset);
	vec_free(&r->targets);
}

void drain_job_free(struct drain_job *j)
{
	struct drain_route *r;

	vec_each(&j->routes, r)
		drain_route_free(r);
	vec_free(&j->routes);
	vec_free(&j->scopes);
	vec_free(&j->addresses);
	vec_free(&j->subnets);
	vec_free(&j->outside);
	vec_free(&j->rows);
	free(j->host);
	free(j->subset);
	free(j);
}

/* ---- where they belong ---- */

static size_t target_at(struct drain_route *r, uint32_t cluster, const char *subset)
{
	struct drain_target t = {.cluster = cluster};
	size_t i = 0;

	while (i < r->targets.nr && r->targets.at[i].cluster != cluster)
		i++;
	if (i == r->targets.nr) {
		t.subset = xstrdup(subset);
		vec_push(&r->targets, t);
	}
	return i;
}

static bool has_endpoint(const struct plan_cluster *c, bool on_node)
{
	for (size_t i = 0; i < c->nr_endpoints; i++)
		if (!on_node || c->endpoints[i].on_node)
			return true;
	return false;
}

enum share { NOBODY, ANYWHERE, ON_NODE }; /* which endpoints a destination's share is for */

/* A destination that nobody can be sent to takes no share from the others. */
static void targets_add(struct datapath *dp, struct drain_route *to, const struct plan_route *from,
			enum share share)
{
	for (size_t i = 0; i < from->nr_splits; i++) {
		const struct plan_cluster *c = from->splits[i].cluster;
		struct cluster_reading reading;
		size_t at;

		if (c->unknown ||
		    datapath_cluster_find(dp, c->host, c->port, cluster_protocol(c), c->subset,
					  &reading))
			continue;
		at = target_at(to, reading.slot, c->subset);
		if (share && has_endpoint(c, share == ON_NODE))
			to->targets.at[at].weight += from->splits[i].weight;
	}
}

/* Branches are those of `now`; what was dialled under one of `was` alone belongs to the port's own
 * route by now. */
void drain_job_port(struct drain_job *j, struct datapath *dp, const struct plan_port *now,
		    const struct plan_port *was)
{
	for (size_t i = 0; now && i < now->nr_branches; i++) {
		struct drain_route branch = {.narrow = true, .within = now->branches[i].subnet};

		targets_add(dp, &branch, &now->branches[i].route, ANYWHERE);
		vec_push(&j->routes, branch);
	}
	if (now)
		targets_add(dp, &j->routes.at[0], &now->route, ANYWHERE);
	for (size_t r = 0; was && r < j->routes.nr; r++) {
		targets_add(dp, &j->routes.at[r], &was->route, NOBODY);
		for (size_t i = 0; i < was->nr_branches; i++)
			targets_add(dp, &j->routes.at[r], &was->branches[i].route, NOBODY);
	}
}

static void front_add(struct drain_job *j, struct datapath *dp, struct drain_route *front,
		      const struct plan_host *host, const struct plan_port *port, bool now)
{
	const struct plan_route *route =
		port->outside_route ? port->outside_route : &port->route;
	enum share share = host->outside_local ? ON_NODE : ANYWHERE;

	targets_add(dp, front, route, now ? share : NOBODY);
	for (size_t i = 0; i < host->nr_outside; i++)
		vec_push(&j->outside, host->outside[i]);
	j->node_ports[now] = port->node_port;
}

void drain_job_front(struct drain_job *j, struct datapath *dp, const struct plan_host *now_host,
		     const struct plan_port *now, const struct plan_host *was_host,
		     const struct plan_port *was)
{
	struct drain_route front = {.narrow = true};

	if (now)
		front_add(j, dp, &front, now_host, now, true);
	if (was)
		front_add(j, dp, &front, was_host, was, false);
	if (!j->outside.nr && !j->node_ports[0] && !j->node_ports[1]) {
		drain_route_free(&front);
		return;
	}
	j->front = j->routes.nr;
	vec_push(&j->routes, front);
}

/* ---- counting ---- */

static bool subnet_has(const struct subnet *s, const struct inet *a)
{
	unsigned bits = s->prefix + (inet_is_v4(&s->address) ? 96 : 0);

	if (memcmp(s->address.byte, a->byte, bits / 8))
		return false;
	return bits % 8 == 0 ||
	       !((s->address.byte[bits / 8] ^ a->byte[bits / 8]) >> (8 - bits % 8));
}

static bool was_dialled(const struct drain_job *j, const struct inet *a)
{
	for (size_t i = 0; i < j->addresses.nr; i++)
		if (inet_equal(&j->addresses.at[i], a))
			return true;
	for (size_t i = 0; i < j->subnets.nr; i++)
		if (subnet_has(&j->subnets.at[i], a))
			return true;
	return false;
}

static bool is_front(const struct drain_job *j, const struct drain_reading *r, const struct inet *a)
{
	uint16_t port = r->key.service.port;

	if (!j->front || r->key.service.protocol != j->protocol)
		return false;
	if (r->at_node)
		return port == j->node_ports[0] || port == j->node_ports[1];
	for (size_t i = 0; i < j->outside.nr && port == j->port; i++)
		if (inet_equal(&j->outside.at[i], a))
			return true;
	return false;
}

static bool is_mine(const struct drain_job *j, const struct drain_reading *r, const struct inet *a)
{
	const struct service_key *key = &r->key.service;

	if (key->scope == SCOPE_OUTSIDE)
		return is_front(j, r, a);
	if (key->port != j->port || key->protocol != j->protocol)
		return false;
	for (size_t i = 0; i < j->scopes.nr; i++)
		if (j->scopes.at[i] == key->scope)
			return was_dialled(j, a);
	return false;
}

/* The longest subnet that has the address, else the port's own. */
static size_t route_of(const struct drain_job *j, const struct inet *a, uint32_t scope)
{
	size_t best = 0;

	if (scope == SCOPE_OUTSIDE)
		return j->front;
	for (size_t i = 1; i < j->routes.nr; i++)
		if (i != j->front && subnet_has(&j->routes.at[i].within, a) &&
		    (!best || j->routes.at[i].within.prefix > j->routes.at[best].within.prefix))
			best = i;
	return best;
}

void drain_job_tally_begin(struct drain_job *j)
{
	struct drain_target *t;
	struct drain_route *r;

	j->rows.nr = 0;
	vec_each(&j->routes, r)
		vec_each(&r->targets, t)
			t->live = t->gone = t->surplus = 0;
}

void drain_job_tally(struct drain_job *j, const struct drain_reading *r)
{
	struct drain_row row = {.key = r->key, .connected = r->tally.connected,
				.connecting = r->tally.connecting, .gone = r->gone};
	struct drain_target *t;
	struct inet dialled;

	memcpy(dialled.byte, r->key.service.address, 16);
	if (!is_mine(j, r, &dialled))
		return;
	row.route = route_of(j, &dialled, r->key.service.scope);
	row.target = target_at(&j->routes.at[row.route], r->key.cluster, r->name.subset);
	t = &j->routes.at[row.route].targets.at[row.target];
	t->live += row.connected + (row.gone ? row.connecting : 0);
	t->gone += row.gone ? row.connected + row.connecting : 0;
	vec_push(&j->rows, row);
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Connections above what the weights give the destination; rounded down. */
static uint64_t excess(const struct drain_target *t, uint64_t live, uint64_t weights)
{
	uint64_t share = weights ? (live * t->weight + weights - 1) / weights : t->live;

	return t->live > share ? t->live - share : 0;
}

static void route_weigh(struct drain_job *j, struct drain_route *r)
{
	uint64_t live = 0, weights = 0;
	struct drain_target *t;

	vec_each(&r->targets, t) {
		live += t->live;
		weights += t->weight;
	}
	vec_each(&r->targets, t) {
		uint64_t over = j->weighs ? excess(t, live, weights) : 0;

		if (j->subset && strcmp(j->subset, t->subset))
			continue;
		if (!j->counted)
			t->budget = over;
		t->surplus = most(t->gone, least(over, t->budget));
	}
}

/* How many may leave for the weights' sake is known once they are counted first: who comes back
 * takes a turn of the new split, and is not sent away again. */
void drain_job_tally_end(struct drain_job *j)
{
	struct drain_route *r;

	vec_each(&j->routes, r)
		route_weigh(j, r);
	j->counted = true;
}

uint64_t drain_job_surplus(const struct drain_job *j)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < j->routes.nr; r++)
		for (size_t i = 0; i < j->routes.at[r].targets.nr; i++)
			sum += j->routes.at[r].targets.at[i].surplus;
	return sum;
}

uint64_t drain_job_moved(const struct drain_job *j)
{
	uint64_t sum = 0;

	for (size_t r = 0; r < j->routes.nr; r++)
		for (size_t i = 0; i < j->routes.at[r].targets.nr; i++)
			sum += j->routes.at[r].targets.at[i].moved;
	return sum;
}

/* ---- who leaves ---- */

static void wish_add(struct drain_target *t, const struct drain_row *row, uint64_t n,
		     struct drain_wishes *out)
{
	struct drain_wish wish = {.key = row->key, .order = {.left = n, .connecting = row->gone}};

	if (!n)
		return;
	vec_push(&out->list, wish);
	vec_push(&out->of, t);
}

/* Those whose endpoint is gone go first, of the others as many from each endpoint as it has. */
static void target_wish(struct drain_job *j, size_t route, size_t target, uint64_t n,
			struct drain_wishes *out)
{
	struct drain_target *t = &j->routes.at[route].targets.at[target];
	uint64_t others = t->live - t->gone;
	struct drain_row *row;

	vec_each(&j->rows, row) {
		uint64_t take = least(n, row->connected + row->connecting);

		if (!row->gone || row->route != route || row->target != target)
			continue;
		wish_add(t, row, take, out);
		n -= take;
	}
	vec_each(&j->rows, row) {
		uint64_t take;

		if (row->gone || row->route != route || row->target != target || !others)
			continue;
		take = (n * row->connected + others - 1) / others;
		wish_add(t, row, take, out);
		n -= take;
		others -= row->connected;
	}
}

void drain_job_wish(struct drain_job *j, uint64_t steps, uint64_t *most_, struct drain_wishes *out)
{
	for (size_t r = 0; r < j->routes.nr; r++)
		for (size_t i = 0; i < j->routes.at[r].targets.nr; i++) {
			const struct drain_target *t = &j->routes.at[r].targets.at[i];
			uint64_t n = least((t->surplus + steps - 1) / steps, *most_);

			target_wish(j, r, i, n, out);
			*most_ -= n;
		}
}

void drain_target_moved(struct drain_target *t, uint64_t moved)
{
	t->moved += moved;
	t->surplus -= least(t->surplus, moved);
	t->budget -= least(t->budget, moved);
}

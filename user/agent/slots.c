// SPDX-License-Identifier: GPL-2.0
/* Gives each rule of the proxy's table the records that it counts in, and takes them back. */
#include "agent/slots.h"
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "agent/agent.h"
#include "agent/proxy_child.h"
#include "snapshot/table.h"

static unsigned workers(const struct agent *a)
{
	cpu_set_t set;

	if (a->options->l7_workers)
		return a->options->l7_workers;
	return sched_getaffinity(0, sizeof(set), &set) ? 1 : (unsigned)CPU_COUNT(&set);
}

static struct table_slot slot_of(struct agent *a, const struct requests_of *of, unsigned nr_workers)
{
	struct table_slot slot;

	slot.first = datapath_requests_slot(a->dp, of, nr_workers, &slot.records);
	return slot;
}

/* "75 outbound|9080|v1|reviews.default.svc.cluster.local": other weights are other turns. */
static uint32_t turn_of(struct agent *a, const struct table_rule *r)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	uint32_t slot;

	for (size_t i = 0; i < r->nr_splits; i++)
		fprintf(out, "%s%u %s", i ? ", " : "", r->splits[i].weight,
			r->splits[i].cluster->name);
	fclose(out);
	slot = datapath_turn_slot(a->dp, r->source, text);
	free(text);
	return slot;
}

/* Copies are counted beside what they are copies of. */
static void mirror_give(struct agent *a, const struct table_rule *r, struct table_mirror *m,
			unsigned nr_workers)
{
	const struct table_cluster *c = m->cluster;
	char *rule = xasprintf("%s mirror", r->source);
	const struct requests_of of = {rule, c->host, c->subset, c->port};

	m->slot = slot_of(a, &of, nr_workers);
	free(rule);
}

static void rule_give(struct agent *a, const struct table_port *p, struct table_rule *r,
		      unsigned nr_workers)
{
	struct requests_of of = {r->source, p->host, "", p->port};

	if (!r->nr_splits)
		r->slot = slot_of(a, &of, nr_workers);
	for (size_t i = 0; i < r->nr_splits; i++) {
		const struct table_cluster *c = r->splits[i].cluster;

		of = (struct requests_of){r->source, c->host, c->subset, c->port};
		r->splits[i].slot = slot_of(a, &of, nr_workers);
	}
	for (size_t i = 0; i < r->nr_mirrors; i++)
		mirror_give(a, r, &r->mirrors[i], nr_workers);
	if (r->schedule)
		r->turn = turn_of(a, r);
}

void slots_give(struct agent *a, struct table_port *ports, size_t nr)
{
	unsigned nr_workers = workers(a);

	a->slots_given++;
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < ports[i].nr_rules; j++)
			rule_give(a, &ports[i], &ports[i].rules[j], nr_workers);
		if (ports[i].bytes)
			rule_give(a, &ports[i], (struct table_rule *)ports[i].bytes, nr_workers);
	}
}

/* ---- taken back ---- */

static bool is_ours(const struct agent *a, pid_t pid)
{
	const struct proxy_child *c = a->proxy.draining;

	while (c && c->pid != pid)
		c = c->next;
	return c || (a->proxy.child && a->proxy.child->pid == pid) ||
	       (a->proxy.former && a->proxy.former->pid == pid);
}

/* Of processes that another agent started, or that do not have the last table yet. */
static bool unknown_tables(struct agent *a)
{
	int fd = proxy_procs_open(a, O_RDONLY), pid;
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	bool unknown = !f || (a->proxy.child && a->proxy.child->taken != a->proxy.snapshot_id);

	while (f && !unknown && fscanf(f, "%d", &pid) == 1)
		unknown = !is_ours(a, pid);
	if (f)
		fclose(f);
	return unknown;
}

static void slots_told(struct agent *a, const struct answers *answers, void *arg)
{
	if (answers->missing || answers->unasked || !answers->slots || unknown_tables(a) ||
	    a->slots_given != (uint64_t)(uintptr_t)arg)
		return; /* another time */
	datapath_requests_keep(a->dp, answers->slots);
}

void slots_tidy(struct agent *a)
{
	static const uint8_t none[REQUESTS_BITS];

	if (unknown_tables(a))
		return;
	if (asks_begin(a, STATS_SLOTS, slots_told, (void *)(uintptr_t)a->slots_given))
		return;
	if (!a->proxy.wanted && a->proxy.idle)
		datapath_requests_keep(a->dp, none);
}

// SPDX-License-Identifier: GPL-2.0
/* Counts by rule and destination. */
#include "proxy/tally.h"
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"

#define LINE 64 /* of a cache */

/* As the agent gave it out; one that it could not have meant shares the records of the rest. */
static struct table_slot slot_checked(struct table_slot slot)
{
	const struct table_slot other = {REQUESTS_OTHER, REQUESTS_MOST};
	bool good = slot.records && slot.records <= REQUESTS_MOST &&
		    !(slot.records & (slot.records - 1)) &&
		    slot.first <= SHUNT_MAX_REQUESTS - slot.records;

	return good ? slot : other;
}

static void records_own(struct tally *t, unsigned nr_workers)
{
	unsigned nr = 1;
	size_t size;

	while (nr < nr_workers && nr < REQUESTS_MOST)
		nr *= 2;
	size = (nr * sizeof(t->records[0]) + LINE - 1) / LINE * LINE;
	t->own = true;
	t->mask = nr - 1;
	t->records = aligned_alloc(LINE, size);
	if (!t->records)
		abort();
	memset(t->records, 0, size);
}

static struct tally *tally_new(const struct tallies *all, const char *rule, const char *cluster,
			       struct table_slot slot)
{
	struct tally *t = xcalloc(1, sizeof(*t));

	t->rule = xstrdup(rule);
	t->cluster = xstrdup(cluster);
	if (!all->shared) {
		records_own(t, all->nr_workers);
		return t;
	}
	t->slot = slot_checked(slot);
	t->mask = t->slot.records - 1;
	t->records = all->shared + t->slot.first;
	return t;
}

struct tally *tally_get(struct tallies *all, const char *rule, const char *cluster,
			struct table_slot slot)
{
	char *key = xasprintf("%u\n%s\n%s", slot.first, rule, cluster);
	struct tally *t = strmap_get(&all->all, key);

	if (t) {
		free(key);
	} else {
		t = tally_new(all, rule, cluster, slot);
		t->key = key;
		strmap_put(&all->all, key, t);
	}
	t->refs++;
	return t;
}

void tally_put(struct tallies *all, struct tally *t)
{
	if (--t->refs)
		return;
	strmap_remove(&all->all, t->key);
	free(t->key);
	free(t->rule);
	free(t->cluster);
	if (t->own)
		free(t->records);
	free(t);
}

void tally_sum(const struct tally *t, struct requests *to)
{
	const size_t members = sizeof(*to) / sizeof(uint64_t);
	uint64_t *sum = (uint64_t *)to;

	memset(to, 0, sizeof(*to));
	for (unsigned r = 0; r <= t->mask; r++) {
		const uint64_t *from = (const uint64_t *)&t->records[r];

		for (size_t i = 0; i < members; i++)
			sum[i] += __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	}
}

/* Another proxy, that goes or comes, may add to the same record. */
static void add(__u64 *count, uint64_t n)
{
	__atomic_fetch_add(count, n, __ATOMIC_RELAXED);
}

static unsigned bucket(int64_t took)
{
	static const int64_t most[] = {
#define TOOK_MOST(name, ns) ns,
		SHUNT_TOOK(TOOK_MOST)
#undef TOOK_MOST
	};
	unsigned i = 0;

	while (i < sizeof(most) / sizeof(most[0]) && took > most[i])
		i++;
	return i;
}

void tally_request(const struct tally *t, unsigned worker, const struct tally_end *end)
{
	struct requests *r = &t->records[worker & t->mask];
	unsigned class = end->status / 100;

	add(&r->requests, 1);
	if (end->received)
		add(&r->bytes_received, end->received);
	if (end->sent)
		add(&r->bytes_sent, end->sent);
	add(&r->duration, (uint64_t)end->took);
	add(&(&r->status_none)[class < 6 ? class : 0], 1);
	add(&(&r->took_500us)[bucket(end->took)], 1);
	for (unsigned left = end->flags; left; left &= left - 1)
		add(&(&r->flag_UH)[__builtin_ctz(left)], 1);
}

void tally_retry(const struct tally *t, unsigned worker)
{
	add(&t->records[worker & t->mask].retries, 1);
}

void tally_regex_limit(const struct tally *t, unsigned worker)
{
	add(&t->records[worker & t->mask].regex_limits, 1);
}

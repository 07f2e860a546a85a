// SPDX-License-Identifier: GPL-2.0
/*
 * Slots for what the proxy counts and for whose turn it is there. A slot stays with its name over
 * agents and proxies, so that counts and turns go on; it is given back when no proxy names it.
 */
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include "base/log.h"
#include "datapath/kernel.h"
#include "datapath/name.h"

struct requests_ref {
	struct requests_name name;
	uint32_t first;
};
struct turn_ref {
	struct turn_name name;
	uint32_t slot;
};

static char *requests_key(const struct requests_name *n)
{
	return xasprintf("%s\n%s\n%s\n%u", n->rule, n->host, n->subset, n->port);
}

static void name_fill(struct requests_name *out, const struct requests_of *of)
{
	*out = (struct requests_name){.port = of->port};
	name_put(out->rule, sizeof(out->rule), of->rule);
	name_put(out->host, sizeof(out->host), of->host);
	name_put(out->subset, sizeof(out->subset), of->subset);
}

static char *turn_key(const struct turn_name *n)
{
	return xasprintf("%s\n%s", n->rule, n->split);
}

static struct requests_ref *requests_add(struct datapath *dp, const char *key,
					 const struct requests_name *name, uint32_t first)
{
	struct requests_ref *r = xcalloc(1, sizeof(*r));

	r->name = *name;
	r->first = first;
	strmap_put(&dp->requests_refs, key, r);
	return r;
}

static void turn_add(struct datapath *dp, const char *key, const struct turn_name *name,
		     uint32_t slot)
{
	struct turn_ref *t = xcalloc(1, sizeof(*t));

	t->name = *name;
	t->slot = slot;
	strmap_put(&dp->turn_refs, key, t);
}

/* ---- what is there ---- */

static void requests_adopt_one(struct datapath *dp, uint32_t first)
{
	struct requests_name name;
	char *key;

	if (bpf_map_lookup_elem(dp->fds[MAP_REQUESTS_NAMES], &first, &name) || !name.records ||
	    name.records > REQUESTS_MOST || first > SHUNT_MAX_REQUESTS - name.records)
		return;
	key = requests_key(&name);
	if (!strmap_get(&dp->requests_refs, key)) {
		slots_mark(&dp->requests_slots, first, name.records);
		requests_add(dp, key, &name, first);
	}
	free(key);
}

static void turn_adopt_one(struct datapath *dp, uint32_t slot)
{
	struct turn_name name;
	char *key;

	if (slot >= SHUNT_MAX_PROXY_TURNS ||
	    bpf_map_lookup_elem(dp->fds[MAP_TURN_NAMES], &slot, &name))
		return;
	key = turn_key(&name);
	if (!strmap_get(&dp->turn_refs, key)) {
		slots_mark(&dp->proxy_turn_slots, slot, 1);
		turn_add(dp, key, &name, slot);
	}
	free(key);
}

static void each_key(int map, struct datapath *dp, void (*adopt)(struct datapath *dp, uint32_t key))
{
	uint32_t key, next, *previous = NULL;

	while (!bpf_map_get_next_key(map, previous, &next)) {
		key = next;
		previous = &key;
		adopt(dp, key);
	}
}

/* Slots that are there from the beginning, so that a dump of the names explains itself. */
static void fixed_name(struct datapath *dp, uint32_t first, const char *rule, const char *host)
{
	struct requests_name name = {.records = REQUESTS_MOST};
	char *key;

	snprintf(name.rule, sizeof(name.rule), "%s", rule);
	snprintf(name.host, sizeof(name.host), "%s", host);
	key = requests_key(&name);
	if (!strmap_get(&dp->requests_refs, key)) {
		slots_mark(&dp->requests_slots, first, REQUESTS_MOST);
		requests_add(dp, key, &name, first);
		if (!dp->readonly)
			bpf_map_update_elem(dp->fds[MAP_REQUESTS_NAMES], &first, &name, 0);
	}
	free(key);
}

void requests_adopt(struct datapath *dp)
{
	slots_mark(&dp->proxy_turn_slots, 0, 1); /* 0: none */
	each_key(dp->fds[MAP_REQUESTS_NAMES], dp, requests_adopt_one);
	each_key(dp->fds[MAP_TURN_NAMES], dp, turn_adopt_one);
	fixed_name(dp, REQUESTS_OTHER, "other", "");
	fixed_name(dp, REQUESTS_NO_RULE, "", "");
	fixed_name(dp, REQUESTS_PASSED, "", "PassthroughCluster");
}

void requests_close(struct datapath *dp)
{
	struct strmap_entry *e;

	strmap_each(&dp->requests_refs, e)
		free(e->value);
	strmap_each(&dp->turn_refs, e)
		free(e->value);
	strmap_free(&dp->requests_refs);
	strmap_free(&dp->turn_refs);
}

/* ---- given out ---- */

/* Rules that come when half is gone get along with one record each. */
static uint32_t records_wanted(const struct datapath *dp, unsigned workers)
{
	uint32_t n = 1;

	if (dp->requests_slots.nr_used > SHUNT_MAX_REQUESTS / 2)
		return 1;
	while (n < workers && n < REQUESTS_MOST)
		n *= 2;
	return n;
}

static struct requests_ref *requests_make(struct datapath *dp, const char *key,
					  struct requests_name *name, unsigned workers)
{
	uint32_t first;

	name->records = records_wanted(dp, workers);
	first = slots_take(&dp->requests_slots, name->records);
	if (first == SLOT_NONE && name->records > 1) {
		name->records = 1;
		first = slots_take(&dp->requests_slots, 1);
	}
	if (first == SLOT_NONE)
		return NULL;
	memset(&dp->requests[first], 0, name->records * sizeof(dp->requests[0]));
	if (bpf_map_update_elem(dp->fds[MAP_REQUESTS_NAMES], &first, name, 0)) {
		slots_undo(&dp->requests_slots, first, name->records);
		return NULL;
	}
	return requests_add(dp, key, name, first);
}

uint32_t datapath_requests_slot(struct datapath *dp, const struct requests_of *of, unsigned workers,
				uint32_t *records)
{
	struct requests_name name;
	struct requests_ref *r;
	char *key;

	name_fill(&name, of);
	key = requests_key(&name);
	r = strmap_get(&dp->requests_refs, key);
	if (!r)
		r = requests_make(dp, key, &name, workers);
	dp->requests_short |= !r;
	free(key);
	*records = r ? r->name.records : REQUESTS_MOST;
	return r ? r->first : REQUESTS_OTHER;
}

uint32_t datapath_turn_slot(struct datapath *dp, const char *rule, const char *split)
{
	struct turn_name name;
	struct turn_ref *t;
	uint32_t slot;
	char *key;

	name_put(name.rule, sizeof(name.rule), rule);
	name_put(name.split, sizeof(name.split), split);
	key = turn_key(&name);
	t = strmap_get(&dp->turn_refs, key);
	slot = t ? t->slot : slots_take(&dp->proxy_turn_slots, 1);
	if (!t && slot != SLOT_NONE) {
		__atomic_store_n(&dp->proxy_turns[slot].next, 0, __ATOMIC_RELAXED);
		bpf_map_update_elem(dp->fds[MAP_TURN_NAMES], &slot, &name, 0);
		turn_add(dp, key, &name, slot);
	}
	dp->proxy_turns_short |= slot == SLOT_NONE;
	free(key);
	return slot == SLOT_NONE ? 0 : slot;
}

/* ---- given back ---- */

static bool has_bit(const uint8_t *bits, uint32_t at)
{
	return bits[at / 8] >> at % 8 & 1;
}

static void requests_keep(struct datapath *dp, const uint8_t *bits)
{
	struct strmap kept = {0};
	struct strmap_entry *e;

	strmap_each(&dp->requests_refs, e) {
		struct requests_ref *r = e->value;

		if (r->first < REQUESTS_FIRST || has_bit(bits, r->first)) {
			strmap_put(&kept, e->key, r);
			continue;
		}
		bpf_map_delete_elem(dp->fds[MAP_REQUESTS_NAMES], &r->first);
		slots_undo(&dp->requests_slots, r->first, r->name.records);
		free(r);
	}
	strmap_free(&dp->requests_refs);
	dp->requests_refs = kept;
}

static void turns_keep(struct datapath *dp, const uint8_t *bits)
{
	struct strmap kept = {0};
	struct strmap_entry *e;

	strmap_each(&dp->turn_refs, e) {
		struct turn_ref *t = e->value;

		if (has_bit(bits, t->slot)) {
			strmap_put(&kept, e->key, t);
			continue;
		}
		bpf_map_delete_elem(dp->fds[MAP_TURN_NAMES], &t->slot);
		slots_undo(&dp->proxy_turn_slots, t->slot, 1);
		free(t);
	}
	strmap_free(&dp->turn_refs);
	dp->turn_refs = kept;
}

void datapath_requests_keep(struct datapath *dp, const uint8_t bits[REQUESTS_BITS])
{
	requests_keep(dp, bits);
	turns_keep(dp, bits + SHUNT_MAX_REQUESTS / 8);
}

/* ---- read ---- */

int datapath_requests_map(struct datapath *dp)
{
	return dp->fds[MAP_REQUESTS];
}

int datapath_turns_map(struct datapath *dp)
{
	return dp->fds[MAP_PROXY_TURNS];
}

/* Its members are all counts. */
static void requests_sum(const struct datapath *dp, const struct requests_ref *r,
			 struct requests *out)
{
	uint64_t *sum = (uint64_t *)out;

	for (uint32_t i = 0; i < r->name.records; i++) {
		const uint64_t *from = (const uint64_t *)&dp->requests[r->first + i];

		for (size_t m = 0; m < sizeof(*out) / sizeof(*sum); m++)
			sum[m] += __atomic_load_n(&from[m], __ATOMIC_RELAXED);
	}
}

bool datapath_requests_find(struct datapath *dp, const struct requests_of *of, struct requests *out)
{
	const struct requests_ref *r;
	struct requests_name name;
	char *key;

	name_fill(&name, of);
	key = requests_key(&name);
	r = strmap_get(&dp->requests_refs, key);
	free(key);
	memset(out, 0, sizeof(*out));
	if (r)
		requests_sum(dp, r, out);
	return r;
}

void datapath_requests_each(struct datapath *dp,
			    void (*each)(const struct requests_reading *r, void *arg), void *arg)
{
	struct strmap_entry *e;

	strmap_each(&dp->requests_refs, e) {
		const struct requests_ref *ref = e->value;
		struct requests_reading r = {.name = &ref->name};

		requests_sum(dp, ref, &r.counts);
		each(&r, arg);
	}
}

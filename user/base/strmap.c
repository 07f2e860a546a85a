// SPDX-License-Identifier: GPL-2.0
/* The map from strings: entries in order of insertion, and an open-addressed index over them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/strmap.h"

/* A key's text, and how many maps hold it. */
struct key {
	unsigned refs;
	char text[];
};

#define rotl(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static uint64_t seed[2];

__attribute__((constructor)) static void seed_once(void)
{
	struct timespec now;

	if (getrandom(seed, sizeof(seed), GRND_NONBLOCK) == (ssize_t)sizeof(seed))
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	seed[0] = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
	seed[1] = (uint64_t)getpid() << 32 ^ (uint64_t)(uintptr_t)&now;
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* SipHash-1-3. */
uint64_t strmap_hash_bytes(const void *key, size_t size)
{
	const char *at = key;
	uint64_t v[4] = {
		seed[0] ^ 0x736f6d6570736575u,
		seed[1] ^ 0x646f72616e646f6du,
		seed[0] ^ 0x6c7967656e657261u,
		seed[1] ^ 0x7465646279746573u,
	};
	size_t left = size;
	uint64_t word;

	for (;;) {
		word = left < 8 ? (uint64_t)size << 56 : 0;
		memcpy(&word, at, left < 8 ? left : 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
		if (left < 8)
			break;
		at += 8;
		left -= 8;
	}
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

uint64_t strmap_hash(const char *key)
{
	return strmap_hash_bytes(key, strlen(key));
}

static struct key *key_of(const char *text)
{
	return (struct key *)(text - offsetof(struct key, text));
}

static const char *key_new(const char *text)
{
	size_t size = strlen(text) + 1;
	struct key *k = xcalloc(1, sizeof(*k) + size);

	k->refs = 1;
	memcpy(k->text, text, size);
	return k->text;
}

static void key_put(const char *text)
{
	struct key *k = key_of(text);

	if (!--k->refs)
		free(k);
}

/*
 * The index slot of `key`, or the free slot where it would go. A slot holds the entry's number
 * plus one, 0 is free; a removed entry's slot stays taken until the next rebuild.
 */
static size_t slot_of(const struct strmap *m, const char *key)
{
	size_t mask = m->cap_index - 1, slot = strmap_hash(key) & mask;

	for (; m->index[slot]; slot = (slot + 1) & mask) {
		const struct strmap_entry *e = &m->entries[m->index[slot] - 1];

		if (e->key && !strcmp(e->key, key))
			break;
	}
	return slot;
}

static struct strmap_entry *find(const struct strmap *m, const char *key)
{
	unsigned at = m->nr ? m->index[slot_of(m, key)] : 0;

	return at ? &m->entries[at - 1] : NULL;
}

/* Closes the holes and makes room for one more. */
static void rebuild(struct strmap *m)
{
	size_t nr = 0;

	for (size_t i = 0; i < m->nr_entries; i++)
		if (m->entries[i].key)
			m->entries[nr++] = m->entries[i];
	m->nr_entries = nr;
	if (nr * 4 >= m->cap_entries * 3) {
		m->cap_entries = m->cap_entries ? m->cap_entries * 2 : 8;
		m->entries = xrealloc(m->entries, m->cap_entries, sizeof(*m->entries));
	}
	free(m->index);
	m->cap_index = m->cap_entries * 2;
	m->index = xcalloc(m->cap_index, sizeof(*m->index));
	for (size_t i = 0; i < nr; i++)
		m->index[slot_of(m, m->entries[i].key)] = i + 1;
}

void strmap_free(struct strmap *m)
{
	for (size_t i = 0; i < m->nr_entries; i++)
		if (m->entries[i].key)
			key_put(m->entries[i].key);
	free(m->entries);
	free(m->index);
	*m = (struct strmap){0};
}

void *strmap_get(const struct strmap *m, const char *key)
{
	struct strmap_entry *e = find(m, key);

	return e ? e->value : NULL;
}

void *strmap_put(struct strmap *m, const char *key, void *value)
{
	struct strmap_entry *e = find(m, key);
	void *old;

	if (e) {
		old = e->value;
		e->value = value;
		return old;
	}
	if (m->nr_entries == m->cap_entries)
		rebuild(m);
	m->entries[m->nr_entries] = (struct strmap_entry){key_new(key), value};
	m->index[slot_of(m, key)] = ++m->nr_entries;
	m->nr++;
	return NULL;
}

void *strmap_remove(struct strmap *m, const char *key)
{
	struct strmap_entry *e = find(m, key);

	if (!e)
		return NULL;
	key_put(e->key);
	e->key = NULL;
	m->nr--;
	return e->value;
}

void strmap_copy(struct strmap *to, const struct strmap *from)
{
	struct strmap_entry *e;

	if (!from->nr)
		return;
	*to = *from;
	to->entries = xcalloc(from->cap_entries, sizeof(*to->entries));
	memcpy(to->entries, from->entries, from->nr_entries * sizeof(*to->entries));
	to->index = xcalloc(from->cap_index, sizeof(*to->index));
	memcpy(to->index, from->index, from->cap_index * sizeof(*to->index));
	strmap_each (to, e)
		key_of(e->key)->refs++;
}

void *strmap_get_beside(const struct strmap *m, const struct strmap *of,
			const struct strmap_entry *e)
{
	size_t at = (size_t)(e - of->entries);

	if (at < m->nr_entries && m->entries[at].key == e->key)
		return m->entries[at].value;
	return strmap_get(m, e->key);
}

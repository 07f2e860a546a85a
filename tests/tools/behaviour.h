/* SPDX-License-Identifier: GPL-2.0 */
/* What a path and its query ask of the test server, and what the server has counted so far. */
#ifndef TOOLS_BEHAVIOUR_H
#define TOOLS_BEHAVIOUR_H

#include "chain.h"

enum action { ACTION_ANSWER, ACTION_HOLD, ACTION_CHAIN };

struct behaviour {
	enum action action;
	int status;
	unsigned delay_ms;
};

struct stats {
	unsigned long accepted, open, max_open, requests;
};

/* Tries seen of each id that /fail-first was asked with. */
struct tries {
	struct tries *next;
	unsigned long nr;
	char id[];
};

static inline unsigned long tries_add(const char *id)
{
	static struct tries *table[4096];
	unsigned hash = 5381;
	struct tries *t;

	for (const char *p = id; *p; p++)
		hash = hash * 33 + (unsigned char)*p;
	for (t = table[hash % 4096]; t && strcmp(t->id, id);)
		t = t->next;
	if (!t) {
		t = calloc(1, sizeof(*t) + strlen(id) + 1);
		if (!t)
			die(1, "out of memory");
		strcpy(t->id, id);
		t->next = table[hash % 4096];
		table[hash % 4096] = t;
	}
	return ++t->nr;
}

/* Spreads failures evenly: after n calls, n * percent / 100 of them have failed, rounded down. */
static inline bool fails_now(unsigned long percent)
{
	static unsigned long n;

	n++;
	return n * percent / 100 > (n - 1) * percent / 100;
}

/* Independent of all calls before. */
static inline bool fails_randomly(unsigned long percent)
{
	return (unsigned long)random() % 100 < percent;
}

static inline unsigned long parameter_number(const char *target, const char *name,
					     unsigned long otherwise)
{
	char text[32];

	return http_parameter(target, name, 0, text, sizeof(text)) ? strtoul(text, NULL, 10) :
								     otherwise;
}

static inline bool path_is(const char *target, const char *path)
{
	size_t n = strcspn(target, "?");

	return n == strlen(path) && !strncmp(target, path, n);
}

static inline struct behaviour behaviour_of(const char *target)
{
	struct behaviour b = { ACTION_ANSWER, 200, (unsigned)parameter_number(target, "ms", 0) };
	char id[256];

	if (path_is(target, "/hold"))
		b.action = ACTION_HOLD;
	else if (path_is(target, "/chain"))
		b.action = ACTION_CHAIN;
	else if (path_is(target, "/status"))
		b.status = (int)parameter_number(target, "code", 200);
	else if (path_is(target, "/fail") && fails_now(parameter_number(target, "rate", 100)))
		b.status = 500;
	else if (path_is(target, "/fail-randomly") &&
		 fails_randomly(parameter_number(target, "rate", 100)))
		b.status = 500;
	else if (path_is(target, "/fail-first") &&
		 http_parameter(target, "id", 0, id, sizeof(id)) &&
		 tries_add(id) <= parameter_number(target, "k", 0))
		b.status = 500;
	return b;
}

static inline void behaviour_urls(const char *target, struct chain *c)
{
	while (c->nr < CHAIN_MAX_CALLS && http_parameter(target, "url", (unsigned)c->nr,
							 c->url[c->nr], sizeof(c->url[0])))
		c->nr++;
}

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* The rules of a port, found by path: those whose path differs cost nothing. */
#ifndef PROXY_RULES_H
#define PROXY_RULES_H

#include "http/match.h"
#include "proxy/prefixes.h"
#include "snapshot/table.h"

enum rules_uri { RULES_EXACT, RULES_PREFIX, RULES_ELEMENTS, RULES_NR_URI };

/* A way into a rule: one of its matches, NULL when it has none. */
struct rules_entry {
	const struct table_rule *rule;
	const struct http_match *match;
};

struct rules {
	struct rules_entry *entries; /* in the order that decides */
	uint32_t nr;
	struct prefixes by_uri[RULES_NR_URI][2]; /* [1]: in any case; the values count entries */
	uint32_t *others;			 /* entries whose path is no such text */
	size_t nr_others;
};

/* Borrows the rules of the port; the rest is the arena's. */
void rules_index(struct rules *out, struct arena *arena, const struct table_port *port);
/*
 * The first entry that takes the request; NULL: none. *limited: the last rule of which an expression
 * was given up, NULL: none was.
 */
const struct rules_entry *rules_find(const struct rules *r, const struct http_request *request,
				     struct regexes *x, const struct table_rule **limited);
/* Calls `ask` with each expression that requests of the rule can need. */
void rule_regexes(const struct table_rule *r, void (*ask)(const char *text, void *arg), void *arg);

#endif

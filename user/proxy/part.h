/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that is known of one host, with the state that its rules and clusters go on with. It is built
 * once and shared by the tables that have it, which are most when other hosts change. The main
 * thread makes and frees it; requests read it as long as they hold a table.
 */
#ifndef PROXY_PART_H
#define PROXY_PART_H

#include "proxy/cluster.h"
#include "proxy/rules.h"
#include "proxy/tally.h"
#include "proxy/turn.h"

struct destination { /* a cluster */
	const struct table_cluster *table;
	struct cluster *cluster;
	struct endpoint **endpoints; /* as in the table */
	struct balance *balance;
	struct destination *next, **link; /* among those with outlier detection; main thread */
};

struct route { /* a rule */
	const struct table_rule *rule;
	const struct part *part;
	struct turn *turn;	 /* NULL: nothing to choose */
	struct tally **of_split; /* one for each destination; without any, one */
	struct tally **of_mirror;
};

struct port {
	const struct table_port *table;
	struct rules rules;
	struct route *routes;	   /* of the rules, then that for bytes */
	const struct route *bytes; /* for what is no http; NULL: it is closed */
};

/* A name that a port answers to, see hosts.h. */
struct host_name {
	uint64_t hash;
	const char *text;
	const struct port *port;
};
/* What is dialled for it. */
struct dialled {
	uint64_t hash;
	const struct table_entry *entry;
	const struct port *port;
};

struct part {
	uint64_t id;
	unsigned refs; /* tables that have it */
	const struct snapshot *in; /* the newest of these while that is in force, else NULL */
	struct arena *arena;
	const struct table_part *table;
	struct destination *destinations; /* as table->clusters */
	struct port *ports;		  /* as table->ports */
	struct host_name *names;
	size_t nr_names;
	struct dialled *dialled; /* as table->entries */
};

/* What lives longer than a part. */
struct lasting {
	struct clusters clusters;
	struct turns turns;
	struct tallies tallies;
	struct regexes regexes;
	struct destination *watched; /* those with outlier detection */
};

/* Takes over `arena`, which holds the table; without references. */
struct part *part_new(struct lasting *all, uint64_t id, struct arena *arena,
		      const struct table_part *t);
void part_free(struct lasting *all, struct part *p);
/* It comes into force, and goes: its endpoints are known, and those that no other part has are not
 * any more. */
void part_enter(struct part *p);
void part_leave(struct part *p);

/* One cluster alone. */
void destination_fill(struct destination *d, struct lasting *all, struct arena *arena,
		      const struct table_cluster *t);
void destination_give(struct lasting *all, struct destination *d);

/*
 * The first rule of the port that takes the request; NULL: none. *taken: by which match, NULL
 * without one. *limited: the last rule of which an expression was given up, NULL: none was.
 */
const struct route *port_route(const struct port *p, const struct http_request *r,
			       struct regexes *x, const struct http_match **taken,
			       const struct route **limited);
/* One of the clusters that the rule of `r` names. */
static inline const struct destination *route_destination(const struct route *r,
							  const struct table_cluster *c)
{
	return &r->part->destinations[c - r->part->table->clusters];
}

#endif

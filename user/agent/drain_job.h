/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The live connections of one port, for callers that see the same of it: which of them are more
 * than its plan gives their destination, and how many of those leave at a time. It is made when the
 * port changes, and holds nothing of a plan.
 */
#ifndef AGENT_DRAIN_JOB_H
#define AGENT_DRAIN_JOB_H

#include "base/vec.h"
#include "datapath/datapath.h"
#include "plan/plan.h"

/* A destination. Counts are those of the last tally. */
struct drain_target {
	uint32_t cluster; /* slot in cluster_state */
	uint32_t weight;  /* 0: nobody should be there */
	char *subset;
	uint64_t live;	  /* connections there */
	uint64_t gone;	  /* of them, those whose endpoint is gone */
	uint64_t surplus; /* those that have to leave yet */
	uint64_t budget;  /* how many may yet leave for the sake of the weights */
	uint64_t moved;	  /* how many have left */
};
struct drain_route {
	bool narrow; /* for some of the port's addresses only */
	struct subnet within;
	VEC(struct drain_target) targets;
};
/* Connections that are alike. */
struct drain_row {
	struct drain_key key;
	uint64_t connected, connecting;
	bool gone;
	size_t route, target;
};

struct drain_job {
	uint64_t id; /* of the command that asked for it; 0: a plan did */
	char *host, *subset; /* subset: only that destination; NULL: all */
	uint16_t port;
	uint8_t protocol;
	bool anywhere; /* also those in clusters that no plan known here sends to */
	bool weighs; /* else only those whose endpoint is gone have to leave */
	bool counted;
	uint64_t began, deadline, ended; /* CLOCK_MONOTONIC ns; ended 0: it goes on */
	VEC(uint32_t) scopes;
	VEC(struct inet) addresses;
	VEC(struct subnet) subnets;
	VEC(struct inet) outside; /* addresses for callers from outside of the node; */
	uint16_t node_ports[2];   /* and ports of the node's own, for the plan's and for that before; 0: none */
	size_t front;		  /* the route of these callers; 0: they have none */
	VEC(struct drain_route) routes; /* the first one is the port's own */
	VEC(struct drain_row) rows; /* of the last tally */
};

/* `host` and `scopes` (numbers) say whose connections; the caller frees it. */
struct drain_job *drain_job_new(const struct plan_host *host, uint16_t port, uint8_t protocol,
				const uint32_t *scopes, size_t nr_scopes);
/* Addresses at which its connections were dialled. */
void drain_job_addresses(struct drain_job *j, const struct inet *addresses, size_t nr);
void drain_job_subnets(struct drain_job *j, const struct subnet *subnets, size_t nr);
/* Where they belong. `was`: where they belonged; nobody should be there but by `now`'s weights. */
void drain_job_port(struct drain_job *j, struct datapath *dp, const struct plan_port *now,
		    const struct plan_port *was);
/* The same of callers from outside of the node, after that; a host may be NULL where its port is. */
void drain_job_front(struct drain_job *j, struct datapath *dp, const struct plan_host *now_host,
		     const struct plan_port *now, const struct plan_host *was_host,
		     const struct plan_port *was);
void drain_job_free(struct drain_job *j);

/* What was counted: drain_job_tally for each reading, between these two. */
void drain_job_tally_begin(struct drain_job *j);
void drain_job_tally(struct drain_job *j, const struct drain_reading *r);
void drain_job_tally_end(struct drain_job *j);
uint64_t drain_job_surplus(const struct drain_job *j);
uint64_t drain_job_moved(const struct drain_job *j);

/* Adds to *out those that leave now, when there are `steps` until all have to have left; at most
 * *most, which goes down. */
struct drain_wishes {
	VEC(struct drain_wish) list;
	VEC(struct drain_target *) of; /* whose each is */
};
void drain_job_wish(struct drain_job *j, uint64_t steps, uint64_t *most, struct drain_wishes *out);
/* `moved` of a wish for this target were met. */
void drain_target_moved(struct drain_target *t, uint64_t moved);

#endif

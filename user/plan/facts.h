/* SPDX-License-Identifier: GPL-2.0 */
/* A host's plan as single facts, so that two plans can be compared fact by fact. */
#ifndef PLAN_FACTS_H
#define PLAN_FACTS_H

#include "plan/plan.h"

struct fact {
	const char *host;
	uint16_t port;		/* 0: of the host */
	bool udp;		/* of the port */
	const char *scopes;	/* callers it is for; "" everyone */
	const char *rule;	/* name of the http or tls route on the proxy, "" none */
	const char *destination; /* "v1 host:port"; "" of the port or rule itself */
	const struct plan_cluster *cluster; /* of the destination */
	const char *what, *value;
};

/* key -> struct fact *, in the order they are found; all belongs to the arena */
struct facts {
	struct strmap map;
	struct arena *arena;
};

void facts_of_host(const struct plan_host *h, struct facts *out);
/* Every leaf of a JSON value that is shown, as facts of `host`. */
void facts_of_json(const json_t *value, const char *host, struct facts *out);
void facts_free(struct facts *f);

#endif

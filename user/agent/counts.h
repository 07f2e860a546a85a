/* SPDX-License-Identifier: GPL-2.0 */
/* What the proxy has counted and what it says of its clusters, by destination, for one command. */
#ifndef AGENT_COUNTS_H
#define AGENT_COUNTS_H

#include <jansson.h>
#include "base/strmap.h"
#include "base/vec.h"
#include "datapath/datapath.h"

struct agent;

struct counts {
	VEC(struct requests_reading) list;
	struct strmap by_to;   /* "host|port|subset" -> struct requests *, of all rules */
	struct strmap said;    /* the same -> json_t *, an array: one of the proxy's clusters each */
};

void counts_read(struct agent *a, struct counts *out);
void counts_free(struct counts *c);

/* Of all rules; NULL: nothing ever went there. */
const struct requests *counts_to(const struct counts *c, const char *host, uint16_t port,
				 const char *subset);
/* The sum of a member of what all processes say of the cluster. */
json_int_t counts_said(const struct counts *c, const char *host, uint16_t port, const char *subset,
		       const char *member);
/* What is said of an endpoint there: how many requests are on their way, and until when (time of
 * day in seconds) it is ejected, 0: it is not. */
struct endpoint_said {
	json_int_t active, ejections;
	double ejected_until;
};
struct endpoint_said counts_endpoint(const struct counts *c, const char *host, uint16_t port,
				     const char *subset, const char *address);

/* requests, responses, flags, retries, bytes and duration; the counts that are 0 are left out of
 * responses and flags. */
json_t *requests_json(const struct requests *r);

#endif

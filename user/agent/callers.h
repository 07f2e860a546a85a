/* SPDX-License-Identifier: GPL-2.0 */
/* Which pod calls from which network namespace, told to the kernel while rules ask who calls. */
#ifndef AGENT_CALLERS_H
#define AGENT_CALLERS_H

#include <jansson.h>
#include "agent/netns.h"
#include "base/loop.h"

struct agent;
struct plan;

struct callers {
	struct netns_watch watch;
	struct loop_source *timer;
	bool followed; /* the plan in force asks who calls, or needs the proxy in pods */
	bool wanted; /* by what pods of the set in force ask for */
	uint64_t scanned; /* ns, when the last scan began */
};

/* Before the first plan. -errno */
int callers_start(struct agent *a);
void callers_stop(struct agent *a);
/* Another set of objects is in force. */
void callers_follow(struct agent *a);
/* A connection came from a namespace that the kernel does not know. */
void callers_heard(struct agent *a, uint64_t netns);
/* [{"scope": key, "number", "closed", "registry_only", "pods": [{"pod", "netns"}]}] by key */
json_t *callers_json(const struct agent *a);
/* Where the namespace with this cookie can be entered, looked for when it is not known; the caller
 * frees. NULL: it is not to be found. */
char *callers_netns_path(struct agent *a, uint64_t netns);
size_t callers_known(const struct agent *a); /* namespaces of pods */

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Pods that are steered by their packets, as they ask for it or as no hook would see their sockets. */
#ifndef AGENT_CAPTURE_H
#define AGENT_CAPTURE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/loop.h"
#include "base/vec.h"
#include "datapath/capture.h"

struct agent;

enum capture_how {
	CAPTURE_AUTO,	/* those that ask for it, and virtual machines */
	CAPTURE_SOCKET, /* those that ask for it */
	CAPTURE_TC,	/* all pods */
};

struct captured_pod {
	uint64_t netns;
	const char *because;
	char *pod;
	unsigned device; /* 0: none was found */
};
struct capture {
	struct loop_source *later;
	VEC(struct captured_pod) pods;
	uint64_t looked; /* number of the scan when devices were last looked for */
};

/* "auto", "socket", "tc"; false when it is none. */
bool capture_how_find(const char *name, enum capture_how *out);
/* -errno */
int capture_start(struct agent *a);
void capture_stop(struct agent *a);
/* Whether some pod of the set in force may have to be captured: then namespaces are followed. */
bool capture_wanted(const struct agent *a);
/* Namespaces were scanned, or another set of objects is in force. */
void capture_follow(struct agent *a);
/* [{"pod", "device", "because"}] */
json_t *capture_json(const struct agent *a);

#endif

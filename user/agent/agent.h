/* SPDX-License-Identifier: GPL-2.0 */
/* The node agent: keeps the kernel doing what the configuration says. */
#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <time.h>
#include "agent/access_file.h"
#include "agent/admin.h"
#include "agent/asks.h"
#include "agent/callers.h"
#include "agent/capture.h"
#include "agent/drain.h"
#include "agent/files.h"
#include "agent/lock.h"
#include "agent/node.h"
#include "agent/proxy.h"
#include "agent/state.h"
#include "base/loop.h"
#include "datapath/datapath.h"
#include "plan/plan.h"

struct agent_options {
	const char *root, *cgroup; /* cgroup NULL: the cgroup2 root */
	const char *config, *state;
	const char *metrics; /* "[ADDRESS:]PORT", or "off" */
	const char *node; /* the Node that this host is, "" not known */
	enum capture_how capture;
	const char *node_devices, *node_addresses; /* "eth0,…", "192.0.2.1,…"; NULL: as found */
	enum outside_hook outside;
	bool lenient, split_requests;
	bool no_proxy; /* ports that need it take their bypass, or are refused */
	bool splice;   /* all that is steered and local, asked for or not */
	const char *access_log; /* "-": standard output; NULL: none */
	bool access_log_json;
	uint64_t l7_memory;  /* bytes; 0: the proxy's default */
	unsigned l7_workers; /* 0: one for each CPU */
};

#define AGENT_EVENTS 1024 /* kept for `shunt events` */

struct agent {
	const struct agent_options *options;
	struct loop *loop;
	int signals;
	struct lock lock;
	struct datapath *dp;
	struct files files;
	struct state state;
	struct addresses *addresses;
	struct callers callers;
	struct capture capture;
	struct drains drains;
	struct node_watch node;
	struct agent_proxy proxy;
	struct access_file access;
	struct asks asks;
	const json_t *said; /* by the proxies, while a command runs that wants it; NULL: nothing */
	uint64_t slots_given; /* how often */

	/* in force */
	struct config_set set;
	struct plan *plan;
	bool in_force; /* a plan of this agent; till then the kernel does what it did before */
	uint32_t last_plan; /* number given out last, also to plans that were refused */

	struct diags rejected; /* by the sources, as of the last look at them */
	struct diags refused;  /* why the last plan of the sources is not in force; empty: it is */
	bool waiting;	       /* the sources hold what is not in force */
	struct strmap not_enforced; /* diagnostics of applied objects that are only warned about */

	struct admin *admin;
	struct scrape *scrape;
	struct loop_source *reclaim, *minute, *sync, *busy, *tidy;
	uint64_t busy_ms; /* until files that were busy are tried again */
	struct event events[AGENT_EVENTS];
	uint64_t nr_events; /* ever; the last AGENT_EVENTS are kept */
	struct timespec started;
};

/* Runs until SIGTERM or SIGINT, in the foreground; what is in the kernel stays. Exit status. */
int agent_run(const struct agent_options *options);
bool agent_metrics_valid(const char *metrics); /* as in agent_options */

struct edit;
/*
 * Puts `wanted` in force and takes it over (it is empty then); on failure all stays as it was and
 * the reason is in `diags`. With `edit`, what is found about its objects, or newly about others,
 * goes to `found`; an error there refuses it all.
 */
int agent_put_in_force(struct agent *a, struct config_set *wanted, struct diags *diags,
		       const struct edit *edit, struct diags *found);
/*
 * The set that an edit starts from: what is in force. Before anything is, that would take all from
 * the kernel that it still does, so it is the sources then. `into` is empty.
 */
void agent_base(struct agent *a, struct config_set *into);
/* The object of that set, NULL: none. */
struct object *agent_object(struct agent *a, enum kind kind, const char *namespace,
			    const char *name);
/* Folder and applied objects together put in force; outcome in a->rejected and a->refused. */
void agent_reconcile(struct agent *a);

/* ---- replies.c; `arg` is the agent ---- */
void request_run(struct admin_client *c, json_t *request, void *arg); /* see admin_open */
bool metrics_ask(void *arg); /* see scrape_open, as is the next one */
void metrics_print(FILE *out, void *arg);

/* ---- what the admin socket is asked; each returns the reply ---- */
json_t *command_run(struct agent *a, const json_t *request);
int command_asks(const json_t *request); /* enum control_stats, see asks.h; -1: nothing */
json_t *command_apply(struct agent *a, const json_t *request);
json_t *command_delete(struct agent *a, const json_t *request);
json_t *command_diff(struct agent *a, const json_t *request);
json_t *command_drain(struct agent *a, const json_t *request);
json_t *command_shift(struct agent *a, const json_t *request);
json_t *command_get(struct agent *a, const json_t *request);
json_t *command_explain(struct agent *a, const json_t *request);
json_t *command_hosts(struct agent *a, const json_t *request);
json_t *command_status(struct agent *a, const json_t *request);
json_t *command_services(struct agent *a, const json_t *request);
json_t *command_clusters(struct agent *a, const json_t *request);
json_t *command_endpoints(struct agent *a, const json_t *request);
json_t *command_events(struct agent *a, const json_t *request);
json_t *command_conns(struct agent *a, const json_t *request);
json_t *command_top(struct agent *a, const json_t *request);

json_t *event_json(const struct agent *a, const struct event *e);
json_t *datapath_json(struct datapath *dp); /* kernel, programs, counters, … of a status */
json_t *counters_json(const struct counters *c);
json_t *reply_refused(struct diags *diags, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* empties diags; NULL is fine */
const char *request_text(const json_t *request, const char *key); /* NULL: none */

/* Objects of an apply, a delete or a diff: decoded, none twice; the caller puts them. */
struct edit {
	VEC(struct object *) put, gone;
	VEC(struct object *) unchanged;
	struct diags diags;
};
int edit_read(const json_t *request, struct edit *c);
/* Faults for each object that stands in the folder: those are changed there. */
void edit_check_folder(struct agent *a, struct edit *c, const char *verb);
/* Puts c->put in force and on disk and takes c->gone out. NULL, or the refusal to send. */
json_t *edit_apply(struct agent *a, struct edit *c);
void edit_free(struct edit *c);
char *object_title(const struct object *o); /* "virtualservice.networking.istio.io/reviews" */
char *object_yaml(const struct object *o); /* the caller frees both */
json_t *object_shown(const struct object *o); /* as written, without what a Secret holds */

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Telling why a call goes where it goes: the walk through a plan, with a step for each decision. */
#ifndef PLAN_EXPLAIN_H
#define PLAN_EXPLAIN_H

#include "http/match.h"
#include "http/rewrite.h"
#include "plan/rule.h"
#include "plan/target.h"

enum outcome {
	OUTCOME_NOTE,
	OUTCOME_TAKEN,
	OUTCOME_PASSED_OVER,
	OUTCOME_APPLIES, /* a setting or an action */
	OUTCOME_REFUSED,
};

struct telling {
	const struct plan *plan;
	struct planner planner;	  /* its host is `scratch`, its caller who calls */
	struct plan_host scratch; /* for what is merged anew, and for texts */
	const struct plan_question *question;
	const char *namespace;	  /* in which short names are looked up */
	const struct object *pod; /* who calls; NULL: not known */
	struct target target;
	const struct plan_host *host;
	const struct plan_port *port;
	struct http_listener listener;
	struct plan_scope workload; /* of a gateway: it is the caller then */
	const char *what;	    /* that is routed: "connections" or "requests" */
	bool asked;		    /* `request` is there */
	struct http_request request;
	VEC(struct http_header) headers;
	struct regexes regexes;
	struct strmap told; /* rules that have been told of, by id and host */
	json_t *steps, *decision;
};

void step(struct telling *t, enum outcome outcome, const struct object *o, const char *field,
	  const struct place *place, const char *format, ...) __attribute__((format(printf, 6, 7)));
void step_at(struct telling *t, enum outcome outcome, const struct plan_source *from,
	     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Something without an object behind it. */
void step_note(struct telling *t, enum outcome outcome, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Sets a member of the decision; `value` is taken over. */
void decide(struct telling *t, const char *key, json_t *value);

/* ---- explain_port.c ---- */

/* What becomes of connections to what is no host or port of the caller's. */
void nobodys_tell(struct telling *t, const char *what);
/* The host is there, but not for the caller. */
void hidden_tell(struct telling *t, const struct object *owner);
/* What the kernel does with what the proxy should take, and cannot. */
void bypass_tell(struct telling *t);
void verdict_decide(struct telling *t);
void port_tell(struct telling *t);

/* ---- explain_request.c ---- */

/* What is asked for besides the target; false: *why says what is no way to ask it. */
bool request_read(struct telling *t, char **why);
/* The caller: its namespace, Pod and scope; steps for what they mean. */
void caller_read(struct telling *t);
void caller_tell(struct telling *t);
json_t *request_json(const struct telling *t); /* null without one */
json_t *caller_json(const struct telling *t);
/* How well the host answers to the authority of the request, for the caller. */
unsigned host_answers(const struct telling *t, const struct plan_host *h);

/* ---- explain_routes.c ---- */

/* Which VirtualService has the host, which of its routes takes the call, and what was passed over.
 */
void routes_tell(struct telling *t);
/* The conditions of matches that no call can meet here; NULL: some can. */
const char *misses_text(struct telling *t, const struct route_match *at, size_t nr,
			const char *(*misses)(const struct planner *p, const struct route_match *m,
					      const struct vantage *from));
/* All goes to the plain service; `vs` (may be NULL) has the host. */
void plain_tell(struct telling *t, const struct object *vs);
/* Whether a rule was made of this route. */
bool rule_is_of(const struct plan_rule *r, const struct merged_route *m);
/* Without a request: what the rule takes. */
void rule_list(struct telling *t, const struct plan_rule *r);
/* The rule is what decides. */
void rule_decided(struct telling *t, const struct plan_rule *r);
/* The entry whose server names fit best, NULL: none does, or nothing is asked. */
const struct plan_sni *sni_asked(const struct telling *t, const struct plan_sni *snis, size_t nr);
void sni_tell(struct telling *t, const struct plan_sni *s, enum outcome outcome, const char *word);

/* ---- explain_tcp.c ---- */

/* The tcp routes of `vs`, which may be NULL, for a port of TCP or UDP. */
void tcp_tell(struct telling *t, const struct object *vs);

/* ---- explain_gateway.c ---- */

/* The request comes in at the Gateway of the question; as plan_explain(). */
int gateway_explain(struct telling *t, char **why);

/* ---- explain_rule.c ---- */

/* "spec.http[0]", with the route of the delegate; in the scratch arena. */
const char *rule_label(struct telling *t, const struct plan_rule *r);
/* Whether a rule takes the request; *taken: by which match, NULL without one. Else why not is told.
 */
bool rule_takes(struct telling *t, const struct plan_rule *r, const struct plan_match **taken);
/* A step for each thing that is printed of a rule with these actions alone. */
void action_tell(struct telling *t, const struct plan_rule *only, const struct plan_source *from);
/* What a rule does with what it takes. `m` is where its parts were written, NULL: nowhere. */
void actions_tell(struct telling *t, const struct plan_rule *r, const struct merged_route *m,
		  const struct plan_match *taken);

/* ---- explain_cluster.c ---- */

/* The destinations of a route, their share, and the DestinationRules that count for them. */
void split_tell(struct telling *t, const struct plan_route *r);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Parts of a plan as words for people. */
#ifndef PLAN_TEXT_H
#define PLAN_TEXT_H

#include "plan/plan.h"

/* "1.5s", "250ms", "1h": as short as it is exact. */
const char *duration_print(int64_t ns, char out[32]);
/* "12.5%" of millionths. */
const char *millionths_print(uint32_t millionths, char out[16]);
/* "uri prefix /api and header end-user = jason"; "always" for none. The caller frees. */
char *match_text(const struct http_match *m);
/* What a rule does beside forwarding, in the order it happens: one line each into `out`. */
void actions_print(const struct plan_rule *r, const char *indent, FILE *out);
void headers_print(const struct http_headers *h, const char *indent, FILE *out);
/* "v1 of reviews.default.svc.cluster.local:9080"; the caller frees. */
char *cluster_text(const struct plan_cluster *c);
/* "keep", "now" or "30s". */
const char *drain_print(const struct plan_drain *drain, char out[32]);
const char *client_tls_name(enum client_tls_mode mode); /* "SIMPLE" */
/* The blocks of a policy that differ from the default, "" when there are none. The caller frees. */
char *policy_text(const struct plan_policy *p);

#endif

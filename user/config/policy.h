/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of the traffic policy blocks, shared by rule, subset, port level and Sidecar. */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include "config/decode.h"

extern const struct message traffic_policy;  /* into struct traffic_policy */
extern const struct message load_balancer;   /* into struct load_balancer */
extern const struct message connection_pool; /* into struct connection_pool */
extern const struct message client_tls;	     /* into struct client_tls */
extern const struct message server_tls;	     /* into struct server_tls */
extern const struct message locality_balancer, zone_balancer; /* into struct locality_setting */

/* The key is there and not null. */
bool is_set(const struct node *map, const char *key);
/* The key is there and holds something: no empty text, list or map. */
bool is_given(const struct node *map, const char *key);
/* The key is there and true. */
bool is_true(const struct node *map, const char *key);
/* A text that was not given becomes "". */
void text_fill(const char **text);

#endif

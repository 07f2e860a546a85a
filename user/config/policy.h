/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of the traffic policy blocks, shared by rule, subset, port level and Sidecar. */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include "config/decode.h"

extern const struct message traffic_policy;  /* into struct traffic_policy */
extern const struct message load_balancer;   /* into struct load_balancer */
extern const struct message connection_pool; /* into struct connection_pool */
/* Only checked yet. */
extern const struct message client_tls, server_tls, locality_balancer, zone_balancer;

/* The key is there and not null. */
bool is_set(const struct node *map, const char *key);

#endif

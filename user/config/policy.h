/* SPDX-License-Identifier: GPL-2.0 */
/* Tables of the traffic policy blocks, shared by rule, subset, port level and Sidecar. */
#ifndef CONFIG_POLICY_H
#define CONFIG_POLICY_H

#include "config/decode.h"

extern const struct message traffic_policy;	/* into struct policy_set */
extern const struct message load_balancer;	/* into struct traffic_policy */
extern const struct message connection_pool;	/* into struct traffic_policy */
extern const struct message outlier_detection; /* kept nowhere yet */
extern const struct message client_tls;	/* likewise */
extern const struct message server_tls;	/* likewise */
extern const struct message locality_balancer;
extern const struct message zone_balancer;
extern const struct message consistent_hash;

bool is_set(const struct node *map, const char *key);

#endif

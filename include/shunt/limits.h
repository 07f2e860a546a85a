/* SPDX-License-Identifier: GPL-2.0 */
/* Capacities of the kernel maps; the agent refuses a plan that needs more, naming the limit. */
#ifndef SHUNT_LIMITS_H
#define SHUNT_LIMITS_H

#define SHUNT_MAX_SERVICES 65536	/* address:port:protocol:scope entries */
#define SHUNT_MAX_ROUTES 65536		/* route records, old and new together */
#define SHUNT_MAX_CLUSTERS 131072	/* cluster records, old and new together */
#define SHUNT_MAX_CLUSTER_STATES 65536	/* distinct host, port, subset */
#define SHUNT_MAX_ENDPOINTS 262144	/* endpoint records, old and new together */
#define SHUNT_MAX_ENDPOINT_STATES 262144 /* distinct cluster, address, port */
#define SHUNT_MAX_SCHEDULE_BLOCKS 65536	/* of SHUNT_SCHEDULE_BLOCK picks each */
#define SHUNT_MAX_TURNS 65536		/* one a split route */
#define SHUNT_MAX_SCOPES 4096		/* kinds of callers that rules tell apart */
#define SHUNT_MAX_CALLERS 4096		/* network namespaces whose scope is known */
#define SHUNT_MAX_LISTENERS 4096	/* network namespaces that the proxy listens in */
#define SHUNT_MAX_ORIGINALS 65536	/* connections on their way to the proxy */

#define SHUNT_MAX_SPLIT 64		/* destinations of one route */
#define SHUNT_MAX_WEIGHT_SUM 10000	/* after division by the greatest common divisor */
#define SHUNT_SCHEDULE_BLOCK 64		/* picks a schedule record */

#define SHUNT_EVENTS_BYTES (1 << 18)	/* ring buffer */

#endif

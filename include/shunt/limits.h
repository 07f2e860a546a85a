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
#define SHUNT_MAX_POOLS 262144		/* pool records, old and new together */
#define SHUNT_MAX_CHART_BLOCKS 131072	/* of SHUNT_CHART_BLOCK places each */
#define SHUNT_MAX_AFFINITY 65536	/* callers that keep their endpoint */
#define SHUNT_MAX_TURNS 65536		/* one a split route */
#define SHUNT_MAX_SCOPES 4096		/* kinds of callers that rules tell apart */
#define SHUNT_MAX_CALLERS 4096		/* network namespaces whose scope is known */
#define SHUNT_MAX_LISTENERS 4096	/* network namespaces that the proxy listens in */
#define SHUNT_MAX_ORIGINALS 65536	/* connections on their way to the proxy */
#define SHUNT_MAX_CONNS 131072		/* connections that are steered packet by packet */
#define SHUNT_MAX_CONN_KEYS 262144	/* their two directions */
#define SHUNT_MAX_HALF_OPEN 32768	/* of those, TCP ones that are not answered yet */
#define SHUNT_MAX_FRAGMENTS 4096	/* packets in fragments on their way, of those */
#define SHUNT_MAX_CAPTURED 4096		/* pods that are steered packet by packet */
#define SHUNT_MAX_POD_LISTENERS 8192	/* two for each of these */
#define SHUNT_MAX_NODE_DEVICES 256	/* that callers from outside come in at */

#define SHUNT_MAX_SPLICES 262144	/* ends of connections that are spliced */
#define SHUNT_MAX_SPLICE_WANTS 32768	/* of them, those being established */

#define SHUNT_MAX_SPLIT 64		/* destinations of one route */
#define SHUNT_MAX_WEIGHT_SUM 10000	/* after division by the greatest common divisor */
#define SHUNT_SCHEDULE_BLOCK 64		/* picks a schedule record */

#define SHUNT_MAX_LEVELS 16		/* priorities of one destination; those beyond are as the last */
#define SHUNT_CHART_BLOCK 64		/* places a chart record */
#define SHUNT_MAX_CHARTED 65536		/* endpoints of one pool that has a chart */

#define SHUNT_EVENTS_BYTES (1 << 18)	/* ring buffer */

#endif

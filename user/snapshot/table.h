/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the proxy knows: the http side of a plan, resolved to what a request needs, host by host.
 * The agent makes it from its plan and hands it over as a flat block (block.h) that has the parts
 * that are new; the proxy reads them back into the same structures. Texts are never NULL unless it
 * says so; times are nanoseconds.
 */
#ifndef SNAPSHOT_TABLE_H
#define SNAPSHOT_TABLE_H

#include "base/inet.h"
#include "http/tables.h"

struct table_endpoint {
	struct inet address; /* one of its family that the node can reach */
	uint16_t port;
	uint32_t weight;
	const char *locality; /* "" unknown */
	uint8_t priority;     /* 0 is the best; those behind serve when too many before them fail */
};

enum table_balancer { /* how an endpoint is picked */
		      BALANCE_LEAST_REQUEST,
		      BALANCE_ROUND_ROBIN,
		      BALANCE_RANDOM,
		      BALANCE_RING,
		      BALANCE_MAGLEV,
		      BALANCE_ORIGINAL, /* the address that was dialled */
};
enum table_hash { /* of what; without a value an endpoint is picked at random */
		  TABLE_HASH_NONE,
		  TABLE_HASH_HEADER,
		  TABLE_HASH_COOKIE,
		  TABLE_HASH_SOURCE,
		  TABLE_HASH_QUERY,
};

#define TABLE_HASH_SIZE_MAX (8u << 20)

/* New endpoints get a growing part of their share. */
struct table_warmup {
	int64_t duration;
	uint32_t minimum_millionths;
	uint32_t aggression_thousandths; /* 1000: it grows evenly */
};

/* Of the sockets to endpoints; each 0: the system's. */
struct table_keepalive {
	uint32_t probes;
	int64_t time, interval;
};

struct table_outlier {
	uint32_t consecutive_5xx, consecutive_gateway, consecutive_local; /* 0: off */
	bool split_local;
	int64_t interval, base_ejection_time;
	uint32_t max_ejection_percent, min_health_percent;
	uint16_t *codes; /* in place of 5xx; none: 5xx */
	size_t nr_codes;
};

/* Retries at one time: a share of the requests at that time, but not less than some. */
struct table_retry_budget {
	uint32_t millionths, min_concurrency;
	int64_t interval; /* 0: not given */
};

/* Where the kernel counts a cluster's connections: see struct proxy_place. */
struct table_place {
	uint32_t state, generation; /* 0: it does not */
};

struct table_cluster {
	/* "outbound|9080|v1|reviews.default.svc.cluster.local": state is kept by it. What other
	 * objects make for some callers than for everyone goes on with these: "@ID[,ID…]". */
	const char *name;
	const char *host, *subset;
	uint16_t port;
	const char *unknown; /* why there is no such cluster (503 NC), or "" */
	enum table_balancer balancer;
	enum table_hash hash;
	const char *hash_name, *cookie_path;
	int64_t cookie_ttl; /* -1: no cookie is made */
	struct header_values cookie_attributes;
	uint32_t hash_size; /* of a ring, at least; of maglev; 0 without either */
	const struct table_warmup *warmup; /* NULL: none */
	/* each 0: no limit */
	uint32_t max_connections, max_pending, max_requests, max_requests_per_connection;
	uint32_t max_retries;
	struct table_place place; /* for max_connections */
	const struct table_retry_budget *retry_budget; /* in place of max_retries; NULL: none */
	int64_t connect_timeout;
	int64_t idle_timeout, max_connection_duration; /* 0: never */
	const struct table_keepalive *keepalive;       /* NULL: none */
	const struct table_outlier *outlier;	       /* NULL: none */
	struct table_endpoint *endpoints; /* the sum of their weights fits in 32 bits */
	size_t nr_endpoints;
	uint8_t proxy_protocol; /* version of the header that goes before all; 0: none */
	bool needs_tls;		/* not done by this proxy: 503 */
};

/* Records in the map `requests`: a power of two, or 0: not given out. */
struct table_slot {
	uint32_t first, records;
};

struct table_split {
	uint32_t weight;
	struct table_cluster *cluster;
	struct table_slot slot; /* what goes there by this rule is counted in it */
	const struct http_headers *headers; /* NULL: none */
};
struct table_mirror {
	struct table_cluster *cluster;
	struct table_slot slot;
	uint32_t millionths;
};

struct table_rule {
	const char *name;	    /* for the log */
	const char *source;	    /* "VirtualService/default/reviews spec.http[0]" */
	struct http_match *matches; /* any of them; none: always */
	size_t nr_matches;
	struct table_split *splits; /* none: redirect or direct_response */
	size_t nr_splits;
	uint32_t total;		 /* sum of the weights, 0 without splits alone */
	const uint8_t *schedule; /* `total` picks, Tijdeman's order; NULL with one destination */
	const struct http_redirect *redirect; /* each NULL: none */
	const struct http_response *direct_response;
	const struct http_rewrite *rewrite;
	const struct http_fault *fault;
	const struct http_retries *retries; /* NULL: the default policy */
	const struct http_cors *cors;
	const struct http_headers *headers;
	struct table_mirror *mirrors;
	size_t nr_mirrors;
	int64_t timeout; /* 0: none */
	struct table_slot slot; /* without splits */
	uint32_t turn;		/* slot in the map `proxy_turns`; 0: none is given out */
};

enum table_protocol { TABLE_HTTP, TABLE_TCP, TABLE_SNIFFED };

/* One host:port as some callers see it. */
struct table_port {
	const char *host;
	uint16_t port;
	enum table_protocol protocol;
	bool everyone;	  /* it is for those that have none of their own, but for closed scopes, */
	uint32_t *scopes; /* and for callers of these; ascending */
	size_t nr_scopes;
	bool hidden;	      /* for them there is no such host:port */
	const char **domains; /* lower case, without port; "*.suffix" too */
	size_t nr_domains;
	struct table_rule *rules; /* in order; after the last one: 404 NR */
	size_t nr_rules;
	/* sniffed: where a connection goes that is not http; NULL: it is closed */
	const struct table_rule *bytes;
};

/* What is dialled, by whom, and what that means. */
struct table_entry {
	struct inet address;
	uint16_t port;
	uint32_t scope; /* of the caller; 0: everyone that has no entry of its own */
	uint32_t at;	/* index in ports */
};

/* Callers whose Sidecar leaves out hosts. Others have no such record. */
struct table_scope {
	uint32_t number;
	bool closed;	     /* hosts are there for it only where a port or entry names it */
	bool refuse_unknown; /* what is no host: 502, else it passes as dialled */
};

/* All that the proxy knows of one host. */
struct table_part {
	const char *host;
	struct table_cluster *clusters; /* those that the rules name */
	size_t nr_clusters;
	struct table_port *ports;
	size_t nr_ports;
	struct table_entry *entries; /* of these ports */
	size_t nr_entries;
};

/* A part by its number, which means the same bytes as long as the process of the agent lives. */
struct table_ref {
	uint64_t id;
	const void *bytes; /* see block.h; NULL: the proxy has it from the table before */
	size_t size;
};

struct table {
	uint32_t number; /* of the plan that it was made for; what is the same for later ones stays */
	struct table_scope *scopes; /* ascending */
	size_t nr_scopes;
	struct table_ref *parts; /* by host; of two that claim a name or an address the first has it */
	size_t nr_parts;
};

#endif

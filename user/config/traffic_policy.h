/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a DestinationRule says of connections to a host, decoded. A block that is set replaces that
 * block of a wider policy whole, so each is a pointer: NULL is "not set". Times are nanoseconds.
 */
#ifndef CONFIG_TRAFFIC_POLICY_H
#define CONFIG_TRAFFIC_POLICY_H

#include <stdint.h>
#include "config/labels.h"
#include "http/tables.h"
#include "tree/node.h"

enum simple_lb {
	LB_UNSET,
	LB_LEAST_REQUEST,
	LB_ROUND_ROBIN,
	LB_RANDOM,
	LB_PASSTHROUGH,
};

enum hash_key { HASH_NONE, HASH_HEADER, HASH_COOKIE, HASH_SOURCE_IP, HASH_QUERY };
struct consistent_hash {
	enum hash_key key;
	const char *name; /* of header, cookie or query parameter */
	const char *cookie_path;
	int64_t cookie_ttl; /* -1: not given, no cookie is made; 0: a session cookie */
	struct header_values cookie_attributes;
	bool maglev;	     /* else a ring */
	uint64_t table_size; /* maglev: entries; ring: at least as many; 0: the default */
	struct place place;
};

struct distribute_to {
	const char *locality;
	uint32_t weight;
};
struct distribute {
	const char *from;
	struct distribute_to *to;
	size_t nr_to;
};
struct failover {
	const char *from, *to;
};
struct locality_setting { /* localityLbSetting, or zoneAwareLbSetting */
	bool enabled;
	bool zone_aware;
	uint64_t min_cluster_size; /* zone aware only; 0: not given */
	struct distribute *distribute;
	size_t nr_distribute;
	struct failover *failover;
	size_t nr_failover;
	const char **failover_priority;
	size_t nr_failover_priority;
	struct place place;
};

struct warmup {
	int64_t duration;
	double minimum_percent; /* default 10 */
	double aggression;	/* default 1 */
	struct place place;
};

struct load_balancer {
	enum simple_lb simple;
	const struct consistent_hash *hash;	  /* NULL: none */
	const struct locality_setting *locality; /* NULL: none */
	const struct warmup *warmup;		  /* NULL: none; warmupDurationSecs too */
	struct place place;
};

struct tcp_keepalive {
	uint32_t probes; /* 0: the system's */
	int64_t time, interval;
};
struct tcp_pool {
	uint32_t max_connections; /* 0: no limit */
	int64_t connect_timeout, max_connection_duration; /* 0: not given */
	bool has_idle_timeout;
	int64_t idle_timeout; /* 0: never */
	const struct tcp_keepalive *keepalive;
	struct place place;
};
enum h2_upgrade { H2_DEFAULT, H2_DO_NOT_UPGRADE, H2_UPGRADE };
struct http_pool { /* numbers: 0 is the default */
	uint32_t max_pending_requests, max_requests, max_requests_per_connection, max_retries;
	uint32_t max_concurrent_streams;
	int64_t idle_timeout;
	enum h2_upgrade h2_upgrade;
	bool use_client_protocol;
	int64_t h2_keepalive_interval, h2_keepalive_timeout;
	struct place place;
};
struct connection_pool {
	const struct tcp_pool *tcp;   /* NULL: not given */
	const struct http_pool *http; /* NULL: not given */
	struct place place;
};

struct outlier_detection {
	bool has_5xx, has_gateway, has_local_origin; /* unset differs from 0 */
	uint32_t consecutive_5xx, consecutive_gateway, consecutive_local_origin;
	bool split_local_origin;
	int64_t interval, base_ejection_time; /* defaults 10 s, 30 s filled in */
	uint32_t max_ejection_percent;	      /* default 10 filled in */
	uint32_t min_health_percent;
	uint16_t *http_error_codes;
	size_t nr_http_error_codes;
	struct place place;
};

enum client_tls_mode { CLIENT_TLS_DISABLE, CLIENT_TLS_SIMPLE, CLIENT_TLS_MUTUAL, CLIENT_TLS_ISTIO_MUTUAL };
struct client_tls {
	enum client_tls_mode mode;
	/* each "": not given */
	const char *client_certificate, *private_key, *ca_certificates, *ca_crl, *credential_name, *sni;
	const char **subject_alt_names;
	size_t nr_subject_alt_names;
	bool insecure_skip_verify;
	struct place place;
};

struct tunnel {
	bool post; /* else CONNECT */
	const char *target_host;
	uint16_t target_port;
	struct place place;
};

struct retry_budget {
	double percent; /* default 20 */
	int64_t interval;
	uint32_t min_concurrency; /* default 3 */
	struct place place;
};

struct proxy_protocol {
	bool v2;
	struct place place;
};

struct traffic_policy {
	const struct load_balancer *load_balancer;
	const struct connection_pool *connection_pool;
	const struct outlier_detection *outlier_detection;
	const struct client_tls *tls;
	const struct tunnel *tunnel;
	const struct proxy_protocol *proxy_protocol;
	const struct retry_budget *retry_budget;
	/* Of a rule or subset, not of a port. */
	struct port_policy *ports;
	size_t nr_ports;
};
struct port_policy {
	uint16_t port;
	struct traffic_policy policy; /* its first four blocks */
};

struct subset {
	const char *name;
	struct labels labels;
	const struct traffic_policy *policy; /* NULL: none */
	struct place place;
};
struct destination_rule {
	const char *host; /* short names expanded, lower case; may be a wildcard */
	const struct traffic_policy *policy; /* NULL: none */
	struct subset *subsets;
	size_t nr_subsets;
	struct labels workload_selector; /* callers in its own namespace that it is for */
	bool has_workload_selector;
};

#endif

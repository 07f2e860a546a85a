/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Configuration objects: what a user wrote, decoded and valid. An object is immutable once it is
 * decoded, shared by reference count between sets, and owns all of its memory.
 */
#ifndef CONFIG_OBJECT_H
#define CONFIG_OBJECT_H

#include <stdint.h>
#include "base/diag.h"
#include "base/inet.h"
#include "tree/node.h"

enum kind {
	KIND_SERVICE,
	KIND_POD,
	KIND_ENDPOINTS,
	KIND_ENDPOINT_SLICE,
	KIND_NAMESPACE,
	KIND_VIRTUAL_SERVICE,
	KIND_DESTINATION_RULE,
	KIND_SERVICE_ENTRY,
	KIND_WORKLOAD_ENTRY,
	KIND_GATEWAY, /* known, checked, not in force yet */
	KIND_SIDECAR, /* likewise */
	NR_KINDS
};

struct kind_info {
	const char *name;   /* "VirtualService" */
	const char *plural; /* "virtualservices" */
	const char *shorts; /* "vs", or "" */
	const char *group;  /* "networking.istio.io", "" for the core group */
	const char *const *versions; /* accepted, NULL-terminated, newest first */
	bool cluster_wide;  /* no namespace */
};
extern const struct kind_info kinds[NR_KINDS];
/* By name, plural or short name, any case; -ENOENT. */
int kind_find(const char *word, enum kind *out);

struct label {
	const char *key, *value;
};
struct labels {
	struct label *at;
	size_t nr;
};
const char *labels_get(const struct labels *l, const char *key); /* NULL: not there */
bool labels_contain(const struct labels *l, const struct labels *wanted);

/* A field that was given and that Shunt knows but does not do yet. */
struct later {
	const char *path; /* "spec.http[0].match[0].headers" */
	struct place place;
};

enum protocol { /* of a port, by appProtocol, else by its name up to the first dash */
	PROTOCOL_AUTO, /* unknown name: HTTP or TCP */
	PROTOCOL_TCP,
	PROTOCOL_HTTP,
	PROTOCOL_HTTP2,
	PROTOCOL_GRPC,
	PROTOCOL_HTTPS,
	PROTOCOL_TLS,
	PROTOCOL_MONGO,
	PROTOCOL_REDIS,
	PROTOCOL_MYSQL,
	PROTOCOL_UDP,
};
const char *protocol_name(enum protocol p);
bool protocol_is_http(enum protocol p); /* HTTP, HTTP2, GRPC */

/* ---- Kubernetes ---- */

struct service_port {
	const char *name; /* "" when unnamed */
	uint16_t port, node_port;
	uint16_t target_port;	 /* 0: see target_name, else = port */
	const char *target_name; /* a container port's name, or NULL */
	enum protocol protocol;
};

struct k8s_service {
	struct inet *addresses; /* clusterIPs; none: one is allocated, unless headless */
	size_t nr_addresses;
	bool headless;
	const char *external_name; /* type ExternalName, else NULL */
	struct labels selector;
	bool has_selector;
	bool publish_not_ready;
	struct service_port *ports;
	size_t nr_ports;
};

struct container_port {
	const char *name; /* "" when unnamed */
	uint16_t port;
};

struct pod {
	struct inet *addresses;
	size_t nr_addresses;
	bool ready, terminating, host_network;
	const char *node; /* "" unknown */
	struct container_port *ports;
	size_t nr_ports;
};

/* Of Endpoints and of EndpointSlice alike. */
struct slice_port {
	const char *name;
	uint16_t port; /* 0: any */
	bool udp;
};
struct slice_endpoint {
	struct inet *addresses;
	size_t nr_addresses;
	bool ready;		       /* ready, and not terminating */
	const char *pod, *pod_namespace; /* targetRef of kind Pod, else NULL */
	const char *node;	       /* "" unknown */
	uint32_t ports;		       /* bit i: it listens on slice.ports[i] */
};
struct slice {
	const char *service; /* name, in the object's namespace */
	struct slice_port *ports; /* at most 32 */
	size_t nr_ports;
	struct slice_endpoint *endpoints;
	size_t nr_endpoints;
};

/* ---- networking.istio.io ---- */

struct port_number {
	const char *name;
	uint16_t port;
};

struct workload {
	const char *name; /* "" for one written inside a ServiceEntry */
	struct inet address;
	bool has_address; /* false: a DNS name or a unix path, not in force yet */
	struct port_number *ports;
	size_t nr_ports;
	struct labels labels; /* with metadata.labels winning */
	uint32_t weight;      /* at least 1 */
	const char *locality;
	struct place place;
};

enum resolution { RESOLUTION_NONE, RESOLUTION_STATIC, RESOLUTION_DNS };

struct service_entry {
	const char **hosts;
	size_t nr_hosts;
	struct inet *addresses; /* single addresses; CIDRs are not in force yet */
	size_t nr_addresses;
	struct service_port *ports;
	size_t nr_ports;
	enum resolution resolution;
	struct workload *endpoints;
	size_t nr_endpoints;
	struct labels selector;
	bool has_selector;
};

enum simple_lb {
	LB_UNSET,
	LB_LEAST_REQUEST,
	LB_ROUND_ROBIN,
	LB_RANDOM,
	LB_PASSTHROUGH,
};

/* One set of blocks. A block that is set replaces that block of a wider policy whole. */
struct traffic_policy {
	bool has_load_balancer, has_connection_pool;
	enum simple_lb simple;
	uint32_t max_connections; /* 0: no limit */
};
struct port_policy {
	uint16_t port;
	struct traffic_policy policy;
};
struct policy_set { /* trafficPolicy with its portLevelSettings */
	struct traffic_policy policy;
	struct port_policy *ports;
	size_t nr_ports;
};
struct subset {
	const char *name;
	struct labels labels;
	struct policy_set policy;
	bool has_policy;
	struct place place;
};
struct destination_rule {
	const char *host; /* short names expanded, lower case; may be a wildcard */
	struct policy_set policy;
	bool has_policy;
	struct subset *subsets;
	size_t nr_subsets;
};

struct destination {
	const char *host;   /* short names expanded, lower case */
	const char *subset; /* "" none */
	uint16_t port;	    /* 0: not given */
	uint32_t weight;    /* as written */
	struct place place; /* of destination.host */
};
struct route_match {
	uint16_t port; /* 0: any */
};
struct vs_route {
	const char *name;	   /* "" unnamed */
	struct route_match *matches; /* none: always */
	size_t nr_matches;
	struct destination *destinations; /* of weight above 0, or the only one */
	size_t nr_destinations;
	struct place place;
	const char *path; /* "spec.http[0]" */
};
struct virtual_service {
	const char **hosts; /* short names expanded, lower case; may be wildcards */
	size_t nr_hosts;
	bool mesh; /* applies to callers inside the mesh */
	struct vs_route *http, *tcp;
	size_t nr_http, nr_tcp;
	size_t nr_tls;
	/* the first field of the section that is not in force yet: the section is passed over */
	const struct later *http_later, *tcp_later, *tls_later;
};

struct object {
	enum kind kind;
	const char *name, *namespace; /* namespace "" for cluster-wide kinds */
	const char *id;		      /* "VirtualService/default/reviews" */
	int64_t created;	      /* metadata.creationTimestamp, seconds; 0: none, the oldest */
	struct labels labels, annotations;
	struct place place;
	const char *json; /* the object as written, one line; equal text is an equal object */
	const struct later *later; /* fields given but not in force */
	size_t nr_later;
	struct arena *arena;
	int refs;
	union {
		struct k8s_service service;
		struct pod pod;
		struct slice slice; /* KIND_ENDPOINTS and KIND_ENDPOINT_SLICE */
		struct virtual_service virtual_service;
		struct destination_rule destination_rule;
		struct service_entry service_entry;
		struct workload workload;
	};
};

struct object *object_get(struct object *o); /* one more reference */
void object_put(struct object *o);	     /* one less; NULL is fine */
/* Order of creation, then name, then namespace: Istio's tie-break everywhere. */
int object_order(const struct object *a, const struct object *b);

struct decode_options {
	const char *namespace; /* of objects that name none; NULL: "default" */
	bool lenient;	       /* unknown fields warn */
};

/*
 * Decodes and validates one document alone; a `List` gives several objects. Each good one is handed
 * to `each` with one reference that `each` then owns. Kinds that Shunt does not know are
 * skipped with one notice; PeerAuthentication and its like with a warning "not enforced by Shunt".
 * Faults go to `diags`. 0, -EINVAL when any object was faulty (the others are still handed on),
 * or the first non-zero result of `each`.
 */
int object_decode(struct node *root, const struct decode_options *options, struct diags *diags,
		  int (*each)(struct object *o, void *arg), void *arg);
/* A whole text: yaml_read and object_decode. */
int object_read(const char *name, const char *text, size_t length,
		const struct decode_options *options, struct diags *diags,
		int (*each)(struct object *o, void *arg), void *arg);

#define CLUSTER_DOMAIN "cluster.local"
#define ROOT_NAMESPACE "istio-system"

#endif

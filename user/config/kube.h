/* SPDX-License-Identifier: GPL-2.0 */
/* What Kubernetes' own objects say, as far as traffic needs it, decoded. */
#ifndef CONFIG_KUBE_H
#define CONFIG_KUBE_H

#include "base/inet.h"
#include "config/labels.h"
#include "config/protocol.h"
#include "tree/node.h"

struct service_port {
	const char *name; /* "" when unnamed */
	uint16_t port, node_port; /* node_port 0: none */
	uint16_t target_port;	 /* 0: see target_name, else = port */
	const char *target_name; /* a container port's name, or NULL */
	enum protocol protocol;
};

struct k8s_service {
	struct inet *addresses; /* clusterIPs; none: one is allocated, unless headless */
	size_t nr_addresses;
	/* externalIPs, and of a load balancer status.loadBalancer.ingress[].ip */
	struct inet *external_addresses;
	size_t nr_external_addresses;
	bool headless;
	const char *external_name; /* type ExternalName: lower case, else NULL */
	struct labels selector;
	bool has_selector;
	bool publish_not_ready;
	uint32_t affinity_seconds; /* sessionAffinity ClientIP; 0: none */
	bool internal_local, external_local; /* traffic policies Local */
	const char *distribution; /* "PreferClose", … of spec, else of the annotation; "" none */
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
	const char *locality; /* label istio-locality with slashes, "" none: that of the node */
	struct container_port *ports;
	size_t nr_ports;
};

/* Of Endpoints and of EndpointSlice alike. */
struct slice_port {
	const char *name;
	uint16_t port; /* 0: any */
	enum transport transport;
};
/* For whom an endpoint is meant; names of zones and of nodes. */
struct slice_hints {
	const char **zones, **nodes;
	size_t nr_zones, nr_nodes;
};
struct slice_endpoint {
	struct inet *addresses;
	size_t nr_addresses;
	bool ready;		       /* ready, and not terminating */
	const char *pod, *pod_namespace; /* targetRef of kind Pod, else NULL */
	const char *node;	       /* "" unknown */
	uint32_t ports;		       /* bit i: it listens on slice.ports[i] */
	const struct slice_hints *hints; /* NULL: none */
};
struct slice {
	const char *service; /* name, in the object's namespace */
	struct slice_port *ports; /* at most 32 */
	size_t nr_ports;
	struct slice_endpoint *endpoints;
	size_t nr_endpoints;
};

struct node_object {
	const char *locality; /* "region/zone/subzone" by its labels, "" unknown */
};

struct secret_item {
	const char *key;
	const char *value; /* decoded; may hold any byte */
	size_t length;
};
struct secret {
	const char *type; /* "kubernetes.io/tls", "" */
	struct secret_item *items; /* data and stringData, the latter winning */
	size_t nr_items;
};

enum path_type { PATH_IMPLEMENTATION, PATH_EXACT, PATH_PREFIX };
struct ingress_path {
	const char *path; /* "" not given */
	enum path_type type;
	const char *service;   /* name, in the object's namespace; NULL: a resource */
	const char *port_name; /* "" : by number */
	uint16_t port;
	struct place place;
};
struct ingress_rule {
	const char *host; /* lower case; "*" when not given */
	struct ingress_path *paths;
	size_t nr_paths;
	struct place place;
};
struct ingress_tls {
	const char **hosts; /* none: "*" */
	size_t nr_hosts;
	const char *secret; /* "" none */
	struct place place;
};
struct ingress {
	const char *class_name; /* spec.ingressClassName; "" none */
	struct ingress_rule *rules;
	size_t nr_rules;
	struct ingress_tls *tls;
	size_t nr_tls;
	const struct ingress_path *default_backend; /* NULL: none */
};
struct ingress_class {
	const char *controller;
};

#endif

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
#include "config/gateway.h"
#include "config/kube.h"
#include "config/labels.h"
#include "config/service_entry.h"
#include "config/traffic_policy.h"
#include "config/virtual_service.h"
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
	KIND_GATEWAY,
	KIND_SIDECAR,
	KIND_NODE,
	KIND_SECRET,
	KIND_INGRESS,
	KIND_INGRESS_CLASS,
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

/* A field that was given and that Shunt knows but does not do yet. */
struct later {
	const char *path; /* "spec.http[0].match[0].headers" */
	struct place place;
};

/* exportTo: to which namespaces an object is visible. Nothing said: to all. */
struct export_to {
	bool given;
	bool all, nobody; /* "*", "~" */
	const char **namespaces; /* in order; "." is resolved to the object's own */
	size_t nr_namespaces;
	struct place place;
};

struct object {
	enum kind kind;
	const char *name, *namespace; /* namespace "" for cluster-wide kinds */
	const char *id;		      /* "VirtualService/default/reviews" */
	int64_t created;	      /* metadata.creationTimestamp, seconds; 0: none, the oldest */
	struct labels labels, annotations;
	struct export_to export_to; /* VirtualService, DestinationRule, ServiceEntry, Service */
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
		struct gateway gateway;
		struct sidecar sidecar;
		struct node_object node;
		struct secret secret;
		struct ingress ingress;
		struct ingress_class ingress_class;
	};
};

/* Whether `namespace` stands among the names; "*" is none. */
bool export_names(const struct export_to *e, const char *namespace);
/* Puts the names in order, once they are all there. */
void export_sort(struct export_to *e);
/* Whether callers in `namespace` ("": unknown) may see it. */
bool object_is_visible(const struct object *o, const char *namespace);

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

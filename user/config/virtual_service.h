/* SPDX-License-Identifier: GPL-2.0 */
/* What a VirtualService says, decoded. All belongs to the arena of its object. */
#ifndef CONFIG_VIRTUAL_SERVICE_H
#define CONFIG_VIRTUAL_SERVICE_H

#include "base/inet.h"
#include "config/labels.h"
#include "http/tables.h"
#include "tree/node.h"

struct subnet {
	struct inet address; /* host bits cleared */
	unsigned prefix;     /* of 32 for IPv4, of 128 */
};

struct destination {
	const char *host;   /* short names expanded, lower case */
	const char *subset; /* "" none */
	uint16_t port;	    /* 0: not given */
	uint32_t weight;    /* as written */
	unsigned index;	    /* in route[], as written */
	const struct http_headers *headers; /* NULL: none */
	struct place place; /* of destination.host */
};

/* One entry of match[]: what depends on the request in `http`, what does not beside it. */
struct route_match {
	struct http_match http;
	uint16_t port; /* 0: any */
	const char **gateways; /* "mesh" or "namespace/name"; none given: those of the VirtualService */
	size_t nr_gateways;
	struct labels source_labels;
	const char *source_namespace; /* "" any */
	const char **sni_hosts; /* tls only; lower case */
	size_t nr_sni_hosts;
	struct subnet *subnets; /* tls and tcp only: destinationSubnets */
	size_t nr_subnets;
	struct place place;
};

struct http_mirror {
	struct destination destination;
	uint32_t millionths;
};

struct vs_delegate {
	const char *name, *namespace; /* namespace "" : that of the root */
	struct place place;
};

/* A route of http, tls or tcp; the actions are of http alone. */
struct vs_route {
	const char *name;	   /* "" unnamed */
	struct route_match *matches; /* none: always */
	size_t nr_matches;
	struct destination *destinations; /* of weight above 0, or the only one */
	size_t nr_destinations;
	struct place place;
	const char *path; /* "spec.http[0]" */

	const struct vs_delegate *delegate; /* each NULL: none */
	const struct http_redirect *redirect;
	const struct http_response *direct_response;
	const struct http_rewrite *rewrite;
	const struct http_fault *fault;
	const struct http_retries *retries;
	const struct http_cors *cors;
	const struct http_headers *headers;
	struct http_mirror *mirrors; /* mirror and mirrors alike */
	size_t nr_mirrors;
	const char *mirror_field; /* "mirror" or "mirrors", as written; NULL: no mirror */
	const uint32_t *mirror_share; /* millionths of `mirror`; NULL: not given */
	int64_t timeout;  /* ns; 0: none */
};

struct virtual_service {
	const char **hosts; /* short names expanded, lower case; may be wildcards; none: a delegate */
	size_t nr_hosts;
	bool mesh; /* applies to callers inside the mesh */
	const char **gateways; /* "namespace/name", without mesh */
	size_t nr_gateways;
	struct vs_route *http, *tls, *tcp;
	size_t nr_http, nr_tls, nr_tcp;
};

#endif

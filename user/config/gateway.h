/* SPDX-License-Identifier: GPL-2.0 */
/* What a Gateway and a Sidecar say, decoded. */
#ifndef CONFIG_GATEWAY_H
#define CONFIG_GATEWAY_H

#include "config/protocol.h"
#include "config/traffic_policy.h"
#include "config/virtual_service.h"

enum server_tls_mode {
	SERVER_TLS_PASSTHROUGH,
	SERVER_TLS_SIMPLE,
	SERVER_TLS_MUTUAL,
	SERVER_TLS_AUTO_PASSTHROUGH,
	SERVER_TLS_ISTIO_MUTUAL,
	SERVER_TLS_OPTIONAL_MUTUAL,
};
struct tls_pair {
	const char *certificate, *private_key, *ca_certificates; /* paths; "" not given */
};
struct server_tls {
	enum server_tls_mode mode;
	bool https_redirect;
	const struct tls_pair *pairs; /* serverCertificate and privateKey, or tlsCertificates */
	size_t nr_pairs;
	const char *ca_certificates, *ca_crl; /* "" not given */
	const char **credential_names;	      /* credentialName too */
	size_t nr_credential_names;
	const char *ca_cert_credential_name;
	const char *min_version, *max_version; /* "TLSV1_2"; "" automatic */
	const char **cipher_suites, **ecdh_curves, **subject_alt_names, **certificate_hashes, **spki_hashes;
	size_t nr_cipher_suites, nr_ecdh_curves, nr_subject_alt_names, nr_certificate_hashes,
		nr_spki_hashes;
	bool insecure_skip_verify;
	struct place place;
};

struct gateway_host {
	const char *namespace; /* "*": any; "." is resolved to the Gateway's own */
	const char *host;      /* lower case; may be a wildcard */
	struct place place;
};
struct gateway_server {
	const char *name, *bind; /* "" not given */
	const char *port_name;
	uint16_t port; /* 0: bind is a unix path */
	const char *protocol_text; /* upper case as users know it: "HTTPS" */
	enum protocol protocol;
	struct gateway_host *hosts;
	size_t nr_hosts;
	const struct server_tls *tls; /* NULL: none */
	const char *path; /* "spec.servers[0]" */
	struct place place;
};
struct gateway {
	struct labels selector; /* empty: every gateway workload */
	struct gateway_server *servers;
	size_t nr_servers;
};

struct sidecar_host {
	/* "*": any; "." is resolved to the Sidecar's own, but in the root namespace: there it stands
	 * for that of each workload */
	const char *namespace;
	const char *host;      /* lower case; "*" any */
	bool exclude;	       /* written with ~ */
	struct place place;
};
enum capture_mode { CAPTURE_DEFAULT, CAPTURE_IPTABLES, CAPTURE_NONE };
struct sidecar_egress {
	uint16_t port; /* 0: all other ports */
	const char *bind, *port_name;
	enum protocol protocol;
	enum capture_mode capture;
	struct sidecar_host *hosts; /* by host, so that those with a star come first */
	size_t nr_hosts, nr_wild;
	struct place place;
};
struct sidecar_ingress {
	uint16_t port;
	const char *port_name;
	enum protocol protocol;
	const char *bind, *default_endpoint; /* "" not given */
	const struct server_tls *tls;
	const struct connection_pool *connection_pool;
	struct place place;
};
enum outbound_mode { OUTBOUND_UNSET, OUTBOUND_ALLOW_ANY, OUTBOUND_REGISTRY_ONLY };
struct sidecar {
	struct labels selector; /* empty: the whole namespace */
	bool has_egress; /* else everything is imported */
	struct sidecar_egress *egress;
	size_t nr_egress;
	bool has_ingress;
	struct sidecar_ingress *ingress;
	size_t nr_ingress;
	enum outbound_mode outbound;
	const struct destination *egress_proxy; /* NULL: none */
	const struct connection_pool *inbound_pool;
	struct place outbound_place;
};

#endif

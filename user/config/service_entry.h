/* SPDX-License-Identifier: GPL-2.0 */
/* What a ServiceEntry and a WorkloadEntry say, decoded. */
#ifndef CONFIG_SERVICE_ENTRY_H
#define CONFIG_SERVICE_ENTRY_H

#include "config/kube.h"
#include "config/virtual_service.h"

struct port_number {
	const char *name;
	uint16_t port;
};

struct workload {
	const char *name; /* "" for one written inside a ServiceEntry */
	struct inet address;
	bool has_address; /* false: see dns_name and unix_path */
	const char *dns_name;  /* lower case; NULL: none */
	const char *unix_path; /* without "unix://"; NULL: none */
	struct port_number *ports;
	size_t nr_ports;
	struct labels labels; /* with metadata.labels winning */
	uint32_t weight;      /* at least 1 */
	const char *locality, *network, *service_account; /* "" not given */
	struct place place;
};

enum resolution {
	RESOLUTION_NONE,
	RESOLUTION_STATIC,
	RESOLUTION_DNS,
	RESOLUTION_DNS_ROUND_ROBIN,
	RESOLUTION_DYNAMIC_DNS,
};

struct service_entry {
	const char **hosts;
	size_t nr_hosts;
	struct inet *addresses; /* single addresses */
	size_t nr_addresses;
	struct subnet *subnets; /* addresses that are true ranges */
	size_t nr_subnets;
	struct service_port *ports;
	size_t nr_ports;
	enum resolution resolution;
	bool mesh_internal;
	struct workload *endpoints;
	size_t nr_endpoints;
	struct labels selector;
	bool has_selector;
	const char **subject_alt_names;
	size_t nr_subject_alt_names;
};

#endif

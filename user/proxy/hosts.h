/* SPDX-License-Identifier: GPL-2.0 */
/* The hosts of one port number by the names that they answer to. */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include "base/strmap.h"
#include "base/vec.h"
#include "http/match.h"
#include "proxy/prefixes.h"
#include "snapshot/table.h"

/* Those with one name, each for callers of its own. */
struct host_ports {
	const struct table_port *everyone; /* NULL: none */
	VEC(const struct table_port *) scoped;
};

struct hosts {
	uint16_t number;
	struct strmap exact;	   /* name -> struct host_ports * */
	struct strmap suffixes;	   /* what follows "*", backwards -> struct host_ports * */
	struct prefixes by_suffix; /* the same names; the values count entries of `suffixes` */
};

void hosts_add(struct hosts *h, struct arena *arena, const struct table_port *port);
/* After the last one. */
void hosts_sort(struct hosts *h, struct arena *arena);
/* As lookup_port_by_host(); `closed`: what is for everyone is not for this scope. */
const struct table_port *hosts_find(const struct hosts *h, uint32_t scope, bool closed,
				    const char *namespace, struct http_text host);
void hosts_free(struct hosts *h);

#endif

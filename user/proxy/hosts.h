/* SPDX-License-Identifier: GPL-2.0 */
/* Ports by the names that they answer to. */
#ifndef PROXY_HOSTS_H
#define PROXY_HOSTS_H

#include "http/match.h"
#include "proxy/finder.h"
#include "proxy/part.h"

#define HOSTS_NAME_MAX 1024 /* a longer one is nobody's */

struct hosts {
	struct finder names;
	uint64_t lengths[HOSTS_NAME_MAX / 64]; /* a bit for each length of a name that begins with "*" */
};

/* Of a domain on a port of that number. */
uint64_t hosts_hash(const char *domain, uint16_t port);

/* Borrows the parts. Those that stand first are met first. */
void hosts_new(struct hosts *h, struct part *const *parts, size_t nr);
void hosts_free(struct hosts *h);
/* As lookup_port_by_host(); `closed`: what is for everyone is not for this scope. */
const struct port *hosts_find(const struct hosts *h, uint16_t port, uint32_t scope, bool closed,
			      const char *namespace, struct http_text host);

#endif

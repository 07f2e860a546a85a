/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes both ways, each way up to its own end. */
#ifndef PROXY_TUNNEL_H
#define PROXY_TUNNEL_H

#include "proxy/client.h"

/* Whether anything moved; the client is closed when both ways have ended. */
bool tunnel_go(struct client *c);

#endif

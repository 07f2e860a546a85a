/* SPDX-License-Identifier: GPL-2.0 */
/* The first bytes of a connection, and the heads of requests. */
#ifndef PROXY_READING_H
#define PROXY_READING_H

#include "proxy/client.h"

/* A new connection: what was dialled says how it is read. */
void reading_begin(struct client *c);
/* Each returns whether anything moved. */
bool reading_go(struct client *c);
bool reading_sniff(struct client *c); /* http or not? */

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Parts that http, tls and tcp routes of a VirtualService share. */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "config/decode.h"

extern const struct message destination_message;   /* host, subset, port; into struct destination */
extern const struct message http_route, tcp_route; /* into struct vs_route */
extern const struct message tls_route;		   /* kept nowhere yet */

/* An element of route[], after its fields. */
decode_check check_split;
/* The weights of a whole route; `route` may be NULL. Destinations of weight 0 go. */
void check_weights(struct decoder *d, const struct node *n, struct vs_route *route);
/* Where the route stands, and texts that are never NULL. */
void route_finish(struct decoder *d, const struct node *n, struct vs_route *route);
/* The gateways of a match: not in force when the mesh is not among them. */
void check_match_gateways(struct decoder *d, const struct node *n);

/* Warns of what can never be reached in a list of routes. */
void check_reach(struct decoder *d, const struct node *routes);
/* Header operations of a route or of a destination. */
extern const struct message header_operations;

#endif

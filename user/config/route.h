/* SPDX-License-Identifier: GPL-2.0 */
/* Parts that http, tls and tcp routes of a VirtualService share. */
#ifndef CONFIG_ROUTE_H
#define CONFIG_ROUTE_H

#include "config/decode.h"

extern const struct message destination_message; /* host, subset, port; into struct destination */
extern const struct message http_route, tcp_route, tls_route; /* into struct vs_route */

decode_check check_optional_label; /* "", or a DNS label */
/* An element of route[], after its fields. */
decode_check check_split;
/* The weights of a whole route. Destinations of weight 0 go. */
void check_weights(struct decoder *d, const struct node *n, struct vs_route *route);
/* Where the route stands, and texts that are never NULL. */
void route_finish(struct decoder *d, const struct node *n, struct vs_route *route);
/* The same of a match; its gateways are checked and resolved. */
void match_finish(struct decoder *d, const struct node *n, struct route_match *match);

/* Checks references to gateways and makes "namespace/name" of them; "mesh" stays. */
void gateway_refs_set(struct decoder *d, const struct node *list, const char **refs, size_t nr);

/* Warns of what can never be reached in a list of `nr` routes. */
void check_reach(struct decoder *d, const struct node *list, const struct vs_route *routes,
		 size_t nr);

#endif

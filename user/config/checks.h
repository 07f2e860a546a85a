/* SPDX-License-Identifier: GPL-2.0 */
/* Checks of single values that several kinds share; each says its own fault. */
#ifndef CONFIG_CHECKS_H
#define CONFIG_CHECKS_H

#include "config/decode.h"

decode_check check_label;	   /* a DNS label */
decode_check check_wild_host;	   /* a host, the first label may begin with '*' */
decode_check check_dns_host;	   /* the same, no address */
decode_check check_subnet;	   /* an address or a CIDR */
decode_check check_regex;	   /* what RE2 takes, as far as a scan can tell */
decode_check check_label_entry;	   /* key and value of a label map's element */
decode_check check_selector_entry; /* the same, of a selector: no '*' */
decode_check check_port_value;	   /* a map's element: label = port */
decode_check check_protocol;	   /* a port's protocol by name, or nothing */
decode_check check_gateway_host;   /* "host" or "namespace/host" */
decode_check check_sidecar_host;   /* "namespace/host" */

/* exportTo of the spec `n`, into the object. `nobody`: "~" is allowed. */
void check_export_to(struct decoder *d, const struct node *n, bool nobody);

/* Exact, prefix or regex, into struct string_match; an empty prefix is a fault, */
extern const struct message string_match;
extern const struct message uri_match; /* except here. */
/* The same of a name, into struct named_match. */
extern const struct message header_match;
extern const struct message without_header_match; /* regex "*" is fine */

#endif

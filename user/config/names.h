/* SPDX-License-Identifier: GPL-2.0 */
/* What names may look like, how wildcards cover names, and how a short name becomes a full one. */
#ifndef CONFIG_NAMES_H
#define CONFIG_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include "base/mem.h"

bool name_is_label(const char *s);  /* 1 to 63 letters, digits and inner dashes */
bool name_is_fqdn(const char *s);   /* labels and dots, the last not all digits */
bool name_is_wild(const char *s);   /* the same, the first label may begin with '*' */
bool name_is_object(const char *s); /* of a Kubernetes object: lower case labels and dots, to 253 */
bool name_is_address(const char *s);   /* IPv4 or IPv6 literal */
bool name_is_label_key(const char *s); /* optional DNS prefix and '/', then a name */
bool name_is_label_value(const char *s);
bool name_is_header(const char *s);    /* RFC 9110 token */
bool name_is_unix_path(const char *s); /* what follows unix:// */
/* `wide` equals `narrow`, or is a wildcard that covers every name `narrow` stands for. */
bool name_covers(const char *wide, const char *narrow);
/* Lower case; a name without a dot becomes name.<namespace>.svc.cluster.local. */
char *name_expand(struct arena *a, const char *host, const char *namespace);
char *name_lower(struct arena *a, const char *host);

#endif

/* SPDX-License-Identifier: GPL-2.0 */
/* Parts that the servers of a Gateway and the listeners of a Sidecar share. */
#ifndef CONFIG_LISTENER_H
#define CONFIG_LISTENER_H

#include "config/decode.h"

decode_check check_no_target; /* targetPort: nothing but 0 */

extern const struct message sidecar_egress;  /* into struct sidecar_egress */
extern const struct message sidecar_ingress; /* into struct sidecar_ingress */

/* `bind` is a unix path. */
bool listener_is_unix(const struct node *listener);
/* port.number is there and not 0; what is no number counts too, it was told of already. */
bool listener_has_number(const struct node *listener);
/* bind: an address or, where `unix_path` allows it, unix:///path. */
void check_bind(struct decoder *d, const struct node *listener, bool unix_path);
/*
 * "namespace/host" in two, the host in lower case; "." is the object's own namespace, and without
 * a slash it is "*".
 */
void listener_host(struct decoder *d, const char *text, const char **namespace, const char **host);

#endif

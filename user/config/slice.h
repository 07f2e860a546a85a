/* SPDX-License-Identifier: GPL-2.0 */
/* Parts that Endpoints and EndpointSlice share. */
#ifndef CONFIG_SLICE_H
#define CONFIG_SLICE_H

#include "config/decode.h"

#define SLICE_PORTS 32 /* bits of slice_endpoint.ports */

extern const struct message slice_port; /* into struct slice_port */
/* targetRef of kind Pod, and the node; texts that repeat are kept once. */
void slice_pod(struct decoder *d, const struct node *endpoint, struct slice_endpoint *out);

#endif

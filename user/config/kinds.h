/* SPDX-License-Identifier: GPL-2.0 */
/* The tables of the kinds, into struct object. */
#ifndef CONFIG_KINDS_H
#define CONFIG_KINDS_H

#include "config/decode.h"

extern const struct message service_message, pod_message, endpoints_message, endpoint_slice_message,
	namespace_message, virtual_service_message, destination_rule_message, service_entry_message,
	workload_entry_message, gateway_message, sidecar_message, node_message, secret_message,
	ingress_message, ingress_class_message;

/* The object of a document whose kind is known; NULL after a fault. */
struct object *decode_object(const struct node *root, enum kind kind,
			     const struct decode_options *options, struct diags *diags);
/* metadata.* into the object; namespace by default that of the options. */
void metadata_decode(struct decoder *d, const struct node *root);
/* It was printed by an API server, so its unknown fields were taken there. */
bool metadata_is_stored(const struct node *root);
/* Labels and annotations that begin with shunt.io/. */
void annotations_check(struct decoder *d, const struct node *root);

/* What every object has beside its own fields. */
#define TOP_FIELDS                                                                                 \
	{"apiVersion", FIELD_ANY}, {"kind", FIELD_ANY}, {"metadata", FIELD_ANY},                   \
	{                                                                                          \
		"status", FIELD_ANY                                                                \
	}

#endif

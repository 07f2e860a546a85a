// SPDX-License-Identifier: GPL-2.0
/* The kinds of objects that Shunt reads, and the names people have for them. */
#include <errno.h>
#include <strings.h>
#include "config/object.h"

#define NETWORKING "networking.istio.io"

static const char *const istio[] = {"v1", "v1beta1", "v1alpha3", NULL};
static const char *const core[] = {"v1", NULL};
static const char *const networking[] = {"v1", NULL};
static const char *const slices[] = {"v1", "v1beta1", NULL};

const struct kind_info kinds[NR_KINDS] = {
	[KIND_SERVICE] = {"Service", "services", "svc", "", core, false},
	[KIND_POD] = {"Pod", "pods", "po", "", core, false},
	[KIND_ENDPOINTS] = {"Endpoints", "endpoints", "ep", "", core, false},
	[KIND_ENDPOINT_SLICE] = {"EndpointSlice", "endpointslices", "", "discovery.k8s.io", slices,
				 false},
	[KIND_NAMESPACE] = {"Namespace", "namespaces", "ns", "", core, true},
	[KIND_VIRTUAL_SERVICE] = {"VirtualService", "virtualservices", "vs", NETWORKING, istio,
				  false},
	[KIND_DESTINATION_RULE] = {"DestinationRule", "destinationrules", "dr", NETWORKING, istio,
				   false},
	[KIND_SERVICE_ENTRY] = {"ServiceEntry", "serviceentries", "se", NETWORKING, istio, false},
	[KIND_WORKLOAD_ENTRY] = {"WorkloadEntry", "workloadentries", "we", NETWORKING, istio,
				 false},
	[KIND_GATEWAY] = {"Gateway", "gateways", "gw", NETWORKING, istio, false},
	[KIND_SIDECAR] = {"Sidecar", "sidecars", "sc", NETWORKING, istio, false},
	[KIND_NODE] = {"Node", "nodes", "no", "", core, true},
	[KIND_SECRET] = {"Secret", "secrets", "", "", core, false},
	[KIND_INGRESS] = {"Ingress", "ingresses", "ing", "networking.k8s.io", networking, false},
	[KIND_INGRESS_CLASS] = {"IngressClass", "ingressclasses", "", "networking.k8s.io",
				networking, true},
};

int kind_find(const char *word, enum kind *out)
{
	for (int k = 0; k < NR_KINDS; k++) {
		if (!strcasecmp(word, kinds[k].name) || !strcasecmp(word, kinds[k].plural) ||
		    (*kinds[k].shorts && !strcasecmp(word, kinds[k].shorts))) {
			*out = (enum kind)k;
			return 0;
		}
	}
	return -ENOENT;
}

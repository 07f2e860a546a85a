// SPDX-License-Identifier: GPL-2.0
/* Service, Pod, Node, Endpoints and EndpointSlice into their structures. */
#include "config_read.h"

#define CORE(kind_) "apiVersion: v1\nkind: " kind_ "\nmetadata: {name: a, uid: x}\n"

TEST(service_is_decoded)
{
	struct config_read r = config_read(
		CORE("Service") "spec:\n"
				"  clusterIP: 10.96.0.1\n"
				"  clusterIPs: [10.96.0.1, 'fd00::1']\n"
				"  sessionAffinity: None\n"
				"  type: NodePort\n"
				"  selector: {app: a}\n"
				"  ports:\n"
				"  - {name: http-web, port: 80, targetPort: web, nodePort: 30080}\n"
				"  - {name: x, port: 81, targetPort: 8081, appProtocol: grpc}\n"
				"  - {name: dns, port: 53, protocol: UDP}\n"
				"  - {name: raw, port: 3306}\n");
	const struct k8s_service *s;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	s = &r.objects[0]->service;
	CU_ASSERT_EQUAL(s->nr_addresses, 2);
	CU_ASSERT(!s->headless && s->has_selector);
	CU_ASSERT_EQUAL_FATAL(s->nr_ports, 4);
	CU_ASSERT_EQUAL(s->ports[0].protocol, PROTOCOL_HTTP);
	CU_ASSERT_STRING_EQUAL(s->ports[0].target_name, "web");
	CU_ASSERT_EQUAL(s->ports[0].node_port, 30080);
	CU_ASSERT_EQUAL(s->ports[1].protocol, PROTOCOL_GRPC);
	CU_ASSERT_EQUAL(s->ports[1].target_port, 8081);
	CU_ASSERT_EQUAL(s->ports[2].protocol, PROTOCOL_UDP);
	CU_ASSERT_EQUAL(s->ports[3].protocol, PROTOCOL_TCP);
	CU_ASSERT_EQUAL(s->ports[3].target_port, 3306);
	config_read_free(&r);
}

TEST(service_without_address_may_be_headless_or_external)
{
	struct config_read none = config_read(CORE("Service") "spec: {clusterIP: None}\n");
	struct config_read out = config_read(
		CORE("Service") "spec: {type: ExternalName, externalName: Db.example.com}\n");

	CU_ASSERT_EQUAL_FATAL(none.nr, 1);
	CU_ASSERT(none.objects[0]->service.headless);
	CU_ASSERT_EQUAL(none.objects[0]->service.nr_addresses, 0);
	CU_ASSERT_EQUAL_FATAL(out.nr, 1);
	CU_ASSERT_STRING_EQUAL(out.objects[0]->service.external_name, "db.example.com");
	config_read_free(&none);
	config_read_free(&out);
}

TEST(service_keeps_who_may_reach_it_and_how)
{
	struct config_read r = config_read(
		"apiVersion: v1\n"
		"kind: Service\n"
		"metadata:\n"
		"  name: a\n"
		"  annotations:\n"
		"    networking.istio.io/exportTo: ' ., other ,'\n"
		"    networking.istio.io/traffic-distribution: prefersamezone\n"
		"spec:\n"
		"  ports: [{port: 80}]\n"
		"  externalIPs: [192.0.2.1]\n"
		"  sessionAffinity: ClientIP\n"
		"  internalTrafficPolicy: Local\n"
		"  externalTrafficPolicy: Cluster\n"
		"status: {loadBalancer: {ingress: [{ip: 192.0.2.2}, {hostname: x.y}]}}\n");
	const struct object *o;
	const struct k8s_service *s;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	o = r.objects[0];
	s = &o->service;
	CU_ASSERT_EQUAL(s->nr_external_addresses, 2);
	CU_ASSERT_EQUAL(s->affinity_seconds, 10800);
	CU_ASSERT(s->internal_local && !s->external_local);
	CU_ASSERT_STRING_EQUAL(s->distribution, "PreferSameZone");
	CU_ASSERT(o->export_to.given && !o->export_to.all);
	CU_ASSERT_EQUAL_FATAL(o->export_to.nr_namespaces, 2);
	CU_ASSERT_STRING_EQUAL(o->export_to.namespaces[0], "default");
	CU_ASSERT_STRING_EQUAL(o->export_to.namespaces[1], "other");
	CU_ASSERT(object_is_visible(o, "other") && !object_is_visible(o, "third"));
	config_read_free(&r);
}

TEST(service_says_nothing_of_affinity_and_export)
{
	struct config_read r = config_read(
		CORE("Service") "spec:\n"
				"  ports: [{port: 80}]\n"
				"  sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}\n"
				"  trafficDistribution: PreferClose\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT_EQUAL(r.objects[0]->service.affinity_seconds, 0);
	CU_ASSERT(!r.objects[0]->export_to.given);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->service.distribution, "PreferClose");
	config_read_free(&r);
}

TEST(node_stands_where_its_labels_say)
{
	static const struct {
		const char *labels, *locality;
	} cases[] = {
		{"", ""},
		{"topology.kubernetes.io/region: r", "r"},
		{"topology.kubernetes.io/region: r, topology.kubernetes.io/zone: z", "r/z"},
		{"topology.kubernetes.io/zone: z", "/z"},
		{"topology.kubernetes.io/region: r, topology.istio.io/subzone: s", "r//s"},
		{"failure-domain.beta.kubernetes.io/region: r, "
		 "failure-domain.beta.kubernetes.io/zone: z, topology.istio.io/subzone: s",
		 "r/z/s"},
		{"topology.kubernetes.io/region: new, failure-domain.beta.kubernetes.io/region: old",
		 "new"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[512];
		struct config_read r;

		snprintf(text, sizeof(text),
			 "apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: {%s}}\n",
			 cases[i].labels);
		r = config_read(text);
		CU_ASSERT_EQUAL_FATAL(r.nr, 1);
		CU_ASSERT_STRING_EQUAL(r.objects[0]->node.locality, cases[i].locality);
		config_read_free(&r);
	}
}

TEST(pod_stands_where_its_label_says)
{
	struct config_read dots = config_read(
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {istio-locality: r.z.s}}\n");
	struct config_read none = config_read(CORE("Pod"));

	CU_ASSERT_EQUAL_FATAL(dots.nr, 1);
	CU_ASSERT_STRING_EQUAL(dots.objects[0]->pod.locality, "r/z/s");
	CU_ASSERT_EQUAL_FATAL(none.nr, 1);
	CU_ASSERT_STRING_EQUAL(none.objects[0]->pod.locality, "");
	config_read_free(&dots);
	config_read_free(&none);
}

TEST(pod_is_decoded)
{
	struct config_read r =
		config_read("apiVersion: v1\n"
			    "kind: Pod\n"
			    "metadata: {name: a, labels: {version: v1}, deletionTimestamp: "
			    "'2024-01-01T00:00:00Z'}\n"
			    "spec:\n"
			    "  nodeName: n1\n"
			    "  hostNetwork: true\n"
			    "  containers:\n"
			    "  - {name: c, image: x, ports: [{containerPort: 8080, name: web}]}\n"
			    "  - {name: d, ports: [{containerPort: 9090}]}\n"
			    "status:\n"
			    "  podIP: 10.1.0.1\n"
			    "  podIPs: [{ip: 10.1.0.1}, {ip: 'fd00::1'}]\n"
			    "  conditions: [{type: Ready, status: 'False'}]\n");
	const struct pod *pod;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	pod = &r.objects[0]->pod;
	CU_ASSERT_EQUAL(pod->nr_addresses, 2);
	CU_ASSERT(!pod->ready && pod->terminating && pod->host_network);
	CU_ASSERT_STRING_EQUAL(pod->node, "n1");
	CU_ASSERT_EQUAL_FATAL(pod->nr_ports, 2);
	CU_ASSERT_STRING_EQUAL(pod->ports[0].name, "web");
	CU_ASSERT_EQUAL(pod->ports[1].port, 9090);
	config_read_free(&r);
}

TEST(pod_without_conditions_is_ready)
{
	struct config_read r = config_read(CORE("Pod") "status: {podIP: 10.1.0.1}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT(r.objects[0]->pod.ready);
	CU_ASSERT_EQUAL(r.objects[0]->pod.nr_addresses, 1);
	config_read_free(&r);
}

TEST(endpoint_slice_is_decoded)
{
	struct config_read r = config_read(
		"apiVersion: discovery.k8s.io/v1beta1\n"
		"kind: EndpointSlice\n"
		"metadata: {name: a-x, labels: {kubernetes.io/service-name: a}}\n"
		"addressType: IPv4\n"
		"ports: [{name: http, port: 8080}, {name: dns, port: 53, protocol: UDP}]\n"
		"endpoints:\n"
		"- addresses: [10.0.0.1]\n"
		"  targetRef: {kind: Pod, name: p}\n"
		"  topology: {kubernetes.io/hostname: n1}\n"
		"- {addresses: [10.0.0.2], conditions: {ready: false}}\n"
		"- {addresses: [10.0.0.3], conditions: {ready: true, terminating: true},\n"
		"   hints: {forZones: [{name: z1}, {name: z2}], forNodes: [{name: n1}]}}\n");
	const struct slice *slice;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	slice = &r.objects[0]->slice;
	CU_ASSERT_STRING_EQUAL(slice->service, "a");
	CU_ASSERT_EQUAL(slice->nr_ports, 2);
	CU_ASSERT(slice->ports[1].transport == TRANSPORT_UDP);
	CU_ASSERT_EQUAL_FATAL(slice->nr_endpoints, 3);
	CU_ASSERT(slice->endpoints[0].ready);
	CU_ASSERT_EQUAL(slice->endpoints[0].ports, 3);
	CU_ASSERT_STRING_EQUAL(slice->endpoints[0].pod, "p");
	CU_ASSERT_STRING_EQUAL(slice->endpoints[0].pod_namespace, "default");
	CU_ASSERT_STRING_EQUAL(slice->endpoints[0].node, "n1");
	CU_ASSERT(!slice->endpoints[1].ready);
	CU_ASSERT(!slice->endpoints[2].ready);
	CU_ASSERT_PTR_NULL(slice->endpoints[0].hints);
	CU_ASSERT_PTR_NOT_NULL_FATAL(slice->endpoints[2].hints);
	CU_ASSERT_EQUAL_FATAL(slice->endpoints[2].hints->nr_zones, 2);
	CU_ASSERT_STRING_EQUAL(slice->endpoints[2].hints->zones[1], "z2");
	CU_ASSERT_EQUAL(slice->endpoints[2].hints->nr_nodes, 1);
	config_read_free(&r);
}

TEST(endpoints_keep_which_port_belongs_to_which_address)
{
	struct config_read r = config_read(
		CORE("Endpoints") "subsets:\n"
				  "- addresses: [{ip: 10.0.0.1}]\n"
				  "  notReadyAddresses: [{ip: 10.0.0.2}]\n"
				  "  ports: [{name: http, port: 8080}, {name: adm, port: 9}]\n"
				  "- addresses: [{ip: 10.0.0.3}]\n"
				  "  ports: [{name: http, port: 8081}, {name: adm, port: 9}]\n");
	const struct slice *slice;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	slice = &r.objects[0]->slice;
	CU_ASSERT_STRING_EQUAL(slice->service, "a");
	CU_ASSERT_EQUAL(slice->nr_ports, 3);
	CU_ASSERT_EQUAL_FATAL(slice->nr_endpoints, 3);
	CU_ASSERT_EQUAL(slice->endpoints[0].ports, 3);
	CU_ASSERT(!slice->endpoints[1].ready);
	CU_ASSERT_EQUAL(slice->endpoints[2].ports, 6);
	config_read_free(&r);
}

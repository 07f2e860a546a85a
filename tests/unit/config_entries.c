// SPDX-License-Identifier: GPL-2.0
/* ServiceEntry and WorkloadEntry into their structures. */
#include "config_read.h"

TEST(service_entry_is_decoded)
{
	struct config_read r = config_read(HEAD(
		"ServiceEntry") "spec:\n"
				"  hosts: [Db.Example.com]\n"
				"  addresses: [240.1.1.1, 240.1.2.0/24, 'fd00::1/128']\n"
				"  ports:\n"
				"  - {number: 80, name: http, protocol: HTTP, targetPort: 8080}\n"
				"  - {number: 27017, name: db, protocol: mongo}\n"
				"  location: MESH_INTERNAL\n"
				"  resolution: STATIC\n"
				"  endpoints:\n"
				"  - address: 10.0.0.1\n"
				"    ports: {http: 8081}\n"
				"    labels: {version: v1}\n"
				"  - {address: 'fd00::2', weight: 3, locality: a/b}\n");
	const struct service_entry *entry;
	char text[INET_TEXT];

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	entry = &r.objects[0]->service_entry;
	CU_ASSERT_STRING_EQUAL(entry->hosts[0], "db.example.com");
	CU_ASSERT_EQUAL_FATAL(entry->nr_addresses, 2);
	CU_ASSERT_STRING_EQUAL(inet_print(&entry->addresses[0], text), "240.1.1.1");
	CU_ASSERT_STRING_EQUAL(inet_print(&entry->addresses[1], text), "fd00::1");
	CU_ASSERT_EQUAL_FATAL(r.objects[0]->nr_later, 2);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[1].path, "spec.addresses[1]");
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[0].path, "spec.endpoints[1].weight");
	CU_ASSERT_EQUAL_FATAL(entry->nr_ports, 2);
	CU_ASSERT_EQUAL(entry->ports[0].protocol, PROTOCOL_HTTP);
	CU_ASSERT_EQUAL(entry->ports[0].target_port, 8080);
	CU_ASSERT_EQUAL(entry->ports[1].protocol, PROTOCOL_MONGO);
	CU_ASSERT_EQUAL(entry->resolution, RESOLUTION_STATIC);
	CU_ASSERT_EQUAL_FATAL(entry->nr_endpoints, 2);
	CU_ASSERT(entry->endpoints[0].has_address);
	CU_ASSERT_EQUAL(entry->endpoints[0].ports[0].port, 8081);
	CU_ASSERT_STRING_EQUAL(labels_get(&entry->endpoints[0].labels, "version"), "v1");
	CU_ASSERT_EQUAL(entry->endpoints[0].weight, 1);
	CU_ASSERT_EQUAL(entry->endpoints[1].weight, 1); /* not in force yet */
	CU_ASSERT_STRING_EQUAL(entry->endpoints[1].locality, "a/b");
	config_read_free(&r);
}

TEST(resolution_by_dns_or_none_is_not_in_force)
{
	struct config_read none = config_read(HEAD("ServiceEntry") "spec: {hosts: [a.b]}\n");
	struct config_read dns =
		config_read(HEAD("ServiceEntry") "spec: {hosts: [a.b], resolution: DNS}\n");

	CU_ASSERT_EQUAL_FATAL(none.nr, 1);
	CU_ASSERT_EQUAL(none.objects[0]->service_entry.resolution, RESOLUTION_NONE);
	CU_ASSERT_STRING_EQUAL(none.objects[0]->later[0].path, "spec.resolution");
	CU_ASSERT_EQUAL_FATAL(dns.nr, 1);
	CU_ASSERT_EQUAL(dns.objects[0]->service_entry.resolution, RESOLUTION_DNS);
	CU_ASSERT_STRING_EQUAL(dns.objects[0]->later[0].path, "spec.resolution");
	config_read_free(&none);
	config_read_free(&dns);
}

TEST(labels_of_the_metadata_win)
{
	struct config_read r = config_read("apiVersion: networking.istio.io/v1beta1\n"
					   "kind: WorkloadEntry\n"
					   "metadata: {name: vm, labels: {version: v2}}\n"
					   "spec:\n"
					   "  address: 10.0.0.9\n"
					   "  labels: {version: v1, app: x}\n");
	const struct workload *w;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	w = &r.objects[0]->workload;
	CU_ASSERT_STRING_EQUAL(w->name, "vm");
	CU_ASSERT_STRING_EQUAL(labels_get(&w->labels, "version"), "v2");
	CU_ASSERT_STRING_EQUAL(labels_get(&w->labels, "app"), "x");
	CU_ASSERT_EQUAL(w->labels.nr, 2);
	CU_ASSERT_EQUAL(w->weight, 1);
	config_read_free(&r);
}

TEST(workload_by_name_is_not_in_force)
{
	struct config_read r =
		config_read(HEAD("WorkloadEntry") "spec: {address: vm.example.com}\n");

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	CU_ASSERT(!r.objects[0]->workload.has_address);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[0].path, "spec.address");
	config_read_free(&r);
}

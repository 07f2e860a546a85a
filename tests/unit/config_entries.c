// SPDX-License-Identifier: GPL-2.0
/* ServiceEntry and WorkloadEntry into their structures. */
#include "config_read.h"

TEST(service_entry_is_decoded)
{
	struct config_read r = config_read(HEAD(
		"ServiceEntry") "spec:\n"
				"  hosts: [Db.Example.com]\n"
				"  addresses: [240.1.1.1, 240.1.2.192/24, 'fd00::1/128']\n"
				"  ports:\n"
				"  - {number: 80, name: http, protocol: HTTP, targetPort: 8080}\n"
				"  - {number: 27017, name: db, protocol: mongo}\n"
				"  location: MESH_INTERNAL\n"
				"  resolution: STATIC\n"
				"  endpoints:\n"
				"  - address: 10.0.0.1\n"
				"    ports: {http: 8081}\n"
				"    labels: {version: v1}\n"
				"  - {address: 'fd00::2', locality: a/b,\n"
				"     serviceAccount: db, weight: 3}\n"
				"  - {address: 10.0.0.3, weight: 0}\n"
				"  subjectAltNames: [spiffe://a/b]\n");
	const struct service_entry *entry;
	char text[INET_TEXT];

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	entry = &r.objects[0]->service_entry;
	CU_ASSERT_STRING_EQUAL(entry->hosts[0], "db.example.com");
	CU_ASSERT_EQUAL_FATAL(entry->nr_addresses, 2);
	CU_ASSERT_STRING_EQUAL(inet_print(&entry->addresses[0], text), "240.1.1.1");
	CU_ASSERT_STRING_EQUAL(inet_print(&entry->addresses[1], text), "fd00::1");
	CU_ASSERT_EQUAL_FATAL(entry->nr_subnets, 1);
	CU_ASSERT_STRING_EQUAL(inet_print(&entry->subnets[0].address, text), "240.1.2.0");
	CU_ASSERT_EQUAL(entry->subnets[0].prefix, 24);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	CU_ASSERT(entry->mesh_internal);
	CU_ASSERT_STRING_EQUAL(entry->subject_alt_names[0], "spiffe://a/b");
	CU_ASSERT_EQUAL_FATAL(entry->nr_ports, 2);
	CU_ASSERT_EQUAL(entry->ports[0].protocol, PROTOCOL_HTTP);
	CU_ASSERT_EQUAL(entry->ports[0].target_port, 8080);
	CU_ASSERT_EQUAL(entry->ports[1].protocol, PROTOCOL_MONGO);
	CU_ASSERT_EQUAL(entry->resolution, RESOLUTION_STATIC);
	CU_ASSERT_EQUAL_FATAL(entry->nr_endpoints, 3);
	CU_ASSERT(entry->endpoints[0].has_address);
	CU_ASSERT_EQUAL(entry->endpoints[0].ports[0].port, 8081);
	CU_ASSERT_STRING_EQUAL(labels_get(&entry->endpoints[0].labels, "version"), "v1");
	CU_ASSERT_EQUAL(entry->endpoints[0].weight, 1);
	CU_ASSERT_EQUAL(entry->endpoints[1].weight, 3);
	CU_ASSERT_STRING_EQUAL(entry->endpoints[1].service_account, "db");
	CU_ASSERT_STRING_EQUAL(entry->endpoints[1].network, "");
	CU_ASSERT_EQUAL(entry->endpoints[2].weight, 1);
	CU_ASSERT_STRING_EQUAL(entry->endpoints[1].locality, "a/b");
	config_read_free(&r);
}

TEST(every_resolution_is_kept)
{
	static const struct {
		const char *text;
		enum resolution resolution;
	} all[] = {
		{"{hosts: [a.b]}", RESOLUTION_NONE},
		{"{hosts: [a.b], resolution: STATIC}", RESOLUTION_STATIC},
		{"{hosts: [a.b], resolution: DNS}", RESOLUTION_DNS},
		{"{hosts: [a.b], resolution: DNS_ROUND_ROBIN}", RESOLUTION_DNS_ROUND_ROBIN},
		{"{hosts: ['*.b'], resolution: DYNAMIC_DNS}", RESOLUTION_DYNAMIC_DNS},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		char *text = xasprintf(HEAD("ServiceEntry") "spec: %s\n", all[i].text);
		struct config_read r = config_read(text);

		CU_ASSERT_EQUAL_FATAL(r.nr, 1);
		CU_ASSERT_EQUAL(r.objects[0]->service_entry.resolution, all[i].resolution);
		CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
		config_read_free(&r);
		free(text);
	}
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

TEST(workload_by_name_is_kept)
{
	struct config_read r =
		config_read(HEAD("WorkloadEntry") "spec: {address: VM.example.com}\n");
	const struct workload *w;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	w = &r.objects[0]->workload;
	CU_ASSERT(!w->has_address);
	CU_ASSERT_STRING_EQUAL(w->dns_name, "vm.example.com");
	CU_ASSERT_PTR_NULL(w->unix_path);
	CU_ASSERT_EQUAL(r.objects[0]->nr_later, 0);
	config_read_free(&r);
}

TEST(unix_path_and_network_are_not_in_force)
{
	struct config_read r = config_read(
		HEAD("WorkloadEntry") "spec: {address: 'unix:///run/a.sock', network: far}\n");
	const struct workload *w;

	CU_ASSERT_EQUAL_FATAL(r.nr, 1);
	w = &r.objects[0]->workload;
	CU_ASSERT(!w->has_address);
	CU_ASSERT_STRING_EQUAL(w->unix_path, "/run/a.sock");
	CU_ASSERT_STRING_EQUAL(w->network, "far");
	CU_ASSERT_EQUAL_FATAL(r.objects[0]->nr_later, 2);
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[0].path, "spec.network");
	CU_ASSERT_STRING_EQUAL(r.objects[0]->later[1].path, "spec.address");
	config_read_free(&r);
}

// SPDX-License-Identifier: GPL-2.0
/* Who serves a port: from slices, else Endpoints, else Pods, and WorkloadEntries beside them. */
#include <stdlib.h>
#include <string.h>
#include "plan/host.h"

const char *slice_pod_namespace(const struct object *slice, const struct slice_endpoint *e)
{
	return e->pod_namespace && *e->pod_namespace ? e->pod_namespace : slice->namespace;
}

/* "Pod/default/a" -> "default/a" */
static const char *id_name(const struct object *o)
{
	const char *slash = strchr(o->id, '/');

	return slash ? slash + 1 : o->id;
}

static void endpoint_address(struct plan_endpoint *e, const struct inet *addresses, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		bool v4 = inet_is_v4(&addresses[i]);

		if (v4 && !e->has_ipv4)
			e->ipv4 = addresses[i];
		if (!v4 && !e->has_ipv6)
			e->ipv6 = addresses[i];
		e->has_ipv4 |= v4;
		e->has_ipv6 |= !v4;
	}
}

static void backend_add(struct backends *out, const struct plan_endpoint *e,
			const struct labels *labels, const char *node,
			const struct slice_hints *hints)
{
	struct backend b = {.endpoint = *e, .labels = labels, .node = node, .hints = hints};
	const char *version = labels ? labels_get(labels, "version") : NULL;

	if (!e->port || (!e->has_ipv4 && !e->has_ipv6 && !*e->dns_name))
		return;
	b.endpoint.version = version ? version : "";
	vec_push(&out->list, b);
}

/* ---- Pods ---- */

const char *node_locality(const struct planner *p, const char *node)
{
	const struct object *o =
		node && *node ? config_set_get(p->set, KIND_NODE, "", node) : NULL;

	return o ? o->node.locality : "";
}

static const char *pod_locality(const struct planner *p, const struct object *o)
{
	return *o->pod.locality ? o->pod.locality : node_locality(p, o->pod.node);
}

static uint16_t pod_port(const struct pod *pod, const struct service_port *port)
{
	if (!port->target_name)
		return port->target_port ? port->target_port : port->port;
	for (size_t i = 0; i < pod->nr_ports; i++)
		if (!strcmp(pod->ports[i].name, port->target_name))
			return pod->ports[i].port;
	return 0;
}

static void pod_add(const struct planner *p, const struct object *o,
		    const struct service_port *port, bool not_ready_too, struct backends *out)
{
	struct plan_endpoint e = {.port = pod_port(&o->pod, port),
				  .weight = 1,
				  .name = id_name(o),
				  .locality = pod_locality(p, o),
				  .dns_name = ""};

	if (o->pod.terminating || (!o->pod.ready && !not_ready_too))
		return;
	endpoint_address(&e, o->pod.addresses, o->pod.nr_addresses);
	backend_add(out, &e, &o->labels, o->pod.node, NULL);
}

/* ---- WorkloadEntries ---- */

static uint16_t workload_port(const struct workload *w, const struct service_port *port)
{
	for (size_t i = 0; i < w->nr_ports; i++)
		if (!strcmp(w->ports[i].name, port->name))
			return w->ports[i].port;
	for (size_t i = 0; port->target_name && i < w->nr_ports; i++)
		if (!strcmp(w->ports[i].name, port->target_name))
			return w->ports[i].port;
	return port->target_port ? port->target_port : port->port;
}

/* `by_name`: its service looks names up. */
static void workload_add(const struct workload *w, const char *name, bool by_name,
			 const struct service_port *port, struct backends *out)
{
	struct plan_endpoint e = {.port = workload_port(w, port),
				  .weight = w->weight ? w->weight : 1,
				  .name = name,
				  .locality = w->locality,
				  .dns_name = by_name && w->dns_name ? w->dns_name : ""};

	if (w->has_address)
		endpoint_address(&e, &w->address, 1);
	backend_add(out, &e, &w->labels, "", NULL);
}

/* Its endpoints may be names; without any, its hosts are. */
static bool is_by_name(const struct object *owner)
{
	return owner->kind == KIND_SERVICE_ENTRY &&
	       (owner->service_entry.resolution == RESOLUTION_DNS ||
		owner->service_entry.resolution == RESOLUTION_DNS_ROUND_ROBIN);
}

static void selected_add(const struct planner *p, const struct object *owner,
			 const struct service_port *port, bool pods, struct backends *out)
{
	const struct labels *selector = selector_of(owner);
	bool not_ready_too = owner->kind == KIND_SERVICE && owner->service.publish_not_ready;
	const struct bag *bag;
	struct object *o;

	if (!selector)
		return;
	bag = index_workloads(p->index, owner->namespace, selector);
	bag_each(bag, o) {
		if (o->kind == KIND_POD && pods && labels_contain(&o->labels, selector))
			pod_add(p, o, port, not_ready_too, out);
		if (o->kind == KIND_WORKLOAD_ENTRY && labels_contain(&o->workload.labels, selector))
			workload_add(&o->workload, id_name(o), is_by_name(owner), port,
				     out);
	}
}

/* ---- slices and Endpoints ---- */

static const struct object *pod_at(const struct planner *p, const struct inet *address)
{
	const struct object *first = NULL;
	struct object *o;
	char key[INDEX_KEY];
	const struct bag *bag = strmap_get(&p->index->pods, index_key_address(key, address));

	bag_each(bag, o)
		if (!o->pod.terminating && (!first || object_order(o, first) < 0))
			first = o;
	return first;
}

static void slice_endpoint_add(const struct planner *p, const struct object *slice,
			       const struct slice_endpoint *se, uint16_t port, struct backends *out)
{
	struct plan_endpoint e = {.port = port, .weight = 1, .name = "", .dns_name = ""};
	const struct object *pod = NULL;

	if (se->pod) {
		pod = config_set_get(p->set, KIND_POD, slice_pod_namespace(slice, se), se->pod);
		if (!pod) {
			out->nr_waiting++;
			return;
		}
	} else if (se->nr_addresses) {
		pod = pod_at(p, &se->addresses[0]);
	}
	if (pod)
		e.name = id_name(pod);
	e.locality = pod ? pod_locality(p, pod) : "";
	if (!*e.locality)
		e.locality = node_locality(p, se->node);
	endpoint_address(&e, se->addresses, se->nr_addresses);
	backend_add(out, &e, pod ? &pod->labels : NULL,
		    pod && *pod->pod.node ? pod->pod.node : se->node, se->hints);
}

static void slice_add(const struct planner *p, const struct object *o,
		      const struct service_port *port, struct backends *out)
{
	const struct slice *s = &o->slice;

	for (size_t i = 0; i < s->nr_ports; i++) {
		uint16_t number = s->ports[i].port;

		if (s->ports[i].transport != protocol_transport(port->protocol) ||
		    strcmp(s->ports[i].name, port->name))
			continue;
		if (!number)
			number = port->target_port ? port->target_port : port->port;
		for (size_t j = 0; j < s->nr_endpoints; j++)
			if (s->endpoints[j].ready && s->endpoints[j].ports & 1u << i)
				slice_endpoint_add(p, o, &s->endpoints[j], number, out);
	}
}

/* ---- order ---- */

static int family(const struct plan_endpoint *e)
{
	return e->has_ipv4 ? e->has_ipv6 : 2;
}

int endpoint_address_order(const struct plan_endpoint *a, const struct plan_endpoint *b)
{
	int order = family(a) - family(b);

	if (!order)
		order = memcmp(&a->ipv4, &b->ipv4, sizeof(a->ipv4));
	if (!order)
		order = memcmp(&a->ipv6, &b->ipv6, sizeof(a->ipv6));
	if (!order)
		order = strcmp(a->dns_name, b->dns_name);
	return order ? order : (int)a->port - (int)b->port;
}

static int names_order(const char *const *a, size_t nr_a, const char *const *b, size_t nr_b)
{
	int order = (nr_a > nr_b) - (nr_a < nr_b);

	for (size_t i = 0; i < nr_a && !order; i++)
		order = strcmp(a[i], b[i]);
	return order;
}

static int hints_order(const struct slice_hints *a, const struct slice_hints *b)
{
	static const struct slice_hints none;
	int order;

	a = a ? a : &none;
	b = b ? b : &none;
	order = names_order(a->zones, a->nr_zones, b->zones, b->nr_zones);
	return order ? order : names_order(a->nodes, a->nr_nodes, b->nodes, b->nr_nodes);
}

/* By all that is told of it, so that of one server which stands in two slices always the same stays. */
static int backend_order(const void *a, const void *b)
{
	const struct backend *x = a, *y = b;
	int order = endpoint_address_order(&x->endpoint, &y->endpoint);

	if (!order)
		order = strcmp(x->endpoint.name, y->endpoint.name);
	if (!order)
		order = strcmp(x->endpoint.version, y->endpoint.version);
	if (!order)
		order = strcmp(x->node, y->node);
	if (!order)
		order = strcmp(x->endpoint.locality, y->endpoint.locality);
	if (!order)
		order = (x->endpoint.weight > y->endpoint.weight) -
			(x->endpoint.weight < y->endpoint.weight);
	return order ? order : hints_order(x->hints, y->hints);
}

static void backends_sort(struct backends *out)
{
	if (out->list.nr > 1)
		qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), backend_order);
}

static void backends_collapse(struct backends *out)
{
	size_t kept = 0;

	backends_sort(out);
	for (size_t i = 0; i < out->list.nr; i++)
		if (!kept || endpoint_address_order(&out->list.at[kept - 1].endpoint,
						    &out->list.at[i].endpoint))
			out->list.at[kept++] = out->list.at[i];
	out->list.nr = kept;
}

static int name_order(const void *a, const void *b)
{
	const struct plan_endpoint *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (!order)
		order = (int)x->port - (int)y->port;
	return order ? order : endpoint_address_order(x, y);
}

/* One Pod stands in a slice for each family: its two endpoints become one with both addresses. */
static void families_join(struct backends *out)
{
	bool families[3] = {false};
	size_t kept = 0;

	for (size_t i = 0; i < out->list.nr; i++)
		families[family(&out->list.at[i].endpoint)] = true;
	if (!families[0] || !families[2])
		return;
	qsort(out->list.at, out->list.nr, sizeof(out->list.at[0]), name_order);
	for (size_t i = 0; i < out->list.nr; i++) {
		const struct plan_endpoint *e = &out->list.at[i].endpoint;
		struct plan_endpoint *last = kept ? &out->list.at[kept - 1].endpoint : NULL;

		if (last && *e->name && !strcmp(last->name, e->name) && last->port == e->port &&
		    !last->has_ipv6 && !e->has_ipv4) {
			last->ipv6 = e->ipv6;
			last->has_ipv6 = true;
			continue;
		}
		out->list.at[kept++] = out->list.at[i];
	}
	out->list.nr = kept;
}

/* False: the Service has neither slices nor Endpoints. */
static bool slices_add(const struct planner *p, const struct object *service,
		       const struct service_port *port, struct backends *out)
{
	char key[INDEX_KEY];
	const struct bag *bag = strmap_get(
		&p->index->slices, index_key_name(key, service->namespace, service->name));
	const struct object *endpoints =
		config_set_get(p->set, KIND_ENDPOINTS, service->namespace, service->name);
	struct object *o;

	bag_each(bag, o)
		slice_add(p, o, port, out);
	if (!bag && endpoints)
		slice_add(p, endpoints, port, out);
	backends_collapse(out); /* a server may stand in several slices of one family */
	families_join(out);
	return bag || endpoints;
}

static void entry_add(const struct planner *p, const struct object *owner, const char *host,
		      const struct service_port *port, struct backends *out)
{
	const struct service_entry *se = &owner->service_entry;
	const struct workload self = {.dns_name = host, .locality = ""};
	bool by_name = is_by_name(owner);

	for (size_t i = 0; i < se->nr_endpoints; i++)
		workload_add(&se->endpoints[i], "", by_name, port, out);
	selected_add(p, owner, port, true, out);
	if (by_name && !se->nr_endpoints && !se->has_selector)
		workload_add(&self, "", true, port, out);
}

void backends_of(const struct planner *p, const struct object *owner, const char *host,
		 const struct service_port *port, struct backends *out)
{
	memset(out, 0, sizeof(*out));
	if (owner->kind == KIND_SERVICE) {
		bool sliced = slices_add(p, owner, port, out);

		selected_add(p, owner, port, !sliced, out);
	} else {
		entry_add(p, owner, host, port, out);
	}
	backends_sort(out);
}

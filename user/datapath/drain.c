// SPDX-License-Identifier: GPL-2.0
/* Counts live connections by where they go, and chooses those that have to end. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include "datapath/kernel.h"
#include "drain.skel.h"

void drain_close(struct datapath *dp)
{
	drain_conns_close(dp);
	bpf_link__destroy(dp->end_tcp);
	bpf_link__destroy(dp->end_udp);
	drain_bpf__destroy(dp->drain);
	dp->drain = NULL;
	dp->end_tcp = dp->end_udp = NULL;
}

/* `ends`: with the programs that call what older kernels do not have. */
static int load(struct datapath *dp, bool ends)
{
	int err;

	dp->drain = drain_bpf__open();
	err = dp->drain ? maps_reuse(dp->drain->obj, dp->fds) : -errno;
	if (err)
		return err;
	bpf_program__set_autoload(dp->drain->progs.end_tcp, ends);
	bpf_program__set_autoload(dp->drain->progs.end_udp, ends);
	err = drain_bpf__load(dp->drain);
	if (err || !ends)
		return err;
	dp->end_tcp = bpf_program__attach_iter(dp->drain->progs.end_tcp, NULL);
	dp->end_udp = bpf_program__attach_iter(dp->drain->progs.end_udp, NULL);
	return dp->end_tcp && dp->end_udp ? 0 : -errno;
}

int datapath_drain_prepare(struct datapath *dp, char **why)
{
	int err;

	*why = NULL;
	if (dp->drain)
		return 0;
	err = load(dp, true);
	if (err) {
		drain_close(dp);
		err = load(dp, false);
	}
	if (err) {
		*why = xasprintf("the walk that ends connections does not load: %s",
				 strerror(-err));
		drain_close(dp);
	}
	return err;
}

bool datapath_drain_iterates(struct datapath *dp)
{
	return dp->drain && dp->end_tcp;
}

/* ---- counting ---- */

static void map_clear(const struct bpf_map *map)
{
	struct drain_key key; /* the longest */

	while (!bpf_map_get_next_key(bpf_map__fd(map), NULL, &key))
		bpf_map_delete_elem(bpf_map__fd(map), &key);
}

static bool is_at_node(const struct datapath *dp, const struct service_key *key)
{
	for (size_t i = 0; i < dp->node_addresses.nr; i++)
		if (!memcmp(dp->node_addresses.at[i].byte, key->address, 16))
			return true;
	return false;
}

static int tallies_read(struct datapath *dp,
			void (*each)(const struct drain_reading *r, void *arg), void *arg)
{
	int fd = bpf_map__fd(dp->drain->maps.tallies);
	struct drain_reading r;

	while (!bpf_map_get_next_key(fd, NULL, &r.key)) {
		if (bpf_map_lookup_elem(fd, &r.key, &r.tally) || bpf_map_delete_elem(fd, &r.key))
			return -errno;
		if (bpf_map_lookup_elem(dp->fds[MAP_CLUSTER_NAMES], &r.key.cluster, &r.name))
			memset(&r.name, 0, sizeof(r.name));
		r.gone = r.key.endpoint >= dp->endpoint_state_slots.reach ||
			 dp->endpoint_state[r.key.endpoint].gone;
		r.at_node = is_at_node(dp, &r.key.service);
		each(&r, arg);
	}
	return 0;
}

int datapath_drain_tally(struct datapath *dp, const uint32_t *clusters, size_t nr,
			 void (*each)(const struct drain_reading *r, void *arg), void *arg,
			 char **why)
{
	uint8_t one = 1;
	int fd, err = datapath_drain_prepare(dp, why);

	if (err)
		return err;
	dp->drain->bss->watch_all = !nr;
	fd = bpf_map__fd(dp->drain->maps.watched);
	for (size_t i = 0; i < nr && !err; i++)
		err = bpf_map_update_elem(fd, &clusters[i], &one, BPF_ANY) ? -errno : 0;
	map_clear(dp->drain->maps.tallies);
	if (!err)
		err = walk_run(dp, dp->drain->progs.tally_flows, why);
	if (!err)
		err = drain_conns_tally(dp, why);
	if (!err)
		err = tallies_read(dp, each, arg);
	map_clear(dp->drain->maps.watched);
	return err;
}

/* ---- choosing ---- */

/* By network namespace, so that each is entered once. */
static int leaving_order(const void *a, const void *b)
{
	const struct leaving *x = a, *y = b;

	return x->netns < y->netns ? -1 : x->netns > y->netns;
}

static int choose(struct datapath *dp, struct bpf_program *program, struct leavers *out, char **why)
{
	int err, fd = bpf_map__fd(dp->drain->maps.leaving);
	uint32_t nr;

	out->list.nr = 0;
	dp->drain->bss->nr_leaving = dp->drain->bss->nr_chosen = 0;
	err = walk_run(dp, program, why);
	nr = (uint32_t)dp->drain->bss->nr_leaving;
	for (uint32_t i = 0; i < nr && i < DRAIN_LEAVING; i++) {
		struct leaving row;

		if (!bpf_map_lookup_elem(fd, &i, &row))
			vec_push(&out->list, row);
	}
	out->chosen = dp->drain->bss->nr_chosen;
	if (out->list.nr)
		qsort(out->list.at, out->list.nr, sizeof(*out->list.at), leaving_order);
	return err;
}

static void wish_see(int fd, struct drain_wish *wish)
{
	struct drain_order left;

	wish->met = bpf_map_lookup_elem(fd, &wish->key, &left) ? 0 : wish->order.left - left.left;
}

int datapath_drain_choose(struct datapath *dp, struct drain_wish *list, size_t nr,
			  struct leavers *out, char **why)
{
	int fd, err = datapath_drain_prepare(dp, why);

	if (err)
		return err;
	fd = bpf_map__fd(dp->drain->maps.orders);
	for (size_t i = 0; i < nr && !err; i++)
		err = bpf_map_update_elem(fd, &list[i].key, &list[i].order, BPF_ANY) ? -errno : 0;
	if (!err)
		err = choose(dp, dp->drain->progs.choose_surplus, out, why);
	if (!err)
		err = drain_conns_surplus(dp, why);
	for (size_t i = 0; i < nr && !err; i++)
		wish_see(fd, &list[i]);
	map_clear(dp->drain->maps.orders);
	return err;
}

int datapath_drain_expired(struct datapath *dp, struct leavers *out, char **why)
{
	int err = datapath_drain_prepare(dp, why);

	if (!err)
		err = choose(dp, dp->drain->progs.choose_expired, out, why);
	return err ? err : drain_conns_expired(dp, why);
}

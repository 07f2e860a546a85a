/* SPDX-License-Identifier: GPL-2.0 */
/* The endpoints by cluster, port and address: an open-addressed table of their slots. */
#include <string.h>
#include "datapath/kernel.h"

#define CAP_FIRST 64

static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};

/* What an endpoint is found by, one for each family that it has. */
struct name {
	uint32_t cluster;
	uint32_t port;
	struct inet address;
};
_Static_assert(sizeof(struct name) == 24, "hashed as bytes");

static uint8_t family(int ipv6)
{
	return ipv6 ? NAMED_IPV6 : NAMED_IPV4;
}

/* An entry of the table is the endpoint's slot and the family, and one more; 0 is free. */
static uint32_t entry_of(const struct endpoint_ref *r, int ipv6)
{
	return (r->slot << 1 | ipv6) + 1;
}

static struct name name_of(const struct endpoint_ref *r, int ipv6)
{
	struct name name = {.cluster = r->cluster, .port = r->port};

	if (ipv6) {
		memcpy(name.address.byte, r->ipv6, 16);
	} else {
		memcpy(name.address.byte, v4_mapped, 12);
		memcpy(name.address.byte + 12, r->ipv4, 4);
	}
	return name;
}

static struct name name_at(const struct datapath *dp, uint32_t entry)
{
	return name_of(dp->endpoint_by_slot[(entry - 1) >> 1], (entry - 1) & 1);
}

static size_t home_of(const struct datapath *dp, const struct name *name)
{
	return strmap_hash_bytes(name, sizeof(*name)) & (dp->endpoint_names.cap - 1);
}

/* The place that has the name, or the free one where it goes. */
static uint32_t *place_of(const struct datapath *dp, const struct name *name)
{
	const struct endpoint_names *n = &dp->endpoint_names;
	size_t i = home_of(dp, name);

	for (; n->at[i]; i = (i + 1) & (n->cap - 1)) {
		struct name other = name_at(dp, n->at[i]);

		if (!memcmp(&other, name, sizeof(other)))
			break;
	}
	return &n->at[i];
}

static void grow(struct datapath *dp)
{
	struct endpoint_names *n = &dp->endpoint_names, old = *n;

	n->cap = old.cap ? 2 * old.cap : CAP_FIRST;
	n->at = xcalloc(n->cap, sizeof(*n->at));
	for (size_t i = 0; i < old.cap; i++) {
		struct name name;

		if (!old.at[i])
			continue;
		name = name_at(dp, old.at[i]);
		*place_of(dp, &name) = old.at[i];
	}
	free(old.at);
}

struct endpoint_ref *endpoint_named(const struct datapath *dp, const struct inet *address,
				    uint16_t port, uint32_t cluster)
{
	const struct name name = {cluster, port, *address};
	uint32_t entry = dp->endpoint_names.cap ? *place_of(dp, &name) : 0;

	return entry ? dp->endpoint_by_slot[(entry - 1) >> 1] : NULL;
}

void endpoint_name(struct datapath *dp, struct endpoint_ref *r, const struct inet *address,
		   uint16_t port, uint32_t cluster)
{
	struct endpoint_names *n = &dp->endpoint_names;
	const struct name name = {cluster, port, *address};
	int ipv6 = !inet_is_v4(address);
	uint32_t *place;

	if (r->named & family(ipv6) || cluster != r->cluster || (r->named && port != r->port))
		return;
	if (4 * (n->nr + 1) > 3 * n->cap)
		grow(dp);
	place = place_of(dp, &name);
	if (*place)
		return;
	*place = entry_of(r, ipv6);
	n->nr++;
	r->named |= family(ipv6);
	r->port = port;
	if (ipv6)
		memcpy(r->ipv6, address->byte, 16);
	else
		memcpy(r->ipv4, address->byte + 12, 4);
}

/* Those behind it move up, as far as each is behind its home. */
static void take_out(struct datapath *dp, size_t hole)
{
	struct endpoint_names *n = &dp->endpoint_names;
	size_t mask = n->cap - 1;

	for (size_t i = (hole + 1) & mask; n->at[i]; i = (i + 1) & mask) {
		struct name name = name_at(dp, n->at[i]);

		if (((i - home_of(dp, &name)) & mask) < ((i - hole) & mask))
			continue;
		n->at[hole] = n->at[i];
		hole = i;
	}
	n->at[hole] = 0;
	n->nr--;
}

void endpoint_unname(struct datapath *dp, struct endpoint_ref *r)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct name name = name_of(r, ipv6);

		if (r->named & family(ipv6))
			take_out(dp, (size_t)(place_of(dp, &name) - dp->endpoint_names.at));
		r->named &= ~family(ipv6);
	}
}

bool endpoint_address(const struct endpoint_ref *r, struct inet *out)
{
	*out = name_of(r, !(r->named & NAMED_IPV4)).address;
	return r->named;
}

void endpoint_names_free(struct datapath *dp)
{
	free(dp->endpoint_names.at);
	dp->endpoint_names = (struct endpoint_names){0};
}

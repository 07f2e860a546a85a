// SPDX-License-Identifier: GPL-2.0
/* Maps the agent's records, and tells it which of them are named here. */
#include "proxy/shared.h"
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

static int records_map(int fd, size_t size, void **out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *at = mmap(NULL, (size + page - 1) / page * page, PROT_READ | PROT_WRITE, MAP_SHARED,
			fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	*out = at;
	return 0;
}

int shared_requests(struct lasting *all, int fd)
{
	if (all->tallies.all.nr)
		return -EBUSY;
	return records_map(fd, SHUNT_MAX_REQUESTS * sizeof(*all->tallies.shared),
			   (void **)&all->tallies.shared);
}

int shared_turns(struct lasting *all, int fd)
{
	if (all->turns.all.nr)
		return -EBUSY;
	return records_map(fd, SHUNT_MAX_PROXY_TURNS * sizeof(*all->turns.shared),
			   (void **)&all->turns.shared);
}

static void mark(uint8_t *bits, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		bits[i / 8] |= (uint8_t)(1u << i % 8);
}

int shared_slots_memfd(const struct lasting *all)
{
	uint8_t bits[SHUNT_MAX_REQUESTS / 8 + SHUNT_MAX_PROXY_TURNS / 8] = {0};
	int err, fd = memfd_create("shunt-slots", MFD_CLOEXEC);
	const struct strmap_entry *e;

	if (fd == -1)
		return -errno;
	strmap_each (&all->tallies.all, e) {
		const struct tally *t = e->value;

		mark(bits, t->slot.first, t->slot.records);
	}
	strmap_each (&all->turns.all, e)
		mark(bits + SHUNT_MAX_REQUESTS / 8, ((const struct turn *)e->value)->slot, 1);
	if (write(fd, bits, sizeof(bits)) == sizeof(bits))
		return fd;
	err = -EIO;
	close(fd);
	return err;
}

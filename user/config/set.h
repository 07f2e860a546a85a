/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All objects in force, by kind and name. A copy shares the kinds that do not change, so that to try
 * a change on one costs what the kind that changes has.
 */
#ifndef CONFIG_SET_H
#define CONFIG_SET_H

#include "base/strmap.h"
#include "config/object.h"

struct config_set {
	struct strmap kinds[NR_KINDS]; /* "namespace/name" -> struct object *; only to be read */
	unsigned *sharers[NR_KINDS];   /* how many sets have that very map; NULL: this one alone */
	const char *node; /* --node: the Node that callers are on, borrowed; "" or NULL: not known */
	bool split_requests; /* --http-split=request: as if shunt.io/split said so where nothing does */
};

void config_set_free(struct config_set *s);
void config_set_copy(struct config_set *to, const struct config_set *from); /* `to` is empty */
/* Takes over one reference of `o`; an object of the same kind, namespace and name goes. */
void config_set_put(struct config_set *s, struct object *o);
/* NULL when there is none. */
struct object *config_set_get(const struct config_set *s, enum kind kind, const char *namespace,
			      const char *name);
bool config_set_remove(struct config_set *s, enum kind kind, const char *namespace,
		       const char *name);
size_t config_set_count(const struct config_set *s);

/*
 * Reads files, folders (*.yaml, *.yml, *.json, sorted; names that start with a dot are passed over)
 * and "-" (standard input) into `s`. An object that stands twice is an error naming both places.
 * All faults of all files are collected. 0 or -EINVAL.
 */
int config_set_read(struct config_set *s, char *const *paths, size_t nr_paths,
		    const struct decode_options *options, struct diags *diags);

#endif

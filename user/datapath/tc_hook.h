/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that meet the packets of a device: by a link of their own (6.6), else by a filter of tc. */
#ifndef DATAPATH_TC_HOOK_H
#define DATAPATH_TC_HOOK_H

enum tc_way {
	TC_IN,	/* what comes in at the device */
	TC_OUT, /* what leaves by it */
};

/*
 * Attaches `program` to the device with this number, or puts it in the place of the one that `name`
 * attached there last. `name` tells apart what one root has on a device: pins are NAME_NUMBER below
 * `root`. -errno.
 */
/* The same for any hook with links: `type` of enum bpf_attach_type, at the target's descriptor or
 * index; pinned at `path`. -errno */
int hook_link(const char *path, int target, int type, int program);
int tc_hook_put(const char *root, const char *name, unsigned device, enum tc_way way, int program);
void tc_hook_remove(const char *root, const char *name, unsigned device, enum tc_way way);
/* Takes away all filters of `root`; links go with their pins. */
void tc_hooks_unload(const char *root);

#endif

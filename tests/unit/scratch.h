/* SPDX-License-Identifier: GPL-2.0 */
/* Real maps and programs under a root and a cgroup of the test's own. */
#ifndef UNIT_SCRATCH_H
#define UNIT_SCRATCH_H

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "datapath/kernel.h"
#include "datapath/probe.h"
#include "unit.h"

static char root[33], cgroup[600];
static struct datapath *dp;

static inline void up(void)
{
	char mount[512], *why = NULL;
	int did;

	CU_ASSERT_EQUAL_FATAL(probe_cgroup2(mount, sizeof(mount)), 0);
	snprintf(root, sizeof(root), "shunt-unit-%d", getpid());
	snprintf(cgroup, sizeof(cgroup), "%s/%s", mount, root);
	mkdir(cgroup, 0755);
	CU_ASSERT_EQUAL_FATAL(datapath_load(root, cgroup, &did, &why), 0);
	CU_ASSERT_EQUAL_FATAL(datapath_open(root, &dp, &why), 0);
}

static inline void down(void)
{
	char *why = NULL;

	datapath_close(dp);
	CU_ASSERT_EQUAL(datapath_unload(root, &why), 0);
	free(why);
	rmdir(cgroup);
}

#endif

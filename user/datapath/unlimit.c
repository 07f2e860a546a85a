/* SPDX-License-Identifier: GPL-2.0 */
/* Kernel memory that belongs to the node, not to the agent. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "datapath/unlimit.h"

/* Part of a line of /proc/self/mountinfo behind " - ": type, source, options. */
static bool holds_memory(const char *rest)
{
	char type[64], options[1024];

	if (sscanf(rest, " - %63s %*s %1023s", type, options) != 2)
		return false;
	return !strcmp(type, "cgroup2") || (!strcmp(type, "cgroup") && strstr(options, "memory"));
}

static void join(const char *mount)
{
	char path[1100];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", mount);
	f = fopen(path, "we");
	if (!f)
		return;
	fprintf(f, "%d\n", getpid());
	fclose(f);
}

void leave_memory_cgroup(void)
{
	char line[4096], mount[1024];
	FILE *f = fopen("/proc/self/mountinfo", "re");

	while (f && fgets(line, sizeof(line), f)) {
		const char *rest = strstr(line, " - ");

		if (rest && holds_memory(rest) &&
		    sscanf(line, "%*s %*s %*s %*s %1023s", mount) == 1)
			join(mount);
	}
	if (f)
		fclose(f);
}

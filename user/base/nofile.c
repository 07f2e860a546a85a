// SPDX-License-Identifier: GPL-2.0
/* Raises the limit of descriptors, whose default of 1024 is for programs that use select(). */
#include "base/nofile.h"
#include <sys/resource.h>

#define NOFILE (1u << 20)

void nofile_raise(void)
{
	struct rlimit limit = {NOFILE, NOFILE};

	if (!setrlimit(RLIMIT_NOFILE, &limit) || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

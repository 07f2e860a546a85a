/* SPDX-License-Identifier: GPL-2.0 */
/* Sockets that were open before the programs came: nothing watches them, so they are not counted. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/vec.h"
#include "datapath/older.h"

/* Connected or connecting, by the state column of /proc/net/tcp (include/net/tcp_states.h). */
static bool is_open(unsigned state)
{
	return state == 1 || state == 2 || state == 4 || state == 5 || state == 8;
}

static uint32_t count_table(const char *pid, const char *table)
{
	char path[300], line[512];
	unsigned state;
	uint32_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/net/%s", pid, table);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d: %*[^ ] %*[^ ] %x", &state) == 1 && is_open(state))
			n++;
	fclose(f);
	return n;
}

struct inodes {
	VEC(ino_t) list;
};

/* True the first time that a network namespace is seen. */
static bool is_new(struct inodes *seen, const char *pid)
{
	char path[300];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%s/ns/net", pid);
	if (stat(path, &st))
		return false;
	for (size_t i = 0; i < seen->list.nr; i++)
		if (seen->list.at[i] == st.st_ino)
			return false;
	vec_push(&seen->list, st.st_ino);
	return true;
}

uint32_t older_sockets(void)
{
	struct inodes seen = {0};
	DIR *proc = opendir("/proc");
	struct dirent *e;
	uint32_t n = 0;

	while (proc && (e = readdir(proc))) {
		if (!isdigit((unsigned char)e->d_name[0]) || !is_new(&seen, e->d_name))
			continue;
		n += count_table(e->d_name, "tcp");
		n += count_table(e->d_name, "tcp6");
	}
	if (proc)
		closedir(proc);
	vec_free(&seen.list);
	return n;
}

/* SPDX-License-Identifier: GPL-2.0 */
/* What this machine can do for us: root, BPF, cgroup2, the helpers of kernel 6.1. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "base/mem.h"
#include "datapath/maps.h"
#include "datapath/probe.h"

int probe_cgroup2(char *out, size_t size)
{
	char line[4096], mount[1024], type[64];
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int err = -ENOENT;

	if (!f)
		return -errno;
	while (err && fgets(line, sizeof(line), f)) {
		char *rest = strstr(line, " - ");

		if (!rest || sscanf(rest, " - %63s", type) != 1 || strcmp(type, "cgroup2"))
			continue;
		if (sscanf(line, "%*s %*s %*s %*s %1023s", mount) != 1)
			continue;
		if (snprintf(out, size, "%s", mount) < (int)size)
			err = 0;
	}
	fclose(f);
	return err;
}

int cgroup_id(const char *path, uint64_t *out)
{
	struct statfs fs;
	struct stat st;

	if (statfs(path, &fs) || stat(path, &st))
		return -errno;
	if (fs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOTDIR;
	*out = st.st_ino; /* kernfs: the inode number is the id, on 64-bit machines */
	return 0;
}

int probe_arm_at_connect(void)
{
	struct utsname u;
	unsigned major, minor;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 12));
}

/* Pins need a BPF file system; a container or a bare init may not have mounted it. */
static int need_bpffs(char **why)
{
	struct statfs fs;

	if (!statfs(BPFFS, &fs) && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (!mount("bpf", BPFFS, "bpf", 0, "mode=0700"))
		return 0;
	*why = xasprintf("%s is no BPF file system and mounting one failed: %s", BPFFS,
			 strerror(errno));
	return -EOPNOTSUPP;
}

static int need_helpers(char **why)
{
	struct utsname u;
	int err = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, NULL);

	uname(&u);
	if (err <= 0) {
		*why = xasprintf("kernel %s runs no cgroup BPF programs: CONFIG_CGROUP_BPF or the "
				 "permission for bpf() is missing",
				 u.release);
		return -EOPNOTSUPP;
	}
	err = libbpf_probe_bpf_helper(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_FUNC_set_retval, NULL);
	if (err == 0) {
		*why = xasprintf("kernel %s is too old: it lacks the BPF helper bpf_set_retval "
				 "(5.18); Shunt needs 6.1 or later",
				 u.release);
		return -EOPNOTSUPP;
	}
	return 0;
}

int probe_machine(char **why)
{
	char path[1024];
	int err;

	*why = NULL;
	if (geteuid()) {
		*why = xstrdup("root is needed to load BPF programs (try sudo)");
		return -EPERM;
	}
	if (probe_cgroup2(path, sizeof(path))) {
		*why = xstrdup("no cgroup2 is mounted: mount -t cgroup2 none /sys/fs/cgroup/unified");
		return -EOPNOTSUPP;
	}
	if (access("/sys/kernel/btf/vmlinux", R_OK)) {
		*why = xstrdup("/sys/kernel/btf/vmlinux is missing: the kernel was built without "
			       "CONFIG_DEBUG_INFO_BTF");
		return -EOPNOTSUPP;
	}
	err = need_bpffs(why);
	return err ? err : need_helpers(why);
}

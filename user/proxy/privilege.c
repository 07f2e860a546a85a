// SPDX-License-Identifier: GPL-2.0
/* Gives up what a compromised proxy could use: its user, its capabilities, most system calls. */
#include "proxy/privilege.h"
#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/nofile.h"

#if defined(__x86_64__)
#define FILTER_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define FILTER_ARCH AUDIT_ARCH_AARCH64
#else
#error "the seccomp filter does not know this architecture"
#endif

/* What it may never have again; it takes a capability to do that, so it goes before the user. */
static void bounds_drop(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap) >= 0; cap++)
		prctl(PR_CAPBSET_DROP, cap);
}

static int capabilities_drop(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct none[2] = {0};

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	return syscall(SYS_capset, &header, none) ? -errno : 0;
}

int privilege_drop(uint32_t uid, uint32_t gid)
{
	nofile_raise();
	bounds_drop();
	if (gid && (setgroups(0, NULL) || setresgid(gid, gid, gid)))
		return -errno;
	if (uid && setresuid(uid, uid, uid))
		return -errno;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return capabilities_drop();
}

static const int allowed[] = {
	/* sockets */
	SYS_accept4,
	SYS_socket,
	SYS_connect,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_getsockname,
	SYS_getpeername,
	SYS_recvfrom,
	SYS_recvmsg,
	SYS_sendto,
	SYS_sendmsg,
	SYS_shutdown,
	/* descriptors */
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_close,
	SYS_fcntl,
	SYS_fstat,
	SYS_lseek,
	SYS_newfstatat,
	SYS_memfd_create,
	SYS_ftruncate,
	SYS_pread64,
	SYS_pwrite64,
	/* waiting */
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_ppoll,
	SYS_futex,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_clock_gettime,
	SYS_gettimeofday,
	SYS_restart_syscall,
	SYS_sched_yield,
	/* memory */
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_madvise,
	SYS_mprotect,
	SYS_brk,
	/* itself */
	SYS_exit,
	SYS_exit_group,
	SYS_rt_sigreturn,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_sigaltstack,
	SYS_getrandom,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill,
	SYS_uname,
	SYS_sched_getaffinity,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_prctl,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
	SYS_poll,
	SYS_time,
#endif
};
#define NR_ALLOWED (sizeof(allowed) / sizeof(allowed[0]))

int privilege_filter(void)
{
	struct sock_filter code[NR_ALLOWED + 7];
	struct sock_fprog program = {.filter = code};
	unsigned short n = 0;

#ifdef __SANITIZE_THREAD__
	return 0; /* to report a race, its runtime opens files and starts a process */
#endif
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, arch));
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FILTER_ARCH, 1, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < NR_ALLOWED; i++)
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, allowed[i],
							 NR_ALLOWED - i, 0);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
						 SECCOMP_RET_ERRNO | (EPERM & SECCOMP_RET_DATA));
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	program.len = n;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
		return -errno;
	return 0;
}

/*
 * See seccomp.h; seccomp(2). EPERM and not death: a call that a newer libc makes and that nobody
 * thought of fails as one without privilege does, and connections go on being served.
 */
#include "daemon/seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define OUR_ARCH AUDIT_ARCH_RISCV64
#endif

#if defined(OUR_ARCH) && !defined(BRAID_SANITIZED)

#define X32_BIT 0x40000000u /* x86-64's other set of numbers: none of ours has it */

/* The half of an argument that an int is in. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#else
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n) + 4))
#endif

#define LOAD(at)               BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(at))
#define IF_IS(value, yes, no)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define IF_HAS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value), yes, no)
#define ANSWER(value)          BPF_STMT(BPF_RET | BPF_K, (uint32_t)(value))
#define REFUSE(error)          ANSWER(SECCOMP_RET_ERRNO | (error))

/* The older ones are not there on architectures that are younger than their successors. */
static const int allowed[] = {
	/* the loop, and waking others */
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
	SYS_eventfd2,
	SYS_timerfd_create,
	SYS_timerfd_settime,
	SYS_futex,
	SYS_ppoll,
	SYS_sched_yield,
	SYS_sched_getaffinity,
	SYS_clock_gettime,
	SYS_clock_getres,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_getrandom,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
	SYS_poll,
	SYS_pause,
#endif
	/* sockets; which families is decided below */
	SYS_bind,
	SYS_listen,
	SYS_accept4,
	SYS_connect,
	SYS_getsockname,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_sendto,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_recvmsg,
	SYS_shutdown,
	/* files: settings, the state, the configuration, who has a socket */
	SYS_openat,
	SYS_close,
	SYS_read,
	SYS_readv,
	SYS_pread64,
	SYS_write,
	SYS_writev,
	SYS_lseek,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_getdents64,
	SYS_readlinkat,
	SYS_faccessat,
	SYS_fcntl,
	SYS_flock,
	SYS_fsync,
	SYS_ftruncate,
	SYS_mkdirat,
	SYS_unlinkat,
	SYS_renameat,
	SYS_renameat2,
	SYS_fchmod,
	SYS_fchmodat,
#ifdef SYS_open
	SYS_open,
	SYS_stat,
	SYS_lstat,
	SYS_access,
	SYS_readlink,
	SYS_mkdir,
	SYS_unlink,
	SYS_rename,
	SYS_chmod,
#endif
	/* memory and threads; clone is looked at below */
	SYS_brk,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_set_robust_list,
	SYS_get_robust_list,
	SYS_rseq,
	SYS_membarrier,
	SYS_prctl, /* names of threads; capabilities cannot come back by it */
	SYS_sysinfo,
	/* the process */
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sigaltstack,
	SYS_restart_syscall,
	SYS_getpid,
	SYS_gettid,
	SYS_getuid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getegid,
	SYS_tgkill, /* abort() */
	SYS_uname,
	SYS_prlimit64,
	SYS_exit,
	SYS_exit_group,
};

static const struct sock_filter head[] = {
	LOAD(offsetof(struct seccomp_data, arch)),
	IF_IS(OUR_ARCH, 1, 0),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
	LOAD(offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
	IF_HAS(X32_BIT, 0, 1),
	ANSWER(SECCOMP_RET_KILL_PROCESS),
#endif
	/* flags of clone3() are out of a filter's sight: libc takes clone() then */
	IF_IS(SYS_clone3, 0, 1),
	REFUSE(ENOSYS),
	/* threads, no processes */
	IF_IS(SYS_clone, 0, 4),
	LOAD(ARGUMENT(0)),
	IF_HAS(CLONE_THREAD, 0, 1),
	ANSWER(SECCOMP_RET_ALLOW),
	REFUSE(EPERM),
	/* the kernel, clients, a service manager; nothing that reaches a network */
	IF_IS(SYS_socket, 0, 5),
	LOAD(ARGUMENT(0)),
	IF_IS(AF_UNIX, 1, 0),
	IF_IS(AF_NETLINK, 0, 1),
	ANSWER(SECCOMP_RET_ALLOW),
	REFUSE(EAFNOSUPPORT),
};

static bool in_valgrind(void)
{
	/* it preloads itself into what it runs */
	const char *preload = getenv("LD_PRELOAD");

	return preload && (strstr(preload, "vgpreload") || strstr(preload, "valgrind"));
}

static int install(void)
{
	struct sock_filter code[BRI_LEN(head) + 2 * BRI_LEN(allowed) + 1];
	struct sock_fprog program = { .filter = code };
	size_t n = BRI_LEN(head);

	memcpy(code, head, sizeof(head));
	for (size_t i = 0; i < BRI_LEN(allowed); i++) {
		code[n++] = (struct sock_filter)IF_IS(allowed[i], 0, 1);
		code[n++] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	}
	code[n++] = (struct sock_filter)REFUSE(EPERM);
	program.len = (unsigned short)n;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) < 0 ? -errno : 0;
}

int bri_seccomp_install(void)
{
	return in_valgrind() ? -ENOTSUP : install();
}

#else

int bri_seccomp_install(void)
{
	return -ENOTSUP;
}

#endif

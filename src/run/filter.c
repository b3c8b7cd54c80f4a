/* The seccomp filter of `braid run`, and its installation. */
#include "run/filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <sys/ioctl.h>
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
#elif defined(__arm__)
#define OUR_ARCH AUDIT_ARCH_ARM
#endif

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* Linux 5.19 */
#endif

#define TYPE_MASK 0xf /* of SOCK_*, above are flags */

/* The half of an argument that an int is in. The other is not looked at, as the kernel does not. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n)))
#else
#define ARGUMENT(n) ((uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n) + 4))
#endif

#define LOAD(at)              BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(at))
#define IF_IS(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), yes, no)
#define ANSWER(value)         BPF_STMT(BPF_RET | BPF_K, (uint32_t)(value))

int bri_filter_supported(void)
{
#ifdef OUR_ARCH
	uint32_t action = SECCOMP_RET_USER_NOTIF;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
		return -ENOSYS;
	return 0;
#else
	return -ENOTSUP;
#endif
}

int bri_filter_install(void)
{
#ifdef OUR_ARCH
	/* jumps count the instructions skipped; the last two are the answers */
	struct sock_filter code[] = {
		LOAD(offsetof(struct seccomp_data, arch)),
		IF_IS(OUR_ARCH, 0, 11), /* another one numbers its calls otherwise: left alone */
		LOAD(offsetof(struct seccomp_data, nr)),
		IF_IS(SYS_socket, 0, 9),
		LOAD(ARGUMENT(0)),
		IF_IS(AF_INET, 1, 0),
		IF_IS(AF_INET6, 0, 6),
		LOAD(ARGUMENT(1)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, TYPE_MASK),
		IF_IS(SOCK_STREAM, 0, 3),
		LOAD(ARGUMENT(2)),
		IF_IS(0, 2, 0),
		IF_IS(IPPROTO_TCP, 1, 0),
		ANSWER(SECCOMP_RET_ALLOW),
		ANSWER(SECCOMP_RET_USER_NOTIF),
	};
	struct sock_fprog program = { .len = BRI_LEN(code), .filter = code };
	/*
	 * A signal handler that interrupts the wait makes the call be repeated from the start; Go's
	 * run-time sends itself signals all the time. Newer kernels can let only death interrupt.
	 */
	static const unsigned long flags[] = {
		SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
		SECCOMP_FILTER_FLAG_NEW_LISTENER,
	};
	long fd = -1;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	for (size_t i = 0; i < BRI_LEN(flags); i++) {
		fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[i], &program);
		if (fd >= 0 || errno != EINVAL)
			break;
	}
	return fd >= 0 ? (int)fd : -errno;
#else
	return -ENOTSUP;
#endif
}

/*
 * libbraidrun.so, preloaded into a program by `braid run`: its TCP sockets become Multipath TCP
 * sockets. Linked with the C library only. Runs inside any program, in any thread, in signal
 * handlers and after vfork(2): no locks, no memory, no state but what the constructor writes and
 * one flag. Knows neither braidd's answers nor how the program was started.
 */
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "run/env.h"
#include "run/options.h"
#include "run/say.h"
#include "run/tell.h"

#define TYPE_MASK 0xf /* above it are SOCK_NONBLOCK and SOCK_CLOEXEC */

typedef int (*socket_f)(int, int, int);
typedef int (*setsockopt_f)(int, int, int, const void *, socklen_t);
typedef int (*getsockopt_f)(int, int, int, void *, socklen_t *);
typedef int (*connect_f)(int, const struct sockaddr *, socklen_t);
typedef int (*accept_f)(int, struct sockaddr *, socklen_t *);
typedef int (*accept4_f)(int, struct sockaddr *, socklen_t *, int);

/* The next definitions: the C library's, or of another preloaded library. NULL before our
 * constructor ran; other constructors may call us before. */
static struct {
	socket_f socket;
	setsockopt_f setsockopt;
	getsockopt_f getsockopt;
	connect_f connect;
	accept_f accept;
	accept4_f accept4;
} real;

/* It asked for Multipath TCP itself: then it may know that its sockets are. */
static atomic_bool knows_mptcp;

#define HOOK __attribute__((visibility("default")))

__attribute__((constructor)) static void start(void)
{
	bri_say_init(getenv(BRI_ENV_VERBOSE));
	bri_tell_init(getenv(BRI_ENV_SERVICE), getenv(BRI_ENV_SOCKET));
	real.socket = (socket_f)dlsym(RTLD_NEXT, "socket");
	real.setsockopt = (setsockopt_f)dlsym(RTLD_NEXT, "setsockopt");
	real.getsockopt = (getsockopt_f)dlsym(RTLD_NEXT, "getsockopt");
	real.connect = (connect_f)dlsym(RTLD_NEXT, "connect");
	real.accept = (accept_f)dlsym(RTLD_NEXT, "accept");
	real.accept4 = (accept4_f)dlsym(RTLD_NEXT, "accept4");
}

/* NULL in the table: the system call itself, which is what the C library does */
static int call_socket(int family, int type, int protocol)
{
	return real.socket ? real.socket(family, type, protocol)
			   : (int)syscall(SYS_socket, family, type, protocol);
}

static bool is_mptcp(int fd)
{
	socklen_t size = sizeof(int);
	int protocol = 0;

	return syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) == 0 &&
	       protocol == BRI_RUN_IPPROTO_MPTCP;
}

static void say_socket(int fd, int family, int error)
{
	struct bri_say say;

	if (fd < 0 || !bri_say_enabled())
		return;
	bri_say_begin(&say, getpid());
	bri_say_text(&say, family == AF_INET ? "IPv4" : "IPv6");
	bri_say_text(&say, " socket ");
	bri_say_number(&say, fd);
	bri_say_text(&say, error == 0 ? ": Multipath TCP" : ": plain TCP, Multipath TCP gives ");
	if (error)
		bri_say_error(&say, error);
	if (error == ENOPROTOOPT)
		bri_say_text(&say, " (switched off: net.mptcp.enabled=0)");
	else if (error == EINVAL || error == EPROTONOSUPPORT)
		bri_say_text(&say, " (this kernel lacks it)");
	bri_say_end(&say);
}

static void say_option(int fd, const char *name)
{
	struct bri_say say;

	if (!bri_say_enabled())
		return;
	bri_say_begin(&say, getpid());
	bri_say_text(&say, "socket ");
	bri_say_number(&say, fd);
	bri_say_text(&say, ": Multipath TCP has no ");
	bri_say_text(&say, name);
	bri_say_text(&say, ": ignored");
	bri_say_end(&say);
}

/* Where the service is told: a connection has just been started, or accepted. */
static void tell_service(int fd)
{
	struct bri_say say;
	int r = bri_tell_connection(fd);

	if (r >= 0 || !bri_say_enabled())
		return;
	bri_say_begin(&say, getpid());
	bri_say_text(&say, "socket ");
	bri_say_number(&say, fd);
	bri_say_text(&say, ": the service could not be told to braidd: ");
	bri_say_error(&say, -r);
	bri_say_end(&say);
}

HOOK int socket(int family, int type, int protocol)
{
	int saved = errno, error, fd;

	if (protocol == BRI_RUN_IPPROTO_MPTCP)
		atomic_store_explicit(&knows_mptcp, true, memory_order_relaxed);
	if ((family != AF_INET && family != AF_INET6) || (type & TYPE_MASK) != SOCK_STREAM ||
		(protocol != 0 && protocol != IPPROTO_TCP))
		return call_socket(family, type, protocol);
	fd = call_socket(family, type, BRI_RUN_IPPROTO_MPTCP);
	error = fd < 0 ? errno : 0;
	switch (error) {
	case EINVAL:
	case EPROTONOSUPPORT:
	case ENOPROTOOPT:
	case EPERM:
	case EACCES: /* the last two: security modules and sandboxes that know TCP only */
		errno = saved;
		fd = call_socket(family, type, protocol);
		break;
	default: break;
	}
	say_socket(fd, family, error);
	return fd;
}

HOOK int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	const char *hint;
	int saved = errno, r;

	r = real.setsockopt ? real.setsockopt(fd, level, option, value, size)
			    : (int)syscall(SYS_setsockopt, fd, level, option, value, size);
	if (r == 0 || (errno != ENOPROTOOPT && errno != EOPNOTSUPP))
		return r;
	hint = bri_options_hint(level, option);
	if (hint) {
		int refused = errno;

		if (is_mptcp(fd)) {
			say_option(fd, hint);
			errno = saved;
			return 0;
		}
		errno = refused;
	}
	return r;
}

HOOK int getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	int r = real.getsockopt ? real.getsockopt(fd, level, option, value, size)
				: (int)syscall(SYS_getsockopt, fd, level, option, value, size);

	if (r == 0 && level == SOL_SOCKET && option == SO_PROTOCOL && *size == sizeof(int) &&
		*(int *)value == BRI_RUN_IPPROTO_MPTCP &&
		!atomic_load_explicit(&knows_mptcp, memory_order_relaxed))
		*(int *)value = IPPROTO_TCP;
	return r;
}

HOOK int connect(int fd, const struct sockaddr *address, socklen_t size)
{
	int r = real.connect ? real.connect(fd, address, size)
			     : (int)syscall(SYS_connect, fd, address, size);

	if (bri_tell_enabled() && (r == 0 || errno == EINPROGRESS) && address &&
		(address->sa_family == AF_INET || address->sa_family == AF_INET6))
		tell_service(fd);
	return r;
}

HOOK int accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
	int r = real.accept4 ? real.accept4(fd, address, size, flags)
			     : (int)syscall(SYS_accept4, fd, address, size, flags);

	if (r >= 0 && bri_tell_enabled())
		tell_service(r);
	return r;
}

HOOK int accept(int fd, struct sockaddr *address, socklen_t *size)
{
	int r = real.accept ? real.accept(fd, address, size)
			    : (int)syscall(SYS_accept4, fd, address, size, 0);

	if (r >= 0 && bri_tell_enabled())
		tell_service(r);
	return r;
}

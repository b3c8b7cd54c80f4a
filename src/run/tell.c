/* Telling braidd a connection's service: one message, one connection. See docs/wire/control.md. */
#include "run/tell.h"

#include <errno.h>
#include <linux/mptcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>
#include "run/env.h"

#define DEFAULT_SOCKET "/run/braid/braidd.sock"
#ifndef SOL_MPTCP
#define SOL_MPTCP 284
#endif

/* docs/wire/control.md: SET is a token, a process and a service, SET SOCKET a cookie and a service:
 * as many bytes */
#define TYPE_SET        3u
#define TYPE_SET_SOCKET 9u
#define HEADER_SIZE     16u

/* Written by bri_tell_init() only. */
static int service = -1;
static struct sockaddr_un daemon_at;
static socklen_t daemon_at_size;

int bri_tell_service(const char *word)
{
	static const char *const words[] = { "none", "handover", "interactive", "aggregate" };

	for (size_t i = 0; i < BRI_LEN(words); i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	return -EINVAL;
}

void bri_tell_init(const char *word, const char *path)
{
	size_t size;

	service = -1;
	if (!path || *path == '\0')
		path = DEFAULT_SOCKET;
	size = strlen(path) + 1;
	if (!word || size > sizeof(daemon_at.sun_path))
		return;
	daemon_at.sun_family = AF_UNIX;
	memcpy(daemon_at.sun_path, path, size);
	daemon_at_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
	service = bri_tell_service(word);
}

bool bri_tell_enabled(void)
{
	return service >= 0;
}

static void put_u32(uint8_t *at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (8 * i));
}

static void encode(uint8_t type, uint64_t name, uint8_t wanted, uint8_t ret[static BRI_TELL_SIZE])
{
	memset(ret, 0, BRI_TELL_SIZE);
	memcpy(ret, "BRD\1", 4);
	ret[4] = type;
	put_u32(ret + 8, 1); /* id: any but 0 */
	put_u32(ret + 12, BRI_TELL_SIZE - HEADER_SIZE);
	put_u32(ret + HEADER_SIZE, (uint32_t)name);
	put_u32(ret + HEADER_SIZE + 4, (uint32_t)(name >> 32)); /* after a token the pid, 0 */
	ret[HEADER_SIZE + 8] = wanted;
}

void bri_tell_encode_token(uint32_t token, uint8_t wanted, uint8_t ret[static BRI_TELL_SIZE])
{
	encode(TYPE_SET, token, wanted, ret);
}

void bri_tell_encode_socket(uint64_t cookie, uint8_t wanted, uint8_t ret[static BRI_TELL_SIZE])
{
	encode(TYPE_SET_SOCKET, cookie, wanted, ret);
}

/* Plain system calls: the C library's are the wrapper's own here, and are cancellation points. */
static int token_of(int fd, uint32_t *ret)
{
	struct mptcp_info info;
	socklen_t size = sizeof(info);
	int protocol = 0;

	socklen_t protocol_size = sizeof(protocol);

	if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_size) < 0)
		return errno == ENOTSOCK ? BRI_TELL_NOT_MPTCP : -errno;
	if (protocol != BRI_RUN_IPPROTO_MPTCP)
		return BRI_TELL_NOT_MPTCP;
	memset(&info, 0, sizeof(info));
	if (syscall(SYS_getsockopt, fd, SOL_MPTCP, MPTCP_INFO, &info, &size) < 0)
		return errno == EOPNOTSUPP ? BRI_TELL_NOT_MPTCP : -errno;
	if (info.mptcpi_token == 0 || (info.mptcpi_flags & MPTCP_INFO_FLAG_FALLBACK))
		return BRI_TELL_NOT_MPTCP;
	*ret = info.mptcpi_token;
	return 0;
}

static int send_to_daemon(const uint8_t *bytes, size_t size)
{
	int fd =
		(int)syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_connect, fd, &daemon_at, daemon_at_size) < 0 ||
		syscall(SYS_sendto, fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT, NULL, 0) < 0)
		r = -errno;
	syscall(SYS_close, fd); /* the daemon reads what was sent all the same */
	return r;
}

int bri_tell_connection(int fd)
{
	uint8_t message[BRI_TELL_SIZE];
	int saved = errno, r;
	uint32_t token = 0;

	r = token_of(fd, &token);
	if (r == 0) {
		bri_tell_encode_token(token, (uint8_t)service, message);
		r = send_to_daemon(message, sizeof(message));
	}
	errno = saved;
	return r;
}

int bri_tell_socket(int fd)
{
	uint8_t message[BRI_TELL_SIZE];
	socklen_t size = sizeof(uint64_t);
	uint64_t cookie = 0;

	if (syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_COOKIE, &cookie, &size) < 0)
		return -errno;
	bri_tell_encode_socket(cookie, (uint8_t)service, message);
	return send_to_daemon(message, sizeof(message));
}

/* The control socket as a file, or as systemd hands it over. Knows no messages. */
#include "daemon/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG      128
#define INHERIT_BASE 3  /* SD_LISTEN_FDS_START */
#define INHERIT_MAX  64 /* descriptors looked at */

static int explain(int error, char *why, size_t why_size, const char *what, const char *path)
{
	snprintf(why, why_size, "%s %s: %s", what, path, strerror(-error));
	return error;
}

static int make_directory(const char *path, char *why, size_t why_size)
{
	char dir[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 0;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		return explain(-errno, why, why_size, "cannot make the directory", dir);
	return 0;
}

/*
 * Two daemons that start at once must not both find the old file stale and remove each other's. The
 * lock is a file of its own, mode 0600: anybody could lock the directory and keep braidd out.
 */
static int take_lock(const char *path, char *why, size_t why_size, int *ret)
{
	char lock[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 8];
	int fd, r;

	snprintf(lock, sizeof(lock), "%s.lock", path);
	fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return explain(-errno, why, why_size, "cannot open", lock);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
		close(fd);
		if (r == -EADDRINUSE)
			snprintf(why, why_size,
				"another braidd listens on %s: stop it, or choose another --socket",
				path);
		else
			explain(r, why, why_size, "cannot lock", lock);
		return r;
	}
	*ret = fd;
	return 0;
}

/* A file is in the way: whose? Removes it when it is a socket that nobody listens on. */
static int remove_stale(const struct sockaddr_un *at, char *why, size_t why_size)
{
	struct stat st;
	int fd, r;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT
			       ? 0
			       : explain(-errno, why, why_size, "cannot look at", at->sun_path);
	if (!S_ISSOCK(st.st_mode)) {
		snprintf(why, why_size, "%s is there and is no socket: remove it", at->sun_path);
		return -EEXIST;
	}
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return explain(-errno, why, why_size, "cannot make a socket for", at->sun_path);
	r = connect(fd, (const struct sockaddr *)at, sizeof(*at)) < 0 ? -errno : 0;
	close(fd);
	if (r != -ECONNREFUSED) {
		/* connected, its backlog is full, or a socket of another type: somebody is there */
		snprintf(why, why_size,
			"a program listens on %s: stop it, or choose another --socket",
			at->sun_path);
		return -EADDRINUSE;
	}
	if (unlink(at->sun_path) < 0)
		return explain(-errno, why, why_size, "cannot remove the old", at->sun_path);
	return 0;
}

static int bind_file(
	const struct sockaddr_un *at, char *why, size_t why_size, struct bri_control_socket *sock)
{
	struct stat st;

	sock->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock->fd < 0)
		return explain(-errno, why, why_size, "cannot make a socket for", at->sun_path);
	if (bind(sock->fd, (const struct sockaddr *)at, sizeof(*at)) < 0)
		return explain(-errno, why, why_size, "cannot make", at->sun_path);
	if (lstat(at->sun_path, &st) < 0 || chmod(at->sun_path, 0666) < 0 ||
		listen(sock->fd, BACKLOG) < 0) {
		int error = -errno;

		unlink(at->sun_path);
		return explain(error, why, why_size, "cannot listen on", at->sun_path);
	}
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	snprintf(sock->path, sizeof(sock->path), "%s", at->sun_path);
	return 0;
}

int bri_control_socket_open(
	const char *path, char *why, size_t why_size, struct bri_control_socket *ret)
{
	struct bri_control_socket sock = { .fd = -1, .lock_fd = -1 };
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int r;

	if (strlen(path) >= sizeof(at.sun_path) || !*path) {
		snprintf(why, why_size, "the socket's path must have 1 to %zu bytes: '%.40s'",
			sizeof(at.sun_path) - 1, path);
		return *path ? -ENAMETOOLONG : -EINVAL;
	}
	memcpy(at.sun_path, path, strlen(path) + 1);
	r = make_directory(path, why, why_size);
	if (r == 0)
		r = take_lock(path, why, why_size, &sock.lock_fd);
	if (r == 0)
		r = remove_stale(&at, why, why_size);
	if (r == 0)
		r = bind_file(&at, why, why_size, &sock);
	if (r < 0) {
		bri_control_socket_close(&sock);
		return r;
	}
	*ret = sock;
	return 0;
}

static long env_number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long value;

	if (!text || !*text)
		return -1;
	errno = 0;
	value = strtol(text, &end, 10);
	return *end || errno ? -1 : value;
}

static bool is_ours(int fd)
{
	int domain = 0, type = 0, listens = 0;
	socklen_t len = sizeof(int);

	return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_UNIX &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 && listens;
}

int bri_control_socket_inherit(struct bri_control_socket *ret)
{
	long count = env_number("LISTEN_FDS");
	int fd;

	if (count <= 0 || env_number("LISTEN_PID") != (long)getpid())
		return -ENOENT;
	for (int i = 0; i < INHERIT_MAX && i < count; i++) {
		if (!is_ours(INHERIT_BASE + i))
			continue;
		fd = fcntl(INHERIT_BASE + i, F_DUPFD_CLOEXEC, INHERIT_BASE);
		if (fd < 0)
			return -errno;
		if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
			int error = -errno;

			close(fd);
			return error;
		}
		*ret = (struct bri_control_socket) { .fd = fd, .lock_fd = -1 };
		return 0;
	}
	return -EPROTOTYPE;
}

void bri_control_socket_close(struct bri_control_socket *sock)
{
	struct stat st;

	if (*sock->path && lstat(sock->path, &st) == 0 && st.st_dev == sock->dev &&
		st.st_ino == sock->ino)
		unlink(sock->path);
	if (sock->fd >= 0)
		close(sock->fd);
	if (sock->lock_fd >= 0)
		close(sock->lock_fd);
	*sock = (struct bri_control_socket) { .fd = -1, .lock_fd = -1 };
}

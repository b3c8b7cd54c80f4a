/* See notify.h; the protocol is in sd_notify(3) and sd_watchdog_enabled(3). */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

static int address_of(const char *name, struct sockaddr_un *ret, socklen_t *ret_size)
{
	size_t size = strlen(name);

	/* an abstract name has no zero at its end; a path has one */
	if ((*name != '@' && *name != '/') || size < 2 || size >= sizeof(ret->sun_path))
		return -EINVAL;
	*ret = (struct sockaddr_un) { .sun_family = AF_UNIX };
	memcpy(ret->sun_path, name, size);
	if (*name == '@')
		ret->sun_path[0] = '\0';
	*ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (*name == '/'));
	return 0;
}

int bri_notify(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un at;
	socklen_t size;
	int fd, r;

	if (!name || !*name)
		return 0;
	r = address_of(name, &at, &size);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&at, size) < 0)
		r = -errno;
	close(fd);
	return r;
}

static bool number_of(const char *name, uint64_t *ret)
{
	const char *text = getenv(name);
	unsigned long long value;
	char *end;

	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = value;
	return true;
}

uint64_t bri_notify_watchdog_ns(void)
{
	uint64_t pid, usec;

	/* meant for another process, which handed its environment down */
	if (number_of("WATCHDOG_PID", &pid) && pid != (uint64_t)getpid())
		return 0;
	if (!number_of("WATCHDOG_USEC", &usec) || usec > UINT64_MAX / 1000)
		return 0;
	return usec * 1000 / 2;
}

/* Reads braidd's configuration file, and looks up the users it names. Knows no settings. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "daemon/config.h"

#define PASSWD_MAX 65536 /* bytes of an entry */

static int lookup_user(void *buffer, const char *name, uid_t *ret)
{
	struct passwd entry, *found = NULL;

	if (getpwnam_r(name, &entry, buffer, PASSWD_MAX, &found) != 0 || !found)
		return -ENOENT;
	*ret = entry.pw_uid;
	return 0;
}

/* At most one byte more than the parser takes, so that it says so. */
static int read_file(int fd, char *text, size_t *ret_size)
{
	size_t size = 0;
	ssize_t n;

	while (size < BRI_CONFIG_BYTES_MAX + 1) {
		n = read(fd, text + size, BRI_CONFIG_BYTES_MAX + 1 - size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		size += (size_t)n;
	}
	*ret_size = size;
	return 0;
}

static int open_and_read(const char *path, bool required, char *text, size_t *ret_size)
{
	/* nonblocking: a FIFO in its place must not hang the daemon */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r;

	if (fd < 0 && errno == ENOENT && !required) {
		*ret_size = 0;
		return 0;
	}
	if (fd < 0)
		return -errno;
	r = read_file(fd, text, ret_size);
	close(fd);
	return r;
}

int bri_config_load(
	const char *path, bool required, char *why, size_t why_size, struct bri_config **ret)
{
	struct bri_config *config = NULL;
	char *text = malloc(BRI_CONFIG_BYTES_MAX + 1), *buffer = malloc(PASSWD_MAX);
	size_t size = 0;
	int r = -ENOMEM;

	if (text && buffer) {
		r = open_and_read(path, required, text, &size);
		if (r < 0)
			snprintf(why, why_size, "%s: %s", path, strerror(-r));
	}
	if (r == 0)
		r = bri_config_parse(path, text, size, why, why_size, &config);
	if (r == 0)
		r = bri_config_resolve(config, path, buffer, lookup_user, why, why_size);
	if (r == -ENOMEM)
		snprintf(why, why_size, "%s: no memory", path);
	free(text);
	free(buffer);
	if (r < 0) {
		free(config);
		return r;
	}
	*ret = config;
	return 0;
}

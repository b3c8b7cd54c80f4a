/* The environment of a wrapped program. Knows nothing of how it is wrapped. */
#include "run/start.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "run/env.h"

#define GO_SETTING "multipathtcp="

int bri_start_library(char ret[static PATH_MAX])
{
	char self[PATH_MAX], path[PATH_MAX], *slash;
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int n;

	if (len < 0)
		return -errno;
	self[len] = '\0';
	slash = strrchr(self, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	if (*BRI_RUN_LIBRARY == '/')
		n = snprintf(path, sizeof(path), "%s", BRI_RUN_LIBRARY);
	else
		n = snprintf(path, sizeof(path), "%s/%s", self, BRI_RUN_LIBRARY);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (!realpath(path, ret))
		return -errno;
	return strpbrk(ret, " :") ? -EINVAL : 0;
}

/* NAME=first, then the separator and what was there. */
static int put_before(const char *name, const char *first, char separator)
{
	const char *old = getenv(name);
	char *value;
	int r = 0;

	if (!old || *old == '\0')
		return setenv(name, first, 1) < 0 ? -errno : 0;
	if (asprintf(&value, "%s%c%s", first, separator, old) < 0)
		return -ENOMEM;
	if (setenv(name, value, 1) < 0)
		r = -errno;
	free(value);
	return r;
}

static int set_or_clear(const char *name, const char *value)
{
	return (value ? setenv(name, value, 1) : unsetenv(name)) < 0 ? -errno : 0;
}

static bool has_go_setting(void)
{
	const char *at = getenv("GODEBUG");

	for (; at && *at; at += strcspn(at, ",")) {
		at += *at == ',';
		if (strncmp(at, GO_SETTING, strlen(GO_SETTING)) == 0)
			return true;
	}
	return false;
}

/* A socket that is not there yet keeps its name. */
static int make_absolute(const char *name)
{
	const char *value = getenv(name);
	char path[PATH_MAX];

	if (!value || *value == '\0' || *value == '/' || !realpath(value, path))
		return 0;
	return setenv(name, path, 1) < 0 ? -errno : 0;
}

int bri_start_set_environment(const char *library, const char *service, const char *verbose)
{
	int r = set_or_clear(BRI_ENV_SERVICE, service);

	if (r == 0)
		r = make_absolute(BRI_ENV_SOCKET);
	if (r == 0)
		r = set_or_clear(BRI_ENV_VERBOSE, verbose);
	/* where a setting is given twice the last one counts: there is none, so before is as good
	 */
	if (r == 0 && !has_go_setting())
		r = put_before("GODEBUG", GO_SETTING "1", ',');
	if (r == 0 && library)
		r = put_before("LD_PRELOAD", library, ':');
	return r;
}

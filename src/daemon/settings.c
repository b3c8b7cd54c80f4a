/* See settings.h. The file: one "NAME VALUE" a line, NAME below /proc/sys/. Only names of the table
 * are ever written. */
#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define VALUE_MAX 64u   /* "userspace", "1" */
#define FILE_MAX  1024u /* two short lines */

/* path_manager since 6.15; pm_type since 5.19, and then an alias of the other */
static const struct {
	const char *name, *ours;
} table[] = {
	{ "net/mptcp/path_manager", "userspace" },
	{ "net/mptcp/pm_type", "1" },
};

struct bri_settings {
	char file[4096];
	bool changed;
};

static int read_file(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, size - 1);
	close(fd);
	if (n < 0)
		return -EIO;
	ret[n] = '\0';
	return 0;
}

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);
	ssize_t n = write(fd, text, size);

	return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
}

static void sysctl_path(char ret[static 128], const char *name)
{
	snprintf(ret, 128, "/proc/sys/%s", name);
}

static int sysctl_read(const char *name, char ret[static VALUE_MAX])
{
	char path[128];
	int r;

	sysctl_path(path, name);
	r = read_file(path, ret, VALUE_MAX);
	if (r == 0)
		ret[strcspn(ret, "\n")] = '\0';
	return r;
}

static int sysctl_write(const char *name, const char *value)
{
	char path[128];
	int fd, r;

	sysctl_path(path, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, value);
	close(fd);
	return r;
}

/* The setting of this kernel; -1: none. */
static int find_setting(char ret_value[static VALUE_MAX])
{
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		if (sysctl_read(table[i].name, ret_value) == 0)
			return (int)i;
	}
	return -1;
}

bool bri_settings_has_userspace_pm(void)
{
	char value[VALUE_MAX];

	return find_setting(value) >= 0;
}

bool bri_settings_is_userspace_pm(void)
{
	char value[VALUE_MAX];
	int i = find_setting(value);

	return i >= 0 && strcmp(value, table[i].ours) == 0;
}

static void put_back_line(char *line)
{
	char *value = strchr(line, ' ');
	int r;

	if (!value)
		return;
	*value++ = '\0';
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		if (strcmp(line, table[i].name) != 0)
			continue;
		r = sysctl_write(line, value);
		if (r < 0)
			bri_error("cannot set %s back to %s: %s", line, value, strerror(-r));
		else
			bri_info("%s is %s again", line, value);
	}
}

static void put_back(const char *file)
{
	char text[FILE_MAX], *save = NULL;

	if (read_file(file, text, sizeof(text)) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		put_back_line(line);
	if (unlink(file) < 0)
		bri_warn("cannot remove %s: %s", file, strerror(errno));
}

int bri_settings_open(
	const char *state_dir, char why[static BRI_SETTINGS_WHY_MAX], struct bri_settings **ret)
{
	struct bri_settings *s;

	if (mkdir(state_dir, 0755) < 0 && errno != EEXIST) {
		int r = -errno;

		snprintf(why, BRI_SETTINGS_WHY_MAX,
			"cannot make %s: %s (--state-dir names another)", state_dir, strerror(-r));
		return r;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	if (snprintf(s->file, sizeof(s->file), "%s/restore", state_dir) >= (int)sizeof(s->file)) {
		free(s);
		snprintf(why, BRI_SETTINGS_WHY_MAX, "the name of the state directory is too long");
		return -ENAMETOOLONG;
	}
	put_back(s->file);
	*ret = s;
	return 0;
}

/* On disk before the setting is changed: a crash between the two changes nothing. */
static int remember(struct bri_settings *s, const char *name, const char *value)
{
	char temporary[sizeof(s->file) + 8], line[128 + VALUE_MAX];
	int fd, r;

	snprintf(temporary, sizeof(temporary), "%s.new", s->file);
	snprintf(line, sizeof(line), "%s %s\n", name, value);
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, line);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && rename(temporary, s->file) < 0)
		r = -errno;
	return r;
}

int bri_settings_take_userspace_pm(struct bri_settings *s, char why[static BRI_SETTINGS_WHY_MAX])
{
	char value[VALUE_MAX];
	int i = find_setting(value), r;

	if (i < 0)
		return -ENOENT;
	r = remember(s, table[i].name, value);
	if (r < 0) {
		snprintf(why, BRI_SETTINGS_WHY_MAX, "cannot write in the state directory: %s",
			strerror(-r));
		return r;
	}
	s->changed = true;
	r = sysctl_write(table[i].name, table[i].ours);
	if (r < 0)
		snprintf(why, BRI_SETTINGS_WHY_MAX, "cannot set %s: %s (this needs CAP_NET_ADMIN)",
			table[i].name, strerror(-r));
	return r;
}

void bri_settings_close(struct bri_settings *s)
{
	if (!s)
		return;
	if (s->changed)
		put_back(s->file);
	free(s);
}

/* See settings.h. The note: one "NAME VALUE" a line, NAME below /proc/sys/. Only names of the table
 * are ever written. */
#include "daemon/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/state.h"

#define VALUE_MAX 64u /* "userspace", "1" */
#define NOTE      "restore"

/* path_manager since 6.15; pm_type since 5.19, and then an alias of the other */
static const struct {
	const char *name, *ours, *kernels;
} table[] = {
	{ "net/mptcp/path_manager", "userspace", "kernel" },
	{ "net/mptcp/pm_type", "1", "0" },
};

struct bri_settings {
	struct bri_state *state;
	bool left;    /* there is a note of an earlier daemon */
	bool changed; /* there is a note, of ours or that one: it is put back at the end */
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

static void put_back(struct bri_state *state)
{
	char text[BRI_STATE_TEXT_MAX], *save = NULL;
	int r = bri_state_read(state, NOTE, text);

	if (r < 0) {
		if (r != -ENOENT)
			bri_error("cannot read what is to be put back: %s", strerror(-r));
		return;
	}
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		put_back_line(line);
	bri_state_remove(state, NOTE);
}

int bri_settings_open(struct bri_state *state, struct bri_settings **ret)
{
	struct bri_settings *s = calloc(1, sizeof(*s));
	char text[BRI_STATE_TEXT_MAX];

	if (!s)
		return -ENOMEM;
	s->state = state;
	s->left = s->changed = bri_state_read(state, NOTE, text) != -ENOENT;
	*ret = s;
	return 0;
}

bool bri_settings_is_left(const struct bri_settings *s)
{
	return s->left;
}

static int value_of(const char *interface, const char *name)
{
	char path[128], value[VALUE_MAX];

	snprintf(path, sizeof(path), "net/ipv4/conf/%.40s/%s", interface, name);
	return sysctl_read(path, value) == 0 ? *value - '0' : 0;
}

bool bri_settings_is_strict_reverse_path(const char *interface)
{
	int all = value_of("all", "rp_filter"), own = value_of(interface, "rp_filter");

	/* the larger counts (ip-sysctl.rst); 2 is loose */
	return (all > own ? all : own) == 1;
}

int bri_settings_take_pm(
	struct bri_settings *s, bool userspace, char why[static BRI_SETTINGS_WHY_MAX])
{
	char value[VALUE_MAX], note[128 + VALUE_MAX];
	int i = find_setting(value), r;
	const char *wanted;

	if (i < 0)
		return -ENOENT;
	/* The earlier daemon's is ours now, without a moment in between in which sockets are made
	 * that nobody manages. */
	if (userspace && s->left && strcmp(value, table[i].ours) == 0)
		return 0;
	if (s->left) {
		put_back(s->state);
		s->left = s->changed = false;
		i = find_setting(value);
		if (i < 0)
			return -ENOENT;
	}
	wanted = userspace ? table[i].ours : table[i].kernels;
	if (!userspace && strcmp(value, wanted) == 0)
		return 0;
	snprintf(note, sizeof(note), "%s %s\n", table[i].name, value);
	/* on disk before the setting is changed: a crash between the two changes nothing */
	r = bri_state_write(s->state, NOTE, note);
	if (r < 0) {
		snprintf(why, BRI_SETTINGS_WHY_MAX, "cannot write in the state directory: %s",
			strerror(-r));
		return r;
	}
	s->changed = true;
	r = sysctl_write(table[i].name, wanted);
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
		put_back(s->state);
	free(s);
}

/* See state.h. A file's first line is "namespace INODE". */
#include "daemon/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

#define NAME_MAX_HERE 32u
#define HEAD_MAX      48u

struct bri_state {
	int dir, lock;
	char head[HEAD_MAX]; /* the first line of our files */
};

static int explain(
	int r, char why[static BRI_STATE_WHY_MAX], const char *what, const char *directory)
{
	snprintf(why, BRI_STATE_WHY_MAX, "%s %.120s: %s%s (--state-dir names another)", what,
		directory, strerror(-r),
		r == -EACCES ? ": it must belong to the user that braidd runs as" : "");
	return r;
}

static int take_lock(struct bri_state *s, const char *directory, char *why)
{
	s->lock = openat(
		s->dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (s->lock < 0)
		return explain(-errno, why, "cannot write in", directory);
	if (flock(s->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		return explain(-errno, why, "cannot lock", directory);
	snprintf(why, BRI_STATE_WHY_MAX,
		"another braidd has the state directory %.120s: stop it, or choose another "
		"--state-dir",
		directory);
	return -EADDRINUSE;
}

static int open_all(struct bri_state *s, const char *directory, char *why)
{
	struct stat st;

	if (stat("/proc/self/ns/net", &st) < 0)
		return explain(-errno, why, "/proc/self/ns/net, for", directory);
	snprintf(s->head, sizeof(s->head), "namespace %llu\n", (unsigned long long)st.st_ino);
	if (mkdir(directory, 0755) < 0 && errno != EEXIST)
		return explain(-errno, why, "cannot make", directory);
	s->dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return explain(-errno, why, "cannot open", directory);
	return take_lock(s, directory, why);
}

int bri_state_open(
	const char *directory, char why[static BRI_STATE_WHY_MAX], struct bri_state **ret)
{
	struct bri_state *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dir = s->lock = -1;
	r = open_all(s, directory, why);
	if (r < 0) {
		bri_state_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void bri_state_close(struct bri_state *s)
{
	if (!s)
		return;
	if (s->lock >= 0)
		close(s->lock);
	if (s->dir >= 0)
		close(s->dir);
	free(s);
}

static int write_all(int fd, const char *text)
{
	size_t size = strlen(text);
	ssize_t n = write(fd, text, size);

	return n == (ssize_t)size ? 0 : n < 0 ? -errno : -EIO;
}

int bri_state_write(struct bri_state *s, const char *name, const char *text)
{
	char temporary[NAME_MAX_HERE + 8];
	int fd, r;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	fd = openat(s->dir, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	r = write_all(fd, s->head);
	if (r == 0)
		r = write_all(fd, text);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	close(fd);
	if (r == 0 && renameat(s->dir, temporary, s->dir, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(s->dir, temporary, 0);
	return r;
}

int bri_state_read(struct bri_state *s, const char *name, char ret[static BRI_STATE_TEXT_MAX])
{
	/* nonblocking: a FIFO in its place must not hang the daemon */
	int fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	size_t head = strlen(s->head);
	ssize_t n;
	int r;

	if (fd < 0)
		return -errno;
	n = read(fd, ret, BRI_STATE_TEXT_MAX);
	r = n < 0 ? -errno : 0;
	close(fd);
	if (r < 0)
		return r;
	if (n == (ssize_t)BRI_STATE_TEXT_MAX)
		return -EFBIG;
	ret[n] = '\0';
	if (strncmp(ret, s->head, head) != 0) {
		bri_info("%s was left by a daemon of another network namespace", name);
		return -ENOENT;
	}
	memmove(ret, ret + head, (size_t)n - head + 1);
	return 0;
}

void bri_state_remove(struct bri_state *s, const char *name)
{
	if (unlinkat(s->dir, name, 0) < 0 && errno != ENOENT)
		bri_warn("cannot remove %s from the state directory: %s", name, strerror(errno));
}

/* One line at a time to where `braid run --verbose` was started. Knows nothing of what they say. */
#include "run/say.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HIGH_FD 200 /* above what programs number by hand (shells use 10 and 255) */
#define LOW_FD  10  /* where the limit of descriptors is smaller */

/* Written by bri_say_init() only. */
static int say_fd = -1;
static dev_t say_dev;
static ino_t say_ino;

int bri_say_open(char ret[static BRI_SAY_ENV_SIZE])
{
	struct stat st;
	int fd = fcntl(STDERR_FILENO, F_DUPFD, HIGH_FD);

	if (fd < 0 && errno == EINVAL)
		fd = fcntl(STDERR_FILENO, F_DUPFD, LOW_FD);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	snprintf(ret, BRI_SAY_ENV_SIZE, "%d:%llu:%llu", fd, (unsigned long long)st.st_dev,
		(unsigned long long)st.st_ino);
	return fd;
}

/* Digits and then `end`. Steps over both. */
static bool next_number(const char **at, char end, unsigned long long *ret)
{
	char *after;

	if (**at < '0' || **at > '9')
		return false;
	*ret = strtoull(*at, &after, 10);
	if (*after != end)
		return false;
	*at = after + 1;
	return true;
}

void bri_say_init(const char *env)
{
	unsigned long long fd, dev, ino;

	say_fd = -1;
	if (!env || !next_number(&env, ':', &fd) || fd > INT32_MAX ||
		!next_number(&env, ':', &dev) || !next_number(&env, '\0', &ino))
		return;
	say_dev = (dev_t)dev;
	say_ino = (ino_t)ino;
	say_fd = (int)fd;
}

bool bri_say_enabled(void)
{
	return say_fd >= 0;
}

void bri_say_text(struct bri_say *say, const char *text)
{
	size_t room = sizeof(say->text) - 1 - say->used; /* the newline always fits */
	size_t n = bri_min_size(strlen(text), room);

	memcpy(say->text + say->used, text, n);
	say->used += n;
}

void bri_say_number(struct bri_say *say, long number)
{
	char digits[24], *at = digits + sizeof(digits) - 1;
	unsigned long left = number < 0 ? 0 - (unsigned long)number : (unsigned long)number;

	*at = '\0';
	do
		*--at = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (number < 0)
		*--at = '-';
	bri_say_text(say, at);
}

void bri_say_begin(struct bri_say *say, int pid)
{
	say->used = 0;
	bri_say_text(say, "braid run: ");
	bri_say_number(say, pid);
	bri_say_text(say, ": ");
}

void bri_say_error(struct bri_say *say, int error)
{
	const char *name = strerrorname_np(error); /* a table, unlike strerror() */

	if (name)
		bri_say_text(say, name);
	else
		bri_say_number(say, error);
}

static bool is_it(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == say_dev && st.st_ino == say_ino;
}

/* write(2), but a reader that is gone does not kill the program: its own output might not have. */
static void write_quietly(int fd, const char *text, size_t size)
{
	static const struct timespec at_once = { 0, 0 };
	sigset_t pipe_only, before, pending;
	ssize_t n;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigemptyset(&pending);
	sigpending(&pending);
	if (pthread_sigmask(SIG_BLOCK, &pipe_only, &before) != 0)
		return;
	do
		n = write(fd, text, size);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe_only, NULL, &at_once);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void bri_say_end(struct bri_say *say)
{
	int saved = errno;

	say->text[say->used++] = '\n';
	if (say_fd >= 0 && is_it(say_fd))
		write_quietly(say_fd, say->text, say->used);
	else if (say_fd >= 0 && is_it(STDERR_FILENO))
		write_quietly(STDERR_FILENO, say->text, say->used);
	errno = saved;
}

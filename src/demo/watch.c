/* Two programs are started, and what the client says is taken line by line, beside a clock. Knows
 * nothing of what they do. */
#include "demo/demo.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define PORT_MS 5000

void demo_watch_fail(struct demo_watch *watch, const char *format, ...)
{
	va_list ap;

	watch->over = true;
	if (*watch->who->why)
		return; /* the first cause is the one to tell */
	va_start(ap, format);
	(void)vsnprintf(watch->who->why, sizeof(watch->who->why), format, ap);
	va_end(ap);
}

static void take_line(struct demo_watch *watch, char *line)
{
	struct demo_who *who = watch->who;

	if (!strncmp(line, "ready ", 6))
		(void)snprintf(who->state, sizeof(who->state), "%.150s", line + 6);
	else if (!strncmp(line, "by ", 3))
		(void)snprintf(who->by, sizeof(who->by), "%.15s", line + 3);
	else if (!strncmp(line, "failed ", 7))
		demo_watch_fail(watch, "%.190s", line + 7);
	watch->on_line(watch, line);
}

static void read_lines(struct demo_watch *watch, int fd)
{
	ssize_t n = read(fd, watch->buffer + watch->used, sizeof(watch->buffer) - 1 - watch->used);
	char *end;

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0) {
		demo_watch_fail(watch, "the client ended without a word");
		return;
	}
	watch->used += (size_t)n;
	watch->buffer[watch->used] = 0;
	while (!watch->over && (end = strchr(watch->buffer, '\n'))) {
		*end = 0;
		take_line(watch, watch->buffer);
		watch->used -= (size_t)(end + 1 - watch->buffer);
		memmove(watch->buffer, end + 1, watch->used + 1);
	}
	if (watch->used == sizeof(watch->buffer) - 1)
		demo_watch_fail(watch, "the client said a line that is too long");
}

void demo_watch_run(struct demo_watch *watch, int fd)
{
	uint64_t next_ns;

	watch->begun_ns = bri_clock_now_ns();
	next_ns = watch->begun_ns;
	while (!watch->over) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now_ns = bri_clock_now_ns();
		int wait_ms = now_ns < next_ns ? (int)((next_ns - now_ns) / 1000000) + 1 : 0;

		if (poll(&p, 1, wait_ms) > 0)
			read_lines(watch, fd);
		if (demo_interrupted)
			demo_watch_fail(watch, "interrupted");
		if (bri_clock_now_ns() >= next_ns && !watch->over) {
			watch->on_tick(watch);
			next_ns += DEMO_SAMPLE_NS;
		}
	}
}

static int start_server(const struct demo_programs *programs)
{
	int pipe_fds[2], error;
	struct pollfd p;
	char text[16] = "";

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	*programs->server_fd = pipe_fds[1];
	error = demo_world_start(BRI_LAB_SERVER, programs->serve, programs->server);
	close(pipe_fds[1]);
	p = (struct pollfd) { .fd = pipe_fds[0], .events = POLLIN };
	if (!error && (poll(&p, 1, PORT_MS) <= 0 || read(p.fd, text, sizeof(text) - 1) <= 0))
		error = -EIO;
	close(pipe_fds[0]);
	*programs->port = (uint16_t)strtoul(text, NULL, 10);
	return error;
}

int demo_watch_programs(struct demo_watch *watch, const struct demo_programs *programs)
{
	int pipe_fds[2], error = start_server(programs);

	if (error) {
		demo_watch_fail(watch, "the server did not start: %s", strerror(-error));
		demo_world_stop();
		return error;
	}
	if (pipe2(pipe_fds, O_CLOEXEC) < 0) {
		error = -errno;
		demo_world_stop();
		return error;
	}
	*programs->client_fd = pipe_fds[1];
	error = demo_world_start(BRI_LAB_CLIENT, programs->use, programs->client);
	close(pipe_fds[1]);
	if (!error)
		demo_watch_run(watch, pipe_fds[0]);
	close(pipe_fds[0]);
	demo_world_stop();
	return error;
}

bool demo_check_manager(struct demo_who *who)
{
	static const char *const names[DEMO_MANAGERS] = { "braidd", "kernel", "none" };

	if (*who->why)
		return false;
	if (!strcmp(who->by, names[who->manager]))
		return true;
	(void)snprintf(who->why, sizeof(who->why), "the paths were managed by %s, not by %s",
		*who->by ? who->by : "nobody known", names[who->manager]);
	return false;
}

/* The raw blocking server: one thread per connection, read and write. */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"

enum { STACK_BYTES = 64 * 1024 };

static struct bench_opts opts;

static bool write_all(int fd, const uint8_t *data, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		data += sent;
		n -= (size_t)sent;
	}
	return true;
}

static void serve_sink(int fd)
{
	uint8_t *buf = malloc(BENCH_BUFFER), answer[8];
	uint64_t count = 0;
	ssize_t n;

	if (!buf)
		bench_die("buffer");
	while ((n = recv(fd, buf, BENCH_BUFFER, 0)) > 0)
		count += (uint64_t)n;
	bench_count_encode(count, answer);
	write_all(fd, answer, sizeof(answer));
	free(buf);
}

static void serve_source(int fd)
{
	while (write_all(fd, bench_pattern(), BENCH_BUFFER))
		;
}

static void serve_echo(int fd)
{
	uint8_t buf[2048];
	ssize_t n;

	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		if (!write_all(fd, buf, (size_t)n))
			break;
}

static void *serve(void *arg)
{
	int fd = (int)(intptr_t)arg;

	bench_nodelay(fd);
	switch (opts.mode) {
	case BENCH_SINK: serve_sink(fd); break;
	case BENCH_SOURCE: serve_source(fd); break;
	case BENCH_ECHO:
	case BENCH_ACCEPT:
	case BENCH_IDLE: serve_echo(fd); break;
	}
	close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_attr_t attr;
	pthread_t thread;
	int listener, fd;

	bench_start_server(argc, argv, &opts);
	bench_pattern();
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	listener = bench_listen(&opts, 0);
	bench_announce_fd(listener);
	for (;;) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && (errno == ECONNABORTED || errno == EINTR))
			continue;
		if (fd < 0)
			bench_die("accept");
		errno = pthread_create(&thread, &attr, serve, (void *)(intptr_t)fd);
		if (errno)
			bench_die("thread");
	}
}

/*
 * Hello, with nothing but the kernel: a Multipath TCP socket, and plain TCP where there is none.
 *
 *     cc hello_socket.c -o hello_socket && ./hello_socket HOST PORT
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* The kernel says in which way it has no Multipath TCP; a program goes on without it. */
static int open_stream(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_MPTCP);

	if (fd >= 0)
		return fd;
	fprintf(stderr, "hello_socket: plain TCP: no Multipath TCP here: %s\n", strerror(errno));
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP);
}

static int dial(const char *host, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int rc = getaddrinfo(host, port, &hints, &list), fd = -1;

	if (rc) {
		fprintf(stderr, "hello_socket: %s port %s: %s\n", host, port, gai_strerror(rc));
		return -1;
	}
	for (struct addrinfo *ai = list; ai && fd < 0; ai = ai->ai_next) {
		fd = open_stream(ai->ai_family);
		if (fd < 0 || connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
			continue;
		fprintf(stderr, "hello_socket: connect: %s\n", strerror(errno));
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	return fd;
}

int main(int argc, char **argv)
{
	static const char text[] = "world\n";
	char buffer[4096];
	ssize_t n;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: hello_socket HOST PORT\n");
		return 2;
	}
	fd = dial(argv[1], argv[2]);
	if (fd < 0)
		return 1;
	if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 || shutdown(fd, SHUT_WR) < 0) {
		fprintf(stderr, "hello_socket: send: %s\n", strerror(errno));
		return 1;
	}
	while ((n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
		fwrite(buffer, 1, (size_t)n, stdout);
	if (n < 0)
		fprintf(stderr, "hello_socket: receive: %s\n", strerror(errno));
	close(fd);
	return n < 0;
}

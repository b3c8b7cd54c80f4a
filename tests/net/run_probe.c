/*
 * A program that knows nothing of Multipath TCP, for `braid run`: makes sockets and says what they
 * are. Linked dynamically and statically. What the kernel says is asked by the system call itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MPTCP   262
#define THREADS 8

static int failures;

static void check(int ok, const char *what)
{
	if (ok)
		return;
	printf("not so: %s (%s)\n", what, strerror(errno));
	failures++;
}

static int kernel_protocol(int fd)
{
	socklen_t size = sizeof(int);
	int protocol = -1;

	syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size);
	return protocol;
}

/* What sockets are: changed only if they are TCP's. `expected`: 6 or 262. */
static void sockets(int expected)
{
	static const struct {
		int family, type, protocol, is_tcp;
	} cases[] = {
		{ AF_INET, SOCK_STREAM, 0, 1 },
		{ AF_INET6, SOCK_STREAM, IPPROTO_TCP, 1 },
		{ AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_TCP, 1 },
		{ AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0, 1 },
		{ AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, 1 },
		{ AF_INET, SOCK_DGRAM, 0, 0 },
		{ AF_INET6, SOCK_DGRAM, IPPROTO_UDP, 0 },
		{ AF_UNIX, SOCK_STREAM, 0, 0 },
		{ AF_INET, SOCK_STREAM, MPTCP, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd, protocol;

		errno = 0;
		fd = socket(cases[i].family, cases[i].type, cases[i].protocol);
		if (cases[i].protocol == MPTCP && expected != MPTCP) {
			close(fd); /* there or not: not ours to say */
			continue;
		}
		check(fd > 2, "socket");
		check(errno == 0, "errno is left alone");
		protocol = kernel_protocol(fd);
		if (cases[i].is_tcp)
			check(protocol == expected, "protocol of a TCP socket");
		else if (cases[i].protocol != MPTCP)
			check(protocol != MPTCP, "protocol of another socket");
		check(!!(fcntl(fd, F_GETFD) & FD_CLOEXEC) == !!(cases[i].type & SOCK_CLOEXEC),
			"CLOEXEC");
		check(!!(fcntl(fd, F_GETFL) & O_NONBLOCK) == !!(cases[i].type & SOCK_NONBLOCK),
			"NONBLOCK");
		close(fd);
	}
	errno = 0;
	check(socket(AF_INET, SOCK_STREAM, IPPROTO_UDP) < 0 && errno != 0,
		"nonsense stays an error");
}

static int set(int fd, int level, int option)
{
	int value = 1;

	return setsockopt(fd, level, option, &value, sizeof(value));
}

/* Options on a socket that is Multipath TCP without the program's knowing. */
static void options(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0), value = 0,
	    own;
	socklen_t size = sizeof(value);

	check(kernel_protocol(fd) == MPTCP, "is Multipath TCP");
	errno = 0;
	check(set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 0, "TCP_USER_TIMEOUT");
	check(set(fd, IPPROTO_TCP, TCP_QUICKACK) == 0, "TCP_QUICKACK");
	check(set(fd, IPPROTO_TCP, TCP_SYNCNT) == 0, "TCP_SYNCNT");
	check(set(fd, IPPROTO_IP, IP_MTU_DISCOVER) == 0, "IP_MTU_DISCOVER");
	check(set(fd6, IPPROTO_IPV6, IPV6_TCLASS) == 0, "IPV6_TCLASS");
	check(set(fd, IPPROTO_TCP, TCP_NODELAY) == 0, "TCP_NODELAY");
	check(errno == 0, "errno is left alone by options");
	check(setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4) < 0 && errno == ENOPROTOOPT,
		"TCP_ULP fails");
	check(set(fd, IPPROTO_TCP, TCP_REPAIR) < 0, "TCP_REPAIR fails");
	check(set(fd, IPPROTO_IP, IP_MINTTL) < 0, "IP_MINTTL fails");
	check(set(fd, IPPROTO_TCP, 9999) < 0, "an unknown option fails");
	check(set(socket(AF_INET, SOCK_DGRAM, 0), IPPROTO_TCP, TCP_QUICKACK) < 0,
		"an option of TCP fails on UDP");
	check(set(-1, IPPROTO_TCP, TCP_QUICKACK) < 0 && errno == EBADF, "no socket");
	check(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0 && value == IPPROTO_TCP,
		"SO_PROTOCOL says TCP");
	own = socket(AF_INET, SOCK_STREAM, MPTCP);
	check(getsockopt(own, SOL_SOCKET, SO_PROTOCOL, &value, &size) == 0 && value == MPTCP,
		"SO_PROTOCOL says Multipath TCP to who asked for it");
	close(own);
	close(fd);
	close(fd6);
}

/* One connection to loopback: a byte is sent, the end is waited for. */
static int visit(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), r;
	char byte = 'x';

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	r = kernel_protocol(fd) == MPTCP ? 0 : -1;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 || write(fd, &byte, 1) != 1 ||
		read(fd, &byte, 1) != 1)
		r = -1;
	close(fd);
	return r;
}

/* Echoes a byte to each visitor, `count` of them. */
static void *serve(void *argument)
{
	int *listener = argument, fd;
	char byte;

	while ((fd = accept(*listener, NULL, NULL)) >= 0) {
		if (read(fd, &byte, 1) == 1 && write(fd, &byte, 1) != 1)
			perror("write");
		close(fd);
	}
	return NULL;
}

static int port, rounds;

static void *visit_often(void *argument)
{
	long *failed = argument;

	for (int i = 0; i < rounds; i++)
		*failed += visit(port) != 0;
	return NULL;
}

static void threads(void)
{
	pthread_t ids[THREADS];
	long failed[THREADS] = { 0 };

	for (int i = 0; i < THREADS; i++)
		check(pthread_create(&ids[i], NULL, visit_often, &failed[i]) == 0, "thread");
	for (int i = 0; i < THREADS; i++) {
		pthread_join(ids[i], NULL);
		check(failed[i] == 0, "visits of a thread");
	}
}

static void forks(void)
{
	int status, n = 0;

	fflush(stdout);
	for (int i = 0; i < rounds; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(visit(port) != 0);
		check(pid > 0, "fork");
		if (i % 8 == 7) /* some at a time */
			for (; n <= i && wait(&status) > 0; n++)
				check(status == 0, "visit of a child");
	}
	while (wait(&status) > 0)
		check(status == 0, "visit of a child");
	check(errno == ECHILD, "no other children");
}

/* What a server sends after one line, to standard output. */
static int fetch(const char *address, int server_port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)server_port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char bytes[16384];
	ssize_t n = -1;

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
		connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0 ||
		write(fd, "go\n", 3) != 3)
		return -1;
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		for (ssize_t at = 0, put; at < n; at += put) {
			put = write(STDOUT_FILENO, bytes + at, (size_t)(n - at));
			if (put <= 0)
				return -1;
		}
	close(fd);
	return n == 0 ? 0 : -1;
}

static int listen_somewhere(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 64) < 0 ||
		getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return -1;
	port = ntohs(at.sin_port);
	return fd;
}

static void visits(void (*how)(void))
{
	int listener = listen_somewhere();
	pthread_t server;

	check(listener >= 0, "listen");
	check(kernel_protocol(listener) == MPTCP, "the listener is Multipath TCP");
	check(pthread_create(&server, NULL, serve, &listener) == 0, "server");
	how();
	shutdown(listener, SHUT_RDWR);
	pthread_join(server, NULL);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	alarm(60);
	rounds = argc > 2 ? atoi(argv[2]) : 0;
	if (strcmp(mode, "sockets") == 0)
		sockets(rounds);
	else if (strcmp(mode, "options") == 0)
		options();
	else if (strcmp(mode, "threads") == 0)
		visits(threads);
	else if (strcmp(mode, "forks") == 0)
		visits(forks);
	else if (strcmp(mode, "visit") == 0)
		return visit(rounds) != 0;
	else if (strcmp(mode, "fetch") == 0)
		return argc != 4 || fetch(argv[2], atoi(argv[3])) != 0;
	else if (strcmp(mode, "alone") == 0)
		check(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD,
			"no child that it did not make");
	else
		return 2;
	return failures != 0;
}

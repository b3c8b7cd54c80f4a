/* What every bench program shares: the command line, sockets, limits. Knows no implementation. */
#include "common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

enum { DEFAULT_LIMIT_S = 60 };

static const char *const mode_names[] = {
	[BENCH_SINK] = "sink",
	[BENCH_SOURCE] = "source",
	[BENCH_ECHO] = "echo",
	[BENCH_ACCEPT] = "accept",
	[BENCH_IDLE] = "idle",
};

static const char *const proto_names[] = {
	[BENCH_TCP] = "tcp",
	[BENCH_MPTCP] = "mptcp",
	[BENCH_TLS] = "tls",
	[BENCH_WS] = "ws",
};

static const struct option long_options[] = {
	{ "proto", required_argument, NULL, 'p' },
	{ "mode", required_argument, NULL, 'm' },
	{ "port", required_argument, NULL, 'P' },
	{ "message", required_argument, NULL, 'M' },
	{ "conns", required_argument, NULL, 'c' },
	{ "queues", required_argument, NULL, 'q' },
	{ "warm-ms", required_argument, NULL, 'w' },
	{ "ms", required_argument, NULL, 't' },
	{ "peer", required_argument, NULL, 'i' },
	{ "limit", required_argument, NULL, 'l' },
	{ NULL, 0, NULL, 0 },
};

_Noreturn void bench_die(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

_Noreturn static void usage(const char *why, const char *what)
{
	fprintf(stderr,
		"%s: %s%s%s\nusage: --proto tcp|mptcp|tls|ws --mode sink|source|echo|accept|idle "
		"[--queues N] "
		"[--limit S]\n       clients also: --port N --conns N --warm-ms N --ms N [--peer "
		"PID] [--message BYTES]\n",
		program_invocation_short_name, why, what ? ": " : "", what ? what : "");
	exit(2);
}

static unsigned number(const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long n;

	errno = 0;
	n = strtoul(text, &end, 10);
	if (errno || end == text || *end || text[0] == '-' || n < min || n > max)
		usage("not a number in range", text);
	return (unsigned)n;
}

static enum bench_mode mode_from(const char *text)
{
	for (size_t i = 0; i < sizeof(mode_names) / sizeof(mode_names[0]); i++)
		if (!strcmp(text, mode_names[i]))
			return (enum bench_mode)i;
	usage("no such mode", text);
}

static enum bench_proto proto_from(const char *text)
{
	for (size_t i = 0; i < sizeof(proto_names) / sizeof(proto_names[0]); i++)
		if (!strcmp(text, proto_names[i]))
			return (enum bench_proto)i;
	usage("no such protocol", text);
}

static void read_options(int argc, char **argv, struct bench_opts *opts, unsigned *limit_s)
{
	bool have_mode = false;
	int c;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (c) {
		case 'p': opts->proto = proto_from(optarg); break;
		case 'm':
			opts->mode = mode_from(optarg);
			have_mode = true;
			break;
		case 'P': opts->port = (uint16_t)number(optarg, 1, UINT16_MAX); break;
		case 'M': opts->message = number(optarg, 8, BENCH_BUFFER); break;
		case 'c': opts->conns = number(optarg, 1, BENCH_MAX_CONNS); break;
		case 'q': opts->queues = number(optarg, 0, 1024); break;
		case 'w': opts->warm_ns = UINT64_C(1000000) * number(optarg, 0, 60000); break;
		case 't': opts->window_ns = UINT64_C(1000000) * number(optarg, 1, 60000); break;
		case 'i': opts->peer = (pid_t)number(optarg, 1, INT32_MAX); break;
		case 'l': *limit_s = number(optarg, 1, 3600); break;
		default: usage("bad option", NULL);
		}
	}
	if (optind < argc)
		usage("unexpected argument", argv[optind]);
	if (!have_mode)
		usage("--mode is missing", NULL);
}

static void raise_nofile(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim))
		bench_die("RLIMIT_NOFILE");
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim))
		bench_die("RLIMIT_NOFILE");
}

static void start(int argc, char **argv, struct bench_opts *opts)
{
	unsigned limit_s = DEFAULT_LIMIT_S;

	*opts = (struct bench_opts) {
		.message = BENCH_MESSAGE,
		.conns = 1,
		.queues = 1,
		.warm_ns = 100000000,
		.window_ns = 1000000000,
	};
	read_options(argc, argv, opts, &limit_s);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	alarm(limit_s);
	raise_nofile();
}

void bench_start_server(int argc, char **argv, struct bench_opts *ret)
{
	start(argc, argv, ret);
}

void bench_start_client(int argc, char **argv, struct bench_opts *ret)
{
	start(argc, argv, ret);
	if (!ret->port)
		usage("--port is missing", NULL);
}

uint64_t bench_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int bench_socket(const struct bench_opts *opts, int type_flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | type_flags,
		opts->proto == BENCH_MPTCP ? IPPROTO_MPTCP : IPPROTO_TCP);

	if (fd < 0)
		bench_die(opts->proto == BENCH_MPTCP ? "MPTCP socket" : "TCP socket");
	return fd;
}

void bench_nodelay(int fd)
{
	int on = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)))
		bench_die("TCP_NODELAY");
}

void bench_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		bench_die("O_NONBLOCK");
}

int bench_listen(const struct bench_opts *opts, int type_flags)
{
	struct sockaddr_in any = { .sin_family = AF_INET };
	int fd = bench_socket(opts, type_flags);

	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, BENCH_BACKLOG))
		bench_die("listen");
	return fd;
}

void bench_announce(uint16_t port)
{
	printf("port %u\n", port);
	fflush(stdout);
}

void bench_announce_fd(int fd)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	if (getsockname(fd, (struct sockaddr *)&addr, &len))
		bench_die("getsockname");
	bench_announce(ntohs(addr.sin_port));
}

struct sockaddr_in bench_address(const struct bench_opts *opts, unsigned n)
{
	uint32_t host = INADDR_LOOPBACK;

	if (opts->mode == BENCH_ACCEPT)
		host += n % BENCH_ADDRESSES;
	return (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = htons(opts->port),
		.sin_addr.s_addr = htonl(host),
	};
}

void bench_count_encode(uint64_t count, uint8_t ret[static 8])
{
	for (unsigned i = 0; i < 8; i++)
		ret[i] = (uint8_t)(count >> (8 * i));
}

uint64_t bench_count_decode(const uint8_t in[static 8])
{
	uint64_t count = 0;

	for (unsigned i = 0; i < 8; i++)
		count |= (uint64_t)in[i] << (8 * i);
	return count;
}

/*
 * What every bench program shares: the command line, sockets, limits. One small command line for
 * all of them, so that only the implementation under test differs.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The mode names what the server does; the client does the opposite. */
enum bench_mode {
	BENCH_SINK,   /* the client sends in bulk; at its end the server answers with the byte count
		       */
	BENCH_SOURCE, /* the server sends in bulk until the client closes */
	BENCH_ECHO,   /* one message in flight per connection, there and back */
	BENCH_ACCEPT, /* connect, one message there and back, close, again */
	BENCH_IDLE,   /* connect, one message there and back, stay */
};

/* What the bytes travel in. TLS and WebSocket are over TCP. */
enum bench_proto { BENCH_TCP, BENCH_MPTCP, BENCH_TLS, BENCH_WS };

enum {
	BENCH_MESSAGE = 64,       /* bytes of one echo message, if not told otherwise */
	BENCH_BUFFER = 64 * 1024, /* bytes of one bulk read or write, in every implementation */
	BENCH_DEPTH = 4,          /* bulk writes kept in flight by asynchronous implementations */
	BENCH_READ_BURST = 16,    /* bulk reads per wake-up, so that a loop stays a loop */
	BENCH_BACKLOG = 4096,
	BENCH_MAX_CONNS = 20000,
	BENCH_RECORD = 16 * 1024, /* bytes of content in a full TLS record */
};

struct bench_opts {
	enum bench_proto proto;
	enum bench_mode mode;
	uint16_t port;      /* clients: of the server */
	uint32_t message;   /* bytes of one echo message: 8 to BENCH_BUFFER */
	unsigned conns;     /* clients: connections, or connects in flight (accept) */
	unsigned queues;    /* libNetwork: serial queues; 0: one per connection */
	uint64_t warm_ns;   /* clients: not counted, after all are connected */
	uint64_t window_ns; /* clients: counted */
	pid_t peer;         /* clients: whose CPU time to read too; 0: nobody's */
};

/*
 * bench_start_server(), bench_start_client(): read the command line, raise RLIMIT_NOFILE, ignore
 * SIGPIPE, and bound the life of the process (alarm, and death of the parent). A bad command line
 * is one line on stderr and exit 2.
 */
void bench_start_server(int argc, char **argv, struct bench_opts *ret);
void bench_start_client(int argc, char **argv, struct bench_opts *ret);

/* bench_die(): one line with errno's text, exit 1. */
_Noreturn void bench_die(const char *what);

uint64_t bench_now_ns(void);

/* bench_socket(): a stream socket of the protocol asked for; CLOEXEC. type_flags: SOCK_NONBLOCK or
 * 0. */
int bench_socket(const struct bench_opts *opts, int type_flags);
void bench_nodelay(int fd);
void bench_nonblock(int fd);

/* bench_listen(): bound to all of 127/8 and listening on a port of the kernel's choice. */
int bench_listen(const struct bench_opts *opts, int type_flags);
/* bench_announce(): tells the harness the port. */
void bench_announce(uint16_t port);
void bench_announce_fd(int fd);

/*
 * bench_address(): where connection number n goes. In accept mode the address varies, since one
 * pair of addresses has only 28,000 ports and a closed connection keeps its port in TIME_WAIT.
 */
struct sockaddr_in bench_address(const struct bench_opts *opts, unsigned n);
enum { BENCH_ADDRESSES = 200 }; /* 127.0.0.1 to 127.0.0.200 */

/* bench_count_encode(), _decode(): the 8 bytes a sink answers with, little endian. */
void bench_count_encode(uint64_t count, uint8_t ret[static 8]);
uint64_t bench_count_decode(const uint8_t in[static 8]);

#endif

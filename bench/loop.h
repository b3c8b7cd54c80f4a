/*
 * The epoll loop of the bare programs, one thread: the servers that accept, the clients that
 * connect. What an event means is the program's.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <sys/epoll.h>
#include "common.h"

/* bench_loop_init(): once, before the others. */
void bench_loop_init(void);

/* bench_loop_watch(): op is EPOLL_CTL_ADD or EPOLL_CTL_MOD; conn comes with each event. */
void bench_loop_watch(int op, int fd, uint32_t events, void *conn);

/* bench_loop_serve(): listens, announces the port, and calls these for each nonblocking socket
 * accepted, and for each event of a conn. Does not return. */
_Noreturn void bench_loop_serve(const struct bench_opts *opts, void (*on_accepted)(int fd),
	void (*on_event)(void *conn, uint32_t events));

/* bench_loop_connect(): connection number n begins, watched for these events. Returns its socket.
 */
int bench_loop_connect(const struct bench_opts *opts, unsigned n, uint32_t events, void *conn);

/* bench_loop_check(): at the first event of such a socket: ends the program if it failed. */
void bench_loop_check(int fd);

/* bench_loop_run(): until on_event returns true. */
void bench_loop_run(bool (*on_event)(void *conn, uint32_t events));

#endif

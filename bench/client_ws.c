/*
 * The load generator of the WebSocket servers: one thread, level triggered epoll, frames written by
 * hand and in place. Echo only. RFC 6455: section numbers below.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "client.h"
#include "loop.h"

enum {
	FIN_BINARY = 0x82,
	MASKED = 0x80,
	LEN_16 = 126,
	LEN_16_MAX = 65535,
	KEY_SIZE = 4,
	HEADER_MAX = 8, /* with a length of 16 bits and a key */
	ANSWER_MAX = 1024,
};

struct conn {
	struct bench_flow flow;
	int fd;
	bool connected, open;
	uint8_t head[ANSWER_MAX]; /* the answer to the upgrade, then each frame's header */
	size_t have;
	uint32_t left; /* of the frame's payload */
};

/* Any key will do for a measurement; a client must choose a new one each time (5.3). */
static const uint8_t key[KEY_SIZE] = { 0x37, 0xfa, 0x21, 0x3d };

static struct bench_opts opts;
static struct bench_test test;
static struct bench_meter meter;
static uint8_t buffer[BENCH_BUFFER];
static uint8_t frame[HEADER_MAX + BENCH_BUFFER]; /* masked; its first 8 bytes change */
static size_t header_size;

_Noreturn static void die_wrong(const char *what)
{
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, what);
	exit(1);
}

static void make_frame(void)
{
	uint8_t *at = frame;

	if (opts.message > LEN_16_MAX)
		die_wrong("messages of up to 65535 bytes");
	*at++ = FIN_BINARY;
	if (opts.message < LEN_16) {
		*at++ = (uint8_t)(MASKED | opts.message);
	} else {
		*at++ = MASKED | LEN_16;
		*at++ = (uint8_t)(opts.message >> 8);
		*at++ = (uint8_t)opts.message;
	}
	memcpy(at, key, KEY_SIZE);
	at += KEY_SIZE;
	header_size = (size_t)(at - frame);
	for (uint32_t i = 0; i < opts.message; i++)
		at[i] = 0x5a ^ key[i % KEY_SIZE];
}

static void send_all(struct conn *conn, const void *data, size_t size)
{
	/* one message in flight: it always fits an empty send buffer */
	if (send(conn->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		bench_die("send");
}

static void send_message(struct conn *conn)
{
	uint8_t *head = frame + header_size;

	bench_flow_head(&conn->flow, head);
	for (unsigned i = 0; i < 8; i++)
		head[i] ^= key[i % KEY_SIZE];
	send_all(conn, frame, header_size + opts.message);
}

static void open_conn(struct conn *conn)
{
	bench_flow_init(&conn->flow, &test, &meter);
	bench_flow_connecting(&conn->flow);
	conn->fd = bench_loop_connect(&opts, 0, EPOLLOUT, conn);
}

static void on_connected(struct conn *conn)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
				      "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
				      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

	bench_loop_check(conn->fd);
	conn->connected = true;
	send_all(conn, request, sizeof(request) - 1);
	bench_loop_watch(EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
}

/* The answer to the upgrade; nothing follows it before our first message. */
static void on_upgrade(struct conn *conn)
{
	ssize_t n = recv(conn->fd, conn->head + conn->have, ANSWER_MAX - 1 - conn->have, 0);

	if (n <= 0)
		bench_die(n ? "recv" : "closed by the server");
	conn->have += (size_t)n;
	conn->head[conn->have] = '\0';
	if (!strstr((char *)conn->head, "\r\n\r\n")) {
		if (conn->have == ANSWER_MAX - 1)
			die_wrong("the answer to the upgrade is too long");
		return;
	}
	if (strncmp((char *)conn->head, "HTTP/1.1 101", 12))
		die_wrong("the server refuses the upgrade");
	conn->have = 0;
	conn->open = true;
	bench_flow_connected(&conn->flow);
	send_message(conn);
}

/* Gathers the header of a server's frame: 2 bytes, or 4. Returns how many were used. */
static size_t read_header(struct conn *conn, const uint8_t *data, size_t size)
{
	size_t used = 0, want = 2;

	while (used < size && conn->have < want) {
		conn->head[conn->have++] = data[used++];
		if (conn->have == 2 && (conn->head[1] & ~MASKED) == LEN_16)
			want = 4;
		else if (conn->have > 2)
			want = 4;
	}
	if (conn->have < 2 || conn->have < want)
		return used;
	if (conn->head[0] != FIN_BINARY || conn->head[1] > LEN_16)
		die_wrong("not one whole binary message");
	conn->left = want == 4 ? (uint32_t)(conn->head[2] << 8 | conn->head[3]) : conn->head[1];
	conn->have = 0;
	if (conn->left != opts.message)
		die_wrong("the echo is not as long as the message");
	return used;
}

/* Returns true when the test is over. */
static bool on_frames(struct conn *conn)
{
	ssize_t n = recv(conn->fd, buffer, sizeof(buffer), 0);
	size_t at = 0, part;

	if (n <= 0)
		bench_die(n ? "recv" : "closed by the server");
	while (at < (size_t)n) {
		if (!conn->left) {
			at += read_header(conn, buffer + at, (size_t)n - at);
			continue;
		}
		part = (size_t)n - at < conn->left ? (size_t)n - at : conn->left;
		conn->left -= (uint32_t)part;
		switch (bench_flow_answer(&conn->flow, buffer + at, part)) {
		case BENCH_SEND: send_message(conn); break;
		case BENCH_WAIT: break;
		case BENCH_STOP: return true;
		case BENCH_RECONNECT:
		case BENCH_STAY: die_wrong("echo is all it can do");
		}
		at += part;
	}
	return false;
}

static bool on_event(void *context, uint32_t events)
{
	struct conn *conn = context;

	(void)events;
	if (!conn->connected)
		on_connected(conn);
	else if (!conn->open)
		on_upgrade(conn);
	else
		return on_frames(conn);
	return false;
}

int main(int argc, char **argv)
{
	struct conn *conns;

	bench_start_client(argc, argv, &opts);
	if (opts.mode != BENCH_ECHO)
		die_wrong("echo is all it can do");
	make_frame();
	conns = calloc(opts.conns, sizeof(*conns));
	if (!conns)
		bench_die("start");
	bench_loop_init();
	bench_test_init(&test, &opts);
	for (unsigned i = 0; i < opts.conns; i++)
		open_conn(&conns[i]);
	bench_loop_run(on_event);
	bench_report(&test, &meter, 1);
	return 0;
}

/* Exchanges: whose messages, when over, with what result; interrupted dumps; the socket around
 * them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netlink/nl_addr.h"
#include "netlink/nl_link.h"
#include "netlink/nl_route.h"
#include "netlink/nl_socket.h"

/* A datagram under construction. */
struct datagram {
	_Alignas(8) uint8_t bytes[2048];
	size_t size;
};

static void add(struct datagram *dg, uint16_t type, uint16_t flags, uint32_t seq,
	const void *payload, size_t size)
{
	struct nlmsghdr hdr = { .nlmsg_len = (uint32_t)(sizeof(hdr) + size),
		.nlmsg_type = type,
		.nlmsg_flags = flags,
		.nlmsg_seq = seq,
		.nlmsg_pid = 42 };

	assert_true(dg->size + sizeof(hdr) + size + 4 <= sizeof(dg->bytes));
	memcpy(dg->bytes + dg->size, &hdr, sizeof(hdr));
	if (size > 0)
		memcpy(dg->bytes + dg->size + sizeof(hdr), payload, size);
	dg->size += NLMSG_ALIGN(sizeof(hdr) + size);
}

static void add_end(struct datagram *dg, uint16_t type, uint32_t seq, int32_t code)
{
	add(dg, type, 0, seq, &code, sizeof(code));
}

struct seen {
	unsigned n;
	int stop_at; /* -1: never */
	unsigned restarts;
};

static int count(void *context, const struct nlmsghdr *msg)
{
	struct seen *seen = context;

	assert_true(msg->nlmsg_type >= NLMSG_MIN_TYPE);
	return (int)seen->n++ == seen->stop_at ? -ECANCELED : 0;
}

static void restart(void *context)
{
	struct seen *seen = context;

	seen->n = 0;
	seen->restarts++;
}

static void whose_messages(void **state)
{
	struct datagram dg = { .size = 0 };
	struct seen seen = { .stop_at = -1 };
	struct bri_nl_exchange ex;

	(void)state;
	bri_nl_exchange_init(&ex, 7, 42);
	add(&dg, RTM_NEWLINK, NLM_F_MULTI, 6, "old!", 4); /* of an earlier question */
	add_end(&dg, NLMSG_DONE, 6, 0);
	add(&dg, RTM_NEWLINK, NLM_F_MULTI, 7, "ours", 4);
	add(&dg, NLMSG_NOOP, 0, 7, NULL, 0);
	add(&dg, RTM_NEWLINK, NLM_F_MULTI, 7, "odd", 3); /* padded */
	assert_int_equal(bri_nl_exchange_rx(&ex, dg.bytes, dg.size, count, &seen), 0);
	assert_false(ex.done);
	assert_int_equal(seen.n, 2);
	dg.size = 0;
	add_end(&dg, NLMSG_DONE, 7, 0);
	assert_int_equal(bri_nl_exchange_rx(&ex, dg.bytes, dg.size, count, &seen), 0);
	assert_true(ex.done);
	assert_int_equal(ex.result, 0);
	assert_false(ex.interrupted);

	/* another address than ours */
	bri_nl_exchange_init(&ex, 7, 43);
	assert_int_equal(bri_nl_exchange_rx(&ex, dg.bytes, dg.size, count, &seen), 0);
	assert_false(ex.done);
}

static void ends(void **state)
{
	static const struct {
		uint16_t type;
		int32_t code;
		int want_rx, want_result;
	} table[] = {
		{ NLMSG_ERROR, 0, 0, 0 },
		{ NLMSG_ERROR, -ENOENT, 0, -ENOENT },
		{ NLMSG_ERROR, -4095, 0, -4095 },
		{ NLMSG_ERROR, -4096, -EBADMSG, -EBADMSG },
		{ NLMSG_ERROR, 5, -EBADMSG, -EBADMSG },
		{ NLMSG_DONE, 0, 0, 0 },
		{ NLMSG_DONE, 5, 0, 0 },
		{ NLMSG_DONE, -EBUSY, 0, -EBUSY },
		{ NLMSG_DONE, INT32_MIN, -EBADMSG, -EBADMSG },
	};

	(void)state;
	for (size_t i = 0; i < BRI_LEN(table); i++) {
		struct datagram dg = { .size = 0 };
		struct bri_nl_exchange ex;

		bri_nl_exchange_init(&ex, 1, 0);
		add_end(&dg, table[i].type, 1, table[i].code);
		assert_int_equal(
			bri_nl_exchange_rx(&ex, dg.bytes, dg.size, NULL, NULL), table[i].want_rx);
		assert_true(ex.done);
		assert_int_equal(ex.result, table[i].want_result);
	}
}

/* Bytes that are not messages end the exchange, at whatever length. */
static void every_truncation(void **state)
{
	struct datagram dg = { .size = 0 };

	(void)state;
	add(&dg, RTM_NEWLINK, NLM_F_MULTI, 1, "0123456789", 10);
	add_end(&dg, NLMSG_DONE, 1, 0);
	for (size_t size = 0; size <= dg.size; size++) {
		struct seen seen = { .stop_at = -1 };
		struct bri_nl_exchange ex;
		uint8_t *exact = malloc(size ? size : 1);
		/* whole with its padding, or without the padding that follows */
		bool whole = size == 0 || (size >= 26 && size <= 28) || size == dg.size;
		int r;

		memcpy(exact, dg.bytes, size);
		bri_nl_exchange_init(&ex, 1, 0);
		r = bri_nl_exchange_rx(&ex, exact, size, count, &seen);
		assert_int_equal(r, whole ? 0 : -EBADMSG);
		assert_int_equal(ex.done, !whole || size == dg.size);
		seen.n = 0;
		r = bri_nl_exchange_events(exact, size, count, &seen);
		assert_int_equal(r, whole ? 0 : -EBADMSG);
		free(exact);
	}
}

static void handler_stops(void **state)
{
	struct datagram dg = { .size = 0 };
	struct seen seen = { .stop_at = 1 };
	struct bri_nl_exchange ex;

	(void)state;
	bri_nl_exchange_init(&ex, 1, 0);
	for (int i = 0; i < 5; i++)
		add(&dg, RTM_NEWLINK, NLM_F_MULTI, 1, NULL, 0);
	assert_int_equal(bri_nl_exchange_rx(&ex, dg.bytes, dg.size, count, &seen), 0);
	assert_int_equal(seen.n, 2); /* told no more, but read to the end */
	assert_false(ex.done);
	dg.size = 0;
	add_end(&dg, NLMSG_DONE, 1, 0);
	assert_int_equal(bri_nl_exchange_rx(&ex, dg.bytes, dg.size, count, &seen), 0);
	assert_true(ex.done);
	assert_int_equal(ex.result, -ECANCELED);
}

/* ---- a kernel that interrupts dumps ---- */

struct fake_kernel {
	int fd;
	unsigned interrupt; /* so many dumps */
	unsigned requests;
	bool in_the_end_only; /* the flag is on NLMSG_DONE */
};

static void *fake_kernel(void *context)
{
	struct fake_kernel *kernel = context;
	struct nlmsghdr hdr;
	ssize_t n;

	while ((n = recv(kernel->fd, &hdr, sizeof(hdr), 0)) > 0) {
		uint16_t flag = kernel->requests++ < kernel->interrupt ? NLM_F_DUMP_INTR : 0;
		struct datagram dg = { .size = 0 };
		int32_t zero = 0;

		for (int i = 0; i < 3; i++)
			add(&dg, RTM_NEWLINK,
				(uint16_t)(NLM_F_MULTI | (kernel->in_the_end_only ? 0 : flag)),
				hdr.nlmsg_seq, NULL, 0);
		if (send(kernel->fd, dg.bytes, dg.size, MSG_NOSIGNAL) < 0)
			break;
		dg.size = 0;
		add(&dg, NLMSG_DONE, (uint16_t)(NLM_F_MULTI | flag), hdr.nlmsg_seq, &zero,
			sizeof(zero));
		if (send(kernel->fd, dg.bytes, dg.size, MSG_NOSIGNAL) < 0)
			break;
	}
	return NULL;
}

static int dump_from(struct fake_kernel *kernel, struct seen *seen)
{
	struct bri_nl_socket *sock;
	struct bri_nl_request req;
	pthread_t thread;
	int fds[2], r;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bri_nl_socket_adopt(fds[0], &sock), 0);
	kernel->fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, fake_kernel, kernel), 0);
	bri_nl_link_encode_dump(&req);
	r = bri_nl_socket_dump(sock, &req, restart, count, seen);
	bri_nl_socket_close(sock);
	pthread_join(thread, NULL);
	close(fds[1]);
	return r;
}

static void interrupted_dump(void **state)
{
	(void)state;
	for (int in_the_end_only = 0; in_the_end_only < 2; in_the_end_only++) {
		for (unsigned n = 0; n < 8; n++) {
			struct fake_kernel kernel = { .interrupt = n,
				.in_the_end_only = in_the_end_only };
			struct seen seen = { .stop_at = -1 };
			int r = dump_from(&kernel, &seen);

			/* the fifth attempt is the last */
			assert_int_equal(r, n < 5 ? 0 : BRI_NL_INTERRUPTED);
			assert_int_equal(seen.restarts, n < 5 ? n + 1 : 5);
			assert_int_equal(kernel.requests, seen.restarts);
			assert_int_equal(seen.n, 3); /* of the last attempt only */
		}
	}
}

static void other_end_closed(void **state)
{
	struct bri_nl_socket *sock;
	struct bri_nl_request req;
	struct seen seen = { .stop_at = -1 };
	int fds[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bri_nl_socket_adopt(fds[0], &sock), 0);
	bri_nl_link_encode_dump(&req);
	assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
	assert_int_equal(bri_nl_socket_call(sock, &req, count, &seen), -ECONNRESET);
	close(fds[1]);
	assert_true(bri_nl_socket_call(sock, &req, count, &seen) < 0); /* EPIPE or ECONNRESET */
	bri_nl_socket_close(sock);
	bri_nl_socket_close(NULL);
}

static void events(void **state)
{
	struct bri_nl_socket *sock;
	struct datagram dg = { .size = 0 };
	struct seen seen = { .stop_at = -1 };
	int fds[2], size = 4 << 20;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
	assert_int_equal(bri_nl_socket_adopt(fds[0], &sock), 0);
	assert_int_equal(bri_nl_socket_receive(sock, count, &seen), 0);
	add(&dg, RTM_NEWLINK, 0, 0, NULL, 0);
	add(&dg, RTM_DELLINK, 0, 0, NULL, 0);
	for (int i = 0; i < 128; i++)
		assert_int_equal(send(fds[1], dg.bytes, dg.size, MSG_DONTWAIT), dg.size);
	/* bounded: whether more waits is not known after as many */
	assert_int_equal(bri_nl_socket_receive(sock, count, &seen), BRI_NL_MORE);
	assert_int_equal(bri_nl_socket_receive(sock, count, &seen), 0);
	assert_int_equal(seen.n, 256);
	assert_int_equal(send(fds[1], "garbage", 7, 0), 7);
	assert_int_equal(bri_nl_socket_receive(sock, count, &seen), -EBADMSG);
	assert_int_equal(bri_nl_socket_receive(sock, count, &seen), 0);
	bri_nl_socket_close(sock);
	close(fds[1]);
}

/* ---- many requests ---- */

#define MANY 130 /* two full datagrams, and one that is not */

static struct bri_nl_request *many_requests(void)
{
	struct bri_nl_request *reqs = calloc(MANY, sizeof(*reqs));

	assert_non_null(reqs);
	for (int i = 0; i < MANY; i++)
		bri_nl_request_init(&reqs[i], RTM_GETROUTE, NLM_F_ACK, sizeof(struct rtmsg));
	return reqs;
}

/* How many whole requests are in the next datagram, numbered from seq on. */
static unsigned requests_in(int fd, uint32_t seq)
{
	_Alignas(8) uint8_t bytes[64 * 64];
	ssize_t left = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	int size = (int)left;
	unsigned n = 0;

	assert_true(left > 0);
	for (const struct nlmsghdr *msg = (const void *)bytes; mnl_nlmsg_ok(msg, size);
		msg = mnl_nlmsg_next(msg, &size)) {
		assert_int_equal(msg->nlmsg_seq, seq + n);
		n++;
	}
	assert_int_equal(size, 0);
	return n;
}

static void many(void **state)
{
	struct bri_nl_request *reqs = many_requests();
	struct bri_nl_socket *sock;
	int fds[2], results[MANY];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(bri_nl_socket_adopt(fds[0], &sock), 0);
	/* the answers are there before the questions */
	for (uint32_t seq = 1; seq <= MANY; seq += 2) {
		struct datagram dg = { .size = 0 };

		add_end(&dg, NLMSG_ERROR, seq + 1, seq + 1 == 70 ? -ENOENT : 0);
		add(&dg, RTM_NEWROUTE, 0, seq, "an answer", 9);
		add_end(&dg, NLMSG_ERROR, seq, 0);
		assert_int_equal(send(fds[1], dg.bytes, dg.size, 0), dg.size);
	}
	assert_int_equal(bri_nl_socket_call_many(sock, reqs, MANY, results), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(results[i], i == 69 ? -ENOENT : 0);
	assert_int_equal(requests_in(fds[1], 1), 64);
	assert_int_equal(requests_in(fds[1], 65), 64);
	assert_int_equal(requests_in(fds[1], 129), 2);
	assert_int_equal(bri_nl_socket_call_many(sock, reqs, 0, results), 0);
	bri_nl_socket_close(sock);
	close(fds[1]);
	free(reqs);
}

/* It ends in the middle: what is known is told, and nothing more is sent. */
static void many_broken_off(void **state)
{
	struct bri_nl_request *reqs = many_requests();
	struct bri_nl_socket *sock;
	int fds[2], results[MANY];

	(void)state;
	for (int garbage = 0; garbage < 2; garbage++) {
		struct datagram dg = { .size = 0 };

		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
		assert_int_equal(bri_nl_socket_adopt(fds[0], &sock), 0);
		add_end(&dg, NLMSG_ERROR, 2, -EPERM);
		assert_int_equal(send(fds[1], dg.bytes, dg.size, 0), dg.size);
		if (garbage)
			assert_int_equal(send(fds[1], "garbage", 7, 0), 7);
		else
			assert_int_equal(shutdown(fds[1], SHUT_WR), 0);
		assert_int_equal(bri_nl_socket_call_many(sock, reqs, MANY, results),
			garbage ? -EBADMSG : -ECONNRESET);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(results[i], i == 1 ? -EPERM : BRI_NL_ACK_NONE);
		assert_int_equal(requests_in(fds[1], 1), 64);
		assert_int_equal(recv(fds[1], dg.bytes, 1, MSG_DONTWAIT), -1);
		bri_nl_socket_close(sock);
		close(fds[1]);
	}
	free(reqs);
}

/* ---- the real kernel, unprivileged ---- */

static int find_loopback(void *context, const struct nlmsghdr *msg)
{
	struct bri_nl_link link;
	int r = bri_nl_link_decode(msg, &link);

	assert_int_equal(r, 0);
	if (strcmp(link.name, "lo") == 0)
		*(uint32_t *)context = link.index;
	return 0;
}

static int keep_route(void *context, const struct nlmsghdr *msg)
{
	return bri_nl_route_decode(msg, context);
}

static void real_kernel(void **state)
{
	struct bri_ip loopback = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
	struct bri_nl_route route = { 0 };
	struct bri_nl_request req;
	struct bri_nl_socket *sock;
	uint32_t lo = 0;

	(void)state;
	assert_int_equal(bri_nl_socket_open(NETLINK_ROUTE, 0, &sock), 0);
	bri_nl_link_encode_dump(&req);
	assert_int_equal(bri_nl_socket_dump(sock, &req, NULL, find_loopback, &lo), 0);
	assert_int_equal(lo, 1);
	/* the same socket again, for one answer and its acknowledgement */
	assert_int_equal(bri_nl_route_encode_lookup(&req, &loopback, NULL, 0), 0);
	assert_int_equal(bri_nl_socket_call(sock, &req, keep_route, &route), 0);
	assert_int_equal(route.n_hops, 1);
	assert_int_equal(route.hops[0].ifindex, 1);
	/* the kernel's refusal is told */
	bri_nl_request_init(&req, RTM_GETROUTE, NLM_F_ACK, sizeof(struct rtmsg));
	assert_true(bri_nl_socket_call(sock, &req, keep_route, &route) < 0);
	bri_nl_socket_close(sock);
	assert_int_equal(bri_nl_socket_open(1234, 0, &sock), -EPROTONOSUPPORT);
}

/* An event socket that nobody reads: the overrun is told as such, and it works again after. */
static void overrun(void **state)
{
	struct bri_nl_socket *sock, *sender;
	struct sockaddr_nl to = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(to);
	struct datagram dg = { .size = 0 };
	struct seen seen = { .stop_at = -1 };
	int r, one_kib = 1024;

	(void)state;
	assert_int_equal(bri_nl_socket_open(NETLINK_ROUTE, 0, &sock), 0);
	assert_int_equal(bri_nl_socket_open(NETLINK_ROUTE, 0, &sender), 0);
	/* what another process sends is not the kernel's word */
	assert_int_equal(getsockname(bri_nl_socket_fd(sock), (struct sockaddr *)&to, &len), 0);
	add(&dg, RTM_NEWLINK, 0, 0, NULL, 0);
	(void)!sendto(
		bri_nl_socket_fd(sender), dg.bytes, dg.size, 0, (struct sockaddr *)&to, sizeof(to));
	assert_int_equal(bri_nl_socket_receive(sock, count, &seen), 0);
	assert_int_equal(seen.n, 0);
	assert_int_equal(setsockopt(bri_nl_socket_fd(sock), SOL_SOCKET, SO_RCVBUF, &one_kib,
				 sizeof(one_kib)),
		0);
	/* questions whose answers do not fit; each is a small acknowledgement with an error */
	for (int i = 0; i < 200; i++) {
		struct bri_nl_request req;

		bri_nl_request_init(&req, RTM_GETROUTE, NLM_F_ACK, sizeof(struct rtmsg));
		if (send(bri_nl_socket_fd(sock), req.bytes, bri_nl_request_header(&req)->nlmsg_len,
			    MSG_DONTWAIT) < 0)
			break;
	}
	do
		r = bri_nl_socket_receive(sock, count, &seen);
	while (r == BRI_NL_MORE);
	assert_int_equal(r, BRI_NL_OVERRUN);
	for (int i = 0; i < 10 && r != 0; i++)
		r = bri_nl_socket_receive(sock, count, &seen);
	assert_int_equal(r, 0);
	bri_nl_socket_close(sock);
	bri_nl_socket_close(sender);
}

/* Room for a few acknowledgements only: the others have no result, and none is made up. */
static void many_dropped(void **state)
{
	struct bri_nl_request *reqs = many_requests(), req;
	struct bri_nl_socket *sock;
	struct bri_ip loopback = { .family = AF_INET, .bytes = { 127, 0, 0, 1 } };
	struct bri_nl_route route;
	int results[MANY], one_kib = 1024, known = 0;

	(void)state;
	assert_int_equal(bri_nl_socket_open(NETLINK_ROUTE, 0, &sock), 0);
	assert_int_equal(setsockopt(bri_nl_socket_fd(sock), SOL_SOCKET, SO_RCVBUF, &one_kib,
				 sizeof(one_kib)),
		0);
	assert_int_equal(bri_nl_socket_call_many(sock, reqs, MANY, results), -ENOBUFS);
	for (int i = 0; i < MANY; i++) {
		assert_true(results[i] < 0 || results[i] == BRI_NL_ACK_NONE);
		known += results[i] < 0;
	}
	assert_true(known >= 3 && known < MANY / 2); /* one or more of each datagram */
	/* it works again */
	assert_int_equal(bri_nl_route_encode_lookup(&req, &loopback, NULL, 0), 0);
	assert_int_equal(bri_nl_socket_call(sock, &req, keep_route, &route), 0);
	bri_nl_socket_close(sock);
	/* all of them, with the room that a socket has */
	assert_int_equal(bri_nl_socket_open(NETLINK_ROUTE, 0, &sock), 0);
	assert_int_equal(bri_nl_socket_call_many(sock, reqs, MANY, results), 0);
	for (int i = 0; i < MANY; i++)
		assert_true(results[i] < 0);
	bri_nl_socket_close(sock);
	free(reqs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_messages),
		cmocka_unit_test(ends),
		cmocka_unit_test(every_truncation),
		cmocka_unit_test(handler_stops),
		cmocka_unit_test(interrupted_dump),
		cmocka_unit_test(other_end_closed),
		cmocka_unit_test(events),
		cmocka_unit_test(real_kernel),
		cmocka_unit_test(overrun),
		cmocka_unit_test(many),
		cmocka_unit_test(many_broken_off),
		cmocka_unit_test(many_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/*
 * A listener of DTLS and datagrams of peers that it does not know: what is no ClientHello makes no
 * inbound connection, and a ClientHello makes none before its sender has shown that it is there.
 */
#include "tls_connection_util.h"

#include <malloc.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static struct ends *open_server(void)
{
	struct ends *e = new_ends(true);

	open_listener(e);
	return e;
}

/* A client of the listener, up to content in both directions; both are ended, whoever goes first.
 */
static void talk_once(struct ends *e, unsigned i, bool server_first)
{
	open_client(e);
	start_server(e, i);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	receive_message(e->s, &e->sr, 'a');
	send_text(e->c, &e->r, 'b', "hello");
	await(&e->sr, "a=hello*");
	if (server_first) {
		nw_connection_cancel(e->s);
		await(&e->sr, "cancelled");
		e->s = NULL;
	}
	close_ends(e);
}

/* The last words of one that is gone are nobody's: the next connection is the next client's. */
static void goodbyes(void **state)
{
	struct ends *e = open_server();

	(void)state;
	for (unsigned i = 0; i < 6; i++)
		talk_once(e, i, i % 2 == 0);
	barrier(e->queue);
	assert_int_equal(seen(&e->lr, "new"), 6);
	free_ends(e);
}

#define BYTES(literal) literal, sizeof(literal) - 1

static void send_to(int fd, const struct ends *e, const void *bytes, size_t size)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(e->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	assert_int_equal(sendto(fd, bytes, size, 0, (struct sockaddr *)&to, sizeof(to)), size);
}

static int new_peer(void)
{
	struct timeval limit = { .tv_sec = WAIT_S };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* The first datagram of a client that nobody has answered yet. */
static size_t client_hello(uint8_t *room, size_t size)
{
	struct bri_tls_config config = {
		.datagram = true, .min_version = 0x0303, .max_version = 0x0303
	};
	struct bri_tls *tls;
	uint8_t *bytes;
	size_t n;

	assert_int_equal(bri_tls_new(&config, 0, &tls), 0);
	assert_int_equal(bri_tls_step(tls, 0), BRI_TLS_WAITS);
	assert_true(bri_tls_output_take(tls, &bytes, &n));
	assert_true(n <= size);
	memcpy(room, bytes, n);
	free(bytes);
	bri_tls_put(tls);
	return n;
}

static void no_hello(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} cases[] = {
		{ BYTES("") },
		{ BYTES("x") },
		{ BYTES("GET / HTTP/1.1\r\nHost: example.test\r\nUser-Agent: a browser\r\n\r\n") },
		/* alerts, in the clear and of a session; content of a session */
		{ BYTES("\x15\xfe\xfd\0\0\0\0\0\0\0\0\0\2\1\0") },
		{ BYTES("\x15\xfe\xfd\0\1\0\0\0\0\0\7\0\x1a"
			"01234567890123456789012345") },
		{ BYTES("\x17\xfe\xfd\0\1\0\0\0\0\0\7\0\x1a"
			"01234567890123456789012345") },
		/* a header that says handshake, and nothing behind */
		{ BYTES("\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\0") },
	};
	struct ends *e = open_server();
	uint8_t hello[2048], answer[2048];
	size_t size = client_hello(hello, sizeof(hello));
	int fd;

	(void)state;
	for (size_t i = 0; i < BRI_LEN(cases); i++) {
		fd = new_peer();
		send_to(fd, e, cases[i].bytes, cases[i].size);
		/* what is heard last is answered last: the one before was heard, too */
		send_to(fd, e, hello, size);
		assert_int_equal(recv(fd, answer, sizeof(answer), 0) > 0, 1);
		assert_int_equal(answer[13], 3); /* HelloVerifyRequest */
		close(fd);
	}
	/* all that a ClientHello has but its end */
	fd = new_peer();
	for (size_t n = 1; n < size; n++)
		send_to(fd, e, hello, n);
	send_to(fd, e, hello, size);
	assert_int_equal(recv(fd, answer, sizeof(answer), 0) > 0, 1);
	assert_int_equal(recv(fd, answer, sizeof(answer), MSG_DONTWAIT), -1);
	close(fd);
	assert_int_equal(seen(&e->lr, "new"), 0);
	talk_once(e, 0, false);
	assert_int_equal(seen(&e->lr, "new"), 1);
	free_ends(e);
}

/* RFC 6347 section 4.2.1: from whatever addresses they come, as many as they are */
static void forged_hellos(void **state)
{
	struct ends *e = open_server();
	uint8_t hello[2048], answer[2048];
	size_t size = client_hello(hello, sizeof(hello)), before = 0, held;
	ssize_t n;

	(void)state;
	for (unsigned i = 0; i < 2000; i++) {
		int fd = new_peer();

		send_to(fd, e, hello, size);
		n = recv(fd, answer, sizeof(answer), 0);
		assert_true(n > 0 && (size_t)n < size);
		close(fd);
		if (i == 500) {
			barrier(e->queue); /* what the answer was made from is freed */
			before = mallinfo2().uordblks;
		}
	}
	barrier(e->queue);
	held = mallinfo2().uordblks;
	assert_true(held < before + 64 * 1024);
	assert_int_equal(seen(&e->lr, "new"), 0);
	talk_once(e, 0, false);
	free_ends(e);
}

/* A cookie is its peer's: nobody else gets in with it. */
static void foreign_cookies(void **state)
{
	struct ends *e = open_server();
	struct bri_tls_config config = {
		.datagram = true, .min_version = 0x0303, .max_version = 0x0303
	};
	int one = new_peer(), two = new_peer();
	struct bri_tls *tls;
	uint8_t *bytes, room[2048];
	size_t size;
	ssize_t n;

	(void)state;
	assert_int_equal(bri_tls_new(&config, 0, &tls), 0);
	assert_int_equal(bri_tls_step(tls, 0), BRI_TLS_WAITS);
	assert_true(bri_tls_output_take(tls, &bytes, &size));
	send_to(one, e, bytes, size);
	free(bytes);
	n = recv(one, room, sizeof(room), 0);
	assert_true(n > 0);
	bri_tls_input(tls, room, (size_t)n);
	assert_int_equal(bri_tls_step(tls, 0), BRI_TLS_WAITS);
	assert_true(bri_tls_output_take(tls, &bytes, &size));
	send_to(two, e, bytes, size);
	n = recv(two, room, sizeof(room), 0);
	assert_true(n > 13 && room[13] == 3);
	barrier(e->queue);
	assert_int_equal(seen(&e->lr, "new"), 0);
	send_to(one, e, bytes, size);
	accepted(&e->lr, 0);
	free(bytes);
	bri_tls_put(tls);
	close(one);
	close(two);
	free_ends(e);
}

/* --- how long a datagram may be --- */

static void send_all(int fd, const struct ends *e, struct bri_tls *tls)
{
	uint8_t *bytes;
	size_t size;

	while (bri_tls_output_take(tls, &bytes, &size)) {
		send_to(fd, e, bytes, size);
		free(bytes);
	}
}

static int step(struct bri_tls *tls)
{
	int r;

	while ((r = bri_tls_step(tls, 0)) == BRI_TLS_ASKS)
		bri_tls_answer_trust(tls, 0);
	return r;
}

static void hear(int fd, struct bri_tls *tls, uint8_t room[static 2048])
{
	ssize_t n = recv(fd, room, 2048, 0);

	assert_true(n > 0);
	bri_tls_input(tls, room, (size_t)n);
}

/* A client that is only an engine, and the connection that it makes of the listener. */
static struct bri_tls *shake_hands(struct ends *e, int fd, uint16_t suite, unsigned i)
{
	struct bri_tls_config config = { .datagram = true,
		.min_version = 0x0303,
		.max_version = 0x0303,
		.suites = &suite,
		.n_suites = 1 };
	nw_connection_t inbound;
	struct bri_tls *tls;
	uint8_t room[2048];

	assert_int_equal(bri_tls_new(&config, 0, &tls), 0);
	assert_int_equal(step(tls), BRI_TLS_WAITS);
	send_all(fd, e, tls);
	hear(fd, tls, room); /* the cookie */
	assert_int_equal(step(tls), BRI_TLS_WAITS);
	send_all(fd, e, tls);
	inbound = accepted(&e->lr, i);
	start_connection(inbound, &e->sr, e->queue);
	while (!bri_tls_is_done(tls)) {
		hear(fd, tls, room);
		step(tls);
		send_all(fd, e, tls);
	}
	bri_tls_input(tls, NULL, 0);
	await(&e->sr, "ready");
	return tls;
}

/* The longest message fills the datagram that every path carries, whatever the suite adds to it. */
static void longest_datagrams(void **state)
{
	static const uint16_t suites[] = { 0xc02b, 0xcca9, 0xc0ac, 0xc009 }; /* the last: CBC */
	struct ends *e = open_server();
	char content[2048] = { 0 };

	(void)state;
	for (unsigned i = 0; i < BRI_LEN(suites); i++) {
		int fd = new_peer();
		struct bri_tls *tls = shake_hands(e, fd, suites[i], i);
		nw_connection_t inbound = accepted(&e->lr, i);
		uint32_t most = nw_connection_get_maximum_datagram_size(inbound);
		uint8_t room[2048], got[2048];
		size_t n = 0;
		ssize_t wire;

		assert_true(most > 1100 && most < 1280 - 20 - 8);
		send_bytes(inbound, &e->sr, 'a', content, most,
			NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
		wire = recv(fd, room, sizeof(room), 0);
		/* padding of a block cipher depends on the length */
		assert_true(wire <= 1280 - 20 - 8);
		assert_true(suites[i] == 0xc009 || wire == 1280 - 20 - 8);
		bri_tls_input(tls, room, (size_t)wire);
		assert_int_equal(bri_tls_read(tls, got, sizeof(got), &n), 0);
		assert_int_equal(n, most);
		nw_connection_cancel(inbound);
		await(&e->sr, "cancelled");
		bri_tls_put(tls);
		close(fd);
	}
	free_ends(e);
}

/* On loopback the limit is the record's, which GnuTLS keeps a little under 16 KiB. */
static void longest_records(void **state)
{
	struct ends *e = open_server();
	char *content = calloc(1, BRI_TLS_RECORD_MAX), event[EVENT_SIZE];
	uint32_t most;

	(void)state;
	open_client(e);
	start_server(e, 0);
	await(&e->r, "ready");
	await(&e->sr, "ready");
	most = nw_connection_get_maximum_datagram_size(e->c);
	assert_true(most <= BRI_TLS_RECORD_MAX && most >= BRI_TLS_RECORD_MAX - 100);
	snprintf(event, sizeof(event), "a=#%u*", most);
	receive_message(e->s, &e->sr, 'a');
	send_bytes(e->c, &e->r, 'b', content, most, NW_CONNECTION_DEFAULT_MESSAGE_CONTEXT, true);
	await(&e->sr, event);
	free(content);
	free_ends(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goodbyes),
		cmocka_unit_test(no_hello),
		cmocka_unit_test(forged_hellos),
		cmocka_unit_test(foreign_cookies),
		cmocka_unit_test(longest_datagrams),
		cmocka_unit_test(longest_records),
	};

	return cmocka_run_group_tests(tests, make_certificates, free_certificates);
}
